"""lead_off and impedance: what comes out, what they take from the source, and what they refuse."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from pydantic import ValidationError

from eegcore.errors import ConfigError
from eegcore.pipeline import Pipeline
from eegcore.stages.stream import Kind

AC = {"lead_off": {"mode": "ac", "hz": 31.25, "current_a": 6e-9, "inputs": "both", "labels": ["ch1", "ch2"]}}
DC = {"lead_off": {"mode": "dc", "hz": 0.0, "current_a": 6e-9, "inputs": "p", "labels": ["ch1"]}}
OFF = {"lead_off": {"mode": "off"}}


@pytest.mark.parametrize(("sps", "hz", "half"), [
    (250.0, 7.8125, 16), (250.0, 31.25, 4), (16000.0, 7.8125, 1024), (1000.0, "fdr/4", 2), (16000.0, "fdr/4", 2)])
def test_lead_off_is_a_comb_of_half_a_period(describe, stream, sps, hz, half):
    description = describe("lead_off", [stream(sps=sps)], mode="ac", hz=hz, bandwidth_hz=2, debounce_s=0.1)
    comb, debounce = description.native["ops"]
    t = math.tan(math.pi * 2 * half / (2 * sps))
    assert (comb["op"], comb["half"]) == ("comb", half)
    assert float.fromhex(comb["rate"]) == pytest.approx(1 - (1 - t) / (1 + t))
    assert debounce == {"op": "debounce", "frames": round(0.1 * sps)}
    out = description.outputs[0].stream
    assert (out.kind, out.unit, out.sps, out.step) == (Kind.VOLTAGE_F32, "uV", sps, 1)
    assert out.settling_s == pytest.approx(half / sps + math.log(1000) / (math.pi * 2), rel=0.04)
    assert 0 < out.delay_s < half / sps
    assert out.meta["filters"] == ["lead_off"]


def test_the_tone_is_what_the_source_says(describe, stream):
    source = stream(sps=1000.0, n=4, meta=AC)
    assert describe("lead_off", [source]).resolved == {"mode": "ac", "hz": 31.25}
    description = describe("impedance", [source])
    assert description.resolved == {"mode": "ac", "hz": 31.25, "window_s": 0.992, "current_na": 6.0}
    scale = [float.fromhex(value) for value in description.native["scale"]]
    assert scale[:2] == [pytest.approx(math.pi / (4 * 6 * 0.9952), rel=1e-4)] * 2
    assert all(math.isnan(value) for value in scale[2:])


def test_what_the_source_says_survives_every_stage_in_between(describe, stream):
    flowing = stream(sps=4000.0, kind=Kind.RAW_I32, meta=AC)
    for name, settings in [("to_voltage", {}), ("gain", {"factor": 1}), ("select", {"channels": [2, 1]}),
                           ("notch", {"hz": 50}), ("bandpass", {}), ("decimate", {"factor": 4}), ("lead_off", {})]:
        flowing = describe(name, [flowing], **settings).outputs[0].stream
        assert flowing.meta["lead_off"] == AC["lead_off"]
    assert flowing.meta["filters"] == ["notch", "bandpass", "decimate", "lead_off"]


def test_dc_has_no_comb(describe, stream):
    description = describe("lead_off", [stream(sps=250.0, meta=DC)])
    assert description.native["ops"] == [{"op": "debounce", "frames": 50}]
    out = description.outputs[0].stream
    assert (out.delay_s, out.settling_s, "filters" in out.meta) == (0, 0, False)
    description = describe("impedance", [stream(sps=250.0, meta=DC)], baseline_uv=600, series_ohm=2000)
    assert (description.native["cycle"], description.native["window"]) == (0, 250)
    assert float.fromhex(description.native["scale"][0]) == pytest.approx(1 / 6)
    assert float.fromhex(description.native["offset"][0]) == pytest.approx(102)


@pytest.mark.parametrize(("window_s", "frames"), [(1.0, 992), (1.01, 1024), (0.128, 128), (60.0, 60000)])
def test_a_window_is_a_whole_number_of_cycles(describe, stream, window_s, frames):
    description = describe("impedance", [stream(sps=1000.0, meta=AC, max_frames=300)], window_s=window_s)
    out = description.outputs[0].stream
    assert description.native["window"] == out.step == frames
    assert (out.unit, out.kind, out.sps) == ("kOhm", Kind.VOLTAGE_F32, 1000 / frames)
    assert (out.delay_s, out.settling_s) == (frames / 2000, frames / 1000)
    assert out.max_frames == -(-300 // frames)
    assert description.resolved["window_s"] == frames / 1000


def test_a_tone_of_four_frames_has_aliases(describe, stream):
    native = describe("impedance", [stream(sps=1000.0)], mode="ac", hz="fdr/4", current_na=24).native
    assert float.fromhex(native["alias"]) == pytest.approx(0.0139, abs=1e-4)
    assert float.fromhex(native["scale"][0]) == pytest.approx(math.pi / (4 * 24 * 0.7298), rel=1e-4)


@pytest.mark.parametrize("name", ["lead_off", "impedance"])
@pytest.mark.parametrize("meta", [{}, OFF])
def test_without_current_there_is_nothing_to_work_on(refusal, stream, name, meta):
    assert refusal(name, [stream(meta=meta)]) == (
        f"mode: no lead-off current is on: {name} has nothing to work on | dc or ac | Set lead_off: {{mode: ac}} in "
        "the acquire, or, for a recording that was made with current, mode and hz here")


def test_settings_that_contradict_the_source(refusal, stream):
    source = stream(sps=1000.0, meta=AC)
    assert refusal("lead_off", [source], mode="dc").startswith("mode: dc is set, and the source drives ac current |")
    assert refusal("impedance", [source], hz=7.8125).startswith("hz: 7.8125 is set, and the source drives 31.25 Hz |")
    assert refusal("impedance", [source], current_na=24).startswith(
        "current_na: 24 nA is set, and the source drives 6 nA |")
    assert refusal("impedance", [source], labels=["ch3"]) == (
        "labels: no channel called 'ch3' has current | Known: ch1, ch2 | ")


def test_settings_that_are_missing(refusal, stream):
    plain = stream(sps=1000.0)
    assert refusal("lead_off", [plain], mode="ac").startswith("hz: the frequency of the ac current is not known |")
    assert refusal("impedance", [plain], hz=31.25) == (
        "current_na: the amplitude of the current is not known | 6 or 24 nA | "
        "Set current_na to what the chip was set to")
    assert refusal("impedance", [plain], mode="dc", current_na=6).startswith(
        "baseline_uv: dc needs to know what the channels show without current |")


def test_a_tone_that_does_not_fit_the_rate(refusal, stream):
    assert refusal("lead_off", [stream(sps=1000.0)], hz=30) == (
        "hz: 1000 SPS is no even multiple of the tone of 30 Hz (ratio 33.3333) | 7.8125, 31.25 or fdr/4 at a rate of "
        "the chip | Set hz to what the chip was set to")
    assert refusal("lead_off", [stream(sps=1000.0)], hz=0).startswith("hz: 0 Hz is no tone |")
    slow = stream(sps=250.0, step=Fraction(16))
    assert refusal("lead_off", [slow], hz="fdr/4") == (
        "hz: a tone of 1000 Hz has 0.25 frames per period at 250 SPS | At least 4 | "
        "Take the input from before the decimate")
    assert refusal("lead_off", [stream(sps=1000.0)], hz=31.25, bandwidth_hz=40).startswith(
        "bandwidth_hz: 40 Hz is wider than the tone is high (31.25 Hz) |")
    assert refusal("lead_off", [stream(sps=1e5)], hz=1).startswith("hz: half a period of 1 Hz is 50000 frames |")


@pytest.mark.parametrize(("settings", "n_cycle"), [
    ({"sps": 1000}, 32), ({"sps": 20_000}, 512), ({"sps": 300}, 8)])
def test_another_clock_changes_the_tone_as_it_changes_the_rate(describe, settings, n_cycle):
    source = describe("acquire", lead_off={"mode": "ac", "hz": 31.25}, **settings).outputs[0].stream
    microvolts = describe("to_voltage", [source]).outputs[0].stream
    assert describe("impedance", [microvolts]).native["cycle"] == n_cycle


def test_impedance_needs_the_tone_as_the_chip_measured_it(describe, refusal, stream):
    source = stream(sps=4000.0, meta=AC)
    end = "Take its input from the to_voltage behind the source"
    notched = describe("notch", [source], hz=50).outputs[0].stream
    assert refusal("impedance", [notched]) == (
        f"inputs: impedance needs the tone as the chip measured it, and 'notch' has filtered it |  | {end}")
    clean = describe("lead_off", [source], stage_id="clean").outputs[0].stream
    assert "and 'clean' has filtered it" in refusal("impedance", [clean])
    assert "one of its frames stands for 4 of the chip" in refusal("impedance", [stream(step=Fraction(4), meta=AC)])
    assert refusal("impedance", [stream(kind=Kind.RAW_I32)]).startswith("inputs: impedance needs uV, and its input")


def test_impedance_refusals_about_numbers(refusal, stream):
    source = stream(sps=1000.0, meta=AC)
    assert refusal("impedance", [source], window_s=0.1) == (
        "window_s: 0.1 s is 3 cycles of the tone | At least 4 | Use 0.128 s or more")
    assert refusal("impedance", [stream(sps=16000.0, meta=AC)], window_s=100).startswith(
        "window_s: 100 s is 1600000 frames at 16000 SPS | At most 1048576 frames |")
    assert refusal("impedance", [source], calibration=[1.0]).startswith("calibration: 1 values for 8 channels |")
    assert refusal("impedance", [source], calibration=0) == "calibration: 0 is out of range | 0.1 to 10 | "
    assert refusal("impedance", [source], series_ohm=-1).startswith("series_ohm: -1 is out of range |")
    far = stream(sps=1000.0, meta={"lead_off": {**AC["lead_off"], "labels": ["Cz"]}})
    assert refusal("impedance", [far]).startswith("inputs: none of its channels has current |")


@pytest.mark.parametrize("name", ["notch", "gain", "fft", "impedance", "lead_off", "decimate"])
def test_kohm_are_no_uv(describe, refusal, stream, name):
    kohm = describe("impedance", [stream(sps=1000.0, meta=AC)]).outputs[0].stream
    assert refusal(name, [kohm]).startswith(f"inputs: {name} needs uV, and its input carries kOhm |")


def test_sinks_take_kohm_and_do_not_call_them_uv(describe, refusal, stream):
    kohm = describe("impedance", [stream(sps=1000.0, meta=AC)]).outputs[0].stream
    assert describe("websocket_sink", [kohm]).native["node"] == "websocket_sink"
    assert describe("csv_sink", [kohm], path="z.csv").native["columns"] == "kohm"
    assert refusal("csv_sink", [kohm], path="z.csv", columns="uv") == (
        "columns: uv is asked for, and the input carries kohm only (VOLTAGE_F32) |  | "
        "Remove columns, or take its input from before the impedance")
    assert refusal("csv_sink", [stream()], path="z.csv", columns="kohm") == (
        "columns: kohm is asked for, and the input carries uv only (VOLTAGE_F32) |  | "
        "Take its input from an impedance stage")
    assert refusal("csv_sink", [stream(kind=Kind.RAW_AND_VOLTAGE)], path="z.csv", columns="kohm").startswith(
        "columns: kohm is asked for, and the input carries both only")


@pytest.mark.parametrize(("name", "settings"), [
    ("lead_off", {"mode": "off"}), ("lead_off", {"hz": "fdr/2"}), ("lead_off", {"bandwidth_hz": 0}),
    ("lead_off", {"debounce_s": -1}), ("impedance", {"current_na": 0}), ("impedance", {"window_s": 0}),
    ("impedance", {"labels": []}), ("impedance", {"limit_kohm": 0}), ("impedance", {"series_ohm": "2k"})])
def test_settings_are_typed_and_bounded(describe, stream, name, settings):
    with pytest.raises(ValidationError):
        describe(name, [stream(meta=AC)], **settings)


def kohm_on_srb2(lead_off, virtual_seconds=3, **impedance):
    acquire = {"sps": 1000, "reference": "srb2", "signal": "sine", "sine_uv": 0, "noise": False, "lead_off": lead_off,
               "electrode_kohm": [5, 8, 12, 20, 35, 60, 6, 150], "reference_kohm": 10}
    stages = [{"acquire": acquire}, {"to_voltage": {}}, {"impedance": impedance}, {"null_sink": {}}]
    run = Pipeline(stages, clock="virtual").run(seconds=virtual_seconds)
    heard = run.tap("impedance", timeout_s=60)         # before the start: the run may be over in a moment
    with run:
        return [packet.data[0].copy() for packet in heard][-1]


@pytest.mark.parametrize(
    ("lead_off", "impedance"),
    [({"mode": "ac", "inputs": "n"}, {}), ({"mode": "dc", "inputs": "n"}, {"baseline_uv": 0})],
    ids=["ac", "dc"],
)
def test_with_the_reference_on_srb2_electrodes_carry_the_current_of_the_negative_inputs(lead_off, impedance):
    np.testing.assert_allclose(kohm_on_srb2(lead_off, **impedance), [5, 8, 12, 20, 35, 60, 6, 150], atol=0.5)


def test_current_of_all_channels_through_the_reference_alone_is_refused():
    with pytest.raises(ConfigError, match=r"inputs p is the reference with reference: srb2.*Write inputs: n"):
        kohm_on_srb2({"mode": "ac"})
    on_both = kohm_on_srb2({"mode": "ac", "inputs": "both"})
    np.testing.assert_allclose(on_both - [5, 8, 12, 20, 35, 60, 6, 150], 80, atol=0.5)  # eight currents, 10 kOhm

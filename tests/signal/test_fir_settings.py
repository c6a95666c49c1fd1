"""`fir` and `envelope`: what they are designed as, what they say of themselves, what they refuse."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from scipy import signal

import eegcore as ec
from eegcore.stages import catalogue, design
from eegcore.stages.base import Context, SettingProblem
from eegcore.stages.design import Designer, DesignError, taps_from_hex, taps_to_hex
from eegcore.stages.stream import Kind, Stream


@pytest.fixture(scope="module")
def designer(tmp_path_factory):
    """A designer with a cache of its own."""
    with Designer(tmp_path_factory.mktemp("designs")) as designer:
        yield designer


def stream(sps=1000.0, n=8, **more):
    return Stream(Kind.VOLTAGE_F32, tuple(f"ch{c}" for c in range(n)), sps, 16, sources=("source",), **more)


@pytest.fixture
def describe(designer):
    """Describe a stage: ``describe("fir", stream, low_hz=1)``."""
    def make(name, given=None, clock="real", **settings):
        stage = catalogue()[name]
        return stage.describe(stage.Settings(**settings), [given or stream()], Context(name, clock, designer))
    return make


def taps_of(description):
    (op,) = description.native["ops"]
    return np.array(taps_from_hex(op["taps"]))


WINDOWS = [("hamming", {}, "hamming", 3.3), ("hann", {}, "hann", 3.1), ("blackman", {}, "blackman", 5.5),
           ("rectangular", {}, "boxcar", 0.9),
           *(("kaiser", {} if a == 60 else {"attenuation_db": a}, ("kaiser", signal.kaiser_beta(a)), None)
             for a in (21, 40, 60, 90))]
TYPES = [({"high_hz": 30}, "lowpass", 30), ({"low_hz": 1}, "highpass", 1),
         ({"low_hz": 13, "high_hz": 30}, "bandpass", [13, 30]),
         ({"low_hz": 48, "high_hz": 52, "stop": True}, "bandstop", [48, 52])]


@pytest.mark.parametrize(("window", "more", "scipys", "_factor"), WINDOWS)
@pytest.mark.parametrize(("edges", "pass_zero", "cutoff"), TYPES)
def test_the_taps_are_those_of_firwin_but_for_the_rounding_of_its_window(describe, window, more, scipys, _factor, edges,
                                                                        pass_zero, cutoff):
    made = taps_of(describe("fir", window=window, n_taps=231, **more, **edges))
    want = signal.firwin(231, cutoff, pass_zero=pass_zero, window=scipys, fs=1000)
    assert np.abs(made - want).max() <= 2.0**-52 * np.abs(want).max()
    assert np.array_equal(made, made[::-1])


@pytest.mark.parametrize(("window", "more", "scipys", "factor"), WINDOWS)
@pytest.mark.parametrize("sps", [250.0, 1000.0])
def test_the_number_of_taps_follows_from_the_width_of_the_transition(describe, window, more, scipys, factor, sps):
    n = len(taps_of(describe("fir", stream(sps), high_hz=30, transition_hz=4, window=window, **more)))
    want = factor * sps / 4 if factor else signal.kaiserord(more.get("attenuation_db", 60), 4 / (sps / 2))[0] - 1
    assert n % 2 == 1
    assert 0 <= n - want <= 2


@pytest.mark.parametrize(("edges", "width"), [
    ({"low_hz": 0.5}, 0.5), ({"low_hz": 4}, 2.0), ({"low_hz": 40}, 10.0), ({"high_hz": 40}, 10.0),
    ({"high_hz": 495}, 5.0), ({"low_hz": 1, "high_hz": 40}, 1.0), ({"low_hz": 13, "high_hz": 30}, 3.25)])
def test_the_width_that_is_not_given_is_a_quarter_of_the_edge(describe, edges, width):
    made = describe("fir", window="rectangular", **edges)
    assert made.resolved == {"n_taps": len(taps_of(made)), "transition_hz": width}


@pytest.mark.parametrize(("edges", "_pass_zero", "_cutoff"), TYPES)
def test_what_passes_passes_and_what_is_beyond_the_transition_does_not(describe, edges, _pass_zero, _cutoff):
    made = describe("fir", transition_hz=1, **edges)
    at, response = signal.freqz(taps_of(made), worN=8192, fs=1000)
    low, high = edges.get("low_hz", 0), edges.get("high_hz", 500)
    inside = (at >= low + 0.5 * ("low_hz" in edges)) & (at <= high - 0.5 * ("high_hz" in edges))
    outside = (at <= low - 0.5) | (at >= high + 0.5)
    passing, stopping = (outside, inside) if edges.get("stop") else (inside, outside)
    assert np.abs(np.abs(response[passing]) - 1).max() < 0.004
    assert np.abs(response[stopping]).max() < 0.004                     # -48 dB


def test_delay_and_settling_are_those_of_the_taps(describe):
    given = stream(delay_s=0.5, settling_s=2.0)
    out = describe("fir", given, low_hz=13, high_hz=30, n_taps=231).outputs[0].stream
    assert out.delay_s == pytest.approx(0.5 + 0.115)
    assert out.settling_s == pytest.approx(2.0 + 0.230)
    assert out.meta["filters"] == ["fir"]
    assert (out.labels, out.sps, out.unit, out.max_frames) == (given.labels, given.sps, "uV", given.max_frames)


@pytest.mark.parametrize("taps", [[1.0, 0.5, 0.25], [0, 0, 3.0], [1.0], [0.2, -0.9, 1.7, 0.1]])
def test_the_delay_of_any_taps_is_the_mean_of_the_group_delay_over_the_power_that_passes(describe, taps):
    # Not above: the order of the catalogue is that of its imports.
    from eegcore.stages.fir import delay_frames

    at = 2 * np.pi * np.arange(4096) / 4096
    power = np.abs(signal.freqz(taps, worN=at)[1]) ** 2
    delay = signal.group_delay((taps, [1.0]), w=at)[1]
    assert delay_frames(taps) == pytest.approx((delay * power).sum() / power.sum(), abs=1e-9)
    out = describe("fir", taps=taps).outputs[0].stream
    assert out.delay_s == pytest.approx(delay_frames(taps) / 1000)
    assert out.settling_s == pytest.approx((len(taps) - 1) / 1000)


def refusal(describe, name, given=None, **settings):
    with pytest.raises(SettingProblem) as caught:
        describe(name, given, **settings)
    problem = caught.value
    return " | ".join([f"{problem.key}: {problem.message}", problem.allowed, problem.hint])


IIR = "Decimate first, {} or use a bandpass, highpass or lowpass"


@pytest.mark.parametrize(("settings", "text"), [
    ({}, "low_hz: neither taps nor low_hz nor high_hz is given |  | "
         "Give low_hz for a high-pass, high_hz for a low-pass, both for a band-pass"),
    ({"taps": [0.0, 0.0]}, "taps: every tap is 0, nothing would pass |  | "),
    ({"taps": [1.0], "low_hz": 3.0, "n_taps": 5}, "low_hz: taps are given, and low_hz, n_taps as well |  | "
     "Give the taps, or what they shall be designed for"),
    ({"low_hz": 600.0}, "low_hz: 600 Hz is above half the data rate (500 Hz at 1000 SPS) |  | "
     "Lower low_hz or raise the data rate of the source"),
    ({"low_hz": 30.0, "high_hz": 30.0},
     "low_hz: 30 Hz is not below high_hz (30 Hz) |  | Lower low_hz or raise high_hz"),
    ({"taps": [1.0], "window": "hann"}, "window: taps are given, and window as well |  | "
     "Give the taps, or what they shall be designed for"),
    ({"low_hz": 30.0, "stop": True}, "stop: a band-stop has two edges, and one is given |  | Give low_hz and high_hz"),
    ({"high_hz": 30.0, "attenuation_db": 80.0}, "attenuation_db: the window is hamming, whose attenuation is what it "
     "is |  | Set window: kaiser, or remove attenuation_db"),
    ({"high_hz": 30.0, "n_taps": 31, "transition_hz": 2.0}, "n_taps: n_taps and transition_hz are both given |  | "
     "Give one of the two"),
    ({"low_hz": 30.0, "n_taps": 30}, "n_taps: 30 is even, and an even number of mirrored taps is deaf at half the data "
     "rate | An odd number where half the data rate passes | Give 31"),
    ({"low_hz": 0.1}, "transition_hz: a transition of 0.1 Hz at 1000 SPS takes 33001 taps | At most 4096 taps | "
     + IIR.format("widen transition_hz,"))])
def test_what_cannot_work_is_refused_in_words(describe, settings, text):
    assert refusal(describe, "fir", **settings) == text


def test_an_even_number_of_taps_is_a_low_pass_or_a_band_pass(describe):
    assert len(taps_of(describe("fir", high_hz=30, n_taps=30))) == 30
    assert len(taps_of(describe("fir", low_hz=10, high_hz=30, n_taps=30))) == 30


def test_more_than_a_thread_can_do_is_warned_of_and_then_refused_in_real_time_only(describe):
    assert describe("fir", stream(1000.0, 32), high_hz=30, n_taps=1001).warnings == ()
    (warning,) = describe("fir", stream(16_000.0, 32), high_hz=30, n_taps=4001).warnings
    assert warning == ("4001 taps on 32 channels at 16000 SPS are 2e+09 products a second. Decimate first, take fewer "
                       "taps, or use a bandpass, highpass or lowpass.")
    assert refusal(describe, "fir", stream(32_000.0, 250), high_hz=30, n_taps=4001) == (
        "n_taps: 4001 taps on 250 channels at 32000 SPS are 3.3e+10 products a second | At most 2e+10 in real time | "
        "Decimate first, take fewer taps, or use a bandpass, highpass or lowpass")
    assert describe("fir", stream(32_000.0, 250), "virtual", high_hz=30, n_taps=4001).warnings == ()


def test_the_transformer_turns_a_quarter_of_a_wave_within_a_hundredth(describe):
    for sps, low in ((250.0, 4.0), (250.0, 8.0), (1000.0, 4.0), (500.0, 40.0)):
        made = describe("envelope", stream(sps), low_hz=low)
        n_taps = made.resolved["n_taps"]
        assert n_taps % 4 == 3
        h = np.zeros(n_taps)
        h[::2] = taps_of(made)
        assert np.array_equal(h, -h[::-1])
        at = np.linspace(low, sps / 2 - low, 2000)
        _, response = signal.freqz(h, worN=at, fs=sps)
        turned = response * np.exp(2j * np.pi * at / sps * (n_taps - 1) / 2)
        assert np.abs(turned - -1j).max() < 0.007
        out = made.outputs[0].stream
        assert out.delay_s == pytest.approx((n_taps - 1) / 2 / sps)
        assert out.settling_s == pytest.approx((n_taps - 1) / sps)
        assert (out.meta["envelope"], out.unit) == ("analytic", "uV")


def test_a_rectified_envelope_is_a_butterworth_low_pass_behind_the_sizes(describe):
    made = describe("envelope", kind="rectify")
    rectify, sos = made.native["ops"]
    assert rectify == {"op": "rectify"}
    want = signal.butter(2, 4, fs=1000, output="sos")
    assert np.array_equal([[float.fromhex(v) for v in row] for row in sos["sos"]], want)
    assert made.resolved == {"cutoff_hz": 4.0, "order": 2}
    assert made.outputs[0].stream.meta["envelope"] == "rectify"
    assert made.outputs[0].stream.settling_s > 0.2


@pytest.mark.parametrize(("settings", "text"), [
    ({"cutoff_hz": 3.0}, "cutoff_hz: cutoff_hz belongs to kind: rectify, and the kind is analytic |  | "
     "Remove cutoff_hz, or set kind: rectify"),
    ({"kind": "rectify", "n_taps": 7}, "n_taps: n_taps belongs to kind: analytic, and the kind is rectify |  | "
     "Remove n_taps, or set kind: analytic"),
    ({"n_taps": 9}, "n_taps: the outermost of 9 taps would be 0, or there would be none in the middle | "
     "7, 11, 15 and so on: three more than a multiple of 4 | Give 11"),
    ({"n_taps": 11, "low_hz": 3.0}, "n_taps: n_taps and low_hz are both given |  | Give one of the two"),
    ({"low_hz": 250.0}, "low_hz: 250 Hz is not below a quarter of the data rate (250 Hz) |  | "
     "Lower low_hz or raise the data rate of the source"),
    ({"low_hz": 0.1}, "low_hz: from 0.1 Hz at 1000 SPS a Hilbert transformer takes 16503 taps | At most 4095 taps | "
     "Decimate first, raise low_hz, or set kind: rectify"),
    ({"kind": "rectify", "cutoff_hz": 500.0}, "cutoff_hz: 500 Hz is at half the data rate (500 Hz at 1000 SPS) |  | "
     "Lower cutoff_hz or raise the data rate of the source")])
def test_an_envelope_that_cannot_be_is_refused_in_words(describe, settings, text):
    assert refusal(describe, "envelope", **settings) == text


FIRWIN = {"design": "firwin", "n_taps": 31, "edges_hz": [30.0], "pass_zero": "lowpass", "window": ["kaiser", 5.0],
          "sps": 250.0}


def test_taps_come_from_the_child_and_the_cache_as_they_do_directly(tmp_path, monkeypatch):
    with Designer(tmp_path / "direct") as designer:
        direct = designer.taps(**FIRWIN)
        hilbert = designer.taps(design="hilbert", n_taps=7, window="hamming")
    monkeypatch.setattr(design, "sys", type("sys", (), {"modules": {}, "executable": sys.executable}))
    with Designer(tmp_path / "child") as designer:
        assert designer.taps(**FIRWIN) == direct
        assert designer.taps(design="hilbert", n_taps=7, window="hamming") == hilbert
        assert len(designer.sos(design="notch", hz=60, q=30, sps=4000.0)) == 1
        with pytest.raises(DesignError, match="no filter design is called 'notch'"):
            designer.taps(design="notch", n_taps=3, window="hann")
    with Designer(tmp_path / "child") as designer:
        assert designer.taps(**FIRWIN) == direct
        assert designer._child is None


@pytest.mark.parametrize("row", [[], ["nan"], ["0x1p0", "-inf"]])
def test_rows_that_are_no_taps_are_refused(row):
    with pytest.raises(ValueError, match="tap"):
        taps_from_hex(row)


def test_taps_come_back_exactly():
    taps = [0.1, 1 / 3, -1e-300, 5e-324, np.pi]
    assert taps_from_hex(taps_to_hex(taps)) == taps


def test_the_plan_shows_the_warning_with_the_place_of_the_stage():
    document = [{"acquire": {"board": "emulator", "sps": 16000, "channels": 32}}, {"to_voltage": {}},
                {"fir": {"high_hz": 30, "n_taps": 4001}}, {"null_sink": {}}]
    assert [text.split(" are ")[0] for text in ec.Pipeline(document, clock="real").plan.warnings] == [
        "stages[2].fir: 4001 taps on 32 channels at 16000 SPS"]
    assert ec.Pipeline(document, clock="virtual").plan.warnings == []

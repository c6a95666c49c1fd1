"""Stages that change unit, channels, rate or shape: what comes out, and what is refused."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import signal

from eegcore.stages.design import sos_from_hex
from eegcore.stages.stream import Kind


def test_to_voltage_multiplies_by_the_lsb_of_every_channel(describe, stream):
    source = stream(kind=Kind.RAW_I32)
    description = describe("to_voltage", [source])
    out = description.outputs[0].stream
    assert (out.kind, out.unit, out.scale_uv) == (Kind.VOLTAGE_F32, "uV", source.scale_uv)
    (op,) = description.native["ops"]
    assert tuple(float.fromhex(factor) for factor in op["factor"]) == source.scale_uv
    assert description.native["raw"] is False


def test_keep_raw_carries_both_planes(describe, stream):
    description = describe("to_voltage", [stream(kind=Kind.RAW_I32)], keep_raw=True)
    out = description.outputs[0].stream
    assert out.kind is Kind.RAW_AND_VOLTAGE
    assert out.packet_bytes == 2 * 4 * 8 * 16
    assert description.native["raw"] is True


def test_to_voltage_refuses_what_is_no_count_or_has_no_scale(refusal, stream):
    assert refusal("to_voltage", [stream()]) == (
        "inputs: to_voltage needs counts, and its input carries uV already (VOLTAGE_F32) |  | Remove this stage")
    assert refusal("to_voltage", [stream(kind=Kind.RAW_I32, scale_uv=())]).startswith(
        "inputs: the source does not know what a count is worth |")


def test_gain_takes_one_factor_or_one_per_channel(describe, refusal, stream):
    factors = describe("gain", [stream(n=2)], factor=[1.5, -2]).native["ops"][0]["factor"]
    assert factors == [(1.5).hex(), (-2.0).hex()]
    assert len(describe("gain", [stream()], factor=3).native["ops"][0]["factor"]) == 8
    assert refusal("gain", [stream()], factor=[1.0]).startswith("factor: 1 factors for 8 channels | One number")
    assert refusal("gain", [stream()], factor=-2e9) == "factor: -2e+09 is too large | -1e9 to 1e9 | "


@pytest.mark.parametrize("settings", [{"labels": ["ch3", "ch1"]}, {"channels": [3, 1]}])
def test_select_keeps_the_order_given(describe, stream, settings):
    source = stream(kind=Kind.RAW_AND_VOLTAGE)
    description = describe("select", [source], **settings)
    out = description.outputs[0].stream
    assert description.native == {"node": "select", "picks": [2, 0]}
    assert (out.kind, out.labels) == (source.kind, ("ch3", "ch1"))
    assert out.scale_uv == (source.scale_uv[2], source.scale_uv[0])


def test_select_refusals(refusal, stream):
    spectrum = stream(kind=Kind.SPECTRUM_F32)
    assert refusal("select", [spectrum], channels=[1]).startswith("inputs: select works on samples, and its input is")
    assert refusal("select", [stream()]) == "labels: nothing is selected |  | Give either labels or channels"
    assert refusal("select", [stream()], labels=["ch1"], channels=[1]).startswith("labels: labels and channels are")
    assert refusal("select", [stream(n=2)], labels=["Cz"]) == (
        "labels: no channel is called 'Cz' | Known: ch1, ch2 | ")
    assert refusal("select", [stream(n=2)], channels=[0]) == "channels: there is no channel 0 | 1 to 2 | "
    assert refusal("select", [stream()], channels=[2, 2]).startswith("channels: 'ch2' is selected twice |")
    assert refusal("select", [stream()], labels=["ch2", "ch2"]).startswith("labels: 'ch2' is selected twice |")


@pytest.mark.parametrize(("settings", "factor"), [({"to_sps": 250}, 16), ({"factor": 16}, 16), ({"factor": 5}, 5),
                                                  ({"to_sps": 2000}, 2), ({"to_sps": 4000 / 13}, 13)])
def test_decimate_lowers_rate_and_frames(describe, stream, settings, factor):
    source = stream(max_frames=16, step=Fraction(3))
    description = describe("decimate", [source], **settings)
    out = description.outputs[0].stream
    assert (out.sps, out.step) == (4000 / factor, 3 * factor)
    assert out.max_frames == -(-16 // factor)
    assert description.native["ops"][-1] == {"op": "decimate", "factor": factor, "step": [3 * factor, 1]}
    assert description.resolved == {"factor": factor, "to_sps": 4000 / factor}
    assert 0 < out.delay_s < out.settling_s


@pytest.mark.parametrize("factor", [2, 13, 16])
def test_decimate_filters_as_scipy_decimate_does(describe, stream, factor):
    sos = np.array(sos_from_hex(describe("decimate", [stream()], factor=factor).native["ops"][0]["sos"]))
    x = np.random.default_rng(1).standard_normal(4000)
    mine = signal.sosfilt(sos, x)[::factor]
    scipys = signal.decimate(x, factor, ftype="iir", zero_phase=False)
    assert np.allclose(mine, scipys, rtol=0, atol=1e-9 * np.abs(scipys).max())


@pytest.mark.parametrize("factor", [2, 64, 256])
def test_one_filter_is_accurate_for_large_factors_too(describe, stream, factor):
    """Pass band within the ripple, stop band down: sections need no splitting above a factor of 13."""
    sos = np.array(sos_from_hex(describe("decimate", [stream()], factor=factor).native["ops"][0]["sos"]))
    nyquist = 4000 / factor / 2
    _, response = signal.freqz_sos(sos, worN=np.linspace(0.001, 0.8, 200) * nyquist, fs=4000)
    assert np.abs(20 * np.log10(np.abs(response)) + 0.025).max() < 0.026
    if factor > 2:
        _, response = signal.freqz_sos(sos, worN=np.linspace(1.2, 3, 200) * nyquist, fs=4000)
        assert 20 * np.log10(np.abs(response).max()) < -40


def test_decimate_refusals(refusal, stream):
    assert refusal("decimate", [stream()]) == "factor: neither to_sps nor factor is given |  | Give one of the two"
    assert refusal("decimate", [stream()], to_sps=250, factor=16).startswith("factor: factor and to_sps are both given")
    assert refusal("decimate", [stream()], to_sps=300) == (
        "to_sps: 4000 SPS is no multiple of 300 SPS (ratio 13.33) | A whole ratio from 2 | "
        "Nearby: 307.6923077 or 285.7142857")
    assert refusal("decimate", [stream()], to_sps=4000).startswith("to_sps: 4000 SPS is not below the input rate (4000")
    assert refusal("decimate", [stream(sps=250.0)], to_sps=300.0) == (
        "to_sps: 250 SPS is no multiple of 300 SPS (ratio 0.8333) | A whole ratio from 2 | ")
    assert refusal("decimate", [stream()], to_sps=1) == (
        "to_sps: 4000 SPS to 1 SPS is a factor of 4000 | At most 256 | Use two decimate stages")


@pytest.mark.parametrize("overlap", [0, 0.5, 0.75, 0.999])
def test_fft_has_the_bins_and_the_rate_of_welch(describe, stream, overlap):
    description = describe("fft", [stream(sps=250.0, max_frames=16)], window_s=2, overlap=overlap)
    out, native = description.outputs[0].stream, description.native
    frequencies, _ = signal.welch(np.zeros(500), 250, nperseg=500)
    assert np.allclose(out.axis_hz, frequencies, rtol=1e-15)
    assert (out.kind, out.unit, out.n_bins) == (Kind.SPECTRUM_F32, "uV^2/Hz", 251)
    assert native["n"] == 500
    assert native["hop"] == out.step == max(1, round(500 * (1 - overlap)))
    assert out.sps == 250 / native["hop"]
    assert out.max_frames * native["hop"] >= 16 > (out.max_frames - 1) * native["hop"]
    assert (out.delay_s, out.settling_s) == (1, 2)


def test_fft_bins_may_be_trimmed(describe, stream):
    description = describe("fft", [stream()], window_s=2, max_hz=100)
    assert description.outputs[0].stream.axis_hz[-1] == 100
    assert description.native["n_bins"] == 201


def test_fft_refusals(refusal, stream):
    assert refusal("fft", [stream(sps=250.0)], window_s=0.02) == (
        "window_s: 0.02 s is 5 frames at 250 SPS | At least 8 frames | Use 0.032 s or more")
    assert refusal("fft", [stream(sps=16000.0)], window_s=20).startswith(
        "window_s: 20 s is 320000 frames at 16000 SPS | At most 262144 frames | Shorten the window")
    assert refusal("fft", [stream(sps=16000.0, n=256)], window_s=4) == (
        "window_s: a packet of 1 spectra, 32001 bins and 256 channels takes 31 MiB | At most 16 MiB | "
        "Set max_hz, shorten window_s, or lower overlap")


@pytest.mark.parametrize(("name", "settings"), [
    ("fft", {"overlap": 1}), ("fft", {"window": "bartlett"}), ("fft", {"average": 0}), ("fft", {"window_s": 0}),
    ("decimate", {"factor": 1}),
    ("decimate", {"factor": 2.5}), ("bandpass", {"order": 0}), ("notch", {"hz": "60"}), ("notch", {"quality": 30}),
    ("select", {"labels": []}), ("to_voltage", {"keep_raw": 1}), ("websocket_sink", {"topic": "a b"}),
    ("null_sink", {"stall_ms": -1}), ("csv_sink", {}), ("csv_sink", {"path": "x", "decimals": 12})])
def test_settings_are_typed_and_bounded(describe, stream, name, settings):
    with pytest.raises(ValidationError):
        describe(name, [stream()], **settings)

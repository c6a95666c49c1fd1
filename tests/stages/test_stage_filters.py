"""Filters: the coefficients are scipy's, and what cannot be filtered is refused in words."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from eegcore.stages.design import sos_from_hex
from eegcore.stages.stream import Kind


def sections(description):
    ops = [op for op in description.native["ops"] if op["op"] == "sos"]
    return np.array([row for op in ops for row in sos_from_hex(op["sos"])])


CASES = [
    ("notch", {"hz": 60}, lambda sps: signal.tf2sos(*signal.iirnotch(60, 30, sps))),
    ("notch", {"hz": 50, "q": 10}, lambda sps: signal.tf2sos(*signal.iirnotch(50, 10, sps))),
    ("bandpass", {}, lambda sps: signal.butter(4, [0.5, 45], "bandpass", fs=sps, output="sos")),
    ("bandpass", {"low_hz": 1, "high_hz": 40, "order": 3},
     lambda sps: signal.butter(3, [1, 40], "bandpass", fs=sps, output="sos")),
    ("highpass", {"hz": 0.1}, lambda sps: signal.butter(4, 0.1, "highpass", fs=sps, output="sos")),
    ("highpass", {"hz": 1, "order": 1}, lambda sps: signal.butter(1, 1, "highpass", fs=sps, output="sos")),
    ("lowpass", {"hz": 40, "order": 2}, lambda sps: signal.butter(2, 40, "lowpass", fs=sps, output="sos")),
]


@pytest.mark.parametrize("sps", [250, 4000, 16000])
@pytest.mark.parametrize(("name", "settings", "scipys"), CASES)
def test_sections_are_those_of_scipy_bit_for_bit(describe, stream, name, settings, scipys, sps):
    description = describe(name, [stream(sps=float(sps))], **settings)
    assert np.array_equal(sections(description), scipys(sps))


def test_workload_w_has_five_sections(describe, stream):
    assert len(sections(describe("notch", [stream()], hz=60))) == 1
    assert len(sections(describe("bandpass", [stream()]))) == 4


@pytest.mark.parametrize(("name", "settings", "_scipys"), CASES)
def test_a_filter_keeps_rate_and_shape_and_drops_counts(describe, stream, name, settings, _scipys):
    source = stream(kind=Kind.RAW_AND_VOLTAGE, delay_s=0.5, settling_s=2.0)
    out = describe(name, [source], **settings).outputs[0].stream
    assert out.kind is Kind.VOLTAGE_F32
    assert out.scale_uv == ()
    assert (out.sps, out.labels, out.max_frames, out.step) == (source.sps, source.labels, source.max_frames, 1)
    assert out.settling_s > 2.0
    assert out.delay_s != 0.5


@pytest.mark.parametrize("name", ["gain", "notch", "bandpass", "highpass", "lowpass", "decimate", "fft"])
def test_counts_and_spectra_are_refused(refusal, stream, name):
    settings = {"factor": 2} if name == "decimate" else {}
    assert refusal(name, [stream(kind=Kind.RAW_I32)], **settings) == (
        f"inputs: {name} needs uV, and its input carries counts (RAW_I32) |  | Put a to_voltage in between")
    assert refusal(name, [stream(kind=Kind.SPECTRUM_F32)], **settings) == (
        f"inputs: {name} needs uV over time, and its input is a spectrum (SPECTRUM_F32) |  | "
        "Take its input from before the fft")


@pytest.mark.parametrize(("name", "settings", "key"), [
    ("notch", {"hz": 140}, "hz"), ("highpass", {"hz": 140}, "hz"), ("lowpass", {"hz": 140}, "hz"),
    ("bandpass", {"low_hz": 1, "high_hz": 140}, "high_hz")])
def test_an_edge_above_half_the_rate_is_refused(refusal, stream, name, settings, key):
    assert refusal(name, [stream(sps=250.0)], **settings) == (
        f"{key}: 140 Hz is above half the data rate (125 Hz at 250 SPS) |  | "
        f"Lower {key} or raise the data rate of the source")


def test_an_edge_at_half_the_rate_is_refused_too(refusal, stream):
    assert refusal("notch", [stream(sps=100.0)], hz=50).startswith("hz: 50 Hz is at half the data rate (50 Hz at")


def test_bandpass_edges_must_be_in_order(refusal, stream):
    assert refusal("bandpass", [stream()], low_hz=45, high_hz=45) == (
        "low_hz: 45 Hz is not below high_hz (45 Hz) |  | Lower low_hz or raise high_hz")


def test_a_filter_that_double_precision_cannot_hold_is_refused(refusal, stream):
    text = refusal("highpass", [stream(sps=100_000.0)], hz=1e-13, order=1)
    assert text.startswith("hz: the filter is not stable at 100000 SPS |")

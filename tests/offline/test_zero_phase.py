"""`process(..., zero_phase=True)` is `scipy.signal.sosfiltfilt`, and refuses what has no way back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import signal

import eegcore as ec
from eegcore.errors import BadArgument

ULPS = 8                                                # of the largest value: two passes, each rounded to float32


def sections(kind, settings, sps):
    order = settings.get("order", 4)
    if kind == "notch":
        return signal.tf2sos(*signal.iirnotch(settings["hz"], settings.get("q", 30), fs=sps))
    if kind == "bandpass":
        return signal.butter(order, [settings["low_hz"], settings["high_hz"]], kind, fs=sps, output="sos")
    return signal.butter(order, settings["hz"], kind, fs=sps, output="sos")


def share(low, high):
    return st.floats(low, high, allow_nan=False)


@st.composite
def filters(draw, sps):
    kind = draw(st.sampled_from(["notch", "bandpass", "highpass", "lowpass"]))
    if kind == "notch":
        return kind, {"hz": sps * draw(share(0.05, 0.45)), "q": draw(share(5, 50))}
    if kind == "bandpass":
        low = draw(share(0.01, 0.2))
        return kind, {"low_hz": sps * low, "high_hz": sps * (low + draw(share(0.05, 0.2))),
                      "order": draw(st.integers(1, 4))}
    return kind, {"hz": sps * draw(share(0.02, 0.4)), "order": draw(st.integers(1, 6))}


@given(st.data(), st.sampled_from([250.0, 512.0, 4000.0]), st.integers(1, 40), st.integers(120, 900),
       st.sampled_from([0.0, 500.0, -187_500.0]), st.integers(0, 2**32 - 1))
def test_it_is_sosfiltfilt_over_all_sections(data, sps, n_channels, n_frames, offset_uv, seed):
    chain = data.draw(st.lists(filters(sps), min_size=1, max_size=3))
    x = (np.random.default_rng(seed).normal(0, 40, (n_frames, n_channels)) + offset_uv).astype(np.float32)
    stages = [{kind: {"id": f"f{n}", **settings}} for n, (kind, settings) in enumerate(chain)]
    y = ec.process(x, sps=sps, stages=stages, zero_phase=True)
    sos = np.vstack([sections(kind, settings, sps) for kind, settings in chain])
    expected = signal.sosfiltfilt(sos, x.astype(np.float64), axis=0)
    peak = max(np.abs(expected).max(), np.abs(x - x.mean(0)).max())
    assert y.shape == x.shape
    assert np.abs(y - expected).max() <= ULPS * np.spacing(np.float32(peak))


def test_what_has_no_memory_is_passed_once():
    counts = np.random.default_rng(3).integers(-2**23, 2**23, (800, 4)).astype(np.int32)
    stages = [{"to_voltage": {}}, {"highpass": {"hz": 2}}, {"gain": {"factor": 3}}, {"select": {"channels": [3, 1]}},
              {"lowpass": {"hz": 30}}]
    found = ec.process(counts, sps=250, scale_uv=0.02, stages=stages, zero_phase=True, full=True)
    sos = np.vstack([sections("highpass", {"hz": 2}, 250), sections("lowpass", {"hz": 30}, 250)])
    expected = signal.sosfiltfilt(sos, counts[:, [2, 0]] * 0.06, axis=0)
    assert np.abs(found.data - expected).max() < 1e-5 * np.abs(expected).max()
    assert found.labels == ("ch3", "ch1")
    assert (found.delay_s, found.settling_s, found.output) == (0, 0, "lowpass.out")
    assert not (found.flags & 8).any()
    assert np.array_equal(found.frame_index, np.arange(800))


@pytest.mark.parametrize("taps", [[0.2, 0.3, 0.5], [0.5, 0.0, -0.25, 0.1]])
def test_a_fir_is_filtfilt(taps):
    x = np.random.default_rng(4).normal(100, 30, (300, 3)).astype(np.float32)
    expected = signal.filtfilt(taps, 1, x.astype(np.float64), axis=0)
    y = ec.process(x, sps=250, stages=[{"fir": {"taps": taps}}], zero_phase=True)
    assert np.abs(y - expected).max() <= ULPS * np.spacing(np.float32(np.abs(expected).max()))


def test_an_average_reference_and_a_steady_start_change_nothing_of_it():
    x = np.random.default_rng(4).normal(50, 30, (300, 4)).astype(np.float32)
    y = ec.process(x, sps=250, stages=[{"lowpass": {"hz": 30, "start": "steady"}}, {"reference": {"to": "average"}}],
                   zero_phase=True)
    expected = signal.sosfiltfilt(sections("lowpass", {"hz": 30}, 250),
                                  x - x.mean(axis=1, keepdims=True, dtype=np.float64), axis=0)
    assert np.abs(y - expected).max() < 1e-4


def test_a_sine_stays_where_it_is_and_loses_the_square_of_the_magnitude():
    t = np.arange(5000) / 250
    x = np.sin(2 * np.pi * 10 * t)[:, None]
    z = ec.process(x, sps=250, stages=[{"lowpass": {"hz": 10}}], zero_phase=True)[1000:-1000]
    assert np.abs(z - 0.5 * x[1000:-1000]).max() < 1e-4              # -3 dB twice


def test_a_chain_without_filters_is_the_chain():
    x = np.ones((10, 2), np.float32)
    assert np.array_equal(ec.process(x, sps=250, stages=[{"gain": {"factor": 2}}], zero_phase=True), 2 * x)


def test_the_packets_do_not_matter():
    x = np.random.default_rng(5).normal(0, 30, (700, 3)).astype(np.float32)
    one, other = (ec.process(x, sps=250, stages=[{"lowpass": {"hz": 30}}], zero_phase=True, batch=batch)
                  for batch in (1, 256))
    assert np.array_equal(one, other)


@pytest.mark.parametrize(("stage", "name"), [
    ({"decimate": {"factor": 2}}, "decimate"), ({"resample": {"to_sps": 300}}, "resample"),
    ({"notch": {"hz": 50, "tracking": True}}, "notch"), ({"envelope": {}}, "envelope"), ({"hampel": {}}, "hampel"),
    ({"moving_stats": {"window_s": 1}}, "moving_stats"), ({"detrend": {}}, "detrend"),
    ({"fft": {"window_s": 1}}, "fft")])
def test_what_has_no_way_back_is_refused_by_name(stage, name):
    x = np.zeros((500, 2), np.float32)
    with pytest.raises(BadArgument) as caught:
        ec.process(x, sps=250, stages=[{"lowpass": {"hz": 30}}, stage], zero_phase=True)
    assert f"{name!r} ({name}) is no linear filter of constant rate. Allowed: bandpass" in str(caught.value)


def test_only_what_lies_on_the_way_matters():
    x = np.random.default_rng(6).normal(0, 30, (500, 2)).astype(np.float32)
    stages = [{"lowpass": {"hz": 30}}, {"decimate": {"factor": 2}}, {"highpass": {"hz": 1, "inputs": "lowpass"}}]
    alone = ec.process(x, sps=250, stages=[stages[0], {"highpass": {"hz": 1}}], zero_phase=True)
    assert np.array_equal(ec.process(x, sps=250, stages=stages, zero_phase=True), alone)


def test_too_short_and_broken_signals_are_refused():
    stages = [{"lowpass": {"hz": 30}}]                  # two sections: 15 frames of padding, as scipy says
    with pytest.raises(BadArgument, match=r"x has 15 frames\. More than 15 are needed"):
        ec.process(np.zeros((15, 2)), sps=250, stages=stages, zero_phase=True)
    assert ec.process(np.zeros((16, 2)), sps=250, stages=stages, zero_phase=True).shape == (16, 2)
    recording = ec.offline.recording_of(np.zeros((500, 2)), sps=250, labels=None, scale_uv=None, raw=False)
    recording.gaps = [(100, 7)]
    with pytest.raises(BadArgument, match="frames are missing in 1 places, first before frame 100"):
        ec.process(recording, stages=stages, zero_phase=True)

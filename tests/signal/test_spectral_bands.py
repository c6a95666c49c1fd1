"""`bands` and `mains` against scipy.integrate on scipy.signal.welch, and against sines of known amplitude."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import scipy.integrate
import scipy.signal
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from stage_bench import Bench, cuts_of

import eegcore as ec
from eegcore import _rt
from eegcore.errors import ConfigError
from eegcore.graph.build import stream_dict

SPS = 250.0
USUAL = {"delta": (1, 4), "theta": (4, 8), "alpha": (8, 13), "beta": (13, 30), "gamma": (30, 45)}
BENCH = Bench()


def noise(n_frames: int, n_channels: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng([n_frames, n_channels, seed]).normal(5, 20, (n_frames, n_channels)).astype(np.float32)


def integral(axis: NDArray[Any], density: NDArray[Any], low: float, high: float) -> NDArray[Any]:
    """Trapezoids between the bins, with the value of the straight line at the edges; over axis 0."""
    points = np.unique([low, high, *axis[(axis > low) & (axis < high)]])
    line = np.stack([np.interp(points, axis, channel) for channel in density.T], axis=1)
    return scipy.integrate.trapezoid(line, points, axis=0)


def process(x: NDArray[Any], *stages: dict[str, Any], sps: float = SPS) -> NDArray[np.float32]:
    return ec.process(x, sps=sps, stages=list(stages))


def refusal(*stages: dict[str, Any], sps: float = SPS) -> str:
    with pytest.raises(ConfigError) as caught:
        process(noise(1000, 2), *stages, sps=sps)
    return str(caught.value)


@pytest.mark.parametrize("n_channels", [1, 2, 7, 8, 19, 40])
@pytest.mark.parametrize("average", [1, 4])
def test_usual_bands_are_the_integrals_of_welch(n_channels: int, average: int) -> None:
    x = noise(2000, n_channels)
    got = process(x, {"fft": {"window_s": 2, "average": average}}, {"bands": {}})
    span = 500 + (average - 1) * 250
    for k, column in enumerate(got):
        axis, density = scipy.signal.welch(x[k * 250:k * 250 + span].astype(float), SPS, nperseg=500, axis=0)
        for band, (low, high) in zip(column, USUAL.values(), strict=True):
            inside = (axis >= low) & (axis <= high)
            want = scipy.integrate.trapezoid(density[inside], axis[inside], axis=0)
            assert np.allclose(band, want, rtol=2e-7)


@given(n=st.integers(50, 400), edges=st.lists(st.floats(0, 1), min_size=2, max_size=12), seed=st.integers(0, 999))
def test_any_band_is_the_integral_of_the_polygon(n, edges, seed):
    x = noise(n, 3, seed)
    last = (n // 2) * SPS / n
    pairs = {f"b{i}": sorted((low * last, high * last)) for i, (low, high) in
             enumerate(pairwise(edges)) if abs(low - high) * last > SPS / n}
    if not pairs:
        return
    got = process(x, {"fft": {"window_s": n / SPS}}, {"bands": {"bands": pairs}})[0]
    axis, density = scipy.signal.welch(x.astype(float), SPS, nperseg=n, axis=0)
    for band, (low, high) in zip(got, pairs.values(), strict=True):
        assert np.allclose(band, integral(axis, density, low, high), rtol=5e-7)


def test_shares_are_of_the_total(bench: Bench) -> None:
    x = noise(1000, 5)
    fft = {"fft": {"window_s": 2, "min_hz": 0.5, "max_hz": 60}}
    powers = process(x, fft, {"bands": {"bands": {**USUAL, "total": (2, 50)}}})
    shares = process(x, fft, {"bands": {"relative": True, "total_hz": [2, 50]}})
    assert np.allclose(shares, powers[:, :5] / powers[:, 5:], rtol=3e-7)
    own = process(x, fft, {"bands": {"relative": True}})
    assert np.allclose(own.sum(axis=1), 1, atol=1e-6)                     # the bands tile 1 to 45 Hz
    flat = process(np.zeros((500, 2), np.float32), fft, {"bands": {"relative": True}})
    assert np.isnan(flat).all()                                           # a share of nothing


def test_the_stream_says_what_its_bins_are(bench: Bench) -> None:
    plan = bench.plan([{"fft": {}}, {"bands": {}}, {"null_sink": {"id": "n"}},
                       {"mains": {"hz": 50, "inputs": "fft"}}], noise(1000, 2), SPS)
    bands, mains = (plan.stage(name).outputs[0].stream for name in ("bands", "mains"))
    assert (bands.unit, bands.axis_hz) == ("uV^2", (2.5, 6.0, 10.5, 21.5, 37.5))
    assert bands.meta["bands"] == {name: list(edges) for name, edges in USUAL.items()}
    assert bands.packet_bytes == bands.max_frames * 5 * 2 * 4
    assert (mains.unit, mains.axis_hz) == ("uV", (50.0, 100.0))            # 150 Hz is beyond the axis
    assert mains.meta["mains_level"] == {"hz": 50.0, "tolerance_hz": 0.25}


@pytest.mark.parametrize("stages", [[{"fft": {"window_s": 0.4, "overlap": 0.9}}, {"bands": {}}],
                                    [{"fft": {"window_s": 0.4, "overlap": 0.9, "max_hz": 120}}, {"bands": {}}]])
def test_no_cut_changes_a_bit_or_a_flag(bench: Bench, stages: list[dict[str, Any]]) -> None:
    spectra = np.abs(noise(300, 51 * 3)).reshape(300, 51, 3)
    plan = bench.plan(stages, noise(500, 3), SPS)
    given_stream = plan.stage("fft").outputs[0].stream.replace(max_frames=300)
    made = plan.stage("bands").outputs[0].stream.replace(max_frames=300)
    n_bins = given_stream.n_bins
    rows = []
    for cuts in ([], cuts_of(np.random.default_rng(3), 300, 40)):
        probe = _rt.Probe("bands", plan.stage("bands").native, input=stream_dict(given_stream),
                          outputs=[stream_dict(made)])
        packets = [packet for part in np.split(spectra[:, :n_bins].copy(), cuts)
                   for packet in probe.push(part, flags=2, saturated=1)]
        assert all((packet["flags"], packet["saturated"]) == (2, 1) for packet in packets)
        rows.append(np.concatenate([packet["values"] for packet in packets]).tobytes())
        other = _rt.Probe("bands", plan.stage("bands").native, input=stream_dict(given_stream),
                          outputs=[stream_dict(made)])
        assert other.take_over(probe) == 0
    assert rows[0] == rows[1]


def test_a_spoilt_channel_stays_alone() -> None:
    x = noise(500, 9)
    clean = process(x, {"fft": {}}, {"bands": {"relative": True}})
    x[100, 3] = np.nan
    spoilt = process(x, {"fft": {}}, {"bands": {"relative": True}})
    others = np.arange(9) != 3
    assert spoilt[..., others].tobytes() == clean[..., others].tobytes()
    assert np.isnan(spoilt[..., 3]).all()


@pytest.mark.parametrize(("stages", "words"), [
    ([{"bands": {}}], ["bands needs a spectrum, and its input carries uV over time", "Put an fft in between"]),
    ([{"mains": {}}], ["mains needs a spectrum, and its input carries uV over time"]),
    ([{"fft": {"unit": "dB"}}, {"bands": {}}], ["bands needs uV^2/Hz, and its input carries dB", "second fft"]),
    ([{"fft": {"scale": "spectrum"}}, {"bands": {}}], ["carries uV^2", "Set scale: density"]),
    ([{"fft": {}}, {"bands": {}}, {"mains": {}}], ["mains needs uV^2/Hz, and its input carries uV^2", "from the fft"]),
    ([{"fft": {"max_hz": 40}}, {"bands": {}}], ["gamma reaches from 30 to 45 Hz", "0 to 40 Hz in steps of 0.5 Hz"]),
    ([{"fft": {"min_hz": 2}}, {"bands": {}}], ["delta reaches from 1 to 4 Hz, and the spectrum has 2 to 125 Hz"]),
    ([{"fft": {"window_s": 0.2}}, {"bands": {"bands": {"alpha": [8, 12]}}}], ["alpha is 4 Hz wide", "5 Hz apart"]),
    ([{"fft": {}}, {"bands": {"bands": {"Alpha": [8, 12]}}}], ["'Alpha' is no name of a band"]),
    ([{"fft": {}}, {"bands": {"bands": {"alpha": [12, 8]}}}], ["alpha is [12.0, 8.0]", "low below high"]),
    ([{"fft": {}}, {"bands": {"total_hz": [1, 40]}}], ["Set relative: true"]),
    ([{"fft": {}}, {"bands": {"relative": True, "total_hz": [1, 400]}}], ["it is 1 to 400 Hz"]),
    ([{"fft": {"max_hz": 45}}, {"mains": {"hz": 50}}], ["a line at 50 Hz needs 47.5 to 52.5 Hz", "Raise max_hz"]),
    ([{"fft": {"window": "rectangular"}}, {"mains": {}}], ["its fft is rectangular", "Set window: hann"]),
    ([{"fft": {"window_s": 0.1}}, {"mains": {"hz": 60}}], ["lines 60 Hz apart run into", "bins 10 Hz apart"]),
    ([{"fft": {"window": "kaiser"}}], ["a kaiser window needs its shape", "Set kaiser_beta: 8.6"]),
    ([{"fft": {"kaiser_beta": 3.0}}], ["it is given, and the window is hann"]),
    ([{"fft": {"unit": "uV^2"}}], ["uV^2 is asked for, and scale density gives uV^2/Hz", "Set scale: spectrum"]),
    ([{"fft": {"min_hz": 20, "max_hz": 10}}], ["no bin lies from 20 to 10 Hz"]),
    ([{"fft": {"window_s": 600, "average": 1000}}], ["1000 spectra of 75001 bins and 2 channels take", "average"]),
])
def test_what_cannot_work_is_said_before_anything_runs(stages, words) -> None:
    found = refusal(*stages)
    assert all(word in found for word in words), found


# -- mains -----------------------------------------------------------------------------------------------

def sine(hz: float, uv: float, seconds: float, sps: float, phase: float = 0.0) -> NDArray[np.float64]:
    return uv * np.sin(2 * math.pi * (hz * np.arange(round(seconds * sps)) / sps + phase))


@given(offset=st.floats(-0.2, 0.2), phase=st.floats(0, 1), window_s=st.sampled_from([1.0, 2.0, 4.0]),
       sps=st.sampled_from([250.0, 256.0, 500.0, 1000.0]),
       window=st.sampled_from(["hann", "hamming", "blackman", "blackmanharris", "flattop"]))
def test_a_sine_near_the_mains_has_its_amplitude(offset, phase, window_s, sps, window):
    if window in ("flattop", "blackmanharris") and window_s < 2:
        return                                        # their lines are so wide that 250 SPS has no room beside them
    x = sine(50 + offset, 100, window_s, sps, phase)[:, None].astype(np.float32)
    lines = process(x, {"fft": {"window_s": window_s, "window": window}}, {"mains": {"harmonics": 1}}, sps=sps)
    assert abs(lines[0, 0, 0] - 100) < 0.5            # 0.5 %


def test_harmonics_beside_noise() -> None:
    rng = np.random.default_rng(5)
    t = 60.0
    lines = {60.1: 20.0, 120.2: 5.0, 180.3: 2.0}
    x = sum(sine(hz, uv, t, 1000) for hz, uv in lines.items()) + rng.normal(0, 10, 60_000)
    got = process(x[:, None].astype(np.float32), {"fft": {"window_s": 4, "average": 29}},
                  {"mains": {"hz": 60, "harmonics": 4}}, sps=1000)[-1, :, 0]
    # white noise of 10 uV over 500 Hz: 0.2 uV^2/Hz, 0.5 Hz wide and averaged, moves a line by some hundredths of a uV
    assert np.allclose(got[:3], list(lines.values()), atol=0.1)
    assert got[3] < 0.5

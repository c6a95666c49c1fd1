"""`blink` and `muscle`: the published criterion frame by frame, and what was put into EEG is found where it was put."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from flag_oracles import blinks, muscles
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import signal
from stage_bench import Bench, Made, cuts_of

SPS = 250.0
FLAG = {"blink": 512, "muscle": 1024}
BENCH = Bench()                                            # hypothesis keeps no fixtures of a test
EEGS = [(0, 250.0), (1, 250.0), (2, 250.0), (0, 1000.0), (1, 4000.0),
        *(pytest.param(seed, sps, marks=pytest.mark.deep) for seed in range(10) for sps in (250.0, 1000.0, 4000.0))]


def marks_of(made: Made, what: str, n_channels: int) -> NDArray[np.bool_]:
    """Return masks as an array, shape (n_frames, n_channels)."""
    return np.array([[mask >> c & 1 for c in range(n_channels)] for mask in made.per_frame(what)], bool)


def eeg(rng: np.random.Generator, n_frames: int, n_channels: int, sps: float = SPS) -> NDArray[np.float64]:
    """Return EEG without artefacts: 1/f background of 10 uV rms, waxing alpha, 1 uV of noise, an offset."""
    white = np.fft.rfft(rng.normal(size=(n_frames, n_channels)), axis=0)
    hz = np.fft.rfftfreq(n_frames, 1 / sps)
    pink = np.fft.irfft(white / np.maximum(hz, 0.5)[:, None], n_frames, axis=0)
    t = np.arange(n_frames)[:, None] / sps
    alpha = 10 * np.sin(2 * np.pi * 10 * t + rng.random(n_channels)) * (1 + np.sin(2 * np.pi * 0.1 * t)) / 2
    offset = rng.uniform(-20_000, 20_000, n_channels)
    return 10 * pink / pink.std() + alpha + rng.normal(0, 1, (n_frames, n_channels)) + offset


def add_blinks(rng: np.random.Generator, x: NDArray[np.float64], size_uv: float, sps: float) -> list[tuple[int, int]]:
    """Add one blink of 0.3 s every 2 to 4 s from 5 s on; return where they begin and end."""
    found = []
    at = 5.0 + rng.random()
    n = round(0.3 * sps)
    while (at + 1) * sps < len(x):
        begin = round(at * sps)
        x[begin:begin + n] += (size_uv * rng.uniform(1, 1.5) * np.hanning(n + 2)[1:-1])[:, None]
        found.append((begin, begin + n))
        at += rng.uniform(2, 4)
    return found


def add_bursts(rng: np.random.Generator, x: NDArray[np.float64], rms_uv: float, sps: float) -> list[tuple[int, int]]:
    """Add EMG, noise of 20..300 Hz, of 0.5 to 2 s every 3 to 6 s from 5 s on; return where it begins and ends."""
    high = min(300.0, 0.45 * sps)
    noise = signal.sosfilt(signal.butter(2, [20, high], "bandpass", fs=sps, output="sos"),
                           rng.normal(size=x.shape), axis=0)
    noise *= rms_uv / noise.std()
    found = []
    at = 5.0 + rng.random()
    while (at + 3) * sps < len(x):
        begin, end = round(at * sps), round((at + rng.uniform(0.5, 2)) * sps)
        x[begin:end] += noise[begin:end]
        found.append((begin, end))
        at = end / sps + rng.uniform(3, 6)
    return found


@settings(max_examples=12)
@given(n_channels=st.integers(1, 40), seed=st.integers(0, 2**32), sps=st.sampled_from([200.0, 250.0, 500.0]),
       batch=st.integers(1, 200), name=st.sampled_from(["blink", "muscle"]), stretch=st.booleans(),
       by_median=st.booleans())
def test_every_frame_is_judged_by_the_criterion_in_any_cut(n_channels: int, seed: int, sps: float, batch: int,
                                                           name: str, stretch: bool, by_median: bool) -> None:
    rng = np.random.default_rng(seed)
    x = eeg(rng, round(9 * sps), n_channels, sps)
    add_blinks(rng, x[:, ::2], 120, sps)
    add_bursts(rng, x[:, ::3], 25, sps)
    if stretch:                                            # stretches without a number, from the beginning too
        for c in range(0, n_channels, 4):
            at = int(rng.integers(len(x)))
            x[at:at + 100, c] = rng.choice([np.nan, np.inf])
        x[:40, n_channels // 2] = np.nan
    given_x = x.astype(np.float32)
    limits = {"threshold": 0.0, "times": 2.0} if by_median else {}     # then the medians alone decide
    stage = {name: {"labels": [f"ch{c + 1}" for c in range(n_channels)],
                    **({"threshold_uv": 0.0, "times": 2.0} if by_median else {})}}
    made = BENCH.run([stage], given_x, sps, cuts_of(rng, len(x), int(rng.integers(80))), batch=batch)
    blind = int(BENCH.probe([stage], given_x, sps)[1].params["blind"])
    expected = (blinks if name == "blink" else muscles)(given_x, sps, blind, **limits)
    assert made.values.tobytes() == given_x.tobytes()
    assert np.array_equal(marks_of(made, name, n_channels), expected)
    assert made.per_frame("flags") == [FLAG[name] * bool(row.any()) for row in expected]
    assert made.device_frames == len(x)


@pytest.mark.parametrize(("seed", "sps"), EEGS)
def test_blinks_put_into_eeg_are_found_and_nothing_else(seed: int, sps: float) -> None:
    """Every one within 0.2 s of its beginning; marks end within 0.6 s of its end; at most 0.1 % of the rest."""
    rng = np.random.default_rng(seed)
    x = eeg(rng, round(40 * sps), 4, sps)
    put = add_blinks(rng, x[:, :2], 120, sps)
    made = BENCH.run([{"blink": {"labels": ["ch1", "ch2", "ch3"]}}], x.astype(np.float32), sps)
    marks = marks_of(made, "blink", 4)
    rest = np.ones(len(x), bool)
    for begin, end in put:
        assert marks[begin:begin + round(0.2 * sps), :2].any(axis=0).all()
        rest[begin:end + round(0.6 * sps)] = False
    assert marks[rest, :2].mean() <= 1e-3
    assert marks[:, 2].mean() <= 1e-3
    assert not marks[:, 3].any()                           # nobody looked


@pytest.mark.parametrize(("seed", "sps"), EEGS)
def test_bursts_put_into_eeg_are_found_and_nothing_else(seed: int, sps: float) -> None:
    """20 uV of EMG: every burst within 0.25 s, 80 % of it, marks end within 0.5 s; at most 0.2 % of the rest."""
    rng = np.random.default_rng(100 + seed)
    x = eeg(rng, round(40 * sps), 6, sps)
    mains = 50 * np.sin(2 * np.pi * 50 * np.arange(len(x)) / sps)
    x += mains[:, None]
    put = add_bursts(rng, x[:, :3], 20, sps)
    marks = marks_of(BENCH.run([{"muscle": {}}], x.astype(np.float32), sps), "muscle", 6)
    rest = np.ones(len(x), bool)
    for begin, end in put:
        assert marks[begin:begin + round(0.25 * sps), :3].any(axis=0).all()
        assert marks[begin:end, :3].mean() >= 0.8
        rest[begin:end + round(0.5 * sps)] = False
    assert marks[rest].mean() <= 2e-3
    assert marks[:, 3:].mean() <= 2e-3


def test_alpha_and_drift_are_no_blinks() -> None:
    t = np.arange(round(20 * SPS)) / SPS
    x = np.stack([80 * np.sin(2 * np.pi * 10 * t), 300 * np.sin(2 * np.pi * 0.3 * t)], axis=1).astype(np.float32)
    made = BENCH.run([{"blink": {"labels": ["ch1", "ch2"], "times": 0.0}}], x, SPS)
    assert not any(made.per_frame("flags"))


@pytest.mark.parametrize("name", ["blink", "muscle"])
def test_a_gap_begins_the_filter_anew_and_keeps_the_medians(name: str) -> None:
    """Behind the gap another offset: nothing of it is marked, and a blink soon after is found without a new lesson."""
    rng = np.random.default_rng(9)
    x = eeg(rng, round(20 * SPS), 2)
    half = len(x) // 2
    x[half:] += 30_000
    at = half + round(2.5 * SPS)
    if name == "blink":
        x[at:at + 75] += 200 * np.hanning(75)[:, None]
    else:
        x[at:at + 150] += rng.normal(0, 50, (150, 2))
    probe, _ = BENCH.probe([{name: {"labels": ["ch1", "ch2"]}}], x, SPS)
    given_x = x.astype(np.float32)
    for f in range(0, half, 50):
        probe.push(given_x[f:f + 50])
    packets = probe.push(given_x[half:half + 50], flags=1, frame_index=half + 777)
    for f in range(half + 50, len(x), 50):
        packets += probe.push(given_x[f:f + 50])
    marked = np.flatnonzero([packet[name] for packet in packets for _ in range(packet["n_frames"])])
    assert marked[0] >= at - half
    assert marked[0] <= at - half + 50
    assert packets[0]["flags"] & 1
    assert sum(packet["flags"] & 1 for packet in packets) == 1


@pytest.mark.parametrize(("name", "before", "after"), [
    ("blink", {"threshold_uv": 500.0}, {"threshold_uv": 50.0}), ("blink", {"baseline_s": 10.0}, {"longest_s": 0.8}),
    ("blink", {"labels": ["ch2"]}, {"labels": ["ch1", "ch2"]}), ("blink", {"high_hz": 12.0}, {}),
    ("muscle", {"times": 50.0}, {"hold_s": 0.5}), ("muscle", {"low_hz": 25.0}, {})])
def test_settings_change_without_a_false_mark(name: str, before: dict[str, Any], after: dict[str, Any]) -> None:
    """Where the filter stays, marks are at once those of an instance that has always had the new settings."""
    rng = np.random.default_rng(4)
    x = eeg(rng, round(20 * SPS), 2)
    put = add_blinks(rng, x, 120, SPS) if name == "blink" else add_bursts(rng, x, 25, SPS)
    given_x = x.astype(np.float32)
    turn = round(9 * SPS)
    both = {"labels": ["ch1", "ch2"]}
    old, _ = BENCH.probe([{name: {**both, **before}}], given_x, SPS)
    new, _ = BENCH.probe([{name: {**both, **after}}], given_x, SPS)
    always, _ = BENCH.probe([{name: {**both, **after}}], given_x, SPS)
    marks: dict[str, list[int]] = {"new": [], "always": []}
    for f in range(0, len(x), 50):
        if f == turn:
            assert new.take_over(old) == 0
        part = given_x[f:f + 50]
        for which, probe in (("new", new if f >= turn else old), ("always", always)):
            marks[which] += [packet[name] for packet in probe.push(part) for _ in range(packet["n_frames"])]
    if before.keys() <= {"threshold_uv", "times"}:
        settled = turn + round(0.6 * SPS)                  # what began before is not known as a blink
        assert marks["new"][settled:] == marks["always"][settled:]
    rest = np.ones(len(x), bool)
    for begin, end in put:
        rest[begin:end + round(0.8 * SPS)] = False
    assert not np.array(marks["new"])[turn:][rest[turn:]].any()
    late = [begin for begin, _ in put if begin > turn + 3.2 * SPS]
    assert late
    assert all(any(marks["new"][begin:begin + 60]) for begin in late)

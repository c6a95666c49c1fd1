"""`fir` in a graph: scipy's numbers for any design, channels and packing, and what gaps and NaN do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal
from stage_bench import Bench, cuts_of

import eegcore as ec

SPS = 250.0
GAP, SETTLING = 1, 8


@st.composite
def firs(draw: st.DrawFn) -> dict[str, Any]:
    """Settings of a `fir`: taps, or a design of any type."""
    if draw(st.booleans()):
        return {"taps": draw(st.lists(st.floats(-2, 2), min_size=1, max_size=40).filter(any))}
    window = draw(st.sampled_from(["hamming", "hann", "blackman", "rectangular", "kaiser"]))
    low, high = sorted(draw(st.tuples(st.integers(1, 55), st.integers(60, 124))))
    edges = draw(st.sampled_from([{"low_hz": low}, {"high_hz": high}, {"low_hz": low, "high_hz": high},
                                  {"low_hz": low, "high_hz": high, "stop": True}]))
    return {"window": window, "n_taps": draw(st.integers(2, 60)) * 2 + 1, **edges}


def taps_in(bench: Bench, stages: list[dict[str, Any]], x: np.ndarray) -> list[np.ndarray]:
    """The taps of every `fir` operation of the plan."""
    plan = bench.plan(stages, x, SPS)
    ops = [op for group in plan.groups for node in group.nodes for op in node.params.get("ops", ())]
    return [np.array([float.fromhex(tap) for tap in op["taps"]]) for op in ops if op["op"] == "fir"]


def assert_equal(got: np.ndarray, want: np.ndarray) -> None:
    """Within 1 nV rms plus half a unit in the last place of float32."""
    excess = np.maximum(np.abs(got - want) - np.spacing(np.abs(want).astype(np.float32)).astype(np.float64) / 2, 0.0)
    assert np.sqrt(np.mean(np.square(excess))) <= 1e-3


@settings(max_examples=40)
@given(settings_=firs(), n_channels=st.integers(1, 40), seed=st.integers(0, 2**32), n_cuts=st.integers(0, 60))
def test_any_fir_is_lfilter_in_any_packing(bench: Bench, settings_: dict[str, Any], n_channels: int, seed: int,
                                           n_cuts: int) -> None:
    rng = np.random.default_rng(seed)
    x = (rng.normal(0.0, 30.0, (300, n_channels)) + rng.choice([0.0, 187_500.0])).astype(np.float32)
    stages = [{"fir": settings_}]
    made = bench.run(stages, x, SPS, cuts_of(rng, len(x), n_cuts))
    (taps,) = taps_in(bench, stages, x)
    assert_equal(made.values, signal.lfilter(taps, 1, x.astype(np.float64), axis=0))
    whole = bench.run(stages, x, SPS)
    assert made.values.tobytes() == whole.values.tobytes()
    assert made.per_frame("flags") == whole.per_frame("flags") == [SETTLING] * (len(taps) - 1) + [0] * (301 - len(taps))
    assert made.device_frames == len(x)


def test_fir_notch_fir_in_one_group_is_rounded_once(bench: Bench) -> None:
    rng = np.random.default_rng(1)
    x = (rng.normal(0.0, 30.0, (2000, 9)) + 187_500.0).astype(np.float32)
    stages: list[dict[str, Any]] = [{"fir": {"low_hz": 1, "n_taps": 401}}, {"notch": {"hz": 50}},
                                    {"fir": {"id": "low", "high_hz": 40}}]
    first, second = taps_in(bench, stages, x)
    want = signal.lfilter(first, 1, x.astype(np.float64), axis=0)
    want = signal.sosfilt(signal.tf2sos(*signal.iirnotch(50, 30, SPS)), want, axis=0)
    want = signal.lfilter(second, 1, want, axis=0)
    made = bench.run(stages, x, SPS, cuts_of(rng, len(x), 100))
    assert_equal(made.values, want)
    assert (np.abs(made.values - want) <= np.spacing(np.abs(want).astype(np.float32)) / 2 + 1e-9).all()
    assert np.array_equal(made.values, ec.process(x, sps=SPS, stages=stages))


@pytest.mark.parametrize("spare", [0, 7])
def test_after_a_gap_the_past_is_the_first_frame_behind_it(bench: Bench, spare: int) -> None:
    rng = np.random.default_rng(2)
    x = (rng.normal(0.0, 30.0, (400, 5)) + 5000.0).astype(np.float32)
    stages = [{"fir": {"low_hz": 20, "high_hz": 60, "n_taps": 61}}]
    probe, _ = bench.probe(stages, x, SPS, batch=256)
    (taps,) = taps_in(bench, stages, x)
    for begin in range(0, 200, 50):
        probe.push(x[begin:begin + 50])
    pieces = [(200, 200 + spare), (200 + spare, 400)] if spare else [(200, 400)]
    packets = [packet for k, (a, b) in enumerate(pieces)
               for packet in probe.push(x[a:b], flags=0 if k else GAP, **({} if k else {"frame_index": 290}))]
    got = np.concatenate([packet["values"] for packet in packets])
    past = np.concatenate([np.repeat(x[200:201], 60, axis=0), x[200:]]).astype(np.float64)
    assert_equal(got, signal.lfilter(taps, 1, past, axis=0)[60:])
    assert np.abs(got[:20]).max() < 100.0                              # 5 mV of offset make no step
    flags = [packet["flags"] for packet in packets for _ in range(packet["n_frames"])]
    assert [flag & SETTLING for flag in flags] == [SETTLING] * 60 + [0] * 140
    assert packets[0]["flags"] & GAP
    assert not any(packet["flags"] & GAP for packet in packets[1:])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_sick_sample_stays_in_its_channel_and_leaves_it_after_n_taps_frames(bench: Bench, value: float) -> None:
    x = np.random.default_rng(3).normal(0.0, 30.0, (300, 11)).astype(np.float32)
    spoilt = x.copy()
    spoilt[100, 6] = value
    stages = [{"fir": {"high_hz": 30, "n_taps": 31}}]
    healthy, got = bench.run(stages, x, SPS).values, bench.run(stages, spoilt, SPS, [90, 101, 140]).values
    others = [c for c in range(11) if c != 6]
    assert got[:, others].tobytes() == healthy[:, others].tobytes()
    assert not np.isfinite(got[100:131, 6]).any()
    assert got[131:].tobytes() == healthy[131:].tobytes()


def test_the_recording_of_neurodsp_is_reproduced_through_the_graph(shared_data: Any) -> None:
    x = np.load(shared_data / "neurodsp_sample_data_1.npy")
    want = np.load(shared_data / "neurodsp_sample_data_1_filt.npy")
    got = ec.process(x[:, None], sps=1000, stages=[{"fir": {"low_hz": 13, "high_hz": 30, "n_taps": 231}}])[230:, 0]
    error = np.abs(got - want[115:-115])
    assert np.isfinite(error).sum() == 10_000 - 2 * 116
    assert np.nanmax(error) <= np.spacing(np.float32(np.nanmax(np.abs(want))))

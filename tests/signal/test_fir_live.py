"""`fir` and `envelope` whose settings change while data flow: the past of the input stays known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import signal
from stage_bench import Bench

SPS, AT, BATCH = 250.0, 640, 64
SETTLING = 8


def changed(bench: Bench, before: dict[str, Any], after: dict[str, Any],
            x: NDArray[np.float32]) -> tuple[NDArray[np.float32], list[int], int]:
    """Run `before` up to frame AT, then `after`; return values, `settling` per frame, and the frames to cross-fade."""
    old, _ = bench.probe([before], x, SPS, batch=BATCH)
    new, _ = bench.probe([after], x, SPS, batch=BATCH)
    for begin in range(0, AT, BATCH):
        old.push(x[begin:begin + BATCH])
    fade = new.take_over(old)
    packets = [packet for begin in range(AT, len(x), BATCH) for packet in new.push(x[begin:begin + BATCH])]
    return (np.concatenate([packet["values"] for packet in packets]),
            [packet["flags"] & SETTLING for packet in packets for _ in range(packet["n_frames"])], fade)


@pytest.fixture
def x() -> NDArray[np.float32]:
    rng = np.random.default_rng(5)
    return (rng.normal(0.0, 30.0, (1600, 9)) + rng.uniform(-20_000, 20_000, 9)).astype(np.float32)


@pytest.mark.parametrize(("before", "after"), [(101, 61), (61, 61), (61, 93), (101, 11)])
def test_another_filter_goes_on_as_if_it_had_always_been_there(bench: Bench, x: NDArray[np.float32], before: int,
                                                               after: int) -> None:
    """Where the old one looked back far enough, up to EC_FIR_BLOCK frames less."""
    values, flags, fade = changed(bench, {"fir": {"low_hz": 8, "high_hz": 30, "n_taps": before}},
                                  {"fir": {"low_hz": 10, "high_hz": 40, "n_taps": after}}, x)
    always = bench.run([{"fir": {"low_hz": 10, "high_hz": 40, "n_taps": after}}], x, SPS, batch=BATCH).values
    assert values.tobytes() == always[AT:].tobytes()
    assert flags == [SETTLING] * (after - 1) + [0] * (len(values) - after + 1)
    assert fade >= 5                                                   # 20 ms


def test_a_longer_filter_takes_the_frames_before_as_the_oldest_one_known(bench: Bench, x: NDArray[np.float32]) -> None:
    stage = {"fir": {"low_hz": 20, "high_hz": 40, "n_taps": 301}}
    values, flags, _ = changed(bench, {"fir": {"high_hz": 40, "n_taps": 31}}, stage, x)
    plan = bench.plan([stage], x, SPS)
    (op,) = (op for group in plan.groups for node in group.nodes for op in node.params.get("ops", ()))
    taps = [float.fromhex(tap) for tap in op["taps"]]
    known = x[AT - 30 - 32:].astype(np.float64)
    past = np.concatenate([np.repeat(known[:1], 300, axis=0), known])
    want = signal.lfilter(taps, 1, past, axis=0)[300 + 62:]
    assert np.abs(values - want).max() < 1e-4
    assert np.abs(values).max() < 200                                  # 20 mV of offset make no step
    assert flags == [SETTLING] * 300 + [0] * (len(values) - 300)


def test_the_same_settings_go_on_without_a_trace(bench: Bench, x: NDArray[np.float32]) -> None:
    stage = {"envelope": {"low_hz": 10}}
    values, flags, fade = changed(bench, stage, stage, x)
    assert values.tobytes() == bench.run([stage], x, SPS, batch=BATCH).values[AT:].tobytes()
    assert not any(flags)
    assert fade == 0


def test_another_transformer_goes_on_too(bench: Bench, x: NDArray[np.float32]) -> None:
    after = {"envelope": {"n_taps": 35}}
    values, _, _ = changed(bench, {"envelope": {"n_taps": 43}}, after, x)
    assert values.tobytes() == bench.run([after], x, SPS, batch=BATCH).values[AT:].tobytes()

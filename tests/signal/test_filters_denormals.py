"""Denormal numbers cost nothing: threads that filter treat them as zero."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from stage_bench import Bench

import eegcore as ec
from eegcore.bench.hooks import SOURCE, recording
from eegcore.graph.run import GraphRun

STAGES: list[dict[str, Any]] = [{"bandpass": {"low_hz": 20, "high_hz": 45}},
                                {"notch": {"harmonics": 2, "tracking": True}}, {"lowpass": {"hz": 40, "order": 8}}]


def busy_s(bench: Bench, x: NDArray[np.float32]) -> float:
    """Return the seconds the cascade worked on x."""
    run = GraphRun(bench.plan(STAGES, x, 250.0), digest=False, recordings={SOURCE: recording(x, 250.0)})
    run.start()
    run.join(20)
    seconds = float(run.stats()["stages"]["lowpass"]["seconds"])
    run.finish()
    return seconds


def test_they_are_zero_where_stages_run() -> None:
    x = np.full((100, 3), 1e-40, np.float32)
    x[:, 1] = -1e-42
    x[:, 2] = 1.0
    made = ec.process(x, sps=250, stages=[{"gain": {"factor": 1.0}}])
    assert (made == [0, 0, 1]).all()


def test_a_tail_and_a_tiny_input_take_no_longer_than_an_eeg(bench: Bench) -> None:
    n = 64 * 300
    eeg = np.random.default_rng(1).normal(0, 30, (n, 8)).astype(np.float32)
    tail, tiny = np.zeros_like(eeg), np.full_like(eeg, 1e-40)
    tail[0] = 100.0
    best = np.min([[busy_s(bench, x) for x in (eeg, tail, tiny)] for _ in range(6)], axis=0)
    assert best[1:].max() < 1.5 * best[0]                  # measured: 1.03

"""The default chain as a whole: how many times real time on one core, and how long one packet takes."""

from __future__ import annotations

import os
import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eegcore.bench.hooks import SOURCE, array_plan, histogram_buckets, recording
from eegcore.bench.line import Effort, Line
from eegcore.bench.measure import histogram_percentile, one_core, stopwatch
from eegcore.control.preparing import prepare
from eegcore.control.presets import preset_file
from eegcore.graph.plan_types import Plan
from eegcore.graph.run import GraphRun

SPS = 4000
CHAIN: list[dict[str, Any]] = [
    {"to_voltage": {}}, {"notch": {"hz": 60}}, {"bandpass": {"low_hz": 0.5, "high_hz": 45, "order": 4}},
    {"fft": {"id": "spectrum", "window_s": 2, "overlap": 0.5, "max_hz": 100}},
    {"null_sink": {"id": "traces", "inputs": "bandpass"}}, {"null_sink": {"id": "spectra", "inputs": "spectrum"}}]
OFFLINE_GOAL, EMULATED_GOAL, PACKET_GOAL_US = 500.0, 100.0, 10.0


def offline(effort: Effort) -> list[Line]:
    """Filters and spectra over an array in memory, and over the emulator, every thread on one core."""
    lines = []
    counts = _counts(round(SPS * effort.seconds(64)), 32)
    for batch in (16, 256):
        plan = array_plan(recording(counts, SPS), CHAIN, batch=batch)
        lines.append(_times_real(
            f"default chain over counts in memory, packets of {batch}", plan, counts, len(counts) / SPS,
            effort.rounds(9), OFFLINE_GOAL, batch))
    emulated = prepare(preset_file("eeg32_4k"), clock="virtual")[1]
    lines.append(_times_real("preset eeg32_4k, emulated chips and their SPI frames included", emulated, None,
                             effort.seconds(32), effort.rounds(5), EMULATED_GOAL, 16))
    return lines


def _counts(n_frames: int, n_channels: int) -> NDArray[np.int32]:
    return np.random.default_rng(2).normal(0.0, 3000.0, (n_frames, n_channels)).astype(np.int32)


def _times_real(what: str, plan: Plan, counts: NDArray[np.int32] | None, signal_s: float, rounds: int, goal: float,
                batch: int) -> Line:
    def once() -> float:
        given = None if counts is None else {SOURCE: recording(counts, SPS)}
        run = GraphRun(plan, digest=False, seconds=signal_s, recordings=given)

        def work() -> None:
            run.start()
            run.join()

        elapsed = stopwatch(work)
        run.finish()
        return signal_s / elapsed

    with pinned():
        speeds = [once() for _ in range(rounds)]
    median, best = statistics.median(speeds), max(speeds)
    return Line("offline", f"{what}, 4 kSPS, one core", f"{median:.0f} x real time (best {best:.0f})", median >= goal,
                f">= {goal:.0f} x real time", n_frames=batch, n_channels=32,
                values={"times_real_time": median, "best": best, "signal_s": signal_s})


@contextmanager
def pinned() -> Iterator[None]:
    """Keep this thread, and those it starts, on one core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {one_core()})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def packet(effort: Effort) -> list[Line]:
    """From a complete packet to the sink behind filters and spectrum, all stages in one group."""
    counts = _counts(round(SPS * effort.seconds(64)), 8)
    stages = [{kind: {**settings, "group": "acquire"}} for entry in CHAIN for kind, settings in entry.items()]
    plan = array_plan(recording(counts, SPS), stages, batch=16)
    runs, merged = [], dict[int, int]()
    for _ in range(effort.rounds(9)):
        run = GraphRun(plan, digest=False, recordings={SOURCE: recording(counts, SPS)})
        with pinned():
            run.start()
            run.join()
        buckets = histogram_buckets(run.built.graph, run.built.nodes["traces"], "latency")
        run.finish()
        runs.append((histogram_percentile(buckets, 0.5) / 1e3, histogram_percentile(buckets, 0.99) / 1e3))
        for edge_ns, count in buckets:
            merged[edge_ns] = merged.get(edge_ns, 0) + count
    p50, p99 = (statistics.median(values) for values in zip(*runs, strict=True))
    total = sum(merged.values())
    shares = [(edge_ns / 1e3, count / total) for edge_ns, count in sorted(merged.items())]
    shown = ", ".join(f"<= {us:.2g} us {100 * share:.2g} %" for us, share in shares if share >= 0.0005)
    return [Line("packet", "default chain, one packet through all stages",
                 f"p50 {p50:.2f} us, p99 {p99:.2f} us", p99 < PACKET_GOAL_US, "< 10 us at p99",
                 n_frames=16, n_channels=8, values={"p50_us": p50, "p99_us": p99, "packets": total,
                         "distribution": [{"up_to_us": us, "share": share} for us, share in shares]},
                 note=f"{shown}; one packet in 250 also carries the spectra of a second")]

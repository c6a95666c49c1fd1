"""Twenty recordings by two processes and by one: what a second core is worth, and what it is not.

The recordings last half an hour, as recordings do: a process starts as long as five minutes of one take.
"""

from __future__ import annotations

import math
import os
import resource
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from eegcore.batch import PipelinePool
from eegcore.bench.line import Effort, Line, missing
from eegcore.bench.measure import interleaved, stopwatch

N, SPS, CHANNELS, FULL_S = 20, 1000, 32, 1800.0
LEAST_S = 20.0
GOAL = 1.8
PIPELINE: list[dict[str, Any]] = [
    {"playback": {}}, {"notch": {"hz": 60}}, {"bandpass": {"low_hz": 0.5, "high_hz": 45}},
    {"decimate": {"to_sps": 125}}, {"select": {"channels": [1, 2, 3, 4]}}, {"csv_sink": {"path": "{input}.csv"}}]


def batch(effort: Effort) -> list[Line]:
    """Read BDF, filter, decimate, write four channels as CSV; starting the processes included."""
    what = f"{N} recordings of {CHANNELS} channels at {SPS} SPS, BDF to CSV, two processes"
    if len(os.sched_getaffinity(0)) < 2:
        return [missing("batch", what, "this process may use one core only", f">= {GOAL:g}x one process")]
    seconds = LEAST_S * math.ceil(effort.seconds(FULL_S) / LEAST_S)
    with tempfile.TemporaryDirectory(prefix="eegcore-bench-") as folder:
        recordings = _recordings(Path(folder), seconds)
        turns = 0
        used: dict[int, list[float]] = {1: [], 2: []}

        def process(jobs: int) -> float:
            nonlocal turns
            turns += 1
            out = Path(folder, f"out{turns}")
            before = _children_s()
            elapsed = stopwatch(lambda: _run(recordings, out, jobs))
            used[jobs].append(_children_s() - before)
            for path in out.iterdir():
                path.unlink()
            return elapsed

        found = interleaved(lambda: process(2), lambda: process(1), effort.rounds(3))
    two_s, one_s = (float(np.median(used[jobs][1:])) for jobs in (2, 1))
    most = 2 * found.peer_s / one_s
    note = (f"{seconds:g} s each; one process used {one_s / found.peer_s:.2f} cores (files are written beside what is "
            f"filtered), so that two cores are worth at most {most:.2f}x; processor time {two_s:.2f} s with two, "
            f"{one_s:.2f} s with one: {two_s / one_s:.2f}x for sharing caches and memory; two used "
            f"{100 * two_s / (2 * found.ours_s):.0f} % of two cores, the rest waited for the disk, for each other's "
            "end, and for other programs")
    return [Line("batch", what, f"{found.ours_s:.2f} s (one process: {found.peer_s:.2f} s)", found.ratio >= GOAL,
                 f">= {GOAL:g}x one process", "one process", found.ratio, n_channels=CHANNELS, note=note,
                 values={"two_s": found.ours_s, "one_s": found.peer_s, "two_processor_s": two_s,
                         "one_processor_s": one_s, "most": most, "recording_s": seconds,
                         "times_real_time": N * seconds / found.ours_s})]


def _run(recordings: list[str], out: Path, jobs: int) -> None:
    with PipelinePool(PIPELINE, max_concurrent=jobs, out=out) as pool:
        for outcome in pool.map(recordings):
            if not outcome.ok:
                raise RuntimeError(outcome.error)


def _recordings(folder: Path, seconds: float) -> list[str]:
    """Write one recording and give it `N` names."""
    import edfio

    x = np.random.default_rng(7).normal(0.0, 30.0, (CHANNELS, round(LEAST_S) * SPS))
    first = folder / "r00.bdf"
    edfio.Bdf([edfio.BdfSignal(one, SPS, label=f"ch{n + 1}", physical_dimension="uV", physical_range=(-1000, 1000))
               for n, one in enumerate(x)]).write(first)
    _repeat(first, round(seconds / LEAST_S))
    for n in range(1, N):
        os.link(first, folder / f"r{n:02d}.bdf")
    return [str(folder / f"r{n:02d}.bdf") for n in range(N)]


def _repeat(path: Path, times: int) -> None:
    """Make a BDF file longer by its own data records: random numbers and edfio take memory by the gigabyte."""
    data = path.read_bytes()
    header, records = data[:int(data[184:192])], data[int(data[184:192]):]
    with path.open("wb") as file:
        file.write(header[:236] + str(int(header[236:244]) * times).encode().ljust(8) + header[244:])
        for _ in range(times):
            file.write(records)


def _children_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime

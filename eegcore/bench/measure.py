"""How things are timed: interleaved rounds, medians of ratios, and the machine it happened on."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Compared:
    """Median seconds of two things, and the median over rounds of ``peer / ours``."""

    ours_s: float
    peer_s: float
    ratio: float


def interleaved(ours: Callable[[], float], peer: Callable[[], float], rounds: int) -> Compared:
    """Time two things in turns, A B A B, after one unmeasured turn each.

    Parameters
    ----------
    ours, peer : callable
        Do the work once and return the seconds it took, per unit of work.
    rounds : int
        At least 1.

    Returns
    -------
    Compared
        A disturbance hits both of a round or is voted out by the median.
    """
    ours(), peer()
    pairs = [(ours(), peer()) for _ in range(rounds)]
    return Compared(statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs),
                    statistics.median(b / a for a, b in pairs))


def stopwatch(work: Callable[[], Any]) -> float:
    """Return the seconds that `work` takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def p50_p99(values: Sequence[float] | np.ndarray[Any, Any]) -> tuple[float, float]:
    """Return median and 99th percentile."""
    p50, p99 = np.percentile(np.asarray(values), [50, 99])
    return float(p50), float(p99)


def histogram_percentile(buckets: Sequence[tuple[int, int]], share: float) -> float:
    """Return the upper edge, in ns, of the bucket below which `share` of all entries lie."""
    wanted = share * sum(count for _, count in buckets)
    seen = 0
    for edge_ns, count in buckets:
        seen += count
        if seen > wanted:
            return float(edge_ns)
    return float(buckets[-1][0]) if buckets else float("nan")


def one_core() -> int:
    """Return a core this process may use, the last one: the first is busy with interrupts on most machines."""
    return max(os.sched_getaffinity(0))


def machine() -> dict[str, Any]:
    """Return what a reader must know about where the figures come from."""
    from eegcore import __version__
    from eegcore.bench.hooks import BenchPeak

    peak = BenchPeak()
    return {"cpu": _cpu_name(), "architecture": platform.machine(), "cores": len(os.sched_getaffinity(0)),
            "kernel": platform.release(), "python": platform.python_version(), "eegcore": __version__,
            "vector_bits": 64 * peak.lanes, "load_before": round(os.getloadavg()[0], 2)}


def _cpu_name() -> str:
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
            for line in file:
                if line.startswith(("model name", "Model")):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()

"""The compiled side of the benchmarks, and plans to try it on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eegcore._rt import (
    BenchHop,
    BenchStage,
    Graph,
    add_playback,
    bench_decode,
    bench_padded,
    bench_peak,
    histogram_buckets,
)
from eegcore.config import load
from eegcore.devices.readers_base import Recording
from eegcore.graph.plan import make_plan
from eegcore.graph.plan_types import NodePlan, Plan
from eegcore.offline import SOURCE, ArraySource
from eegcore.stages import catalogue

__all__ = ["SOURCE", "BenchHop", "BenchPeak", "BenchStage", "Graph", "add_playback", "array_plan", "bench_decode",
           "bench_padded", "bench_peak", "cascade", "histogram_buckets", "node_of", "recording", "sections_of",
           "two_threads"]


class BenchPeak:
    """The roof of unfused arithmetic on one core."""

    def __init__(self) -> None:
        _, self.lanes = bench_peak(1)

    def per_second(self, tries: int = 15) -> float:
        """Return the most operations on doubles per second seen in a few short tries; others may use the core."""
        return max(bench_peak(100_000)[0] for _ in range(tries))


def recording(values: NDArray[Any], sps: float) -> Recording:
    """Return an array, shape (n_frames, n_channels), float32 uV or int32 counts, as a recording in memory."""
    counts = values.dtype == np.int32
    return Recording(values=np.ascontiguousarray(values), labels=tuple(f"ch{c + 1}" for c in range(values.shape[1])),
                     sps=float(sps), unit="counts" if counts else "uV",
                     scale_uv=(4.5 / 24 / 2**23 * 1e6,) * values.shape[1] if counts else (), events=[],
                     source_format="array")


def array_plan(given: Recording, stages: list[dict[str, Any]], *, batch: int) -> Plan:
    """Return the plan, in virtual time, of stages behind an array."""
    types = {**catalogue(), SOURCE: ArraySource(given, batch)}
    config, problems = load([{SOURCE: {}}, *stages], catalogue=types, name="bench")
    plan = make_plan(config, problems, "virtual", types=types) if config is not None else None
    problems.raise_if_any()
    assert plan is not None
    return plan


def node_of(plan: Plan, kind: str) -> NodePlan:
    """Return the first compiled node of a kind, ``"cascade"`` or ``"select"``."""
    return next(node for group in plan.groups for node in group.nodes if node.params["node"] == kind)


def sections_of(plan: Plan) -> NDArray[np.float64]:
    """Return the second-order sections of the first cascade, shape (n_sections, 6)."""
    rows = [row for op in node_of(plan, "cascade").params["ops"] if op["op"] == "sos" for row in op["sos"]]
    return np.array([[float.fromhex(value) for value in row] for row in rows])


def cascade(plan: Plan) -> BenchStage:
    """Return the first cascade of a plan outside its graph, with its last output only."""
    params = node_of(plan, "cascade").params
    alone = {**params, "ports": params["ports"][-1:], "settling_frames": params["settling_frames"][-1:]}
    stream = {"kind": 2, "sps": params["sps"], "n_channels": params["n_channels"], "n_bins": 0,
              "max_frames": params["max_frames"], "step": (1, 1)}
    return BenchStage("cascade", alone, input=stream, output=stream)


def two_threads(other: Callable[[], Any], mine: Callable[[], Any]) -> Any:
    """Run `other` on a thread of its own, and `mine` here; return what `mine` returns."""
    thread = threading.Thread(target=other, daemon=True)
    thread.start()
    result = mine()
    thread.join()
    return result

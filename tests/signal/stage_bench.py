"""Stages outside a graph, fed in any cut: what every test of signal processing here stands on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eegcore import _rt
from eegcore.bench.hooks import array_plan, recording
from eegcore.graph.build import stream_dict
from eegcore.graph.plan_types import NodePlan, Plan

Stages = Sequence[dict[str, Any]]


@dataclass
class Made:
    """What one port gave: packets in order, and all their frames in one array."""

    packets: list[dict[str, Any]] = field(default_factory=list)

    @property
    def values(self) -> NDArray[np.float32]:
        """Every frame, shape (n_frames, n_channels) or (n_frames, n_bins, n_channels)."""
        return np.concatenate([packet["values"] for packet in self.packets])

    def per_frame(self, what: str) -> list[int]:
        """Return a flag word or mask for every frame."""
        return [packet[what] for packet in self.packets for _ in range(packet["n_frames"])]

    @property
    def device_frames(self) -> int:
        """Device frames that the packets answer for."""
        return sum(packet["device_frames"] for packet in self.packets)


class Bench:
    """Builds probes of stages and runs arrays through them in any cut."""

    def plan(self, stages: Stages, x: NDArray[Any], sps: float, *, batch: int = 64) -> Plan:
        """Return the virtual-time plan of stages behind an array (float32 uV or int32 counts)."""
        return array_plan(recording(x, sps), [*stages, {"null_sink": {}}], batch=batch)

    def node(self, plan: Plan, stage_id: str) -> NodePlan:
        """Return the compiled node that holds a stage."""
        return next(node for group in plan.groups for node in group.nodes if stage_id in node.members)

    def probe(self, stages: Stages, x: NDArray[Any], sps: float, stage_id: str | None = None, *,
              batch: int = 64) -> tuple[_rt.Probe, NodePlan]:
        """Return a fresh probe of the node of `stage_id` (default: the last stage), and the node."""
        plan = self.plan(stages, x, sps, batch=batch)
        node = self.node(plan, stage_id or plan.stages[-2].id)
        streams = {(stage.id, port.name): port.stream for stage in plan.stages for port in stage.outputs}
        return _rt.Probe(node.params["node"], node.params, input=stream_dict(streams[node.inputs[0]]),
                         outputs=[stream_dict(streams[ref]) for ref in node.outputs]), node

    def run(self, stages: Stages, x: NDArray[Any], sps: float, cuts: Sequence[int] = (), *, batch: int = 64,
            stage_id: str | None = None, **first: int) -> Made:
        """Run `x` through the node of the last stage, cut into blocks of at most `batch` frames at `cuts` too.

        `first` are flags and masks of the first block. Returns what the last port gave.
        """
        probe, node = self.probe(stages, x, sps, stage_id, batch=batch)
        made = Made()
        edges = [0]
        for cut in [*sorted(cut for cut in set(cuts) if 0 < cut < len(x)), len(x)]:
            while edges[-1] < cut:
                edges.append(min(cut, edges[-1] + batch))
        for begin, end in pairwise(edges):
            planes = {"values": None, "counts": x[begin:end]} if x.dtype == np.int32 else {"values": x[begin:end]}
            packets = probe.push(**planes, **(first if begin == 0 else {}))
            made.packets += [packet for packet in packets if packet["port"] == len(node.outputs) - 1]
        made.packets += [packet for packet in probe.flush() if packet["port"] == len(node.outputs) - 1]
        return made


def cuts_of(rng: np.random.Generator, n_frames: int, n_cuts: int) -> list[int]:
    """Return random places to cut an array of `n_frames` at."""
    return sorted(int(cut) for cut in rng.integers(1, max(2, n_frames), n_cuts))

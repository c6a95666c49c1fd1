"""The plan: everything a run needs, decided before any device is touched.

Plain data. `graph/plan.py` makes it, `graph/runtime.py` runs it, `validate`
and the page show it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from eegcore.stages.stream import Stream

Policy = Literal["fail", "drop_oldest", "block"]


@dataclass
class PortPlan:
    """One output of a declared stage."""

    name: str
    stream: Stream


@dataclass
class StagePlan:
    """One declared stage, as the user wrote it, with all defaults filled in."""

    id: str
    type: str
    role: Literal["source", "stage", "sink"]
    group: str
    inputs: list[tuple[str, str]]              # (stage id, port name)
    settings: dict[str, Any]
    outputs: list[PortPlan]
    native: dict[str, Any]
    on_error: str
    critical: bool
    budget_us: float | None = None
    timeout_ms: float | None = None
    default: list[float] = field(default_factory=list)     # one value per channel; on_error: use_default


@dataclass
class NodePlan:
    """One thing a worker calls: a stage, or several linear ones compiled into one cascade.

    `outputs` names, for every native output port, the declared stage and port
    whose packets it makes. `params` is what the native side is created from;
    ``params["node"]`` picks the descriptor.
    """

    name: str
    params: dict[str, Any]
    members: list[str]
    inputs: list[tuple[str, str]]              # (declared stage id, port name)
    outputs: list[tuple[str, str]]             # (declared stage id, port name), by native port
    pools: list[str]                           # pool of each output port


@dataclass
class GroupPlan:
    """One thread. Nodes run in this order, to completion per packet."""

    name: str
    kind: Literal["source", "worker", "sink"]  # sink: a Python thread that drains one edge
    thread: str                                # acquire, worker-<group>, sink-<id>
    nodes: list[NodePlan]
    cores: list[int] = field(default_factory=list)
    priority: int | None = None


@dataclass
class EdgePlan:
    """One bounded ring between two threads, or (`to_group` "loop") towards the server."""

    name: str                                  # "bandpass->csv_sink"; with a port: "zip.b->csv_sink"
    from_stage: str
    from_port: str
    to_stage: str
    to_port: int
    from_group: str
    to_group: str
    policy: Policy
    capacity: int                              # packets, power of two
    critical: bool                             # a full `fail` edge stops the run; else it closes the sink behind it
    seconds: float                             # how much time the capacity holds


@dataclass
class PoolPlan:
    """One slab of equal slots."""

    name: str
    slot_bytes: int                            # payload, without the packet header
    slots: int
    made_of: dict[str, int] = field(default_factory=dict)   # what the size was computed from


@dataclass
class Plan:
    """A complete, checked, side-effect-free description of one run."""

    name: str
    clock: Literal["real", "virtual"]
    realtime: Literal["auto", "require", "never"]
    summary_s: float
    stages: list[StagePlan]
    groups: list[GroupPlan]
    edges: list[EdgePlan]
    pools: list[PoolPlan]
    paths: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    config: dict[str, Any] = field(default_factory=dict, compare=False)   # merged, as it was planned; {} if unknown

    def stage(self, stage_id: str) -> StagePlan:
        """Return the declared stage called `stage_id`; KeyError if there is none."""
        for stage in self.stages:
            if stage.id == stage_id:
                return stage
        raise KeyError(stage_id)

    def pool(self, name: str) -> PoolPlan:
        """Return the pool called `name`; KeyError if there is none."""
        for pool in self.pools:
            if pool.name == name:
                return pool
        raise KeyError(name)

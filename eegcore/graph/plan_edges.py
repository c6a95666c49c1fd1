"""The rings between threads: policy, capacity, and what a full one means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from eegcore.graph.plan_groups import Group, group_of
from eegcore.graph.plan_sizes import HISTORY_S, MAX_CAPACITY, SCREEN_S, Carried, capacity, power_of_two, ring_seconds
from eegcore.graph.plan_streams import Declared, Described, Flow
from eegcore.graph.plan_types import EdgePlan, Policy
from eegcore.stages.base import OUT

if TYPE_CHECKING:
    from eegcore.config import PipelineConfig, Problems


def make_edges(flow: Flow, groups: list[Group], config: PipelineConfig, clock: Literal["real", "virtual"],
               problems: Problems) -> list[Carried]:
    """Return every edge between groups, and one from every websocket sink to the server."""
    home = group_of(groups)
    stages = flow.by_id()
    recorded = flow.with_above({stage.id for stage in flow.declared if stage.type.records})
    critical = flow.with_above({stage.id for stage in flow.declared if stage.config.common.critical})
    edges: list[Carried] = []
    for stage in flow.stages:
        crossing = [(number, ref) for number, ref in enumerate(stage.inputs) if home[ref[0]] is not home[stage.id]]
        for number, (source, port) in crossing:
            stream = flow.streams[(source, port)]
            into_recorder = home[stage.id].kind == "sink"
            policy = _policy(stage, stream.can_wait, clock, stage.id in recorded, stage.id in critical, problems)
            packets_per_s = stages[source].packets_per_s
            seconds = ring_seconds(policy, into_recorder and stage.type.records)
            if stage.type.reads_all and policy == "drop_oldest":
                seconds = HISTORY_S
            count = _capacity(stage, config, seconds, packets_per_s)
            name = f"{source}->{stage.id}" if port == OUT else f"{source}.{port}->{stage.id}"
            if any(item.edge.name == name for item in edges):     # the same output twice: ports tell them apart
                name = f"{name}.{number}"
            stops = policy == "fail" and (not into_recorder or stage.id in critical)
            edges.append(Carried(EdgePlan(
                name, source, port, stage.id, number, home[source].name, home[stage.id].name, policy, count,
                stops, count / packets_per_s), stream, taken_by_python=into_recorder))
    edges += [_to_server(stage, flow, home, clock) for stage in flow.stages if stage.type.name == "websocket_sink"]
    return edges


def _to_server(stage: Described, flow: Flow, home: dict[str, Group], clock: Literal["real", "virtual"]) -> Carried:
    """A screen's edge: it drops its oldest packet rather than wait, whatever lies below; in lock-step it waits."""
    count = capacity(SCREEN_S, stage.packets_per_s)
    edge = EdgePlan(f"{stage.id}->server", stage.id, "", "server", 0, home[stage.id].name, "loop",
                    "block" if clock == "virtual" else "drop_oldest", count, False, count / stage.packets_per_s)
    return Carried(edge, flow.streams[stage.inputs[0]], taken_by_python=True)


def _policy(stage: Described, can_wait: bool, clock: Literal["real", "virtual"], recorded: bool, critical: bool,
            problems: Problems) -> Policy:
    wanted = stage.config.common.overflow
    if wanted == "drop_oldest" and critical:
        problems.add(f"{stage.path}.overflow", "drop_oldest throws frames away above a stage that is critical",
                     allowed="fail, or block below a playback", hint="Remove overflow or critical")
    if wanted == "block" and not can_wait:
        problems.add(f"{stage.path}.overflow", "block would make a source wait that cannot",
                     allowed="fail or drop_oldest; block below playback and in virtual time",
                     hint="Remove overflow")
    if clock == "virtual":
        return "block"
    if wanted is not None:
        policy: Policy = wanted
        return policy
    if can_wait:
        return "block"
    return "fail" if recorded or critical else "drop_oldest"


def _capacity(stage: Described, config: PipelineConfig, seconds: float, packets_per_s: float) -> int:
    wanted = stage.config.common.queue
    if wanted in (None, "auto"):
        wanted = config.runtime.queue
    if wanted in (None, "auto"):
        return capacity(seconds, packets_per_s)
    return min(MAX_CAPACITY, power_of_two(int(wanted)))


def check_edge_keys(flow: Flow, groups: list[Group], problems: Problems) -> None:
    """Refuse `queue` and `overflow` where there is no edge they could describe."""
    home = group_of(groups)
    for stage in flow.declared:
        if len(stage.sources) == len(stage.config.inputs) and all(
                home[source] is home[stage.id] for source in stage.sources):
            _refuse_edge_keys(stage, home[stage.id], problems)


def _refuse_edge_keys(stage: Declared, group: Group, problems: Problems) -> None:
    for key in ("queue", "overflow"):
        value = getattr(stage.config.common, key)
        if value is None:
            continue
        if not stage.sources:
            problems.add(f"{stage.path}.{key}", f"{key}: {value} describes the edge into a stage, "
                         f"and {stage.id!r} is a source", hint=f"Remove {key}, or give it to the stage that reads")
        else:
            problems.add(f"{stage.path}.{key}", f"{key}: {value} describes the edge into a stage, and {stage.id!r} "
                         f"and {stage.sources[0]!r} run in one group ({group.name!r}), where there is none",
                         hint=f"Remove {key}, or give {stage.id!r} a group of its own")

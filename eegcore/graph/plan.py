"""From a checked configuration to a complete plan: nothing is left to guess while running.

Without side effects: no device is touched, no file is written but the cache of
filter designs, and the compiled module is not needed.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Literal

from eegcore.graph.plan_edges import check_edge_keys, make_edges
from eegcore.graph.plan_groups import Group, group_of, make_groups
from eegcore.graph.plan_json import plan_json, plan_load
from eegcore.graph.plan_nodes import make_nodes
from eegcore.graph.plan_policies import check_defaults, default_samples, refuse_foreign_policies
from eegcore.graph.plan_sizes import Carried, pools, slot_bytes
from eegcore.graph.plan_streams import Described, Flow, follow_streams
from eegcore.graph.plan_text import describe_plan
from eegcore.graph.plan_types import GroupPlan, Plan, PoolPlan, PortPlan, StagePlan
from eegcore.stages import catalogue
from eegcore.stages.design import Designer

if TYPE_CHECKING:
    from eegcore.config import PipelineConfig, Problems
    from eegcore.stages.base import StageType

__all__ = ["describe_plan", "make_plan", "plan_json", "plan_load"]

MOST_LOCAL_READERS = 32                        # EC_MAX_LOCAL of csrc/graph/ec_node.h
MOST_POOLS = 64                                # EC_MAX_POOLS
MOST_GROUPS = 64                               # MAX_GROUPS of pyx/_rt.pyx
POOLS_WARN_BYTES = 256 * 2**20
POOLS_MOST_BYTES = 4 * 2**30


def make_plan(config: PipelineConfig, problems: Problems, clock: Literal["real", "virtual"] | None = None, *,
              types: dict[str, StageType] | None = None) -> Plan | None:
    """Decide everything a run needs.

    Parameters
    ----------
    config : PipelineConfig
        As `load` gave it: stages that could not be read may be missing, which `problems` says.
    problems : Problems
        Gets every problem found, all of them in one pass.
    clock : {"real", "virtual"}, optional
        Overrides the clock of the configuration.
    types : dict, optional
        The stage catalogue; `eegcore.stages.catalogue()` if None.

    Returns
    -------
    Plan or None
        None if there is any problem.
    """
    used_clock: Literal["real", "virtual"] = clock or config.runtime.clock
    with Designer() as designer:
        flow = follow_streams(config, types or catalogue(), used_clock, designer, problems)
    _check_topics(flow, problems)
    _check_files(flow, problems)
    refuse_foreign_policies(config, problems)
    check_defaults(flow, problems)
    groups = make_groups(flow, config, problems)
    check_edge_keys(flow, groups, problems)
    carried = make_edges(flow, groups, config, used_clock, problems)
    if problems:
        return None
    home = group_of(groups)
    stages = [_stage_plan(stage, home[stage.id]) for stage in flow.stages]
    plan = Plan(config.name, used_clock, config.runtime.realtime, config.runtime.summary_s, stages,
                _group_plans(groups, stages, flow), [item.edge for item in carried], [],
                warnings=_warnings(flow, groups, config), config=config.merged())
    plan.pools = pools(carried, _holders(plan, flow))
    plan.paths = _paths(flow, carried)
    _check_memory(plan, problems)
    _check_limits(plan, flow, problems)
    return None if problems else plan


def _check_topics(flow: Flow, problems: Problems) -> None:
    seen: dict[str, str] = {}
    for stage in flow.declared:
        if stage.type.name != "websocket_sink":
            continue
        topic = getattr(stage.config.settings, "topic", None) or stage.id
        if topic in seen:
            problems.add(f"{stage.path}.topic", f"topic {topic!r} is taken by {seen[topic]!r}",
                         hint="Give every websocket_sink its own topic")
        seen.setdefault(topic, stage.id)


def _check_files(flow: Flow, problems: Problems) -> None:
    """Two sinks cannot write one file: the second would be refused after the first has made it."""
    seen: dict[str, str] = {}
    for stage in flow.declared:
        path = getattr(stage.config.settings, "path", None)
        if stage.type.role != "sink" or not path:
            continue
        name = os.path.normpath(path)
        if name in seen:
            problems.add(f"{stage.path}.path", f"{path!r} is written by {seen[name]!r}",
                         hint="Give every sink a file of its own")
        seen.setdefault(name, stage.id)


def _stage_plan(stage: Described, group: Group) -> StagePlan:
    common = stage.config.common
    settings: dict[str, Any] = {**stage.config.settings.model_dump(mode="json"), **stage.description.resolved}
    on_error = common.on_error or ("drain_then_stop" if stage.type.role == "sink" else "fatal")
    return StagePlan(
        stage.id, stage.config.type, stage.type.role, group.name, list(stage.inputs), settings,
        [PortPlan(port.name, port.stream) for port in stage.description.outputs], stage.description.native,
        on_error, bool(common.critical), common.budget_us, common.timeout_ms, default_samples(stage))


def _group_plans(groups: list[Group], stages: list[StagePlan], flow: Flow) -> list[GroupPlan]:
    return [GroupPlan(group.name, group.kind, group.thread,
                      make_nodes([stage for stage in stages if stage.group == group.name], flow.streams),
                      group.cores, group.priority) for group in groups]


def _holders(plan: Plan, flow: Flow) -> dict[int, int]:
    """Return, by slot size, how many nodes read or write packets of it."""
    count: dict[int, int] = {}
    for group in plan.groups:
        for node in group.nodes:
            for n_bytes in {slot_bytes(flow.streams[ref]) for ref in [*node.inputs, *node.outputs]}:
                count[n_bytes] = count.get(n_bytes, 0) + 1
    return count


def _paths(flow: Flow, carried: list[Carried]) -> list[dict[str, Any]]:
    """Return the slowest way to every sink.

    ``latency_ms`` is the bound with every ring on the way full and every wait for another input at its longest;
    ``idle_ms`` what is left when the rings are empty and nothing is late: filling a packet, the delay of the
    filters, and the usual wait for other inputs.
    """
    seconds = {(item.edge.from_stage, item.edge.to_stage): item.edge.seconds for item in carried}
    slowest: dict[str, dict[str, Any]] = {}
    paths = []
    for stage in flow.stages:
        ways = [{**slowest[source], "stages": [*slowest[source]["stages"], stage.id],
                 "rings_ms": slowest[source]["rings_ms"] + 1e3 * seconds.get((source, stage.id), 0.0)}
                for source, _ in dict.fromkeys(stage.inputs)]
        usual_s, most_s = stage.description.held_s
        for way in ways:
            way["waits_ms"] += 1e3 * most_s
            way["usual_ms"] += 1e3 * usual_s
        if not ways:
            stream = stage.description.outputs[0].stream
            ways = [{"stages": [stage.id], "batch_ms": 1e3 * stream.max_frames / stream.sps, "rings_ms": 0.0,
                     "waits_ms": 0.0, "usual_ms": 0.0}]
        slowest[stage.id] = max(ways, key=lambda way: float(way["batch_ms"] + way["rings_ms"] + way["waits_ms"]))
        if stage.type.role != "sink":
            continue
        way = dict(slowest[stage.id])
        way["rings_ms"] += 1e3 * seconds.get((stage.id, "server"), 0.0)
        delay_ms = 1e3 * max(flow.streams[ref].delay_s for ref in stage.inputs)
        bound_ms = way["batch_ms"] + delay_ms + way["rings_ms"] + way["waits_ms"]
        idle_ms = way["batch_ms"] + delay_ms + way.pop("usual_ms")
        paths.append({"sink": stage.id, "latency_ms": bound_ms, "idle_ms": idle_ms,
                      "delay_ms": delay_ms, **way})
    return paths


def _warnings(flow: Flow, groups: list[Group], config: PipelineConfig) -> list[str]:
    read = {source for stage in flow.declared for source in stage.sources}
    found = [f"{stage.path}: nothing reads the output of {stage.id!r}."
             for stage in flow.stages if stage.type.role != "sink" and stage.id not in read]
    found += [f"{stage.path}: {text}" for stage in flow.stages for text in stage.description.warnings]
    used = {group.name for group in groups} | {"acquire", "dsp", "sinks", "other"}
    found += [f"runtime.groups.{name}: no stage is in this group. Groups in use: {', '.join(sorted(used))}."
              for name in config.runtime.groups if name not in used]
    return found


def _check_memory(plan: Plan, problems: Problems) -> None:
    total = sum(pool.slot_bytes * pool.slots for pool in plan.pools)
    if not plan.pools or total < POOLS_WARN_BYTES:
        return
    largest: PoolPlan = max(plan.pools, key=lambda pool: pool.slot_bytes * pool.slots)
    text = (f"the pools take {total / 2**20:.0f} MiB, {largest.slots} packets of {largest.slot_bytes / 1024:.0f} KiB "
            "the most of it")
    hint = "Lower batch or queue, or the number of bins (max_hz)"
    if total > POOLS_MOST_BYTES:
        problems.add("runtime.queue", text, allowed=f"At most {POOLS_MOST_BYTES // 2**20} MiB", hint=hint)
    else:
        plan.warnings.append(f"runtime.queue: {text}. {hint}.")


def _check_limits(plan: Plan, flow: Flow, problems: Problems) -> None:
    """Refuse what the compiled core has no room for."""
    declared = flow.by_id()
    if len(plan.pools) > MOST_POOLS:
        problems.add("stages", f"packets of {len(plan.pools)} different sizes flow in this pipeline",
                     allowed=f"At most {MOST_POOLS} sizes", hint="Use the same batch and windows in more places")
    if len(plan.groups) > MOST_GROUPS:
        problems.add("stages", f"the pipeline needs {len(plan.groups)} threads", allowed=f"At most {MOST_GROUPS}",
                     hint="Put more stages into the same group")
    for group in plan.groups:
        readers: dict[tuple[str, str], list[str]] = {}
        for node in group.nodes:
            for ref in node.inputs:
                readers.setdefault(ref, []).append(node.members[0])
        for (source, _), names in readers.items():
            if len(names) > MOST_LOCAL_READERS:
                problems.add(f"{declared[names[MOST_LOCAL_READERS]].path}.inputs",
                             f"{len(names)} stages of group {group.name!r} read {source!r}",
                             allowed=f"At most {MOST_LOCAL_READERS} in one group",
                             hint="Give some of them a group of their own")

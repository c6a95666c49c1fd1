"""What a changed configuration means for the graph that runs: other settings of the same nodes, or another graph.

A running graph goes on with new settings as long as everything that was made for it stays: threads, nodes, edges,
pools, and of every stream its kind, labels, unit, rate and packet size. Whatever else changes needs a stop.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields

from eegcore.errors import NeedsStop
from eegcore.graph.plan_check import SOURCES
from eegcore.graph.plan_types import EdgePlan, GroupPlan, NodePlan, Plan, StagePlan
from eegcore.stages.stream import Stream

PortRef = tuple[str, str]

# What a stream has to keep, in the words of the settings and messages.
STREAM_SHAPE = {"kind": "kind", "sps": "rate (sps)", "labels": "labels", "unit": "unit", "n_bins": "number of bins",
                "max_frames": "frames per packet", "step": "step", "sources": "sources", "can_wait": "clock"}
# Settings every stage has that the thread and the edges of a node are made of.
STAGE_SHAPE = {"type": "type", "role": "role", "group": "group", "inputs": "inputs", "on_error": "on_error",
               "critical": "critical", "budget_us": "budget_us"}
EDGE_SHAPE = tuple(field.name for field in fields(EdgePlan) if field.name != "seconds")
MOST_REASONS = 5


@dataclass
class PlanChange:
    """How to get from one plan to another without a stop."""

    nodes: list[NodePlan] = field(default_factory=list)            # of the new plan: those with other parameters
    streams: dict[PortRef, Stream] = field(default_factory=dict)   # outputs of which something else is said now


def compare_plans(running: Plan, wanted: Plan) -> PlanChange:
    """Return which nodes change when `wanted` takes the place of `running`.

    Raises
    ------
    NeedsStop
        If `wanted` is another graph; the message says which streams, stages or edges would change, and how.
    """
    # the first kind of difference is the cause of the others
    reasons = ([*_other_stages(running, wanted)] or [*_other_streams(running, wanted)]
               or [*_other_graph(running, wanted)])
    change = PlanChange()
    if not reasons:
        before = {node.name: node for _, node in _nodes(running)}
        for group, node in _nodes(wanted):
            if node.params != before[node.name].params:
                reasons += _fixed_node(group, node, before[node.name], wanted)
                change.nodes.append(node)
    if reasons:
        shown = " ".join(reasons[:MOST_REASONS])
        more = f" And {len(reasons) - MOST_REASONS} more." if len(reasons) > MOST_REASONS else ""
        raise NeedsStop(f"pipeline: this cannot change while it runs. {shown}{more} Stop the pipeline first, then "
                        "change it.", reasons=reasons)
    old = _streams(running)
    change.streams = {ref: stream for ref, stream in _streams(wanted).items() if stream != old[ref]}
    return change


def _nodes(plan: Plan) -> Iterator[tuple[GroupPlan, NodePlan]]:
    return ((group, node) for group in plan.groups for node in group.nodes)


def _streams(plan: Plan) -> dict[PortRef, Stream]:
    return {(stage.id, port.name): port.stream for stage in plan.stages for port in stage.outputs}


def _other_stages(running: Plan, wanted: Plan) -> Iterator[str]:
    before, after = {stage.id: stage for stage in running.stages}, {stage.id: stage for stage in wanted.stages}
    yield from (f"{name}: the stage would be new." for name in after if name not in before)
    yield from (f"{name}: the stage would be gone." for name in before if name not in after)
    for name in before.keys() & after.keys():
        for key, word in STAGE_SHAPE.items():
            old, new = getattr(before[name], key), getattr(after[name], key)
            if old != new:
                yield f"{name}: {word} would change from {_shown(old)} to {_shown(new)}."


def _other_streams(running: Plan, wanted: Plan) -> Iterator[str]:
    before, after = _streams(running), _streams(wanted)
    for ref in [ref for ref in before if ref not in after] + [ref for ref in after if ref not in before]:
        yield f"{'.'.join(ref)}: the output would {'be new' if ref in after else 'be gone'}."
    told: set[str] = set()                     # what is below a stage that would change follows from it
    for ref, stream in before.items():
        if told.intersection(source for source, _ in running.stage(ref[0]).inputs):
            told.add(ref[0])
            continue
        for key, word in STREAM_SHAPE.items():
            if ref in after and getattr(stream, key) != getattr(after[ref], key):
                told.add(ref[0])
                yield (f"{ref[0]}: the {word} of its output would change from {_shown(getattr(stream, key))} to "
                       f"{_shown(getattr(after[ref], key))}.")


def _other_graph(running: Plan, wanted: Plan) -> Iterator[str]:
    if (running.clock, running.realtime) != (wanted.clock, wanted.realtime):
        yield "runtime: clock and realtime hold for a whole run."
    before, after = [_shape(group) for group in running.groups], [_shape(group) for group in wanted.groups]
    if before != after:
        yield "runtime.groups: the threads, or which stages are compiled into one, would be others."
    edges = {edge.name: edge for edge in running.edges}
    for edge in wanted.edges:
        old = edges.pop(edge.name, None)
        if old is None:
            yield f"edge {edge.name}: it would be new."
            continue
        for name in EDGE_SHAPE:
            if getattr(old, name) != getattr(edge, name):
                yield (f"edge {edge.name}: {name} would change from {_shown(getattr(old, name))} to "
                       f"{_shown(getattr(edge, name))}.")
    yield from (f"edge {name}: it would be gone." for name in edges)
    if [(pool.name, pool.slot_bytes) for pool in running.pools] != [(p.name, p.slot_bytes) for p in wanted.pools]:
        yield "runtime: packets of other sizes would flow."


def _shape(group: GroupPlan) -> tuple[object, ...]:
    return (group.name, group.kind, group.thread, group.cores, group.priority,
            [(node.name, node.members, node.inputs, node.outputs, node.pools) for node in group.nodes])


def _fixed_node(group: GroupPlan, node: NodePlan, before: NodePlan, wanted: Plan) -> list[str]:
    """Say why the parameters of a node cannot change while it runs, if so."""
    stage: StagePlan = wanted.stage(node.members[0])
    name = f"{node.members[0]} ({stage.type})"
    if node.params["node"] != before.params["node"]:
        return [f"{name}: it would be worked by another kind of node."]
    if node.params["node"] in SOURCES:
        return [f"{name}: a source keeps its settings for a whole run."]
    if group.kind == "sink" or node.params["node"] == "websocket_sink":
        return [f"{name}: what it writes to is opened once in a run."]
    if node.params["node"] == "marker_in":
        return [f"{name}: its port and its lines are opened once in a run."]
    return []


def _shown(value: object) -> str:
    text = getattr(value, "name", None) or str(value)
    return text if len(text) <= 60 else text[:57] + "..."

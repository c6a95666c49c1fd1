"""What another configuration means for the graph that runs: which nodes stay, which are new, which go.

A node stays when the same stages are compiled into it, in the same group, and what flows in and out of it has the same
shape; its settings may change with it if its type allows that, and its inputs may come from elsewhere. Everything
else is made anew beside it and takes its place. Only the sources, the clock of the run, and what threads asked the
system for when they began need a stop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from eegcore.errors import NeedsStop
from eegcore.graph.plan_check import SOURCES
from eegcore.graph.plan_types import EdgePlan, NodePlan, Plan, StagePlan
from eegcore.stages.stream import Stream

PortRef = tuple[str, str]
Place = tuple[str, str]                                # group and name of a node

# What a stream has to keep for the nodes that read and make it to stay, in the words of settings and messages.
STREAM_SHAPE = {"kind": "kind", "sps": "rate (sps)", "labels": "labels", "unit": "unit", "n_bins": "number of bins",
                "max_frames": "frames per packet", "step": "step", "sources": "sources", "can_wait": "clock"}
# What of a stage the node is made with, beside its parameters.
STAGE_SHAPE = ("type", "on_error", "default", "budget_us")
FILE_SINKS = ("csv_sink", "bdf_sink", "history_sink")
MOST_REASONS = 5


@dataclass
class PlanChange:
    """How to get from one plan to another without a stop; nodes are those of the plan they are in."""

    kept: dict[Place, NodePlan] = field(default_factory=dict)      # of the new plan
    changed: set[Place] = field(default_factory=set)               # those of `kept` with other parameters
    fresh: dict[Place, NodePlan] = field(default_factory=dict)     # of the new plan
    gone: dict[Place, NodePlan] = field(default_factory=dict)      # of the old plan
    heirs: dict[Place, Place] = field(default_factory=dict)        # new node -> old one whose state it takes over
    streams: dict[PortRef, Stream] = field(default_factory=dict)   # outputs of which something else is said now

    @property
    def nodes(self) -> list[NodePlan]:
        """Nodes that go on with other parameters."""
        return [self.kept[place] for place in self.kept if place in self.changed]

    def replace(self, place: Place, before: NodePlan, can_inherit: bool) -> None:
        """Make a node anew that could stay; it takes over from the old one if its type can."""
        self.fresh[place] = self.kept.pop(place)
        self.changed.discard(place)
        self.gone[place] = before
        if can_inherit:
            self.heirs[place] = place


def compare_plans(running: Plan, wanted: Plan, can_change: Callable[[str], bool]) -> PlanChange:
    """Return which nodes stay and which do not when `wanted` takes the place of `running`.

    Parameters
    ----------
    running, wanted : Plan
        With their stages compiled together alike (`plan_nodes.regrouped`).
    can_change : callable
        Whether a node of a type hands its state over to one with other parameters.

    Raises
    ------
    NeedsStop
        If a source would be another one, the clock, or what a thread asks the system for; the message says which,
        and how.
    """
    reasons = [*_other_run(running, wanted)]
    if reasons:
        shown = " ".join(reasons[:MOST_REASONS])
        more = f" And {len(reasons) - MOST_REASONS} more." if len(reasons) > MOST_REASONS else ""
        raise NeedsStop(f"pipeline: this cannot change while it runs. {shown}{more} Stop the pipeline first, then "
                        "change it.", reasons=reasons)
    change = PlanChange()
    before, after = nodes_of(running), nodes_of(wanted)
    for place, node in after.items():
        old = before.get(place)
        if old is None or not _stays(old, node, running, wanted, can_change):
            change.fresh[place] = node
            continue
        change.kept[place] = node
        if node.params != old.params:
            change.changed.add(place)
    change.gone = {place: node for place, node in before.items() if place not in change.kept}
    change.heirs = {place: heir for place, node in change.fresh.items()
                    if (heir := _heir(place, node, change.gone, running, wanted, can_change)) is not None}
    old_streams = _streams(running)
    change.streams = {ref: stream for ref, stream in _streams(wanted).items() if stream != old_streams.get(ref)}
    return change


def same_shape(one: Stream, other: Stream) -> bool:
    """Whether a node may go on reading or making one stream in the place of the other."""
    return all(getattr(one, key) == getattr(other, key) for key in STREAM_SHAPE)


def nodes_of(plan: Plan) -> dict[Place, NodePlan]:
    """Return the nodes of all groups, file writers included."""
    return {(group.name, node.name): node for group in plan.groups for node in group.nodes}


def _streams(plan: Plan) -> dict[PortRef, Stream]:
    return {(stage.id, port.name): port.stream for stage in plan.stages for port in stage.outputs}


def _stays(old: NodePlan, new: NodePlan, running: Plan, wanted: Plan, can_change: Callable[[str], bool]) -> bool:
    if old.members != new.members or old.outputs != new.outputs or old.params["node"] != new.params["node"]:
        return False
    if any(getattr(running.stage(name), word) != getattr(wanted.stage(name), word)
           for name in new.members for word in STAGE_SHAPE):
        return False
    if new.params["node"] == "history_sink":           # it reads what there is, and writes down what that is
        return {**old.params, "max_bytes": 0} == {**new.params, "max_bytes": 0}
    if old.params != new.params and (_writes(new) or not can_change(new.params["node"])):
        return False
    if (len(new.inputs) != 1 and old.inputs != new.inputs) or (_writes_file(new) and old.inputs != new.inputs):
        return False                                   # what it holds of one input belongs to that one
    before, after = _streams(running), _streams(wanted)
    return (all(same_shape(before[a], after[b]) for a, b in zip(old.inputs, new.inputs, strict=True))
            and all(same_shape(before[ref], after[ref]) for ref in new.outputs)
            and (not _writes_file(new) or _rings(running, new) == _rings(wanted, new)))


def _writes_file(node: NodePlan) -> bool:
    return node.params["node"] in FILE_SINKS


def _writes(node: NodePlan) -> bool:
    return _writes_file(node) or node.params["node"] == "websocket_sink"


def _rings(plan: Plan, node: NodePlan) -> list[EdgePlan]:
    return [edge for edge in plan.edges if edge.to_stage == node.members[0]]


def _heir(place: Place, node: NodePlan, gone: dict[Place, NodePlan], running: Plan, wanted: Plan,
          can_change: Callable[[str], bool]) -> Place | None:
    """Return the node of the same thread that shares most stages with a new one, if it can hand its state over."""
    if _writes(node) or not can_change(node.params["node"]):
        return None
    shared = {other: len(set(old.members) & set(node.members)) for other, old in gone.items()
              if other[0] == place[0] and old.params["node"] == node.params["node"]
              and _same_rate(old, node, running, wanted)}
    best = max(shared, key=lambda other: shared[other], default=None)
    return best if best is not None and shared[best] else None


def _same_rate(old: NodePlan, new: NodePlan, running: Plan, wanted: Plan) -> bool:
    """Whether the stages that two nodes share work on streams of one shape: their past is worth something then."""
    for name in set(old.members) & set(new.members):
        one, other = running.stage(name), wanted.stage(name)
        if one.type != other.type or not all(
                same_shape(_streams(running)[a], _streams(wanted)[b])
                for a, b in zip(one.inputs, other.inputs, strict=False)):
            return False
    return True


def _other_run(running: Plan, wanted: Plan) -> Iterator[str]:
    for word in ("clock", "realtime"):
        if getattr(running, word) != getattr(wanted, word):
            yield (f"runtime.{word}: it would change from {getattr(running, word)} to {getattr(wanted, word)}, and "
                   "holds for a whole run.")
    threads = {group.name: group for group in running.groups}
    for thread in wanted.groups:
        for word in ("cores", "priority"):
            asked, asks = getattr(threads.get(thread.name, thread), word), getattr(thread, word)
            if asked != asks:
                yield (f"runtime.groups.{thread.name}.{word}: it would change from {_shown(asked or 'none')} to "
                       f"{_shown(asks or 'none')}, and a thread asks for it when it begins.")
    before, after = ({stage.id: stage for stage in plan.stages if stage.role == "source"} for plan in (running, wanted))
    yield from (f"{name}: a source would be new." for name in after if name not in before)
    yield from (f"{name}: the source would be gone." for name in before if name not in after)
    yield from _other_marks(running, wanted)
    nodes = [{node.members[0]: (place[0], node) for place, node in nodes_of(plan).items()
              if node.params["node"] in SOURCES} for plan in (running, wanted)]
    for name in before.keys() & after.keys():
        reasons = [*_other_source(before[name], after[name])]
        (group, node), (other_group, other) = nodes[0][name], nodes[1][name]
        if not reasons and node.params != other.params:
            reasons = [f"{name} ({after[name].type}): a source keeps its settings for a whole run."]
        if group != other_group:
            reasons.append(f"{name}: group would change from {group} to {other_group}, and a source keeps its thread.")
        yield from reasons


def _other_marks(running: Plan, wanted: Plan) -> Iterator[str]:
    before, after = ({stage.id: stage.native for stage in plan.stages if stage.native["node"] == "marker_in"}
                     for plan in (running, wanted))
    for name in before.keys() & after.keys():
        if before[name] != after[name]:
            yield f"{name} (marker_in): its port and its lines are opened once in a run."


def _other_source(before: StagePlan, after: StagePlan) -> Iterator[str]:
    for old, new in zip(before.outputs, after.outputs, strict=False):
        for key, word in STREAM_SHAPE.items():
            if getattr(old.stream, key) != getattr(new.stream, key):
                yield (f"{before.id}: the {word} of its output would change from {_shown(getattr(old.stream, key))} "
                       f"to {_shown(getattr(new.stream, key))}.")


def _shown(value: object) -> str:
    text = getattr(value, "name", None) or str(value)
    return text if len(text) <= 60 else text[:57] + "..."

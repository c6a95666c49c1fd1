"""Locks: whoever records forbids every change of what it records, and of nothing else.

Before a change is made the graph that runs is asked: from each stage that would not be what it is, downstream to
whatever it reaches. A stage whose inputs would change counts as one that differs, so that the way packets take now is
the only one to walk: a new way to a recorder ends in a stage whose inputs change, and that one reaches it already.
"""

from __future__ import annotations

from collections.abc import Iterable

from eegcore.errors import Locked
from eegcore.graph.plan_types import EdgePlan, GroupPlan, Plan

RING_WORDS = ("queue", "overflow")
MOST_NAMED = 5


def differing_stages(running: Plan, wanted: Plan) -> list[str]:
    """Return the stages of `running` that `wanted` does not have as they are, in their order.

    As they are means all of it: a new node may come of a word that alters no sample, and a recorder that is made anew
    ends its file. What is said of the rings in front of a stage is said of it.
    """
    after = {stage.id: stage for stage in wanted.stages}
    said, rings = (_said_of_rings(running), _said_of_rings(wanted)), (_file_rings(running), _file_rings(wanted))
    return [stage.id for stage in running.stages
            if stage != after.get(stage.id) or said[0].get(stage.id) != said[1].get(stage.id)
            or rings[0].get(stage.id) != rings[1].get(stage.id)]


def downstream(plan: Plan, stages: Iterable[str]) -> list[str]:
    """Return `stages` and all that packets of theirs reach, in the order of the plan, which is topological."""
    reached = set(stages)
    for stage in plan.stages:
        if any(source in reached for source, _ in stage.inputs):
            reached.add(stage.id)
    return [stage.id for stage in plan.stages if stage.id in reached]


def refuse_locked(running: Plan, wanted: Plan, holders: Iterable[str]) -> list[str]:
    """Return what a change reaches; refuse it if a holder of a lock is there.

    Raises
    ------
    Locked
        With the ids of all holders that it reaches, in the order of the plan.
    """
    differing = differing_stages(running, wanted)
    reached = downstream(running, differing)
    held = set(holders)
    found = [stage for stage in reached if stage in held]
    if found:
        causes = [cause for cause in _causes(running, differing)
                  if set(found).intersection(downstream(running, [cause]))]
        named = ", ".join(causes[:MOST_NAMED]) + (" and more" if len(causes) > MOST_NAMED else "")
        records = "records" if len(found) == 1 else "record"
        raise Locked(f"{named}: locked, because {' and '.join(found)} {records} what would change. While a file is "
                     "open only branches that do not reach it can change. End the recording, or stop the pipeline, "
                     "first.", holders=found)
    return reached


def _causes(plan: Plan, differing: list[str]) -> list[str]:
    """Return those that do not differ because of another one above them, whose streams they were made for."""
    below: set[str] = set()
    for name in differing:
        below.update(stage for stage in downstream(plan, [name]) if stage != name)
    return [name for name in differing if name not in below] or differing


def _said_of_rings(plan: Plan) -> dict[str, tuple[object, ...]]:
    """Return what the document says of the rings in front of each stage; what the plan makes of the rest is its own."""
    return {name: tuple(stage.get(word) for word in RING_WORDS)
            for name, stage in plan.config.get("stages", {}).items()}


def _file_rings(plan: Plan) -> dict[str, list[EdgePlan]]:
    """Return the rings in front of file writers, which are part of the writer: a longer one is another reader."""
    writers = {member for group in plan.groups if is_file(group) for node in group.nodes for member in node.members}
    found: dict[str, list[EdgePlan]] = {}
    for edge in plan.edges:
        if edge.to_stage in writers:
            found.setdefault(edge.to_stage, []).append(edge)
    return found


def is_file(group: GroupPlan) -> bool:
    """Whether a thread is that of a file writer."""
    return group.kind == "sink"

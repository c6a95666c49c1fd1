"""Which sink of a pipeline records, and what a pipeline without one needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eegcore.errors import StateConflict

if TYPE_CHECKING:
    from eegcore.graph.plan_types import Plan, StagePlan

TYPE = "bdf_sink"
PRE_ROLL_S = 10.0                                      # it stays: the next recording may begin so much earlier


def recorders(plan: Plan) -> list[StagePlan]:
    """Return the recorders of a plan, in its order."""
    return [stage for stage in plan.stages if stage.type == TYPE]


def new_recorder(plan: Plan) -> tuple[str, dict[str, Any]]:
    """Return id and declaration of an armed recorder at the first output that carries counts.

    Raises
    ------
    StateConflict
        Code ``no_raw_source``: there is no such output.
    """
    for stage in plan.stages:
        for port in stage.outputs:
            if port.stream.kind.has_counts:
                name = stage.id if port.name == stage.outputs[0].name else f"{stage.id}.{port.name}"
                return free_id(plan), {"type": TYPE, "inputs": [name], "armed": True, "pre_roll_s": PRE_ROLL_S}
    raise StateConflict("recording: nothing in this pipeline carries counts, and a recording keeps counts as the chip "
                        "gave them. Use acquire, or a playback with raw: true.", code="no_raw_source")


def free_id(plan: Plan) -> str:
    """Return the id of a new recorder: its type, with a number if that is taken."""
    taken = {stage.id for stage in plan.stages}
    number, name = 1, TYPE
    while name in taken:
        number += 1
        name = f"{TYPE}_{number}"
    return name

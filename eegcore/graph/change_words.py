"""What one revision changed, in the words of annotations: ``notch.hz=50; fft added``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from eegcore.graph.plan_types import Plan

MOST_PARTS = 8                                         # an annotation is one line of a list
MOST_CHARS = 40                                        # of one value


def change_text(running: Plan, wanted: Plan) -> str:
    """Return what changes from one plan to the other, empty if nothing a user has written does."""
    parts = list(_parts(running, wanted))
    more = f"; and {len(parts) - MOST_PARTS} more" if len(parts) > MOST_PARTS else ""
    return "; ".join(parts[:MOST_PARTS]) + more


def _parts(running: Plan, wanted: Plan) -> Iterator[str]:
    before, after = ({stage.id: stage for stage in plan.stages} for plan in (running, wanted))
    for name, stage in after.items():
        old = before.get(name)
        if old is None:
            yield f"{name} added"
            continue
        if old.type != stage.type:
            yield f"{name}={stage.type}"
            continue
        for key, value in stage.settings.items():
            if key not in old.settings or old.settings[key] != value:
                yield f"{name}.{key}={_shown(value)}"
        if old.inputs != stage.inputs:
            yield f"{name}.inputs={','.join(source for source, _ in stage.inputs)}"
        if old.group != stage.group:
            yield f"{name}.group={stage.group}"
    yield from (f"{name} removed" for name in before if name not in after)


def _shown(value: Any) -> str:
    text = "default" if value is None else f"{value:.10g}" if isinstance(value, float) else str(value)
    return text if len(text) <= MOST_CHARS else text[:MOST_CHARS - 3] + "..."

"""Stages added, removed and replaced: from one document to the next. Whether it makes a graph is checked afterwards.

Adding
    `after` makes a branch: the new stage reads that output. With `splice` it goes into the path: what read `after`
    reads the new stage. An output that nobody reads gets a websocket sink ``ws_<id>``, unless `topic` is False.
Removing
    What reads a transform with one input and one output of the same kind takes its input instead. Below any other
    stage, sinks that read nothing else go with it, and other readers are a reason to refuse. The sink ``ws_<id>``
    that came with a stage goes with it in any case.
Replacing
    The stage keeps its id and its place, and its inputs unless others are given.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from eegcore.config.nodes import shown
from eegcore.config.problems import did_you_mean, listing
from eegcore.control.documents import Document, written
from eegcore.errors import BadArgument, NotFound, StateConflict
from eegcore.stages import catalogue

if TYPE_CHECKING:
    from eegcore.config import PipelineConfig
    from eegcore.control.held import Held
    from eegcore.graph.plan_types import Plan

SINK_PREFIX = "ws_"
WEBSOCKET_SINK = "websocket_sink"


class Present(NamedTuple):
    """A configuration and its plan, of somebody who holds no revisions."""

    config: PipelineConfig
    plan: Plan


def stage_added(held: Held | Present, stage_id: str, stage: Any = None, *, after: str | None = None,
                splice: bool = False, topic: str | bool | None = None) -> Document:
    """Return the document with a new stage.

    Parameters
    ----------
    held : Held or Present
    stage_id : str
        Of the new stage. Without `stage` it is also its type, with defaults.
    stage : dict, optional
        ``{"type": "notch", "hz": 50}``, or ``{"notch": {"hz": 50}}`` as in a pipeline file.
    after : str, optional
        Stage or ``stage.port`` it reads.
    splice : bool
        Put it into the path behind `after`.
    topic : str or bool, optional
        Of its websocket sink; False for none. Default: its id, when nobody reads it.

    Raises
    ------
    NotFound
        If there is no stage called `after`.
    StateConflict
        If the id is taken.
    BadArgument
        If the request contradicts itself.
    """
    document = written(held.config)
    stages: Document = document["stages"]
    if stage_id in stages:
        raise StateConflict(f"stage: {stage_id!r} is there already. Choose another id, or replace it.")
    made = as_settings(stage_id, stage, stage_id)
    stage_type = catalogue().get(made["type"])
    has_output = stage_type is None or stage_type.role != "sink"
    if after is not None:
        _known(held, after.partition(".")[0], "after")
        if made.setdefault("inputs", after) not in (after, [after]):
            raise BadArgument(f"stage: it reads {shown(made['inputs'])}, and after says {after!r}. Give one of them.")
    if splice and after is None:
        raise BadArgument("splice: behind which stage is not said. Give after.")
    if splice and not has_output:
        raise BadArgument(f"splice: {made['type']} has no output that others could read. Leave splice out.")
    if splice and after is not None:
        for reader in stages.values():
            reader["inputs"] = [stage_id if _reads(held, ref, after) else ref for ref in reader["inputs"]]
    is_read = any(ref.partition(".")[0] == stage_id for reader in stages.values() for ref in reader["inputs"])
    behind = {stage_id: made}
    if topic is not False and (topic is not None or (has_output and not is_read)):
        sink_id = SINK_PREFIX + stage_id
        if sink_id in stages:
            raise StateConflict(f"stage: its websocket sink would be {sink_id!r}, which is there already. Choose "
                                "another id, or send \"topic\": false.")
        behind[sink_id] = {"type": WEBSOCKET_SINK, "inputs": [stage_id],
                           "topic": topic if isinstance(topic, str) else stage_id}
    document["stages"] = _placed(stages, behind, after)
    return document


def stage_removed(held: Held | Present, stage_id: str) -> Document:
    """Return the document without a stage; see above for what becomes of its readers.

    Raises
    ------
    NotFound
        If there is no such stage.
    StateConflict
        If something reads it that cannot go on without it.
    """
    document = written(held.config)
    stages: Document = document["stages"]
    _known(held, stage_id, "stage")
    gone = stages.pop(stage_id)
    own_sink = stages.get(SINK_PREFIX + stage_id)
    if own_sink is not None and own_sink["type"] == WEBSOCKET_SINK and _only_reads(own_sink, stage_id):
        del stages[SINK_PREFIX + stage_id]
    readers = {name: stage for name, stage in stages.items()
               if any(ref.partition(".")[0] == stage_id for ref in stage["inputs"])}
    if _passes(held, stage_id):
        for reader in readers.values():
            refs = [gone["inputs"][0] if ref.partition(".")[0] == stage_id else ref for ref in reader["inputs"]]
            reader["inputs"] = list(dict.fromkeys(refs))
        return document
    needed = [name for name, stage in readers.items()
              if held.plan.stage(name).role != "sink" or not _only_reads(stage, stage_id)]
    if needed:
        raise StateConflict(f"stage: {stage_id!r} cannot be removed: {listing(needed)} read{'s' * (len(needed) == 1)} "
                            "it, and nothing else gives the same kind of samples. Remove what reads it first.",
                            readers=needed)
    for name in readers:
        del stages[name]
    return document


def stage_replaced(held: Held | Present, stage_id: str, stage: Any) -> Document:
    """Return the document with other settings, or another type, for a stage.

    Raises
    ------
    NotFound
        If there is no such stage.
    BadArgument
        If `stage` is none.
    """
    document = written(held.config)
    stages: Document = document["stages"]
    _known(held, stage_id, "stage")
    before = stages[stage_id]
    if stage is None:
        raise BadArgument('stage: missing. Send for example {"action": "replace", "stage": {"type": "notch", "hz": '
                          "50}}.")
    made = as_settings(stage_id, stage, before["type"])
    stage_type = catalogue().get(made["type"])
    if stage_type is None or stage_type.inputs_allowed[1] > 0:
        made.setdefault("inputs", before["inputs"])
    stages[stage_id] = made
    return document


def as_settings(stage_id: str, stage: Any, default_type: str) -> Document:
    """Return a stage in the form of the merged configuration, its type inside."""
    if stage is None:
        return {"type": default_type}
    if not isinstance(stage, Mapping):
        raise BadArgument(f'stage: {shown(stage)} is not a stage. Send for example {{"type": "notch", "hz": 50}}.')
    if "type" not in stage and len(stage) == 1:
        (name, settings), = stage.items()
        if name in catalogue() and (settings is None or isinstance(settings, Mapping)):
            stage = {"type": name, **(settings or {})}
    # settings may be called like types (gain of acquire): that is no mistake where the type is known
    outside = next((name for name in stage if name in catalogue()), None)
    if outside is not None and "type" not in stage and default_type not in catalogue():
        others = ", ".join(shown(name) for name in stage if name != outside)
        raise BadArgument(f'stage: {others} {"stand" if len(stage) > 2 else "stands"} beside {outside!r}. Put all that '
                          f'belongs to it inside: {{{json.dumps(outside)}: {{...}}}}.' if others else
                          f"stage: {outside!r} holds {shown(stage[outside])}, and not its settings. Send for example "
                          f'{{{json.dumps(outside)}: {{}}}}.')
    made = {"type": default_type, **stage}
    if not isinstance(made["type"], str):
        raise BadArgument(f"stage: type {shown(made['type'])} is not a name. Send for example {{\"type\": \"notch\"}}.")
    if made.pop("id", stage_id) != stage_id:
        raise BadArgument(f"stage: its id is {shown(stage['id'])}, and the request is about {stage_id!r}. Give the "
                          "same, or leave id out.")
    if made.get("inputs", ()) is None:
        del made["inputs"]
    return made


def _known(held: Held | Present, stage_id: str, what: str) -> None:
    known = [stage.id for stage in held.config.stages]
    if stage_id not in known:
        hint = did_you_mean(stage_id, known, f"Known: {listing(known)}.")
        raise NotFound(f"{what}: no stage is called {shown(stage_id)}. {hint}")


def _reads(held: Held | Present, ref: str, after: str) -> bool:
    """Return whether an input is the output `after` names; without a port that is the first."""
    def named(text: str) -> tuple[str, str]:
        name, _, port = text.partition(".")
        outputs = held.plan.stage(name).outputs
        return name, port or (outputs[0].name if outputs else "")

    return named(ref) == named(after)


def _only_reads(stage: Document, stage_id: str) -> bool:
    return all(ref.partition(".")[0] == stage_id for ref in stage["inputs"])


def _passes(held: Held | Present, stage_id: str) -> bool:
    """Return whether a stage hands on what it reads: one input, one output, the same kind of samples."""
    stage = held.plan.stage(stage_id)
    if len(stage.inputs) != 1 or len(stage.outputs) != 1:
        return False
    source, port = stage.inputs[0]
    given = next(out.stream for out in held.plan.stage(source).outputs if out.name == port)
    return given.kind == stage.outputs[0].stream.kind


def _placed(stages: Document, behind: Document, after: str | None) -> Document:
    """Return the stages with new ones behind the one they read; at the end if that is not said."""
    if after is None:
        return {**stages, **behind}
    result: Document = {}
    for name, stage in stages.items():
        result[name] = stage
        if name == after.partition(".")[0]:
            result |= behind
    return result

"""Who reads whom: written inputs resolved, missing ones found, cycles refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from eegcore.config.entries import Entry
from eegcore.config.model import MAX_INPUTS, CommonKeys, InputRef
from eegcore.config.nodes import Node, Part, shown
from eegcore.config.problems import MAX_LISTED, Problems, closest, did_you_mean, listing


@dataclass
class Draft:
    """A stage that is being checked."""

    entry: Entry
    id: str
    stage_type: Any | None               # of the catalogue; None if unknown
    common: CommonKeys
    settings: BaseModel | None = None
    guessed: bool = False
    left_out: bool = False
    inputs_refused: bool = False         # reported already: which stages it reads is not known
    inputs: list[InputRef] = field(default_factory=list)
    supposed: set[str] = field(default_factory=set)     # inputs that are guesses at misspelt ones
    reads_all: bool = False              # no inputs were given, and that means all outputs

    @property
    def has_output(self) -> bool:
        """True unless it is a sink. A stage of unknown type counts: it may well have one."""
        return self.stage_type is None or self.stage_type.role != "sink"


def wire(drafts: list[Draft], problems: Problems) -> None:
    """Fill in `inputs` of every draft; those that cannot have theirs are left out."""
    by_id: dict[str, Draft] = {}
    for draft in drafts:
        by_id.setdefault(draft.id, draft)
    above: Draft | None = None
    for number, draft in enumerate(drafts):
        _connect(draft, above, drafts[:number], by_id, problems)
        if draft.has_output:
            above = draft
    for draft in drafts:
        if draft.reads_all:
            draft.inputs = [(other.id, None) for other in drafts if other.has_output]
    _refuse_cycles(drafts, by_id, problems)


def _connect(draft: Draft, above: Draft | None, before: list[Draft], by_id: dict[str, Draft],
             problems: Problems) -> None:
    written = draft.entry.node.get("inputs")
    if draft.inputs_refused:
        draft.left_out = True
        return
    stage_type = draft.stage_type
    least, most = stage_type.inputs_allowed if stage_type is not None else (0, 1 << 30)
    path = (*draft.entry.path, "inputs")
    reads_all = getattr(stage_type, "reads_all", False) and above is not None
    if reads_all and (written is None or written.value in (None, [])):
        draft.reads_all = True
        return
    if written is None or written.value is None:
        if most == 0:
            return
        if above is not None and least <= 1:
            draft.inputs = [(above.id, None)]
        elif least > 0:
            draft.left_out = True
            _ask_for_inputs(draft, least, before, problems)
        return
    texts = [written.value] if isinstance(written.value, str) else [
        item.value for item in written.value if isinstance(item, Node)] if isinstance(written.value, list) else []
    for number, text in enumerate(texts):
        where: tuple[Part, ...] = (*path, number) if isinstance(written.value, list) else path
        if most > 0 and len(texts) <= MAX_INPUTS:
            _resolve(draft, str(text), where, before, by_id, problems)
    if len(texts) > MAX_INPUTS:
        draft.left_out = True
        problems.add(path, f"{len(texts)} inputs are given", f"Allowed: at most {MAX_INPUTS}", "Change inputs")
    elif not least <= len(texts) <= most and len(set(texts)) == len(texts):
        draft.left_out = True
        name = draft.entry.type
        if most == 0:
            problems.add(path, f"{name} is a source and takes no input", hint="Remove inputs")
        else:
            problems.add(path, f"{name} takes {_count(least, most)}, and {len(texts)} are given",
                         f"Allowed: {_count(least, most)}", "Change inputs")


def _ask_for_inputs(draft: Draft, least: int, before: list[Draft], problems: Problems) -> None:
    name = draft.entry.type
    if least > 1:
        known = [other.id for other in before if other.has_output]
        problems.add(draft.entry.path, f"{name} needs {least} inputs, and none are given",
                     f"Known so far: {listing(known)}" if known else "", f"Add 'inputs: [{', '.join(known[:least])}]'",
                     on_key=True)
    else:
        problems.add(draft.entry.path, f"{name} needs an input, and no stage above has an output",
                     hint="Put a source above it, or name its inputs", on_key=True)


def _count(least: int, most: int) -> str:
    if most >= 1 << 16:
        return f"{least} inputs or more"
    if least == most:
        return f"{least} input{'s' * (least != 1)}"
    return f"{least} to {most} inputs"


def _resolve(draft: Draft, text: str, where: tuple[Part, ...], before: list[Draft], by_id: dict[str, Draft],
             problems: Problems) -> None:
    """Add one written input, or say why there is no such output."""
    name, dot, port = text.partition(".")
    source = by_id.get(name)
    if source is not None and source.has_output and (port or not dot):
        ref = (name, port or None)
        if ref in draft.inputs:
            draft.left_out = True
            problems.add(where, f"{text!r} is given twice", hint="Name every input once")
            return
        draft.inputs.append(ref)
        return
    if problems.full:
        draft.left_out = True
        return
    with_output = list(dict.fromkeys(other.id for other in by_id.values() if other.has_output and other is not draft))
    so_far = [other.id for other in before if other.has_output]
    allowed = f"Known so far: {listing(so_far)}" if so_far else f"Known: {listing(with_output)}" if with_output else ""
    if source is not None and not source.has_output:
        draft.left_out = True
        problems.add(where, f"{name!r} is a sink and has no output", allowed,
                     "Name the stage that the sink reads" if source is not draft else "Name a stage above it")
        return
    if source is not None:
        draft.left_out = True
        problems.add(where, f"{text!r} names no output behind the dot", allowed, f"Write {name!r}")
        return
    of_type = next((other.id for other in by_id.values() if other.entry.type == name and other.has_output), None)
    meant = of_type or closest(name, with_output)
    hint = f"The stage of type {name!r} is called {of_type!r}" if of_type else did_you_mean(
        name, with_output, "Give the id of a stage")
    problems.add(where, f"no stage is called {shown(name)}", allowed, hint)
    if meant is None:
        draft.left_out = True
    else:
        draft.inputs.append((meant, port or None))
        draft.supposed.add(meant)


def _refuse_cycles(drafts: list[Draft], by_id: dict[str, Draft], problems: Problems) -> None:
    """Report every cycle once, at its first stage; cycles that only a guess closes are left out silently."""
    order = {draft.id: number for number, draft in enumerate(drafts)}
    for guesses in (False, True):
        waiting = {draft.id: {name for name, _ in draft.inputs if name in by_id and (
            guesses or name not in draft.supposed)} for draft in drafts if not draft.left_out}
        _drop_free(waiting)
        while waiting:
            for loop in _loops(waiting):
                turn = loop.index(min(loop, key=order.__getitem__))
                if not guesses:
                    _report_cycle(loop[turn:] + loop[:turn], by_id, problems)
                for name in loop:
                    by_id[name].left_out = True
                    del waiting[name]
            _drop_free(waiting)


def _report_cycle(loop: list[str], by_id: dict[str, Draft], problems: Problems) -> None:
    names = loop if len(loop) <= MAX_LISTED else [*loop[:MAX_LISTED], "..."]
    problems.add((*by_id[loop[0]].entry.path, "inputs"),
                 f"the stages form a cycle: {' -> '.join([*names, loop[0]])}",
                 hint="Samples travel one way: take the input of one of them from above")


def _drop_free(waiting: dict[str, set[str]]) -> None:
    """Remove everything that waits for nothing in `waiting`, until only cycles and what is below them remain."""
    readers: dict[str, list[str]] = {}
    for name, sources in waiting.items():
        sources.intersection_update(waiting)
        for source in sources:
            readers.setdefault(source, []).append(name)
    free = [name for name, sources in waiting.items() if not sources]
    while free:
        name = free.pop()
        del waiting[name]
        for reader in readers.get(name, ()):
            waiting[reader].discard(name)
            if not waiting[reader]:
                free.append(reader)


def _loops(waiting: dict[str, set[str]]) -> list[list[str]]:
    """Return cycles that share no stage, at least one, each in the direction of the samples.

    Everything in `waiting` waits for something in it.
    """
    loops: list[list[str]] = []
    seen: set[str] = set()
    for start in waiting:
        walked: dict[str, int] = {}
        at = start
        while at not in seen and at not in walked:
            walked[at] = len(walked)
            at = min(waiting[at])
        if at in walked:
            loops.append(list(walked)[walked[at]:][::-1])
        seen.update(walked)
    return loops

"""Streams through the graph: what comes out of every stage, and every setting that cannot work."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Literal

from eegcore.stages.base import OUT, About, Context, Description, SettingProblem, StageType
from eegcore.stages.stream import Kind, Stream

if TYPE_CHECKING:
    from eegcore.config import PipelineConfig, Problems, StageConfig
    from eegcore.stages.design import Designer

PortRef = tuple[str, str]

MOST_STEP = 2**32                              # step_num is 32 bits wide in every packet

# What a stream cannot be known for if one of these settings was refused and a default stands in its place.
DOUBTS: dict[str, tuple[About, ...]] = {
    "sps": ("rate",), "to_sps": ("rate",), "factor": ("rate",), "window_s": ("rate",), "overlap": ("rate",),
    "channels": ("channels",), "chips": ("channels",), "labels": ("channels",), "columns": ("channels",),
    "path": ("rate", "channels"), "format": ("rate", "channels"), "raw": ("kind",), "keep_raw": ("kind",),
}


@dataclass
class Declared:
    """One stage of the file, with its place in the graph, whether it can work or not."""

    config: StageConfig
    type: StageType
    sources: list[str]                         # ids of the stages it reads, those that could be built

    @property
    def id(self) -> str:
        """The id of the stage."""
        return self.config.id

    @property
    def path(self) -> str:
        """Where it is declared."""
        return self.config.path


@dataclass
class Described(Declared):
    """One stage that can work, with what goes in and what comes out."""

    inputs: list[PortRef]
    description: Description
    packets_per_s: float                       # full packets; what its outputs carry at most


@dataclass
class Flow:
    """All stages in topological order (as declared where that is one), and those of them that can work."""

    declared: list[Declared] = field(default_factory=list)
    stages: list[Described] = field(default_factory=list)
    streams: dict[PortRef, Stream] = field(default_factory=dict)

    def by_id(self) -> dict[str, Described]:
        """Return the stages that can work, by id."""
        return {stage.id: stage for stage in self.stages}

    def with_above(self, marked: set[str]) -> set[str]:
        """Return the ids of `marked` and of everything above them."""
        found = set(marked)
        for stage in reversed(self.declared):
            if stage.id in found:
                found.update(stage.sources)
        return found


def follow_streams(config: PipelineConfig, types: dict[str, StageType], clock: Literal["real", "virtual"],
                   designer: Designer, problems: Problems) -> Flow:
    """Describe every stage whose inputs are sound.

    Stages below a broken one are not judged, and neither is what may only follow
    from a setting that was refused before: one mistake is one message.
    """
    flow = Flow(declared=_topological(config, types))
    done: dict[str, Described] = {}
    doubts: dict[str, set[About]] = {}
    for stage in flow.declared:
        refused = _refused_settings(stage, problems)
        doubt = set().union(*(doubts.get(source, ()) for source in stage.sources)) if stage.sources else set()
        doubts[stage.id] = doubt.union(*(DOUBTS.get(key, ()) for key in refused))
        try:
            described = _describe(stage, flow, done, clock, designer)
        except SettingProblem as problem:
            follows = problem.about in doubt or any(
                key == problem.key or re.search(rf"\b{key}\b", problem.message) for key in refused)
            if not follows:
                path = f"{stage.path}.{problem.key}" if problem.key else stage.path
                hint = ". ".join(filter(None, (problem.hint, _other_input(stage, flow, problem))))
                problems.add(path, problem.message, allowed=problem.allowed, hint=hint)
            continue
        if described is not None:
            done[stage.id] = described
            flow.stages.append(described)
            flow.streams.update({(stage.id, port.name): port.stream for port in described.description.outputs})
    return flow


def _other_input(stage: Declared, flow: Flow, problem: SettingProblem) -> str:
    """Return what to write if a stage names no input, and the nearest above is a spectrum it cannot read."""
    if problem.key != "inputs" or stage.config.common.inputs is not None or len(stage.sources) != 1:
        return ""
    ready, source = flow.by_id(), stage.sources[0]
    above = source
    while above in ready and flow.streams[above, ready[above].description.outputs[0].name].kind is Kind.SPECTRUM_F32:
        if not ready[above].sources:
            return ""
        above = ready[above].sources[0]
    return "" if above == source else f"It reads {source!r}, the nearest above: write inputs: {above} to read another"


def _refused_settings(stage: Declared, problems: Problems) -> set[str]:
    """Return the settings of a stage that were refused or misspelt; defaults stand in their place."""
    prefix = f"{stage.path}."
    keys = {re.split(r"[.\[]", problem.path.removeprefix(prefix), maxsplit=1)[0]
            for problem in problems if problem.path.startswith(prefix)}
    known = list(stage.type.Settings.model_fields)
    return {near for key in keys for near in ([key] if key in known else get_close_matches(key, known, n=1))}


def _describe(stage: Declared, flow: Flow, done: dict[str, Described], clock: Literal["real", "virtual"],
              designer: Designer) -> Described | None:
    refs: list[PortRef] = []
    for source, port in stage.config.inputs:
        if source not in done:
            return None
        names = [out.name for out in done[source].description.outputs]
        if port is not None and port not in names:
            raise SettingProblem("inputs", f"{source!r} has no output called {port!r}",
                                 allowed=f"Known: {', '.join(names)}", hint=f"Write {source!r} for the first")
        refs += [(source, name) for name in (names if stage.config.reads_all else [port or names[0]])]
    streams = [flow.streams[ref] for ref in refs]
    description = stage.type.describe(stage.config.settings, streams, Context(
        stage.id, clock, designer, tuple(source if port == OUT else f"{source}.{port}" for source, port in refs)))
    for out in description.outputs:
        if out.stream.step.numerator >= MOST_STEP:
            raise SettingProblem("", f"a frame of its output stands for {out.stream.step} frames of the device",
                                 allowed=f"Fewer than {MOST_STEP}", hint="Decimate less", about="rate")
    return Described(stage.config, stage.type, stage.sources, refs, description, _rate(refs, done, description))


def _rate(refs: list[PortRef], done: dict[str, Described], description: Description) -> float:
    """Return packets per second: a stage never makes more packets than it gets, nor more than frames."""
    limits = [sum(done[source].packets_per_s for source, _ in refs)] if refs else []
    for port in description.outputs:
        stream = port.stream
        limits.append(stream.sps if refs else stream.sps / stream.max_frames)
    return min(limits)


def _topological(config: PipelineConfig, types: dict[str, StageType]) -> list[Declared]:
    """Return the stages in an order in which inputs come first, as declared wherever possible.

    The configuration has no cycles: those were refused when it was read.
    """
    known = {stage.id for stage in config.stages}
    waiting = [Declared(stage, types[stage.type], list(dict.fromkeys(
        source for source, _ in stage.inputs if source in known))) for stage in config.stages]
    placed: set[str] = set()
    order: list[Declared] = []
    while waiting:
        ready = next(stage for stage in waiting if placed.issuperset(stage.sources))
        waiting.remove(ready)
        placed.add(ready.id)
        order.append(ready)
    return order

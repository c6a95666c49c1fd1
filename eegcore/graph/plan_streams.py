"""Streams through the graph: what comes out of every stage, and every setting that cannot work."""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Literal

from eegcore.stages.base import Context, Description, SettingProblem, StageType
from eegcore.stages.stream import Stream

if TYPE_CHECKING:
    from eegcore.config import PipelineConfig, Problems, StageConfig
    from eegcore.stages.design import Designer

PortRef = tuple[str, str]

MOST_STEP = 2**32                              # step_num is 32 bits wide in every packet


@dataclass
class Described:
    """One stage that can work, with what goes in and what comes out."""

    config: StageConfig
    type: StageType
    inputs: list[PortRef]
    description: Description
    packets_per_s: float                       # full packets; what its outputs carry at most

    @property
    def id(self) -> str:
        """The id of the stage."""
        return self.config.id

    @property
    def path(self) -> str:
        """Where it is declared."""
        return self.config.path


@dataclass
class Flow:
    """All stages that can work, in topological order (as declared where that is one)."""

    stages: list[Described] = field(default_factory=list)
    streams: dict[PortRef, Stream] = field(default_factory=dict)

    def by_id(self) -> dict[str, Described]:
        """Return the stages by id."""
        return {stage.id: stage for stage in self.stages}

    def readers(self) -> dict[str, list[Described]]:
        """Return, for every stage, the stages that read one of its outputs."""
        found: dict[str, list[Described]] = {stage.id: [] for stage in self.stages}
        for stage in self.stages:
            for source, _ in dict.fromkeys(stage.inputs):
                found[source].append(stage)
        return found

    def with_below(self, marked: set[str]) -> set[str]:
        """Return the ids of `marked` and of everything above them: what has one of them below."""
        found = set(marked)
        for stage in reversed(self.stages):
            if stage.id in found:
                found.update(source for source, _ in stage.inputs)
        return found


def add_problem(problems: Problems, stage: StageConfig, problem: SettingProblem) -> None:
    """Report a problem at the setting it is about."""
    path = f"{stage.path}.{problem.key}" if problem.key else stage.path
    problems.add(path, problem.message, allowed=problem.allowed, hint=problem.hint)


def follow_streams(config: PipelineConfig, types: dict[str, StageType], clock: Literal["real", "virtual"],
                   designer: Designer, problems: Problems) -> Flow:
    """Describe every stage whose inputs are sound; the others are left out.

    Stages below a broken one are not judged, so that one mistake is one message.
    """
    # Names that are missing have been reported already if the file had other mistakes too.
    silent = bool(problems)
    flow = Flow()
    by_id = {stage.id: stage for stage in config.stages}
    if not any(types[stage.type].role == "source" for stage in config.stages if stage.type in types) and not silent:
        sources = sorted(name for name, stage_type in types.items() if stage_type.role == "source")
        problems.add("stages", "the pipeline has no source", allowed=f"Sources: {', '.join(sources)}",
                     hint="Begin with one")
        silent = True                          # that is also why the stages have no input
    for stage in _topological(config.stages, by_id, problems, silent):
        if stage.type not in types:
            continue
        try:
            described = _describe(stage, types, by_id, flow, clock, designer, silent)
        except SettingProblem as problem:
            add_problem(problems, stage, problem)
            continue
        if described is not None:
            flow.stages.append(described)
            for port in described.description.outputs:
                flow.streams[(stage.id, port.name)] = port.stream
    return flow


def _describe(stage: StageConfig, types: dict[str, StageType], by_id: dict[str, StageConfig], flow: Flow,
              clock: Literal["real", "virtual"], designer: Designer, silent: bool) -> Described | None:
    stage_type = types[stage.type]
    if silent and not stage.inputs and stage_type.inputs_allowed[0] > 0:
        return None
    _check_count(stage, stage_type)
    done = flow.by_id()
    refs: list[PortRef] = []
    for source, port in stage.inputs:
        if source not in by_id:
            if silent:
                return None
            known = ", ".join(by_id)
            near = get_close_matches(source, list(by_id), n=1)
            raise SettingProblem("inputs", f"no stage is called {source!r}", allowed=f"Known: {known}",
                                 hint=f"Did you mean {near[0]!r}?" if near else "")
        if by_id[source].type in types and types[by_id[source].type].role == "sink":
            raise SettingProblem("inputs", f"{source!r} is a sink and has no output", hint="Name the stage above it")
        if source not in done:
            return None
        names = [out.name for out in done[source].description.outputs]
        if port is not None and port not in names:
            raise SettingProblem("inputs", f"{source!r} has no output called {port!r}",
                                 allowed=f"Known: {', '.join(names)}")
        refs.append((source, port or names[0]))
    streams = [flow.streams[ref] for ref in refs]
    description = stage_type.describe(stage.settings, streams, Context(stage.id, clock, designer))
    for out in description.outputs:
        if out.stream.step.numerator >= MOST_STEP:
            raise SettingProblem("", f"a frame of its output stands for {out.stream.step} frames of the device",
                                 allowed=f"Fewer than {MOST_STEP}", hint="Decimate less")
    return Described(stage, stage_type, refs, description, _rate(refs, done, description))


def _check_count(stage: StageConfig, stage_type: StageType) -> None:
    least, most = stage_type.inputs_allowed
    count = len(stage.inputs)
    if count < least:
        raise SettingProblem("inputs", f"{stage.type} needs {least} input{'s' * (least > 1)}, and {count} are given"
                             if count else f"{stage.type} needs an input, and no stage above has an output",
                             hint="Add a source above" if not count else "")
    if count > most:
        raise SettingProblem("inputs", f"{stage.type} is a source and takes no input" if most == 0
                             else f"{stage.type} takes {most} input{'s' * (most > 1)}, and {count} are given",
                             hint="Remove inputs" if most == 0 else "")


def _rate(refs: list[PortRef], done: dict[str, Described], description: Description) -> float:
    """Return packets per second: a stage never makes more packets than it gets, nor more than frames."""
    limits = [done[source].packets_per_s for source, _ in refs]
    for port in description.outputs:
        stream = port.stream
        limits.append(stream.sps if refs else stream.sps / stream.max_frames)
    return min(limits)


def _topological(stages: tuple[Any, ...], by_id: dict[str, StageConfig], problems: Problems,
                 silent: bool) -> list[StageConfig]:
    """Return the stages in an order in which inputs come first, as declared wherever possible."""
    waiting = list(stages)
    placed: set[str] = set()
    order: list[StageConfig] = []
    while waiting:
        ready = next((stage for stage in waiting if all(
            source in placed or source not in by_id for source, _ in stage.inputs)), None)
        if ready is None:
            break
        waiting.remove(ready)
        placed.add(ready.id)
        order.append(ready)
    if waiting and not silent:
        loop = _loop(waiting, placed)
        problems.add(f"{by_id[loop[0]].path}.inputs", f"the stages form a cycle: {' -> '.join([*loop, loop[0]])}",
                     hint="Samples travel one way: take the input of one of them from above")
    return order


def _loop(waiting: list[StageConfig], placed: set[str]) -> list[str]:
    """Return one cycle among stages that wait for each other, in the direction of the samples."""
    above = {stage.id: next(source for source, _ in stage.inputs if source not in placed and any(
        other.id == source for other in waiting)) for stage in waiting}
    walked: list[str] = []
    at = waiting[0].id
    while at not in walked:
        walked.append(at)
        at = above[at]
    return list(reversed(walked[walked.index(at):]))

"""Which thread runs which stage."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, Literal

from eegcore.graph.plan_streams import Declared, Flow

if TYPE_CHECKING:
    from eegcore.config import PipelineConfig, Problems

RESERVED = ("other", "loop", "control", "server")          # threads of the program, not of the graph


@dataclass
class Group:
    """One thread and its stages, in topological order."""

    name: str
    kind: Literal["source", "worker", "sink"]
    thread: str
    stages: list[Declared] = field(default_factory=list)
    cores: list[int] = field(default_factory=list)
    priority: int | None = None


def make_groups(flow: Flow, config: PipelineConfig, problems: Problems) -> list[Group]:
    """Give every stage its thread; refuse what no thread can do.

    Sources have a thread each: ``acquire``, further ones ``acquire-<id>``. A file
    writer has one of its own, ``sink-<id>``. Everything else joins its group.
    """
    groups: dict[str, Group] = {}
    for stage in flow.declared:
        name, kind, thread = _place(stage, groups, problems)
        group = groups.get(name)
        if group is None:
            group = groups[name] = Group(name, kind, thread)
            _ask_for_cores(group, config)
        elif kind == "source":
            problems.add(f"{stage.path}.group", f"group {name!r} has a source already ({group.stages[0].id!r})",
                         hint="Remove group: every source has a thread of its own")
        group.stages.append(stage)
    result = list(groups.values())
    if _check_sources(result, problems):       # else the same mistake would be reported as a cycle too
        _check_cycles(flow, result, problems)
        _check_meetings(flow, result, problems)
    return result


def group_of(groups: list[Group]) -> dict[str, Group]:
    """Return the group of every stage id."""
    return {stage.id: group for group in groups for stage in group.stages}


def _place(stage: Declared, groups: dict[str, Group],
           problems: Problems) -> tuple[str, Literal["source", "worker", "sink"], str]:
    wanted = stage.config.common.group
    if wanted in RESERVED:
        problems.add(f"{stage.path}.group", f"group {wanted!r} is for the threads of the program itself",
                     allowed="acquire, dsp, sinks or a name of your own")
        wanted = None
    if stage.type.default_group is None:
        if wanted is not None:
            problems.add(f"{stage.path}.group", f"{stage.type.name} always runs on a thread of its own, "
                         f"and group {wanted!r} is given", hint="Remove group")
        return f"sink-{stage.id}", "sink", f"sink-{stage.id}"
    if stage.type.role != "source":
        name = wanted or stage.type.default_group
        return name, "worker", f"worker-{name}"
    first = not any(group.kind == "source" for group in groups.values())
    name = wanted or (stage.type.default_group if first else f"acquire-{stage.id}")
    return name, "source", "acquire" if first else f"acquire-{stage.id}"


def _ask_for_cores(group: Group, config: PipelineConfig) -> None:
    """Take cores and priority from the file; further sources and file writers follow their family."""
    family = {"source": "acquire", "sink": "sinks"}.get(group.kind)
    declared = config.runtime.groups.get(group.name)
    if declared is not None:
        group.cores, group.priority = list(declared.cores or ()), declared.priority
    elif family in config.runtime.groups:
        group.cores = list(config.runtime.groups[family].cores or ())
        # A file writer waits for a disk: it never takes a real-time priority by inheritance.
        group.priority = config.runtime.groups[family].priority if group.kind == "source" else None


def _check_sources(groups: list[Group], problems: Problems) -> bool:
    """A source's thread waits for its device: it cannot wait for a ring as well. True if none has to."""
    home = group_of(groups)
    good = True
    for group in groups:
        if not any(stage.type.role == "source" for stage in group.stages):
            continue
        group.kind = "source"
        for stage in group.stages:
            elsewhere = [source for source in stage.sources if home[source] is not group]
            if elsewhere:
                good = False
                problems.add(f"{stage.path}.group", f"{stage.id!r} reads {elsewhere[0]!r} of group "
                             f"{home[elsewhere[0]].name!r}, and the thread of group {group.name!r} waits for a source",
                             hint="Choose another group")
    return good


def _check_cycles(flow: Flow, groups: list[Group], problems: Problems) -> None:
    """Two threads that wait for each other through rings are refused."""
    home = group_of(groups)
    above: dict[str, set[str]] = {group.name: set() for group in groups}
    for stage in flow.declared:
        above[home[stage.id].name].update(
            home[source].name for source in stage.sources if home[source] is not home[stage.id])
    done: set[str] = set()
    while True:
        free = [name for name, sources in above.items() if name not in done and sources <= done]
        if not free:
            break
        done.update(free)
    stuck = [name for name in above if name not in done]
    if not stuck:
        return
    walked: list[str] = []
    at = stuck[0]
    while at not in walked:
        walked.append(at)
        at = min(above[at] - done)
    loop = list(reversed(walked[walked.index(at):]))
    culprit = next(stage for stage in reversed(flow.declared) if home[stage.id].name in loop and any(
        home[source].name in loop and home[source] is not home[stage.id] for source in stage.sources))
    problems.add(f"{culprit.path}.group", f"the groups wait for each other: {' -> '.join([*loop, loop[0]])}",
                 hint=f"Put {culprit.id!r} into a group of its own, or into one of those before it")


def _check_meetings(flow: Flow, groups: list[Group], problems: Problems) -> None:
    """Refuse streams of different sources that share a thread before they meet in a stage of another one.

    Where rings make their writer wait, the stage would hold one stream back until the other has caught up, and the
    thread they share would stand still with the other in it.
    """
    home = group_of(groups)
    origins: dict[str, set[str]] = {}
    ways: dict[str, set[str]] = {}
    for stage in flow.declared:
        if stage.type.default_group is None:
            continue                           # a file writer takes what comes and holds no stream back for another
        group = home[stage.id]
        origins[stage.id] = set().union(*(origins[source] for source in stage.sources)) or {stage.id}
        own = {group.name} if group.kind == "worker" else set()
        ways[stage.id] = own.union(*(ways[source] for source in stage.sources))
        for one, other in combinations(stage.sources, 2):
            shared = (ways[one] & ways[other]) - {group.name}
            if not shared or origins[one] == origins[other]:
                continue
            problems.add(f"{stage.path}.group", f"{one!r} and {other!r} come from different sources, and both through "
                         f"group {min(shared)!r} before they meet in group {group.name!r}",
                         hint=f"Put {stage.id!r} into group {min(shared)!r} too, or give each of the two its own")
            break

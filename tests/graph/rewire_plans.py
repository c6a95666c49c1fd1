"""Random plans of stages that multiply, and how a running graph gets from one to the next.

A stage has a place: it reads a source or a stage of a lower place. A stage whose reader may not simply be given another
port to read from (`hand_over` says when) is replaced by an heir.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

import numpy as np
from rewire_graphs import BLOCK, Heard, Live, cascade, gain

from eegcore import _rt


@dataclass(frozen=True)
class Stage:
    place: float
    group: int                         # 0 and 1: of the sources; above: workers, which read lower groups
    factor: float
    reads: float                       # place of a stage, or -1 - number of a source
    heard: bool                        # it has an outlet


Plan = dict[float, Stage]


def source_of(plan: Plan, place: float) -> int:
    while place >= 0:
        place = plan[place].reads
    return int(-1 - place)


def factor_of(plan: Plan, place: float) -> float:
    product = 1.0
    while place >= 0:
        product *= plan[place].factor
        place = plan[place].reads
    return product


def may_read(plan: Plan, stage: Stage, n_sources: int) -> list[float]:
    """Return what a stage may read: its group's source is of its own thread, other threads are lower."""
    found = [-1.0 - source for source in range(n_sources) if stage.group in (source, *range(n_sources, 9))]
    return found + [other.place for other in plan.values() if other.place < stage.place
                    and (other.group == stage.group or stage.group >= n_sources > other.group
                         or n_sources <= other.group < stage.group)]


def mend(plan: Plan, n_sources: int, rng: Random) -> Plan:
    """Let every stage read something that is there and that it may read."""
    mended: Plan = {}
    for place in sorted(plan):
        stage = plan[place]
        choices = may_read(mended, stage, n_sources)
        mended[place] = stage if stage.reads in choices else replace(stage, reads=rng.choice(choices))
    return mended


def random_stage(rng: Random, n_sources: int, n_workers: int) -> Stage:
    return Stage(rng.random(), rng.randrange(n_sources + n_workers), rng.choice([0.5, 1.0, 2.0, 4.0]), -9.0,
                 rng.random() < 0.6)


def random_plan(rng: Random, n_sources: int, n_workers: int, n_stages: int) -> Plan:
    stages = [random_stage(rng, n_sources, n_workers) for _ in range(n_stages)]
    return mend({stage.place: stage for stage in stages}, n_sources, rng)


def other_plan(plan: Plan, rng: Random, n_sources: int, n_workers: int) -> Plan:
    """Return a plan with a few differences."""
    changed = dict(plan)
    for _ in range(rng.randint(1, 3)):
        what = rng.choice(["add", "add", "take", "read", "factor", "hear", "move"])
        if what == "add" or len(changed) < 3:
            stage = random_stage(rng, n_sources, n_workers)
            if len(changed) < 14:
                changed[stage.place] = stage
            continue
        stage = changed[rng.choice(sorted(changed))]
        if what == "take":
            del changed[stage.place]
        elif what == "read":
            changed[stage.place] = replace(stage, reads=-9.0)
        elif what == "factor":
            changed[stage.place] = replace(stage, factor=rng.choice([0.5, 1.0, 2.0, 4.0]))
        elif what == "hear":
            changed[stage.place] = replace(stage, heard=not stage.heard)
        else:
            changed[stage.place] = replace(stage, group=rng.randrange(n_sources + n_workers))
    return mend(changed, n_sources, rng)


@dataclass
class Working:
    """A stage as a node of the graph."""

    node: int
    order: tuple[float, int]           # place, and how often it was replaced: the order of schedules
    outlet: int | None = None


@dataclass
class Segment:
    """An outlet on a stage: from a revision on, up to another one."""

    outlet: int
    heard: Heard
    place: float
    first: int
    last: int | None = None            # not of this one any more
    is_forgotten: bool = False


@dataclass
class Driver:
    """Takes one graph through plans."""

    live: Live
    groups: list[int]
    sources: list[int]
    plans: list[Plan]                  # [revision - 1]
    working: dict[float, Working] = field(default_factory=dict)
    edges: dict[tuple[float, float], int] = field(default_factory=dict)     # (from, to) places
    old_nodes: dict[int, tuple[int, tuple[float, int]]] = field(default_factory=dict)   # retired: (group, order)
    old_edges: dict[int, tuple[int, int]] = field(default_factory=dict)     # let go: (group, node)
    segments: list[Segment] = field(default_factory=list)
    old_groups: list[int] = field(default_factory=list)
    replaced: int = 0

    def group_of(self, plan: Plan, place: float) -> int:
        return int(-1 - place) if place < 0 else plan[place].group

    def node_of(self, place: float) -> int:
        return self.sources[int(-1 - place)] if place < 0 else self.working[place].node

    def keeps(self, old: Plan, new: Plan, place: float, kept: set[float]) -> bool:
        """True if the node of a stage goes on as it is."""
        was, is_ = old.get(place), new.get(place)
        if was is None or is_ is None or (was.group, was.factor) != (is_.group, is_.factor):
            return False
        if source_of(old, place) != source_of(new, place):
            return False
        if was.reads == is_.reads and (was.reads < 0 or was.reads in kept):
            return True
        if self.group_of(old, was.reads) != was.group or self.group_of(new, is_.reads) != is_.group:
            return True                # an edge: the core sees to the order
        if was.reads <= is_.reads:
            return True                # the new one stands behind the old one (or is its heir)
        above = was.reads
        while above >= 0 and above not in kept and above in old and above != is_.reads:
            above = old[above].reads   # does the new one let the old one go?
        return above == is_.reads and above not in (None, was.reads)

    def go_to(self, new: Plan, at_frame: int, *, start: bool = False) -> None:
        """Hand over the next plan; the first one too, before the start."""
        live, graph = self.live, self.live.graph
        old = self.plans[-1] if self.plans else {}
        self.plans.append(new)
        rev = live.rev + 1
        fresh_groups = self._fresh_groups(old, new)
        kept: set[float] = set()
        for place in sorted(new):
            if self.keeps(old, new, place, kept):
                kept.add(place)
        changes = []
        ancestors = {place: self.working[place] for place in old if place not in kept}
        for place, working in ancestors.items():
            changes.append(live.retire(working.node))
            self.old_nodes[working.node] = (self.groups[old[place].group], working.order)
            del self.working[place]
        for place in sorted(new):
            if place not in kept:
                heir_of = None
                if place in ancestors and old[place].group == new[place].group \
                        and source_of(old, place) == source_of(new, place):
                    heir_of = ancestors[place].node
                self.replaced += heir_of is not None
                node = live.node(self.groups[new[place].group], cascade(gain(new[place].factor)), new=True,
                                 heir_of=heir_of)
                self.working[place] = Working(node, (place, rev))
        wanted = {(stage.reads, place) for place, stage in new.items()
                  if self.group_of(new, stage.reads) != stage.group}
        for pair, number in list(self.edges.items()):
            if pair not in wanted or pair[1] not in kept or not (pair[0] < 0 or pair[0] in kept):
                self.old_edges[number] = self._ends_at(pair, old, ancestors)
                del self.edges[pair]
        for pair in wanted - set(self.edges):
            self.edges[pair] = graph.new_edge(self.groups[new[pair[1]].group], policy=BLOCK, capacity=8)
        for place in sorted(new):
            self._outlet(new[place], place in kept, rev)
        for segment in self.segments:
            if segment.last is None and not any(w.outlet == segment.outlet for w in self.working.values()):
                segment.last = rev
        for place in [*range(-len(self.sources), 0), *sorted(new)]:
            changes.append(live.routes(self.node_of(place), *self._readers(new, place)))
        assert live.hand_over(changes, at_frame, self._schedules(new)) == rev
        for group in fresh_groups:
            live.start_group(group)

    def _fresh_groups(self, old: Plan, new: Plan) -> list[int]:
        """A thread without stages ends: stages that come later get another one."""
        fresh = []
        for number in range(len(self.sources), len(self.groups)):
            if self.live.is_started and not any(stage.group == number for stage in old.values()) \
                    and any(stage.group == number for stage in new.values()):
                self.old_groups.append(self.groups[number])
                self.groups[number] = self.live.graph.add_group()
                fresh.append(self.groups[number])
        return fresh

    def _ends_at(self, pair: tuple[float, float], old: Plan, ancestors: dict[float, Working]) -> tuple[int, int]:
        working = ancestors.get(pair[1]) or self.working[pair[1]]
        return self.groups[old[pair[1]].group], working.node

    def _outlet(self, stage: Stage, is_kept: bool, rev: int) -> None:
        working = self.working[stage.place]
        if not stage.heard:
            working.outlet = None
        elif working.outlet is None or not is_kept:
            working.outlet = self.live.new_outlet()
            self.segments.append(Segment(working.outlet, self.live.heard[working.outlet], stage.place, rev))

    def _readers(self, plan: Plan, place: float) -> Iterator[tuple[Any, ...]]:
        for stage in plan.values():
            if stage.reads == place:
                pair = (place, stage.place)
                yield ("edge", self.edges[pair]) if pair in self.edges else (
                    "local", self.working[stage.place].node, 0)
        if place >= 0 and self.working[place].outlet is not None:
            yield ("edge", self.working[place].outlet)

    def _schedules(self, plan: Plan) -> dict[int, tuple[list[int], list[tuple[int, int, int]]]]:
        self.forget()
        made: dict[int, tuple[list[int], list[tuple[int, int, int]]]] = {}
        for number, group in enumerate(self.groups):
            nodes = [(self.working[place].order, self.working[place].node) for place, stage in plan.items()
                     if stage.group == number]
            nodes += [(order, node) for node, (where, order) in self.old_nodes.items()
                      if where == group and not _rt.node_is_over(self.live.graph, node)]
            first = [self.sources[number]] if number < len(self.sources) else []
            inputs = [(edge, self.working[pair[1]].node, 0) for pair, edge in self.edges.items()
                      if plan[pair[1]].group == number]
            inputs += [(edge, node, 0) for edge, (where, node) in self.old_edges.items()
                       if where == group and not _rt.edge_is_over(self.live.graph, edge)]
            if not _rt.group_stats(self.live.graph, group)["ended"]:
                made[group] = ([*first, *(node for _, node in sorted(nodes))], inputs)
        return made

    def forget(self) -> None:
        """Let go of what is over."""
        graph = self.live.graph
        _rt.taken_revisions(graph)
        _rt.collect_changes(graph)
        for edge in list(self.old_edges):
            if _rt.edge_is_over(graph, edge) and _rt.forget_edge(graph, edge):
                del self.old_edges[edge]
        for node in list(self.old_nodes):
            if _rt.node_is_over(graph, node) and _rt.forget_node(graph, node):
                del self.old_nodes[node]
        self.old_groups = [group for group in self.old_groups if not _rt.forget_group(graph, group)]
        for segment in self.segments:
            if segment.last is not None and not segment.is_forgotten and segment.heard.ended \
                    and _rt.edge_is_over(graph, segment.outlet):
                segment.is_forgotten = _rt.forget_edge(graph, segment.outlet)

    def check(self, values: list[np.ndarray]) -> None:
        """Hold what every outlet got against the plans."""
        begins: list[dict[int, int]] = [{} for _ in values]        # of every source: revision -> its first frame
        for segment in self.segments:
            heard = segment.heard
            source = source_of(self.plans[segment.first - 1], segment.place)
            frames, revs = heard.all("frames").astype(int), heard.all("revs").astype(int)
            if not len(frames):
                continue
            assert np.array_equal(frames, np.arange(frames[0], frames[0] + len(frames))), "a frame is lost or doubled"
            assert (np.diff(revs) >= 0).all(), "revisions go back"
            assert revs[0] >= segment.first
            assert segment.last is None or revs[-1] < segment.last
            for rev in np.unique(revs):
                begin = int(frames[revs == rev][0])
                if rev != revs[0] or rev == segment.first:
                    assert begins[source].setdefault(int(rev), begin) == begin, "branches disagree on a revision"
                given = values[source][frames[revs == rev] % len(values[source])]
                wanted = given * np.float32(factor_of(self.plans[rev - 1], segment.place))
                assert np.array_equal(heard.all("values")[revs == rev], wanted), "a packet is a mixture"
            if segment.last is None:
                delivered = _rt.source_stats(self.live.graph, self.groups[source])["delivered"]
                assert frames[-1] == delivered - 1, "the last frames are missing"

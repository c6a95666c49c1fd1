"""What is over and still counts: edges, nodes and file writers that a change took out of the graph.

Their counters are read as long as they work off what they have, then added up under their names and the things
themselves forgotten. A name that comes back goes on counting where it stopped.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from eegcore import _rt
from eegcore.graph.pools import tidy_pools
from eegcore.stages.base import OUT

if TYPE_CHECKING:
    from eegcore.graph.build import Built
    from eegcore.graph.plan_types import StagePlan
    from eegcore.graph.sink_thread import SinkThread

Line = dict[str, Any]


@dataclass
class OldNode:
    """A node that has left the plan; `ports` are the outputs its stages had."""

    number: int
    stages: list[StagePlan]
    ports: dict[str, int] = field(default_factory=dict)            # stage -> its first output port


class Books:
    """Of one run. Written by the thread that makes changes, read by any that holds the lock of `LiveChanges`."""

    def __init__(self, built: Built) -> None:
        self._built = built
        self._nodes: list[OldNode] = []
        self._edges: list[tuple[str, int, int]] = []   # name, number, and pool that its packets are from
        self._writers: list[SinkThread] = []
        self.edges: dict[str, Line] = {}               # sums of what is forgotten, by name
        self.stages: dict[str, Line] = {}
        self.sinks: dict[str, Line] = {}
        self.digests: dict[str, list[str]] = {}        # of sinks that are over, oldest first
        self.outlets: set[int] = set()                 # retired rings to the server that it has not let go of

    def retire_node(self, number: int, stages: list[StagePlan], ports: dict[str, int]) -> None:
        """A node works off what it has, and is no part of the plan any more."""
        self._nodes.append(OldNode(number, stages, ports))

    def retire_edge(self, name: str, number: int, pool: int, *, is_outlet: bool) -> None:
        """A ring is emptied by its reader, and gets nothing more. An outlet stays until the server has let it go."""
        self._edges.append((name, number, pool))
        if is_outlet:
            self.outlets.add(number)

    def retire_writer(self, writer: SinkThread) -> None:
        """A file writer has ended and its file is closed."""
        self._writers.append(writer)

    def lines(self, *, quiet: bool) -> tuple[dict[str, Line], dict[str, Line], dict[str, Line], dict[str, list[str]]]:
        """Return edges, sinks, stages and digests of all that left the plan, forgotten or not."""
        edges, sinks, stages = ({name: copied(line) for name, line in lines.items()}
                                for lines in (self.edges, self.sinks, self.stages))
        digests = {name: list(found) for name, found in self.digests.items()}
        for name, number, _ in self._edges:
            add(edges, name, edge_line(_rt.edge_stats(self._built.graph, number), quiet))
        for node in self._nodes:
            self._add_node(node, sinks, stages, digests, quiet or _rt.node_is_over(self._built.graph, node.number))
        for writer in self._writers:
            add(sinks, writer.sink_id, writer.counters())
            if writer.digest is not None:
                digests.setdefault(writer.sink_id, []).append(writer.digest)
        return edges, sinks, stages, digests

    def tidy(self) -> None:
        """Add up and forget what is over."""
        graph = self._built.graph
        for node in list(self._nodes):
            if not _rt.node_is_over(graph, node.number):
                continue
            sinks: dict[str, Line] = {}
            stages: dict[str, Line] = {}
            digests: dict[str, list[str]] = {}
            self._add_node(node, sinks, stages, digests, True)
            if _rt.forget_node(graph, node.number):
                self._nodes.remove(node)
                self._forget_number(node.number)
                for name, line in sinks.items():
                    add(self.sinks, name, line)
                for name, line in stages.items():
                    add(self.stages, name, line)
                for name, found in digests.items():
                    self.digests.setdefault(name, []).extend(found)
        for name, number, pool in list(self._edges):
            if number in self.outlets or not _rt.edge_is_over(graph, number):
                continue
            line = edge_line(_rt.edge_stats(graph, number), True)
            if _rt.forget_edge(graph, number):
                self._edges.remove((name, number, pool))
                add(self.edges, name, line)
                for group, inputs in self._built.inputs.items():
                    self._built.inputs[group] = [entry for entry in inputs if entry[0] != number]
        self._built.left = [number for number in self._built.left if not _rt.forget_group(graph, number)]
        tidy_pools(self._built)

    def retired_rings(self) -> list[tuple[int, int]]:
        """Return (edge, pool) of all that are not forgotten."""
        return [(number, pool) for _, number, pool in self._edges]

    def is_over(self, edge: int) -> bool:
        """Whether nothing will come through a ring any more and it is empty; True if it is forgotten."""
        return all(number != edge for _, number, _ in self._edges) or _rt.edge_is_over(self._built.graph, edge)

    def _forget_number(self, number: int) -> None:
        built = self._built
        built.node_names.pop(number, None)
        for group, order in built.order.items():
            built.order[group] = [node for node in order if node != number]
        for group, inputs in built.inputs.items():
            built.inputs[group] = [entry for entry in inputs if entry[1] != number]
        built.reads = {pair for pair in built.reads if number not in pair}
        built.routes = {at: routes for at, routes in built.routes.items() if at[0] != number}

    def _add_node(self, node: OldNode, sinks: dict[str, Line], stages: dict[str, Line],
                  digests: dict[str, list[str]], is_over: bool) -> None:
        graph = self._built.graph
        for stage in node.stages:
            if stage.role != "sink":
                add(stages, stage.id, stage_line(self._built, node.number, stage, node.ports.get(stage.id)))
                continue
            add(sinks, stage.id, sink_line(_rt.node_stats(graph, node.number), is_over))
            if is_over and (found := _rt.node_digest(graph, node.number)) is not None:
                digests.setdefault(stage.id, []).append(found)


def edge_line(stats: dict[str, Any], quiet: bool) -> Line:
    """Return the line of a ring in the ledger."""
    dropped = {reason: n for reason, n in stats["dropped"].items() if n}
    inside = 0 if quiet else max(0, stats["in"] - stats["out"] - sum(dropped.values()))
    return {"in": stats["in"], "out": stats["out"], "dropped": dropped, "in_flight": inside}


def sink_line(stats: dict[str, Any], quiet: bool) -> Line:
    """Return the line of a sink of the core in the ledger."""
    refused = {"failed": stats["skipped"]} if stats["skipped"] else {}
    inside = 0 if quiet else max(0, stats["frames"] - stats["written"] - stats["skipped"])
    return {"in": stats["frames"], "written": stats["written"], "refused": refused, "queued": inside}


def stage_line(built: Built, number: int, stage: StagePlan, port: int | None) -> Line:
    """What went in, what came out of this stage's port, what it gave up; the rest it still holds.

    A stage that counts for itself adds its numbers, those about an input under the name of that input.
    """
    stats = _rt.node_stats(built.graph, number)
    line: Line = {"in": stats["frames"], "out": stats["ports"][port][1] if port is not None else 0,
                  "skipped": stats["skipped"]}
    if stats["substituted"]:
        line["substituted"] = stats["substituted"]
    for at, word, value in _rt.node_counters(built.graph, number):
        owner, _, name = word.rpartition(".")          # of a cascade: "<stage>.<word>"
        if at is None and owner in ("", stage.id):
            line.setdefault("counters", {})[name] = value
        elif at is None:
            continue
        else:
            source, out = stage.inputs[at]
            source = source if out == OUT else f"{source}.{out}"
            line.setdefault("inputs", {}).setdefault(source, {})[word] = value
    return line


def add(lines: dict[str, Line], name: str, line: Line) -> None:
    """Add a line to the one of the same name, number by number."""
    there = lines.get(name)
    if there is None:
        lines[name] = copied(line)
        return
    for key, value in line.items():
        if isinstance(value, dict):
            add(there, key, value)
        else:
            there[key] = there.get(key, 0) + value


def copied(line: Line) -> Line:
    """Return a copy that shares nothing."""
    return {key: copied(value) if isinstance(value, dict) else value for key, value in line.items()}


def one_digest(digests: list[str]) -> str:
    """Return the digest of a sink: its own, or the SHA-256 over those of all that had its name, in their order."""
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()

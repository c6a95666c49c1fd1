"""Sources that play what another run has sent: batches in, and whether everything behind them is done."""

from __future__ import annotations

import time

from eegcore import _rt
from eegcore.graph.history_thread import HistoryThread
from eegcore.graph.run import GraphRun

LOOK_S = 0.0005


def feed(run: GraphRun, source: str, batch: bytes) -> bool:
    """Let a recorded source hand on packets; see `_rt.feed`. False if the run was stopped meanwhile."""
    return _rt.feed(run.built.graph, run.built.sources[source], batch)


def feed_end(run: GraphRun, source: str) -> None:
    """Let a recorded source end."""
    _rt.feed_end(run.built.graph, run.built.sources[source])


def wait_idle(run: GraphRun, timeout_s: float) -> bool:
    """Wait until nothing moves in a graph whose sources wait to be fed; False if the time has passed."""
    deadline = time.monotonic() + timeout_s
    while not _is_idle(run):
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK_S)
    return True


def _is_idle(run: GraphRun) -> bool:
    """Whether all edges are empty and all threads behind them sleep.

    A worker sleeps only after it found its edges empty, and is awake before it takes from one. What a worker that was
    looked at later has pushed meanwhile shows in the count of packets that entered edges.
    """
    graph = run.built.graph
    before = _entered(run)
    for group in run.plan.groups:
        edges = [edge for edge in run.plan.edges if edge.to_group == group.name and edge.name in run.built.edges]
        stats = [_rt.edge_stats(graph, run.built.edges[edge.name]) for edge in edges]
        if any(entry["depth"] for entry in stats):
            return False
        sink = run.sink(group.nodes[0].members[0]) if group.kind == "sink" else None
        if isinstance(sink, HistoryThread) and sink.done_packets != sum(entry["in_packets"] for entry in stats):
            return False
        if group.kind != "sink" and not _rt.group_stats(graph, run.built.groups[group.name])["parked"]:
            return False
    return before == _entered(run)


def _entered(run: GraphRun) -> int:
    return sum(int(_rt.edge_stats(run.built.graph, number)["in_packets"]) for number in run.built.edges.values())

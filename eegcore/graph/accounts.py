"""The books of a run: ledger and statistics, read from the counters of the core.

Units are device frames. The ledger is exact once the run is quiet; while it
runs, readers see 0 <= in - out - dropped <= capacity (ARCHITECTURE section 9).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eegcore import _rt
from eegcore.graph.books import add, edge_line, one_digest, sink_line, stage_line
from eegcore.sinks.ledger_file import check_ledger

if TYPE_CHECKING:
    from eegcore.graph.books import Books
    from eegcore.graph.build import Built
    from eegcore.graph.plan_types import Plan
    from eegcore.graph.sink_thread import SinkThread

SOURCE_WORDS = ("edges", "delivered", "missed", "bad_status", "late", "settling", "paused", "pool_empty", "pending")
DEVICE_WORDS = ("gaps", "spurious", "vanished", "restarts", "checks", "retries", "io_errors")
SOURCE_LOSSES = ("missed", "bad_status", "late", "pool_empty")


def _sources(built: Built) -> dict[str, dict[str, Any]]:
    return {source: _rt.source_stats(built.graph, group) for source, group in built.sources.items()}


def make_ledger(run_id: str, plan: Plan, built: Built, sink_threads: dict[str, SinkThread], books: Books, *,
                quiet: bool, clients: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the ledger in the shape of INTERFACES section 3.

    Parameters
    ----------
    books : Books
        What has left the plan; it counts under its name.
    quiet : bool
        True when all threads have ended: what is in flight is then known to be
        nothing, and an identity that does not hold is a bug.
    """
    sources = {source: {word: stats[word] for word in SOURCE_WORDS} for source, stats in _sources(built).items()}
    edges, sinks, stages, digests = books.lines(quiet=quiet)
    for name, edge in built.edges.items():
        add(edges, name, edge_line(_rt.edge_stats(built.graph, edge), quiet))
    for stage in plan.stages:
        if stage.role == "sink":
            thread = sink_threads.get(stage.id)
            number = built.nodes.get(stage.id)
            found = None
            if thread is not None:
                add(sinks, stage.id, thread.counters())
                found = thread.digest
            elif number is not None:
                add(sinks, stage.id, sink_line(_rt.node_stats(built.graph, number), quiet))
                found = _rt.node_digest(built.graph, number) if quiet else None
            if found is not None:
                digests.setdefault(stage.id, []).append(found)
        elif stage.role == "stage":
            port = built.ports[(stage.id, stage.outputs[0].name)][1] if stage.outputs else None
            add(stages, stage.id, stage_line(built, built.nodes[stage.id], stage, port))
    lost = sum(entry[word] for entry in sources.values() for word in SOURCE_LOSSES)
    # a closed edge of the plan leads to a sink that overflowed or failed: what it refuses is missing from a file
    lost += sum(entry["dropped"].get(reason, 0) for entry in edges.values() for reason in ("overflow", "closed"))
    # an armed recorder lets go what no recording has asked for
    lost += sum(n for entry in sinks.values() for reason, n in entry["refused"].items() if reason != "idle")
    ledger = {
        "run_id": run_id, "balanced": True, "final": quiet,
        "frames": sum(entry["edges"] for entry in sources.values()), "lost": lost,
        "sources": sources, "edges": edges, "sinks": sinks, "clients": clients or {}, "stages": stages,
        "digest": {sink: one_digest(found) for sink, found in digests.items()},
    }
    ledger["balanced"] = not (check_ledger(ledger) if quiet else live_problems(ledger))
    return ledger


def live_problems(ledger: dict[str, Any]) -> list[str]:
    """Say what cannot be even while packets move: a counter that ran ahead of the one before it.

    `edges` is written before and read after the counters of what became of them.
    """
    problems = []
    for source, entry in ledger["sources"].items():
        accounted = sum(entry[word] for word in SOURCE_WORDS[1:])
        if accounted > entry["edges"]:
            problems.append(f"source {source}: {accounted} frames accounted for, {entry['edges']} happened")
    return problems


def make_stats(run_id: str, plan: Plan, built: Built, sink_threads: dict[str, SinkThread], books: Books,
               threads: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the ``stats`` event: everything a page shows that changes while a run goes on."""
    ledger = make_ledger(run_id, plan, built, sink_threads, books, quiet=False)
    stages: dict[str, Any] = {}
    for stage in plan.stages:
        number = built.nodes.get(stage.id)
        if number is not None and stage.role != "source":
            stats = _rt.node_stats(built.graph, number)
            stages[stage.id] = {
                "packets": stats["packets"], "frames": stats["frames"], "errors": stats["errors"],
                "overruns": stats["overruns"], "skipped": stats["skipped"], "seconds": stats["busy_ns"] * 1e-9,
                "held": held(ledger["stages"].get(stage.id)),
                **{key: entry for key, entry in ledger["stages"].get(stage.id, {}).items()
                   if key in ("inputs", "counters")},
                "p50_us": stats["process"]["p50_ns"] / 1e3, "p99_us": stats["process"]["p99_ns"] / 1e3}
    edges = {}
    for edge in plan.edges:
        if edge.name in built.edges:
            stats = _rt.edge_stats(built.graph, built.edges[edge.name])
            edges[edge.name] = {key: stats[key] for key in ("depth", "capacity", "high_water", "in", "out", "dropped")}
            edges[edge.name] |= {"policy": edge.policy, "critical": edge.critical}
    sinks = {}
    for sink, entry in ledger["sinks"].items():
        sinks[sink] = dict(entry)
        if sink in sink_threads:
            sinks[sink]["file"] = sink_threads[sink].status()
        if sink in built.nodes:
            latency = _rt.node_stats(built.graph, built.nodes[sink])["latency"]
            sinks[sink] |= {f"latency_{key}_us": latency[f"{key}_ns"] / 1e3 for key in ("p50", "p99", "max")}
    return {
        "event": "stats", "run_id": run_id, "frames": ledger["frames"], "lost": ledger["lost"],
        "stages": stages, "edges": edges, "sinks": sinks, "threads": threads,
        "pools": {pool: _rt.pool_stats(built.graph, number) for pool, number in built.pools.items()},
        "sources": {source: source_entry(stats) for source, stats in _sources(built).items()},
    }


def held(entry: dict[str, Any] | None) -> int:
    """Frames a stage has taken and neither handed on nor given up: an unfinished window, or what waits for another."""
    if entry is None or entry["out"] == 0:
        return 0
    if "inputs" in entry:
        return sum(int(one.get("held", 0)) for one in entry["inputs"].values())
    return max(0, int(entry["in"] - entry["out"] - entry["skipped"]))


def source_entry(stats: dict[str, Any]) -> dict[str, Any]:
    """Return a source's counters with the rate of its sample clock: the fit's, else the mean of its edges."""
    span_ns = stats["last_edge_ns"] - stats["first_edge_ns"]
    periods = stats["edges"] - 1
    mean = periods / (span_ns * 1e-9) if span_ns > 0 and periods > 0 else None
    return {
        **{word: stats[word] for word in (*SOURCE_WORDS, *DEVICE_WORDS)},
        "rate_sps": stats["rate_sps"] or mean, "residual_us": stats["residual_ns"] / 1e3,
        "wake_p50_us": stats["wake"]["p50_ns"] / 1e3, "wake_p99_us": stats["wake"]["p99_ns"] / 1e3,
        "read_p50_us": stats["read"]["p50_ns"] / 1e3, "read_p99_us": stats["read"]["p99_ns"] / 1e3,
        "read_max_us": stats["read"]["max_ns"] / 1e3,
    }

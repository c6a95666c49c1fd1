"""/metrics: the counters of the run as Prometheus text, read when somebody asks.

Nothing here is touched by a packet: the collector reads `controller.stats()`
and the broker's figures at the time of the scrape, off the loop.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from eegcore.server.broker import Broker

STATES = ("stopped", "starting", "running", "paused", "draining", "failed")

# (field of the stats, name after "eegcore_", help, is a counter, factor)
Row = tuple[str, str, str, bool, float]
STAGE: tuple[Row, ...] = (
    ("packets", "stage_packets", "packets a stage has worked on", True, 1),
    ("frames", "stage_frames", "device frames a stage has worked on", True, 1),
    ("errors", "stage_errors", "packets a stage failed on", True, 1),
    ("skipped", "stage_skipped", "packets skipped by a policy", True, 1),
    ("held", "stage_held_frames", "device frames a stage holds back", False, 1),
    ("seconds", "stage_process_seconds", "time spent in process", True, 1),
    ("p50_us", "stage_process_p50_seconds", "median time of one packet", False, 1e-6),
    ("p99_us", "stage_process_p99_seconds", "99th percentile of the time of one packet", False, 1e-6),
)
EDGE: tuple[Row, ...] = (
    ("depth", "edge_depth_packets", "packets that wait", False, 1),
    ("capacity", "edge_capacity_packets", "packets that can wait", False, 1),
    ("high_water", "edge_high_water_packets", "most packets that ever waited", False, 1),
    ("in", "edge_in_frames", "device frames put in", True, 1),
    ("out", "edge_out_frames", "device frames taken out", True, 1),
)
POOL: tuple[Row, ...] = (
    ("size", "pool_size_slots", "slots of a pool", False, 1),
    ("free", "pool_free_slots", "free slots of a pool", False, 1),
    ("grown", "pool_grown", "times a pool grew", True, 1),
    ("exhausted", "pool_exhausted", "times a pool had no free slot", True, 1),
)
SOURCE: tuple[Row, ...] = (
    ("edges", "source_edges", "DRDY edges seen or known to have been", True, 1),
    ("missed", "source_missed_frames", "edges nobody read", True, 1),
    ("bad_status", "source_bad_status_frames", "frames with a wrong status word", True, 1),
    ("late", "source_late_frames", "frames read too late", True, 1),
    ("rate_sps", "source_rate_sps", "true data rate", False, 1),
    ("residual_us", "source_residual_seconds", "deviation of edge stamps from the fitted clock", False, 1e-6),
    ("read_p99_us", "source_read_seconds_p99", "time from edge to frame, 99th percentile", False, 1e-6),
    ("spurious", "source_spurious_edges", "edges that were no conversion", True, 1),
    ("vanished", "source_vanished_edges", "edges the kernel never reported", True, 1),
    ("restarts", "source_restarts", "times the chips were brought up again", True, 1),
    ("retries", "source_retries", "transfers that were repeated", True, 1),
    ("io_errors", "source_io_errors", "transfers that failed for good", True, 1),
    ("paused", "source_paused_frames", "frames not taken while paused", True, 1),
)
SINK: tuple[Row, ...] = (
    ("in", "sink_in_frames", "device frames that reached a sink", True, 1),
    ("written", "sink_written_frames", "device frames written", True, 1),
    ("queued", "sink_queued_frames", "device frames that wait in a sink", False, 1),
    ("latency_max_us", "sink_latency_max_seconds", "longest time from edge to sink", False, 1e-6),
)
FILE: tuple[Row, ...] = (
    ("bytes", "recorder_bytes", "bytes of the recording that goes on", False, 1),
    ("durable_frames", "recorder_durable_frames", "frames of it that are on the disk for certain", False, 1),
    ("fsync_s", "recorder_fsync_seconds", "how long the newest wait for the disk was", False, 1),
    ("seconds_left", "recorder_seconds_left", "recording time the disk has room for", False, 1),
    ("silent_s", "recorder_silent_seconds", "how long the thread of a file sink has been away", False, 1),
)
# (what a stage that joins streams counts per input, help)
INPUT = (
    ("used", "frames of an input that are in the output"),
    ("repeated", "output frames that hold a frame of an input once more"),
    ("skipped", "frames of an input that are in no output frame"),
    ("filled", "output frames for which an input had none"),
)
CLIENT: tuple[Row, ...] = (
    ("offered", "client_offered_frames", "device frames offered to a client", True, 1),
    ("sent", "client_sent_frames", "device frames handed to its socket", True, 1),
    ("queued", "client_queued_frames", "device frames that wait for it", False, 1),
    ("queued_bytes", "client_queued_bytes", "bytes that wait for it", False, 1),
    ("newest_age_s", "client_newest_age_seconds", "age of the newest frame it was sent", False, 1),
)


class Collector:
    """Turns figures into metric families; made for one scrape."""

    def __init__(self, stats: Mapping[str, Any], status: Mapping[str, Any], clients: list[dict[str, Any]],
                 encoded: int, evicted: int) -> None:
        self._stats = stats
        self._status = status
        self._clients = clients
        self._encoded = encoded
        self._evicted = evicted

    def collect(self) -> Iterable[Metric]:
        """Yield all families."""
        stats = self._stats
        yield self._states()
        yield _one("frames", "device frames of all sources", stats.get("frames"), counter=True)
        yield _one("lost_frames", "device frames lost", stats.get("lost"), counter=True)
        yield from _table("stage", STAGE, stats.get("stages"))
        yield from _inputs(stats.get("stages"))
        yield from _table("edge", EDGE, stats.get("edges"))
        yield _reasons("edge_dropped_frames", "device frames dropped, by reason", "edge", "dropped", stats.get("edges"))
        yield from _table("pool", POOL, stats.get("pools"))
        yield from _table("source", SOURCE, stats.get("sources"))
        yield from _table("sink", SINK, stats.get("sinks"))
        files = {sink: entry["file"] for sink, entry in _items(stats.get("sinks"))
                 if isinstance(entry.get("file"), dict)}
        yield from _table("sink", FILE, files)
        yield _reasons("sink_refused_frames", "device frames refused, by reason", "sink", "refused", stats.get("sinks"))
        yield _quantiles(stats.get("sinks"))
        yield from _threads(stats.get("threads"))
        clients = {client["id"]: client for client in self._clients}
        yield from _table("client", CLIENT, clients)
        yield _reasons("client_skipped_frames", "device frames skipped, by reason", "client", "skipped", clients)
        yield _one("clients", "clients of /ws/data", len(clients))
        yield _one("clients_evicted", "clients evicted", self._evicted, counter=True)
        yield _one("encodings", "packets encoded for clients", self._encoded, counter=True)

    def _states(self) -> Metric:
        family = GaugeMetricFamily("eegcore_state", "1 for the present state", labels=["state"])
        for state in STATES:
            family.add_metric([state], float(self._status.get("state") == state))
        return family


def scrape(controller: Any, broker: Broker) -> bytes:
    """Return the text of /metrics; may block.  [any-thread]"""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Collector(controller.stats() or {}, controller.status(), broker.client_stats(),
                                broker.encoded, broker.evicted))
    return generate_latest(registry)


def _family(name: str, text: str, labels: list[str], counter: bool) -> Any:
    make = CounterMetricFamily if counter else GaugeMetricFamily
    return make(f"eegcore_{name}", text, labels=labels)


def _items(table: Any) -> list[tuple[str, Mapping[str, Any]]]:
    """Return rows by name, whether `table` is an object or a list of objects with a name."""
    if isinstance(table, Mapping):
        return [(str(name), row) for name, row in table.items()]
    return [(str(row["name"]), row) for row in table or ()]


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) else None


def _one(name: str, text: str, value: Any, *, counter: bool = False) -> Metric:
    family: Metric = _family(name, text, [], counter)
    number = _number(value)
    if number is not None:
        family.add_metric([], number)            # type: ignore[attr-defined]
    return family


def _table(label: str, rows: tuple[Row, ...], table: Any) -> Iterable[Metric]:
    for field, name, text, counter, factor in rows:
        family = _family(name, text, [label], counter)
        for key, figures in _items(table):
            number = _number(figures.get(field))
            if number is not None:
                family.add_metric([key], number * factor)
        yield family


def _inputs(stages: Any) -> Iterable[Metric]:
    """What stages that join streams have done with the frames of each input, and where those of the output are from."""
    for field, text in INPUT:
        family = CounterMetricFamily(f"eegcore_stage_input_{field}_frames", text, labels=["stage", "input"])
        for stage, figures in _items(stages):
            for name, counts in (figures.get("inputs") or {}).items():
                number = _number(counts.get(field))
                if number is not None:
                    family.add_metric([stage, str(name)], number)
        yield family


def _reasons(name: str, text: str, label: str, field: str, table: Any) -> Metric:
    family = _family(name, text, [label, "reason"], counter=True)
    for key, figures in _items(table):
        by_reason = figures.get(field) or {}
        if not isinstance(by_reason, Mapping):
            by_reason = {"full": by_reason}
        for reason, count in by_reason.items():
            family.add_metric([key, str(reason)], float(count))
    return family                                # type: ignore[no-any-return]


def _quantiles(table: Any) -> Metric:
    family = GaugeMetricFamily("eegcore_sink_latency_seconds", "time from edge to sink", labels=["sink", "quantile"])
    for key, figures in _items(table):
        for field, quantile in (("latency_p50_us", "0.5"), ("latency_p99_us", "0.99")):
            number = _number(figures.get(field))
            if number is not None:
                family.add_metric([key, quantile], number * 1e-6)
    return family


def _threads(threads: Any) -> Iterable[Metric]:
    rows: tuple[Row, ...] = (
        ("heartbeat_age_s", "thread_heartbeat_age_seconds", "time since a thread last showed life", False, 1),
        ("cpu_s", "thread_cpu_seconds", "processor time of a thread", True, 1),
        ("realtime", "thread_realtime", "1 if a thread has real-time priority", False, 1),
    )
    yield from _table("thread", rows, threads)

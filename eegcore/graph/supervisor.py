"""The control thread of a run: watches, warns, grows pools, notices the end.

It never touches a sample. Every tenth of a second it reads counters and the
records the native threads left; what it has to say goes to the log, throttled,
and to whoever asked for events.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from eegcore import _rt
from eegcore.errors import EegcoreError
from eegcore.graph import run as graph_run
from eegcore.graph.device_words import device_words
from eegcore.graph.journal import JournalEvent
from eegcore.graph.marking import marker_json
from eegcore.graph.run import GraphRun
from eegcore.graph.sink_thread import FILE_SILENT_S
from eegcore.logs import ThrottledLogger, get_logger

TICK_S = 0.1
STATS_S = 1.0
STALL_S = 1.0                                          # longer on its thread, and a stage without timeout_ms is named
POOL_LOW = 0.1                                         # share of free slots at which a pool is warned about and grows
LOG_STAGE_FAILED, LOG_EDGE_CLOSED, LOG_POOL_EMPTY = range(1, 4)

Event = Callable[[dict[str, Any]], None]

log = get_logger("graph")


class Supervisor:
    """Runs beside a `GraphRun` until its threads have ended.

    Parameters
    ----------
    run : GraphRun
    on_event : callable
        Called with ``stats`` and ``alarm`` events, from this thread.
    on_end : callable
        Called once, from this thread, with (ledger, failure or None).
    """

    def __init__(self, run: GraphRun, on_event: Event,
                 on_end: Callable[[dict[str, Any], EegcoreError | None], None]) -> None:
        self._run, self._on_event, self._on_end = run, on_event, on_end
        self._quiet = ThrottledLogger(log)
        self._thread = threading.Thread(target=self._loop, name="control", daemon=True)
        self._wake = threading.Event()
        self._dropped: dict[str, int] = {}
        self._lost: dict[str, int] = {}
        self._alarm_at: dict[str, float] = {}
        self._silent: dict[str, float] = {}            # disks that do not answer: for how long
        self._granted: set[str] = set()
        self._stopping_since: float | None = None
        self._next_stats = self._next_summary = 0.0
        self.beat = time.monotonic()
        run.journal.subscribe(self._tell)

    def start(self) -> None:
        """Say what was made, then begin to watch."""
        self._announce()
        self._thread.start()

    def wake(self) -> None:
        """Look at once: the run was asked to stop."""
        self._wake.set()

    def join(self, timeout_s: float | None = None) -> bool:
        """Wait for the end of the run and of this thread; at once True if it never started."""
        if self._thread.ident is None:
            return True
        if threading.current_thread() is self._thread:
            return False                               # a listener asks: it is told when the end has come
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def alarm(self, level: str, place: str, message: str, frame_index: int | None = None) -> None:
        """Log a line and tell listeners; the same line once per 10 s. [any-thread]"""
        say = self._quiet.error if level == "error" else self._quiet.warning
        say(place, message, extra={"frame_index": frame_index} if frame_index is not None else None)
        now = time.monotonic()
        if now - self._alarm_at.get(place, -10.0) >= 10.0:
            self._alarm_at[place] = now
            event = {"event": "alarm", "level": level, "place": place, "message": message,
                     "t_unix_ns": time.time_ns()}
            if frame_index is not None:
                event["frame_index"] = frame_index
            self._on_event(event)

    def _tell(self, event: JournalEvent) -> None:
        """Push a marker to all, and log where a change began. [any-thread]"""
        if event.kind == "marker":
            self._on_event({"event": "marker", **marker_json(self._run, event)})
        elif event.kind == "config":
            log.info("revision %d from frame %d on: %s", event.config_rev, event.frame_index, event.text)

    def _announce(self) -> None:
        plan = self._run.plan
        log.info("run %s: pipeline %s, %s clock, %d stages in %d groups", self._run.run_id, plan.name, plan.clock,
                 len(plan.stages), len(plan.groups))
        for stage in plan.stages:
            left_out = stage.outputs[0].stream.meta.get("left_out") if stage.role == "source" else None
            if left_out:
                told = ", ".join(f"{name!r} ({why})" for name, why in left_out.items())
                log.warning("%s: %d channels are played: %s. Left out: %s. Choose others with columns.", stage.id,
                            stage.outputs[0].stream.n_channels, ", ".join(stage.outputs[0].stream.labels), told)
        for edge in plan.edges:
            if edge.name not in self._run.built.edges:
                continue                               # no server, no edge to it
            log.info("edge %s: %d packets (%.3g s), policy %s%s", edge.name.replace("->", " -> "), edge.capacity,
                     edge.seconds, edge.policy, ", critical" if edge.critical else "")
        for pool in plan.pools:
            log.info("pool %s: %d slots of %d bytes", pool.name, pool.slots, pool.slot_bytes)

    def _report_grants(self) -> None:
        """Say once per thread what it asked for and what the kernel says it has."""
        for name, granted in list(self._run.granted.items()):
            if name not in self._granted:
                self._granted.add(name)
                log.info("thread %s: cores %s, %s", name, granted.cores or "any",
                         f"SCHED_FIFO {granted.priority}" if granted.priority else "ordinary scheduling")

    def _loop(self) -> None:
        self._next_stats = time.monotonic()
        self._next_summary = self._next_stats + self._run.plan.summary_s
        while self._run.is_alive and not self._has_drained_enough():
            self._guarded(self._look)
            self._wake.wait(TICK_S)
            self._wake.clear()
        self._guarded(self._report_grants)
        self._guarded(self._read_records)
        self._guarded(self._watch_losses)
        ledger, failure = self._finish()
        self._guarded(lambda: self._on_event(self._run.stats()))
        if not ledger["balanced"]:
            self.alarm("error", "ledger", "ledger: an identity does not hold. This is a bug in eegcore: keep the "
                       "ledger and report it.")
        if failure is not None:
            self.alarm("error", "run", str(failure), failure.details.get("frame_index"))
        self._quiet.flush()
        self._on_end(ledger, failure)

    def _look(self) -> None:
        """One tick."""
        self._report_grants()
        self._read_records()
        now = self.beat = time.monotonic()
        self._watch_files()
        if self._is_kept_waiting():
            return
        self._run.live.collect()
        self._run.staff.see_off()
        if self._run.staff.outlets_have_gone():
            self._on_event({"event": "outlets"})
        self._watch_pools()
        self._watch_stalls()
        if now >= self._next_stats:
            self._next_stats = now + STATS_S
            self._quiet.write_due()
            self._on_event(self._run.stats())
            self._watch_losses()
            self._watch_wall_clock()
        if now >= self._next_summary:
            self._next_summary = now + self._run.plan.summary_s
            self._summary()

    def _is_kept_waiting(self) -> bool:
        """Whether a change is still being made, which has a disk make its files: watching goes on without it."""
        mutex = self._run.live.mutex
        if mutex.acquire(timeout=FILE_SILENT_S):
            mutex.release()
            return False
        return True                                    # whoever waits for the disk has a clock of its own that says so

    def _guarded(self, step: Callable[[], None]) -> None:
        """Do one step of watching. Whatever goes wrong in it, the run must be brought to its end."""
        try:
            step()
        except Exception as error:
            self._quiet.error("control", f"control: watching failed ({type(error).__name__}: {error}). The run "
                              "goes on. Report this with the log.", exc_info=True)

    def _has_drained_enough(self) -> bool:
        """True when the run was asked to stop and has had `DRAIN_S` for it."""
        if self._stopping_since is None and self._run.built.graph.is_stopping:
            self._stopping_since = time.monotonic()
        return self._stopping_since is not None and time.monotonic() - self._stopping_since > graph_run.DRAIN_S

    def _finish(self) -> tuple[dict[str, Any], EegcoreError | None]:
        """Bring the run to its end; return its ledger and why it failed, if it did."""
        if self._run.is_alive:
            self.alarm("error", "run.drain", f"run: not drained {graph_run.DRAIN_S:g} s after it was asked to stop. "
                       "What still waits is given up and counted.")
        failure: EegcoreError | None = None
        try:
            ledger = self._run.finish(drain_s=0.0)
        except EegcoreError as error:
            ledger, failure = self._run.ledger(), error
        except Exception as error:
            ledger = self._run.ledger()
            failure = EegcoreError(f"run: it could not be brought to its end ({type(error).__name__}: {error}). "
                                   "Report this with the log.")
        try:
            failure = self._run.failure() or failure
        except Exception as error:
            failure = failure or EegcoreError("run: it failed, and why cannot be said "
                                              f"({type(error).__name__}: {error}). Report this with the log.")
        return ledger, failure

    def _read_records(self) -> None:
        for code, node, edge, frame_index, value, _ in self._run.built.graph.drain_log():
            stage = self._run.stage_name(node)
            if code == LOG_EDGE_CLOSED:
                name = self._run.edge_name(edge).replace("->", " -> ")
                self.alarm("error", f"edge {name}", f"edge {name}: full at frame {frame_index} (policy fail, {value} "
                           "packets); the sink behind it is closed, other branches go on. The sink is too slow.",
                           frame_index)
            elif code == LOG_POOL_EMPTY:
                self.alarm("error", stage, f"{stage}: no free slot at frame {frame_index}; frames are lost. A reader "
                           "keeps packets. Release what taps hold.", frame_index)
            elif (words := device_words(code, stage, frame_index, value)) is not None:
                self.alarm(*words, frame_index)
            else:
                self.alarm("error", stage, f"{stage}: {_rt.status_text(value)} at frame {frame_index} "
                           f"[{_rt.status_name(value)}].", frame_index)

    def _watch_pools(self) -> None:
        with self._run.live.mutex:                     # a change brings pools
            graph, low = self._run.built.graph, []
            for name, number in self._run.built.pools.items():
                stats = _rt.pool_stats(graph, number)
                if stats["free"] >= POOL_LOW * stats["size"]:
                    continue
                low.append((name, stats))
                if not stats["grown"]:
                    graph.grow_pool(number)
        for name, stats in low:
            if stats["grown"]:
                self.alarm("warning", f"pool {name}", f"pool {name}: {stats['free']} of {stats['size']} slots free, "
                           "and it has grown already. With computed sizes only a reader that keeps packets gets here.")
            else:
                self.alarm("warning", f"pool {name}", f"pool {name}: {stats['free']} of {stats['size']} slots were "
                           f"free; grown to {2 * stats['size']}.")

    def _watch_stalls(self) -> None:
        """Name the stage in which a thread has been for longer than it may."""
        for thread, stats in self._run.group_stats():
            if stats["at"] is None or stats["beat_age_ns"] is None:
                continue
            stage = self._run.stage_name(stats["at"])
            members = stage.split("+")
            limits = [found.timeout_ms for found in self._run.plan.stages if found.id in members and found.timeout_ms]
            limit_s = min(limits) * 1e-3 if limits else STALL_S
            if stats["beat_age_ns"] * 1e-9 > limit_s:
                self.alarm("error", f"{stage}.stall", f"{stage}: has kept thread {thread} for "
                           f"{stats['beat_age_ns'] * 1e-9:.1f} s (allowed {limit_s:g} s). It hangs or is too slow; "
                           "stop the run if it does not come back.")

    def _watch_files(self) -> None:
        """Say within a second that a disk does not answer; nothing is lost as long as the edge has room."""
        for sink, silent_s in self._run.silent_sinks().items():
            if silent_s > FILE_SILENT_S:
                self.alarm("error", f"{sink}.disk", f"{sink}: its disk has not answered for {silent_s:.1f} s. What "
                           "comes meanwhile waits in front of it. Check the disk.")
                self._silent[sink] = silent_s
            elif (lasted_s := self._silent.pop(sink, None)) is not None and sink not in self._run.sink_failures():
                self.alarm("warning", f"{sink}.disk again", f"{sink}: its disk answers again, after {lasted_s:.1f} s.")

    def _watch_losses(self) -> None:
        # of the ledger: rings of one name that took the place of each other count together, those that left too
        for name, edge in self._run.ledger()["edges"].items():
            dropped = edge["dropped"].get("overflow", 0)
            new = dropped - self._dropped.get(name, 0)
            if new > 0:
                self._dropped[name] = dropped
                shown = name.replace("->", " -> ")
                self.alarm("warning", f"edge {shown}", f"edge {shown}: full, dropped {new} frames "
                           f"({dropped} dropped since start).")
        for source, group in self._run.built.sources.items():
            stats = _rt.source_stats(self._run.built.graph, group)
            for word in ("missed", "late"):
                new = stats[word] - self._lost.get(f"{source}.{word}", 0)
                if new > 0:
                    self._lost[f"{source}.{word}"] = stats[word]
                    self.alarm("warning", f"{source}.{word}", f"{source}: {new} frames {word} ({stats[word]} since "
                               "start); the gap is flagged.")

    def _watch_wall_clock(self) -> None:
        """A wall clock that was set moves no sample; whoever compares with other machines must know."""
        utc = self._run.utc
        if utc is not None and (step := utc.look()) is not None:
            self.alarm("warning", "wall clock", f"wall clock: it was set by {step.step_ns * 1e-9:+.3f} s. Times of "
                       "samples do not follow it: they count from the start of the run. Check NTP.")

    def _summary(self) -> None:
        stats = self._run.stats()
        depths = ", ".join(f"{name} {edge['depth']}/{edge['capacity']}" for name, edge in stats["edges"].items())
        log.info("run %s: %d frames, lost %d; edges %s", self._run.run_id, stats["frames"], stats["lost"], depths)

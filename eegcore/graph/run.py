"""One run of a plan: threads, taps, stop, books.

Life: ``GraphRun(plan) -> start -> (request_stop) -> join -> finish``. Threads end by
themselves from left to right: a source that ends marks its edges, each group
drains, flushes its stages, marks its own edges, and so on to the sinks.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from eegcore import _rt
from eegcore.errors import EegcoreError, NotFound, StateConflict, SystemFailed
from eegcore.graph.accounts import make_ledger, make_stats
from eegcore.graph.build import Built, build
from eegcore.graph.crew import Crew, Member, taps_of
from eegcore.graph.failing import edge_name, failure_of
from eegcore.graph.file_sinks import FileSinks
from eegcore.graph.history_thread import PacketSink
from eegcore.graph.journal import Journal, JournalEvent
from eegcore.graph.listeners import Listener, Listeners
from eegcore.graph.live import LiveChanges
from eegcore.graph.marker_inputs import MarkerInputs
from eegcore.graph.marking import frame_at, mark
from eegcore.graph.plan_change import PlanChange
from eegcore.graph.plan_types import Plan
from eegcore.graph.realtime import Granted, lock_memory, prepare_thread
from eegcore.graph.sink_thread import SinkKeeper, SinkThread
from eegcore.graph.staff import RunStaff
from eegcore.graph.thread_lines import thread_lines
from eegcore.graph.utc import UtcMap

if TYPE_CHECKING:
    from eegcore.devices.readers_base import Recording
    from eegcore.stages.stream import Stream

DRAIN_S = 5.0                                          # after that the rest counts as dropped[stopped]
SERVER_DRAIN_S = 1.0
TAP_DRAIN_S = 1.0                                      # for a graph that only waited for taps nobody reads

Alarm = Callable[[str, str, str, int | None], None]    # level, place, message, frame_index


class GraphRun:
    """A plan being run. All methods may be called from any thread, `finish` from one.

    Parameters
    ----------
    plan : Plan
    with_server : bool
        Make the outlets that a server reads.
    seconds : float, optional
        Sources end after so much of their own time.
    digest : bool, optional
        Digest what every sink sees. Default: in virtual time.
    on_alarm : callable, optional
        Called as ``on_alarm(level, place, message, frame_index)`` from the thread that noticed.
    recordings : mapping, optional
        Recordings in memory for playback sources, by source id.
    config_rev : int, optional
        Revision of the configuration the plan was made from; packets carry it.
    keeper : SinkKeeper, optional
        Who makes sessions of what recorders write. Without one they stay idle.
    packet_sinks : mapping, optional
        What takes the packets of a history node in place of files, by its id.

    Raises
    ------
    EegcoreError
        If the machine cannot hold it, or a file sink cannot make its file: nothing runs then.
    """

    def __init__(self, plan: Plan, *, with_server: bool = False, seconds: float | None = None,
                 digest: bool | None = None, on_alarm: Alarm | None = None,
                 recordings: Mapping[str, Recording] | None = None, config_rev: int = 1,
                 keeper: SinkKeeper | None = None,
                 packet_sinks: Mapping[str, PacketSink] | None = None) -> None:
        self.run_id = uuid.uuid4().hex[:12]
        self.start_unix_ns = 0
        self.start_t_ns = 0
        self.utc: UtcMap | None = None                 # of a run that was started
        self.journal = Journal()
        self.granted: dict[str, Granted] = {}
        self.warnings: list[str] = []
        self._on_alarm = on_alarm or (lambda *_: None)
        self.marker_inputs = MarkerInputs(self, self._on_alarm)
        self._is_virtual = plan.clock == "virtual"
        self._digest = self._is_virtual if digest is None else digest
        asks = plan.realtime == "require" or any(group.priority or group.cores for group in plan.groups)
        wants_realtime = asks and plan.realtime != "never" and not self._is_virtual
        self.built: Built = build(plan, with_server=with_server, seconds=seconds, digest=self._digest,
                                  lock=wants_realtime, recordings=recordings, config_rev=config_rev)
        self._wants_realtime = wants_realtime
        self.crew = Crew(self._thread_body)
        self.listeners = Listeners(self.built.graph, self._is_virtual)
        self.files = FileSinks(self, keeper, self._on_alarm, self._digest, packet_sinks or {}, [(config_rev, plan)])
        self.staff = RunStaff(self, self.crew, self.listeners)
        self.live = LiveChanges(plan, self.built, self.journal, self.staff)
        self.crew.add(Member(group, plan=plan, taps=taps_of(group, plan, self.built.taps)) if group.kind == "sink"
                      else Member(group, number=self.built.groups[group.name]) for group in plan.groups)
        self._final: dict[str, Any] | None = None
        self._turns = threading.RLock()                # start, change, and the beginning of the end: one at a time
        self._is_ending = False
        self._refused: EegcoreError | None = None      # what went wrong beside the graph: the reason of the stop

    @property
    def plan(self) -> Plan:
        """What runs now, changes included that wait for their frame."""
        return self.live.plan

    # ---- life ----

    def start(self) -> None:
        """Open the files, then start the threads, readers before sources."""
        with self._turns:                              # a change comes before the files are opened, or finds threads
            self._start()

    def _start(self) -> None:
        if self._wants_realtime and (problem := lock_memory()):
            self._degrade(problem)
        self.utc = UtcMap()
        self.start_unix_ns = self.utc.anchor.unix_ns
        self.start_t_ns = 0 if self._is_virtual else self.utc.anchor.t_ns
        self.built.graph.t_zero_ns = self.start_t_ns
        files = [member for member in self.crew.members if member.group.kind == "sink"]
        try:
            # a history holds no lock: changes are what it is there to see
            with self.live.opening(member.group.nodes[0].members[0] for member in files if not member.is_left
                                   and member.group.nodes[0].params["node"] != "history_sink"):
                self.staff.open_writers(files)
        except BaseException:
            self.files.close(None)
            self.built.graph.finish()                  # its devices are free for the next run, whoever keeps this one
            raise
        try:
            self.files.tell_keeper()
            with self.marker_inputs.following(self.plan):
                self.crew.begin()
        except BaseException as error:
            self.abort()                               # those that run already would wait for ever
            if self.join(DRAIN_S):
                self.built.graph.finish()
            self.files.close(None)
            if isinstance(error, RuntimeError):
                raise SystemFailed(f"run: the system gives no more threads [{error}]. Nothing runs. End other "
                                   "programs, or put stages into fewer groups.") from error
            raise

    def request_stop(self) -> None:
        """Let the sources end; everything behind them drains by itself."""
        self.built.graph.stop()

    def abort(self) -> None:
        """Stop at once: what waits in edges is counted as dropped[stopped]."""
        self.built.graph.abort()

    def pause(self, paused: bool) -> None:
        """Count frames as `paused` instead of handing them on; a playback stands still."""
        self.built.graph.pause(paused)

    def change(self, plan: Plan, at_frame: int | None = None, config_rev: int | None = None) -> tuple[int, PlanChange]:
        """Go on with another plan without a stop; see `LiveChanges.change`. Also before `start`.

        Raises
        ------
        StateConflict
            If the run has ended, or is being finished.
        """
        with self._turns:
            if self._is_ending or (self.crew.has_started and not self.is_alive):
                raise StateConflict(f"run {self.run_id}: it has ended. Start it again, with other settings if you "
                                    "like.")
            with self.marker_inputs.following(plan):
                found = self.live.change(plan, at_frame, config_rev)
                self.files.note_plan(found[0], plan, is_running=self.crew.has_started)
            return found

    @property
    def is_alive(self) -> bool:
        """True while a thread of this run lives."""
        return self.crew.is_alive

    def join(self, timeout_s: float | None = None) -> bool:
        """Wait until every thread has ended; False if the time has passed."""
        return self.crew.join(timeout_s)

    def finish(self, drain_s: float | None = None) -> dict[str, Any]:
        """Stop, drain, finalise files, and return the ledger. Safe to call again.

        What has not drained within `drain_s` (default `DRAIN_S`) is given up, first by taps that nobody reads, then
        everywhere.

        Raises
        ------
        EegcoreError
            If a thread hangs all the same. The files of sinks whose threads have ended are whole.
        """
        if self._final is not None:
            return self._final
        with self._turns:
            self._is_ending = True                     # no thread, file or marker input comes any more
        self.marker_inputs.close()
        self.request_stop()
        if not (self.join(DRAIN_S if drain_s is None else drain_s) or self._let_taps_go()):
            self.abort()
            if not self.join(DRAIN_S):
                self.files.close(self._ledger(quiet=False))
                stuck = [member.group.thread for member in self.crew.members if member.is_alive]
                raise EegcoreError(f"run: threads {', '.join(stuck)} did not end within {DRAIN_S:g} s after everything "
                                   "was given up. A stage or a disk hangs. Stop the process.")
        self._let_server_drain()
        for tap in self.built.taps.values():
            tap.detach()                               # before the sweep: an edge has one consumer at a time
        with self.listeners.mutex:                     # they may read what they have
            self.built.graph.finish(keep=self.listeners.edges())
        self.live.collect()
        self.staff.see_off()
        self._final = self._ledger(quiet=True)
        self.files.close(self._final)
        if self.sink_failures():
            self._final = self._ledger(quiet=True)
        return self._final

    def _let_taps_go(self) -> bool:
        """Close taps that make the graph wait, which they do in virtual time; True if it has ended then."""
        return self._is_virtual and self.listeners.refuse() and self.join(TAP_DRAIN_S)

    def _let_server_drain(self) -> None:
        """Give the server a moment to take the last packets; a server that has gone takes none."""
        deadline = time.monotonic() + SERVER_DRAIN_S
        for _, _, tap in self.outlets():
            while tap.depth and time.monotonic() < deadline:
                time.sleep(0.005)

    # ---- books ----

    def ledger(self, clients: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the ledger: live while threads run, final after `finish`."""
        return self._final if self._final is not None else self._ledger(quiet=False, clients=clients)

    def _ledger(self, *, quiet: bool, clients: dict[str, Any] | None = None) -> dict[str, Any]:
        with self.live.mutex:
            return make_ledger(self.run_id, self.plan, self.built, self.files.by_id, self.live.books, quiet=quiet,
                               clients=clients)

    def stats(self) -> dict[str, Any]:
        """Return the ``stats`` event."""
        with self.live.mutex:
            stats = make_stats(self.run_id, self.plan, self.built, self.files.by_id, self.live.books, self.threads())
        if self.marker_inputs.open_ones:
            stats["marker_inputs"] = self.marker_inputs.counters()
        return {**stats, "utc": self.utc.as_dict()} if self.utc is not None else stats

    def truth(self, source: str) -> dict[str, int] | None:
        """Return what an emulated device counted itself; None for a recording."""
        return _rt.emulator_truth(self.built.graph, self.built.sources[source])

    # ---- moments ----

    def frame_at(self, t_ns: int, source: str | None = None) -> tuple[int, int]:
        """Return (frame_index, its t_ns) of the frame of a source nearest to a moment; see `marking.frame_at`."""
        return frame_at(self, t_ns, source)

    def mark(self, text: str, t_ns: int | None = None, duration_s: float = 0.0, *, origin: str = "",
             t_unix_ns: int | None = None, arrived_ns: int | None = None) -> JournalEvent:
        """Put a marker at its frame into the journal, and return it; see `marking.mark`."""
        return mark(self, text, t_ns, duration_s, origin=origin, t_unix_ns=t_unix_ns, arrived_ns=arrived_ns)

    def threads(self) -> list[dict[str, Any]]:
        """Return name, heartbeat, processor time and real-time state of every thread."""
        with self.live.mutex:                          # a group that has left may be forgotten
            return thread_lines(self.built, self.crew, self.granted)

    def group_stats(self) -> list[tuple[str, dict[str, Any]]]:
        """Return (thread, what it does now) of every thread of the core."""
        with self.live.mutex:
            return [(member.group.thread, _rt.group_stats(self.built.graph, member.number))
                    for member in self.crew.members if member.number is not None]

    def failure(self) -> EegcoreError | None:
        """Return the failure that stopped the run, None if there is none."""
        return failure_of(self.built) or self._refused

    def sink(self, sink_id: str) -> SinkThread:
        """Return a file sink; NotFound names those there are."""
        return self.files.get(sink_id)

    def fail(self, error: EegcoreError) -> None:
        """Stop because of something that went wrong beside the graph; the first is the reason. [any-thread]"""
        self._refused = self._refused or error
        self.request_stop()

    def alarm(self, place: str, message: str, frame_index: int | None = None) -> None:
        """Say that something went wrong that does not stop the run. [any-thread]"""
        self._on_alarm("error", place, message, frame_index)

    def registers(self, source: str) -> list[bytes]:
        """Return the registers of every chip of a source as they were read back; empty for a recording."""
        return _rt.chip_registers(self.built.graph, self.built.sources[source])

    def silent_sinks(self) -> dict[str, float]:
        """Return the seconds since the thread of each file sink last came by."""
        return self.files.silent()

    def sink_failures(self) -> dict[str, EegcoreError]:
        """Return the file sinks that failed and why."""
        return self.files.failures()

    def broken_sinks(self) -> list[str]:
        """Say which file sinks do not have everything: those that failed, and those whose edge was closed."""
        return self.files.broken()

    def edge_name(self, number: int) -> str:
        """Return the name of an edge of the core."""
        return edge_name(self.built, number)

    def stage_name(self, node: int) -> str:
        """Return the name of a node of the core."""
        return self.built.node_names.get(node, f"node {node}")

    # ---- listening ----

    def stream(self, stage_id: str, port: str | None = None) -> Stream:
        """Return the description of an output; NotFound names the stages that have one."""
        return self._output(stage_id, port)[1]

    def outlets(self) -> list[tuple[str, int, _rt.Tap]]:
        """Return (sink id, number, server's end) of every websocket sink; those last that still have to be emptied."""
        return self.staff.outlets()

    def open_tap(self, stage_id: str, port: str | None = None) -> tuple[int, Listener]:
        """Attach a bounded, drop-oldest reader to an output of the running graph.

        In virtual time the graph waits for it instead of dropping.
        """
        with self.live.mutex:
            ref, _ = self._output(stage_id, port)
            at = self.built.ports[ref]
            pool = next(pool for group in self.plan.groups for plan_node in group.nodes
                        for out, pool in zip(plan_node.outputs, plan_node.pools, strict=True) if out == ref)
            quota = self.plan.pool(pool).made_of.get("taps", 16)
            return self.listeners.open(at, quota, stage_id)

    def close_tap(self, number: int) -> None:
        """Take a tap off; what waited in it is dropped."""
        self.listeners.close(number)

    def _output(self, stage_id: str, port: str | None) -> tuple[tuple[str, str], Stream]:
        try:
            stage = self.plan.stage(stage_id)
        except KeyError:
            stage = None
        if stage is None or not stage.outputs:
            known = ", ".join(stage.id for stage in self.plan.stages if stage.outputs)
            raise NotFound(f"tap: no stage with an output is called {stage_id!r}. Known: {known}.")
        for out in stage.outputs:
            if port in (None, out.name):
                return (stage_id, out.name), out.stream
        raise NotFound(f"tap: {stage_id!r} has no port {port!r}. Known: {', '.join(o.name for o in stage.outputs)}.")

    # ---- threads ----

    def _thread_body(self, member: Member) -> None:
        thread = member.group.thread
        try:
            self._be_member(member)
        except BaseException as error:
            # a bug of ours: nobody would read this group's edges or end them, so nothing may wait any more
            self._refused = self._refused or EegcoreError(
                f"thread {thread}: failed ({type(error).__name__}: {error}). The run was stopped. Report this "
                "with the log.")
            self.abort()
            self._on_alarm("error", thread, str(self._refused), None)

    def _be_member(self, member: Member) -> None:
        group = member.group
        if self._wants_realtime:
            granted = prepare_thread(group.thread, group.cores, group.priority)
            self.granted[group.thread] = granted
            for problem in granted.problems:
                self._degrade(problem)
        if member.sink is not None:
            member.sink.run(time.monotonic_ns)
        elif member.number is not None:
            self.built.graph.run_group(member.number, group.thread)

    def _degrade(self, problem: str) -> None:
        self.warnings.append(problem)
        if self.plan.realtime == "require":
            self._refused = SystemFailed(f"realtime: required and refused. {problem}")
            self._on_alarm("error", "realtime", problem, None)
            self.request_stop()
        else:
            self._on_alarm("warning", "realtime", problem, None)

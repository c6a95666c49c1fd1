"""The file sinks of a run: opened before anything runs, watched, closed when their threads have ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from eegcore import _rt
from eegcore.errors import EegcoreError, NotFound
from eegcore.graph.history_thread import HistoryThread, PacketSink
from eegcore.graph.sink_thread import SinkKeeper, SinkThread
from eegcore.sinks import make_history, make_writer
from eegcore.sinks.base import RunInfo

if TYPE_CHECKING:
    from eegcore.graph.plan_types import GroupPlan, Plan
    from eegcore.graph.run import GraphRun

Alarm = Callable[[str, str, str, int | None], None]    # level, place, message, frame_index


class FileSinks:
    """The file sinks of one run, by id.

    Parameters
    ----------
    run : GraphRun
    keeper : SinkKeeper or None
        Who makes sessions of what recorders write.
    on_alarm : callable
    digest : bool
        Digest what every sink sees.
    packet_sinks : mapping
        What takes the packets of a history node in place of files, by its id.
    plans : list of (int, Plan)
        By config_rev, those that a history has to know when it is opened.
    """

    def __init__(self, run: GraphRun, keeper: SinkKeeper | None, on_alarm: Alarm, digest: bool,
                 packet_sinks: Mapping[str, PacketSink], plans: list[tuple[int, Plan]]) -> None:
        self.plans, self._packet_sinks = plans, packet_sinks
        self.by_id: dict[str, SinkThread] = {}
        self._run, self._keeper, self._on_alarm, self._digest = run, keeper, on_alarm, digest
        self._forget_notes: list[Callable[[], None]] = []
        self._left_broken: list[str] = []              # of sinks that have left the plan

    def open(self, group: GroupPlan, plan: Plan, taps: list[tuple[tuple[str, str], _rt.Tap]], *,
             late_rev: int | None = None) -> SinkThread:
        """Make the writer of a group of kind ``sink`` and open its file. It is not listed before `put`.

        Parameters
        ----------
        group : GroupPlan
        plan : Plan
            That the group is of.
        taps : list of (output, Tap)
            What it reads.
        late_rev : int, optional
            Of the change that brings it into a graph that runs: its file is named after its own beginning.

        Raises
        ------
        EegcoreError
            If the file cannot be made.
        """
        run, node = self._run, group.nodes[0]
        sink_id = node.members[0]
        source, out = node.inputs[0]
        stream = next(port.stream for port in plan.stage(source).outputs if port.name == out)
        sources = ", ".join(f"{source} ({plan.stage(source).type})" for source in stream.sources)
        info = RunInfo(run.run_id, plan.name, sink_id, sources, run.start_unix_ns, run.start_t_ns,
                       run.live.config_rev, input=str(stream.meta.get("input", "")),
                       began_unix_ns=0 if late_rev is None else time.time_ns())

        def alarm(place: str, text: str, frame: int | None) -> None:
            self._on_alarm("error", place, text, frame)

        if node.params["node"] == "history_sink":
            writer = self._packet_sinks.get(sink_id) or make_history(node.params)
            plans = [entry for entry in self.plans if any(stage.id == sink_id for stage in entry[1].stages)] \
                if late_rev is None else [(late_rev, plan)]
            sink: SinkThread = HistoryThread(sink_id, taps, writer, plans, info, alarm=alarm,
                                             is_late=plans[0][0] != self.plans[0][0])
        else:
            sink = SinkThread(sink_id, taps[0][1], make_writer(node.params), stream, info, digest=self._digest,
                              alarm=alarm)
        sink.declared_as(plan.stage(sink_id))
        sink.on_fatal = run.fail if plan.stage(sink_id).on_error == "fatal" else None
        sink.open()
        if sink.recorder is not None:
            sink.recorder.alarm = lambda text: self._on_alarm("warning", f"{sink_id}.disk", text, None)
            self._forget_notes.append(run.journal.subscribe(sink.note, since=0))
        if late_rev is not None and self._keeper is not None:
            self._keeper.opened(run, sink)
        return sink

    def put(self, sink: SinkThread) -> None:
        """List a sink: it is part of the plan."""
        self.by_id[sink.sink_id] = sink

    def take_off(self, sink: SinkThread) -> None:
        """List a sink no more: it works off what it has."""
        if self.by_id.get(sink.sink_id) is sink:
            del self.by_id[sink.sink_id]

    def see_off(self, sink: SinkThread, ledger: dict[str, Any] | None) -> None:
        """Finish the file of a sink that has left the plan and has written everything."""
        self.close_one(sink, ledger)
        if sink.failed is not None:
            self._left_broken.append(str(sink.failed))

    def note_plan(self, config_rev: int, plan: Plan, *, is_running: bool) -> None:
        """Keep what a history that is opened later has to know: before the start every revision."""
        self.plans[:] = [(config_rev, plan)] if is_running else [*self.plans, (config_rev, plan)]

    def tell_keeper(self, sink_id: str | None = None) -> None:
        """Let the keeper begin what records from the start: of one sink, or of all; before their threads run."""
        for sink in list(self.by_id.values()):
            if self._keeper is not None and sink_id in (None, sink.sink_id):
                self._keeper.opened(self._run, sink)

    def open_files(self) -> list[str]:
        """Return the stages that have a file open which takes every packet."""
        return [sink_id for sink_id, sink in list(self.by_id.items()) if sink.is_writing]

    def close(self, ledger: dict[str, Any] | None) -> None:
        """Finish every file whose thread has ended: a writer belongs to its thread until then."""
        while self._forget_notes:
            self._forget_notes.pop()()
        for sink in list(self.by_id.values()):
            if sink.has_ended:
                self.close_one(sink, ledger)

    def close_one(self, sink: SinkThread, ledger: dict[str, Any] | None) -> None:
        """Finish the file of one sink, and the session around it."""
        sink.close(ledger)
        if self._keeper is not None:
            self._keeper.closed(self._run, sink, ledger)

    def get(self, sink_id: str) -> SinkThread:
        """Return a file sink; NotFound names those there are."""
        if sink_id not in self.by_id:
            raise NotFound(f"sink: no file sink is called {sink_id!r}. Known: {', '.join(self.by_id) or 'none'}.")
        return self.by_id[sink_id]

    def silent(self) -> dict[str, float]:
        """Return the seconds since each thread last came by: a disk that does not answer keeps it."""
        return {sink_id: sink.silent_s for sink_id, sink in list(self.by_id.items())}

    def failures(self) -> dict[str, EegcoreError]:
        """Return the file sinks that failed and why."""
        return {sink_id: sink.failed for sink_id, sink in list(self.by_id.items()) if sink.failed is not None}

    def broken(self) -> list[str]:
        """Say which file sinks do not have everything: those that failed, and those whose edge was closed."""
        run, failures = self._run, self.failures()
        with run.live.mutex:                           # names and numbers are of one plan
            closed = [edge.to_stage for edge in run.plan.edges if edge.to_stage in self.by_id
                      and _rt.edge_stats(run.built.graph, run.built.edges[edge.name])["dropped"].get("closed")]
        return [*self._left_broken, *map(str, failures.values()),
                *(f"{sink}: its edge overflowed and was closed; its file is not whole."
                  for sink in closed if sink not in failures)]

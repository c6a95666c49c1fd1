"""The thread of a sink that sees many outputs: drain their edges in turn, tell the writer what was dropped.

All its edges ring one doorbell. Where the graph cannot wait they drop their oldest packets rather than hold anything
up: what is missing is told as a hole. Outputs come and go while it runs; of one that is made by another node, the new
edge is read when the old one is over, so that packets of a stream never overtake each other.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from eegcore import __version__, _rt
from eegcore.errors import EegcoreError, SinkFailed
from eegcore.graph.plan_json import plan_json
from eegcore.graph.sink_thread import BATCH, WAIT_S, SinkThread

if TYPE_CHECKING:
    from eegcore.graph.plan_types import Plan
    from eegcore.graph.sink_thread import Alarm
    from eegcore.sinks.base import RunInfo

PortRef = tuple[str, str]


class PacketSink(Protocol):
    """What takes the packets of many outputs. Called by one thread at a time; `open` first, `close` last."""

    def open(self, run_info: RunInfo, run: dict[str, Any]) -> None:
        """Make ready; a refusal stops the start."""
        ...

    def config(self, document: dict[str, Any], max_bytes: int) -> None:
        """Take note of a configuration, before the packets of streams that it brings and most of the others."""
        ...

    def packets(self, stream: int, packets: Sequence[Any]) -> None:
        """Take packets of one stream, oldest first."""
        ...

    def hole(self, stream: int, from_frame: int, from_ns: int, packets: int) -> None:
        """Take note that packets are missing, somewhere from a frame on and before the next packet."""
        ...

    def ended(self, stream: int) -> None:
        """Take note that nothing follows of a stream, unless a later configuration brings it back."""
        ...

    def close(self, ledger: dict[str, Any] | None) -> None:
        """Finish."""
        ...


@dataclass(eq=False)
class Intake:
    """One edge that is read: packets that were taken, and dropped when it was last looked at."""

    number: int                                        # of the stream
    tap: _rt.Tap
    taken: int = 0
    dropped: int = 0


@dataclass(frozen=True)
class Note:
    """A revision for the writer, and the edges it brings."""

    document: dict[str, Any]
    max_bytes: int
    fresh: list[Intake]


class HistoryThread(SinkThread):
    """One `PacketSink` and its edges; the body of the thread ``sink-<id>``.

    Parameters
    ----------
    sink_id : str
    taps : list of (PortRef, Tap)
        Every output it reads; the taps share a doorbell. Of two of the same output the first is read to its end first.
    writer : PacketSink
    plans : list of (int, Plan)
        By config_rev: what it begins with, and the changes that are known already.
    run_info : RunInfo
    alarm : callable
        As of `SinkThread`.
    is_late : bool
        It does not see the first packets of the run.
    """

    def __init__(self, sink_id: str, taps: list[tuple[PortRef, _rt.Tap]], writer: PacketSink,
                 plans: list[tuple[int, Plan]], run_info: RunInfo, *, alarm: Alarm, is_late: bool = False) -> None:
        stream = next(port.stream for _, plan in plans for stage in plan.stages for port in stage.outputs
                      if (stage.id, port.name) == taps[0][0])
        # the base calls only `close` of a writer, which both kinds have
        super().__init__(sink_id, taps[0][1], writer, stream, run_info, alarm=alarm, digest=False)  # type: ignore[arg-type]
        self._sink, self._is_late = writer, is_late
        self._known: dict[PortRef, int] = {}           # numbers of streams, for the whole run; [control-thread]
        self._plans = list(plans)
        self._ends: dict[int, tuple[int, int]] = {}    # stream -> frame and time behind its newest packet
        self.done_packets = 0                          # of the edges that are read, those the writer is done with
        # read now; waiting for another of the same stream to end; [its thread]
        self._intakes: list[Intake] = []
        self._later: list[Intake] = []
        self._taps: list[_rt.Tap] = []                 # of `_intakes`
        self._wanted: set[int] = set()                 # streams of the newest configuration
        self._notes: queue.SimpleQueue[Note] = queue.SimpleQueue()
        self._noting = threading.Lock()
        self._has_left = False                         # the thread reads no notes any more; under `_noting`
        self._settled = threading.Event()              # no change is being made
        self._settled.set()
        self._take_in([Intake(self._number(ref), tap) for ref, tap in taps])

    def open(self) -> None:
        """Make the writer ready, and tell it the configuration."""
        self._sink.open(self._info, {
            "run_id": self._info.run_id, "pipeline": self._info.pipeline, "version": __version__,
            "clock": self._plans[0][1].clock, "start_unix_ns": self._info.start_unix_ns,
            "start_t_ns": self._info.start_t_ns, "source": self._info.source, "input": self._info.input,
            "is_late": self._is_late})
        self._is_open = True
        try:
            for config_rev, plan in self._plans:
                self._write_down(self._note(config_rev, plan, ()))
            self._plans.clear()
        except BaseException:
            self.close(None)
            raise

    @property
    def is_writing(self) -> bool:
        """False: it holds no lock, and a change of what it reads is part of what it writes."""
        return False

    # ---- changes ----

    def expect(self) -> None:
        """A change is being made: it may bring edges when all that are read have ended. [control-thread]"""
        self._settled.clear()

    def follow(self, config_rev: int, plan: Plan, taps: Iterable[tuple[PortRef, _rt.Tap]]) -> None:
        """A change is made: tell the writer what the revision is, and read what is new. [control-thread]"""
        self.declared_as(plan.stage(self.sink_id))
        note = self._note(config_rev, plan, taps)
        with self._noting:
            if self._has_left:
                for intake in note.fresh:
                    intake.tap.refuse()
            else:
                self._notes.put(note)
        self._settled.set()

    def expect_nothing(self) -> None:
        """The change was not made. [control-thread]"""
        self._settled.set()

    def _number(self, ref: PortRef) -> int:
        return self._known.setdefault(ref, len(self._known))

    def _note(self, config_rev: int, plan: Plan, taps: Iterable[tuple[PortRef, _rt.Tap]]) -> Note:
        stage = plan.stage(self.sink_id)
        roles = {stage.id: stage.role for stage in plan.stages}
        streams = {}
        for described in plan_json(plan)["stages"]:
            for out in described["outputs"]:
                ref = (described["id"], out["port"])
                if ref in stage.inputs:
                    streams[str(self._number(ref))] = {"stage": ref[0], "port": ref[1], "role": roles[ref[0]],
                                                       "description": out}
        return Note({"config_rev": config_rev, "config": plan.config, "streams": streams},
                    stage.native.get("max_bytes", 0), [Intake(self._number(ref), tap) for ref, tap in taps])

    # ---- the thread ----

    def _drain(self, clock: Callable[[], int]) -> None:
        while True:
            taps = self._taps
            found = _rt.wait_any(taps, WAIT_S, BATCH)
            self.beat_ns = clock()
            self._answer_calls()
            is_over = found is None
            self._read_notes()
            for at, packets in found or ():
                self._take_from(self._intakes[at], packets)
                packets.clear()
            self._let_go()
            self.done_packets = sum(intake.taken for intake in self._intakes)
            if is_over and self._taps is taps and self._is_left():
                return

    def _is_left(self) -> bool:
        """Whether nothing comes any more: a change that is being made may bring something."""
        self._settled.wait()
        with self._noting:
            self._has_left = self._notes.empty()
            return self._has_left

    def _read_notes(self) -> None:
        while not self._notes.empty():
            note = self._notes.get_nowait()
            self._guarded(partial(self._write_down, note), 0, None)
            self._take_in(note.fresh)

    def _write_down(self, note: Note) -> None:
        self._wanted = {int(number) for number in note.document["streams"]}
        self._sink.config(note.document, note.max_bytes)

    def _take_in(self, fresh: list[Intake]) -> None:
        """Read these too; behind others that know `_intakes` by their place."""
        for intake in fresh:
            if self._is_broken:
                intake.tap.refuse()
            is_first = all(other.number != intake.number for other in (*self._intakes, *self._later))
            (self._intakes if is_first else self._later).append(intake)
        if fresh:
            self._taps = [intake.tap for intake in self._intakes]

    def _let_go(self) -> None:
        """Forget edges that are over, and go on with those that take their place."""
        heirs = {intake.number for intake in self._later}
        if not heirs and all(intake.number in self._wanted for intake in self._intakes):
            return
        for intake in list(self._intakes):
            if intake.number in self._wanted and intake.number not in heirs:
                continue
            packets = intake.tap.wait(0.0, BATCH)
            if packets:
                self._take_from(intake, packets)
            elif packets is None:
                self._intakes.remove(intake)
                self._replace(intake.number)
        self._taps = [intake.tap for intake in self._intakes]

    def _replace(self, number: int) -> None:
        heir = next((intake for intake in self._later if intake.number == number), None)
        if heir is not None:
            self._later.remove(heir)
            self._intakes.append(heir)
        else:
            self._guarded(partial(self._sink.ended, number), 0, None)

    def _take_from(self, intake: Intake, packets: list[_rt.Packet]) -> None:
        frames = sum(packet.device_frames for packet in packets)
        self.taken += frames
        self.packets += len(packets)
        intake.taken += len(packets)
        if self._is_broken:
            self._refuse("closed", frames)
            return
        from_frame, from_ns = self._ends.get(intake.number, (0, self._info.start_t_ns))
        if self._guarded(lambda: self._sink.packets(intake.number, packets), frames, packets[0].frame_index):
            self._written += frames
        last = packets[-1]
        self._ends[intake.number] = (last.frame_index + last.device_frames,
                                     last.t_ns + round(last.n_frames * 1e9 / last.sps))
        dropped = intake.tap.dropped
        if dropped > intake.dropped:
            # it began behind the packet before these, and may have ended only behind them
            missing, intake.dropped = dropped - intake.dropped, dropped
            self._guarded(lambda: self._sink.hole(intake.number, from_frame, from_ns, missing), 0, from_frame)

    def _guarded(self, call: Callable[[], None], frames: int, frame_index: int | None) -> bool:
        """Call the writer; a failure closes all edges and is told."""
        if self._is_broken:
            return False
        try:
            call()
        except Exception as error:
            # a writer's own bug must not leave edges that nobody drains
            self._refuse("failed", frames)
            self._fail(error if isinstance(error, EegcoreError) else SinkFailed(
                f"{self.sink_id}: the writer failed ({type(error).__name__}: {error}). The history ends here. Report "
                "this with the log."), frame_index)
            return False
        return True

    def _fail(self, error: EegcoreError, frame_index: int | None = None, *, for_good: bool = False) -> None:
        super()._fail(error, frame_index, for_good=for_good)
        for intake in (*self._intakes, *self._later):
            intake.tap.refuse()

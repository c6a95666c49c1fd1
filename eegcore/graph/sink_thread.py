"""The thread of a file sink: drain one edge, write, account for every frame.

A writer that fails is closed and its edge refuses what follows; acquisition and
the other branches go on (ARCHITECTURE sections 3 and 10). A recorder is one that
is told when to begin and to end; when its disk fails it goes on listening, so that
the next recording may go elsewhere.

Whoever wants something of a writer while the thread runs hands it over with `call`:
it is done on the thread, between two packets.
"""

from __future__ import annotations

import hashlib
import struct
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from eegcore.errors import EegcoreError, SinkFailed, StateConflict

if TYPE_CHECKING:
    from eegcore import _rt
    from eegcore.graph.journal import JournalEvent
    from eegcore.graph.plan_types import StagePlan
    from eegcore.graph.run import GraphRun
    from eegcore.sinks.base import Recorder, RecordingTarget, RunInfo, SinkWriter
    from eegcore.stages.stream import Stream

WAIT_S = 0.1                                           # a call waits no longer, unless the disk keeps the thread
FILE_SILENT_S = 0.7                                    # PROMISES section 1: an alarm within 1 s
MOST_CALLS = 10_000                                    # that wait for a disk which does not answer
BATCH = 32                                             # packets taken at once: `HELD_BY_READER` of the plan

Alarm = Callable[[str, str, int | None], None]         # place, message, frame_index
Answer = TypeVar("Answer")


class SinkKeeper(Protocol):
    """Who is told of the file sinks of a run; sessions are made around recorders by one."""

    def opened(self, run: GraphRun, sink: SinkThread) -> None:
        """Look at a sink that was opened, before its thread runs. What it raises stops the start."""
        ...

    def closed(self, run: GraphRun, sink: SinkThread, ledger: dict[str, Any] | None) -> None:
        """Finish what belongs to a sink whose writer is closed. Raises nothing."""
        ...


class SinkThread:
    """One file sink: its edge, its writer, its counters. `run` is the body of the thread ``sink-<id>``."""

    def __init__(self, sink_id: str, tap: _rt.Tap, writer: SinkWriter, stream: Stream, run_info: RunInfo, *,
                 alarm: Alarm, digest: bool) -> None:
        self.sink_id = sink_id
        self.stream = stream
        self.taken = self.packets = 0
        self.refused: dict[str, int] = {}
        self.beat_ns = 0
        self.failed: EegcoreError | None = None        # the first failure, whatever came after it
        self.failed_now: EegcoreError | None = None    # why nothing is written now
        self.has_overflowed = False
        self.settings: dict[str, Any] = {}
        self.input = ("", "")                          # stage and port it reads
        self.on_fatal: Callable[[EegcoreError], None] | None = None    # its policy is to stop the run if it fails
        self.writer = writer
        self.recorder: Recorder | None = cast("Recorder", writer) if hasattr(writer, "begin") else None
        self._tap, self._info = tap, run_info
        self._alarm = alarm
        self._hash = hashlib.sha256() if digest else None
        self._is_open = False
        self._is_broken = False                        # nothing is written any more, or until the next `begin`
        self._records_from_start = False
        self._written = 0
        self._calls: deque[tuple[Future[Any], Callable[[], Any]]] = deque()
        self._calling = threading.RLock()              # who holds it may use the writer while no thread of ours runs
        self.has_ended = True                          # False only inside `run`

    def declared_as(self, stage: StagePlan) -> None:
        """Keep what its declaration says, also while the plan that has it is not that of the run yet."""
        self.settings, self.input = dict(stage.settings), stage.inputs[0]

    def open(self) -> None:
        """Create the file before anything runs: a refusal must stop the start, not the run."""
        self.writer.open(self.stream, self._info)
        self._is_open = True

    def run(self, clock: Callable[[], int]) -> None:
        """Until the edge has ended and is empty."""
        with self._calling:
            self.has_ended = False
        try:
            self._drain(clock)
        except BaseException as error:
            # whatever it was, nobody reads the edge any more: it must not hold up the graph, nor look like success
            self._fail(SinkFailed(f"{self.sink_id}: its thread failed ({type(error).__name__}: {error}). The file ends "
                                  "here. Report this with the log."), for_good=True)
        finally:
            with self._calling:
                self._answer_calls()
                self.has_ended = True

    def _drain(self, clock: Callable[[], int]) -> None:
        while True:
            packets = self._tap.wait(WAIT_S, BATCH)
            self.beat_ns = clock()
            self._answer_calls()
            if packets is None:
                break
            if packets:
                self._take(packets)
        if self._tap.is_closed and self.failed is None:
            self.has_overflowed = True
            error = SinkFailed(f"{self.sink_id}: its edge overflowed and was closed; the file ends here. "
                               "The disk is too slow for this rate. Lower the rate or write elsewhere.")
            self._announce(error, None)

    def close(self, ledger: dict[str, Any] | None) -> None:
        """Finish the file. After `run` has returned; also when it never ran."""
        with self._calling:
            if not self._is_open:
                return
            self._is_open = False
            try:
                self.writer.close(ledger)
            except EegcoreError as error:
                self._lose(error)
                self._fail(error)
            except Exception as error:
                # the other sinks are closed all the same
                self._fail(SinkFailed(f"{self.sink_id}: the writer failed to finish the file ({type(error).__name__}: "
                                      f"{error}). It may lack its end. Report this with the log."))

    # ---- what others ask of the writer ----

    def call(self, function: Callable[[], Answer]) -> Future[Answer]:
        """Have `function` called on the thread of this sink, between two packets, in the order of the calls.

        Before the thread runs, and after it has ended, the caller does it. [any-thread]

        Raises
        ------
        StateConflict
            If the writer is closed, or too many calls wait already because the disk does not answer.
        """
        future: Future[Answer] = Future()
        with self._calling:
            if not self._is_open:
                raise StateConflict(f"{self.sink_id}: is closed. It takes commands while the pipeline runs.")
            if len(self._calls) >= MOST_CALLS:
                raise StateConflict(f"{self.sink_id}: {MOST_CALLS} commands wait already, and its disk does not "
                                    "answer. Check the disk.")
            self._calls.append((future, function))
            if self.has_ended:
                self._answer_calls()
        return future

    def begin(self, target: RecordingTarget, first_rev: int = 0) -> Future[None]:
        """Begin a recording; done once its files are on the disk.

        Raises, by its future, what `Recorder.begin` does. The failure of an earlier recording is over then.
        """
        at_start = self.has_ended

        def do() -> None:
            recorder = self._need_recorder()
            recorder.begin(target, first_rev)
            self._is_broken, self.failed_now = False, None
            self._records_from_start = at_start

        return self.call(do)

    def end(self) -> Future[dict[str, Any]]:
        """End the recording; the future has its summary."""
        def do() -> dict[str, Any]:
            self._records_from_start = False
            try:
                return self._need_recorder().end()
            except SinkFailed as error:
                self._lose(error)
                self._fail(error)
                raise

        return self.call(do)

    def note(self, event: JournalEvent) -> None:
        """Have the recorder annotate an event; a subscriber of the journal, so it waits for nothing. [any-thread]"""
        def do() -> None:
            try:
                self._need_recorder().note(event)
            except EegcoreError as error:
                self._fail(error, event.frame_index)

        try:
            self.call(do)
        except StateConflict as error:
            if self._is_open:
                self._alarm(self.sink_id, f"{error} {event.text[:60]!r} is not annotated.", event.frame_index)

    @property
    def is_writing(self) -> bool:
        """Whether a file is open that takes every packet; nothing above may change as long as it is."""
        return self._is_open and not self._is_broken and (self.recorder is None or self._records_from_start)

    def status(self) -> dict[str, Any]:
        """Return how the writer stands, for health, the page and metrics; cheap. [any-thread]

        ``state`` is idle, waiting, recording, failed or closed; a recorder says more, see `Recorder.status`.
        """
        found: dict[str, Any] = {"state": "recording", "frames": self.written}
        if self.recorder is not None:
            found = dict(self.recorder.status())
        if self._is_broken:
            found["state"] = "failed"
            found["error"] = str(self.failed_now)
        elif not self._is_open or self.has_overflowed:
            found["state"] = "failed" if self.has_overflowed else "closed"
        found["silent_s"] = self.silent_s
        return found

    @property
    def silent_s(self) -> float:
        """Seconds since the thread last came by, while it runs: a disk that does not answer keeps it."""
        return 0.0 if self.has_ended or not self.beat_ns else max(0.0, (time.monotonic_ns() - self.beat_ns) * 1e-9)

    def _need_recorder(self) -> Recorder:
        if self.recorder is None:
            raise StateConflict(f"{self.sink_id}: writes from the start to the end of the run. Only a bdf_sink begins "
                                "and ends recordings.")
        return self.recorder

    def _answer_calls(self) -> None:
        """Do what waits. On the thread of the sink, or under `_calling` while it does not run."""
        while self._calls:
            future, function = self._calls.popleft()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                answer = function()
            except BaseException as error:
                future.set_exception(error)            # whoever asked is told; the writer goes on
            else:
                future.set_result(answer)

    # ---- books ----

    @property
    def digest(self) -> str | None:
        """SHA-256 over what came in, as INTERFACES section 3 defines it; None if not asked for."""
        return self._hash.hexdigest() if self._hash is not None else None

    @property
    def written(self) -> int:
        """Device frames that were handed to the file."""
        return self._written

    def counters(self) -> dict[str, Any]:
        """The sink's line of the ledger, device frames."""
        done = self.written + sum(self.refused.values())
        return {"in": self.taken, "written": self.written, "refused": dict(self.refused), "queued": self.taken - done}

    def _take(self, packets: list[_rt.Packet]) -> None:
        frames = sum(packet.device_frames for packet in packets)
        self.taken += frames
        self.packets += len(packets)
        if self._hash is not None:
            for packet in packets:
                self._hash.update(struct.pack("<QBI", packet.frame_index, packet.kind, packet.n_frames))
                self._hash.update(packet)
        if self._is_broken and self.recorder is None:
            self._refuse("closed", frames)
            return
        try:
            written = self.writer.write(packets)
        except EegcoreError as error:
            written = self._device_frames(packets, int(error.details.get("frames_written", 0)))
            self._written += written
            self._refuse("failed", frames - written)
            self._lose(error)
            self._fail(error, packets[0].frame_index)
        except Exception as error:
            # a writer's own bug must not leave an edge that nobody drains
            self._refuse("failed", frames)
            self._fail(SinkFailed(f"{self.sink_id}: the writer failed ({type(error).__name__}: {error}). The file ends "
                                  "here. Report this with the log."), packets[0].frame_index)
        else:
            self._account(frames, frames if self.recorder is None else written)

    def _account(self, frames: int, written: int) -> None:
        """Count what a writer has taken; a pre-roll takes frames that were let go before."""
        self._written += written
        if written < frames:
            # a recorder that waits to be told has nothing to lose; one that should be writing has
            loses = self._is_broken and not self.settings.get("armed", False)
            self._refuse("closed" if loses else "idle", frames - written)
        surplus = written - frames
        for reason in ("idle", "closed"):
            if surplus > 0 and (there := self.refused.get(reason, 0)):
                self.refused[reason] = there - min(surplus, there)
                surplus -= min(surplus, there)

    @staticmethod
    def _device_frames(packets: list[_rt.Packet], frames: int) -> int:
        """Device frames that the first `frames` frames of these packets answer for."""
        total = 0
        for packet in packets:
            if frames <= 0:
                break
            part = min(frames, packet.n_frames)
            total += packet.device_frames if part == packet.n_frames else part * packet.step_num // packet.step_den
            frames -= part
        return total

    def _lose(self, error: EegcoreError) -> None:
        """Account for frames a recorder had taken in earlier calls, and that did not reach the disk."""
        lost = int(error.details.get("frames_lost", 0))
        if lost:
            self._written -= lost
            self._refuse("failed", lost)

    def _refuse(self, reason: str, frames: int) -> None:
        self.refused[reason] = self.refused.get(reason, 0) + frames

    def _fail(self, error: EegcoreError, frame_index: int | None = None, *, for_good: bool = False) -> None:
        if self._is_broken:
            return
        self._is_broken, self._records_from_start = True, False
        self.failed, self.failed_now = self.failed or error, error
        if self.recorder is None or for_good:
            self._tap.refuse()
        self._announce(error, frame_index)

    def _announce(self, error: EegcoreError, frame_index: int | None) -> None:
        self._alarm(self.sink_id, str(error), frame_index)
        if self.on_fatal is not None:
            self.on_fatal(error)

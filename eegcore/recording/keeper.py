"""Sessions around recorders: who begins them, what is put into the folder, and how each of them ends.

The order of a beginning: lock what is above the sink, make the folder, let the recorder make its files, each durably;
only then is anybody told. The order of an end: the recorder finishes its files, the lock is given back, and the
folder gets its sorted events, ledger, hashes and metadata.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from eegcore.errors import EegcoreError, SinkFailed, StateConflict
from eegcore.logs import get_logger
from eegcore.recording import bids
from eegcore.recording.books import session_ledger
from eegcore.recording.facts import first_facts, last_facts
from eegcore.recording.info import SessionInfo, session_info
from eegcore.recording.session import BASENAME, Session
from eegcore.sinks.base import RecordingTarget
from eegcore.sinks.bdf_text import patient_id
from eegcore.sinks.file_operations import REAL, FileOperations
from eegcore.sinks.ledger_file import ledger_path, write_ledger

if TYPE_CHECKING:
    from eegcore.graph.journal import JournalEvent
    from eegcore.graph.run import GraphRun
    from eegcore.graph.sink_thread import SinkThread

BEGIN_S = 30.0                                         # for a disk that is slow to make files
END_S = 120.0                                          # for one that has 10 s of queue to write first
MOST_REVISIONS = 10_000                                # that wait for a disk
RECORDINGS = "recordings"

log = get_logger("recording")


@dataclass
class Active:
    """A recording that goes on."""

    session: Session
    run: GraphRun
    sink: SinkThread
    holds_lock: bool
    forget: Callable[[], None] = lambda: None          # ends the subscription to the journal
    ending: threading.Lock = field(default_factory=threading.Lock)


class Keeper:
    """Makes, watches and finishes sessions; the `SinkKeeper` of runs. Thread safe.

    Parameters
    ----------
    root : str, optional
        Folder of recordings for sinks that do not name one.
    document : callable, optional
        Returns (config_rev, merged configuration) of this moment.
    on_change : callable, optional
        Called with the summary of a session that has ended, whoever ended it; from any thread.
    operations : FileOperations
        System calls of sessions; tests give their own.
    """

    def __init__(self, root: str = RECORDINGS, document: Callable[[], tuple[int, dict[str, Any]]] | None = None,
                 on_change: Callable[[dict[str, Any]], None] | None = None,
                 operations: FileOperations = REAL) -> None:
        self.root = root
        self._operations = operations
        self.last: dict[str, Any] | None = None        # summary of the session that ended last
        self._document = document or (lambda: (0, {}))
        self._on_change = on_change or (lambda summary: None)
        self._active: dict[str, Active] = {}
        self._beginning: set[str] = set()              # sinks whose disk is just asked for a new folder
        # configurations that sessions have to keep yet, those included that are just being begun
        self._revisions: deque[tuple[int, dict[str, Any]]] = deque(maxlen=MOST_REVISIONS)
        self._lock = threading.Lock()                  # never held while a disk is waited for

    # ---- what goes on ----

    def active(self) -> list[Active]:
        """Return the recordings that go on."""
        with self._lock:
            return list(self._active.values())

    def status(self, sink_id: str) -> dict[str, Any] | None:
        """Return how the recording of one sink stands; None if it does not record."""
        with self._lock:
            active = self._active.get(sink_id)
        if active is None:
            return None
        found = active.sink.status()
        session, sps = active.session, active.session.sps
        return {
            "id": session.id, "state": found["state"], "sink": sink_id, "participant": session.info.participant,
            "task": session.info.task, "session": session.info.session, "since": session.meta["created_unix_ns"],
            "frames": found.get("frames", 0), "seconds": found.get("frames", 0) / sps, "bytes": found.get("bytes", 0),
            "durable_frames": found.get("durable_frames"), "seconds_left": found.get("seconds_left"),
            "fsync_s": found.get("fsync_s"), "stalled_s": max(found.get("stalled_s") or 0.0, found["silent_s"]),
            "error": found.get("error"), "folder": session.folder}

    # ---- begin ----

    def begin(self, run: GraphRun, sink_id: str, given: dict[str, Any] | None = None, *,
              lock: Callable[[], int] | None = None) -> Active:
        """Begin a recording; it is on the disk when this returns.

        Parameters
        ----------
        run : GraphRun
        sink_id : str
            A recorder that is idle.
        given : dict, optional
            Words of the person who starts it, see `SessionInfo`; the others are those of the sink's settings.
        lock : callable, optional
            Locks what is above the sink and returns the revision that is. Default: that of the run.

        Raises
        ------
        BadArgument
            If a word is not allowed.
        StateConflict
            If it records already.
        SinkFailed
            If the disk refuses; nothing is left then.
        """
        return self._begin_alone(run, sink_id, given or {}, lock or (lambda: run.live.lock(sink_id)))

    def _begin_alone(self, run: GraphRun, sink_id: str, given: dict[str, Any], lock: Callable[[], int] | None,
                     sink: SinkThread | None = None) -> Active:
        """Begin; without a lock from the first packet on that `sink` gets, which may not be listed yet."""
        session_info(given)                            # refused before anything is locked
        with self._lock:
            if sink_id in self._active:
                raise StateConflict(f"recording: {self._active[sink_id].session.id} goes on. End it first.")
            if sink_id in self._beginning:
                raise StateConflict("recording: another one is just being started. End it first.")
            self._beginning.add(sink_id)
        try:
            first_rev = lock() if lock is not None else 0
            try:
                # not before the lock: until then a change may put another writer in its place
                sink = sink or run.sink(sink_id)
                info, root = session_info(given, sink_info(sink.settings)), sink.settings.get("folder") or self.root
                active = self._begin(run, sink, info, root, first_rev, lock is not None)
            except BaseException:
                if lock is not None:
                    run.live.unlock(sink_id)
                raise
            with self._lock:
                self._active[sink_id] = active
        finally:
            with self._lock:
                self._beginning.discard(sink_id)
        log.info("recording %s: begun, %s", active.session.id, active.session.folder)
        return active

    def _begin(self, run: GraphRun, sink: SinkThread, info: SessionInfo, root: str, first_rev: int,
               holds_lock: bool) -> Active:
        config_rev, document = self._document()
        session = Session.create(root, info, first_facts(run, sink) | last_facts(run, sink),
                                 document, config_rev, self._operations)
        target = RecordingTarget(
            folder=session.folder, basename=BASENAME, participant=info.participant, notes=info.notes,
            patient_id=patient_id(info.participant), pre_roll_s=info.pre_roll_s, csv=info.csv,
            segment_s=info.segment_s, segment_bytes=info.segment_bytes)
        active = Active(session, run, sink, holds_lock)
        # before the recorder begins: no event may fall between
        active.forget = run.journal.subscribe(lambda event: self._note(active, event), since=0)
        try:
            begun = sink.begin(target, first_rev)
            try:
                begun.result(BEGIN_S)
            except TimeoutError:
                if begun.cancel():                     # it had not come to it: nothing was made
                    raise SinkFailed(f"{session.folder}: the disk has not answered for {BEGIN_S:g} s. Nothing was "
                                     "recorded. Check the disk.", path=session.folder) from None
                begun.result()                         # it is at it: its files are being made
        except BaseException:
            active.forget()
            session.discard()
            raise
        kept_s = sink.status().get("pre_roll_s", 0.0)
        if info.pre_roll_s > kept_s and sink.recorder is not None and sink.recorder.alarm is not None:
            sink.recorder.alarm(f"{sink.sink_id}: pre_roll_s of this recording is {info.pre_roll_s:g}, and the stage "
                                f"keeps {kept_s:g} s. It begins {kept_s:g} s before its start at most. Set "
                                f"{sink.sink_id}.pre_roll_s before the next one.")
        return active

    def _note(self, active: Active, event: JournalEvent) -> None:
        """Hand an event to the thread of the sink, which waits for the disk. Called while the journal is locked."""
        def do() -> None:
            status = active.sink.status()
            try:
                if (first := status.get("first_frame")) is not None:
                    active.session.begin_at(first, status["sps_in_file"])
                active.session.note(event)
            except SinkFailed as error:
                active.run.alarm(f"{active.sink.sink_id}.events", str(error), event.frame_index)

        with suppress(StateConflict):                  # too many wait: the sink has said so
            active.sink.call(do)

    def place_events(self) -> None:
        """Write events that waited for the first frame. Waits for the disk."""
        for active in self.active():
            status = active.sink.status()
            if (first := status.get("first_frame")) is not None:
                with suppress(StateConflict, SinkFailed):          # the end writes them all once more
                    active.sink.call(partial(active.session.begin_at, first, status["sps_in_file"])).result(END_S)

    def note_revision(self, config_rev: int, document: dict[str, Any]) -> bool:
        """Remember a new configuration; True if sessions have to `keep_revisions` soon. Waits for nothing."""
        with self._lock:
            if self._active or self._beginning:
                self._revisions.append((config_rev, document))
            return len(self._revisions) == 1

    def keep_revisions(self) -> None:
        """Have every session that goes on keep the configurations that came. Waits for the disk."""
        with self._lock:
            going, revisions = list(self._active.values()), list(self._revisions)
            if not self._beginning:                    # else they are kept for that one, too
                self._revisions.clear()
        for active in going:
            try:
                active.session.revise(revisions)
            except SinkFailed as error:
                active.run.alarm(f"{active.sink.sink_id}.pipeline", str(error))

    # ---- end ----

    def end(self, sink_id: str) -> dict[str, Any]:
        """End the recording of a sink and return what became of it, the content of ``session_meta.json``.

        Raises
        ------
        StateConflict
            If it does not record.
        SinkFailed
            If something did not reach the disk; the recording has ended all the same.
        """
        with self._lock:
            active = self._active.get(sink_id)
        if active is None:
            raise StateConflict("recording: none goes on. Start one first.")
        return self._end(active)

    def _end(self, active: Active) -> dict[str, Any]:
        with active.ending:
            if not self._is_active(active):
                raise StateConflict("recording: none goes on. Start one first.")
            error: EegcoreError | None = None
            try:
                self._end_recorder(active)
            except EegcoreError as failure:
                error = failure
            return self._finish(active, None, error)

    def _end_recorder(self, active: Active) -> None:
        if (problem := self._problem(active)) is not None:
            raise problem
        try:
            active.sink.end().result(END_S)
        except TimeoutError:
            raise SinkFailed(f"{active.session.folder}: the disk has not answered for {END_S:g} s. The recording may "
                             "lack its end. Check the disk, then: eegcore recover.",
                             path=active.session.folder) from None

    def _problem(self, active: Active) -> EegcoreError | None:
        """Return why the recording has ended by itself; None if it goes on."""
        sink = active.sink
        if sink.failed_now is not None:
            return sink.failed_now
        if sink.has_overflowed:
            return SinkFailed(f"{sink.sink_id}: its edge overflowed and was closed; the recording ends there. The "
                              "disk is too slow for this rate.", path=active.session.folder)
        return None

    def _is_active(self, active: Active) -> bool:
        with self._lock:
            return self._active.get(active.sink.sink_id) is active

    def _finish(self, active: Active, run_ledger: dict[str, Any] | None, error: EegcoreError | None) -> dict[str, Any]:
        """Do what is left to do once the recorder has ended; raise `error` when it is done."""
        session, sink = active.session, active.sink
        active.forget()
        self.keep_revisions()
        if active.holds_lock:
            active.run.live.unlock(sink.sink_id)
        recorder = sink.recorder
        summary = dict((recorder.last_summary if recorder is not None else None) or {})
        ledger = run_ledger or session_ledger(active.run.run_id, sink.sink_id, summary)
        try:
            for entry in summary.get("segments", ()) if run_ledger is None else ():
                write_ledger(ledger_path(session.path(entry["file"])), ledger, self._operations)
        except SinkFailed as failure:                  # the session is finished all the same
            error = error or failure
        try:
            session.finish("failed" if error is not None else "finished", summary,
                           last_facts(active.run, sink), ledger, str(error) if error is not None else None)
            if session.info.bids and error is None:
                self._share(session)
        except SinkFailed as failure:
            error = error or failure
            session.meta |= {"state": "failed", "error": str(failure)}
        with self._lock:
            self._active.pop(sink.sink_id, None)
            self.last = last = {**session.meta, "folder": session.folder}
        level = log.error if error is not None else log.info
        level("recording %s: ended, %d frames%s", session.id, session.meta.get("frames", 0),
              f"; {error}" if error is not None else "")
        self._on_change(last)
        if error is not None:
            raise error
        return last

    def _share(self, session: Session) -> None:
        """Put the session into the BIDS dataset beside it; that it cannot is told, the session is whole."""
        root = os.path.join(os.path.dirname(session.folder) or ".", bids.FOLDER)
        try:
            session.meta["bids"] = {"wanted": True, "files": bids.add_session(root, session.folder, session.meta)}
            session.write_meta()
        except (EegcoreError, OSError, ValueError) as error:
            session.meta["bids"] = {"wanted": True, "error": str(error)}
            log.error("recording %s: it could not be put into the BIDS dataset %s: %s", session.id, root, error)

    # ---- told by the run ----

    def opened(self, run: GraphRun, sink: SinkThread) -> None:
        """Begin the recording of a sink that records from the start."""
        if sink.recorder is None:
            return
        if not sink.settings.get("armed", True):
            # no lock: a sink that writes from its first packet on keeps changes away by itself
            self._begin_alone(run, sink.sink_id, {}, None, sink)

    def closed(self, run: GraphRun, sink: SinkThread, ledger: dict[str, Any] | None) -> None:
        """Finish the session of a sink that was closed while it recorded."""
        with self._lock:
            active = self._active.get(sink.sink_id)
        # one that a change has put another in the place of is closed when it has written all it had, maybe only now
        if active is None or active.run is not run or active.sink is not sink:
            return
        with active.ending:
            if not self._is_active(active):
                return
            try:
                self._finish(active, ledger, self._problem(active))
            except EegcoreError as error:
                if sink.failed is None:                # else it has been told
                    sink.failed = error
                    run.alarm(sink.sink_id, str(error))

    def end_failed(self) -> None:
        """End recordings whose disk has failed, so that the folder says so and a new one can begin."""
        for active in self.active():
            if self._problem(active) is not None:
                with suppress(EegcoreError):           # the sink has told it
                    self._end(active)


def sink_info(settings: dict[str, Any]) -> SessionInfo:
    """Return what the settings of a bdf_sink say about a recording."""
    names = ("participant", "notes", "task", "session", "pre_roll_s", "csv", "bids", "segment_s", "segment_bytes")
    return session_info({name: settings.get(name) for name in names})

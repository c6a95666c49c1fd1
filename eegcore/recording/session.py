"""One session: the folder of one recording, from its first mkdir to the last rename.

::

    recordings/2026-11-21T14-45-12Z_P01/
      eeg.bdf  eeg_002.bdf ...   counts, as the chip gave them
      eeg.csv                    the same as text, if wished
      events.tsv                 markers and changes, each at its sample
      session_meta.json          who, what, with which device, and what became of it
      pipeline.yaml              the exact configuration; pipeline_rev_<n>.yaml what took its place meanwhile
      eeg.bdf.ledger.json        every frame accounted for

While it is open the folder is locked (flock): whoever lists sessions can tell one that is being recorded from one
whose process has died.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import threading
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from eegcore.errors import SinkFailed
from eegcore.recording.durable import json_bytes, make_folder, replace_file, write_new
from eegcore.recording.events_file import EventsFile, row
from eegcore.recording.info import SessionInfo
from eegcore.recording.pipeline_file import pipeline_yaml
from eegcore.sinks.file_operations import REAL, FileOperations, sink_failed

if TYPE_CHECKING:
    from eegcore.graph.journal import JournalEvent

FORMAT = "eegcore session 1"
META, EVENTS, PIPELINE = "session_meta.json", "events.tsv", "pipeline.yaml"
BASENAME = "eeg"
MOST_TRIES = 1_000_000
HASH_BYTES = 1 << 20

_last_number: dict[str, int] = {}                      # per path without number: where to go on looking
_numbering = threading.Lock()


class Session:
    """The folder of one recording. `note`, `begin_at` and `revise` may be called by any thread, also too late.

    Use `create`. Attributes: `id`, `folder`, `info`, `meta` (the content of ``session_meta.json``).
    """

    def __init__(self, folder: str, info: SessionInfo, meta: dict[str, Any],
                 operations: FileOperations = REAL) -> None:
        self._operations = operations
        self.folder, self.info, self.meta = folder, info, meta
        self.id = os.path.basename(folder)
        self._lock_fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        with contextlib.suppress(OSError):             # a file system without locks: only the list is less sure
            fcntl.flock(self._lock_fd, fcntl.LOCK_EX)
        self._events = EventsFile(os.path.join(folder, EVENTS), operations)
        self._known: list[JournalEvent] = []           # all, in the order in which they became known
        self._waiting: list[JournalEvent] = []         # until the first frame is known
        self._eventing = threading.Lock()
        self._changing = threading.Lock()              # of `meta` and its file, as long as it is open
        self._is_open = True
        self.first_frame: int | None = None

    @classmethod
    def create(cls, root: str, info: SessionInfo, facts: dict[str, Any], document: dict[str, Any],
               config_rev: int, operations: FileOperations = REAL) -> Session:
        """Make the folder and everything in it but the samples, durably.

        Parameters
        ----------
        root : str
            Folder of recordings, made if it is not there.
        info : SessionInfo
        facts : dict
            For ``session_meta.json``.
        document : dict
            The merged configuration.
        config_rev : int
            Its revision.
        operations : FileOperations
            System calls; tests give their own.

        Raises
        ------
        SinkFailed
            If something cannot be made; nothing is left then.
        """
        start_unix_ns = time.time_ns()
        folder = new_folder(root, info.slug, start_unix_ns, operations)
        meta = {
            "format": FORMAT, "id": os.path.basename(folder), "state": "recording",
            "participant": info.participant, "task": info.task, "session": info.session, "notes": info.notes,
            "created_unix_ns": start_unix_ns, "created_utc": utc_text(start_unix_ns), "config_rev": config_rev,
            "revisions": [], "bids": {"wanted": info.bids}, **facts}
        session = cls(folder, info, meta, operations)
        try:
            write_new(session.path(PIPELINE), pipeline_yaml(
                document, f"configuration {config_rev} of session {session.id}"), operations)
            session._events.create()
            session.write_meta()
        except BaseException:
            session.discard()
            raise
        return session

    def path(self, name: str) -> str:
        """Return the path of a file of the session."""
        return os.path.join(self.folder, name)

    def write_meta(self) -> None:
        """Put ``session_meta.json`` in the place of the one before, at one stroke."""
        replace_file(self.path(META), json_bytes(self.meta), self._operations)

    def discard(self) -> None:
        """Take away a session in which nothing was recorded: only files that it made itself."""
        self.release()
        for name in (META, EVENTS, PIPELINE):
            with contextlib.suppress(OSError):
                os.unlink(self.path(name))
        with contextlib.suppress(OSError):             # something else is in it: it stays
            os.rmdir(self.folder)

    def release(self) -> None:
        """Give the lock of the folder back."""
        fd, self._lock_fd = self._lock_fd, -1
        if fd >= 0:
            os.close(fd)

    # ---- while it is recorded ----

    def note(self, event: JournalEvent) -> None:
        """Write down an event; before the first frame is known it is only kept.

        Raises
        ------
        SinkFailed
            If it may not be on the disk. It is still written at the end.
        """
        with self._eventing:
            self._known.append(event)
            self._waiting.append(event)
            self._append_waiting()

    def begin_at(self, frame_index: int, sps: float) -> None:
        """Say which frame is the first; events that waited for it are written. SinkFailed if they may not be."""
        with self._eventing:
            if self.first_frame is None:
                self.first_frame = frame_index
                with self._changing:
                    if self._is_open:
                        self.meta |= {"first_frame": frame_index, "sps_in_file": sps}
                        self.write_meta()              # what a mended session is placed in time by
            self._append_waiting()

    @property
    def needs_first_frame(self) -> bool:
        """Whether the first frame is not known yet, or events still wait for it."""
        return self.first_frame is None or bool(self._waiting)

    def _append_waiting(self) -> None:
        if self.first_frame is None:
            return
        waiting, self._waiting = self._waiting, []
        rows = [row(event, self.first_frame, self.sps) for event in waiting if event.frame_index >= self.first_frame]
        if rows and self._is_open:
            self._events.append(b"".join(rows))

    def revise(self, revisions: Iterable[tuple[int, dict[str, Any]]]) -> None:
        """Keep configurations that took effect during the recording, on branches that do not reach it.

        Those it began with, and those it has been told of already, are left out.

        Raises
        ------
        SinkFailed
            If one of them may not be on the disk.
        """
        with self._changing:
            kept = self.meta["revisions"]
            before = len(kept)
            try:
                for config_rev, document in revisions:
                    if not self._is_open or config_rev <= (kept[-1] if kept else self.meta)["config_rev"]:
                        continue
                    name = f"pipeline_rev_{config_rev}.yaml"
                    write_new(self.path(name), pipeline_yaml(
                        document, f"configuration {config_rev} of session {self.id}"), self._operations,
                        sync_name=False)
                    kept.append({"config_rev": config_rev, "file": name, "unix_ns": time.time_ns()})
            finally:
                if len(kept) > before:
                    self.write_meta()

    @property
    def sps(self) -> float:
        """Frames per second as the BDF header says it: what onsets are computed with."""
        return float(self.meta.get("sps_in_file") or self.meta["stream"]["sps"])

    # ---- when it is over ----

    def finish(self, state: str, summary: dict[str, Any], facts: dict[str, Any], ledger: dict[str, Any],
               error: str | None = None) -> dict[str, Any]:
        """Sort the events, hash the files, write the metadata; return it.

        Parameters
        ----------
        state : {"finished", "failed"}
        summary : dict
            Of `Recorder.end`.
        facts : dict
            What is known better now.
        ledger : dict
            Of the recording.
        error : str, optional
            Why it failed.

        Raises
        ------
        SinkFailed
            If something did not reach the disk. Everything was tried, and the folder is not locked any more.
        """
        trouble: SinkFailed | None = None
        with self._changing:
            self._is_open = False                      # from here on the folder is this thread's
        self.first_frame = summary.get("first_frame", self.first_frame)
        self.meta["sps_in_file"] = summary.get("sps_in_file") or self.meta["stream"]["sps"]
        now_ns = time.time_ns()
        self.meta |= {**facts, "state": state, "first_frame": self.first_frame,
                      "frames": int(summary.get("frames") or 0), "summary": summary, "ledger": ledger,
                      "ended_unix_ns": now_ns, "ended_utc": utc_text(now_ns)}
        self.meta["seconds"] = self.meta["frames"] / self.sps
        if error is not None:
            self.meta["error"] = error
        try:
            with self._eventing:
                known, first = list(self._known), self.first_frame
            self.meta["events"] = 0 if first is None else self._events.rewrite(
                known, first, self.sps, self.meta["frames"])
        except SinkFailed as failure:
            trouble = failure
        try:
            self.meta["files"] = hashed_files(self.folder)
            self.write_meta()
        except (SinkFailed, OSError) as failure:
            trouble = trouble or (failure if isinstance(failure, SinkFailed)
                                  else sink_failed(self.folder, "reading the files back", failure))
        finally:
            self.release()
        if trouble is not None:
            raise trouble
        return self.meta


def new_folder(root: str, slug: str, unix_ns: int, operations: FileOperations = REAL) -> str:
    """Make the folder of a new session and return its path: start, participant, and a number if there is one already.

    The system decides: a name that exists is never taken, whoever made it.

    Raises
    ------
    SinkFailed
    """
    name = datetime.fromtimestamp(unix_ns // 10**9, UTC).strftime("%Y-%m-%dT%H-%M-%SZ") + (f"_{slug}" if slug else "")
    base = os.path.join(root, name)
    try:
        try:
            os.makedirs(root, exist_ok=True)
        except FileExistsError:
            raise SinkFailed(f"{root}: is a file, not a folder, while making the folder of the session [EEXIST 17]. "
                             "Nothing was recorded. Give a folder, or a new name.", path=root) from None
        with _numbering:
            if len(_last_number) > 1000:
                _last_number.clear()                   # only a hint
            number = _last_number.get(base, 0)
        for _ in range(MOST_TRIES):
            number += 1
            folder = base if number == 1 else f"{base}_{number}"
            try:
                make_folder(folder, operations)
            except FileExistsError:
                continue
            with _numbering:
                _last_number[base] = max(number, _last_number.get(base, 0))
            return folder
        raise FileExistsError(f"{MOST_TRIES} sessions of one second")
    except OSError as error:
        raise sink_failed(base, "making the folder of the session", error, "Nothing was recorded") from error


def hashed_files(folder: str) -> dict[str, dict[str, Any]]:
    """Return size and SHA-256 of every file of a session but its metadata, which hold them."""
    found = {}
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if name == META or name.endswith(".part") or not os.path.isfile(path) or os.path.islink(path):
            continue
        found[name] = {"bytes": os.path.getsize(path), "sha256": sha256_of(path)}
    return found


def sha256_of(path: str) -> str:
    """Return the SHA-256 of a file, hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while part := file.read(HASH_BYTES):
            digest.update(part)
    return digest.hexdigest()


def utc_text(unix_ns: int) -> str:
    """Return UTC as ISO 8601 with nanoseconds."""
    seconds, rest = divmod(unix_ns, 10**9)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"

"""Which sessions there are, and their files, for people who may be anybody: nothing outside the folder is reachable.

Names follow fixed patterns, every step is opened relative to the folder before it without following links, and only
regular files are handed out.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import stat
from typing import Any, BinaryIO

from eegcore.errors import NotFound
from eegcore.recording.session import META

ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,127}")
FILE = re.compile(r"(eeg(_[0-9]{3,})?\.(bdf|csv)(\.ledger\.json)?|events\.tsv|session_meta\.json"
                  r"|pipeline(_rev_[0-9]{1,20})?\.yaml)")
MOST_META = 16 << 20
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
SHOWN = ("participant", "task", "session", "notes", "created_unix_ns", "created_utc", "ended_unix_ns", "seconds",
         "frames", "events", "error", "pipeline", "sink", "recovered")


def list_sessions(root: str, newest_first: bool = True) -> list[dict[str, Any]]:
    """Return what is known of every session in a folder of recordings; empty if there is no such folder.

    See `session_entry` for what is said of each.
    """
    try:
        names = os.listdir(root)
    except OSError:
        return []
    entries = []
    for name in names:
        if ID.fullmatch(name):
            try:
                entries.append(session_entry(root, name))
            except NotFound:                           # another folder, or gone meanwhile
                continue
    entries.sort(key=lambda entry: (entry.get("created_unix_ns") or 0, entry["id"]), reverse=newest_first)
    return entries


def session_entry(root: str, session_id: str) -> dict[str, Any]:
    """Return one session.

    ``id``; ``state``: recording, finished, or broken (its process died, or its disk failed: `eegcore recover` mends
    it); ``files``: name to bytes; ``bytes`` of all; and, as far as known, participant, task, session, notes,
    created_unix_ns, seconds, frames, events, error.

    Raises
    ------
    NotFound
        If the folder holds no such session.
    """
    fd = _open_session(root, session_id)
    try:
        files = {}
        for name in sorted(os.listdir(fd)):
            found = os.stat(name, dir_fd=fd, follow_symlinks=False)
            if FILE.fullmatch(name) and stat.S_ISREG(found.st_mode):
                files[name] = found.st_size
        if META not in files and "eeg.bdf" not in files:
            raise _no_session(root, session_id)
        meta = _read_meta(fd)
        state = "finished" if meta.get("state") == "finished" else "recording" if _is_locked(fd) else "broken"
    finally:
        os.close(fd)
    return {"id": session_id, "state": state, "files": files, "bytes": sum(files.values()),
            **{name: meta[name] for name in SHOWN if name in meta}}


def open_file(root: str, session_id: str, name: str) -> BinaryIO:
    """Open a file of a session for reading.

    Raises
    ------
    NotFound
        If there is none of this name, or it is not one that eegcore made.
    """
    if not FILE.fullmatch(name):
        raise NotFound(f"recording {session_id[:128]!r}: no file is called {name[:128]!r}.")
    fd = _open_session(root, session_id)
    try:
        file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=fd)
    except OSError:
        raise NotFound(f"recording {session_id}: no file is called {name!r}.") from None
    finally:
        os.close(fd)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise NotFound(f"recording {session_id}: {name!r} is no file.")
    return os.fdopen(file, "rb")


def read_meta(root: str, session_id: str) -> dict[str, Any]:
    """Return ``session_meta.json`` of a session; empty if it has none that can be read. NotFound as `session_entry`."""
    fd = _open_session(root, session_id)
    try:
        return _read_meta(fd)
    finally:
        os.close(fd)


def _open_session(root: str, session_id: str) -> int:
    if not ID.fullmatch(session_id):
        raise _no_session(root, session_id)
    try:
        base = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            return os.open(session_id, FOLDER, dir_fd=base)
        finally:
            os.close(base)
    except OSError:
        raise _no_session(root, session_id) from None


def _no_session(root: str, session_id: str) -> NotFound:
    return NotFound(f"recording: no session is called {session_id[:128]!r}. GET /api/recordings lists them.")


def _read_meta(folder_fd: int) -> dict[str, Any]:
    try:
        fd = os.open(META, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder_fd)
        with os.fdopen(fd, "rb") as file:
            found = json.loads(file.read(MOST_META))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _is_locked(folder_fd: int) -> bool:
    """Whether somebody is recording into a folder just now."""
    try:
        fcntl.flock(folder_fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:                                    # no locks here: who asks cannot know
        return False
    return False                                       # closing the descriptor gives it back

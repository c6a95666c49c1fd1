"""Taking a finished session off the disk: the folder that was looked at and no other, and its runs in the dataset."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import stat
from typing import Any

from eegcore.errors import Locked, NotFound, StateConflict, SystemFailed
from eegcore.recording import bids
from eegcore.recording.bids_removing import FileId, remove_runs
from eegcore.recording.listing import FOLDER, session_entry

MOST_DEPTH = 8


def remove_session(root: str, session_id: str) -> dict[str, Any]:
    """Delete a session that is finished, in the BIDS dataset too; return its id, its bytes and ``bids_files``.

    It takes another name first, so that nobody finds half of it.

    Raises
    ------
    NotFound
        If there is none.
    Locked
        If somebody records into it.
    StateConflict
        If it was never finished (``recover`` makes it whole), or was exchanged for something else meanwhile.
    SystemFailed
        If the system refuses; what is left of it carries the name ``.deleted-...``.
    """
    entry = session_entry(root, session_id)
    if entry["state"] == "broken":
        raise StateConflict(f"recording {session_id}: was never finished, so its newest data may not be counted in it. "
                            "Run 'python -m eegcore recover' on its folder first.")
    try:
        base = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        raise NotFound(f"recording: no session is called {session_id!r}.") from None
    try:
        folder = os.open(session_id, FOLDER, dir_fd=base)
        try:
            _lock(folder, session_id)
            hidden = f".deleted-{secrets.token_hex(8)}"
            os.rename(session_id, hidden, src_dir_fd=base, dst_dir_fd=base)
            if not _is_same(base, hidden, folder):
                os.rename(hidden, session_id, src_dir_fd=base, dst_dir_fd=base)
                raise StateConflict(f"recording {session_id}: was exchanged for something else while it was looked at. "
                                    "Nothing was deleted. Look again.")
            try:
                bids_files = remove_runs(os.path.join(root, bids.FOLDER), session_id, _samples(folder))
            except BaseException:                        # it can be asked for again
                os.rename(hidden, session_id, src_dir_fd=base, dst_dir_fd=base)
                raise
            _empty(folder, 0)
            os.rmdir(hidden, dir_fd=base)
            with contextlib.suppress(OSError):           # a file system that cannot sync folders
                os.fsync(base)
        finally:
            os.close(folder)
    except OSError as error:
        raise SystemFailed(f"recording {session_id}: cannot be deleted ({error.strerror}). Look at the rights of the "
                           f"folder of recordings.", errno=error.errno) from None
    finally:
        os.close(base)
    return {"id": session_id, "deleted": True, "bytes": entry["bytes"], "bids_files": bids_files}


def _lock(folder: int, session_id: str) -> None:
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Locked(f"recording {session_id}: goes on. End it first.", holders=[session_id]) from None
    except OSError:                                      # no locks here: its metadata say that it is finished
        return


def _samples(folder: int) -> set[FileId]:
    """Return which files the samples of a session are; those of a BIDS dataset are the same."""
    with os.scandir(folder) as entries:
        found = [entry.stat(follow_symlinks=False) for entry in entries if entry.name.endswith(".bdf")]
    return {(one.st_dev, one.st_ino) for one in found}


def _is_same(base: int, name: str, folder: int) -> bool:
    found, wanted = os.stat(name, dir_fd=base, follow_symlinks=False), os.fstat(folder)
    return (found.st_dev, found.st_ino) == (wanted.st_dev, wanted.st_ino)


def _empty(folder: int, depth: int) -> None:
    """Unlink what is in an open folder. Links are unlinked, never followed."""
    for name in os.listdir(folder):
        if stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode) and depth < MOST_DEPTH:
            inner = os.open(name, FOLDER, dir_fd=folder)
            try:
                _empty(inner, depth + 1)
            finally:
                os.close(inner)
            os.rmdir(name, dir_fd=folder)
        else:
            os.unlink(name, dir_fd=folder)

"""Taking a recording out of the BIDS dataset beside it: who withdraws consent means every copy.

A run belongs to a session if its ``_eeg.json`` names it, or if its samples are the very file of the session. Folders
are opened one in the other without following links, and only what has the name of a run is unlinked.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from eegcore.recording.bids import alone
from eegcore.recording.durable import replace_file

SUBJECT, SESSION = re.compile(r"sub-[0-9A-Za-z]+"), re.compile(r"ses-[0-9A-Za-z]+")
RUN = re.compile(r"(sub-[0-9A-Za-z]+_ses-[0-9A-Za-z]+_task-[0-9A-Za-z]+_run-[0-9]+)_eeg\.(?:json|bdf)")
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
MOST_SIDECAR = 1 << 20

FileId = tuple[int, int]                               # device and inode


def remove_runs(root: str, session_id: str, samples: Collection[FileId]) -> list[str]:
    """Delete every run of a session; return their files of samples, relative to `root`.

    A visit, and a participant, that have nothing left go with the last run: folder, table of scans, and the line of
    ``participants.tsv``. Safe to call again where it was interrupted.

    Parameters
    ----------
    root : str
        The dataset; there may be none.
    session_id : str
    samples : collection of (device, inode)
        The files of samples of the session.

    Raises
    ------
    OSError, SinkFailed
        If the disk refuses.
    """
    if not os.path.isdir(root):
        return []
    removed = []
    with alone(root), _opened(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC) as dataset:
        for subject in _named(dataset, SUBJECT):
            with _inner(dataset, subject) as subject_fd:
                for session in _named(subject_fd, SESSION):
                    names = _remove_in(subject_fd, session, session_id, samples)
                    removed += [os.path.join(subject, session, "eeg", name) for name in names]
                    if names:
                        _forget_scans(os.path.join(root, subject, session), f"{subject}_{session}_scans.tsv", names)
                        _remove_empty(subject_fd, session)
            if any(name.startswith(f"{subject}{os.sep}") for name in removed) and _remove_empty(dataset, subject):
                _forget(os.path.join(root, "participants.tsv"), [subject])
    return removed


def _remove_in(subject: int, session: str, session_id: str, samples: Collection[FileId]) -> list[str]:
    """Unlink the runs of a session in the folder of one visit; return the names of their files of samples."""
    with contextlib.ExitStack() as stack:
        try:
            visit = stack.enter_context(_inner(subject, session))
            folder = stack.enter_context(_inner(visit, "eeg"))
        except (FileNotFoundError, NotADirectoryError):
            return []
        names = os.listdir(folder)
        stems = sorted({found[1] for name in names if (found := RUN.fullmatch(name))})
        ours = [stem for stem in stems if _sidecar(folder, f"{stem}_eeg.json").get("EegcoreSession") == session_id
                or _file_id(folder, f"{stem}_eeg.bdf") in samples]
        for stem in ours:
            # the sidecar last: it says whose the others are, should this be interrupted
            for name in sorted((name for name in names if name.startswith(f"{stem}_")),
                               key=lambda name: name.endswith("_eeg.json")):
                os.unlink(name, dir_fd=folder)
    return [f"{stem}_eeg.bdf" for stem in ours]


def _forget_scans(visit: str, table: str, names: list[str]) -> None:
    path = os.path.join(visit, table)
    if _forget(path, [f"eeg/{name}" for name in names]) == 0:
        os.unlink(path)                                # a table of nothing
    with contextlib.suppress(OSError):                 # something is left in it
        os.rmdir(os.path.join(visit, "eeg"))


def _forget(path: str, first_cells: list[str]) -> int | None:
    """Take lines out of a table; return how many are left, None if there is no such file."""
    if not os.path.isfile(path) or os.path.islink(path):
        return None
    with open(path, encoding="utf-8") as table:
        head, *lines = table.read().splitlines() or [""]
    kept = [line for line in lines if line.split("\t")[0] not in first_cells]
    if len(kept) < len(lines):
        replace_file(path, "".join(f"{line}\n" for line in [head, *kept]).encode())
    return len(kept)


def _remove_empty(parent: int, name: str) -> bool:
    try:
        os.rmdir(name, dir_fd=parent)
    except OSError:                                    # somebody keeps something else there
        return False
    return True


@contextmanager
def _opened(path: str, flags: int, parent: int | None = None) -> Iterator[int]:
    fd = os.open(path, flags, dir_fd=parent)
    try:
        yield fd
    finally:
        os.close(fd)


def _inner(parent: int, name: str) -> contextlib.AbstractContextManager[int]:
    return _opened(name, FOLDER, parent)


def _named(folder: int, pattern: re.Pattern[str]) -> list[str]:
    """Return the folders of a kind; links to folders are none."""
    with os.scandir(folder) as entries:
        return sorted(entry.name for entry in entries
                      if pattern.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False))


def _file_id(folder: int, name: str) -> FileId | None:
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _sidecar(folder: int, name: str) -> dict[str, Any]:
    try:
        fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
        with os.fdopen(fd, "rb") as file:
            found = json.loads(file.read(MOST_SIDECAR))
    except (OSError, ValueError, RecursionError):      # not ours, or being written when the power went
        return {}
    return found if isinstance(found, dict) else {}

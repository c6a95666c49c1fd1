"""The BIDS dataset beside the sessions: every finished recording that asks for it becomes a run of it.

The files of samples are hard links to those of the session: they cost no space and cannot differ. Where a file
system has no links they are copied. Several segments, and several recordings of one task, are further runs.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from eegcore.recording import bids_tables as tables
from eegcore.recording.durable import replace_file, sync_folder
from eegcore.recording.events_file import NOTHING, read_rows
from eegcore.recording.info import label_of
from eegcore.recording.session import EVENTS
from eegcore.sinks.file_operations import sink_failed

FOLDER = "bids"
NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.EXDEV)
FIRST_SESSION = "01"


def add_session(root: str, folder: str, meta: dict[str, Any]) -> list[str]:
    """Put a finished session into a dataset; return the files of samples, relative to `root`.

    Parameters
    ----------
    root : str
        The dataset, made if it is not there.
    folder : str
        Of the session.
    meta : dict
        Its ``session_meta.json``.

    Raises
    ------
    SinkFailed
        If the disk refuses.
    """
    subject = label_of(meta["participant"]) or tables.UNKNOWN_PARTICIPANT
    session = label_of(meta["session"]) or FIRST_SESSION
    task = label_of(meta["task"]) or tables.UNKNOWN_TASK
    inside = os.path.join(f"sub-{subject}", f"ses-{session}", "eeg")
    try:
        os.makedirs(os.path.join(root, inside), exist_ok=True)
        with alone(root):
            _describe(root, subject, meta)
            made = []
            rows = read_rows(os.path.join(folder, EVENTS))
            first_sample = 0
            for segment in meta["summary"]["segments"]:
                n_frames = int(segment["n_frames"])
                name = _take_name(os.path.join(root, inside), f"sub-{subject}_ses-{session}_task-{task}",
                                  os.path.join(folder, segment["file"]))
                _sidecars(os.path.join(root, inside, name), meta, rows, first_sample, n_frames)
                first_sample = int(segment["first_frame"]) - int(meta["first_frame"]) + n_frames
                made.append(os.path.join(inside, f"{name}_eeg.bdf"))
            _list_scans(root, subject, session, made, meta)
        return made
    except OSError as error:
        raise sink_failed(root, "putting the session into the BIDS dataset", error, "The session is whole") from error


@contextmanager
def alone(root: str) -> Iterator[None]:
    """Keep other sessions, also those of other processes, away."""
    fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _describe(root: str, subject: str, meta: dict[str, Any]) -> None:
    """Make what every dataset has, if it is not there, and add a participant."""
    version = meta["versions"]["eegcore"]
    name = os.path.basename(os.path.dirname(os.path.abspath(root))) or "recordings"
    for file, content in (("dataset_description.json", tables.to_json(tables.dataset_description(name, version))),
                          ("README", tables.readme()),
                          ("CHANGES", f"1.0.0 {meta['created_utc'][:10]}\n  - First recording.\n".encode()),
                          ("participants.json", tables.to_json(tables.participants_json()))):
        path = os.path.join(root, file)
        if not os.path.lexists(path):                  # people edit these: they are never written again
            replace_file(path, content)
    path = os.path.join(root, "participants.tsv")
    if not os.path.exists(path):
        replace_file(path, tables.participants_tsv([subject]))
        return
    with open(path, encoding="utf-8") as table:
        lines = table.read().splitlines()
    if all(line.split("\t")[0] != f"sub-{subject}" for line in lines[1:]):
        blanks = [NOTHING] * (len(lines[0].split("\t")) - 1)
        lines.append("\t".join([f"sub-{subject}", *blanks]))
        replace_file(path, ("\n".join(lines) + "\n").encode())


def _take_name(folder: str, stem: str, samples: str) -> str:
    """Link a file of samples under the next free run; return its name without ``_eeg.bdf``."""
    taken = [int(found[1]) for name in os.listdir(folder)
             if (found := re.match(re.escape(stem) + r"_run-(\d+)_", name))]
    name = f"{stem}_run-{max(taken, default=0) + 1:02d}"
    target = os.path.join(folder, f"{name}_eeg.bdf")
    try:
        os.link(samples, target)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        shutil.copyfile(samples, target)
        with open(target, "rb") as file:
            os.fsync(file.fileno())
    sync_folder(folder)
    return name


def _sidecars(stem: str, meta: dict[str, Any], rows: list[list[str]], first_sample: int, n_frames: int) -> None:
    sps = float(meta["sps_in_file"])
    replace_file(f"{stem}_eeg.json", tables.to_json(tables.eeg_json(meta, n_frames)))
    replace_file(f"{stem}_channels.tsv", tables.channels_tsv(meta))
    replace_file(f"{stem}_events.tsv", tables.events_tsv(rows, first_sample, n_frames, sps))
    replace_file(f"{stem}_events.json", tables.to_json(tables.events_json()))


def _list_scans(root: str, subject: str, session: str, made: list[str], meta: dict[str, Any]) -> None:
    """Add the files to ``_scans.tsv`` with the time of their first sample, UTC."""
    path = os.path.join(root, f"sub-{subject}", f"ses-{session}", f"sub-{subject}_ses-{session}_scans.tsv")
    lines = ["filename\tacq_time"]
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            lines = file.read().splitlines()
    blanks = [NOTHING] * (len(lines[0].split("\t")) - 2)
    for name, segment in zip(made, meta["summary"]["segments"], strict=True):
        lines.append("\t".join([f"eeg/{os.path.basename(name)}", _utc(segment, meta), *blanks]))
    replace_file(path, ("\n".join(lines) + "\n").encode())


def _utc(segment: dict[str, Any], meta: dict[str, Any]) -> str:
    """Return the time of the first sample of a segment, to the microsecond, as BIDS writes it."""
    from eegcore.recording.session import utc_text

    text = utc_text(int(segment["start_unix_ns"])) if "start_unix_ns" in segment else meta["created_utc"]
    return f"{text[:26]}Z"

"""A session whose process died, made whole again: what can still be said about it is put into its metadata.

Its BDF files have been mended before (`eegcore.sinks.bdf_recover`); they alone say how much was recorded.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import time
from typing import Any

from eegcore.errors import NotFound, StateConflict
from eegcore.recording.bids import FOLDER, add_session
from eegcore.recording.durable import json_bytes, replace_file
from eegcore.recording.events_file import HEADER, read_rows
from eegcore.recording.listing import MOST_META
from eegcore.recording.session import EVENTS, META, hashed_files, utc_text
from eegcore.sinks.bdf_check import read_header
from eegcore.sinks.bdf_format import ANNOTATIONS, SAMPLE_BYTES
from eegcore.sinks.file_operations import sink_failed

SEGMENT = re.compile(r"eeg(_[0-9]{3,})?\.bdf")


def mend_session(folder: str) -> list[str]:
    """Finish the metadata and the events of a session that was never ended; return what was done, as sentences.

    Doing it again changes nothing.

    Raises
    ------
    NotFound
        If the folder has no ``session_meta.json``.
    StateConflict
        If it is being recorded now.
    SinkFailed
        If the disk refuses.
    """
    folder = os.path.abspath(folder)
    try:
        with open(os.path.join(folder, META), "rb") as file:
            meta: dict[str, Any] = json.loads(file.read(MOST_META))
    except (OSError, ValueError):
        raise NotFound(f"{folder}: has no {META} that can be read. Its BDF files stand for themselves.") from None
    if not isinstance(meta, dict) or not (meta.get("sps_in_file") or "sps" in (meta.get("stream") or {})):
        raise NotFound(f"{folder}: {META} says no rate: it is not what eegcore writes. Its BDF files stand for "
                       "themselves.")
    if meta.get("state") == "finished":
        return []
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StateConflict(f"{folder}: is being recorded now. Stop the recording first.", path=folder) from None
        except OSError:
            pass                                       # a file system without locks
        return _mend(folder, meta)
    except OSError as error:
        raise sink_failed(folder, "mending the session", error) from error
    finally:
        os.close(fd)


def _mend(folder: str, meta: dict[str, Any]) -> list[str]:
    sps = float(meta.get("sps_in_file") or meta["stream"]["sps"])
    segments, labels = _segments(folder, int(meta.get("first_frame") or 0))
    frames = sum(int(segment["n_frames"]) for segment in segments)
    events, was_torn = _sort_events(os.path.join(folder, EVENTS), frames)
    before = meta.get("state")
    now_ns = time.time_ns()
    meta |= {"state": "finished", "recovered": {"unix_ns": now_ns, "utc": utc_text(now_ns), "state_before": before},
             "frames": frames, "seconds": frames / sps, "sps_in_file": sps, "events": events,
             "summary": {**(meta.get("summary") or {}), "segments": segments, "frames": frames,
                         "labels_in_file": labels},
             "first_frame": int(meta.get("first_frame") or 0), "files": hashed_files(folder)}
    wanted = meta.get("bids") or {}
    if segments and wanted.get("wanted") and not wanted.get("files"):
        meta["bids"] = {**wanted, "files": add_session(os.path.join(os.path.dirname(folder), FOLDER), folder, meta)}
    replace_file(os.path.join(folder, META), json_bytes(meta))
    did = [f"the session was {'never ended' if before == 'recording' else before} and is finished now: {frames} frames "
           f"({frames / sps:g} s) in {len(segments)} file{'s' if len(segments) != 1 else ''}, {events} events"]
    if was_torn:
        did.append(f"an unfinished line of {EVENTS} was cut off")
    return did


def _segments(folder: str, first_frame: int) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the files of samples in their order, with the frames they say they hold, and their channels."""
    segments: list[dict[str, Any]] = []
    labels: list[str] = []
    done = 0
    for name in sorted(name for name in os.listdir(folder) if SEGMENT.fullmatch(name)):
        path = os.path.join(folder, name)
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            header = read_header(path, fd)
        finally:
            os.close(fd)
        n_frames = max(0, header.count) * (header.lengths[0] // SAMPLE_BYTES)
        segments.append({"file": name, "n_frames": n_frames, "records": max(0, header.count),
                         "first_frame": first_frame + done,
                         "bytes": os.path.getsize(path)})
        labels = [label for label in header.labels if label != ANNOTATIONS]
        done += n_frames
    return segments, labels


def _sort_events(path: str, frames: int) -> tuple[int, bool]:
    """Put the events in the order of time; return how many there are, and whether the last line was torn."""
    try:
        rows = read_rows(path)
        with open(path, "rb") as file:
            was_torn = not file.read().endswith(b"\n")
    except (OSError, ValueError):
        rows, was_torn = [], os.path.exists(path)
    rows = sorted((cells for cells in rows if cells[2].isdigit() and int(cells[2]) < frames), key=lambda c: int(c[2]))
    replace_file(path, HEADER + b"".join(("\t".join(cells) + "\n").encode() for cells in rows))
    return len(rows), was_torn

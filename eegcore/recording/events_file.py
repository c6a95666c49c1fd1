"""``events.tsv``: what happened during a recording, each thing at its sample.

Columns, those of BIDS 1.10 ("Task events") and two more::

    onset       s since the first sample of the recording, at the nominal rate, as in the BDF+ annotations
    duration    s; 0 for a moment
    sample      index of the sample, counted from 0; gaps are filled, so it is also the index in the file
    trial_type  text of a marker; "config" or "recording" for what eegcore did itself
    value       the text as it came
    origin      where it came from: api, page, udp, gpio ...

A line is appended as soon as its event is known, and is on the disk before the next packets are written. Several
sources may be late by different times, so the whole table is sorted once, at the end.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from eegcore.recording.durable import replace_file
from eegcore.sinks.csv_header import one_line
from eegcore.sinks.file_operations import REAL, FileOperations, sink_failed, write_all

if TYPE_CHECKING:
    from eegcore.graph.journal import JournalEvent

COLUMNS = ("onset", "duration", "sample", "trial_type", "value", "origin")
HEADER = ("\t".join(COLUMNS) + "\n").encode()
NOTHING = "n/a"                                        # BIDS 1.10, "Tabular files": the word for a missing value


def row(event: JournalEvent, first_frame: int, sps: float) -> bytes:
    """Return the line of one event in a recording that begins with `first_frame`."""
    sample = event.frame_index - first_frame
    kind = event.text if event.kind == "marker" else event.kind
    cells = (seconds(sample / sps), seconds(event.duration_s), str(sample), cell(kind), cell(event.text),
             cell(event.origin))
    return ("\t".join(cells) + "\n").encode()


def cell(text: str) -> str:
    """Return a text as one cell: no tab, no line break, ``n/a`` if empty."""
    return one_line(text).strip().encode("utf-8", "replace").decode() or NOTHING


def seconds(value: float) -> str:
    """Write seconds to the nanosecond, without trailing zeros."""
    return f"{value:.9f}".rstrip("0").rstrip(".")


class EventsFile:
    """The table while it grows. Not thread safe: the thread of the sink appends, then whoever ends the session."""

    def __init__(self, path: str, operations: FileOperations = REAL) -> None:
        self.path = path
        self._operations = operations

    def create(self) -> None:
        """Write the line of names, durably."""
        replace_file(self.path, HEADER, self._operations)

    def append(self, rows: bytes) -> None:
        """Add lines and wait for the disk.

        Raises
        ------
        SinkFailed
            If they may not be there; `rewrite` puts that right once the disk answers again.
        """
        doing = "opening the file"
        try:
            fd = self._operations.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
            try:
                doing = "writing an event"
                _, stopped = write_all(self._operations, fd, rows)
                if stopped is not None:
                    raise stopped
                doing = "waiting for the disk"
                self._operations.fsync(fd)
            finally:
                self._operations.close(fd)
        except OSError as error:
            raise sink_failed(self.path, doing, error, "The samples are not concerned") from error

    def rewrite(self, events: Iterable[JournalEvent], first_frame: int, sps: float, frames: int | None) -> int:
        """Write the whole table in the order of time; return the number of its lines.

        Events outside ``[first_frame, first_frame + frames)`` are left out.
        """
        inside = [event for event in events if event.frame_index >= first_frame
                  and (frames is None or event.frame_index < first_frame + frames)]
        inside.sort(key=lambda event: event.frame_index)
        replace_file(self.path, HEADER + b"".join(row(event, first_frame, sps) for event in inside), self._operations)
        return len(inside)


def read_rows(path: str) -> list[list[str]]:
    """Return the complete lines of a table, without the names; a torn last line is left out.

    OSError if the file cannot be read; ValueError if it is no such table.
    """
    with open(path, "rb") as file:
        text = file.read().decode("utf-8", "replace")
    lines = text.split("\n")[:-1]                      # what follows the last line break was torn off
    if not lines or lines[0].split("\t") != list(COLUMNS):
        raise ValueError(f"{path}: is no table of events. Its first line holds {', '.join(COLUMNS)}.")
    return [cells for line in lines[1:] if len(cells := line.split("\t")) == len(COLUMNS)]

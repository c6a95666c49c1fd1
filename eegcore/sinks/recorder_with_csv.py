"""A recorder, and beside its BDF+ files the same frames as text, when a recording asks for it.

The text is the companion: if its disk space or its format fails, that is told and the recording goes on without it.
It begins with the first packet of the recording, not with the pre-roll, whose packets are no longer there.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from eegcore.errors import EegcoreError, SinkFailed
from eegcore.sinks.base import NotedEvent, Recorder, RecordingTarget, RunInfo
from eegcore.sinks.csv_file import CsvWriter

if TYPE_CHECKING:
    from eegcore.stages.stream import Stream

DECIMALS = 3


class RecorderWithCsv:
    """A `Recorder` around another one.

    Parameters
    ----------
    inner : Recorder
        Writes the BDF+ files.

    Attributes
    ----------
    csv_error : str or None
        Why the text of the latest recording broke off.
    """

    def __init__(self, inner: Recorder) -> None:
        self.csv_error: str | None = None
        self._inner = inner
        self._csv: CsvWriter | None = None
        self.last_summary: dict[str, Any] | None = None
        self._first_rev = 0
        self._stream: Stream | None = None
        self._info: RunInfo | None = None

    def open(self, stream: Stream, run_info: RunInfo) -> None:
        """Stand armed; see `Recorder`."""
        self._stream, self._info = stream, run_info
        self._inner.open(stream, run_info)

    def begin(self, target: RecordingTarget, first_rev: int) -> None:
        """Create the files, the text first: it is the one that is easily undone."""
        csv = None
        self.csv_error = None
        if target.csv and self._stream is not None and self._info is not None:
            columns = "both" if self._stream.kind.has_voltage else "counts"
            csv = CsvWriter(os.path.join(target.folder, f"{target.basename}.csv"), columns, DECIMALS)
            csv.open(self._stream, self._info)
        try:
            self._inner.begin(target, first_rev)
        except BaseException:
            if csv is not None:
                csv.close(None)
                os.unlink(csv.filename)                # holds no frame, and is ours
            raise
        self._csv, self._first_rev, self.last_summary = csv, first_rev, None

    def write(self, packets: Sequence[Any]) -> int:
        """Write packets; the answer is that of the recorder inside."""
        try:
            written = self._inner.write(packets)
        except EegcoreError:
            self.last_summary = {**(self._inner.last_summary or {}), **self._end_csv()}
            raise
        if self._csv is not None:
            inside = [packet for packet in packets if packet.config_rev >= self._first_rev]
            try:
                if inside:
                    self._csv.write(inside)
            except SinkFailed as error:
                self._give_csv_up(error)
        return written

    def note(self, event: NotedEvent) -> None:
        """Annotate an event; the text has no place for it."""
        self._inner.note(event)

    def end(self) -> dict[str, Any]:
        """Finish all files; the summary says ``csv_frames``, and ``csv_error`` if the text broke off."""
        try:
            summary = self._inner.end()
        finally:
            said = self._end_csv()
        self.last_summary = {**summary, **said}
        return self.last_summary

    def close(self, ledger: dict[str, Any] | None) -> None:
        """Finish what is open. A recording that ended before has its own ledger and keeps it."""
        goes_on = self._inner.status()["state"] in ("waiting", "recording")
        try:
            self._inner.close(ledger if goes_on else None)
        finally:
            said = self._end_csv()
            if goes_on:
                self.last_summary = {**(self._inner.last_summary or {}), **said}

    def _end_csv(self) -> dict[str, Any]:
        csv, self._csv = self._csv, None
        if csv is not None:
            try:
                csv.close(None)
            except SinkFailed as error:
                self._give_csv_up(error)
        said: dict[str, Any] = {} if csv is None else {"csv_frames": csv.frames}
        return said if self.csv_error is None else {**said, "csv_error": self.csv_error}

    def status(self) -> dict[str, Any]:
        """Return how the recording stands. [any-thread]"""
        found = self._inner.status()
        csv = self._csv
        if csv is not None:
            found = {**found, "csv_bytes": csv.size}
        return found if self.csv_error is None else {**found, "csv_error": self.csv_error}

    def _give_csv_up(self, error: EegcoreError) -> None:
        self._csv, self.csv_error = None, str(error)
        if self.alarm is not None:
            self.alarm(f"{error} The BDF+ recording goes on.")

    @property
    def alarm(self) -> Callable[[str], None] | None:
        """Who hears what people should see, of the recorder inside too."""
        return self._inner.alarm

    @alarm.setter
    def alarm(self, alarm: Callable[[str], None] | None) -> None:
        """Let somebody else hear it."""
        self._inner.alarm = alarm

"""CSV files written while the run goes on: one row per frame, never overwritten.

Invariants (tests/sinks/test_csv_failures.py fails every system call in turn)
  S1  the file ends on a complete row whenever `write` has returned, raised or not
      (unless the disk also refuses to cut the torn row off: the error then says so)
  S2  `frames` is the number of rows in the file
  S3  a failed system call is a SinkFailed, and the writer is closed after it
  S4  an existing file is never opened

Rows go straight to the kernel (no buffer of our own): a killed process loses
nothing it had taken. `close` waits for the disk.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from eegcore.errors import FileRefused, SinkFailed
from eegcore.sinks.base import RowPacket, RunInfo
from eegcore.sinks.csv_header import csv_problem, header_bytes
from eegcore.sinks.file_operations import (
    CREATE,
    MODE,
    REAL,
    FileOperations,
    again,
    close_once,
    sink_failed,
    write_all,
)
from eegcore.sinks.ledger_file import ledger_path, write_ledger

if TYPE_CHECKING:
    from eegcore.stages.stream import Stream

PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
MAX_DECIMALS = 9


def path_problem(template: str) -> str | None:
    """Say what is wrong with a path template; None if nothing is. Pure, for the plan."""
    if not template:
        return "path is empty. Give a file name such as 'filtered_{start}.csv'."
    if "\x00" in template:
        return "path holds a zero byte. Give a plain file name."
    if template.endswith("/"):
        return f"path {template!r} is a folder. Give a file name such as 'filtered_{{start}}.csv'."
    for name in PLACEHOLDER.findall(template):
        if name not in ("start", "input"):
            return (f"path holds {{{name}}}. Allowed: {{start}}, the time of the start, and {{input}}, the name of the "
                    "recording that is played.")
    return None


def fill_path(template: str, run_info: RunInfo) -> str:
    """Put the start time and the name of the recording into a path template."""
    values = {"start": run_info.start_name, "input": run_info.input}
    return PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), template)


class CsvWriter:
    """One CSV file; see `SinkWriter` for who calls what.

    Parameters
    ----------
    path : str
        May hold ``{start}``: UTC time of the start, ``2026-11-21T04-12-00Z``; and ``{input}``: name of the
        recording that is played.
    columns : {'uv', 'counts', 'both', 'kohm', 'bins'}
    decimals : int
        Digits after the point of all values but counts, 0..9.
    operations : FileOperations
        System calls; tests give their own.

    Attributes
    ----------
    filename : str
        The path in use; empty before `open`.
    frames : int
        Rows in the file.
    size : int
        Bytes in the file.
    failed : SinkFailed or None
        Why the writer closed itself.
    """

    def __init__(self, path: str, columns: str = "uv", decimals: int = 3,
                 operations: FileOperations = REAL) -> None:
        problem = path_problem(path)
        if problem is None and not 0 <= decimals <= MAX_DECIMALS:
            problem = f"decimals is {decimals}. Allowed: 0..{MAX_DECIMALS}."
        if problem:
            raise ValueError(f"csv_sink: {problem}")
        self.filename = ""
        self.frames = 0
        self.size = 0
        self.failed: SinkFailed | None = None
        self._template = path
        self._columns = columns
        self._planes = "uv" if columns in ("kohm", "bins") else columns    # of the packet
        self._decimals = decimals
        self._operations = operations
        self._fd = -1

    def open(self, stream: Stream, run_info: RunInfo) -> None:
        """Create the file and write its header.

        Raises
        ------
        FileRefused
            If the file, or the ledger file that will be put beside it, exists.
        SinkFailed
            If it cannot be created or written; nothing is left behind.
        ValueError
            If the stream has no such columns (the plan refuses this earlier).
        """
        if self._fd >= 0 or self.filename:
            raise ValueError(f"csv_sink: {self.filename} was opened already. Make a new writer for a new file.")
        problem = csv_problem(stream, self._columns)
        if problem:
            raise ValueError(f"csv_sink: {problem}")
        path = fill_path(self._template, run_info)
        for taken in (path, ledger_path(path)):
            if os.path.lexists(taken):
                raise _exists(taken)
        try:
            fd = again(self._operations.open, path, CREATE, MODE)
        except FileExistsError:                      # made by somebody else since the look above
            raise _exists(path) from None
        except OSError as error:
            raise sink_failed(path, "creating the file", error) from error
        self.filename, self._fd = path, fd
        header = header_bytes(stream, self._columns, run_info)
        _, stopped = write_all(self._operations, fd, header)
        if stopped is not None:
            self.failed = self._discard(stopped)
            raise self.failed from stopped
        self.size = len(header)

    def write(self, packets: Sequence[RowPacket]) -> int:
        """Append the rows of `packets` and return the number of frames written.

        Raises
        ------
        SinkFailed
            If not every row reached the file. The file is cut to its last
            complete row, synced and closed; ``details["frames_written"]`` counts
            the rows of this call that are in it.
        """
        if self._fd < 0:
            raise self._not_open()
        rows = b"".join([packet.format_csv(self._planes, self._decimals) for packet in packets])
        done, stopped = write_all(self._operations, self._fd, rows)
        if stopped is None:
            n_frames = sum(packet.n_frames for packet in packets)
            self.size += done
            self.frames += n_frames
            return n_frames
        whole = rows.rfind(b"\n", 0, done) + 1       # bytes of complete rows that got through
        n_frames = rows.count(b"\n", 0, whole)
        self.size += whole
        self.frames += n_frames
        self.failed = self._give_up("writing rows", stopped, torn=done > whole, frames_written=n_frames)
        raise self.failed from stopped

    def close(self, ledger: dict[str, Any] | None = None) -> None:
        """Wait for the disk, close the file and write `ledger` to ``PATH.ledger.json``.

        Safe to call twice and after a failure: then only the ledger is written.

        Raises
        ------
        SinkFailed
            If the rows or the ledger may not be on the disk. Both are tried.
        """
        trouble: SinkFailed | None = None
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            steps: tuple[tuple[Callable[[], Any], str], ...] = (
                (lambda: again(self._operations.fsync, fd), "waiting for the disk"),
                (lambda: close_once(self._operations, fd), "closing the file"))
            for step, doing in steps:
                try:
                    step()
                except OSError as error:             # close frees the descriptor even when it fails
                    trouble = trouble or sink_failed(self.filename, doing, error,
                                                     "The last rows may not be on the disk", 0)
            self.failed = self.failed or trouble
        if ledger is not None and self.filename and os.path.lexists(self.filename):
            try:
                write_ledger(ledger_path(self.filename), ledger, self._operations)
            except SinkFailed as error:
                trouble = trouble or error
        if trouble is not None:
            raise trouble

    def _give_up(self, doing: str, stopped: OSError, *, torn: bool, frames_written: int) -> SinkFailed:
        """Cut a torn row off, sync, close; return the error that says what is left."""
        after = f"The file is closed and ends on a complete row, {self.frames} in all"
        if torn:
            try:
                self._operations.ftruncate(self._fd, self.size)
            except OSError:
                after = f"The file is closed; after {self.frames} complete rows its last one may be torn"
        for call in (self._operations.fsync, self._operations.close):
            try:
                call(self._fd)
            except OSError:
                after += "; the disk did not confirm the newest of them" if call is self._operations.fsync else ""
        self._fd = -1
        return sink_failed(self.filename, doing, stopped, after, frames_written)

    def _discard(self, stopped: OSError) -> SinkFailed:
        """Remove the file whose header could not be written: it holds no frame and is ours."""
        after = "Nothing was recorded"
        with contextlib.suppress(OSError):           # the descriptor is free; the first error is the one to tell
            self._operations.close(self._fd)
        self._fd = -1
        try:
            self._operations.unlink(self.filename)
        except OSError:
            after = "Nothing was recorded; the file could not be removed"
        return sink_failed(self.filename, "writing the header", stopped, after, 0)

    def _not_open(self) -> SinkFailed:
        if self.failed is not None:
            return SinkFailed(f"{self.filename}: closed after a failure: {self.failed}", path=self.filename,
                              errno=self.failed.errno, frames_written=0)
        place = self.filename or self._template
        return SinkFailed(f"{place}: the file is not open. Packets are taken between open and close.",
                          path=place, frames_written=0)


def _exists(path: str) -> FileRefused:
    return FileRefused(f"{path}: exists already [EEXIST 17]. Files are never overwritten. "
                       "Choose another name, or put {start} into it.", path=path)

"""One BDF file on its way to the disk: a durable header, then one data record after the other.

Invariants (tests/sinks/test_bdf_failures.py fails every system call in turn, test_bdf_power.py cuts the power)
  B1  the count of data records never claims one that is not on the disk: write its checksum and the record,
      fdatasync, write the count at byte 236, fdatasync. A killed process or a power cut leaves at most one record,
      whole or torn, behind the count, and the checksum tells which
  B2  after any failure the file is cut to its whole data records and closed; if the disk refuses that too, the
      error says so, and `eegcore recover` does it later
  B3  no file is ever overwritten: O_EXCL, and link(2) refuses a name that is taken
  B4  the file is locked (flock) as long as it is written: `eegcore recover` leaves it alone
  B5  a file named ``.bdf`` has at least one data record, because readers refuse a file that has none (edfio, MNE,
      pyedflib): until then it is called ``.bdf.part``
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import time
from collections.abc import Callable

from eegcore.errors import FileRefused, SinkFailed
from eegcore.sinks.bdf_format import CHECK_BYTES, COUNT_OFFSET, Header, check_field, count_field
from eegcore.sinks.file_operations import (
    MODE,
    REAL,
    FileOperations,
    again,
    close_once,
    pwrite_all,
    sink_failed,
    sync_folder,
)

PART = ".part"
CREATE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


class BdfFile:
    """A file that grows by whole data records. Not thread safe, except for reading its attributes.

    Parameters
    ----------
    path : str
    header : Header
    operations : FileOperations

    Attributes
    ----------
    records : int
        Data records in the file, on the disk.
    sync_s : float
        How long the newest fdatasync took.
    busy_since : float or None
        ``time.monotonic()`` at the beginning of the system calls in progress.
    """

    def __init__(self, path: str, header: Header, operations: FileOperations = REAL) -> None:
        self.path, self.header = path, header
        self.records = 0
        self.sync_s = 0.0
        self.busy_since: float | None = None
        self._operations = operations
        self._fd = -1
        self._named = False
        self._hash = hashlib.sha256()

    @property
    def place(self) -> str:
        """The name the file has now."""
        return self.path if self._named else self.path + PART

    @property
    def size(self) -> int:
        """Bytes in the file."""
        layout = self.header.layout
        return layout.header_bytes + self.records * layout.record_bytes

    @property
    def data_sha256(self) -> str:
        """SHA-256 of everything behind the header."""
        return self._hash.hexdigest()

    def create(self) -> None:
        """Make the file; its header and its name are on the disk when this returns.

        Raises
        ------
        FileRefused
            If it, or the name it gets with its first data record, exists.
        SinkFailed
            If that fails; nothing is left behind if the disk lets us.
        """
        for taken in (self.path, self.path + PART):
            if os.path.lexists(taken):
                raise _exists(taken)
        doing, made = "creating the file", False
        self.busy_since = time.monotonic()
        try:
            self._fd = again(self._operations.open, self.path + PART, CREATE, MODE)
            made = True
            with contextlib.suppress(OSError):       # some network file systems know no locks
                self._operations.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            doing = "writing the header"
            pwrite_all(self._operations, self._fd, self.header.encode(0), 0)
            doing = "waiting for the disk to take the header"
            again(self._operations.fsync, self._fd)
            doing = "waiting for the disk to take the name of the file"
            sync_folder(os.path.dirname(self.path), self._operations)
        except FileExistsError:                      # made by somebody else since the look above
            raise _exists(self.path + PART) from None
        except OSError as error:
            after = "Nothing was recorded"
            if made and not self.discard():
                after = "Nothing was recorded; the file could not be removed"
            raise sink_failed(self.path, doing, error, after, 0) from error
        finally:
            self.busy_since = None

    def restamp(self, header: Header) -> None:
        """Put in another header of the same size, before the first data record: the start is known now."""
        self.header = header
        self._careful("writing the time of the start", self.records,
                      lambda: pwrite_all(self._operations, self._fd, header.encode(0), 0))

    def append(self, record: bytes) -> None:
        """Append one data record; it is on the disk, and counted, when this returns.

        Raises
        ------
        SinkFailed
            The file is cut to its whole data records and closed; `records` says how many it has.
        """
        if self._fd < 0:
            raise SinkFailed(f"{self.place}: the file is not open. Begin a recording first.", path=self.place)
        at, check_at = self.size, self.header.layout.header_bytes - CHECK_BYTES
        check = check_field(self.records, record)

        def write_both() -> None:
            pwrite_all(self._operations, self._fd, check, check_at)          # first: see `bdf_format`
            pwrite_all(self._operations, self._fd, record, at)

        self._careful("writing a data record", self.records, write_both)
        self._sync("waiting for the disk to take a data record", self.records)
        count = count_field(self.records + 1)
        self._careful("counting a data record", self.records + 1,
                      lambda: pwrite_all(self._operations, self._fd, count, COUNT_OFFSET))
        self._sync("waiting for the disk to take the count of data records", self.records + 1)
        self.records += 1
        self._hash.update(record)
        if not self._named:
            self._careful("naming the file", self.records, self._give_name)

    def finish(self) -> None:
        """Close the file.

        Raises
        ------
        SinkFailed
            If close(2) reports a failure. Every data record was on the disk before.
        """
        if self._fd < 0:
            return
        fd, self._fd = self._fd, -1
        try:
            close_once(self._operations, fd)
        except OSError as error:
            raise sink_failed(self.place, "closing the file", error,
                              f"Its {self.records} data records were on the disk before that", 0) from error

    def discard(self) -> bool:
        """Remove a file without data records: it is ours, and holds no sample. False if it stayed."""
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            with contextlib.suppress(OSError):
                close_once(self._operations, fd)
        try:
            again(self._operations.unlink, self.place)
        except OSError:
            return False
        return True

    def _sync(self, doing: str, kept: int) -> None:
        began = time.monotonic()
        self._careful(doing, kept, lambda: again(self._operations.fdatasync, self._fd))
        self.sync_s = time.monotonic() - began

    def _careful(self, doing: str, kept: int, step: Callable[[], object]) -> None:
        """Do one step; if it fails, leave `kept` data records, close, and say so."""
        self.busy_since = time.monotonic()
        try:
            step()
        except OSError as error:
            after = self._give_up(kept)
            raise sink_failed(self.place, doing, error, after) from error
        finally:
            self.busy_since = None

    def _give_name(self) -> None:
        """Call the file by its own name. The new name is on the disk before the old one goes: one of them survives."""
        part, folder = self.path + PART, os.path.dirname(self.path)
        try:
            again(self._operations.link, part, self.path)
        except FileExistsError:
            raise
        except OSError:
            # no hard links here (FAT, exFAT), or a disk in trouble: the other way to a name, if it is free
            if os.path.lexists(self.path):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from None
            again(self._operations.rename, part, self.path)
            self._named = True
            sync_folder(folder, self._operations)
            return
        self._named = True
        sync_folder(folder, self._operations)
        with contextlib.suppress(OSError):           # a second name does no harm; `recover` removes it
            again(self._operations.unlink, part)

    def _give_up(self, kept: int) -> str:
        """Cut to whole data records, put the count right, close; return the sentence that says what is left."""
        operations, fd, self._fd = self._operations, self._fd, -1
        self.records = kept
        torn = False
        for step in (lambda: pwrite_all(operations, fd, count_field(kept), COUNT_OFFSET),
                     lambda: again(operations.ftruncate, fd, self.size),
                     lambda: again(operations.fsync, fd),
                     lambda: close_once(operations, fd)):
            try:
                step()
            except OSError:
                torn = True
        after = f"The file is closed and holds {kept} whole data records"
        if torn:
            after += "; the disk did not take that either: run 'eegcore recover' on the file once the disk is well"
        if kept and not self._named:
            after += "; it kept its first name, 'eegcore recover' gives it its own"
        return after


def _exists(path: str) -> FileRefused:
    return FileRefused(f"{path}: exists already [EEXIST 17]. Files are never overwritten. "
                       "Choose another folder or name.", path=path)

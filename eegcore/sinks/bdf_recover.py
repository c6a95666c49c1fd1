"""Mend what a killed process or a power cut has left of a recording.

What was counted stays as it is, byte for byte. A whole data record behind the count is counted, a torn one is cut
off; a file that never got its name gets it. Doing it again changes nothing.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from eegcore.errors import NotFound, StateConflict
from eegcore.sinks.bdf_check import BdfHeader, BdfRefused, Extent, read_extent, read_header
from eegcore.sinks.bdf_file import PART
from eegcore.sinks.bdf_format import COUNT_OFFSET, count_field
from eegcore.sinks.file_operations import (
    REAL,
    FileOperations,
    again,
    close_once,
    pwrite_all,
    sink_failed,
    sync_folder,
)


@dataclass
class Mended:
    """What was done to one file.

    Parameters
    ----------
    path : str
        The name the file has now.
    records : int
        Data records in it.
    seconds : float
        What they last.
    did : list of str
        Every change, as a sentence; empty if the file was good.
    """

    path: str
    records: int = 0
    seconds: float = 0.0
    did: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)


def bdf_files(path: str) -> Iterator[str]:
    """Yield the BDF files `path` stands for: itself, or those in a folder and the folders in it, without links.

    Raises
    ------
    NotFound
        If there is no such file or folder, or none with BDF files.
    """
    if not os.path.lexists(path):
        raise NotFound(f"{path}: there is no such file or folder [ENOENT 2]. Give a .bdf file or a session folder.",
                       path=path)
    if not os.path.isdir(path):
        yield path
        return
    found = False
    for folder, folders, files in os.walk(path):
        folders.sort()
        for name in sorted(files):
            full = os.path.join(folder, name)
            if name.endswith((".bdf", ".bdf" + PART)) and os.path.isfile(full) and not os.path.islink(full):
                found = True
                yield full
    if not found:
        raise NotFound(f"{path}: no .bdf file is in this folder. Give a session folder.", path=path)


def recover(path: str, operations: FileOperations = REAL) -> Mended:
    """Mend one file and say what was done.

    Raises
    ------
    BdfRefused
        If it is no BDF file; it is left as it is, as a ``.part`` without a header is.
    StateConflict
        If it is being written now.
    SinkFailed
        If the disk refuses.
    """
    try:
        fd = again(operations.open, path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        raise NotFound(f"{path}: there is no such file [ENOENT 2].", path=path) from None
    except OSError as error:
        raise sink_failed(path, "opening the file", error) from error
    try:
        try:
            operations.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StateConflict(f"{path}: is being recorded now. Stop the recording first.", path=path) from None
        except OSError:
            pass                                     # a file system without locks
        mended = Mended(path)
        try:
            header = read_header(path, fd)
        except BdfRefused:
            if path.endswith(PART):
                return mended                        # the header comes first: nothing to mend, nothing to lose
            raise
        extent = read_extent(fd, header)
        mended.records, mended.seconds = extent.sound, float(extent.sound * header.duration_s)
        try:
            _mend(fd, header, extent, mended, operations)
            if path.endswith(PART):
                _give_name(path, mended, operations)
        except OSError as error:
            raise sink_failed(path, "mending the file", error, "Its counted data records are as they were") from error
        return mended
    finally:
        with contextlib.suppress(OSError):
            close_once(operations, fd)


def _mend(fd: int, header: BdfHeader, extent: Extent, mended: Mended, operations: FileOperations) -> None:
    wanted = header.n_bytes + extent.sound * header.record_bytes
    if extent.sound != header.count:
        again(operations.fsync, fd)                  # what is counted from now on must be on the disk before
        pwrite_all(operations, fd, count_field(extent.sound), COUNT_OFFSET)
        again(operations.fsync, fd)
        mended.did.append(f"the count of data records was {header.count}, is {extent.sound}")
    if extent.size != wanted:
        again(operations.ftruncate, fd, wanted)
        again(operations.fsync, fd)
        why = f" ({extent.why})" if extent.why else ""
        mended.did.append(f"{extent.size - wanted} bytes of an unfinished data record were cut off{why}")


def _give_name(path: str, mended: Mended, operations: FileOperations) -> None:
    """Take ``.part`` off the name of a file that holds samples."""
    name = path.removesuffix(PART)
    if os.path.lexists(name):
        if not os.path.samefile(path, name):
            raise BdfRefused(f"{path}: {name} exists and is another file. Look at both, and rename one.", path=path)
        again(operations.unlink, path)
        mended.did.append(f"its second name {os.path.basename(path)} was removed")
    elif mended.records == 0:
        return                                       # no sample: nothing to name, and nothing to throw away either
    else:
        try:
            again(operations.link, path, name)
        except OSError:
            if os.path.lexists(name):
                raise
            again(operations.rename, path, name)
        else:
            sync_folder(os.path.dirname(name), operations)
            again(operations.unlink, path)
        mended.did.append(f"it is called {os.path.basename(name)} now")
    sync_folder(os.path.dirname(name), operations)
    mended.path = name

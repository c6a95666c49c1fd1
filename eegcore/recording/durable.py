"""Small files that are whole or absent, and on the disk once the call has returned."""

from __future__ import annotations

import contextlib
import errno
import itertools
import json
import os
from typing import Any

from eegcore.errors import FileRefused
from eegcore.sinks.file_operations import CREATE, MODE, REAL, FileOperations, sink_failed, write_all

_numbers = itertools.count()                           # of temporary files: two threads never share one


def make_folder(path: str, operations: FileOperations = REAL) -> None:
    """Make one new folder, durably. FileExistsError if something has the name; OSError otherwise."""
    operations.mkdir(path, 0o755)
    try:
        sync_folder(os.path.dirname(path) or ".", operations)
    except OSError:
        with contextlib.suppress(OSError):             # empty, and ours
            os.rmdir(path)
        raise


def write_new(path: str, data: bytes, operations: FileOperations = REAL, *, sync_name: bool = True) -> None:
    """Write a file that must not exist.

    Without `sync_name` its name is on the disk when that of another file of the folder is.

    Raises
    ------
    FileRefused
        If it exists.
    SinkFailed
        If it did not reach the disk.
    """
    if os.path.lexists(path):
        raise FileRefused(f"{path}: exists already [EEXIST 17]. Files are never overwritten. Choose another folder.",
                          path=path)
    replace_file(path, data, operations, sync_name=sync_name)


def replace_file(path: str, data: bytes, operations: FileOperations = REAL, *, sync_name: bool = True) -> None:
    """Put a file in the place of another: a reader, or a power cut, finds the old one or the new one, whole.

    Raises
    ------
    SinkFailed
        If it did not reach the disk; the old file stays.
    """
    temporary = f"{path}.{os.getpid()}.{next(_numbers)}.part"
    doing, fd = "creating the file", -1
    made = False
    try:
        fd = operations.open(temporary, CREATE, MODE)
        made = True
        doing = "writing the file"
        _, stopped = write_all(operations, fd, data)
        if stopped is not None:
            raise stopped
        doing = "waiting for the disk"
        operations.fsync(fd)
        closing, fd = fd, -1
        operations.close(closing)
        doing = "naming the file"
        operations.rename(temporary, path)
        made = False
        if sync_name:
            sync_folder(os.path.dirname(path) or ".", operations)
    except OSError as error:
        with contextlib.suppress(OSError):             # cleaning up behind a failure that is being reported
            if fd >= 0:
                operations.close(fd)
        with contextlib.suppress(OSError):
            if made:
                operations.unlink(temporary)
        raise sink_failed(path, doing, error) from error


def sync_folder(folder: str, operations: FileOperations = REAL) -> None:
    """Wait until the names in a folder are on the disk; OSError if they may not be."""
    fd = operations.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        operations.fsync(fd)
    except OSError as error:
        if error.errno != errno.EINVAL:                # some file systems cannot sync a folder, and say so
            raise
    finally:
        operations.close(fd)


def json_bytes(value: Any) -> bytes:
    """Return a value as the JSON files of a session hold it: floats exact, one key a line, UTF-8."""
    return (json.dumps(value, indent=1, ensure_ascii=False, default=str) + "\n").encode()

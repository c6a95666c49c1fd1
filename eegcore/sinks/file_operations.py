"""System calls of the file sinks in one table, and the words for their failures.

Tests put a table in place that fails the Nth call; nothing else in the sinks
touches a descriptor, so the sweep over N covers every call there is.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from eegcore.errors import SinkFailed

MODE = 0o644
CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
MOST_INTERRUPTIONS = 100                             # of one call; a signal storm must not become an endless loop


@dataclass(frozen=True)
class FileOperations:
    """The system calls a file sink makes, with the signatures of `os`."""

    open: Callable[..., int] = os.open
    write: Callable[[int, bytes | memoryview], int] = os.write
    fsync: Callable[[int], None] = os.fsync
    ftruncate: Callable[[int, int], None] = os.ftruncate
    close: Callable[[int], None] = os.close
    rename: Callable[[str, str], None] = os.rename
    unlink: Callable[[str], None] = os.unlink
    pwrite: Callable[[int, bytes | memoryview, int], int] = os.pwrite
    fdatasync: Callable[[int], None] = os.fdatasync
    link: Callable[[str, str], None] = os.link
    mkdir: Callable[[str, int], None] = os.mkdir
    statvfs: Callable[[str], os.statvfs_result] = os.statvfs
    flock: Callable[[int, int], None] = fcntl.flock


REAL = FileOperations()

ADVICE = {
    errno.ENOSPC: ("the disk is full", "Free space or choose another disk, then start again"),
    errno.EDQUOT: ("the disk quota is used up", "Free space or raise the quota, then start again"),
    errno.EFBIG: ("the file has reached the largest size this file system or user may have",
                  "Record shorter files, or use another file system"),
    errno.EIO: ("the disk reported an input/output error", "Check the disk and its cable; do not trust it further"),
    errno.EROFS: ("the file system is read-only", "Choose another disk, or check why it was mounted read-only"),
    errno.EACCES: ("this user may not write there", "Choose another folder, or change its permissions"),
    errno.EPERM: ("this user may not write there", "Choose another folder, or change its permissions"),
    errno.ENOENT: ("the folder does not exist", "Create the folder first: a sink makes no folders"),
    errno.ENOTDIR: ("a part of the path is a file, not a folder", "Check the path"),
    errno.EISDIR: ("is a folder", "Give the path of a file"),
    errno.ENAMETOOLONG: ("the name is too long", "Choose a shorter path"),
    errno.EMFILE: ("this process has no file descriptor left", "Raise the limit (ulimit -n)"),
    errno.ENFILE: ("the system has no file descriptor left", "Close other programs"),
    errno.ENODEV: ("the device is gone", "Check the disk and its cable"),
    errno.ENXIO: ("the device is gone", "Check the disk and its cable"),
    errno.ESTALE: ("the network file system lost the file", "Check the server, or record to a local disk"),
    errno.ENOLCK: ("the network file system is out of locks", "Record to a local disk"),
    errno.ENOMEM: ("the kernel is out of memory", "Close other programs"),
    errno.EBADF: ("the file was closed by something else", "Report this with the log"),
}


def sink_failed(path: str, doing: str, error: OSError, after: str = "", frames_written: int | None = None,
                ) -> SinkFailed:
    """Return the SinkFailed for a failed system call.

    Parameters
    ----------
    path : str
        The place.
    doing : str
        What was tried: ``"writing rows"``.
    error : OSError
    after : str
        A sentence about the state of the file now.
    frames_written : int, optional
        Frames the failing call did get into the file; goes into ``details``.
    """
    number = error.errno or 0
    text, advice = ADVICE.get(number, (error.strerror or str(error) or "an unknown error",
                                       "Check the disk, then start again"))
    sentences = [f"{path}: {text}, while {doing} [{errno.errorcode.get(number, '?')} {number}]", after, advice]
    message = " ".join(sentence.rstrip(".") + "." for sentence in sentences if sentence)
    return SinkFailed(message, errno=number or None, path=path, doing=doing, frames_written=frames_written)


def again(call: Callable[..., Any], *arguments: Any) -> Any:
    """Call until it is not interrupted: EINTR is a signal, not a failure. Not for `close`, which frees first."""
    for _ in range(MOST_INTERRUPTIONS):
        with contextlib.suppress(InterruptedError):
            return call(*arguments)
    return call(*arguments)


def close_once(operations: FileOperations, fd: int) -> None:
    """Close; the descriptor is free afterwards whatever happened, so an interruption is no failure (close(2))."""
    with contextlib.suppress(InterruptedError):
        operations.close(fd)


def sync_folder(folder: str, operations: FileOperations) -> None:
    """Wait until the names in a folder are on the disk.

    Raises
    ------
    OSError
        EINVAL excepted: some file systems cannot sync a folder, and say so.
    """
    fd = again(operations.open, folder or ".", FOLDER)
    try:
        again(operations.fsync, fd)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
    finally:
        close_once(operations, fd)


def pwrite_all(operations: FileOperations, fd: int, data: bytes | memoryview, offset: int) -> None:
    """Write all of `data` at `offset`; short writes are continued.

    Raises
    ------
    OSError
        Any part of the data may be in the file then.
    """
    view = memoryview(data)
    done = 0
    while done < len(view):
        n = again(operations.pwrite, fd, view[done:], offset + done)
        if n <= 0:                                   # as in `write_all`
            raise OSError(errno.EIO, "a write of 0 bytes")
        done += n


def write_all(operations: FileOperations, fd: int, data: bytes) -> tuple[int, OSError | None]:
    """Write all of `data`; short writes are continued.

    Returns
    -------
    (n_bytes, error)
        Bytes that reached the file, and what stopped the rest (None: nothing did).
    """
    view = memoryview(data)
    done = 0
    while done < len(view):
        try:
            n = again(operations.write, fd, view[done:])
        except OSError as error:
            return done, error
        if n <= 0:                                   # POSIX allows 0 for no progress: asking again may never end
            return done, OSError(errno.EIO, "a write of 0 bytes")
        done += n
    return done, None

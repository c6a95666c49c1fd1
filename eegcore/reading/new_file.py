"""A new file that is whole or absent, and never takes the place of another."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from typing import BinaryIO

from eegcore.errors import FileRefused
from eegcore.sinks.file_operations import MODE, REAL, sink_failed, sync_folder

BUFFER_BYTES = 1 << 20


@contextlib.contextmanager
def new_file(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Make a file, hand it over for writing, and put it on the disk; if that fails nothing is left of it.

    Raises
    ------
    FileRefused
        If it exists, or cannot be made there.
    SinkFailed
        If it cannot be written.
    """
    name = os.fspath(path)
    try:
        fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE)
    except FileExistsError:
        raise FileRefused(f"{name}: exists already [EEXIST 17]. Files are never overwritten. Choose another name.",
                          path=name) from None
    except (OSError, ValueError) as error:
        number = getattr(error, "errno", None) or 0
        raise FileRefused(f"{name}: cannot be made: {getattr(error, 'strerror', None) or error} "
                          f"[{errno.errorcode.get(number, '?')} {number}]. The folder must exist and be writable. "
                          "Choose another one.", path=name) from None
    try:
        with os.fdopen(fd, "wb", BUFFER_BYTES) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        sync_folder(os.path.dirname(name), REAL)
    except BaseException as error:
        with contextlib.suppress(OSError):             # cleaning up after a failure that is already being reported
            os.unlink(name)
        if isinstance(error, OSError):
            raise sink_failed(name, "writing the file", error, "The recording is not concerned") from error
        raise

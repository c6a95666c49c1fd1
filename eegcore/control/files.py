"""A file that is there whole or not at all."""

from __future__ import annotations

import os
import threading
from pathlib import Path


def write_whole(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Put `content` in place of what a file holds; after a crash it holds the one or the other, never half.

    Written aside, synced, renamed, and the folder synced: rename(2) replaces atomically, and is durable only
    with its folder.

    Raises
    ------
    OSError
        Nothing has changed then.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.new")
    try:
        number = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
        with os.fdopen(number, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.rename(aside, path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)

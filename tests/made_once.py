"""What several test files need and takes long to make: one worker makes it, the others wait for it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """Return the path of a file of this session.

    Parameters
    ----------
    factory : TempPathFactory
        Its base folder is, under xdist, a folder of one worker in the folder of the session.
    name : str
        File name, one for everything that is made alike.
    make : callable
        Called with the path to write to, in one worker only.
    """
    base = factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    path = shared / name
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            part = shared / f"{name}.part"
            make(part)
            part.rename(path)
    return path

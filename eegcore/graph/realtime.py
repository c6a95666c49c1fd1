"""Cores, priorities and locked memory: asked for, verified, reported.

Nothing here fails a run unless ``realtime: require``. Called by each thread
for itself, before its loop.
"""

from __future__ import annotations

import ctypes
import os
from dataclasses import dataclass, field

MCL_CURRENT, MCL_FUTURE, MCL_ONFAULT = 1, 2, 4         # <sys/mman.h>; ON_FAULT: only pages that are used


@dataclass
class Granted:
    """What one thread asked for and got."""

    thread: str
    cores_wanted: list[int] = field(default_factory=list)
    cores: list[int] = field(default_factory=list)
    priority_wanted: int | None = None
    priority: int | None = None                        # SCHED_FIFO priority, None: ordinary scheduling
    problems: list[str] = field(default_factory=list)


def prepare_thread(thread: str, cores: list[int], priority: int | None) -> Granted:
    """Pin the calling thread and give it SCHED_FIFO; return what the kernel says it has now."""
    granted = Granted(thread, list(cores), priority_wanted=priority)
    present = sorted(set(cores) & set(range(os.cpu_count() or 1)))
    if present:
        try:
            os.sched_setaffinity(0, present)
        except OSError as error:
            granted.problems.append(f"{thread}: cores {present} refused [{error.strerror}]. "
                                    "Runs on any core. Choose cores this process may use.")
    granted.cores = sorted(os.sched_getaffinity(0))
    if priority is not None:
        try:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))
        except OSError as error:
            granted.problems.append(f"{thread}: SCHED_FIFO {priority} refused [{error.strerror}]. Runs with ordinary "
                                    "scheduling. Raise RLIMIT_RTPRIO (ulimit -r) or grant CAP_SYS_NICE.")
    if os.sched_getscheduler(0) == os.SCHED_FIFO:
        granted.priority = os.sched_getparam(0).sched_priority
    return granted


def lock_memory() -> str | None:
    """Lock the process in memory as pages are used; return the problem, None if it worked."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0:
        return None
    reason = os.strerror(ctypes.get_errno())
    return (f"memory: mlockall refused [{reason}]. Pages may be swapped out. "
            "Raise RLIMIT_MEMLOCK (ulimit -l) or grant CAP_IPC_LOCK.")

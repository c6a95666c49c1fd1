"""The program itself, and where it writes and listens."""

from __future__ import annotations

import errno
from pathlib import Path

from eegcore.doctor.result import Result
from eegcore.doctor.system import System
from eegcore.doctor.wanted import Wanted

WARN_S, REFUSE_S = 3600, 300                           # of recording: one hour left, five minutes left
FLOOR_BYTES = 256 << 20


def versions(system: System, wanted: Wanted) -> Result:
    """What is installed."""
    return Result("versions", "ok", ", ".join(f"{name} {version}" for name, version in system.versions().items()))


def compiled_core(system: System, wanted: Wanted) -> Result:
    """Whether ``eegcore._rt`` can be loaded, and how wide it computes here."""
    try:
        bits = system.vector_bits()
    except ImportError as error:
        return Result("compiled core", "missing", f"eegcore._rt cannot be loaded: {error}", "a wheel of this machine",
                      "Install the wheel for this architecture, or build from the source folder:\n"
                      "$ pip install --force-reinstall .")
    return Result("compiled core", "ok", f"loaded, {bits}-bit vectors")


def disk(system: System, wanted: Wanted) -> Result:
    """How much recording fits on the disk."""
    free, may_write = system.room_for(wanted.recordings)
    if not may_write:
        return Result("disk", "warn", f"user '{system.user()}' may not write into {wanted.recordings}",
                      "a folder to record into", "Choose another one with --recordings DIR, or run from your own.")
    left_s = (free - FLOOR_BYTES) / max(wanted.bytes_per_s, 1.0)
    seen = f"{_size(free)} free for {Path(wanted.recordings)}, {_duration(left_s)} of counts"
    if left_s > WARN_S:
        return Result("disk", "ok", seen)
    return Result("disk", "fail" if left_s < REFUSE_S else "warn", seen, f"an hour, and {FLOOR_BYTES >> 20} MiB",
                  "Move recordings away, or choose another disk with --recordings DIR.")


def port(system: System, wanted: Wanted) -> Result:
    """Whether the page's port is free."""
    place = f"127.0.0.1:{wanted.port}"
    problem = system.port_problem(wanted.port)
    if problem == 0:
        return Result("port", "ok", f"{place} is free")
    if problem == errno.EADDRINUSE and system.eegcore_answers(wanted.port):
        return Result("port", "ok", f"{place}: a running eegcore answers there")
    if problem == errno.EADDRINUSE:
        return Result("port", "fail", f"{place} is taken by another program", "free",
                      "Give 'serve' another one with --port N, or stop what listens there:\n"
                      f"$ sudo ss -ltnp 'sport = :{wanted.port}'")
    return Result("port", "fail", f"{place}: {errno.errorcode.get(problem, '?')} {problem}", "free",
                  "Choose a port above 1023 with --port N.")


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 1e9:.1f} GB" if n_bytes >= 1e9 else f"{n_bytes / 1e6:.0f} MB"


def _duration(seconds: float) -> str:
    if seconds < 0:
        return "no time"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 1e6 else f"{seconds / 86400:.0f} days"

"""The only way from a check to the machine: files, devices, limits, commands.

Every access is a method, so that a test replaces the root folder, or one
answer, and puts a Raspberry Pi that is not there under the checks.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import grp
import json
import os
import platform
import pwd
import resource
import shutil
import socket
import stat
import subprocess
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from eegcore.doctor.self_test import Measured

COMMAND_S = 5.0
ANSWER_S = 1.0
NO_LIMIT = resource.RLIM_INFINITY


@dataclass(frozen=True)
class Owner:
    """Who may open a file: the name of its group, and its permission bits."""

    group: str
    mode: int


class System:
    """This machine.

    Parameters
    ----------
    root : Path
        Folder under which ``/dev``, ``/proc``, ``/sys`` and ``/boot`` are looked for.
    """

    def __init__(self, root: Path = Path("/")) -> None:
        self.root = root

    # ---- files ----

    def path(self, name: str) -> Path:
        """Return where ``/name`` really is."""
        return self.root / name.lstrip("/")

    def read(self, name: str) -> str | None:
        """Return a text file without the blanks and zero bytes at its ends; None if it cannot be read."""
        try:
            return self.path(name).read_text(encoding="utf-8", errors="replace").strip("\0 \t\r\n")
        except OSError:
            return None

    def find(self, pattern: str) -> list[str]:
        """Return the names that match a pattern, with the root taken off, in natural order."""
        found = ("/" + str(path.relative_to(self.root)) for path in self.root.glob(pattern.lstrip("/")))
        return sorted(found, key=lambda name: (len(name), name))

    def exists(self, name: str) -> bool:
        """Return whether there is something of this name."""
        return os.path.exists(self.path(name))           # False, not an error, below a folder that is closed to us

    def owner(self, name: str) -> Owner | None:
        """Return who may open a file; None if it is gone."""
        try:
            status = self.path(name).stat()
        except OSError:
            return None
        return Owner(self._group_name(status.st_gid), stat.S_IMODE(status.st_mode))

    def may_use(self, name: str) -> bool:
        """Return whether this process may read and write a file."""
        return os.access(self.path(name), os.R_OK | os.W_OK, effective_ids=os.access in os.supports_effective_ids)

    def ioctl(self, name: str, request: int, data: bytes) -> bytes:
        """Open a device, make one ioctl that reads, close it; OSError says what was refused."""
        fd = os.open(self.path(name), os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            buffer = bytearray(data)
            fcntl.ioctl(fd, request, buffer, True)
            return bytes(buffer)
        finally:
            os.close(fd)

    def room_for(self, name: str) -> tuple[int, bool]:
        """Return the free bytes of the disk a folder is on, and whether this user may write into it.

        A folder that is not there yet stands for the nearest one above it.
        """
        folder = Path(name).absolute()
        while not os.path.exists(folder):
            folder = folder.parent
        return shutil.disk_usage(folder).free, os.access(folder, os.W_OK | os.X_OK)

    # ---- who and what ----

    def user(self) -> str:
        """Return the name of the user this runs as."""
        try:
            return pwd.getpwuid(os.geteuid()).pw_name
        except KeyError:
            return str(os.geteuid())

    def groups(self) -> set[str]:
        """Return the groups this process has now."""
        return {self._group_name(gid) for gid in {*os.getgroups(), os.getegid()}}

    def groups_at_next_login(self) -> set[str]:
        """Return the groups the user database gives this user."""
        user = self.user()
        return {entry.gr_name for entry in grp.getgrall() if user in entry.gr_mem} | self.groups()

    @staticmethod
    def _group_name(gid: int) -> str:
        try:
            return grp.getgrgid(gid).gr_name
        except KeyError:
            return str(gid)

    def kernel(self) -> tuple[str, str, str]:
        """Return release, version line and architecture of the kernel."""
        found = os.uname()
        return found.release, found.version, found.machine

    def page_bytes(self) -> int:
        """Return the size of a memory page."""
        return os.sysconf("SC_PAGESIZE")

    def cores(self) -> int:
        """Return the number of cores that are awake, isolated ones included."""
        return os.cpu_count() or 1

    def versions(self) -> dict[str, str]:
        """Return the versions of eegcore, Python and numpy."""
        import numpy

        import eegcore

        return {"eegcore": eegcore.__version__, "Python": platform.python_version(), "numpy": numpy.__version__}

    def vector_bits(self) -> int:
        """Return how wide the compiled core computes here; ImportError if it cannot be loaded."""
        from eegcore.bench.hooks import BenchPeak

        return 64 * int(BenchPeak().lanes)

    # ---- chips ----

    def probe(self, native: Mapping[str, Any]) -> list[bytes]:
        """Bring the chips of a planned `acquire` up and return their registers; DeviceError says what is wrong."""
        from eegcore.graph.probe import probe

        return probe(native)

    def measure(self, settings: Mapping[str, Any], signal: Literal["shorted", "test"]) -> Measured:
        """Run a board for a moment on a signal it makes itself."""
        from eegcore.doctor.self_test import measure

        return measure(settings, signal)

    # ---- limits ----

    def limit(self, name: str) -> int:
        """Return the soft limit ``RTPRIO`` or ``MEMLOCK`` of this process; -1 is none."""
        return resource.getrlimit(getattr(resource, f"RLIMIT_{name}"))[0]

    def try_fifo(self, priority: int) -> int:
        """Ask for SCHED_FIFO for the calling thread and give it back at once; return the errno, 0 if it was granted."""
        policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
        try:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))
        except OSError as error:
            return error.errno or errno.EPERM
        os.sched_setscheduler(0, policy, parameters)
        return 0

    # ---- programs and network ----

    def run(self, *command: str) -> str | None:
        """Return what a program prints; None if it is not there or fails."""
        if shutil.which(command[0]) is None:
            return None
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_S, check=False)
        except (OSError, subprocess.SubprocessError):
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    def port_problem(self, port: int) -> int:
        """Return the errno of listening on a loopback port, 0 if it is free."""
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                probe.listen(1)
            except OSError as error:
                return error.errno or errno.EADDRINUSE
        return 0

    def eegcore_answers(self, port: int) -> bool:
        """Return whether the program on a loopback port is an eegcore; one that wants a token is."""
        document: Any = None
        with contextlib.suppress(OSError, ValueError):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=ANSWER_S) as answer:
                    document = json.loads(answer.read(1 << 20))
            except urllib.error.HTTPError as refusal:
                with refusal:
                    document = json.loads(refusal.read(1 << 20))
        if not isinstance(document, dict):
            return False
        error = document.get("error")
        return {"ok", "state", "reasons"} <= document.keys() or (
            isinstance(error, dict) and {"code", "message", "details"} <= error.keys())

    def clock_synchronised(self) -> bool | None:
        """Return whether the kernel believes its wall clock; None if it does not say."""
        timex = ctypes.create_string_buffer(512)         # struct timex, modes = 0: only look
        try:
            state = ctypes.CDLL(None, use_errno=True).adjtimex(timex)
        except (OSError, AttributeError):
            return None
        return None if state < 0 else state != 5         # <sys/timex.h>: TIME_ERROR, not synchronised

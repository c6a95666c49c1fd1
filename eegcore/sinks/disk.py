"""How much longer a disk lasts: asked before a recording, and with every data record.

The numbers are those of PROMISES section 4: a warning below an hour, no start and a clean stop below five minutes
or 256 MiB. They come from the configured byte rate, not from what was written so far.
"""

from __future__ import annotations

from dataclasses import dataclass

from eegcore.errors import SinkFailed
from eegcore.sinks.file_operations import REAL, FileOperations, again, sink_failed


@dataclass(frozen=True)
class DiskLimits:
    """When to warn and when to stop.

    Parameters
    ----------
    warn_s : float
        A warning once less recording time than this is left.
    stop_s : float
        No start, and a clean stop, below this.
    floor_bytes : int
        The same, in bytes.
    """

    warn_s: float = 3600.0
    stop_s: float = 300.0
    floor_bytes: int = 256 << 20


class DiskWatch:
    """The disk under one folder while something is recorded on it at a known rate.

    Parameters
    ----------
    folder : str
    bytes_per_s : float
        What is written per second, all files together.
    limits : DiskLimits
    operations : FileOperations

    Attributes
    ----------
    available : int
        Bytes this user may still write, at the latest look.
    seconds_left : float or None
        Recording time until the clean stop; None before the first look.
    """

    def __init__(self, folder: str, bytes_per_s: float, limits: DiskLimits | None = None,
                 operations: FileOperations = REAL) -> None:
        self.folder, self.bytes_per_s = folder, bytes_per_s
        self.available = 0
        self.seconds_left: float | None = None
        self._limits = DiskLimits() if limits is None else limits
        self._operations = operations
        self._warned = False

    @property
    def floor(self) -> float:
        """Bytes that are left alone."""
        return max(float(self._limits.floor_bytes), self._limits.stop_s * self.bytes_per_s)

    def preflight(self) -> str | None:
        """Look before the first file is made; return a warning or None.

        Raises
        ------
        SinkFailed
            Code ``disk_low``: there is no room for a recording.
        """
        try:
            problem = self._look()
        except OSError as error:
            raise sink_failed(self.folder, "asking for the free space", error) from error
        if problem is not None:
            raise SinkFailed(f"{self.folder}: {problem} Nothing was recorded. Free space, or record elsewhere.",
                             code="disk_low", path=self.folder, available=self.available, needed=round(self.floor))
        return self._warning()

    def look(self) -> tuple[str | None, str | None]:
        """Look again; return (why to stop, a warning to give once), None where there is none.

        A disk that does not say how much is free is no reason to stop: it will say so when it is full.
        """
        try:
            problem = self._look()
        except OSError as error:
            self.seconds_left = None
            first, self._warned = not self._warned, True
            return None, str(sink_failed(self.folder, "asking for the free space", error)) if first else None
        return problem, None if problem else self._warning()

    def _look(self) -> str | None:
        found = again(self._operations.statvfs, self.folder)
        self.available = found.f_bavail * found.f_frsize
        self.seconds_left = max(0.0, (self.available - self.floor) / self.bytes_per_s)
        if self.available >= self.floor:
            return None
        return (f"{_size(self.available)} are free; below {_size(self.floor)} no recording goes on: "
                f"{_size(self.bytes_per_s)} a second are written, and {self._limits.stop_s / 60:g} min and "
                f"{_size(self._limits.floor_bytes)} are kept free.")

    def _warning(self) -> str | None:
        lasts_s = self.available / self.bytes_per_s
        if lasts_s >= self._limits.warn_s:
            self._warned = False
            return None
        if self._warned:
            return None
        self._warned = True
        return (f"{self.folder}: room for {(self.seconds_left or 0.0) / 60:.0f} min of recording "
                f"({_size(self.available)} free, {_size(self.bytes_per_s)} a second). It stops by itself before the "
                "disk is full. Free space.")


def _size(n_bytes: float) -> str:
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if n_bytes < 1024 or unit == "GiB":
            return f"{n_bytes:.0f} {unit}" if unit == "bytes" else f"{n_bytes:.1f} {unit}"
        n_bytes /= 1024
    return ""

"""Packets and system calls that a test controls."""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import pytest

from eegcore.sinks.base import RunInfo
from eegcore.sinks.file_operations import FileOperations
from eegcore.stages.stream import Kind, Stream


@dataclass
class PlainPacket:
    """Rows the slow and obvious way: what `format_csv` of a packet must print."""

    frame_index: int
    data: np.ndarray
    counts: np.ndarray | None = None
    step: int = 1
    sps: float = 250.0

    @property
    def n_frames(self):
        return len(self.data)

    def format_csv(self, columns, decimals):
        rows = []
        for i in range(self.n_frames):
            index = self.frame_index + i * self.step
            cells = [str(index), f"{index / self.sps:.6f}"]
            if columns in ("counts", "both"):
                cells += [str(int(count)) for count in self.counts[i]]
            if columns in ("uv", "both"):
                cells += [f"{value:.{decimals}f}" for value in self.data[i]]
            rows.append(",".join(cells) + "\n")
        return "".join(rows).encode()


@dataclass
class FailingDisk:
    """Real system calls, counted; call number `fail_at` raises `number`, or writes `short` bytes first.

    `sticky`: every later call that needs the disk fails too, as on a disk that is gone. With EINTR nothing is
    short: a call that a signal interrupts has done nothing.
    """

    fail_at: int = -1
    number: int = 5
    short: int | None = None
    sticky: bool = False
    calls: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    open_descriptors: set[int] = field(default_factory=set)

    def _hit(self, name):
        self.calls.append(name)
        due = len(self.calls) - 1 == self.fail_at or (self.sticky and len(self.calls) - 1 > self.fail_at >= 0)
        if due:
            self.failed.append(name)
        return due

    def _do(self, name, call, *arguments):
        if self._hit(name):
            raise OSError(self.number, os.strerror(self.number))
        return call(*arguments)

    def open(self, *arguments):
        fd = self._do("open", os.open, *arguments)
        self.open_descriptors.add(fd)
        return fd

    def write(self, fd, data):
        if self._hit("write"):
            if self.short is not None and len(self.failed) == 1:
                return os.write(fd, data[: min(self.short, len(data))])
            raise OSError(self.number, os.strerror(self.number))
        return os.write(fd, data)

    def pwrite(self, fd, data, offset):
        if self._hit("pwrite"):
            if self.short is not None and len(self.failed) == 1:
                return os.pwrite(fd, data[: min(self.short, len(data))], offset)
            raise OSError(self.number, os.strerror(self.number))
        return os.pwrite(fd, data, offset)

    def close(self, fd):
        self.open_descriptors.discard(fd)
        os.close(fd)                                 # Linux frees the descriptor whatever close says
        if self._hit("close"):
            raise OSError(self.number, os.strerror(self.number))

    def operations(self):
        return FileOperations(
            open=self.open, write=self.write, close=self.close,
            fsync=lambda fd: self._do("fsync", os.fsync, fd),
            ftruncate=lambda fd, size: self._do("ftruncate", os.ftruncate, fd, size),
            rename=lambda old, new: self._do("rename", os.rename, old, new),
            unlink=lambda path: self._do("unlink", os.unlink, path),
            pwrite=self.pwrite,
            fdatasync=lambda fd: self._do("fdatasync", os.fdatasync, fd),
            link=lambda old, new: self._do("link", os.link, old, new),
            mkdir=lambda path, mode: self._do("mkdir", os.mkdir, path, mode),
            statvfs=lambda path: self._do("statvfs", os.statvfs, path),
            flock=lambda fd, how: self._do("flock", fcntl.flock, fd, how))


@pytest.fixture
def failing_disk():
    """The class `FailingDisk`."""
    return FailingDisk


@pytest.fixture
def run_info():
    return RunInfo(run_id="r1", pipeline="default", sink_id="csv_sink", source="acquire (emulator)",
                   start_unix_ns=1_795_234_320_000_000_007, start_t_ns=81_234, config_rev=3, version="0.1.0")


@pytest.fixture
def stream():
    return Stream(kind=Kind.RAW_AND_VOLTAGE, labels=("Fp1", "Fp2"), sps=250.0, max_frames=16, step=Fraction(1),
                  scale_uv=(0.5, 0.25), reference="srb1", sources=("acquire",))


@pytest.fixture
def packets():
    def make(n_packets=3, n_frames=4, first=0, step=1):
        result = []
        for i in range(n_packets):
            index = np.arange(n_frames) + i * n_frames
            counts = np.stack([index * 2, -index], axis=1).astype(np.int32)
            data = (counts * np.array([0.5, 0.25])).astype(np.float32)
            result.append(PlainPacket(first + i * n_frames * step, data, counts, step))
        return result
    return make

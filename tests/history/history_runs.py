"""Boards with trouble, packets that never were in a pool, and a disk that fails."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from eegcore.sinks.base import RunInfo
from eegcore.sinks.file_operations import FileOperations
from eegcore.sinks.history_file import HistoryWriter
from eegcore.sinks.history_format import SHAPE, TIMES

FAULTS = [{"kind": "saturate", "at": 301, "n": 40}, {"kind": "drop_edge", "at": 503, "n": 7},
          {"kind": "electrode_off", "at": 651, "n": 150, "value": 5}]
RUN_INFO = RunInfo("r1", "test", "history_sink", start_unix_ns=1_795_234_320 * 10**9)
CONFIG = {"config_rev": 1, "config": {}, "streams": {
    "0": {"stage": "acquire", "port": "out", "role": "source", "description": {}},
    "1": {"stage": "notch", "port": "out", "role": "stage", "description": {}}}}


def board(**settings: Any) -> dict[str, Any]:
    """A board with trouble: saturation, missing edges, an electrode that comes off."""
    return {"acquire": {"board": "emulator", "sps": 1000, "channels": 8, "batch": 5, "seed": 3, "faults": FAULTS,
                        "lead_off": {"mode": "dc"}, **settings}}


def chain() -> list[dict[str, Any]]:
    """Filters, a change of rate, windows, and detectors with masks of their own."""
    return [board(), {"to_voltage": {}}, {"notch": {"hz": 50}}, {"bandpass": {"low_hz": 1, "high_hz": 40}},
            {"decimate": {"to_sps": 250}}, {"fft": {"window_s": 0.25, "overlap": 0.5, "inputs": "bandpass"}},
            {"flatline": {"inputs": "bandpass"}}]


class Bare(bytes):
    """A payload that says what a packet says."""

    frame_index: int
    t_ns: int
    head: bytes
    config_rev = 1
    n_frames = 4


@cache
def bare_packets(n: int, first: int = 0) -> tuple[Bare, ...]:
    """Packets of 4 frames of 4 channels at 1000 SPS, all different."""
    rng = np.random.default_rng(first)
    found = []
    for number in range(first, first + n):
        packet = Bare(rng.integers(-2**23, 2**23, 16, np.int32).tobytes())
        packet.frame_index, packet.t_ns = 4 * number, 4_000_000 * number
        packet.head = (SHAPE.pack(packet.frame_index, 1, 0, 4, 4, 0, 64) + bytes(160)
                       + TIMES.pack(packet.t_ns, 1000.0, 4, 1, 1, 1, 1) + bytes(4))
        found.append(packet)
    return tuple(found)


def writer(folder: Path, *, minutes: float = 1.0, max_bytes: int = 1 << 24, payloads: str = "source",
           operations: FileOperations | None = None) -> HistoryWriter:
    """A writer that leaves nothing of the disk to others."""
    return HistoryWriter(str(folder), minutes=minutes, payloads=payloads, max_bytes=max_bytes,
                         operations=operations or FileOperations(), floor_bytes=0)


def begin(made: HistoryWriter) -> HistoryWriter:
    """Open a writer as the thread does."""
    made.open(RUN_INFO, {"run_id": "r1", "start_t_ns": 0})
    made.config(CONFIG)
    return made


class Disk:
    """Real system calls, counted; call number `fail_at` raises, or writes `short` bytes, and all after it raise."""

    def __init__(self, fail_at: int = -1, number: int = 5, short: int | None = None) -> None:
        self.fail_at, self.number, self.short = fail_at, number, short
        self.calls: list[str] = []
        self.open_descriptors: set[int] = set()

    def operations(self) -> FileOperations:
        """The table."""
        real = FileOperations(fsync=lambda fd: None)     # the sweep makes hundreds of files
        return FileOperations(**{field.name: self._wrapped(field.name, getattr(real, field.name))
                                 for field in fields(FileOperations)})

    def _wrapped(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*arguments: Any) -> Any:
            self.calls.append(name)
            due = 0 <= self.fail_at < len(self.calls)
            if name == "close":
                self.open_descriptors.discard(arguments[0])
                call(*arguments)                       # Linux frees the descriptor whatever close says
            if due and name == "write" and self.short is not None and len(self.calls) == self.fail_at + 1:
                return call(arguments[0], arguments[1][:self.short])
            if due:
                raise OSError(self.number, os.strerror(self.number))
            found = None if name == "close" else call(*arguments)
            if name == "open":
                self.open_descriptors.add(found)
            return found

        return wrapped

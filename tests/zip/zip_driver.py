"""The zip behind ctypes, and what goes in and comes out of it."""

from __future__ import annotations

import ctypes as c
import random
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

REPOSITORY = Path(__file__).resolve().parents[2]
SOURCES = [REPOSITORY / "csrc/dsp/ec_zip.c", REPOSITORY / "csrc/dsp/ec_zip_input.c",
           Path(__file__).with_name("harness.c")]
FLAGS = ["-std=c11", "-O2", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror", "-fsanitize=undefined",
         "-fsanitize-undefined-trap-on-error", "-fPIC", "-shared", f"-I{REPOSITORY / 'csrc'}"]
GAP = 1
WORDS = ("in", "used", "skipped", "held", "out", "repeated", "filled")


class InputConfig(c.Structure):
    """``ec_zip_input_config``."""

    _fields_ = [("n_channels", c.c_uint32), ("burst_frames", c.c_uint32), ("wait_frames", c.c_uint32),
                ("step_num", c.c_uint32), ("step_den", c.c_uint32), ("sps", c.c_double)]


class Block(c.Structure):
    """``eegcore_block``."""

    _fields_ = [("struct_size", c.c_uint32), ("flags", c.c_uint32), ("n_frames", c.c_uint32),
                ("n_channels", c.c_uint32), ("n_bins", c.c_uint32), ("max_frames", c.c_uint32),
                ("device_frames", c.c_uint32), ("config_rev", c.c_uint32), ("frame_index", c.c_uint64),
                ("t_ns", c.c_int64), ("sps", c.c_double), ("saturated", c.c_uint64 * 4),
                ("lead_off", c.c_uint64 * 4), ("counts", c.c_void_p), ("values", c.c_void_p),
                ("skipped_frames", c.c_uint32), ("flatline", c.c_uint64 * 4), ("blink", c.c_uint64 * 4),
                ("muscle", c.c_uint64 * 4)]


@dataclass
class Packet:
    """A block of one input; `data` is int32, shape (n_frames, n_channels)."""

    t_ns: int
    frame_index: int
    data: np.ndarray
    flags: int = 0
    saturated: int = 0
    lead_off: int = 0
    device_frames: int | None = None


@dataclass
class Input:
    """All that comes on one input."""

    packets: list[Packet]
    n_channels: int = 1
    max_frames: int = 64
    sps: float = 250.0
    step: tuple[int, int] = (1, 1)


@dataclass
class Made:
    """A block that came out."""

    t_ns: int
    frame_index: int
    data: np.ndarray
    flags: int
    saturated: int
    lead_off: int
    device_frames: int

    def key(self) -> tuple[Any, ...]:
        """All of it, to compare."""
        return (self.t_ns, self.frame_index, self.data.shape, self.data.tobytes(), self.flags, self.saturated,
                self.lead_off, self.device_frames)


def load(folder: Path) -> c.CDLL | None:
    """Compile zip and harness; None where there is no compiler."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        return None
    output = folder / "libzip.so"
    done = subprocess.run([compiler, *FLAGS, "-o", str(output), *map(str, SOURCES)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    library = c.CDLL(str(output))
    library.zip_make.restype = c.c_void_p
    library.zip_make.argtypes = [c.c_uint32, c.c_uint32, c.c_bool, c.c_bool, c.c_bool, c.c_bool, c.c_int64, c.c_void_p]
    library.ec_zip_next.restype = library.ec_zip_has_room.restype = c.c_bool
    library.zip_close.argtypes = [c.c_void_p]
    library.ec_zip_next.argtypes = [c.c_void_p, c.c_void_p]
    library.ec_zip_take.argtypes = [c.c_void_p, c.c_uint32, c.c_void_p]
    library.ec_zip_has_room.argtypes = library.ec_zip_end_input.argtypes = [c.c_void_p, c.c_uint32]
    library.zip_counts.argtypes = [c.c_void_p, c.c_uint32, c.c_void_p]
    return library


def words(mask: int) -> Any:
    """A channel mask as four 64-bit words."""
    return (c.c_uint64 * 4)(*[mask >> 64 * i & (1 << 64) - 1 for i in range(4)])


@dataclass
class Zip:
    """One zip of `inputs`; nothing has come yet."""

    library: c.CDLL
    inputs: Sequence[Input]
    by_time: bool = True
    is_float: bool = False
    waits: bool = True
    skip: bool = False
    tolerance: int = 2_200_000
    wait_frames: int = 128
    made: list[Made] = field(default_factory=list)
    left_out: int = 0                                   # frames of the device

    def __post_init__(self) -> None:
        configs = (InputConfig * len(self.inputs))(*[
            InputConfig(one.n_channels, one.max_frames, self.wait_frames, *one.step, one.sps) for one in self.inputs])
        self.max_frames = self.inputs[0].max_frames
        self.n_channels = sum(one.n_channels for one in self.inputs)
        self.zip = self.library.zip_make(len(self.inputs), self.max_frames, self.by_time, self.is_float, self.waits,
                                         self.skip, self.tolerance, configs)
        assert self.zip
        self._room = np.zeros((self.max_frames, self.n_channels), np.int32)

    def close(self) -> None:
        """Free it."""
        self.library.zip_close(self.zip)

    def has_room(self, number: int) -> bool:
        """Whether a block of this input may come."""
        return bool(self.library.ec_zip_has_room(self.zip, number))

    def take(self, number: int, packet: Packet) -> None:
        """Give one block, and take what comes out."""
        data = np.ascontiguousarray(packet.data)
        n = len(data)
        block = Block(c.sizeof(Block), packet.flags, n, data.shape[1], 0, n,
                      n if packet.device_frames is None else packet.device_frames, 1, packet.frame_index, packet.t_ns,
                      self.inputs[number].sps, words(packet.saturated), words(packet.lead_off), None, None)
        setattr(block, "values" if self.is_float else "counts", data.ctypes.data)
        self.library.ec_zip_take(self.zip, number, c.byref(block))
        self.drain()

    def end(self, number: int) -> None:
        """End one input."""
        self.library.ec_zip_end_input(self.zip, number)
        self.drain()

    def drain(self) -> None:
        """Take every block that is complete."""
        out = Block(struct_size=c.sizeof(Block))
        setattr(out, "values" if self.is_float else "counts", self._room.ctypes.data)
        while True:
            more = self.library.ec_zip_next(self.zip, c.byref(out))
            self.left_out += out.skipped_frames
            if not more:
                return
            self.made.append(Made(
                out.t_ns, out.frame_index, self._room[: out.n_frames].copy(), out.flags,
                sum(word << 64 * i for i, word in enumerate(out.saturated)),
                sum(word << 64 * i for i, word in enumerate(out.lead_off)), out.device_frames))

    def counts(self, number: int) -> dict[str, int]:
        """The ledger of one input."""
        to = (c.c_uint64 * 7)()
        self.library.zip_counts(self.zip, number, to)
        return dict(zip(WORDS, to, strict=True))


def steps(inputs: Sequence[Input], joined: Zip, order: random.Random) -> Iterator[int]:
    """Give everything in a random order that the zip accepts; yield after each block or end."""
    waiting = [list(one.packets) for one in inputs]
    alive = set(range(len(inputs)))
    bias = [order.random() ** 3 + 1e-3 for _ in inputs]
    while alive:
        able = [k for k in sorted(alive) if joined.has_room(k)]
        assert able, "every input is told to wait"
        k = order.choices(able, [bias[k] for k in able])[0]
        if waiting[k]:
            joined.take(k, waiting[k].pop(0))
        else:
            joined.end(k)
            alive.remove(k)
        yield k

"""The sample clock behind ctypes, and edges as a kernel would deliver them."""

from __future__ import annotations

import ctypes as c
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np

REPOSITORY = Path(__file__).resolve().parents[2]
DEVICE = REPOSITORY / "csrc/device"
SOURCES = [DEVICE / "ec_rate_fit.c", DEVICE / "ec_stamp_spread.c", DEVICE / "ec_miscount.c",
           DEVICE / "ec_sample_clock.c",
           Path(__file__).with_name("harness.c")]
FLAGS = ["-std=c11", "-O2", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror", f"-I{REPOSITORY / 'csrc'}"]

SLOW, FAST, ORDER = -1, -2, -3
STARTING, SETTLED, OFF_RATE = range(3)
START_NS = 1_000_000_007


class Results(c.Structure):
    """``ec_sample_clock_results``."""

    _fields_ = [*((name, c.c_double) for name in ("sps_true", "sps_seen", "sd_ns", "late_ns", "error_ns")),
                *((name, c.c_uint64) for name in ("conversions", "gaps", "missed", "vanished", "silent", "spurious",
                                                  "refused", "anchors")),
                ("last_anchor_ns", c.c_int64), ("state", c.c_int32)]


def compiler() -> str | None:
    """The C compiler of this machine, or None."""
    return shutil.which(os.environ.get("CC", "cc")) or shutil.which("gcc")


def build(cc: str, output: Path, *flags: str) -> Path:
    """Compile clock and harness; a compiler's complaint is the message of the failure."""
    done = subprocess.run([cc, *FLAGS, *flags, "-o", str(output), *map(str, SOURCES), "-lm"],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return output


def load(path: Path) -> c.CDLL:
    """The shared library with its signatures."""
    library = c.CDLL(str(path))
    at, u64, i64, double = c.c_void_p, c.c_uint64, c.c_int64, c.c_double
    for name, result, *arguments in (
        ("harness_clock_bytes", u64), ("harness_results_bytes", u64),
        ("harness_edges", None, at, u64, at, at, at, at, at, at),
        ("ec_sample_clock_init", None, at, double, i64), ("ec_sample_clock_restart", None, at),
        ("ec_sample_clock_edge", i64, at, c.c_uint32, i64, at), ("ec_sample_clock_time", i64, at, u64),
        ("ec_sample_clock_read", None, at, at), ("ec_sample_clock_forecast", i64, at, i64),
        ("ec_sample_clock_phase", double, at, i64),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    assert library.harness_results_bytes() == c.sizeof(Results)
    return library


@dataclass
class Answer:
    """What the clock said to a series of edges, one value each."""

    advance: np.ndarray                  # int64: conversions since the last edge, 0 spurious, < 0 condition
    conversion: np.ndarray               # int64: of the last edge that had one
    t_ns: np.ndarray                     # int64: published time of that conversion
    sps: np.ndarray                      # float64: fitted rate


class SampleClock:
    """An ``ec_sample_clock``."""

    def __init__(self, library: c.CDLL, sps: float, first_due_ns: int = 0) -> None:
        self._library = library
        self._memory = c.create_string_buffer(library.harness_clock_bytes() + 64)
        self._at = c.c_void_p((c.addressof(self._memory) + 63) // 64 * 64)
        library.ec_sample_clock_init(self._at, sps, first_due_ns)

    def edges(self, seqno: np.ndarray, stamp_ns: np.ndarray, *, ask: bool = True) -> Answer:
        """Feed edges (any integers, equal lengths); ask for the time of each conversion, else times are 0."""
        n = len(seqno)
        seqno32 = np.ascontiguousarray(np.asarray(seqno, dtype=np.int64) & 0xFFFFFFFF, dtype=np.uint32)
        stamps = np.ascontiguousarray(stamp_ns, dtype=np.int64)
        advance, conversion, t_ns = (np.zeros(n, dtype=np.int64) for _ in range(3))
        sps = np.zeros(n)
        self._library.harness_edges(self._at, n, seqno32.ctypes.data, stamps.ctypes.data, advance.ctypes.data,
                                    conversion.ctypes.data, t_ns.ctypes.data if ask else None, sps.ctypes.data)
        return Answer(advance, conversion, t_ns, sps)

    def time(self, conversion: int) -> int:
        """Published time of a conversion, ns."""
        return self._library.ec_sample_clock_time(self._at, conversion)

    def forecast(self, ahead: int) -> int:
        """Fitted time of the conversion `ahead` of the newest, ns; 0: not known well enough."""
        return self._library.ec_sample_clock_forecast(self._at, ahead)

    def phase(self, stamp_ns: int) -> float:
        """Periods between a stamp and the nearest conversion."""
        return self._library.ec_sample_clock_phase(self._at, int(stamp_ns))

    def restart(self) -> None:
        """Begin a new stretch."""
        self._library.ec_sample_clock_restart(self._at)

    @property
    def results(self) -> Results:
        """What the clock found out."""
        results = Results()
        self._library.ec_sample_clock_read(self._at, c.byref(results))
        return results

    @property
    def bytes(self) -> bytes:
        """The whole state."""
        return c.string_at(self._at, self._library.harness_clock_bytes())


def edge_times(sps: float, seconds: float, *, off: float = 0.0, ramp_per_s: float = 0.0) -> np.ndarray:
    """True times in ns, float64 from 0, of a clock at ``sps * (1 + off) * (1 + ramp_per_s * t)``."""
    rate = sps * (1.0 + off)
    k = np.arange(int(seconds * rate) + 1, dtype=np.float64)
    if ramp_per_s == 0.0:
        return k / rate * 1e9
    return (np.sqrt(1.0 + 2.0 * ramp_per_s * k / rate) - 1.0) / ramp_per_s * 1e9


def jitter(kind: str, n: int, rng: np.random.Generator, scale_ns: float = 1e6) -> np.ndarray:
    """Delays of ``n`` stamps in ns; ``scale_ns`` is the standard deviation of each kind."""
    if kind == "none":
        return np.zeros(n)
    if kind == "normal":
        return rng.normal(0.0, scale_ns, n)
    if kind == "exponential":
        return rng.exponential(scale_ns, n)
    assert kind == "uniform"
    return rng.uniform(0.0, scale_ns * np.sqrt(12.0), n)


def stamped(true_ns: np.ndarray, delay_ns: np.ndarray) -> np.ndarray:
    """Stamps as the kernel gives them, whole ns."""
    return START_NS + np.floor(true_ns + delay_ns).astype(np.int64)


def held_off(true_ns: np.ndarray, rng: np.random.Generator, *, per_s: float, mean_ns: float,
             latency_ns: float) -> tuple[np.ndarray, np.ndarray]:
    """Edges through a kernel that now and then holds interrupts off: (conversions, stamps) of the events.

    Edges within such a stretch become one event at its end; others are late by an exponential latency.
    """
    begins = np.sort(rng.uniform(0.0, true_ns[-1], int(per_s * true_ns[-1] * 1e-9)))
    ends = np.maximum.accumulate(begins + rng.exponential(mean_ns, len(begins)))
    stretch = np.searchsorted(begins, true_ns) - 1
    end_ns = ends[np.maximum(stretch, 0)]
    held = (stretch >= 0) & (true_ns < end_ns)
    late_ns = rng.exponential(latency_ns, len(true_ns))
    merged = np.zeros(len(true_ns), dtype=bool)
    merged[:-1] = held[:-1] & held[1:] & (end_ns[:-1] == end_ns[1:])
    stamps = START_NS + np.floor(np.where(held, end_ns + late_ns / 4, true_ns + late_ns)).astype(np.int64)
    return np.nonzero(~merged)[0], stamps[~merged]


@dataclass
class Faulty:
    """Edges as delivered after faults, with the truth of each."""

    seqno: np.ndarray
    stamp_ns: np.ndarray
    conversion: np.ndarray               # what the edge stands for; a spurious one: the conversion before it
    is_real: np.ndarray
    true_ns: np.ndarray                  # of `conversion`
    vanished: int
    missed: int
    spurious: int


def with_faults(sps: float, seconds: float, rng: np.random.Generator, *, kind: str = "none", scale_ns: float = 0.0,
                off: float = 0.004, quiet_s: float = 20.0, tail_s: float = 0.0, vanish: float = 0.0, lose: float = 0.0,
                glitch: float = 0.0) -> Faulty:
    """A run in which each edge, between `quiet_s` and the tail, vanishes (without a trace in the sequence numbers),
    is lost (its number with it), or is followed by a glitch, with the given probabilities."""
    true_ns = edge_times(sps, seconds, off=off)
    n = len(true_ns)
    free = (true_ns > quiet_s * 1e9) & (true_ns < (seconds - tail_s) * 1e9)
    free[-1] = False
    vanished = free & (rng.random(n) < vanish)
    lost = free & ~vanished & (rng.random(n) < lose)
    kept = ~vanished & ~lost
    seqno = np.cumsum(~vanished)[kept]
    stamp_ns = stamped(true_ns, jitter(kind, n, rng, scale_ns))[kept]
    conversion = np.nonzero(kept)[0]
    is_real = np.ones(len(conversion), dtype=bool)
    glitched = np.nonzero(free[conversion] & (rng.random(len(conversion)) < glitch))[0]
    if len(glitched):
        at = conversion[glitched]
        glitch_ns = START_NS + (true_ns[at] + rng.uniform(0.2, 0.7, len(at)) * 1e9 / sps).astype(np.int64)
        seqno = np.insert(seqno, glitched + 1, seqno[glitched])
        stamp_ns = np.insert(stamp_ns, glitched + 1, glitch_ns)
        conversion = np.insert(conversion, glitched + 1, at)
        is_real = np.insert(is_real, glitched + 1, False)
        seqno = seqno + np.cumsum(~is_real)
    return Faulty(seqno, stamp_ns, conversion, is_real, true_ns[conversion], int(vanished.sum()), int(lost.sum()),
                  len(glitched))

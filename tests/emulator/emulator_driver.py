"""The emulator behind ctypes: its structs, a driver object, an independent decoder of frames."""

from __future__ import annotations

import ctypes as c
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np

REPOSITORY = Path(__file__).resolve().parents[2]
SOURCES = [
    *sorted((REPOSITORY / "csrc" / "device").glob("ec_emulator*.c")),
    REPOSITORY / "csrc/device/ec_signal.c",
    REPOSITORY / "csrc/device/ec_chip_noise.c",
    Path(__file__).with_name("harness.c"),
]
FLAGS = ["-std=c11", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror", f"-I{REPOSITORY / 'csrc'}"]

EEG, SINE, TEST, FILE = range(4)
BUFFER, LOSE = range(2)
BAD_ARGUMENT, BAD_SETTING, END_OF_DATA, NO_DRDY = -2, -3, -10, -13
FOREVER = 2**63 - 1
SIGNALS = {"eeg": EEG, "sine": SINE, "test": TEST, "file": FILE}
GAINS = (1, 2, 4, 6, 8, 12, 24)


def compiler() -> str | None:
    """The C compiler of this machine, or None."""
    return shutil.which(os.environ.get("CC", "cc")) or shutil.which("gcc")


def build(command: list[str], output: Path, *flags: str) -> Path:
    """Compile emulator and harness; a compiler's complaint is the message of the failure."""
    done = subprocess.run([*command, *FLAGS, *flags, "-o", str(output), *map(str, SOURCES), "-lm"],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return output


class Config(c.Structure):
    """``ec_emulator_config``."""

    _fields_ = [
        ("n_chips", c.c_uint32), ("channels_per_chip", c.c_uint8 * 64), ("sps", c.c_double),
        ("vref_v", c.c_double), ("gain", c.c_uint8 * 256), ("signal", c.c_int32), ("late", c.c_int32),
        ("virtual_clock", c.c_uint32), ("loop", c.c_uint32), ("seed", c.c_uint64), ("n_frames_max", c.c_uint64),
        ("drift_ppm", c.c_double), ("jitter_us", c.c_double), ("spi_hz", c.c_double),
        ("mains_hz", c.c_double), ("mains_uv", c.c_double), ("sine_hz", c.c_double), ("sine_uv", c.c_double),
        ("alpha_weight", c.c_double * 256), ("blink_weight", c.c_double * 256),
        ("spi_frames", c.c_char_p), ("spi_bytes", c.c_uint64),
        ("counts", c.c_void_p), ("counts_n_frames", c.c_uint64),
    ]


class ChipTruth(c.Structure):
    """``ec_emulator_chip_truth``."""

    _fields_ = [(name, c.c_uint64) for name in ("clean", "torn", "never_read", "repeated", "early")]


class Truth(c.Structure):
    """``ec_emulator_truth``."""

    _fields_ = [*((name, c.c_uint64) for name in
                  ("edges", "reported", "overflowed", "clean", "torn", "never_read")),
                ("n_chips", c.c_uint32), ("chip", ChipTruth * 64)]


class Edge(c.Structure):
    """``ec_drdy``."""

    _fields_ = [("seqno", c.c_uint64), ("t_ns", c.c_int64)]


class EdgeClock(c.Structure):
    """``ec_edge_clock``."""

    _fields_ = [("start_ns", c.c_int64), ("rate_mhz", c.c_uint64), ("whole_ns", c.c_uint64), ("part", c.c_uint64),
                ("per_ns", c.c_double), ("jitter_ns", c.c_uint64), ("jitter_key", c.c_uint64)]


def load(path: Path) -> c.CDLL:
    """The shared library with its signatures, and its structs checked against ours."""
    library = c.CDLL(str(path))
    u32, u64, i32, i64, double, at = c.c_uint32, c.c_uint64, c.c_int32, c.c_int64, c.c_double, c.c_void_p
    for name, result, *arguments in (
        ("ec_emulator_check", c.c_char_p, at), ("ec_emulator_create", at, at, at),
        ("ec_emulator_config_default", None, at), ("ec_emulator_destroy", None, at),
        ("ec_emulator_truth_get", None, at, at), ("ec_emulator_frame_bytes", u32, at, u32),
        ("ec_emulator_now", i64, at), ("ec_emulator_advance", i32, at, i64),
        ("ec_chip_noise_uv", double, u32, double), ("ec_gain_is_known", i32, u32),
        ("harness_config_bytes", u64), ("harness_truth_bytes", u64), ("harness_clock_bytes", u64),
        ("harness_random", u64, u64, u64), ("harness_random_next", u64, at), ("harness_uniform", double, u64, u64),
        ("harness_clock", None, at, u64, i64, u64), ("harness_edge_due", u64, at, u64),
        ("harness_edge_stamp", i64, at, u64), ("harness_edge_count", u64, at, i64),
        ("harness_start", i32, at), ("harness_stop", i32, at, at), ("harness_patient", u32, at),
        ("harness_wait", i32, at, u32, i64, at, u32), ("harness_read", i32, at, u32, at, u32, at, at),
        ("harness_collect", i64, at, u32, u64, at, at),
    ):
        function = getattr(library, name)
        function.restype = result
        function.argtypes = arguments
    for struct, size in ((Config, library.harness_config_bytes()), (Truth, library.harness_truth_bytes()),
                         (EdgeClock, library.harness_clock_bytes())):
        assert c.sizeof(struct) == size, struct.__name__
    return library


def decode(frames: np.ndarray) -> np.ndarray:
    """24-bit big-endian two's complement behind three status bytes -> int32 counts.

    ``frames`` is uint8 (n_frames, 3 + 3 * n_channels); the result (n_frames, n_channels).
    """
    wide = frames[:, 3:].reshape(len(frames), -1, 3).astype(np.int32)
    unsigned = wide[:, :, 0] * 65536 + wide[:, :, 1] * 256 + wide[:, :, 2]
    return np.where(unsigned >= 1 << 23, unsigned - (1 << 24), unsigned)


class Emulator:
    """One emulator of a library: virtual clock and started, unless told otherwise.

    Keyword arguments are the fields of ``ec_emulator_config``; ``gain``, ``alpha_weight`` and ``blink_weight``
    may be one number for all channels; ``signal`` a name; ``file`` bytes or int32 (n_frames, n_channels).
    """

    def __init__(self, library: c.CDLL, *, channels=(8,), file=None, start=True, **settings):
        self.library = library
        self.config = config = Config()
        library.ec_emulator_config_default(c.byref(config))
        config.n_chips = len(channels)
        config.channels_per_chip[:len(channels)] = channels
        config.virtual_clock = 1
        self.channels = tuple(channels)
        for name, value in settings.items():
            if name in ("gain", "alpha_weight", "blink_weight"):
                values = np.broadcast_to(value, sum(channels)).tolist()
                getattr(config, name)[:len(values)] = values
            else:
                setattr(config, name, SIGNALS.get(value, value))
        if isinstance(file, bytes):
            config.spi_frames, config.spi_bytes = file, len(file)
        elif file is not None:
            self._counts = np.ascontiguousarray(file, dtype=np.int32)
            config.counts, config.counts_n_frames = self._counts.ctypes.data, len(self._counts)
        status = c.c_int32()
        self.why = library.ec_emulator_check(c.byref(config))
        self.at = library.ec_emulator_create(c.byref(config), c.byref(status))
        self.status = status.value
        assert self.at or self.why, "refused without a reason"
        if self.at and start:
            assert self.start() == 0

    def start(self) -> int:
        """``bus.start``."""
        return self.library.harness_start(self.at)

    def stop(self) -> int:
        """``bus.stop``: the last seqno."""
        last = c.c_uint64()
        assert self.library.harness_stop(self.at, c.byref(last)) == 0
        return last.value

    def close(self) -> None:
        """Give the memory back."""
        self.library.ec_emulator_destroy(self.at)
        self.at = None

    def wait(self, want=1, deadline_ns=FOREVER, most=64):
        """``bus.wait``: list of (seqno, t_ns), or the negative status."""
        edges = (Edge * most)()
        n = self.library.harness_wait(self.at, want, deadline_ns, edges, most)
        return n if n < 0 else [(edge.seqno, edge.t_ns) for edge in edges[:n]]

    def read(self, chip=0, n_bytes=None):
        """``bus.read``: (bytes, t_begin_ns, t_end_ns), or the negative status."""
        n_bytes = n_bytes or self.library.ec_emulator_frame_bytes(self.at, chip)
        frame = c.create_string_buffer(n_bytes)
        begin, end = c.c_int64(), c.c_int64()
        status = self.library.harness_read(self.at, chip, frame, n_bytes, c.byref(begin), c.byref(end))
        return status if status < 0 else (frame.raw, begin.value, end.value)

    def collect(self, n: int, want: int = 16):
        """Frames of all chips side by side, uint8 (n, bytes), and stamps int64 (n,); fewer at the end of data."""
        width = sum(3 + 3 * n_channels for n_channels in self.channels)
        frames = np.zeros((n, width), np.uint8)
        edges = np.zeros((n, 2), np.int64)
        got = self.library.harness_collect(self.at, want, n, frames.ctypes.data, edges.ctypes.data)
        assert got >= 0, got
        return frames[:got], edges[:got, 1]

    def counts(self, n: int, want: int = 16) -> np.ndarray:
        """Decoded counts of all chips, int32 (n, n_channels)."""
        frames, _ = self.collect(n, want)
        cuts = np.cumsum([3 + 3 * n_channels for n_channels in self.channels])[:-1]
        return np.hstack([decode(part) for part in np.split(frames, cuts, axis=1)])

    def microvolts(self, n: int) -> np.ndarray:
        """The same in uV by the formula of the data sheet (reference section 12)."""
        gain = np.array(self.config.gain[:sum(self.channels)], float)
        return self.counts(n) * (self.config.vref_v * 1e6 / (gain * 2**23))

    def truth(self) -> Truth:
        """What the emulator counted."""
        truth = Truth()
        self.library.ec_emulator_truth_get(self.at, c.byref(truth))
        return truth

    def now(self) -> int:
        """Emulator's time, ns."""
        return self.library.ec_emulator_now(self.at)

    def advance(self, ns: int) -> int:
        """Let virtual time pass."""
        return self.library.ec_emulator_advance(self.at, ns)

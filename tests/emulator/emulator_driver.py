"""The emulator behind ctypes: its structs, a host that speaks to it over the bus, an independent decoder of frames."""

from __future__ import annotations

import ctypes as c
import errno
import os
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import numpy as np

REPOSITORY = Path(__file__).resolve().parents[2]
SOURCES = [*sorted((REPOSITORY / "csrc" / "emulator").glob("*.c")), Path(__file__).with_name("harness.c")]
FLAGS = ["-std=c11", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror", "-Wno-unused-function",
         f"-I{REPOSITORY / 'csrc'}"]

BAD_ARGUMENT, BAD_SETTING = -2, -3
EIO, EINVAL, ENODEV, ENOENT, ENODATA, EMSGSIZE, ETIMEDOUT = (
    -code for code in (errno.EIO, errno.EINVAL, errno.ENODEV, errno.ENOENT, errno.ENODATA, errno.EMSGSIZE,
                       errno.ETIMEDOUT))
FOREVER = 2**63 - 1
SIGNALS = {"eeg": 0, "sine": 1, "test": 2, "file": 3}
TIMES = {"virtual": 0, "patient": 1, "real": 2}
JITTERS = {"late": 0, "both": 1}
FAULTS = ("none", "drop_edge", "coalesce", "overflow", "spurious", "eio", "etimedout", "slow", "bit_flip", "bad_status",
          "bit_slip", "miso_stuck", "reset", "drdy", "write_lost", "late_start", "saturate", "electrode_off", "gone")
GAINS = (1, 2, 4, 6, 8, 12, 24)
START, RESET, PWDN = range(3)
NOP, WAKEUP, STANDBY, RESET_OP, START_OP, STOP_OP = 0x00, 0x02, 0x04, 0x06, 0x08, 0x0A
RDATAC, SDATAC, RDATA, RREG, WREG = 0x10, 0x11, 0x12, 0x20, 0x40
RATES = {16000: 0, 8000: 1, 4000: 2, 2000: 3, 1000: 4, 500: 5, 250: 6}
NOT_DAISY, CLK_EN = 0x40, 0x20
TCLK_NS = 1e9 / 2.048e6
COMMAND_HZ, DATA_HZ = 2_000_000, 8_000_000


def settle_ns(sps: float) -> int:
    """START to the first edge: 9 tCLK and 4 periods, each rounded down to a nanosecond (data sheet table 7)."""
    return int(9 * TCLK_NS) + int(4 * 1e9 / sps)


def compiler() -> str | None:
    """The C compiler of this machine, or None."""
    return shutil.which(os.environ.get("CC", "cc")) or shutil.which("gcc")


def build(command: list[str], output: Path, *flags: str) -> Path:
    """Compile emulator and harness; a compiler's complaint is the message of the failure."""
    done = subprocess.run([*command, *FLAGS, *flags, "-o", str(output), *map(str, SOURCES), "-lm"],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return output


class Fault(c.Structure):
    """``ec_fault``."""

    _fields_ = [("kind", c.c_int32), ("chip", c.c_uint32), ("at", c.c_uint64), ("n", c.c_uint64), ("value", c.c_int64)]


class Config(c.Structure):
    """``ec_emulator_config``."""

    _fields_ = [
        ("n_selects", c.c_uint32), ("chips_in", c.c_uint8 * 64), ("n_channels", c.c_uint8 * 64), ("id", c.c_uint8 * 64),
        ("clock_master", c.c_uint8 * 64), ("gap_bits", c.c_uint8), ("n_drdy", c.c_uint32),
        ("start_wired", c.c_uint8), ("reset_wired", c.c_uint8), ("pwdn_wired", c.c_uint8),
        ("miso_idle", c.c_uint8), ("strict", c.c_uint8), ("spi_mode", c.c_uint8), ("wreg_in_rdatac", c.c_uint8),
        ("gpio_level", c.c_uint8 * 64), ("dvdd_v", c.c_double), ("select_high_ns", c.c_int64),
        ("time", c.c_int32), ("rate_scale", c.c_double), ("clock_hz", c.c_double), ("drift_ppm", c.c_double * 64),
        ("drift_ppm_per_s", c.c_double), ("jitter_us", c.c_double), ("stamp_jitter_us", c.c_double),
        ("stamp_jitter", c.c_int32), ("seed", c.c_uint64), ("n_frames_max", c.c_uint64), ("powered_ns", c.c_int64),
        ("signal", c.c_int32), ("vref_v", c.c_double), ("noise_scale", c.c_double), ("offset_scale", c.c_double),
        ("mains_hz", c.c_double), ("mains_uv", c.c_double), ("sine_hz", c.c_double), ("sine_uv", c.c_double),
        ("alpha_weight", c.c_double * 256), ("blink_weight", c.c_double * 256), ("electrode_kohm", c.c_double * 256),
        ("reference_kohm", c.c_double * 64), ("lead_off_scale", c.c_double * 256),
        ("spi_frames", c.c_char_p), ("spi_bytes", c.c_uint64),
        ("counts", c.c_void_p), ("counts_n_frames", c.c_uint64), ("loop", c.c_uint8),
        ("faults", c.POINTER(Fault)), ("n_faults", c.c_uint32),
    ]


class Truth(c.Structure):
    """``ec_emulator_truth``."""

    _fields_ = [*((name, c.c_uint64) for name in (
        "conversions", "events", "overflowed", "dropped", "spurious", "clean", "spoiled", "torn", "never_read",
        "repeated", "failed_transfers", "resets", "violations")), ("last_violation", c.c_uint32)]


class Event(c.Structure):
    """``ec_drdy``."""

    _fields_ = [("t_ns", c.c_int64), ("line", c.c_uint32), ("line_seqno", c.c_uint32)]


class Edge(NamedTuple):
    """One event of ``wait``."""

    seqno: int
    t_ns: int
    line: int


class Transfer(c.Structure):
    """``ec_transfer``."""

    _fields_ = [("tx", c.c_char_p), ("rx", c.c_void_p), ("n_bytes", c.c_uint32), ("speed_hz", c.c_uint32),
                ("delay_us", c.c_uint32)]


class EdgeClock(c.Structure):
    """``ec_edge_clock``."""

    _fields_ = [("start_ns", c.c_int64), ("rate_mhz", c.c_uint64), ("whole_ns", c.c_uint64), ("part", c.c_uint64),
                ("ramp", c.c_double), ("jitter_ns", c.c_uint64), ("jitter_key", c.c_uint64),
                ("k", c.c_uint64), ("due_ns", c.c_uint64), ("rest", c.c_uint64)]


def load(path: Path) -> c.CDLL:
    """The shared library with its signatures, and its structs checked against ours."""
    library = c.CDLL(str(path))
    u32, u64, i32, i64, double, at = c.c_uint32, c.c_uint64, c.c_int32, c.c_int64, c.c_double, c.c_void_p
    for name, result, *arguments in (
        ("ec_emulator_check", c.c_char_p, at), ("ec_emulator_create", at, at, at),
        ("ec_emulator_config_default", None, at), ("ec_emulator_destroy", None, at),
        ("ec_emulator_truth_get", None, at, at), ("ec_emulator_advance", i32, at, i64),
        ("ec_emulator_run_begin", None, at), ("ec_emulator_drdy_level", u32, at, u32),
        ("ec_chip_noise_uv", double, u32, double), ("ec_gain_is_known", i32, u32),
        ("harness_config_bytes", u64), ("harness_truth_bytes", u64), ("harness_clock_bytes", u64),
        ("harness_transfer_bytes", u64),
        ("harness_random", u64, u64, u64), ("harness_random_next", u64, at), ("harness_uniform", double, u64, u64),
        ("harness_clock", None, at, u64, i64, double, u64), ("harness_edge_due", u64, at, u64),
        ("harness_edge_stamp", i64, at, u64), ("harness_edge_walk_from", i64, at, u64),
        ("harness_edge_walk", i64, at),
        ("harness_transfer", i32, at, u32, at, u32), ("harness_wait", i32, at, u32, i64, at, u32),
        ("harness_set_line", i32, at, i32, u32), ("harness_now", i64, at), ("harness_sleep", None, at, i64),
        ("harness_collect", i64, at, at, u32, u64, u32, at, at),
    ):
        function = getattr(library, name)
        function.restype = result
        function.argtypes = arguments
    for struct, size in ((Config, library.harness_config_bytes()), (Truth, library.harness_truth_bytes()),
                         (EdgeClock, library.harness_clock_bytes()), (Transfer, library.harness_transfer_bytes())):
        assert c.sizeof(struct) == size, struct.__name__
    return library


def decode(frames: np.ndarray) -> np.ndarray:
    """24-bit big-endian two's complement behind three status bytes -> int32 counts.

    ``frames`` is uint8 (n_frames, 3 + 3 * n_channels); the result (n_frames, n_channels).
    """
    wide = frames[:, 3:].reshape(len(frames), -1, 3).astype(np.int32)
    unsigned = wide[:, :, 0] * 65536 + wide[:, :, 1] * 256 + wide[:, :, 2]
    return np.where(unsigned >= 1 << 23, unsigned - (1 << 24), unsigned)


def decode_one(frame: bytes) -> list[int]:
    """Counts of one frame."""
    return decode(np.frombuffer(frame, np.uint8)[None])[0].tolist()


class Emulator:
    """One emulator of a library and a host on its bus: virtual clock, nothing configured.

    Keyword arguments are the fields of ``ec_emulator_config``; lists fill the beginning of their array, one number
    all of it; ``signal``, ``time`` and ``stamp_jitter`` may be names; ``faults`` is a list of tuples (kind, {fields});
    ``file`` bytes or int32 (n_frames, n_channels). ``chain``: all chips behind one select.
    """

    def __init__(self, library: c.CDLL, *, channels=(8,), chain=False, file=None, faults=(), **settings):
        self.library = library
        self.config = config = Config()
        library.ec_emulator_config_default(c.byref(config))
        config.n_selects = 1 if chain else len(channels)
        config.chips_in[0] = len(channels) if chain else 1
        config.n_channels[:len(channels)] = channels
        self.channels = tuple(channels)
        for name, value in settings.items():
            field = getattr(config, name)
            if isinstance(field, c.Array):
                values = list(np.broadcast_to(value, len(field))) if np.isscalar(value) else list(value)
                field[:len(values)] = [type(field[0])(v) for v in values]
            else:
                names = {"signal": SIGNALS, "time": TIMES, "stamp_jitter": JITTERS}.get(name, {})
                setattr(config, name, names.get(value, value))
        if isinstance(file, bytes):
            config.signal, config.spi_frames, config.spi_bytes = SIGNALS["file"], file, len(file)
        elif file is not None:
            self._counts = np.ascontiguousarray(file, dtype=np.int32)
            config.signal, config.counts = SIGNALS["file"], self._counts.ctypes.data
            config.counts_n_frames = len(self._counts)
        self._faults = (Fault * len(faults))(*(Fault(FAULTS.index(kind), **{"n": 1, **fields})
                                               for kind, fields in faults))
        config.faults, config.n_faults = self._faults, len(faults)
        status = c.c_int32()
        self.why = library.ec_emulator_check(c.byref(config))
        self.at = library.ec_emulator_create(c.byref(config), c.byref(status))
        self.status = status.value
        assert self.at or self.why, "refused without a reason"

    def close(self) -> None:
        """Give the memory back."""
        self.library.ec_emulator_destroy(self.at)
        self.at = None

    # ---- the bus ----

    def message(self, select, *parts):
        """One message of (tx, speed_hz, delay_us) parts: list of received bytes, or the errno."""
        buffers = [c.create_string_buffer(max(1, len(tx))) for tx, _, _ in parts]
        transfers = (Transfer * len(parts))(*(
            Transfer(bytes(tx), c.cast(buffer, c.c_void_p), len(tx), speed_hz, delay_us)
            for (tx, speed_hz, delay_us), buffer in zip(parts, buffers, strict=True)))
        status = self.library.harness_transfer(self.at, select, transfers, len(parts))
        return status if status < 0 else [buffer.raw[:len(tx)] for (tx, _, _), buffer in
                                          zip(parts, buffers, strict=True)]

    def transfer(self, tx, select=0, speed_hz=COMMAND_HZ, delay_us=3):
        """One transfer in a message of its own: received bytes, or the errno."""
        got = self.message(select, (bytes(tx), speed_hz, delay_us))
        return got if isinstance(got, int) else got[0]

    def wait(self, want=1, deadline_ns=FOREVER, most=64):
        """``bus.wait``: list of edges, or the errno."""
        events = (Event * most)()
        n = self.library.harness_wait(self.at, want, deadline_ns, events, most)
        return n if n < 0 else [Edge(event.line_seqno, event.t_ns, event.line) for event in events[:n]]

    def poll(self):
        """Everything the queue holds now."""
        got = []
        while isinstance(edges := self.wait(deadline_ns=0), list) and edges:
            got += edges
        return got

    def set_line(self, line, level):
        """``bus.set_line``."""
        return self.library.harness_set_line(self.at, line, level)

    def now(self) -> int:
        """``bus.now``."""
        return self.library.harness_now(self.at)

    def sleep(self, ns) -> None:
        """``bus.sleep``."""
        self.library.harness_sleep(self.at, int(ns))

    def sleep_until(self, t_ns) -> None:
        """``bus.sleep`` to a moment."""
        self.sleep(t_ns - self.now())

    # ---- a host ----

    def command(self, byte, select=0):
        """One opcode with all its delays."""
        return self.transfer([byte], select)

    def rreg(self, address, n=1, select=0):
        """Read n registers."""
        return self.transfer([RREG + address, n - 1] + [0] * n, select)[2:]

    def wreg(self, address, *values, select=0):
        """Write registers."""
        return self.transfer([WREG + address, len(values) - 1, *values], select)

    def read(self, select=0, n_bytes=None, speed_hz=DATA_HZ):
        """One frame of the chips of a select in RDATAC."""
        if n_bytes is None:
            first = sum(self.config.chips_in[:select])
            n_in = self.config.chips_in[select]
            bits = sum(24 + 24 * n for n in self.channels[first:first + n_in]) + (n_in - 1) * self.config.gap_bits
            n_bytes = (bits + 7) // 8
        return self.transfer(bytes(n_bytes), select, speed_hz, 0)

    def configure(self, sps=250, gain=24, mux=0, reference=True, daisy=False, extra=()):
        """SDATAC, data rate, gain and input of all channels (one or a list of each), reference, (address, value)s."""
        gains = np.broadcast_to(gain, 8).tolist()
        muxes = np.broadcast_to(mux, 8).tolist()
        for select in range(self.config.n_selects):
            self.command(SDATAC, select)
            self.wreg(0x01, (0x90 if daisy else 0x90 | NOT_DAISY) | RATES[sps], select=select)
            self.wreg(0x05, *(GAINS.index(g) << 4 | m for g, m in zip(gains, muxes, strict=True)), select=select)
            self.wreg(0x03, 0xE0 if reference else 0x60, select=select)
            for address, value in extra:
                self.wreg(address, value, select=select)
            self.command(RDATAC, select)
        self.sleep(150_000_000)
        return self

    def start(self) -> int:
        """START goes high; the bus's time."""
        assert self.set_line(START, 1) == 0
        return self.now()

    def stop(self) -> None:
        """START goes low."""
        assert self.set_line(START, 0) == 0

    def begin(self, **settings):
        """Configure and start."""
        self.configure(**settings)
        self.t_start = self.start()
        return self

    def collect(self, n: int, want: int = 16, speed_hz: int = DATA_HZ):
        """Frames of all chips side by side, uint8 (n, bytes), and stamps int64 (n,); fewer at the end of data."""
        width = 0
        at = 0
        for n_in in self.config.chips_in[:self.config.n_selects]:
            bits = sum(24 + 24 * k for k in self.channels[at:at + n_in]) + (n_in - 1) * self.config.gap_bits
            width += (bits + 7) // 8
            at += n_in
        frames = np.zeros((n, width), np.uint8)
        events = np.zeros((n, 2), np.int64)
        got = self.library.harness_collect(self.at, c.byref(self.config), want, n, speed_hz, frames.ctypes.data,
                                           events.ctypes.data)
        assert got >= 0, got
        return frames[:got], events[:got, 0]

    def counts(self, n: int, want: int = 16) -> np.ndarray:
        """Decoded counts of all chips, int32 (n, n_channels)."""
        frames, _ = self.collect(n, want)
        cuts = np.cumsum([3 + 3 * n_channels for n_channels in self.channels])[:-1]
        return np.hstack([decode(part) for part in np.split(frames, cuts, axis=1)])

    def microvolts(self, n: int, gain=24) -> np.ndarray:
        """The same in uV by the formula of the data sheet (reference section 12)."""
        gains = np.resize(np.broadcast_to(gain, 8), sum(self.channels)).astype(float)
        return self.counts(n) * (self.config.vref_v * 1e6 / (gains * 2**23))

    def truth(self) -> Truth:
        """What the emulator counted; its first invariant holds."""
        truth = Truth()
        self.library.ec_emulator_truth_get(self.at, c.byref(truth))
        assert truth.conversions == truth.clean + truth.spoiled + truth.torn + truth.never_read
        return truth

    def drdy(self, chip=0) -> int:
        """Level of a DRDY pin."""
        return self.library.ec_emulator_drdy_level(self.at, chip)

    def run_begin(self) -> None:
        """The next START is the first of a run."""
        self.library.ec_emulator_run_begin(self.at)

    def advance(self, ns: int) -> int:
        """Let virtual time pass."""
        return self.library.ec_emulator_advance(self.at, ns)

"""The driver behind ctypes: its structs, how it is compiled, and a configuration with good values."""

from __future__ import annotations

import ctypes as c
import os
import shutil
import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
DEVICE = REPOSITORY / "csrc" / "device"
FLAGS = ["-std=c11", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror", "-O2", "-g1", "-fPIC", "-shared",
         f"-I{REPOSITORY / 'csrc'}"]

BAD_SETTING, DEVICE_IO, NO_DRDY, SYSTEM, BAD_DEVICE, DEVICE_GONE = -3, -12, -13, -15, -18, -19
STEPS = ("none", "rules", "reset", "id", "reset_values", "clock", "write", "read_back", "chain", "start", "sync",
         "check")
START, RESET, PWDN = range(3)
(ID, CONFIG1, CONFIG2, CONFIG3, LOFF, CH1SET) = range(6)
(BIAS_SENSP, BIAS_SENSN, LOFF_SENSP, LOFF_SENSN, LOFF_FLIP, LOFF_STATP, LOFF_STATN, GPIO, MISC1, MISC2,
 CONFIG4) = range(0x0D, 0x18)
NO_REGISTER = 0xFF
FOREVER = 2**63 - 1
RESET_VALUES = bytes([0x3E, 0x96, 0xC0, 0x60, 0, *[0x61] * 8, *[0] * 7, 0x0F, 0, 0, 0])
USUAL = bytes([0, 0xD6, 0xC0, 0xEC, 0, *[0x60] * 8, 0xFF, 0, 0, 0, 0, 0, 0, 0x0F, 0x20, 0, 0])
"""Registers of an ordinary recording: 250 SPS, gain 24, electrodes, SRB1, bias driven, not a daisy chain."""


class Drdy(c.Structure):
    """``ec_drdy``."""

    _fields_ = [("t_ns", c.c_int64), ("line", c.c_uint32), ("line_seqno", c.c_uint32)]


class Transfer(c.Structure):
    """``ec_transfer``."""

    _fields_ = [("tx", c.POINTER(c.c_uint8)), ("rx", c.POINTER(c.c_uint8)), ("n_bytes", c.c_uint32),
                ("speed_hz", c.c_uint32), ("delay_us", c.c_uint32)]


TRANSFER = c.CFUNCTYPE(c.c_int32, c.c_void_p, c.c_uint32, c.POINTER(Transfer), c.c_uint32)
WAIT = c.CFUNCTYPE(c.c_int32, c.c_void_p, c.c_uint32, c.c_int64, c.POINTER(Drdy), c.c_uint32)
SET_LINE = c.CFUNCTYPE(c.c_int32, c.c_void_p, c.c_int32, c.c_uint32)
NOW = c.CFUNCTYPE(c.c_int64, c.c_void_p)
SLEEP = c.CFUNCTYPE(None, c.c_void_p, c.c_int64)


class Bus(c.Structure):
    """``ec_bus``."""

    _fields_ = [("self", c.c_void_p), ("transfer", TRANSFER), ("wait", WAIT), ("set_line", SET_LINE),
                ("now", NOW), ("sleep", SLEEP)]


class Config(c.Structure):
    """``ec_ads1299_config``."""

    _fields_ = [("n_selects", c.c_uint32), ("chips_in", c.c_uint8 * 64), ("n_channels", c.c_uint8 * 64),
                ("registers", (c.c_uint8 * 24) * 64), ("clock_master", c.c_uint8 * 64), ("spi_hz", c.c_uint32),
                ("clock_hz", c.c_double), ("rate_scale", c.c_double), ("n_drdy", c.c_uint32), ("trailer", c.c_uint32)]


class Report(c.Structure):
    """``ec_ads1299_report``."""

    _fields_ = [("step", c.c_int32), ("chip", c.c_uint32), ("address", c.c_uint32), ("expected", c.c_uint32),
                ("seen", c.c_uint32), ("attempts", c.c_uint32), ("error", c.c_int32)]

    def __str__(self) -> str:
        return ", ".join([STEPS[self.step], *(f"{name} {getattr(self, name):#x}" for name, _ in self._fields_[1:])])


class Ads1299(c.Structure):
    """``ec_ads1299``."""

    _fields_ = [("bus", Bus), ("config", Config), ("n_chips", c.c_uint32), ("first_chip", c.c_uint32 * 64),
                ("gap_bits", c.c_uint32 * 64), ("seen", (c.c_uint8 * 24) * 64), ("sps", c.c_double), ("report", Report),
                ("seqno_last", c.c_uint32 * 64), ("seqno_at_start", c.c_uint32 * 64), ("pending", Drdy * 256),
                ("n_pending", c.c_uint32), ("next_pending", c.c_uint32), ("retries", c.c_uint64),
                ("io_errors", c.c_uint64), ("slips", c.c_uint64), ("start_toggles", c.c_uint64)]


class Truth(c.Structure):
    """``ec_emulator_truth``."""

    _fields_ = [*((name, c.c_uint64) for name in (
        "conversions", "events", "overflowed", "dropped", "spurious", "clean", "spoiled", "torn", "never_read",
        "repeated", "failed_transfers", "resets", "violations")), ("last_violation", c.c_uint32)]


Frames = (c.c_uint8 * 27) * 64


def compiler() -> str | None:
    """The C compiler of this machine, or None."""
    return shutil.which(os.environ.get("CC", "cc")) or shutil.which("gcc")


def compile_c(cc: str, output: Path, sources: list[Path], *flags: str) -> Path:
    """Compile to a shared object; a compiler's complaint is the message of the failure."""
    done = subprocess.run([cc, *FLAGS, *flags, "-o", str(output), *map(str, sources), "-lm", "-ldl"],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return output


def declare(library: c.CDLL) -> c.CDLL:
    """Types of the driver's functions."""
    p, i64 = c.POINTER, c.c_int64
    for name, result, arguments in (
            ("init", None, [p(Ads1299), p(Bus), p(Config)]),
            ("bring_up", c.c_int32, [p(Ads1299)]),
            ("rules", c.c_int32, [p(Config), p(Report)]),
            ("start", c.c_int32, [p(Ads1299), p(i64)]),
            ("wait", c.c_int32, [p(Ads1299), c.c_uint32, i64, p(Drdy), c.c_uint32]),
            ("read", c.c_int32, [p(Ads1299), i64, p(Frames), p(i64), p(i64)]),
            ("check", c.c_int32, [p(Ads1299)]),
            ("check_ns", i64, [p(Ads1299)]),
            ("wire_ns", i64, [p(Config)]),
            ("stop", None, [p(Ads1299)])):
        function = getattr(library, f"ec_ads1299_{name}")
        function.restype, function.argtypes = result, arguments
    return library


def config_of(chains: tuple[int, ...] = (1,), **changes: object) -> Config:
    """A configuration for chips of eight channels, so many behind each select."""
    n = sum(chains)
    config = Config(n_selects=len(chains), spi_hz=4_000_000, clock_hz=2.048e6, rate_scale=1.0, n_drdy=1)
    config.chips_in[:len(chains)] = chains
    config.n_channels[:n] = [8] * n
    config.clock_master[:n] = [1] * n
    chip = 0
    for chips_in in chains:
        for _ in range(chips_in):
            config.registers[chip][:] = USUAL
            if chips_in > 1:
                config.registers[chip][CONFIG1] &= ~0x40
            chip += 1
    for name, value in changes.items():
        setattr(config, name, value)
    return config


class Driver:
    """The driver on any bus, with Python's answers."""

    def __init__(self, library: c.CDLL, bus: Bus, config: Config) -> None:
        self.library, self.keep = library, bus
        self.d = Ads1299()
        library.ec_ads1299_init(self.d, bus, config)
        self.frames, self.t_begin, self.t_end, self.t_start = Frames(), c.c_int64(), c.c_int64(), c.c_int64()

    def __getattr__(self, name: str) -> object:
        return getattr(self.d, name)

    @property
    def step(self) -> str:
        """The step of the last report."""
        return STEPS[self.d.report.step]

    def bring_up(self) -> int:
        """``ec_ads1299_bring_up``."""
        return self.library.ec_ads1299_bring_up(self.d)

    def start(self) -> int:
        """``ec_ads1299_start``."""
        return self.library.ec_ads1299_start(self.d, self.t_start)

    def wait(self, deadline_ns: int = FOREVER, maximum: int = 64, want: int = 1) -> list[tuple[int, int, int]] | int:
        """Events as tuples (t_ns, line, line_seqno), or a negative errno."""
        events = (Drdy * maximum)()
        got = self.library.ec_ads1299_wait(self.d, want, deadline_ns, events, maximum)
        return got if got < 0 else [(e.t_ns, e.line, e.line_seqno) for e in events[:got]]

    def read(self, deadline_ns: int = FOREVER) -> int:
        """``ec_ads1299_read`` into ``frames``."""
        return self.library.ec_ads1299_read(self.d, deadline_ns, self.frames, self.t_begin, self.t_end)

    def frame(self, chip: int) -> bytes:
        """The bytes of a chip's last frame."""
        return bytes(self.frames[chip])[:3 + 3 * self.d.config.n_channels[chip]]

    def check(self) -> int:
        """``ec_ads1299_check``."""
        return self.library.ec_ads1299_check(self.d)

    def stop(self) -> None:
        """``ec_ads1299_stop``."""
        self.library.ec_ads1299_stop(self.d)

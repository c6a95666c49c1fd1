"""A bus of scripted chips: registers, RDATAC, edges and errors as a test wants, and a record of what was asked.

It is written from the data sheet's tables and shares nothing with the emulator.
"""

from __future__ import annotations

import ctypes as c
import errno
from collections.abc import Callable
from typing import NamedTuple

import driver_structs as ds

MS = 1_000_000


class Message(NamedTuple):
    """One SPI message as the bus got it."""

    t_ns: int
    select: int
    sizes: tuple[int, ...]
    tx: bytes
    speeds: set[int]
    delays: tuple[int, ...]
    t_end_ns: int

    @property
    def is_data(self) -> bool:
        """Whether it only clocks data out."""
        return not any(self.tx)


class Chip:
    """Registers and modes of one chip."""

    def __init__(self, n_channels: int = 8) -> None:
        self.n_channels = n_channels
        self.id = 0x3C + (n_channels - 4) // 2
        self.stuck: int | None = None
        self.writes_lost = 0
        self.deaf_ids = 0                   # so many RREG of the ID are answered with 00h
        self.late_starts: list[float] = []  # periods by which the next STARTs come late
        self.has_clock = True
        self.resets = 0
        self.reset()

    def reset(self) -> None:
        """Registers as after power-up, and RDATAC."""
        self.registers = bytearray(ds.RESET_VALUES)
        self.registers[0] = self.id
        self.fix()
        self.rdatac, self.standby = True, False
        self.resets += 1

    def fix(self) -> None:
        """What the part does not have reads 0."""
        for channel in range(self.n_channels, 8):
            self.registers[ds.CH1SET + channel] = 0
        for address in range(ds.BIAS_SENSP, ds.LOFF_FLIP + 1):
            self.registers[address] &= (1 << self.n_channels) - 1

    def write(self, first: int, values: bytes) -> None:
        """Registers from `first` on; read-only ones keep theirs."""
        if self.writes_lost:
            self.writes_lost -= 1
            return
        for address, value in enumerate(values, first):
            if address not in (0, 0x12, 0x13) and address < 24:
                self.registers[address] = value
        self.fix()


class FakeBus:
    """Chips behind selects; daisy chains where a select has several."""

    def __init__(self, config: ds.Config, *, gap_bits: int = 0, start_wired: bool = True,
                 reset_wired: bool = True) -> None:
        chains = config.chips_in[:config.n_selects]
        self.chips = [Chip(n) for n in config.n_channels[:sum(chains)]]
        self.chains = []
        for n in chains:
            first = sum(map(len, self.chains))
            self.chains.append(self.chips[first:first + n])
        self.masters = list(config.clock_master[:sum(chains)])
        for chip, master in zip(self.chips, self.masters, strict=True):
            chip.has_clock = bool(master)
        self.gap_bits, self.n_drdy = gap_bits, config.n_drdy
        self.wired = {ds.START: start_wired, ds.RESET: reset_wired, ds.PWDN: False}
        self.period_ns = 4 * MS
        self.t_ns, self.messages, self.sleeps, self.lines = 0, [], [], []
        self.errors: dict[int, int] = {}            # number of the message: errno
        self.data_errors: list[int] = []            # errno of the next data messages; 0: none
        self.slow_ns = 0
        self.line_error = 0
        self.wait_error = 0
        self.silent: set[int] = set()               # lines that raise no edge
        self.frame_of: Callable[[int], bytes] = lambda chip: bytes([0xC0, 0, 0, *[chip + 1] * 24])
        self.spoil: Callable[[bytes], bytes] = lambda data: data
        self.due: list[int] = []                    # next edge of each line
        self.seqno = [0] * 64
        self.calls = (ds.TRANSFER(self.transfer), ds.WAIT(self.wait), ds.SET_LINE(self.set_line),
                      ds.NOW(lambda _: self.t_ns), ds.SLEEP(self.sleep))
        self.bus = ds.Bus(None, *self.calls)

    # clock and lines
    def sleep(self, _: object, ns: int) -> None:
        """Time passes."""
        self.sleeps.append((self.t_ns, ns))
        self.t_ns += ns

    def set_line(self, _: object, line: int, level: int) -> int:
        """A line of the host; edges begin with START."""
        if self.line_error:
            return -self.line_error
        if not self.wired[line]:
            return -errno.ENOENT
        self.lines.append((self.t_ns, line, level))
        if line == ds.RESET and level == 0:
            for chip in self.chips:
                chip.reset()
        if line == ds.START:
            self.convert(bool(level))
        return 0

    def convert(self, begin: bool) -> None:
        """START and STOP."""
        self.due = []
        if begin:
            for chip in self.chips[:self.n_drdy]:
                late = chip.late_starts.pop(0) if chip.late_starts else 0
                self.due.append(self.t_ns + int((4 + late) * self.period_ns))

    def wait(self, _: object, _want: int, deadline_ns: int, events: object, maximum: int) -> int:
        """The next edges, one period of them at a time."""
        if self.wait_error:
            return -self.wait_error
        limit = max(deadline_ns, self.t_ns)
        live = [(due, line) for line, due in enumerate(self.due) if line not in self.silent]
        if not live or min(live)[0] > limit:
            if deadline_ns < ds.FOREVER:
                self.t_ns = limit
            return 0 if deadline_ns < ds.FOREVER else -errno.ENODATA
        self.t_ns = max(self.t_ns, min(live)[0])
        n = 0
        while n < maximum and live and min(live)[0] <= self.t_ns:
            due, line = min(live)
            self.seqno[line] += 1
            events[n] = ds.Drdy(due, line, self.seqno[line])
            n += 1
            self.due[line] += self.period_ns
            live = [(due, line) for line, due in enumerate(self.due) if line not in self.silent]
        return n

    # SPI
    def transfer(self, _: object, select: int, transfers: object, n: int) -> int:
        """One message in one window of the select."""
        parts = [transfers[i] for i in range(n)]
        tx = b"".join(bytes(part.tx[:part.n_bytes]) for part in parts)
        t_begin = self.t_ns
        self.t_ns += self.slow_ns + sum(part.n_bytes * 8_000_000_000 // part.speed_hz + part.delay_us * 1000
                                        for part in parts)
        self.messages.append(Message(t_begin, select, tuple(part.n_bytes for part in parts), tx,
                                     {part.speed_hz for part in parts}, tuple(part.delay_us for part in parts),
                                     self.t_ns))
        error = self.errors.pop(len(self.messages) - 1, 0)
        if not any(tx) and not error and self.data_errors:
            error = self.data_errors.pop(0)
        if error:
            return -error
        rx = self.answer(select, tx)
        at = 0
        for part in parts:
            c.memmove(part.rx, rx[at:at + part.n_bytes], part.n_bytes)
            at += part.n_bytes
        return 0

    def answer(self, select: int, tx: bytes) -> bytes:
        """What the chips of a select do with the bytes, and the bytes they give back."""
        chain = self.chains[select]
        near = chain[0]
        out = bytes(len(tx))
        if not any(tx):
            out = self.data(chain, len(tx))
        elif tx[0] & 0xE0 == 0x20 and not near.rdatac and near.has_clock:
            first, count = tx[0] & 0x1F, tx[1] + 1
            values = bytes(near.registers[first:first + count])
            if first == 0 and count == 1 and near.deaf_ids:
                near.deaf_ids -= 1
                values = b"\0"
            out = (bytes(2) + values).ljust(len(tx), b"\0")
        for chip in chain:
            self.hear(chip, tx)
        return bytes([near.stuck]) * len(tx) if near.stuck is not None else out

    def hear(self, chip: Chip, tx: bytes) -> None:
        """One command at one chip."""
        if not chip.has_clock or (chip.standby and tx[0] != 0x02):
            return
        if tx[0] == 0x02:
            chip.standby = False
        elif tx[0] == 0x04:
            chip.standby = True
        elif tx[0] == 0x06:
            chip.reset()
        elif tx[0] in (0x08, 0x0A) and chip is self.chips[-1]:
            self.convert(tx[0] == 0x08)
        elif tx[0] in (0x10, 0x11):
            chip.rdatac = tx[0] == 0x10
        elif tx[0] & 0xE0 == 0x40 and not chip.rdatac:
            chip.write(tx[0] & 0x1F, tx[2:])
        clocks = any(master and other.registers[ds.CONFIG1] & 0x20
                     for other, master in zip(self.chips, self.masters, strict=True))
        for other, master in zip(self.chips, self.masters, strict=True):
            other.has_clock = bool(master) or clocks

    def data(self, chain: list[Chip], n_bytes: int) -> bytes:
        """Frames of a select as one stream of bits."""
        bits = []
        for place, chip in enumerate(chain):
            frame = self.frame_of(self.chips.index(chip))[:3 + 3 * chip.n_channels]
            bits += [1] * (self.gap_bits if place else 0) + [byte >> (7 - i) & 1 for byte in frame for i in range(8)]
        more = 8 * n_bytes - len(bits)
        bits += [0] * more if len(chain) > 1 or not chain[0].registers[ds.CONFIG1] & 0x40 else (bits * 2)[:more]
        packed = bytes(int("".join(map(str, bits[i:i + 8])), 2) for i in range(0, 8 * n_bytes, 8))
        return self.spoil(packed)

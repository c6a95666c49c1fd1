"""Machines that are not here: a folder for files, a table for devices, answers for the rest."""

from __future__ import annotations

import errno
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eegcore.devices.gpio import FLAG_USED, GET_CHIPINFO, GET_LINEINFO
from eegcore.doctor.self_test import Measured
from eegcore.doctor.system import Owner, System
from eegcore.errors import EegcoreError


@dataclass
class FakeChip:
    """A GPIO chip: consumers by offset; `named` False leaves the lines without names."""

    label: str
    lines: int = 54
    consumers: dict[int, str] = field(default_factory=dict)
    named: bool = True
    version: int = 2

    def answer(self, request: int, data: bytes) -> bytes:
        raw = bytearray(data)
        if request == GET_CHIPINFO:
            struct.pack_into("=32s32sI", raw, 0, b"gpiochip", self.label.encode(), self.lines)
            return bytes(raw)
        if request != GET_LINEINFO or self.version < 2:
            raise OSError(errno.ENOTTY, "no such request")
        offset, = struct.unpack_from("=I", data, 64)
        assert offset < self.lines
        name = f"GPIO{offset}".encode() if self.named else b""
        struct.pack_into("=32s32sI", raw, 0, name, self.consumers.get(offset, "").encode(), offset)
        struct.pack_into("=Q", raw, 72, FLAG_USED if offset in self.consumers else 0)
        return bytes(raw)


class FakeSystem(System):
    """A machine made of a folder; what no folder can hold is an attribute."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.chips: dict[str, FakeChip] = {}
        self.owners: dict[str, str] = {}                # group of each device
        self.user_name = "pi"
        self.now, self.later = {"pi", "spi", "gpio"}, {"pi", "spi", "gpio"}
        self.uname = ("6.12.25+rpt-rpi-2712", "#1 SMP PREEMPT Debian", "aarch64")
        self.page, self.n_cores = 16384, 4
        self.limits = {"RTPRIO": 90, "MEMLOCK": -1}
        self.fifo_errno = 0
        self.opened: list[str] = []
        self.throttled: str | None = "throttled=0x0"
        self.synchronised: bool | None = True
        self.free, self.may_write = 50 * 10**9, True
        self.port_errno, self.ours_answers = 0, False
        self.core: int | None = 128
        self.registers: list[bytes] | EegcoreError = [bytes([0x3E]) + bytes(23)]
        self.measured: dict[str, Measured | EegcoreError] = {}

    def put(self, name: str, text: str = "") -> None:
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def device(self, name: str, group: str, chip: FakeChip | None = None) -> None:
        self.put(name)
        self.owners[name] = group
        if chip is not None:
            self.chips[name] = chip

    def owner(self, name: str) -> Owner | None:
        return Owner(self.owners.get(name, "root"), 0o660) if self.exists(name) else None

    def may_use(self, name: str) -> bool:
        self.opened.append(name)
        return self.owners.get(name, "root") in self.now

    def ioctl(self, name: str, request: int, data: bytes) -> bytes:
        if not self.may_use(name):
            raise PermissionError(errno.EACCES, "Permission denied")
        return self.chips[name].answer(request, data)

    def user(self) -> str:
        return self.user_name

    def groups(self) -> set[str]:
        return self.now

    def groups_at_next_login(self) -> set[str]:
        return self.later

    def kernel(self) -> tuple[str, str, str]:
        return self.uname

    def page_bytes(self) -> int:
        return self.page

    def cores(self) -> int:
        return self.n_cores

    def vector_bits(self) -> int:
        if self.core is None:
            raise ImportError("wrong ELF class")
        return self.core

    def probe(self, native: Mapping[str, Any]) -> list[bytes]:
        if isinstance(self.registers, EegcoreError):
            raise self.registers
        return self.registers

    def measure(self, settings: Mapping[str, Any], signal: str) -> Measured:
        found = self.measured[signal]
        if isinstance(found, EegcoreError):
            raise found
        return found

    def limit(self, name: str) -> int:
        return self.limits[name]

    def try_fifo(self, priority: int) -> int:
        return self.fifo_errno

    def run(self, *command: str) -> str | None:
        return self.throttled

    def room_for(self, name: str) -> tuple[int, bool]:
        return self.free, self.may_write

    def port_problem(self, port: int) -> int:
        return self.port_errno

    def eegcore_answers(self, port: int) -> bool:
        return self.ours_answers

    def clock_synchronised(self) -> bool | None:
        return self.synchronised

"""What the GPIO character devices say of themselves: labels, lines, consumers.

Only the two calls that look; ioctl numbers and offsets are those of
``<linux/gpio.h>``, version 2 of the interface.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Protocol

GET_CHIPINFO = 0x8044B401                              # gpiochip_info: name 32, label 32, lines u32
GET_LINEINFO = 0xC100B405                              # gpio_v2_line_info: name 32, consumer 32, offset u32, ...
CHIPINFO_BYTES, LINEINFO_BYTES = 68, 256
FLAG_USED = 1
HEADER_LABELS = ("pinctrl-rp1", "pinctrl-bcm2711", "pinctrl-bcm2835")
HEADER_LINES = 28                                      # BCM 0..27 are on the header; above are board functions


class GpioSystem(Protocol):
    """What is asked of the machine."""

    def find(self, pattern: str) -> list[str]:
        """Return the names that match a pattern."""
        ...

    def ioctl(self, path: str, request: int, data: bytes) -> bytes:
        """Open a device, ask, and return the answer; OSError if it refuses."""
        ...


@dataclass(frozen=True)
class GpioChip:
    """One ``/dev/gpiochipN``; without a label it could not be asked, and `errno` says why."""

    path: str
    label: str = ""
    lines: int = 0
    errno: int = 0

    @property
    def is_header(self) -> bool:
        """True if its lines are the pins of a Raspberry Pi's header."""
        return self.label in HEADER_LABELS


@dataclass(frozen=True)
class GpioLine:
    """One line of a chip."""

    offset: int
    name: str
    consumer: str
    used: bool


def _text(raw: bytes) -> str:
    return raw.split(b"\0", 1)[0].decode("utf-8", "replace")


def chips(system: GpioSystem) -> list[GpioChip]:
    """Return every GPIO chip, asked for its label: its number differs between kernels."""
    found = []
    for path in system.find("/dev/gpiochip*"):
        try:
            raw = system.ioctl(path, GET_CHIPINFO, bytes(CHIPINFO_BYTES))
        except OSError as error:
            found.append(GpioChip(path, errno=error.errno or 0))
            continue
        found.append(GpioChip(path, _text(raw[32:64]), struct.unpack_from("=I", raw, 64)[0]))
    return found


def line_info(system: GpioSystem, chip: GpioChip, offset: int) -> GpioLine:
    """Return name and consumer of a line; OSError if the kernel does not know version 2 of the interface."""
    request = bytearray(LINEINFO_BYTES)
    struct.pack_into("=I", request, 64, offset)
    raw = system.ioctl(chip.path, GET_LINEINFO, bytes(request))
    flags = struct.unpack_from("=Q", raw, 72)[0]
    return GpioLine(offset, _text(raw[0:32]), _text(raw[32:64]), bool(flags & FLAG_USED))


def find_line(system: GpioSystem, chip: GpioChip, name: str) -> GpioLine | None:
    """Return the line called `name`; header lines without names count as GPIO0, GPIO1...; None if there is none."""
    lines = [line_info(system, chip, offset) for offset in range(chip.lines)]
    for line in lines:
        if line.name == name:
            return line
    number = name.removeprefix("GPIO")
    if chip.is_header and number.isdecimal() and int(number) < min(HEADER_LINES, chip.lines):
        return lines[int(number)]
    return None

"""Edges of GPIO lines as the kernel saw them: stamped in the interrupt, CLOCK_MONOTONIC, like data-ready.

Version 2 of the GPIO character device (Linux 5.10): one descriptor of one
request gives 48-byte events. Numbers and layouts are those of
csrc/device/ec_linux_abi.h, where the source of each is named.
"""

from __future__ import annotations

import errno
import fcntl
import glob
import os
import struct
from dataclasses import dataclass
from typing import Literal

from eegcore.devices.gpio import GpioChip, chips, find_line, line_info
from eegcore.errors import DeviceError

GET_LINE = 0xC250B407                          # GPIO_V2_GET_LINE_IOCTL
REQUEST_BYTES, EVENT_BYTES = 592, 48           # gpio_v2_line_request, gpio_v2_line_event
CONSUMER_AT, FLAGS_AT, N_LINES_AT, FD_AT = 256, 288, 560, 588
INPUT, EDGE_RISING, EDGE_FALLING = 1 << 2, 1 << 4, 1 << 5
PULL = {"none": 0, "up": 1 << 8, "down": 1 << 9}
RISING, FALLING = 1, 2                         # of an event
EVENTS_AT_ONCE = 64
EVENT_QUEUE = 256                              # presses that wait for a thread that does not run; the default is 16

Edge = Literal["rising", "falling", "both"]
EDGES = {"rising": EDGE_RISING, "falling": EDGE_FALLING, "both": EDGE_RISING | EDGE_FALLING}


@dataclass(frozen=True)
class LineEdge:
    """One edge of a line."""

    t_ns: int                                  # CLOCK_MONOTONIC, taken in the interrupt
    is_rising: bool
    line_seqno: int                            # edges of this line since it was requested; a gap: the queue was full


class GpioKernel:
    """The calls that reach the kernel; a test puts others in their place."""

    def find(self, pattern: str) -> list[str]:
        """Return the names that match a pattern, in natural order."""
        return sorted(glob.glob(pattern), key=lambda name: (len(name), name))

    def ioctl(self, path: str, request: int, data: bytes) -> bytes:
        """Open a device, ask, and return the answer; OSError if it refuses."""
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            answer = bytearray(data)
            fcntl.ioctl(descriptor, request, answer, True)
        finally:
            os.close(descriptor)
        return bytes(answer)


class EdgeLine:
    """One requested line; `fileno` is readable when edges wait.

    Parameters
    ----------
    name : str
        As the kernel or the header calls it: ``GPIO17``.
    edge : {"rising", "falling", "both"}
    pull : {"up", "down", "none"}
        Resistor on the pin; none: as it is.
    gpiochip : str, optional
        Label of the chip. Default: that of a Raspberry Pi's header.
    kernel : GpioKernel

    Raises
    ------
    DeviceError
        If there is no such chip or line, or it cannot be had.
    """

    def __init__(self, name: str, edge: Edge, pull: Literal["up", "down", "none"] = "none",
                 gpiochip: str | None = None, kernel: GpioKernel | None = None) -> None:
        kernel = kernel or GpioKernel()
        self.name = name
        chip = find_chip(kernel, gpiochip)
        try:
            line = find_line(kernel, chip, name)
        except OSError as error:
            raise refused(name, chip, error) from None
        if line is None:
            raise DeviceError(f"GPIO line {name!r}: {chip.path} ({chip.label}) has none of that name. Run 'gpioinfo', "
                              "or name a pin of the header, GPIO0 to GPIO27.")
        request = bytearray(REQUEST_BYTES)
        struct.pack_into("=I", request, 0, line.offset)
        request[CONSUMER_AT:CONSUMER_AT + 14] = b"eegcore marker"
        struct.pack_into("=Q", request, FLAGS_AT, INPUT | EDGES[edge] | PULL[pull])
        struct.pack_into("=II", request, N_LINES_AT, 1, EVENT_QUEUE)
        try:
            answer = kernel.ioctl(chip.path, GET_LINE, bytes(request))
        except OSError as error:
            holder = line_info(kernel, chip, line.offset).consumer if error.errno == errno.EBUSY else ""
            raise refused(name, chip, error, holder) from None
        self._descriptor: int = struct.unpack_from("=i", answer, FD_AT)[0]
        os.set_blocking(self._descriptor, False)

    def fileno(self) -> int:
        """Return the descriptor of the request."""
        return self._descriptor

    def read(self) -> list[LineEdge]:
        """Return the edges that wait, oldest first; OSError if the line has gone."""
        try:
            raw = os.read(self._descriptor, EVENTS_AT_ONCE * EVENT_BYTES)
        except BlockingIOError:
            return []
        if not raw or len(raw) % EVENT_BYTES:
            raise OSError(errno.ENODEV, "the GPIO chip gives no more events")
        return [LineEdge(t_ns, kind == RISING, line_seqno) for t_ns, kind, _, _, line_seqno in
                (struct.unpack_from("=QIIII", raw, at) for at in range(0, len(raw), EVENT_BYTES))]

    def close(self) -> None:
        """Give the line back."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def find_chip(kernel: GpioKernel, label: str | None) -> GpioChip:
    """Return the chip with a label, or that of the header; DeviceError names those there are."""
    found = chips(kernel)
    for chip in found:
        if chip.label == label if label is not None else chip.is_header:
            return chip
    seen = ", ".join(f"{chip.path} ({chip.label or os.strerror(chip.errno)})" for chip in found) or "none"
    wanted = f"labelled {label!r}" if label is not None else "of a Raspberry Pi's header"
    raise DeviceError(f"GPIO: no chip {wanted}. Found: {seen}. Set gpiochip to the label of another, or run "
                      "'python -m eegcore doctor'.")


def refused(name: str, chip: GpioChip, error: OSError, holder: str = "") -> DeviceError:
    """Return what is said of a line that cannot be had."""
    number = error.errno or 0
    why = (f"is taken by {holder!r}. End that program, or choose another line" if number == errno.EBUSY and holder else
           "may not be opened by this user. Add the user to group 'gpio' and log in again" if number == errno.EACCES
           else f"cannot be requested ({os.strerror(number)}). Run 'python -m eegcore doctor'")
    return DeviceError(f"GPIO line {name!r} of {chip.path}: {why}. [{errno.errorcode.get(number, '?')} {number}]",
                       errno=number)

"""A plain client of spidev and of the GPIO character device, to check the simulated chip without eegcore.

Numbers are those of linux/spi/spidev.h and linux/gpio.h. Runs in the guest with nothing but Python.
"""

from __future__ import annotations

import ctypes
import fcntl
import glob
import os
import select
import struct
import time

SPI_IOC_MESSAGE_1 = 0x40206B00
SPI_IOC_WR_MODE32 = 0x40046B05
GPIO_GET_CHIPINFO = 0x8044B401
GPIO_V2_GET_LINEINFO = 0xC100B405
GPIO_V2_GET_LINE = 0xC250B407
GPIO_V2_SET_VALUES = 0xC010B40F
INPUT, OUTPUT, FALLING = 1 << 2, 1 << 3, 1 << 5
EVENT = struct.Struct("=QIIII24x")                  # t_ns, id, offset, seqno, line_seqno

RESET, START, STOP, RDATAC, SDATAC, RDATA, RREG, WREG = 0x06, 0x08, 0x0A, 0x10, 0x11, 0x12, 0x20, 0x40
FRAME = 27


class Spi:
    """One chip select: whole messages of one transfer."""

    def __init__(self, path: str) -> None:
        self.fd = os.open(path, os.O_RDWR)
        self._tx = ctypes.create_string_buffer(256)
        self._rx = ctypes.create_string_buffer(256)
        self.mode(1)

    def mode(self, mode: int) -> None:
        """Set the SPI mode of the device."""
        fcntl.ioctl(self.fd, SPI_IOC_WR_MODE32, struct.pack("I", mode))

    def message(self, tx: bytes, *, hz: int = 2_000_000, hold_us: int = 3) -> bytes:
        """Shift tx out and return what came in; CS stays low hold_us after the last bit."""
        ctypes.memmove(self._tx, tx, len(tx))
        fcntl.ioctl(self.fd, SPI_IOC_MESSAGE_1, self._transfer(len(tx), hz, hold_us))
        return self._rx.raw[:len(tx)]

    def frame(self, n_bytes: int = FRAME, hz: int = 20_000_000) -> bytes:
        """Read n_bytes as in RDATAC."""
        return self.message(bytes(n_bytes), hz=hz, hold_us=0)

    def command(self, opcode: int) -> None:
        """Send one byte."""
        self.message(bytes([opcode]))

    def read(self, address: int, count: int = 1, *, hz: int = 2_000_000) -> bytes:
        """RREG."""
        return self.message(bytes([RREG | address, count - 1]) + bytes(count), hz=hz)[2:]

    def write(self, address: int, *values: int, hz: int = 2_000_000) -> None:
        """WREG."""
        self.message(bytes([WREG | address, len(values) - 1, *values]), hz=hz)

    def stream(self, drdy: Drdy, n: int, hz: int = 20_000_000) -> tuple[list[bytes], list[bytes]]:
        """Read n frames, one per edge, with nothing else in the loop: 16 000 a second. Return events and frames."""
        ctypes.memset(self._tx, 0, len(self._tx))
        wait, edge_fd, shift, fd, rx = os.read, drdy.fd, fcntl.ioctl, self.fd, self._rx
        request = self._transfer(FRAME, hz, 0)
        events, frames = [], []
        for _ in range(n):
            events.append(wait(edge_fd, 3072))
            shift(fd, SPI_IOC_MESSAGE_1, request)
            frames.append(rx.raw)
        return events, [frame[:FRAME] for frame in frames]

    def close(self) -> None:
        """Give the device back."""
        os.close(self.fd)

    def _transfer(self, n_bytes: int, hz: int, hold_us: int) -> bytes:
        return struct.pack("=QQIIHBBBBBB", ctypes.addressof(self._tx), ctypes.addressof(self._rx), n_bytes, hz,
                           hold_us, 8, 0, 0, 0, 0, 0)


class Gpio:
    """The chip with a label, its lines found by name."""

    def __init__(self, label: str) -> None:
        self.lines: dict[str, int] = {}
        for path in sorted(glob.glob("/dev/gpiochip*")):
            fd = os.open(path, os.O_RDWR)
            info = bytearray(68)
            fcntl.ioctl(fd, GPIO_GET_CHIPINFO, info)
            if info[32:64].split(b"\0")[0].decode() == label:
                break
            os.close(fd)
        else:
            raise OSError(f"no GPIO chip is labelled {label}")
        self.fd = fd
        for offset in range(struct.unpack_from("I", info, 64)[0]):
            line = bytearray(256)
            struct.pack_into("I", line, 64, offset)
            fcntl.ioctl(fd, GPIO_V2_GET_LINEINFO, line)
            self.lines[line[:32].split(b"\0")[0].decode()] = offset

    def request(self, name: str, flags: int, event_buffer: int = 0) -> int:
        """Return the file descriptor of a line."""
        request = bytearray(592)
        struct.pack_into("I", request, 0, self.lines[name])
        request[256:260] = b"test"
        struct.pack_into("Q", request, 288, flags)
        struct.pack_into("II", request, 560, 1, event_buffer)
        fcntl.ioctl(self.fd, GPIO_V2_GET_LINE, request)
        return int(struct.unpack_from("i", request, 588)[0])

    def close(self) -> None:
        """Give the chip back; its requested lines stay open."""
        os.close(self.fd)


class Output:
    """A line that the host drives; low when requested unless told otherwise."""

    def __init__(self, gpio: Gpio, name: str) -> None:
        self.fd = gpio.request(name, OUTPUT)

    def set(self, level: int) -> int:
        """Drive the line and return the monotonic time of it, ns."""
        fcntl.ioctl(self.fd, GPIO_V2_SET_VALUES, bytearray(struct.pack("QQ", level, 1)))
        return time.monotonic_ns()

    def close(self) -> None:
        """Give the line back."""
        os.close(self.fd)


class Drdy:
    """Falling edges of a DRDY line, as (t_ns, line_seqno)."""

    def __init__(self, gpio: Gpio, name: str) -> None:
        self.fd = gpio.request(name, INPUT | FALLING, 1024)

    def edges(self, timeout_s: float) -> list[tuple[int, int]]:
        """Wait for an edge and return all that are queued; none after timeout_s."""
        if not select.select([self.fd], [], [], timeout_s)[0]:
            return []
        return self.unpacked(os.read(self.fd, 48 * 64))

    @staticmethod
    def unpacked(events: bytes) -> list[tuple[int, int]]:
        """Return (t_ns, line_seqno) of events as the kernel gives them."""
        return [(t_ns, line_seqno) for t_ns, _, _, _, line_seqno in EVENT.iter_unpack(events)]

    def close(self) -> None:
        """Give the line back."""
        os.close(self.fd)

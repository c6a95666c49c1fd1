"""Run below the shim by test_shim_nodes.py: the nodes as a careful and a careless program meet them."""

from __future__ import annotations

import ctypes as c
import errno
import glob
import os
import struct
import time

LIBC = c.CDLL(None, use_errno=True)
LIBC.ioctl.argtypes = [c.c_int, c.c_ulong, c.c_void_p]
CHIPINFO, LINEINFO, GET_LINE, SET_CONFIG = 0x8044B401, 0xC100B405, 0xC250B407, 0xC110B40D
GET_VALUES, SET_VALUES = 0xC010B40E, 0xC010B40F
USED, INPUT, OUTPUT, FALLING, DRAIN, UP, DOWN, HTE = 1, 1 << 2, 1 << 3, 1 << 5, 1 << 6, 1 << 8, 1 << 9, 1 << 12


def call(fd: int, number: int, data: bytes) -> tuple[int, bytes]:
    """Return 0 or more and the struct as it came back, or a negative errno."""
    buffer = c.create_string_buffer(data, len(data))
    got = LIBC.ioctl(fd, number, buffer)
    return (got if got >= 0 else -c.get_errno()), buffer.raw


def message(n: int) -> int:
    """SPI_IOC_MESSAGE(n)."""
    return (0x40006B00 | 32 * n << 16) & 0xFFFFFFFF


def transfer(tx: c.Array, rx: c.Array, n: int, *, bits: int = 8, pad: int = 0) -> bytes:
    """``struct spi_ioc_transfer`` at 2 MHz, the select low for 3 us more."""
    return struct.pack("<QQIIHBBBBBB", c.addressof(tx), c.addressof(rx), n, 2_000_000, 3, bits, 0, 0, 0, 0, pad)


def errno_of_read(fd: int, n: int) -> int:
    """Why a read of n bytes fails; 0 if it does not."""
    try:
        os.read(fd, n)
    except OSError as error:
        return error.errno or -1
    return 0


def request(offsets: list[int], flags: int, *, size: int = 0, padding: int = 0, values: int | None = None,
            attribute: int = 2, consumer: bytes = b"checks") -> bytes:
    """``struct gpio_v2_line_request``."""
    attributes = b"" if values is None else struct.pack("<IIQQ", attribute, 0, values, 2**64 - 1)
    config = struct.pack("<QI20x", flags, 0 if values is None else 1) + attributes.ljust(240, b"\0")
    return (struct.pack("<64I", *offsets, *[0] * (64 - len(offsets))) + consumer.ljust(32, b"\0") + config
            + struct.pack("<II5Ii", len(offsets), size, padding, 0, 0, 0, 0, 0))


def lines(fd: int, *arguments: object, **more: object) -> int:
    """Request lines: the descriptor, or a negative errno."""
    status, back = call(fd, GET_LINE, request(*arguments, **more))
    return status if status < 0 else struct.unpack_from("<i", back, 588)[0]


def spi() -> None:
    """Modes, sizes and counts of spidev."""
    fd = os.open("/dev/spidev0.0", os.O_RDWR)
    for mode, status in ((1, 0), (0x41, 0), (1 << 30, -errno.EINVAL)):
        assert call(fd, 0x40046B05, struct.pack("<I", mode))[0] == status
    assert call(fd, 0x80046B05, bytes(4))[1] == struct.pack("<I", 0x41)
    assert call(fd, 0x40046B05, struct.pack("<I", 1))[0] == 0
    assert call(fd, 0x40016B03, b"\x08")[0] == 0
    assert call(fd, 0x40016B03, b"\x21")[0] == -errno.EINVAL
    assert call(fd, 0x40046B04, bytes(4))[0] == -errno.EINVAL
    assert call(fd, CHIPINFO, bytes(68))[0] == -errno.ENOTTY
    tx, rx = (c.c_uint8 * 8192)(), (c.c_uint8 * 8192)()
    for _ in range(5):
        began = time.monotonic()
        assert call(fd, message(1), transfer(tx, rx, 27))[0] == 27
        assert time.monotonic() - began >= 27 * 8 / 2e6  # back when the last bit is on the wire, not before
    assert call(fd, message(2), transfer(tx, rx, 27) + transfer(tx, rx, 3))[0] == 30
    assert call(fd, message(32), transfer(tx, rx, 128) * 32)[0] == 4096
    assert call(fd, message(33), transfer(tx, rx, 1) * 33)[0] == -errno.EMSGSIZE
    assert call(fd, message(32), (transfer(tx, rx, 1) * 31) + transfer(tx, rx, 129))[0] == -errno.EMSGSIZE
    assert call(fd, message(1), transfer(tx, rx, 4097))[0] == -errno.EMSGSIZE
    assert call(fd, message(512), transfer(tx, rx, 27))[0] == 0, "the size field overflows: nothing happens"
    assert call(fd, message(1), transfer(tx, rx, 27, pad=1))[0] == -errno.EINVAL
    assert call(fd, message(1), transfer(tx, rx, 27, bits=32))[0] == -errno.EINVAL

    def command(*values: int) -> bytes:
        tx[:len(values)] = values
        assert call(fd, message(1), transfer(tx, rx, len(values)))[0] == len(values)
        time.sleep(1e-3)
        return bytes(rx[:len(values)])
    command(0x11)
    assert command(0x20, 0, 0)[2] == 0x3E, "the ID of an ADS1299"
    call(fd, 0x40046B05, struct.pack("<I", 0))
    assert command(0x20, 0, 0)[2] == 0x1F, "in another mode every bit comes one clock late"
    call(fd, 0x40046B05, struct.pack("<I", 1))
    os.close(fd)


def gpio() -> None:
    """Flags, padding, busy lines and levels of the GPIO character device."""
    fd = os.open("/dev/gpiochip0", os.O_RDWR)
    _, info = call(fd, CHIPINFO, bytes(68))
    assert (info[:32].rstrip(b"\0"), info[32:64].rstrip(b"\0"), info[64]) == (b"gpiochip0", b"pinctrl-rp1", 54)
    _, line = call(fd, LINEINFO, bytes(64) + struct.pack("<I", 5) + bytes(188))
    assert (line[:5], line[32:40], line[72] & USED) == (b"GPIO5", b"somebody", USED)
    assert call(fd, LINEINFO, bytes(64) + struct.pack("<I", 54) + bytes(188))[0] == -errno.EINVAL
    assert call(fd, LINEINFO, bytes(255) + b"\1")[0] == -errno.EINVAL
    for flags, status in ((FALLING, -errno.EINVAL), (INPUT | OUTPUT, -errno.EINVAL), (INPUT | DRAIN, -errno.EINVAL),
                          (INPUT | UP | DOWN, -errno.EINVAL), (UP, -errno.EINVAL), (1 << 13, -errno.EINVAL),
                          (INPUT | HTE, -errno.EOPNOTSUPP)):
        assert lines(fd, [25], flags) == status, hex(flags)
    assert lines(fd, [], INPUT) == -errno.EINVAL
    assert lines(fd, [54], INPUT) == -errno.EINVAL
    assert lines(fd, [25], INPUT, padding=1) == -errno.EINVAL
    assert lines(fd, [25], INPUT, values=0, attribute=7) == -errno.EINVAL
    assert lines(fd, [5], INPUT) == -errno.EBUSY
    assert lines(fd, [4, 4], INPUT) == -errno.EBUSY
    held = lines(fd, [4, 6], OUTPUT, values=0b10)
    assert lines(fd, [6], INPUT) == -errno.EBUSY
    assert call(fd, LINEINFO, bytes(64) + struct.pack("<I", 6) + bytes(188))[1][32:38] == b"checks"
    assert call(held, GET_VALUES, struct.pack("<QQ", 0, 3))[1][0] == 0b10
    assert call(held, SET_VALUES, struct.pack("<QQ", 0b01, 0b11))[0] == 0
    assert call(held, GET_VALUES, struct.pack("<QQ", 0, 3))[1][0] == 0b01
    assert call(held, SET_VALUES, struct.pack("<QQ", 0, 0))[0] == -errno.EINVAL
    os.close(held)
    again = lines(fd, [6], INPUT)
    assert again >= 0
    assert call(again, SET_VALUES, struct.pack("<QQ", 1, 1))[0] == -errno.EPERM
    os.close(again)
    os.close(fd)


def events() -> None:
    """The queue: whole events, EAGAIN, the oldest forgotten."""
    fd = os.open("/dev/gpiochip0", os.O_RDWR)
    drdy = lines(fd, [25], INPUT | FALLING, size=4)
    start = lines(fd, [22], OUTPUT, values=0)
    os.set_blocking(drdy, False)
    assert errno_of_read(drdy, 47) == errno.EINVAL
    assert errno_of_read(drdy, 48) == errno.EAGAIN
    before = time.monotonic_ns()
    call(start, SET_VALUES, struct.pack("<QQ", 1, 1))
    time.sleep(0.1)                                     # 250 SPS after reset: some twenty edges
    data = os.read(drdy, 48 * 64)
    after = time.monotonic_ns()
    assert len(data) == 4 * 48
    found = [struct.unpack_from("<QIIII", data, 48 * i) for i in range(4)]
    assert [event[1:3] for event in found] == [(2, 25)] * 4
    assert found[0][4] > 4, "the newest four, with their numbers"
    assert [event[4] - found[0][4] for event in found] == [0, 1, 2, 3]
    assert before < found[0][0] < found[3][0] < after
    os.set_blocking(drdy, True)
    assert len(os.read(drdy, 48)) == 48
    for one in (drdy, start, fd):
        os.close(one)


def files() -> None:
    """Nodes can be listed and looked at, and those that are denied cannot be opened."""
    assert sorted(glob.glob("/dev/gpiochip*") + glob.glob("/dev/spidev*")) == \
        ["/dev/gpiochip0", "/dev/spidev0.0", "/dev/spidev0.1"]
    assert os.path.exists("/dev/spidev0.0")
    assert not os.path.exists("/dev/spidev0.2")
    assert os.access("/dev/spidev0.0", os.R_OK | os.W_OK)
    assert not os.access("/dev/spidev0.1", os.R_OK | os.W_OK)
    try:
        os.open("/dev/spidev0.1", os.O_RDWR)
        raise AssertionError("denied")
    except PermissionError:
        pass


for check in (files, spi, gpio, events):
    check()
print("every check passed")

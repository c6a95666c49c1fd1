"""Markers as UDP datagrams: the socket, the moment at which one came, what is in it."""

from __future__ import annotations

import errno
import ipaddress
import json
import socket
import struct
import sys
import time
from typing import Any

from eegcore.errors import BadArgument, SystemFailed

MAX_DATAGRAM = 2048                                    # bytes; 256 characters of UTF-8 in JSON are fewer
SO_TIMESTAMPNS = 35                                    # asm-generic/socket.h: struct timespec, CLOCK_REALTIME
SO_RXQ_OVFL = 40                                       # likewise: datagrams the socket had no room for, u32
SO_MEMINFO = 55                                        # likewise, since Linux 4.12: u32 by the SK_MEMINFO_ numbers
SK_MEMINFO_DROPS, SK_MEMINFO_VARS = 8, 9               # linux/sock_diag.h
RECEIVE_BYTES = 4 << 20                                # some thousand datagrams; the kernel gives net.core.rmem_max
OLDEST_NS = 10_000_000_000                             # a stamp further off than that: the wall clock was set meanwhile
FIELDS = ("text", "t_ns", "t_unix_ns", "duration_s")

Ancillary = tuple[int, int, bytes]                     # level, type, data of recvmsg


def open_udp(stage_id: str, host: str, port: int) -> socket.socket:
    """Return a socket that takes datagrams, with the kernel's stamp on each; SystemFailed if there is none."""
    family = socket.AF_INET6 if ipaddress.ip_address(host).version == 6 else socket.AF_INET
    udp = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
    try:
        udp.bind((host, port))
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
        udp.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        udp.setsockopt(socket.SOL_SOCKET, SO_RXQ_OVFL, 1)
    except OSError as error:
        udp.close()
        name = errno.errorcode.get(error.errno or 0, "?")
        raise SystemFailed(f"{stage_id}: UDP port {port} of {host} cannot be had ({error.strerror}). End the program "
                           f"that has it, or set udp_port to another. [{name} {error.errno}]",
                           errno=error.errno) from None
    return udp


def arrival_ns(ancillary: list[Ancillary]) -> int:
    """Return when the kernel had the datagram, CLOCK_MONOTONIC: its stamp is wall time, an instant ago."""
    now_ns, wall_ns = time.monotonic_ns(), time.time_ns()
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS and len(data) == 16:
            seconds, rest = struct.unpack("=qq", data)
            age_ns: int = wall_ns - (seconds * 10**9 + rest)
            if 0 <= age_ns < OLDEST_NS:
                return now_ns - age_ns
    return now_ns


def lost_before(ancillary: list[Ancillary]) -> int:
    """Return how many datagrams the socket had no room for since it was opened, as of this one."""
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == SO_RXQ_OVFL and len(data) == 4:
            return int.from_bytes(data, sys.byteorder)
    return 0


def lost_by_now(udp: socket.socket) -> int:
    """Return the same as of now, also when no datagram follows; 0 where the kernel does not say."""
    try:
        told = udp.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, 4 * SK_MEMINFO_VARS)
    except OSError:
        return 0
    return lost_before([(socket.SOL_SOCKET, SO_RXQ_OVFL, told[4 * SK_MEMINFO_DROPS:])])


def parse_datagram(data: bytes) -> dict[str, Any]:
    """Return the fields of a marker, ``text`` among them, as they are; BadArgument if it is none."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadArgument(f"datagram: not UTF-8 at byte {error.start}. Send text, or JSON.") from None
    if not text.lstrip().startswith("{"):
        return {"text": text.rstrip("\r\n")}           # `echo stimulus | nc -u` sends a line end
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        raise BadArgument('datagram: begins with { and is not JSON. Send for example {"text": "stimulus"}.') from None
    unknown = [name for name in fields if name not in FIELDS]
    if unknown:
        raise BadArgument(f"datagram: {unknown[0][:60]!r} is not known. Known: {', '.join(FIELDS)}.")
    if "text" not in fields:
        raise BadArgument('datagram: no text. Send for example {"text": "stimulus"}.')
    return {name: value for name, value in fields.items() if value is not None or name == "text"}

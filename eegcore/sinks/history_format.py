"""The layout of a history on disk: segment files of records, all numbers little-endian.

A history is a folder of ``history_000001.seg``, ``history_000002.seg`` ... A segment is the magic, then records
until its end; the oldest segments of a long run are gone. Each segment can be read alone: it begins with the run
and every configuration that its packets may be of.

    segment   8 B "EEGHIST1" | u32 number of the segment | u32 0 | record ...
    record    u32 length of the body | u32 CRC-32 (zlib) of the body | body
    body      u8 type | ...
    RUN CONFIG HOLE EVENT END     type | UTF-8 JSON
    PACKET    type | u8 parts | u16 stream | 32 B ``<Q6I`` frame_index kind flags n_frames n_channels n_bins
              payload_bytes | 36 B ``<qd5I`` t_ns sps device_frames meta_rev config_rev step_num step_den | 16 B hash |
              32 B for each mask named in parts | payload if parts says so

Bits 0 to 4 of `parts`: saturated, lead_off, flatline, blink, muscle have a mask that is not 0; bit 7: the payload is
there. The hash is BLAKE2b (RFC 7693) of 16 bytes over the first 192 bytes of `Packet.head` (frame_index to muscle)
and the payload: not over times, so that a run can be compared with its repetition. Whatever follows a record that is
cut short, or whose sum is wrong, is no part of the segment: a writer that was killed leaves such an end.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

MAGIC: Final = b"EEGHIST1"
FILE_HEAD: Final = struct.Struct("<8sII")
RECORD: Final = struct.Struct("<II")
PREFIX: Final = struct.Struct("<BBH")
SHAPE: Final = struct.Struct("<Q6I")                   # the hashed part of a head before its masks
TIMES: Final = struct.Struct("<qd5I")                  # what is not hashed
HEAD_BYTES: Final = 232                                # of Packet.head: shape, masks, times, 4 bytes of 0
HASHED_BYTES: Final = 192
MASK_BYTES: Final = 32
N_MASKS: Final = 5
HASH_BYTES: Final = 16
PACKET_BYTES: Final = RECORD.size + PREFIX.size + SHAPE.size + TIMES.size + HASH_BYTES   # without masks and payload
MOST_BODY: Final = 1 << 28
HAS_PAYLOAD: Final = 0x80

PACKET, RUN, CONFIG, HOLE, EVENT, END = range(1, 7)
JSON_TYPES: Final = (RUN, CONFIG, HOLE, EVENT, END)

_NO_MASKS: Final = bytes(N_MASKS * MASK_BYTES)
_FIXED: Final = PREFIX.size + SHAPE.size + TIMES.size + HASH_BYTES


def segment_name(number: int) -> str:
    """Return the file name of a segment."""
    return f"history_{number:06d}.seg"


def segment_number(name: str) -> int | None:
    """Return the number in the file name of a segment, None for any other name."""
    digits = name.removeprefix("history_").removesuffix(".seg")
    is_one = digits.isascii() and digits.isdecimal() and len(digits) <= 9 and name == segment_name(int(digits))
    return int(digits) if is_one else None


def packet_hash(head: bytes, payload: Any) -> bytes:
    """Return the hash of a packet.

    Parameters
    ----------
    head : bytes
        `Packet.head`.
    payload : bytes-like
        The packet itself, or its payload.
    """
    digest = blake2b(head[:HASHED_BYTES], digest_size=HASH_BYTES)
    digest.update(payload)
    return digest.digest()


def record(body: bytes) -> bytes:
    """Return a body as a record."""
    return RECORD.pack(len(body), zlib.crc32(body)) + body


def json_record(kind: int, document: dict[str, Any]) -> bytes:
    """Return a record that holds JSON."""
    return record(bytes([kind]) + json.dumps(document, separators=(",", ":"), allow_nan=False).encode())


def packet_record(stream: int, head: bytes, payload: Any, *, keep: bool) -> bytes:
    """Return the record of a packet.

    Parameters
    ----------
    stream : int
        Number of the stream in the table of CONFIG.
    head : bytes
        `Packet.head`.
    payload : bytes-like
    keep : bool
        Keep the payload, not only its hash.
    """
    parts, masks = 0, head[SHAPE.size:HASHED_BYTES]
    kept = b""
    if masks != _NO_MASKS:
        for number in range(N_MASKS):
            mask = masks[number * MASK_BYTES:(number + 1) * MASK_BYTES]
            if any(mask):
                parts |= 1 << number
                kept += mask
    body = [PREFIX.pack(PACKET, parts | (HAS_PAYLOAD if keep else 0), stream), head[:SHAPE.size],
            head[HASHED_BYTES:HASHED_BYTES + TIMES.size], packet_hash(head, payload), kept]
    if keep:
        body.append(bytes(payload))
    return record(b"".join(body))


@dataclass(frozen=True, slots=True)
class PacketRecord:
    """A packet as a history holds it; fields are those of `eegcore._rt.Packet`."""

    stream: int
    head: bytes                                        # as Packet.head
    digest: bytes
    payload: bytes | None
    frame_index: int
    kind: int
    flags: int
    n_frames: int
    n_channels: int
    n_bins: int
    payload_bytes: int
    t_ns: int
    sps: float
    device_frames: int
    config_rev: int

    @property
    def end_frame(self) -> int:
        """Device frame behind those this packet answers for."""
        return self.frame_index + self.device_frames

    def fed(self) -> bytes:
        """Return head and payload as `_rt.feed` takes them."""
        payload = self.payload or b""
        return self.head + payload + bytes(-len(payload) % 8)


def parse_packet(body: memoryview) -> PacketRecord | None:
    """Read the body of a PACKET record; None if its lengths do not fit each other."""
    if len(body) < _FIXED:
        return None
    _, parts, stream = PREFIX.unpack_from(body)
    at = PREFIX.size
    shape = bytes(body[at:at + SHAPE.size])
    at += SHAPE.size
    times = bytes(body[at:at + TIMES.size])
    at += TIMES.size
    digest = bytes(body[at:at + HASH_BYTES])
    at += HASH_BYTES
    if parts & 0x1F:
        masks = b""
        for number in range(N_MASKS):
            if parts >> number & 1:
                masks += bytes(body[at:at + MASK_BYTES])
                at += MASK_BYTES
            else:
                masks += bytes(MASK_BYTES)
    else:
        masks = _NO_MASKS
    frame_index, kind, flags, n_frames, n_channels, n_bins, payload_bytes = SHAPE.unpack(shape)
    t_ns, sps, device_frames, _, config_rev, _, _ = TIMES.unpack(times)
    payload = bytes(body[at:]) if parts & HAS_PAYLOAD else None
    if len(body) != at + (payload_bytes if payload is not None else 0) or n_frames == 0:
        return None
    return PacketRecord(stream, shape + masks + times + bytes(4), digest, payload, frame_index, kind, flags, n_frames,
                        n_channels, n_bins, payload_bytes, t_ns, sps, device_frames, config_rev)


def bodies(data: memoryview) -> Iterator[memoryview]:
    """Yield the bodies of a segment's records, up to its end or the first one that is not whole."""
    at = FILE_HEAD.size
    while at + RECORD.size <= len(data):
        length, checksum = RECORD.unpack_from(data, at)
        at += RECORD.size
        if not 1 <= length <= MOST_BODY or at + length > len(data):
            return
        body = data[at:at + length]
        if zlib.crc32(body) != checksum:
            return
        yield body
        at += length

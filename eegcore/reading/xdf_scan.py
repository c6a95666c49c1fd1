"""The chunks of an XDF file, looked over before pyxdf reads them: lengths and counts a file states are not believed.

XDF 1.0 (github.com/sccn/xdf/wiki/Specifications): after the magic word a file is chunks of
``[bytes of length][length][tag][content]``; what is not understood is skipped by its length.
"""

from __future__ import annotations

import os
import re
import struct
from typing import NamedTuple

from eegcore.devices.readers_base import refuse

MAGIC = b"XDF:"
HEADER, STREAM_HEADER, SAMPLES, CLOCK_OFFSET, BOUNDARY, STREAM_FOOTER = 1, 2, 3, 4, 5, 6
SAMPLE_BYTES = {"int8": 1, "int16": 2, "int32": 4, "int64": 8, "float32": 4, "double64": 8, "string": 1}
EXACT = b"<writer>eegcore</writer>"
"""In the file header of an XDF file of this house: its stamps are not those of packets on their way, but exact."""

MOST_CHANNELS = 65_536
MOST_STREAMS = 1024
LENGTHS = {1: "<B", 4: "<I", 8: "<Q"}
FORMAT = re.compile(rb"<channel_format>\s*(\w+)\s*</channel_format>")
CHANNELS = re.compile(rb"<channel_count>\s*(\d{1,9})\s*</channel_count>")


class _Stream(NamedTuple):
    least_bytes: int                                   # of one sample: a byte for its time stamp, and the values


def check_parts(path: str | os.PathLike[str], data: bytes) -> None:
    """Check that every chunk lies within the file and can hold the samples it states.

    A file that is cut short within a chunk is fine up to there: a recorder was killed.

    Raises
    ------
    RecordingRefused
    """
    streams: dict[int, _Stream] = {}
    at = len(MAGIC)
    while at < len(data):
        place, found = at, _length(data, at)
        if found is None:
            if len(data) - at < 9:
                return                                 # cut short within a length
            raise _broken(path, place, f"a length of {data[at]} bytes")
        at, length = found
        if length < 2:
            raise _broken(path, place, f"its length is {length}")
        end = at + length
        tag = int.from_bytes(data[at:at + 2], "little")
        if tag not in range(HEADER, STREAM_FOOTER + 1):
            raise _broken(path, place, f"its tag is {tag}")
        body = data[at + 2:min(end, at + 2 + (1 << 20))] if tag in (HEADER, STREAM_HEADER, STREAM_FOOTER) else b""
        if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
            raise _broken(path, place, "its XML declares entities")
        if tag == STREAM_HEADER and end <= len(data):
            streams[int.from_bytes(body[:4], "little")] = _stream(path, place, body)
            if len(streams) > MOST_STREAMS:
                raise refuse(path, f"has more than {MOST_STREAMS} streams", "Cut it into parts.")
        elif tag == SAMPLES and end <= len(data):
            _check_samples(path, place, data, at + 2, end, streams)
        at = end


def _length(data: bytes, at: int) -> tuple[int, int] | None:
    """Return where the content begins and how long it is; None if that cannot be told."""
    size = data[at]
    if size not in LENGTHS or at + 1 + size > len(data):
        return None
    return at + 1 + size, struct.unpack_from(LENGTHS[size], data, at + 1)[0]


def _stream(path: str | os.PathLike[str], place: int, body: bytes) -> _Stream:
    kind, count = FORMAT.search(body), CHANNELS.search(body)
    if kind is None or kind[1].decode("ascii", "replace") not in SAMPLE_BYTES or count is None:
        raise _broken(path, place, "its stream header has no usable channel_format and channel_count")
    n_channels = int(count[1])
    if n_channels > MOST_CHANNELS:
        raise _broken(path, place, f"its stream header states {n_channels} channels")
    return _Stream(1 + n_channels * SAMPLE_BYTES[kind[1].decode()])


def _check_samples(path: str | os.PathLike[str], place: int, data: bytes, at: int, end: int,
                   streams: dict[int, _Stream]) -> None:
    stream = streams.get(int.from_bytes(data[at:at + 4], "little"))
    if stream is None:
        raise _broken(path, place, "it holds samples of a stream without a header")
    found = _length(data, at + 4) if at + 4 < end else None
    if found is None:
        raise _broken(path, place, "its number of samples cannot be read")
    begin, n_samples = found
    if n_samples * stream.least_bytes > end - begin:
        raise _broken(path, place, f"it states {n_samples} samples in {max(0, end - begin)} bytes")


def _broken(path: str | os.PathLike[str], place: int, what: str) -> Exception:
    return refuse(path, f"the XDF chunk at byte {place} is damaged: {what}",
                  "Copy or download the file again, or cut it there.")

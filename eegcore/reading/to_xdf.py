"""XDF 1.0: a stream of samples for every rate, a stream of texts for the events.

Written by the specification (github.com/sccn/xdf/wiki/Specifications): a file header; a header for each stream;
chunks of samples, the first one of each with a time stamp and the others one period later each; one clock offset,
0, because all stamps are of one clock; footers. Little-endian throughout. Stamps count seconds from the first
frame; the wall time stands in the description as ``start_unix_ns``.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any, BinaryIO
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray

from eegcore.errors import BadArgument
from eegcore.reading.new_file import new_file
from eegcore.reading.xdf_scan import (
    BOUNDARY,
    CLOCK_OFFSET,
    EXACT,
    HEADER,
    MAGIC,
    SAMPLES,
    STREAM_FOOTER,
    STREAM_HEADER,
)

if TYPE_CHECKING:
    from eegcore.reading.recording import Event, Recording

BOUNDARY_UUID = bytes([0x43, 0xA5, 0x46, 0xDC, 0xCB, 0xF5, 0x41, 0x0F, 0xB3, 0x0E, 0xD5, 0x46, 0x73, 0x83, 0xCB, 0xE4])
"""The mark after which a reader finds its way again in a damaged file."""

PACKET_FRAMES = 4096
BOUNDARY_BYTES = 10 << 20
FORMATS = {"float32": "float32", "float64": "double64", "int32": "int32"}
NOT_XML = dict.fromkeys([*range(9), 11, 12, *range(14, 32)], " ")
"""Control characters that XML 1.0 cannot carry."""


def write_xdf(recording: Recording, path: str | os.PathLike[str],
              progress: Callable[[float], None] | None = None) -> dict[str, Any]:
    """Write every stream of a recording, and its events, as XDF.

    Samples are written as they are: float32 (or float64) in `Recording.units`. Gaps without rows stay gaps of the
    stamps. A file that exists is never overwritten.

    Parameters
    ----------
    recording : Recording
    path : path-like
    progress : callable, optional
        Told the part that is done, 0..1.

    Returns
    -------
    dict
        ``path``, ``bytes``, ``streams``, ``events``.

    Raises
    ------
    FileRefused
        If the file exists or cannot be made.
    SinkFailed
        If it cannot be written; what was written is taken away.
    """
    streams = [stream for stream in recording.streams or (recording,) if stream.n_channels]
    if not streams:
        raise BadArgument(f"{recording.path}: no stream has a channel. There is nothing to write.")
    with new_file(path) as file:
        file.write(MAGIC)
        _part(file, HEADER, b'<?xml version="1.0"?><info><version>1.0</version>' + EXACT + b"</info>")
        total = sum(stream.n_frames for stream in streams) or 1
        done = 0
        marked = 0
        for number, stream in enumerate(streams, 1):
            _part(file, STREAM_HEADER, struct.pack("<I", number) + _header(stream, number))
            _offset(file, number)
            last = 0.0
            for stamp, values in _packets(stream):
                _part(file, SAMPLES, struct.pack("<I", number) + _packed(stamp, values))
                last = stamp + (len(values) - 1) / stream.sps
                done += len(values)
                if file.tell() - marked > BOUNDARY_BYTES:
                    marked = file.tell()
                    _part(file, BOUNDARY, BOUNDARY_UUID)
                if progress is not None:
                    progress(done / total)
            _footer(file, number, 0.0, last, stream.n_frames)
        number = len(streams) + 1
        events = recording.events
        if events:
            _events(file, number, recording, events)
        size = file.tell()
    return {"path": os.fspath(path), "bytes": size, "streams": len(streams) + bool(events), "events": len(events)}


def _events(file: BinaryIO, number: int, recording: Recording, events: list[Event]) -> None:
    lasting = any(event.duration_s for event in events)
    channels = ("text", "duration_s") if lasting else ("text",)
    _part(file, STREAM_HEADER, struct.pack("<I", number) + _xml(
        f"{_name(recording)} markers", "Markers", len(channels), 0.0, "string", f"{number}",
        "".join(f"<channel><label>{name}</label></channel>" for name in channels), recording.start_unix_ns))
    _offset(file, number)
    # onsets follow the nominal rate, stamps the true one
    stretch = 1.0 if recording.stamps_s is not None else recording.sps_nominal / recording.sps
    parts = [struct.pack("<I", number), b"\x04", struct.pack("<I", len(events))]
    stamps = [event.onset_s * stretch for event in events]
    for stamp, event in zip(stamps, events, strict=True):
        parts.append(b"\x08" + struct.pack("<d", stamp))
        for text in (event.text, repr(event.duration_s))[:len(channels)]:
            raw = text.encode("utf-8", "replace")
            parts.append(b"\x04" + struct.pack("<I", len(raw)) + raw)
    _part(file, SAMPLES, b"".join(parts))
    _footer(file, number, stamps[0], stamps[-1], len(events))


def _packets(stream: Recording) -> Iterator[tuple[float, NDArray[Any]]]:
    """Yield (stamp of the first frame, values) of stretches without a gap."""
    edges = sorted({0, stream.n_frames, *(gap.frame for gap in stream.gaps if not gap.filled)})
    irregular = stream.stamps_s is not None and bool(stream.meta.get("irregular"))
    for begin, end in pairwise(edges):
        late = sum(gap.n_frames for gap in stream.gaps if not gap.filled and gap.frame <= begin)
        for at in range(begin, end, 1 if irregular else PACKET_FRAMES):
            stop = min(end, at + (1 if irregular else PACKET_FRAMES))
            stamp = float(stream.stamps_s[at]) if stream.stamps_s is not None else (at + late) / stream.sps
            yield stamp, stream.frames(at, stop)


def _packed(stamp: float, values: NDArray[Any]) -> bytes:
    """Return number of samples and samples: the first with its stamp, the others without."""
    little = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
    rows = little.view(np.uint8).reshape(len(little), -1)
    rest = np.zeros((len(rows) - 1, 1 + rows.shape[1]), np.uint8)
    rest[:, 1:] = rows[1:]
    first: bytes = rows[0].tobytes()
    return b"\x04" + struct.pack("<I", len(rows)) + b"\x08" + struct.pack("<d", stamp) + first + rest.tobytes()


def _part(file: BinaryIO, tag: int, content: bytes) -> None:
    file.write(b"\x08" + struct.pack("<QH", len(content) + 2, tag) + content)


def _offset(file: BinaryIO, number: int) -> None:
    """Say that the stamps need no correction; a second offset would make readers fit a line through noise."""
    _part(file, CLOCK_OFFSET, struct.pack("<Idd", number, 0.0, 0.0))


def _footer(file: BinaryIO, number: int, first: float, last: float, n_samples: int) -> None:
    _part(file, STREAM_FOOTER, struct.pack("<I", number) + (
        f'<?xml version="1.0"?><info><first_timestamp>{first!r}</first_timestamp>'
        f"<last_timestamp>{last!r}</last_timestamp><sample_count>{n_samples}</sample_count></info>").encode())


def _name(recording: Recording) -> str:
    return str(recording.meta.get("name") or os.path.splitext(os.path.basename(os.path.normpath(recording.path)))[0])


def _header(stream: Recording, number: int) -> bytes:
    channels = "".join(
        f"<channel><label>{_plain(label)}</label><unit>{'microvolts' if unit == 'uV' else _plain(unit)}</unit>"
        f"<type>{kind.upper()}</type></channel>"
        for label, unit, kind in zip(stream.labels, stream.units, stream.types, strict=True))
    kind = "EEG" if "eeg" in stream.types else "Misc"
    rate = 0.0 if stream.meta.get("irregular") else stream.sps_nominal
    form = FORMATS[stream.frames(0, 0).dtype.name]
    return _xml(_name(stream), kind, stream.n_channels, rate, form, f"{number}", channels, stream.start_unix_ns)


def _xml(name: str, kind: str, n_channels: int, rate: float, form: str, uid: str, channels: str,
         start_unix_ns: int | None) -> bytes:
    start = "" if start_unix_ns is None else f"<start_unix_ns>{start_unix_ns}</start_unix_ns>"
    return (f'<?xml version="1.0"?><info><name>{_plain(name)}</name><type>{kind}</type>'
            f"<channel_count>{n_channels}</channel_count><nominal_srate>{rate!r}</nominal_srate>"
            f"<channel_format>{form}</channel_format><source_id></source_id><version>1.0</version>"
            f"<created_at>0.0</created_at><uid>{uid}</uid><session_id></session_id><hostname></hostname>"
            f"<desc><channels>{channels}</channels><acquisition><software>eegcore</software></acquisition>{start}"
            "</desc></info>").encode()


def _plain(text: str) -> str:
    return escape(text.translate(NOT_XML).encode("utf-8", "replace").decode())

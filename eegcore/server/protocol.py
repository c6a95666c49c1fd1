"""What goes over /ws/data, byte by byte. Pure: no socket, no clock, no state.

A binary message is a 64-byte little-endian header and the payload,
frame-major; everything else is a JSON object with a `type`. The compiled
packet writes the same header itself (`Packet.encode`); `pack_header` here is
the definition it is tested against.
"""

from __future__ import annotations

import json
import math
import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from eegcore.stages.stream import Kind, Stream

PROTOCOL = 1
MAGIC = b"EEG1"
HEADER_BYTES = 64
HEADER = struct.Struct("<4sBBHIIQqdIIIIII")    # magic, then the fields of Header in their order
assert HEADER.size == HEADER_BYTES

INBOUND_BYTES = 64 * 1024                      # a longer client message closes the socket (1009)
MAX_TOPIC_CHARS = 128
MAX_HZ = 1e6
FORMATS = ("binary", "json")

FLAG_GAP = 1
FLAG_SATURATED = 2
FLAG_LEAD_OFF = 4
FLAG_SETTLING = 8
FLAG_IMPEDANCE = 16
FLAG_LATE = 32
FLAG_MORE = 128                                # of the header: one of those below, of which the flags message tells
FLAG_FLATLINE = 256
FLAG_BLINK = 512
FLAG_MUSCLE = 1024
FLAG_SUBSTITUTED = 2048
# what a channel can be, each a mask of a packet; substituted: a stage failed and its declared default stands there
MARKS = ("lead_off", "saturated", "flatline", "blink", "muscle", "substituted")
NO_MARKS = (0,) * len(MARKS)

OP_TEXT = 0x1
OP_BINARY = 0x2
OP_CLOSE = 0x8

_TOPIC = re.compile(r"[^\x00-\x1f\x7f]+")


@dataclass(frozen=True)
class Header:
    """The 64 bytes before every payload. Frame i is device frame ``frame_index + i * step_num / step_den``."""

    kind: int
    flags: int
    topic_id: int
    n_frames: int
    n_channels: int
    frame_index: int
    t_ns: int
    sps: float
    meta_rev: int
    config_rev: int
    payload_bytes: int
    step_num: int = 1
    step_den: int = 1
    n_bins: int = 0

    @property
    def n_values(self) -> int:
        """Values in one plane of the payload."""
        return self.n_frames * self.n_channels * (self.n_bins if self.kind == Kind.SPECTRUM_F32 else 1)

    @property
    def doubt(self) -> int:
        """1 where a device frame has several frames of the stream: a packet may begin with any of them."""
        return int(self.step_num < self.step_den)

    @property
    def next_index(self) -> int:
        """Device frame of the frame behind the last one.

        ``frame_index`` is the whole part of the first frame's position, which is the first multiple of
        the step at or behind it; frames are at multiples of the step.
        """
        fraction = -self.frame_index * self.step_den % self.step_num
        fraction = fraction if fraction < self.step_den else 0
        return self.frame_index + (fraction + self.n_frames * self.step_num) // self.step_den


class ProtocolError(ValueError):
    """A message that is not what the protocol says.

    Attributes
    ----------
    code : str
        Stable word: ``bad_json``, ``bad_message``, ``unknown_type``, ``bad_topic``, ``bad_format``,
        ``bad_max_hz``, ``bad_packet``.
    details : dict
    """

    def __init__(self, code: str, message: str, **details: Any) -> None:
        super().__init__(message)
        self.code = code
        self.details = details


def pack_header(header: Header) -> bytes:
    """Return the 64 bytes of `header`."""
    return HEADER.pack(
        MAGIC, header.kind, header.flags, header.topic_id, header.n_frames, header.n_channels,
        header.frame_index, header.t_ns, header.sps, header.meta_rev, header.config_rev,
        header.payload_bytes, header.step_num, header.step_den, header.n_bins,
    )


def unpack(message: bytes) -> tuple[Header, np.ndarray | None, np.ndarray | None]:
    """Take a binary message apart.

    Returns
    -------
    header : Header
    counts : ndarray of int32 or None
        Shape ``(n_frames, n_channels)``.
    data : ndarray of float32 or None
        Shape ``(n_frames, n_channels)``, or ``(n_frames, n_bins, n_channels)`` for a spectrum.
        Both are read-only views of `message`.

    Raises
    ------
    ProtocolError
        If magic, kind or lengths are wrong.
    """
    if len(message) < HEADER_BYTES or message[:4] != MAGIC:
        raise ProtocolError("bad_packet", f"/ws/data: a message of {len(message)} bytes that does not begin with "
                                          f"EEG1. A packet has a header of {HEADER_BYTES} bytes.")
    header = Header(*HEADER.unpack_from(message)[1:])
    planes = 2 if header.kind == Kind.RAW_AND_VOLTAGE else 1
    need = 4 * header.n_values * planes
    if not 1 <= header.kind <= 4 or header.payload_bytes != need or len(message) != HEADER_BYTES + need:
        raise ProtocolError("bad_packet", f"/ws/data: kind {header.kind} with a payload of "
                                          f"{len(message) - HEADER_BYTES} bytes, its shape needs {need}.")
    shape = ((header.n_frames, header.n_bins, header.n_channels) if header.kind == Kind.SPECTRUM_F32
             else (header.n_frames, header.n_channels))
    counts = data = None
    if header.kind in (Kind.RAW_I32, Kind.RAW_AND_VOLTAGE):
        counts = np.frombuffer(message, "<i4", header.n_values, HEADER_BYTES).reshape(shape)
    if header.kind != Kind.RAW_I32:
        start = HEADER_BYTES + 4 * header.n_values * (planes - 1)
        data = np.frombuffer(message, "<f4", header.n_values, start).reshape(shape)
    return header, counts, data


def ws_frame(opcode: int, payload: bytes) -> bytes:
    """Return one complete, unmasked WebSocket frame (RFC 6455, 5.2), as a server sends it."""
    n = len(payload)
    if n < 126:
        return struct.pack("!BB", 0x80 | opcode, n) + payload
    if n < 65536:
        return struct.pack("!BBH", 0x80 | opcode, 126, n) + payload
    return struct.pack("!BBQ", 0x80 | opcode, 127, n) + payload


def close_frame(code: int, reason: str) -> bytes:
    """Return a close frame; `reason` is cut to the 123 bytes the standard allows."""
    return ws_frame(OP_CLOSE, struct.pack("!H", code) + reason.encode()[:123])


def finite(value: Any) -> Any:
    """Return `value` with every NaN and infinity in it replaced by None."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    return value


def dumps(message: Any) -> str:
    """Return JSON as a browser can read it: NaN and infinities are null.

    NumPy numbers become plain ones; anything else that JSON does not know becomes its text.
    """
    try:
        return json.dumps(message, allow_nan=False, separators=(",", ":"), default=_plain)
    except ValueError:
        return json.dumps(finite(json.loads(json.dumps(message, default=_plain))), separators=(",", ":"))


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    return str(value)


def text_frame(message: Any) -> bytes:
    """Return `message` as the WebSocket frame that carries it as JSON."""
    return ws_frame(OP_TEXT, dumps(message).encode())


# -- what the server says ------------------------------------------------------------------------------

def hello(topics: Sequence[str]) -> dict[str, Any]:
    """Return the first message of a connection."""
    return {"type": "hello", "protocol": PROTOCOL, "topics": list(topics)}


def meta(topic: str, topic_id: int, meta_rev: int, stream: Stream, run_id: str | None, *,
         t_ns: int, t_unix_ns: int, sps_true: float | None = None) -> dict[str, Any]:
    """Describe the packets of a topic; `t_ns` and `t_unix_ns` are the same instant on the two clocks."""
    message: dict[str, Any] = {
        "type": "meta", "topic": topic, "topic_id": topic_id, "meta_rev": meta_rev, "run_id": run_id,
        "kind": Kind(stream.kind).name, "labels": list(stream.labels), "unit": stream.unit, "sps": stream.sps,
        "sps_true": sps_true or stream.sps, "t_unix_ns": t_unix_ns, "t_ns": t_ns,
        "step": [stream.step.numerator, stream.step.denominator], "reference": stream.reference,
        "delay_s": stream.delay_s, "settling_s": stream.settling_s, "max_frames": stream.max_frames,
    }
    if stream.scale_uv:
        message["scale_uv"] = list(stream.scale_uv)
    if stream.meta.get("lead_off", {}).get("mode", "off") != "off":
        message["lead_off"] = stream.meta["lead_off"]
    if stream.axis_hz:
        message["axis_hz"] = list(stream.axis_hz)
        message["bands"] = stream.meta.get("bands", {})
    if "mains_level" in stream.meta:
        message["mains_level"] = stream.meta["mains_level"]
    return message


def gap(topic_id: int, frames: int, reason: str) -> dict[str, Any]:
    """Say that `frames` device frames before the next packet of this topic were not sent to this client."""
    return {"type": "gap", "topic_id": topic_id, "frames": frames, "reason": reason}


def masks_of(packet: Any) -> tuple[int, ...]:
    """Return the masks of a packet in the order of `MARKS`; bit c of a mask is channel c."""
    if not packet.flags & (FLAG_FLATLINE | FLAG_BLINK | FLAG_MUSCLE | FLAG_SUBSTITUTED):
        return (packet.lead_off, packet.saturated, 0, 0, 0, 0)
    substituted = (1 << packet.n_channels) - 1 if packet.flags & FLAG_SUBSTITUTED else 0
    return (packet.lead_off, packet.saturated, packet.flatline, packet.blink, packet.muscle, substituted)


def flags(topic_id: int, frame_index: int, labels: Sequence[str], masks: Sequence[int]) -> dict[str, Any]:
    """Say which channels are lead-off, saturated... from `frame_index` on; masks are in the order of `MARKS`."""
    picked = {mark: _picked(labels, mask) for mark, mask in zip(MARKS, masks, strict=True)}
    return {"type": "flags", "topic_id": topic_id, "frame_index": frame_index, **picked}


def _picked(labels: Sequence[str], mask: int) -> list[str]:
    return [label for channel, label in enumerate(labels) if mask >> channel & 1]


def data(topic: str, topic_id: int, packet: Any) -> bytes:
    """Return the JSON text of one packet: values in uV (counts if it has no voltage), NaN as null.

    Shape of `data` is ``(n_frames, n_channels)``, or ``(n_frames, n_bins, n_channels)`` for a spectrum.
    """
    values = packet.data
    rows = values.tolist()
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        rows = finite(rows)
    return json.dumps({"type": "data", "topic": topic, "topic_id": topic_id, "frame_index": packet.frame_index,
                       "t_ns": packet.t_ns, "sps": packet.sps, "flags": packet.flags, "data": rows},
                      separators=(",", ":")).encode()


def error(code: str, message: str, details: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return an error message of /ws/data."""
    return {"type": "error", "error": {"code": code, "message": message, "details": dict(details or {})}}


# -- what a client says --------------------------------------------------------------------------------

@dataclass(frozen=True)
class Subscribe:
    """`max_hz` is messages per second; None means all."""

    topic: str
    format: str = "binary"
    max_hz: float | None = None


@dataclass(frozen=True)
class Unsubscribe:
    """No more of this topic, please."""

    topic: str


def parse_object(text: str) -> dict[str, Any]:
    """Return the JSON object in `text`; ProtocolError ``bad_json`` or ``bad_message`` if there is none."""
    if len(text) > INBOUND_BYTES:
        raise ProtocolError("bad_message", f"message: {len(text)} characters. At most {INBOUND_BYTES} are read.")
    try:
        message = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise ProtocolError("bad_json", f"message: not JSON ({exc}). Send one JSON object per message.") from None
    if not isinstance(message, dict):
        raise ProtocolError("bad_message", f"message: a JSON {type(message).__name__}, not an object. "
                                           'Send for example {"type": "subscribe", "topic": "eeg_filtered"}.')
    return message


def parse_client(text: str) -> Subscribe | Unsubscribe:
    """Understand one client message of /ws/data.

    Raises
    ------
    ProtocolError
        With a stable code; the connection may go on.
    """
    message = parse_object(text)
    kind = message.get("type")
    if kind == "subscribe":
        return subscription(message.get("topic"), message.get("format", "binary"), message.get("max_hz"))
    if kind == "unsubscribe":
        return Unsubscribe(check_topic(message.get("topic")))
    raise ProtocolError("unknown_type", f"type: {_shown(kind)} is not known. Known are subscribe and unsubscribe.",
                        known=["subscribe", "unsubscribe"])


def subscription(topic: Any, format_: Any = "binary", max_hz: Any = None) -> Subscribe:
    """Return a checked `Subscribe`; ProtocolError if a value is not allowed."""
    name = check_topic(topic)
    if format_ not in FORMATS or not isinstance(format_, str):
        raise ProtocolError("bad_format", f"format: {_shown(format_)} is not known. Known are binary and json.",
                            known=list(FORMATS))
    if max_hz is not None and (isinstance(max_hz, bool) or not isinstance(max_hz, (int, float))
                               or not 0 < max_hz <= MAX_HZ):
        raise ProtocolError("bad_max_hz", f"max_hz: {_shown(max_hz)} is not a number of messages a second above 0. "
                                          "Leave it out to get all.")
    return Subscribe(name, format_, None if max_hz is None else float(max_hz))


def check_topic(topic: Any) -> str:
    """Return `topic` if it can be the name of one; ProtocolError ``bad_topic`` otherwise."""
    if not isinstance(topic, str) or len(topic) > MAX_TOPIC_CHARS or not _TOPIC.fullmatch(topic):
        raise ProtocolError("bad_topic", f"topic: {_shown(topic)} is not the name of a topic. "
                                         f"A name has 1 to {MAX_TOPIC_CHARS} printable characters.")
    return topic


def _shown(value: Any) -> str:
    """Return `value` as a message may show it: short, one line."""
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."

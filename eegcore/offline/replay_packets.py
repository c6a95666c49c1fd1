"""Packets of a replay until they are compared, and cut as those of the recorded run were."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from functools import cached_property

from eegcore.sinks.history_format import HASHED_BYTES, SHAPE, TIMES, packet_hash
from eegcore.stages.stream import Kind

BEFORE_FIRST = 1 | 32                                  # flags about what is just before the first frame: gap, late read


@dataclass(frozen=True)
class Played:
    """A packet of a replay: head as of `Packet.head`, and its payload."""

    head: bytes
    payload: bytes

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """frame_index, kind, flags, n_frames, n_channels, n_bins, payload_bytes."""
        return SHAPE.unpack_from(self.head)

    @cached_property
    def times(self) -> tuple[int, float, int, int, int, int, int]:
        """t_ns, sps, device_frames, meta_rev, config_rev, step_num, step_den."""
        return TIMES.unpack_from(self.head, HASHED_BYTES)

    @property
    def frame_index(self) -> int:
        """Device frame of the first frame."""
        return self.shape[0]

    @property
    def n_frames(self) -> int:
        """Frames in the packet."""
        return self.shape[3]

    @property
    def flags(self) -> int:
        """Flags of the packet."""
        return self.shape[2]

    @property
    def t_ns(self) -> int:
        """Time of the first frame."""
        return self.times[0]

    @property
    def end_ns(self) -> int:
        """Time behind the last frame."""
        return self.t_ns + round(self.n_frames * 1e9 / self.times[1])

    @property
    def config_rev(self) -> int:
        """Revision of the configuration that made it."""
        return self.times[4]

    @cached_property
    def digest(self) -> bytes:
        """The hash, as a history has it."""
        return packet_hash(self.head, self.payload)


def recut(played: deque[Played], n_frames: int) -> None:
    """Let the first packet have so many frames, if it and those behind it can be cut or joined so.

    Frames join if nothing but the cut is between them: the next device frame, the same flags, the same masks. What a
    cut says of the time of its first frame is computed; no hash is over it.
    """
    while played[0].n_frames < n_frames and len(played) > 1 and _follows(played[0], played[1]):
        first = played.popleft()
        played[0] = _joined(first, played[0])
    if played[0].n_frames > n_frames and played[0].times[6] == 1:
        whole = played.popleft()
        played.appendleft(_part(whole, n_frames, whole.n_frames))
        played.appendleft(_part(whole, 0, n_frames))


def _follows(one: Played, other: Played) -> bool:
    step_num, step_den = one.times[5:7]
    _, kind, flags, n_frames, n_channels, n_bins, _ = one.shape
    return (step_den == 1 and other.frame_index == one.frame_index + n_frames * step_num
            and other.shape[1:3] == (kind, flags & ~BEFORE_FIRST) and other.shape[4:6] == (n_channels, n_bins)
            and other.head[SHAPE.size:HASHED_BYTES] == one.head[SHAPE.size:HASHED_BYTES])


def _with_frames(one: Played, frame_index: int, flags: int, n_frames: int, ahead: int, payload: bytes) -> Played:
    _, kind, _, _, n_channels, n_bins, _ = one.shape
    t_ns, sps, *rest = one.times
    shape = SHAPE.pack(frame_index, kind, flags, n_frames, n_channels, n_bins, len(payload))
    times = TIMES.pack(t_ns + round(ahead * 1e9 / sps), sps, *rest)
    return Played(shape + one.head[SHAPE.size:HASHED_BYTES] + times + bytes(4), payload)


def _planes(one: Played) -> list[bytes]:
    """Return the planes of a payload: two where counts stand before uV."""
    half = len(one.payload) // 2
    return [one.payload[:half], one.payload[half:]] if one.shape[1] == Kind.RAW_AND_VOLTAGE else [one.payload]


def _joined(one: Played, other: Played) -> Played:
    payload = b"".join(a + b for a, b in zip(_planes(one), _planes(other), strict=True))
    return _with_frames(one, one.frame_index, one.shape[2], one.n_frames + other.n_frames, 0, payload)


def _part(one: Played, begin: int, end: int) -> Played:
    flags = one.shape[2] if begin == 0 else one.shape[2] & ~BEFORE_FIRST
    planes = [plane[len(plane) // one.n_frames * begin:len(plane) // one.n_frames * end] for plane in _planes(one)]
    return _with_frames(one, one.frame_index + begin * one.times[5], flags, end - begin, begin, b"".join(planes))

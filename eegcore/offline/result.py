"""What `process` makes: samples with their axes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eegcore.stages.stream import Stream

FLAG_GAP = 1                                   # EEGCORE_FLAG_GAP: frames are missing before the first of a packet


class Stretch(NamedTuple):
    """Frames at even steps that share their flags; frame i stands at ``frame_index + i * step_num // step_den``."""

    frame_index: int
    n_frames: int
    step_num: int
    step_den: int
    flags: int


@dataclass(frozen=True)
class Processed:
    """Samples and everything needed to place them; ``ec.process(..., full=True)``.

    Parameters
    ----------
    data : ndarray
        Shape (n_frames, n_channels), or (n_frames, n_bins, n_channels) for a spectrum; float32, int32 where the
        output carries counts.
    sps : float
        Frames per second of `data`.
    labels : tuple of str
    unit : str
        ``"uV"``, ``"counts"``, ``"uV^2/Hz"``, ``"kOhm"``...
    axis_hz : ndarray of float64
        Frequency of each bin; empty unless a spectrum.
    delay_s : float
        Group delay of the chain at the middle of its pass band: what is seen at `time_s` happened `delay_s` before.
    settling_s : float
        Time after the start, and after a gap, until the filters have settled.
    source_sps : float
        Frames per second of the input.
    output : str
        ``"stage.port"`` the samples come from.
    stretches : tuple of Stretch
        Where the frames stand and what their flags are; `frame_index` and `flags` in short.
    """

    data: NDArray[Any]
    sps: float
    labels: tuple[str, ...]
    unit: str
    axis_hz: NDArray[np.float64]
    delay_s: float
    settling_s: float
    source_sps: float
    output: str
    stretches: tuple[Stretch, ...]

    @cached_property
    def frame_index(self) -> NDArray[np.int64]:
        """Which frame of the input each frame of `data` stands at, counted from 0; a jump is a gap."""
        return np.concatenate([np.empty(0, np.int64), *(
            one.frame_index + np.arange(one.n_frames, dtype=np.int64) * one.step_num // one.step_den
            for one in self.stretches)])

    @cached_property
    def flags(self) -> NDArray[np.uint32]:
        """``EEGCORE_FLAG_*`` of ``eegcore/plugin.h`` for each frame: 1 a gap before it, 2 saturated, 8 settling..."""
        return np.repeat(np.array([one.flags for one in self.stretches], np.uint32),
                         [one.n_frames for one in self.stretches])

    @property
    def time_s(self) -> NDArray[np.float64]:
        """Seconds after the first frame of the input, for each frame of `data`; shape (n_frames,)."""
        return self.frame_index / self.source_sps


class Collector:
    """Puts packets of one output behind each other, in one array that is allocated once.

    Parameters
    ----------
    stream : Stream
        What comes.
    expected : int
        Frames to make room for; more are taken, at the price of a copy.
    """

    def __init__(self, stream: Stream, expected: int) -> None:
        shape = (stream.n_bins, stream.n_channels) if stream.n_bins else (stream.n_channels,)
        counts = stream.kind.has_counts and not stream.kind.has_voltage
        self._data: NDArray[Any] = np.empty((max(1, expected), *shape), np.int32 if counts else np.float32)
        self._n = 0
        self._stretches: list[Stretch] = []

    def take(self, packet: Any) -> None:
        """Copy the samples of one packet."""
        end = self._n + packet.n_frames
        if end > len(self._data):
            self._resize(max(end, len(self._data) * 3 // 2))
        self._data[self._n:end] = packet.data
        self._n = end
        one = Stretch(packet.frame_index, packet.n_frames, packet.step_num, packet.step_den, packet.flags)
        if one.flags & FLAG_GAP and one.step_den == 1 and one.n_frames > 1:
            self._stretches.append(one._replace(n_frames=1))
            one = one._replace(frame_index=one.frame_index + one.step_num, n_frames=one.n_frames - 1,
                               flags=one.flags & ~FLAG_GAP)
        before = self._stretches[-1] if self._stretches else None
        if (before is not None and before[2:] == one[2:] and one.step_den == 1 and not one.flags & FLAG_GAP
                and before.frame_index + before.n_frames * before.step_num == one.frame_index):
            self._stretches[-1] = before._replace(n_frames=before.n_frames + one.n_frames)
        else:
            self._stretches.append(one)

    def processed(self, stream: Stream, source_sps: float, output: str) -> Processed:
        """Return everything taken; nothing more can be taken after it."""
        self._resize(self._n)
        return Processed(self._data, stream.sps, stream.labels, stream.unit, np.asarray(stream.axis_hz, np.float64),
                         stream.delay_s, stream.settling_s, source_sps, output, tuple(self._stretches))

    def _resize(self, n_frames: int) -> None:
        self._data.resize((n_frames, *self._data.shape[1:]), refcheck=False)     # no other array looks into it

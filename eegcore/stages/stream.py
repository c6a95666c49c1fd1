"""What flows on one output of a stage: labels, unit, rate, shape.

A `Stream` is a description, never data. The plan is made of streams; packets
at run time must agree with them.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

MAX_CHANNELS = 256
MAX_FRAMES = 4096


class Kind(enum.IntEnum):
    """Packet kinds; the numbers are those of the WebSocket header and of `eegcore/plugin.h`."""

    RAW_I32 = 1
    VOLTAGE_F32 = 2
    RAW_AND_VOLTAGE = 3
    SPECTRUM_F32 = 4

    @property
    def has_counts(self) -> bool:
        """True if packets of this kind carry an int32 plane."""
        return self in (Kind.RAW_I32, Kind.RAW_AND_VOLTAGE)

    @property
    def has_voltage(self) -> bool:
        """True if packets of this kind carry a float32 plane in uV."""
        return self in (Kind.VOLTAGE_F32, Kind.RAW_AND_VOLTAGE)


@dataclass(frozen=True)
class Stream:
    """Description of the packets on one output.

    Parameters
    ----------
    kind : Kind
    labels : tuple of str
        Channel names, at most `MAX_CHANNELS`.
    sps : float
        Frames per second, nominal.
    max_frames : int
        A packet never holds more, 1..`MAX_FRAMES`.
    unit : str
        ``"counts"``, ``"uV"``, ``"uV^2/Hz"`` or ``"kOhm"``.
    step : Fraction
        Device frames between two frames of this stream.
    scale_uv : tuple of float
        uV per count and channel; empty if the stream never was counts.
    reference : str
        What the channels were measured against.
    axis_hz : tuple of float
        Bin frequencies, SPECTRUM_F32 only.
    delay_s, settling_s : float
        Accumulated group delay at the middle of the pass band and settling time.
    can_wait : bool
        True below sources that back-pressure may stop (playback, virtual time).
    sources : tuple of str
        Ids of the sources this stream comes from.
    meta : dict
        What travels with the stream for people: bands, board, gain, lead_off, filters...
    """

    kind: Kind
    labels: tuple[str, ...]
    sps: float
    max_frames: int
    unit: str = "uV"
    step: Fraction = Fraction(1)
    scale_uv: tuple[float, ...] = ()
    reference: str = ""
    axis_hz: tuple[float, ...] = ()
    delay_s: float = 0.0
    settling_s: float = 0.0
    can_wait: bool = False
    sources: tuple[str, ...] = ()
    meta: dict[str, Any] = field(default_factory=dict)

    @property
    def n_channels(self) -> int:
        """Channels in every frame."""
        return len(self.labels)

    @property
    def n_bins(self) -> int:
        """Frequency bins in every frame; 0 unless a spectrum."""
        return len(self.axis_hz)

    @property
    def frame_bytes(self) -> int:
        """Bytes of one frame with all its planes."""
        planes = 2 if self.kind is Kind.RAW_AND_VOLTAGE else 1
        return 4 * planes * self.n_channels * max(1, self.n_bins)

    @property
    def packet_bytes(self) -> int:
        """Bytes of the largest payload."""
        return self.frame_bytes * self.max_frames

    def replace(self, **changes: Any) -> Stream:
        """Return a copy with some fields changed."""
        return replace(self, **changes)

    def after_filter(self, stage_id: str) -> Stream:
        """Return a copy whose meta says that the samples went through one more filter: ``meta["filters"]``."""
        return replace(self, meta={**self.meta, "filters": [*self.meta.get("filters", ()), stage_id]})

    def picks(self, labels: list[str] | None) -> list[int]:
        """Return the channel numbers of `labels` (all if None).

        Raises
        ------
        KeyError
            If a label is unknown; the message names the known ones.
        """
        if labels is None:
            return list(range(self.n_channels))
        unknown = [label for label in labels if label not in self.labels]
        if unknown:
            raise KeyError(f"no channel is called {unknown[0]!r}. Known: {', '.join(self.labels)}")
        return [self.labels.index(label) for label in labels]

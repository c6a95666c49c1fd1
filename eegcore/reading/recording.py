"""What `eegcore.read` returns: samples with everything needed to place, name and scale them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eegcore.errors import BadArgument
from eegcore.reading.samples import Samples

PIECE_FRAMES = 1 << 16
"""Frames handed out at once by `Recording.pieces` unless told otherwise."""


class Event(NamedTuple):
    """Something that happened, or was said, during a recording.

    Parameters
    ----------
    onset_s : float
        Seconds after the first frame; a gap that is not filled counts.
    duration_s : float
        0 for a moment.
    text : str
    frame : int
        Row of `Recording.data` at which it happened; clipped to the rows there are.
    kind : str
        ``"marker"``, ``"config"`` or ``"recording"`` where the recording tells them apart, else ``"annotation"``.
    """

    onset_s: float
    duration_s: float
    text: str
    frame: int
    kind: str = "annotation"


class Gap(NamedTuple):
    """Frames that were not measured.

    Parameters
    ----------
    frame : int
        Row of `Recording.data`.
    n_frames : int
        How many are missing.
    filled : bool
        True: rows `frame` to `frame` + `n_frames` stand for them. False: there are no rows for them; they are missing
        just before row `frame`.
    """

    frame: int
    n_frames: int
    filled: bool


@dataclass(eq=False)
class Recording:
    """One stream of a recording: channels of one rate.

    Parameters
    ----------
    path : str
        What was read.
    format : str
        ``"session"``, ``"bdf"``, ``"edf"``, ``"csv"``, ``"eegcore_csv"``, ``"openbci"``, ``"xdf"``, ``"brainvision"``.
    labels : tuple of str
        Channel names, all different.
    units : tuple of str
        Of `data`: ``"uV"`` for voltages, whatever their unit in the file; else that of the file.
    types : tuple of str
        ``"eeg"``, ``"eog"``, ``"ecg"``, ``"emg"``, ``"resp"``, ``"temperature"``, ``"stim"``, ``"misc"``: the words
        of MNE.
    sps : float
        Frames per second: the true rate if the recording knows it, else the nominal one.
    sps_nominal : float
        Frames per second as set; onsets and frames of events follow it.
    scale_uv : tuple of float
        uV per count and channel; empty if unknown.
    events : list of Event
        In order of onset.
    gaps : list of Gap
        In order.
    start_unix_ns : int or None
        Wall time of the first frame. Formats that know no zone (EDF) are taken as UTC.
    meta : dict
        What else the files say.
    ledger : dict or None
        Where every frame went, if the recording has a ledger.
    streams : tuple of Recording
        Every stream of the recording, the one `read` returned first: channels of other rates, other units, other
        devices.
    """

    path: str
    format: str
    labels: tuple[str, ...]
    units: tuple[str, ...]
    types: tuple[str, ...]
    sps: float
    sps_nominal: float
    samples: Samples = field(repr=False)
    scale_uv: tuple[float, ...] = ()
    events: list[Event] = field(default_factory=list, repr=False)
    gaps: list[Gap] = field(default_factory=list, repr=False)
    start_unix_ns: int | None = None
    meta: dict[str, Any] = field(default_factory=dict, repr=False)
    ledger: dict[str, Any] | None = field(default=None, repr=False)
    streams: tuple[Recording, ...] = field(default=(), repr=False)
    stamps_s: NDArray[np.float64] | None = field(default=None, repr=False)
    """Time of each frame where the format stamps frames (XDF), seconds after the first; None elsewhere."""

    @property
    def n_frames(self) -> int:
        """Rows of `data`."""
        return self.samples.n_frames

    @property
    def n_channels(self) -> int:
        """Columns of `data`."""
        return len(self.labels)

    @property
    def duration_s(self) -> float:
        """Seconds from the first to behind the last frame, gaps included."""
        return (self.n_frames + sum(gap.n_frames for gap in self.gaps if not gap.filled)) / self.sps_nominal

    @cached_property
    def data(self) -> NDArray[Any]:
        """Values in `units`, shape (n_frames, n_channels), frame-major; read when first asked for.

        float32, or float64 where the file holds that.
        """
        return self.samples.frames(0, self.n_frames)

    @cached_property
    def counts(self) -> NDArray[np.int32] | None:
        """Digital values as the file has them, of the shape of `data`; None if it has none."""
        return self.samples.counts(0, self.n_frames)

    def frames(self, begin: int, end: int) -> NDArray[Any]:
        """Return rows `begin` to `end` of `data`; of a file that is larger than the memory, only these are decoded.

        Raises
        ------
        BadArgument
            If they are not rows of the recording.
        """
        if not 0 <= begin <= end <= self.n_frames:
            raise BadArgument(f"read: frames {begin} to {end} of {self.path}. 0 <= begin <= end <= {self.n_frames} is "
                              "allowed.")
        return self.samples.frames(begin, end)

    def pieces(self, n_frames: int = PIECE_FRAMES) -> Iterator[NDArray[Any]]:
        """Yield `data` from its begin to its end, at most `n_frames` rows at a time."""
        for begin in range(0, self.n_frames, n_frames):
            yield self.samples.frames(begin, min(begin + n_frames, self.n_frames))

    @property
    def time_s(self) -> NDArray[np.float64]:
        """Seconds of each row after the first, at the nominal rate unless frames are stamped; shape (n_frames,)."""
        if self.stamps_s is not None:
            return self.stamps_s
        return self.device_frames / self.sps_nominal

    @property
    def device_frames(self) -> NDArray[np.int64]:
        """Which frame of the device each row is, the first being 0; it jumps over gaps that are not filled."""
        index = np.arange(self.n_frames, dtype=np.int64)
        for gap in self.gaps:
            if not gap.filled:
                index[gap.frame:] += gap.n_frames
        return index

    def to_mne(self) -> Any:
        """Return the recording as `mne.io.RawArray`: volts, annotations, measurement date, channel types.

        Gaps without rows are filled with the value before them and annotated ``BAD_ACQ_SKIP``, so that time stays
        right.
        """
        from eegcore.reading.to_mne import to_mne

        return to_mne(self)

    def to_edf(self, path: str | os.PathLike[str]) -> dict[str, Any]:
        """Write an EDF+ file of 16-bit samples; see `eegcore.reading.to_edf.write_edf`."""
        from eegcore.reading.to_edf import write_edf

        return write_edf(self, path)

    def to_xdf(self, path: str | os.PathLike[str]) -> dict[str, Any]:
        """Write an XDF file; see `eegcore.reading.to_xdf.write_xdf`."""
        from eegcore.reading.to_xdf import write_xdf

        return write_xdf(self, path)

    def to_csv(self, path: str | os.PathLike[str]) -> dict[str, Any]:
        """Write a CSV file as `csv_sink` does; see `eegcore.reading.to_csv.write_csv`."""
        from eegcore.reading.to_csv import write_csv

        return write_csv(self, path)

    def __repr__(self) -> str:
        more = f", {len(self.streams)} streams" if len(self.streams) > 1 else ""
        return (f"<Recording {self.path!r} ({self.format}): {self.n_channels} channels, {self.duration_s:.6g} s at "
                f"{self.sps:.9g} SPS, {len(self.events)} events, {len(self.gaps)} gaps{more}>")


def place_events(found: Sequence[tuple[float, float | None, str]], sps: float, n_frames: int,
                 gaps: Sequence[Gap]) -> list[Event]:
    """Return events at their rows.

    Parameters
    ----------
    found : sequence of (onset_s, duration_s, text)
    sps : float
        Nominal rate, which onsets follow.
    n_frames : int
        Rows there are.
    gaps : sequence of Gap
        Time runs on in those that have no rows; an event in one belongs to the row behind it.
    """
    events = []
    for onset_s, duration_s, text in found:
        row = round(onset_s * sps)
        missing = 0
        for gap in gaps:
            if not gap.filled and row >= gap.frame + missing:
                missing += min(gap.n_frames, row - gap.frame - missing)
        events.append(Event(onset_s, duration_s or 0.0, text, min(max(0, row - missing), max(0, n_frames - 1))))
    return sorted(events, key=lambda event: event.onset_s)


TYPE_WORDS = {"eeg": "eeg", "eog": "eog", "ecg": "ecg", "ekg": "ecg", "emg": "emg", "resp": "resp",
              "temp": "temperature", "status": "stim", "trigger": "stim", "stim": "stim", "sti": "stim"}
"""First words of labels, most of them the signal types of EDF+ (edfplus.info/specs/edftexts.html)."""


def type_of(label: str, is_voltage: bool) -> str:
    """Return the type of a channel by the first word of its label; ``eeg`` for other voltages, else ``misc``."""
    word = label.replace("_", " ").split(" ")[0].lower().rstrip("0123456789")
    found = TYPE_WORDS.get(word)
    if found is None or (found in ("eeg", "eog", "ecg", "emg") and not is_voltage):
        return "eeg" if is_voltage else "misc"
    return found

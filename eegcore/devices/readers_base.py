"""What every recording reader hands back, and how it refuses a file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eegcore.errors import EegcoreError

MAX_COUNT = 2**31 - 1
"""Largest magnitude an int32 plane can carry."""

UV_PER_VOLT = 1e6

LONGEST_S = 1e9
"""Seconds no recording and no gap in one lasts; times beyond would not fit the nanoseconds of a packet."""

Column = str | int


class RecordingRefused(EegcoreError, ValueError):
    """A recording file cannot be played: missing, broken, of another format, or not as the settings say."""

    code = "bad_recording"


@dataclass(frozen=True)
class Event:
    """A point or stretch of time with a text, as found in a file.

    Parameters
    ----------
    onset_s : float
        Seconds after the first frame of the file.
    duration_s : float or None
        None if the file states no duration.
    text : str
        Text of an annotation, or the code of a marker column.
    """

    onset_s: float
    duration_s: float | None
    text: str


@dataclass
class Recording:
    """A recording in memory.

    Parameters
    ----------
    values : ndarray
        Shape (n_frames, n_channels), C-contiguous; float32 in uV, or int32 counts.
    labels : tuple of str
        Channel names, all different.
    sps : float
        Frames per second, nominal.
    unit : str
        ``"uV"`` or ``"counts"``, the unit of `values`.
    scale_uv : tuple of float
        uV per count and channel; empty if the file does not tell.
    events : list of Event
        In order of onset.
    source_format : str
        ``"openbci"``, ``"csv"``, ``"eegcore_csv"``, ``"edf"`` or ``"bdf"``.
    gaps : list of (int, int)
        ``(frame, n_missing)``: `n_missing` frames are known to be missing
        just before row `frame` of `values`.
    meta : dict
        What else the file says: board, channels left out and why, the measured rate.
    """

    values: NDArray[Any]
    labels: tuple[str, ...]
    sps: float
    unit: str
    scale_uv: tuple[float, ...]
    events: list[Event]
    source_format: str
    gaps: list[tuple[int, int]] = field(default_factory=list)
    meta: dict[str, Any] = field(default_factory=dict)

    @property
    def n_frames(self) -> int:
        """Frames in the file."""
        return int(self.values.shape[0])

    @property
    def n_channels(self) -> int:
        """Channels in every frame."""
        return int(self.values.shape[1])


def refuse(path: str | os.PathLike[str], problem: str, hint: str, line: int | None = None,
           code: str | None = None) -> RecordingRefused:
    """Return (not raise) the error ``path[:line]: problem. hint``.

    `hint` says what is allowed and what to do, in whole sentences.
    """
    place = os.fspath(path) if line is None else f"{os.fspath(path)}:{line}"
    return RecordingRefused(f"{place}: {problem}. {hint}", code=code, path=os.fspath(path), line=line)


def unique_labels(labels: Sequence[str]) -> tuple[tuple[str, ...], dict[int, str]]:
    """Return labels made different by ``-1``, ``-2``..., and the names of those that changed.

    Two channels of one EDF file may share a label; the graph picks channels by label.
    """
    taken: set[str] = set()
    result: list[str] = []
    renamed: dict[int, str] = {}
    for position, label in enumerate(labels):
        name, suffix = label, 0
        while name in taken or (suffix and name in labels):
            suffix += 1
            name = f"{label}-{suffix}"
        if suffix:
            renamed[position] = label
        taken.add(name)
        result.append(name)
    return tuple(result), renamed


def pick_columns(path: str | os.PathLike[str], names: Sequence[str], columns: Sequence[Column]) -> list[int]:
    """Return the positions of the chosen columns, in the order asked for.

    Parameters
    ----------
    names : sequence of str
        Every column of the file.
    columns : sequence of str or int
        Names, or positions counted from 0.

    Raises
    ------
    RecordingRefused
        If a column does not exist, is chosen twice, or none is chosen.
    """
    import difflib

    if not columns:
        raise refuse(path, "columns is an empty list", "Name at least one column, or leave columns out.")
    picks: list[int] = []
    for column in columns:
        if isinstance(column, int) and not isinstance(column, bool):
            if not 0 <= column < len(names):
                raise refuse(path, f"there is no column number {column}",
                             f"Columns are numbered 0..{len(names) - 1}.")
            pick = column
        elif column in names:
            pick = list(names).index(str(column))
        else:
            near = difflib.get_close_matches(str(column), names, 1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise refuse(path, f"no column is called {column!r}", f"Known: {shorten(names)}.{hint}")
        if pick in picks:
            raise refuse(path, f"column {names[pick]!r} is chosen twice", "Name every column once.")
        picks.append(pick)
    return picks


def shorten(names: Sequence[str], most: int = 24) -> str:
    """Join names for a message; at most `most` of them."""
    shown = ", ".join(name or "(no name)" for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def check_sps(path: str | os.PathLike[str], sps: float) -> float:
    """Return `sps` if it can be a data rate; RecordingRefused otherwise."""
    if not np.isfinite(sps) or not 0 < sps <= 1e6:
        raise refuse(path, f"sps is {sps:g}", "Allowed: above 0, up to 1 000 000 frames per second.")
    return float(sps)


def check_scale(path: str | os.PathLike[str], scale: float | None) -> float | None:
    """Return `scale` if it can be a factor; RecordingRefused otherwise."""
    if scale is not None and (not np.isfinite(scale) or scale == 0):
        raise refuse(path, f"scale is {scale:g}", "Allowed: a finite number that is not 0.")
    return None if scale is None else float(scale)


def to_float32_uv(path: str | os.PathLike[str], values: NDArray[np.float64],
                  first_frame: int = 0) -> NDArray[np.float32]:
    """Round to float32, C-contiguous; RecordingRefused if a value does not fit.

    `first_frame` is the number, for the message, of the frame `values` begins with.
    """
    with np.errstate(over="ignore"):
        rounded = np.ascontiguousarray(values, dtype=np.float32)
    if not np.isfinite(rounded).all():
        frame, channel = np.argwhere(~np.isfinite(rounded))[0]
        raise refuse(path, f"frame {first_frame + frame}, channel {channel}: {values[frame, channel]:g} uV is too "
                     "large", "Values must be finite in 32-bit floating point. Check scale and columns.")
    return rounded


def to_counts(path: str | os.PathLike[str], values: NDArray[np.float64], per_count: float | None,
              ) -> NDArray[np.int32]:
    """Turn values into int32 counts.

    Parameters
    ----------
    values : ndarray of float64
        Shape (n_frames, n_channels).
    per_count : float or None
        What one count is in the unit of `values`: the nearest count is taken.
        None: the values must be whole numbers already.

    Raises
    ------
    RecordingRefused
        If a value is not whole (without `per_count`) or does not fit into int32.
    """
    counts = np.rint(values if per_count is None else values / per_count)
    if per_count is None and not np.array_equal(counts, values):
        frame, channel = np.argwhere(counts != values)[0]
        raise refuse(path, f"frame {frame}, channel {channel}: {values[frame, channel]:.12g} is not a whole number",
                     "Raw counts are whole numbers. Give scale, the value of one count in the unit of the "
                     "file, or leave raw out.")
    if values.size and np.abs(counts).max() > MAX_COUNT:
        frame, channel = np.argwhere(np.abs(counts) > MAX_COUNT)[0]
        raise refuse(path, f"frame {frame}, channel {channel}: {counts[frame, channel]:g} counts is too large",
                     f"Counts are 32-bit, -{MAX_COUNT}..{MAX_COUNT}. Check scale and columns.")
    return np.ascontiguousarray(counts, dtype=np.int32)

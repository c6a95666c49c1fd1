"""Where the samples of a recording are: in memory, in an EDF or BDF file, in one such file behind the other.

A store decodes what is asked for and no more; all of it is `frames(0, n_frames)`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from eegcore.devices.edf_file import EdfFile, EdfSignal
from eegcore.devices.readers_edf import counts_of, values_of


class Samples(Protocol):
    """Frames of one stream; every range lies within 0..n_frames."""

    n_frames: int

    def frames(self, begin: int, end: int) -> NDArray[np.float32] | NDArray[np.float64]:
        """Return the values of frames `begin` to `end`, shape (end - begin, n_channels)."""
        ...

    def counts(self, begin: int, end: int) -> NDArray[np.int32] | None:
        """Return the digital values of the same shape; None if there are none."""
        ...


class ArraySamples:
    """Samples in memory.

    Parameters
    ----------
    values : ndarray of float32 or float64
        Shape (n_frames, n_channels).
    counts : ndarray of int32, optional
        Of the same shape.
    """

    def __init__(self, values: NDArray[Any], counts: NDArray[np.int32] | None = None) -> None:
        self.n_frames = int(values.shape[0])
        self._values, self._counts = values, counts

    def frames(self, begin: int, end: int) -> NDArray[Any]:
        """Return a view."""
        return self._values[begin:end]

    def counts(self, begin: int, end: int) -> NDArray[np.int32] | None:
        """Return a view."""
        return None if self._counts is None else self._counts[begin:end]


class EdfSamples:
    """Signals of one rate in an EDF or BDF file, decoded when asked for.

    Parameters
    ----------
    file : EdfFile
    signals : sequence of EdfSignal
        All of one rate.
    slopes_uv : sequence of float or None, optional
        uV per count and signal where they are known better than the header can say; zero count is zero uV then.
    """

    def __init__(self, file: EdfFile, signals: Sequence[EdfSignal],
                 slopes_uv: Sequence[float | None] | None = None) -> None:
        self._file = file
        self._signals = [signal if slope is None else signal._replace(slope=slope, intercept=0.0)
                         for signal, slope in zip(signals, slopes_uv or [None] * len(signals), strict=True)]
        self._n = signals[0].n_per_record
        self.n_frames = file.n_frames(signals[0])

    def _cover(self, begin: int, end: int) -> tuple[range, slice]:
        """Return the data records that hold the frames, and where those are in them."""
        first = begin // self._n
        return range(first, -(-end // self._n)), slice(begin - first * self._n, end - first * self._n)

    def frames(self, begin: int, end: int) -> NDArray[np.float32]:
        """Decode and scale."""
        records, inside = self._cover(begin, end)
        return values_of(self._file.file.path, self._file, self._signals, records=records)[inside]

    def counts(self, begin: int, end: int) -> NDArray[np.int32]:
        """Decode."""
        records, inside = self._cover(begin, end)
        return counts_of(self._file, self._signals, records)[inside]


class JoinedSamples:
    """Stretches of several stores, one behind the other.

    Parameters
    ----------
    parts : sequence of (Samples, int)
        Stores and how many of their first frames belong to the recording.
    """

    def __init__(self, parts: Sequence[tuple[Samples, int]]) -> None:
        self._parts = [store for store, _ in parts]
        self._ends = np.cumsum([n for _, n in parts])
        self.n_frames = int(self._ends[-1])

    def frames(self, begin: int, end: int) -> NDArray[Any]:
        """Return the values; a copy where several stores meet."""
        found = [store.frames(*within) for store, within in self._within(begin, end)]
        return found[0] if len(found) == 1 else np.concatenate(found)

    def counts(self, begin: int, end: int) -> NDArray[np.int32] | None:
        """Return the digital values, None if a part has none."""
        found = [store.counts(*within) for store, within in self._within(begin, end)]
        known = [part for part in found if part is not None]
        if len(known) < len(found):
            return None
        return known[0] if len(known) == 1 else np.concatenate(known)

    def _within(self, begin: int, end: int) -> list[tuple[Samples, tuple[int, int]]]:
        found: list[tuple[Samples, tuple[int, int]]] = []
        at = 0
        for store, stop in zip(self._parts, map(int, self._ends), strict=True):
            if (at < end and stop > begin) or begin == end == at:
                found.append((store, (max(begin, at) - at, min(end, stop) - at)))
            at = stop
        return found or [(self._parts[-1], (0, 0))]

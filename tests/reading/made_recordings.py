"""Recordings made here, in memory."""

from __future__ import annotations

import numpy as np

from eegcore.reading.recording import Event, Gap, Recording
from eegcore.reading.samples import ArraySamples


def recording_of(values, sps=250.0, *, events=(), gaps=(), labels=None, units=None, start_unix_ns=None, **more):
    """A recording that holds `values`, shape (n_frames, n_channels)."""
    values = np.asarray(values)
    n = values.shape[1]
    labels = tuple(labels or (f"ch{i + 1}" for i in range(n)))
    result = Recording("made here", "array", labels, tuple(units or ("uV",) * n), ("eeg",) * n, sps, sps,
                       ArraySamples(values), events=[Event(*event) for event in events],
                       gaps=[Gap(*gap) for gap in gaps], start_unix_ns=start_unix_ns, **more)
    result.streams = (result,)
    return result

"""Gaps without rows, filled for formats whose time axis knows no holes.

As the recorder does it: the value before the gap is held, and an annotation says that it was not measured. MNE
leaves annotations that begin with ``BAD_ACQ_SKIP`` out of filters and spectra.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eegcore.errors import BadArgument
from eegcore.reading.recording import Event

if TYPE_CHECKING:
    from eegcore.reading.recording import Recording

GAP_TEXT = "BAD_ACQ_SKIP gap {} frames"
MOST_SAMPLES = 1 << 31


def filled_values(recording: Recording) -> NDArray[Any]:
    """Return `recording.data` with a row for every frame of the device.

    Raises
    ------
    BadArgument
        If the gaps would fill the memory.
    """
    holes = [gap for gap in recording.gaps if not gap.filled]
    if not holes:
        return recording.data
    missing = sum(gap.n_frames for gap in holes)
    n_frames = recording.n_frames + missing
    if n_frames * recording.n_channels > MOST_SAMPLES:
        raise BadArgument(f"{recording.path}: {missing} frames are missing in {len(holes)} gaps, too many to fill. At "
                          f"most {MOST_SAMPLES} samples in all are allowed. Cut the recording at its gaps.")
    times = np.ones(recording.n_frames, np.int64)
    for gap in holes:
        if gap.frame:                                  # the row before is repeated; before the first there is none
            times[gap.frame - 1] += gap.n_frames
    return np.repeat(recording.data, times, axis=0)


def filled_frame(recording: Recording, frame: int) -> int:
    """Return where row `frame` stands in `filled_values`."""
    return frame + sum(gap.n_frames for gap in recording.gaps if not gap.filled and 0 < gap.frame <= frame)


def filled_onsets(recording: Recording, sps: float) -> list[tuple[float, Event]]:
    """Return the events of `filled_values` and their onsets on a time axis of `sps` rows per second.

    Onsets follow the nominal rate, or the clock where frames are stamped; on another axis each stays at its row.
    """
    events = filled_events(recording)
    if recording.stamps_s is not None:
        return [(event.frame / sps, event) for event in events]
    stretch = recording.sps_nominal / sps
    return [(event.onset_s * stretch, event) for event in events]


def filled_events(recording: Recording) -> list[Event]:
    """Return the events at the rows of `filled_values`, and one for every gap that was filled."""
    events = [event._replace(frame=filled_frame(recording, event.frame)) for event in recording.events]
    for gap in recording.gaps:
        if not gap.filled and gap.frame:
            at = filled_frame(recording, gap.frame) - gap.n_frames
            events.append(Event(at / recording.sps_nominal, gap.n_frames / recording.sps_nominal,
                                GAP_TEXT.format(gap.n_frames), at))
    return sorted(events, key=lambda event: (event.frame, event.onset_s))

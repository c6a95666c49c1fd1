"""A recording as MNE knows it: volts, (n_channels, n_times), annotations."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from eegcore.errors import NotFound
from eegcore.reading.filled import filled_events, filled_values

if TYPE_CHECKING:
    from eegcore.reading.recording import Recording

VOLTS_PER_UV = 1e-6


def to_mne(recording: Recording) -> Any:
    """Return a recording as `mne.io.RawArray`; see `Recording.to_mne`.

    Raises
    ------
    NotFound
        If MNE is not installed.
    """
    try:
        import mne
    except ImportError:
        raise NotFound("to_mne: MNE is not installed. It is an optional library. pip install mne.") from None
    data = filled_values(recording).T.astype(np.float64, order="C")
    in_uv = np.array([unit == "uV" for unit in recording.units])
    data[in_uv] *= VOLTS_PER_UV
    info = mne.create_info(list(recording.labels), recording.sps, list(recording.types), verbose="ERROR")
    raw = mne.io.RawArray(data, info, verbose="ERROR")
    raw.info["bads"] = [label for label in recording.meta.get("bad_channels", ()) if label in recording.labels]
    if recording.start_unix_ns is not None:
        moment = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
        raw.set_meas_date(moment + datetime.timedelta(microseconds=recording.start_unix_ns // 1000))
    events = filled_events(recording)
    # by frame, not by time: at the true rate nominal onsets would drift off their samples
    raw.set_annotations(mne.Annotations([event.frame / recording.sps for event in events],
                                        [event.duration_s for event in events],
                                        [event.text for event in events],
                                        orig_time=raw.info["meas_date"]), verbose="ERROR")
    return raw

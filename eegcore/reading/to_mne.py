"""A recording as MNE knows it: volts, (n_channels, n_times), annotations."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from eegcore.errors import NotFound
from eegcore.reading.filled import filled_onsets, filled_values

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
    placed = filled_onsets(recording, recording.sps)
    notes = mne.Annotations([onset_s for onset_s, _ in placed], [event.duration_s for _, event in placed],
                            [event.text for _, event in placed], orig_time=raw.info["meas_date"])
    raw.set_annotations(notes, verbose="ERROR")
    return raw

"""BrainVision Core Data Format: header, markers and samples in three files, read by MNE where it is installed."""

from __future__ import annotations

import datetime
import os
import warnings

import numpy as np

from eegcore.devices.readers_base import refuse, unique_labels
from eegcore.reading.recording import Recording, place_events, type_of
from eegcore.reading.samples import ArraySamples

UV_PER_VOLT = 1e6


def read_brainvision(path: str) -> Recording:
    """Read a BrainVision recording by its header, ``.vhdr``.

    Raises
    ------
    RecordingRefused
        If MNE is missing or does not read it.
    """
    header = os.path.splitext(path)[0] + ".vhdr"
    if not os.path.isfile(header):
        raise refuse(path, f"a BrainVision recording is read by its header, and there is no {header}",
                     "Give the .vhdr file, with the .eeg and .vmrk files beside it.", code="not_found")
    try:
        import mne
    except ImportError:
        raise refuse(path, "is a BrainVision recording, and MNE is not installed",
                     "pip install mne, or convert the recording to EDF or BDF.") from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            raw = mne.io.read_raw_brainvision(header, verbose="ERROR")
            values = raw.get_data()
    except Exception as error:                         # MNE: RuntimeError, ValueError, OSError, KeyError...
        raise refuse(path, f"the BrainVision recording cannot be read: {' '.join(str(error).split())}",
                     "The header is damaged, or a file it names is missing.") from error
    sps = float(raw.info["sfreq"])
    labels, _ = unique_labels(raw.ch_names)
    volts = [bool(channel["unit"] == 107) for channel in raw.info["chs"]]           # FIFF_UNIT_V
    data = np.ascontiguousarray(values.T)
    # MNE scales to SI units: `range` is what one unit of the file is in them
    data *= [UV_PER_VOLT if volt else 1.0 / float(channel["range"] or 1.0)
             for channel, volt in zip(raw.info["chs"], volts, strict=True)]
    found = [(float(note["onset"]) - raw.first_time, float(note["duration"]), str(note["description"]))
             for note in raw.annotations]
    start = raw.info["meas_date"]
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    original = getattr(raw, "_orig_units", {})
    kinds = {"eeg": None, "eog": "eog", "ecg": "ecg", "emg": "emg", "stim": "stim"}
    result = Recording(
        path=path, format="brainvision", labels=labels,
        units=tuple("uV" if volt else str(original.get(label, "")) for label, volt in zip(raw.ch_names, volts,
                                                                                          strict=True)),
        types=tuple(kinds.get(kind) or type_of(label, volt)
                    for label, kind, volt in zip(labels, raw.get_channel_types(), volts, strict=True)),
        sps=sps, sps_nominal=sps, samples=ArraySamples(data), events=place_events(found, sps, len(data), ()),
        start_unix_ns=None if start is None else (start - epoch) // datetime.timedelta(microseconds=1) * 1000)
    result.streams = (result,)
    return result

"""What the files of a BIDS dataset say about a session. Pure: nothing here touches a file.

Brain Imaging Data Structure 1.10 (bids-specification.readthedocs.io), sections "Electroencephalography",
"Task events", "Modality agnostic files". Required: TaskName, EEGReference, SamplingFrequency, PowerLineFrequency and
SoftwareFilters of ``_eeg.json``; name, type and units of ``_channels.tsv``, in this order; onset and duration of
``_events.tsv``; Name and BIDSVersion of ``dataset_description.json``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from eegcore.recording.events_file import COLUMNS, NOTHING, cell, seconds

VERSION = "1.10.0"
UNKNOWN_PARTICIPANT, UNKNOWN_TASK = "unknown", "unnamed"
AUXILIARY = {"ecg": "ECG", "ekg": "ECG", "eog": "EOG", "heog": "HEOG", "veog": "VEOG", "emg": "EMG", "trig": "TRIG",
             "acc": "MISC", "aux": "MISC", "ref": "REF"}


def dataset_description(name: str, eegcore_version: str) -> dict[str, Any]:
    """Return ``dataset_description.json``."""
    return {"Name": name, "BIDSVersion": VERSION, "DatasetType": "raw", "License": NOTHING, "Authors": ["n/a"],
            "GeneratedBy": [{"Name": "eegcore", "Version": eegcore_version,
                             "Description": "recorded by eegcore; counts of the amplifier, not processed"}]}


def readme() -> bytes:
    """Return README: what a stranger must know before the first look."""
    return (b"EEG recorded with eegcore.\n\n"
            b"Every run is one BDF+ file with the counts of the amplifier as it gave them, not filtered and not\n"
            b"referenced again; missing frames are filled and annotated. The exact scale, the registers of the chips,\n"
            b"the clocks and the configuration of each recording are in the folder of its session, which _eeg.json\n"
            b"names (EegcoreSession).\n")


def eeg_json(meta: dict[str, Any], n_frames: int) -> dict[str, Any]:
    """Return ``_eeg.json`` of one file.

    Parameters
    ----------
    meta : dict
        ``session_meta.json``.
    n_frames : int
        Frames in this file.
    """
    stream, sps = meta["stream"], float(meta["sps_in_file"])
    types = channel_types(stream["labels"])
    source: dict[str, Any] = next(iter((meta.get("sources") or {}).values()), {})
    board = source.get("board") or source.get("type") or NOTHING
    gains = stream.get("meta", {}).get("gain")
    return {
        "TaskName": meta["task"] or UNKNOWN_TASK,
        "EEGReference": stream.get("reference") or NOTHING,
        "SamplingFrequency": sps,
        "PowerLineFrequency": stream.get("meta", {}).get("mains_hz") or NOTHING,
        "SoftwareFilters": {name: {"stage": name} for name in meta.get("filters", ())} or NOTHING,
        "HardwareFilters": NOTHING,
        "Manufacturer": "Texas Instruments" if source.get("registers") else NOTHING,
        "ManufacturersModelName": f"ADS1299 ({board})" if source.get("registers") else str(board),
        "SoftwareVersions": f"eegcore {meta['versions']['eegcore']}",
        "EEGChannelCount": types.count("EEG"), "EOGChannelCount": sum(types.count(t) for t in ("EOG", "HEOG", "VEOG")),
        "ECGChannelCount": types.count("ECG"), "EMGChannelCount": types.count("EMG"),
        "MiscChannelCount": types.count("MISC"), "TriggerChannelCount": types.count("TRIG"),
        "EEGGround": NOTHING, "EEGPlacementScheme": "based on the extended 10/20 system",
        "RecordingType": "continuous", "RecordingDuration": n_frames / sps,
        "EegcoreSession": meta["id"], "TrueSamplingFrequency": source.get("sps_true") or sps,
        "MicrovoltsPerCount": stream["scale_uv"], **({"Gain": gains} if gains is not None else {}),
    }


def channel_types(labels: Sequence[str]) -> list[str]:
    """Return the type of every channel: EEG, unless its label says otherwise."""
    return [next((kind for word, kind in AUXILIARY.items() if label.lower().startswith(word)), "EEG")
            for label in labels]


def channels_tsv(meta: dict[str, Any]) -> bytes:
    """Return ``_channels.tsv``: the channels as they are called in the BDF header, in their order."""
    summary, stream = meta["summary"], meta["stream"]
    labels = summary.get("labels_in_file") or stream["labels"]
    sps = seconds(float(meta["sps_in_file"]))
    rows = [[label, kind, "uV", sps, cell(stream.get("reference", "")), NOTHING, NOTHING, NOTHING, "good", cell(own)]
            for label, own, kind in zip(labels, stream["labels"], channel_types(stream["labels"]), strict=True)]
    return tsv(["name", "type", "units", "sampling_frequency", "reference", "low_cutoff", "high_cutoff", "notch",
                "status", "description"], rows)


def events_tsv(rows: Iterable[Sequence[str]], first_sample: int, n_frames: int, sps: float) -> bytes:
    """Return ``_events.tsv`` of one file, from the lines of the session's table.

    Parameters
    ----------
    rows : iterable
        Cells in the order of `COLUMNS`.
    first_sample, n_frames : int
        Which part of the recording the file holds; samples are counted from its own first one.
    sps : float
    """
    inside = []
    for cells in rows:
        sample = int(cells[2]) - first_sample
        if 0 <= sample < n_frames:
            inside.append([seconds(sample / sps), cells[1], str(sample), *cells[3:]])
    return tsv(COLUMNS, inside)


def events_json() -> dict[str, Any]:
    """Return ``_events.json``: what the columns mean."""
    return {
        "onset": {"LongName": "onset", "Description": "time since the first sample of the file", "Units": "s"},
        "duration": {"LongName": "duration", "Description": "0 for a moment", "Units": "s"},
        "sample": {"LongName": "sample", "Description": "index of the sample, counted from 0"},
        "trial_type": {"LongName": "kind of event", "Description": "text of a marker; 'config' for a change of the "
                       "configuration on a branch that is not recorded, 'recording' for what the recorder did"},
        "value": {"LongName": "text", "Description": "the text of the event as it came"},
        "origin": {"LongName": "origin", "Description": "where the event came from: api, page, udp, gpio"},
    }


def participants_tsv(labels: Iterable[str]) -> bytes:
    """Return ``participants.tsv``."""
    return tsv(["participant_id"], [[f"sub-{label}"] for label in labels])


def participants_json() -> dict[str, Any]:
    """Return ``participants.json``."""
    return {"participant_id": {"Description": "code of the participant, as it was given to eegcore"}}


def tsv(names: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """Return a table: tabs between cells, one line a row, the names first."""
    return "".join("\t".join(cells) + "\n" for cells in [names, *rows]).encode()


def to_json(value: dict[str, Any]) -> bytes:
    """Return JSON as people read it."""
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()

"""BIDS: the recording in a folder, and what the files beside it say about it.

Names and columns by the Brain Imaging Data Structure 1.10, "Electroencephalography"
(bids-specification.readthedocs.io).
"""

from __future__ import annotations

import json
import os
import re
from typing import Any

from eegcore.devices.readers_base import refuse
from eegcore.devices.readers_bytes import load_bytes
from eegcore.errors import EegcoreError
from eegcore.reading.recording import Event, Recording, place_events
from eegcore.reading.tsv import read_tsv, seconds_of, whole_of

NAME = re.compile(r"(sub-[0-9A-Za-z]+(?:_[a-z]+-[0-9A-Za-z]+)*)_eeg(\.edf|\.bdf|\.vhdr)(?:\.xz)?")
ENDINGS = (".bdf", ".edf", ".xdf", ".vhdr")
MOST_ENTRIES = 100_000
MAX_JSON_BYTES = 4 << 20
TYPES = {"EEG": "eeg", "EOG": "eog", "VEOG": "eog", "HEOG": "eog", "ECG": "ecg", "EMG": "emg", "RESP": "resp",
         "TEMP": "temperature", "TRIG": "stim", "MISC": "misc"}
TEXTS = ("trial_type", "value", "event_type", "stim_file")


def is_bids_name(name: str) -> bool:
    """Tell whether a file name is that of an EEG recording in a BIDS dataset."""
    return NAME.fullmatch(name) is not None


def the_recording_in(folder: str) -> str:
    """Return the path of the only recording below a folder.

    Raises
    ------
    RecordingRefused
        If there is none, or more than one: the message names them.
    """
    found: list[str] = []
    others: list[str] = []
    seen = 0
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        seen += len(names) + len(folders)
        if seen > MOST_ENTRIES:
            raise refuse(folder, f"holds more than {MOST_ENTRIES} files", "Give the path of one recording.")
        found += [os.path.join(place, name) for name in sorted(names) if is_bids_name(name)]
        others += [os.path.join(place, name) for name in sorted(names) if name.endswith(ENDINGS)]
    found = found or others
    if len(found) == 1:
        return found[0]
    if not found:
        raise refuse(folder, "is a folder without a recording",
                     "A folder that eegcore has recorded, or a BIDS dataset of one recording, is allowed. Give a file.")
    listed = ", ".join(os.path.relpath(path, folder) for path in found[:8])
    raise refuse(folder, f"holds {len(found)} recordings: {listed}{', ...' if len(found) > 8 else ''}",
                 "One is read at a time. Give its path.")


def add_sidecars(recording: Recording) -> Recording:
    """Add events, channel types and metadata of the files beside a recording; return the same recording.

    A broken file beside it costs only itself: what is wrong is in ``meta["warnings"]``.
    """
    folder, name = os.path.split(recording.path)
    match = NAME.fullmatch(name)
    if match is None:
        return recording
    stem = os.path.join(folder, match[1])
    for ending, add in (("_eeg.json", _add_json), ("_channels.tsv", _add_channels), ("_events.tsv", _add_events)):
        if os.path.lexists(stem + ending):
            try:
                add(recording, stem + ending)
            except EegcoreError as error:
                recording.meta.setdefault("warnings", []).append(str(error))
    return recording


def _add_json(recording: Recording, path: str) -> None:
    try:
        found = json.loads(load_bytes(path, MAX_JSON_BYTES))
    except (ValueError, RecursionError):
        raise refuse(path, "is no JSON", "It is left out.") from None
    if isinstance(found, dict):
        recording.meta["bids"] = found


def _add_channels(recording: Recording, path: str) -> None:
    rows: dict[str, dict[str, Any]] = {row.get("name", ""): row for row in read_tsv(path)}
    for stream in recording.streams:
        stream.types = tuple(TYPES.get(rows.get(label, {}).get("type", "").upper(), kind)
                             for label, kind in zip(stream.labels, stream.types, strict=True))
    bad = [label for label in recording.labels if rows.get(label, {}).get("status") == "bad"]
    if bad:
        recording.meta["bad_channels"] = bad


def _add_events(recording: Recording, path: str) -> None:
    found: list[Event] = []
    for row in read_tsv(path):
        onset_s = seconds_of(row.get("onset", ""))
        if onset_s is None:
            continue
        text = next((row[name] for name in TEXTS if row.get(name)), "event")
        kind = text if text in ("config", "recording") else "marker"
        if kind != "marker":
            text = row.get("value") or text
        event = place_events([(onset_s, seconds_of(row.get("duration", "")), text)], recording.sps_nominal,
                             recording.n_frames, recording.gaps)[0]._replace(kind=kind)
        sample = whole_of(row.get("sample", ""))
        if sample is not None and 0 <= sample < recording.n_frames:
            event = event._replace(frame=sample)
        found.append(event)
    recording.events = merge_events(recording.events, found)


def merge_events(annotated: list[Event], tabled: list[Event]) -> list[Event]:
    """Join the annotations of a data file and a table of events: what is in both is one event.

    Two are the same if they share row and text, or if the annotation is the text behind its kind. The annotation
    keeps its time, and learns its kind from the table.
    """
    waiting: dict[tuple[int, str], list[int]] = {}
    merged = list(annotated)
    for i, event in enumerate(annotated):
        waiting.setdefault((event.frame, event.text), []).append(i)
    for event in tabled:
        same = waiting.get((event.frame, event.text)) or waiting.get((event.frame, f"{event.kind} {event.text}"))
        if same:
            i = same.pop(0)
            merged[i] = merged[i]._replace(kind=event.kind, text=event.text)
        else:
            merged.append(event)
    return sorted(merged, key=lambda event: (event.onset_s, event.frame))

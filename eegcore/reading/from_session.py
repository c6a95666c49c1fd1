"""A folder that eegcore has recorded: segments joined at exact frames, events, metadata, ledger.

What a power cut or a killed process has left is read too: the metadata says how the files belong together, and where
it does not, the files do.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from eegcore.devices.edf_file import EdfFile
from eegcore.devices.readers_base import refuse, unique_labels
from eegcore.devices.readers_bytes import FileBytes, load_bytes
from eegcore.errors import EegcoreError
from eegcore.reading.from_bids import merge_events
from eegcore.reading.from_edf import edf_meta, start_of
from eegcore.reading.recording import Event, Gap, Recording, place_events, type_of
from eegcore.reading.samples import EdfSamples, JoinedSamples
from eegcore.reading.tsv import read_tsv, seconds_of, whole_of
from eegcore.sinks.bdf_annotations import fill_of
from eegcore.sinks.ledger_file import LedgerRefused, read_ledger

META, EVENTS, TABLE = "session_meta.json", "events.tsv", "eeg.csv"
SEGMENT = re.compile(r"eeg(?:_(\d{3,6}))?\.bdf")
NEXT_SEGMENT = re.compile(r"gap (\d{1,12}) frames, the next segment begins behind it")
PIECE = re.compile(r"(.*) \[(\d{1,3})/(\d{1,3})\]", re.DOTALL)
MAX_META_BYTES = 16 << 20
MOST_SEGMENTS = 10_000
LARGEST_RATE_ERROR = 0.05
"""A true rate further off the nominal one is no rate of this stream: a chip's clock keeps 2.5 % (SBAS499C)."""


class _Segment(NamedTuple):
    """One file: how many of its frames belong to the recording, and how many are missing before it."""

    edf: EdfFile
    n_frames: int
    missing: int
    texts: list[tuple[int, float, int, str]]          # frame, onset_s, frames, text


def read_session(folder: str) -> Recording:
    """Read a session.

    Raises
    ------
    RecordingRefused
        If it has no BDF file with data records (and no ``eeg.csv``), or its segments do not belong together.
    """
    warnings: list[str] = []
    meta = _meta(os.path.join(folder, META), warnings)
    summary = _dict(meta.get("summary"))
    paths = _segment_paths(folder)
    if not paths:
        if os.path.isfile(os.path.join(folder, TABLE)):
            from eegcore.reading.from_tables import read_table

            return read_table(os.path.join(folder, TABLE))
        raise refuse(folder, "holds no eeg.bdf", "Give a folder that eegcore has recorded.")
    told = {entry.get("file"): entry for entry in map(_dict, _list(summary.get("segments")))}
    segments = _segments(paths, told, _step(_dict(meta.get("stream")).get("step")), warnings)
    first = segments[0].edf
    sps_nominal = first.signals[0].sps
    described = _dict(meta.get("stream"))
    labels = _labels([_list(described.get("labels")), _list(summary.get("labels"))], first)
    scale = _scale([_list(described.get("scale_uv")), _list(summary.get("scale_uv"))], first)
    samples = JoinedSamples([(EdfSamples(segment.edf, segment.edf.signals, scale), segment.n_frames)
                             for segment in segments])
    gaps, annotated = _joined(segments, sps_nominal)
    events = _with_table(annotated, os.path.join(folder, EVENTS), sps_nominal, samples.n_frames, gaps, warnings)
    begun = told.get(os.path.basename(paths[0]), {}).get("start_unix_ns")
    known = [signal.uv_per_unit is not None for signal in first.signals]
    for segment in segments:
        warnings += [f"{os.path.basename(str(segment.edf.file.path))}: {text}" for text in segment.edf.warnings]
    more = {**edf_meta(first), "segments": [os.path.basename(path) for path in paths]}
    result = Recording(
        path=folder, format="session", labels=labels, units=tuple("uV" if volt else "counts" for volt in known),
        types=tuple(type_of(label, volt) for label, volt in zip(labels, known, strict=True)),
        sps=_true_rate(meta, sps_nominal), sps_nominal=sps_nominal, samples=samples,
        scale_uv=tuple(float(signal.slope if slope is None else slope)
                       for signal, slope in zip(first.signals, scale, strict=True)),
        events=events, gaps=gaps,
        start_unix_ns=begun if isinstance(begun, int) and 0 <= begun < 2**63 else start_of(first),
        meta={**more, **meta, **({"warnings": warnings} if warnings else {})},
        ledger=_ledger(meta, paths[0]))
    result.streams = (result,)
    return result


def _meta(path: str, warnings: list[str]) -> dict[str, Any]:
    if not os.path.lexists(path):
        return {}
    try:
        return _dict(json.loads(load_bytes(path, MAX_META_BYTES)))
    except EegcoreError as error:
        warnings.append(str(error))
    except (ValueError, RecursionError):
        warnings.append(f"{path}: is no JSON. The recording is read without it.")
    return {}


def _segment_paths(folder: str) -> list[str]:
    """Return the files of a session in order: eeg.bdf, eeg_002.bdf, ..."""
    found = sorted((int(match[1] or 1), match[0]) for match in map(SEGMENT.fullmatch, os.listdir(folder)) if match)
    if len(found) > MOST_SEGMENTS:
        raise refuse(folder, f"holds {len(found)} segments", f"At most {MOST_SEGMENTS} are allowed. Read one by one.")
    return [os.path.join(folder, name) for _, name in found]


def _segments(paths: Sequence[str], told: dict[Any, dict[str, Any]], step: Fraction,
              warnings: list[str]) -> list[_Segment]:
    """Open the files; the last one may be without data records, when a process died just behind its start."""
    segments: list[_Segment] = []
    expected: Fraction | None = None                    # device frame with which the next segment begins
    announced = 0
    for path in paths:
        try:
            edf = EdfFile(FileBytes(path, max_bytes=None), "bdf")
        except EegcoreError as error:
            if not segments and path == paths[-1]:
                raise
            warnings.append(str(error))
            expected = None
            continue
        if segments:
            _check_same(edf, segments[0].edf)
        entry = told.get(os.path.basename(path), {})
        texts = _texts(edf)
        in_file = edf.n_frames(edf.signals[0])
        padding = sum(frames for at, _, frames, text in texts if (fill_of(text) or ("",))[0] == "padding"
                      and at + frames >= in_file)
        n_frames = entry.get("n_frames")
        if not (isinstance(n_frames, int) and 0 < n_frames <= in_file):
            n_frames = max(0, in_file - padding)
        begins = entry.get("first_frame")
        missing = announced
        if isinstance(begins, int) and expected is not None:
            missing = max(0, int((begins - expected) / step))
        expected = begins + n_frames * step if isinstance(begins, int) else None
        announced = next((int(match[1]) for match in (NEXT_SEGMENT.fullmatch(text) for *_, text in texts) if match), 0)
        segments.append(_Segment(edf, n_frames, missing if segments else 0, texts))
    return segments


def _check_same(edf: EdfFile, first: EdfFile) -> None:
    if not edf.signals or [(one.label, one.sps, one.slope) for one in edf.signals] != [
            (one.label, one.sps, one.slope) for one in first.signals]:
        raise refuse(edf.file.path, f"has other channels or another rate than {first.file.path}",
                     "The segments of a session are alike. Read this file by its own path, with format='bdf'.")


def _texts(edf: EdfFile) -> list[tuple[int, float, int, str]]:
    """Return the annotations of a file at their frames; texts that were cut in pieces, ``[2/3]``, are joined."""
    if not edf.signals:
        raise refuse(edf.file.path, "the file holds annotations only", "Give a file with signals.")
    sps = edf.signals[0].sps
    found: list[tuple[int, float, int, str]] = []
    begun: dict[tuple[int, int], dict[int, str]] = {}
    for event in edf.annotations.events:
        frame, frames = round(event.onset_s * sps), round((event.duration_s or 0.0) * sps)
        text, match = event.text, PIECE.fullmatch(event.text)
        if match:
            number, total = int(match[2]), int(match[3])
            parts = begun.setdefault((frame, total), {})
            parts[number] = match[1]
            if set(parts) != set(range(1, total + 1)):
                continue
            text = "".join(parts[i] for i in range(1, total + 1))
            del begun[frame, total]
        found.append((frame, event.onset_s, frames, text))
    for (frame, total), parts in begun.items():        # a power cut has taken the others along
        found += [(frame, frame / sps, 0, f"{text} [{number}/{total}]") for number, text in sorted(parts.items())]
    return sorted(found, key=lambda one: one[:2])


def _joined(segments: Sequence[_Segment], sps: float) -> tuple[list[Gap], list[Event]]:
    """Return gaps and annotations of all segments at the rows of the whole."""
    gaps: list[Gap] = []
    events: list[Event] = []
    row = late = 0                                     # frames before the segment, and those without rows
    for segment in segments:
        if segment.missing:
            gaps.append(Gap(row, segment.missing, False))
            late += segment.missing
        for frame, onset_s, frames, text in segment.texts:
            what, n = fill_of(text) or ("", 0)
            if what == "padding":
                continue
            if what == "gap" and frame < segment.n_frames:
                gaps.append(Gap(row + frame, min(n, segment.n_frames - frame), True))
            at = min(row + frame, row + max(0, segment.n_frames - 1))
            events.append(Event(onset_s + (row + late) / sps, frames / sps, text, max(0, at)))
        row += segment.n_frames
    return gaps, events


def _with_table(annotated: list[Event], path: str, sps: float, n_frames: int, gaps: Sequence[Gap],
                warnings: list[str]) -> list[Event]:
    """Add what ``events.tsv`` knows: kinds, and events whose annotation did not reach the disk."""
    if not os.path.lexists(path):
        return annotated
    try:
        rows = read_tsv(path)
    except EegcoreError as error:
        warnings.append(str(error))
        return annotated
    tabled = []
    for row in rows:
        sample, kind = whole_of(row.get("sample", "")), row.get("trial_type", "")
        onset_s = sample / sps if sample is not None else seconds_of(row.get("onset", ""))
        text = row.get("value") or kind
        if onset_s is None or not text or round(onset_s * sps) >= n_frames + sum(
                gap.n_frames for gap in gaps if not gap.filled):
            continue
        event = place_events([(onset_s, seconds_of(row.get("duration", "")), text)], sps, n_frames, gaps)[0]
        tabled.append(event._replace(kind=kind if kind in ("config", "recording") else "marker"))
    return merge_events(annotated, tabled)


def _labels(told: Sequence[list[Any]], edf: EdfFile) -> tuple[str, ...]:
    """Return the true labels: a BDF header carries 16 characters of ASCII."""
    for labels in told:
        if len(labels) == len(edf.signals) and all(isinstance(label, str) and label for label in labels):
            return unique_labels(labels)[0]
    return unique_labels([signal.label for signal in edf.signals])[0]


def _scale(told: Sequence[list[Any]], edf: EdfFile) -> list[float | None]:
    """Return uV per count of each channel, None where only the header tells."""
    for scale in told:
        if len(scale) == len(edf.signals) and all(isinstance(one, int | float) and np.isfinite(one) and one
                                                  for one in scale):
            return [float(one) for one in scale]
    return [None] * len(edf.signals)


def _true_rate(meta: dict[str, Any], nominal: float) -> float:
    """Return the rate that was measured against the clock of the system, in frames of this recording per second."""
    for source in map(_dict, _dict(meta.get("sources")).values()):
        true, set_to = _float(source.get("sps_true"), 0.0), _float(source.get("sps"), 0.0)
        if true > 0 and set_to > 0 and abs(true / set_to - 1) <= LARGEST_RATE_ERROR:
            return nominal * (true / set_to)
    return nominal


def _step(told: Any) -> Fraction:
    """Return how many device frames a frame of the recording stands for."""
    match = re.fullmatch(r"([1-9]\d{0,11})(/[1-9]\d{0,11})?", told) if isinstance(told, str) else None
    return Fraction(match.group()) if match else Fraction(1)


def _ledger(meta: dict[str, Any], path: str) -> dict[str, Any] | None:
    found = meta.get("ledger")
    if isinstance(found, dict) and found:
        return found
    try:
        return read_ledger(path)
    except LedgerRefused:                              # a killed process has written none
        return None


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _float(value: Any, default: float) -> float:
    usable = isinstance(value, int | float) and not isinstance(value, bool) and np.isfinite(value)
    return float(value) if usable else default

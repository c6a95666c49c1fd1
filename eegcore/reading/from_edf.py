"""EDF, EDF+, BDF and BDF+: every signal, grouped by rate and kind, decoded when asked for."""

from __future__ import annotations

import datetime
import os
from collections.abc import Sequence
from typing import Any

from eegcore.devices.edf_file import EdfFile, EdfSignal
from eegcore.devices.readers_base import check_sps, refuse, unique_labels
from eegcore.devices.readers_bytes import FileBytes
from eegcore.devices.readers_edf import check_ranges, choose_signals
from eegcore.reading.recording import Gap, Recording, place_events, type_of
from eegcore.reading.samples import EdfSamples, JoinedSamples, Samples
from eegcore.sinks.bdf_annotations import fill_of

EPOCH = datetime.datetime(1970, 1, 1)


def read_edf_file(path: str | os.PathLike[str], file: FileBytes, source_format: str,
                  columns: Sequence[str | int] | None = None) -> Recording:
    """Read an EDF or BDF file.

    The first stream holds the voltages of the most common rate, or the channels chosen by `columns`; the others
    follow, grouped by rate and by whether they are voltages.

    Raises
    ------
    RecordingRefused
        If the header is damaged, or no data record is there.
    """
    edf = EdfFile(file, source_format)
    meta = edf_meta(edf)
    if not edf.signals:
        raise refuse(path, "the file holds annotations only", "Give a file with signals.")
    labels, renamed = unique_labels([signal.label for signal in edf.signals])
    if renamed:
        meta["renamed"] = {labels[i]: name for i, name in renamed.items()}
    picks, _ = choose_signals(path, edf.signals, labels, columns)
    groups = [picks, *_others(edf.signals, picks if columns is None else range(len(labels)))]
    streams = [_stream(path, edf, source_format, [(labels[i], edf.signals[i]) for i in group], meta)
               for group in groups]
    for stream in streams:
        stream.streams = tuple(streams)
    if edf.warnings:
        meta["warnings"] = edf.warnings
    return streams[0]


def _annotations(edf: EdfFile, sps: float) -> tuple[list[tuple[float, float | None, str]], list[Gap], int]:
    """Return events, gaps that the recorder has filled, and frames it has added at the end."""
    found: list[tuple[float, float | None, str]] = []
    gaps: list[Gap] = []
    padding = 0
    for event in edf.annotations.events:
        what, _ = fill_of(event.text) or ("", 0)
        n_frames = round((event.duration_s or 0.0) * sps)
        if what == "padding" and round((event.onset_s + (event.duration_s or 0.0) - edf.n_records * edf.record_s)
                                       * sps) == 0:
            padding = n_frames
            continue
        if what == "gap":
            gaps.append(Gap(round(event.onset_s * sps), n_frames, True))
        found.append((event.onset_s, event.duration_s, event.text))
    return found, gaps, padding


def edf_meta(edf: EdfFile) -> dict[str, Any]:
    """Return what a header says beside the signals."""
    return {"patient": edf.patient, "recording": edf.recording, "record_s": edf.record_s, "n_records": edf.n_records}


def start_of(edf: EdfFile) -> int | None:
    """Return the wall time of the first frame in Unix ns, the time of the header taken as UTC."""
    if edf.start is None:
        return None
    return (edf.start - EPOCH) // datetime.timedelta(microseconds=1) * 1000


def _others(signals: Sequence[EdfSignal], taken: Sequence[int]) -> list[list[int]]:
    """Group the signals that are not in `taken`: one group a rate and kind, the fastest voltages first."""
    groups: dict[tuple[bool, float, bool], list[int]] = {}
    for i, signal in enumerate(signals):
        if i not in taken and signal.n_per_record > 0 and 0 < signal.sps <= 1e6:
            groups.setdefault((signal.uv_per_unit is None or signal.is_status, -signal.sps, signal.is_status),
                              []).append(i)
    return [groups[key] for key in sorted(groups)]


def _stream(path: str | os.PathLike[str], edf: EdfFile, source_format: str,
            chosen: Sequence[tuple[str, EdfSignal]], meta: dict[str, Any]) -> Recording:
    labels, signals = zip(*chosen, strict=True)
    check_ranges(path, signals, labels)
    if signals[0].n_per_record == 0:
        raise refuse(path, "its signals have no samples", "A recording has at least one frame.")
    sps = check_sps(path, signals[0].sps)
    found, filled, padding = _annotations(edf, sps)
    n_frames = edf.n_frames(signals[0])
    samples: Samples = EdfSamples(edf, signals)
    if 0 < padding < n_frames:
        samples = JoinedSamples([(samples, n_frames - padding)])
    gaps = sorted([Gap(frame, n, False) for frame, n in edf.holes(sps)] + filled)
    voltages = [signal.uv_per_unit is not None and not signal.is_status for signal in signals]
    more = {"prefilter": {label: signal.prefilter for label, signal in chosen if signal.prefilter},
            "transducer": {label: signal.transducer for label, signal in chosen if signal.transducer},
            "offset_uv": {label: signal.intercept for label, signal in chosen if signal.intercept}}
    return Recording(
        path=os.fspath(path), format=source_format, labels=tuple(labels),
        units=tuple("uV" if is_voltage else signal.unit for signal, is_voltage in zip(signals, voltages, strict=True)),
        types=tuple("stim" if signal.is_status else type_of(signal.label, is_voltage)
                    for signal, is_voltage in zip(signals, voltages, strict=True)),
        sps=sps, sps_nominal=sps, samples=samples, scale_uv=tuple(signal.slope for signal in signals),
        events=place_events(found, sps, samples.n_frames, gaps), gaps=gaps, start_unix_ns=start_of(edf),
        meta=meta | {name: value for name, value in more.items() if value})

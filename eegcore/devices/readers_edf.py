"""EDF, EDF+, BDF and BDF+ through edfio: one rate, voltages in uV, annotations as events.

A graph carries one rate per source, an EDF file may hold many: the rate most
of the voltage channels share is taken (the higher one if two are equally
common), or the channels named by `columns`. What is left out is in `meta`.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eegcore.devices.edf_file import EdfFile, EdfSignal, frames_of
from eegcore.devices.readers_base import (
    Column,
    Recording,
    check_sps,
    pick_columns,
    refuse,
    shorten,
    to_float32_uv,
    unique_labels,
)
from eegcore.devices.readers_bytes import FileBytes

LARGEST = float(np.finfo(np.float32).max)


def read_edf(path: str | os.PathLike[str], data: FileBytes, *, source_format: str, sps: float | None = None,
             columns: Sequence[Column] | None = None, scale: float | None = None,
             raw: bool = False) -> Recording:
    """Read an EDF or BDF file, plus variants included.

    Parameters
    ----------
    path : path-like
        For messages.
    data : FileBytes
        The file.
    source_format : str
        ``"edf"`` or ``"bdf"``.
    sps : float, optional
        Refused unless it is the rate of the file: EDF states its own.
    columns : sequence of str or int, optional
        Labels, or positions from 0. They must share one rate.
    scale : float, optional
        One more factor to uV (default 1); not used with `raw`.
    raw : bool
        True: the digital values as int32 counts.

    Raises
    ------
    RecordingRefused
    """
    file = EdfFile(data, source_format)
    signals = file.signals
    if not signals:
        raise refuse(path, "the file holds annotations only", "Give a file with signals.")
    labels, renamed = unique_labels([signal.label for signal in signals])
    picks, left_out = choose_signals(path, signals, labels, columns)
    chosen = [signals[i] for i in picks]
    rate = check_sps(path, chosen[0].sps)
    if sps is not None and abs(sps - rate) > 1e-6 * rate:
        raise refuse(path, f"sps is {sps:g}, the file says {rate:g}", "Leave sps out: the file has its own rate.")

    meta: dict[str, Any] = {}
    if left_out:
        meta["left_out"] = left_out
    if renamed:
        meta["renamed"] = {labels[i]: name for i, name in renamed.items() if i in picks}
    if any(signal.uv_per_unit is None for signal in chosen):
        meta["units"] = {labels[i]: signals[i].unit for i in picks if signals[i].uv_per_unit is None}
    check_ranges(path, chosen, [labels[i] for i in picks])
    if any(signal.intercept for signal in chosen):
        meta["offset_uv"] = [signal.intercept for signal in chosen]
    if file.n_frames(chosen[0]) == 0:
        raise refuse(path, "its signals have no samples", "A recording has at least one frame.")
    values = counts_of(file, chosen) if raw else values_of(path, file, chosen, 1.0 if scale is None else scale)
    gaps = file.holes(rate)
    events = file.annotations.events
    if file.warnings:
        meta["warnings"] = file.warnings
    return Recording(values, tuple(labels[i] for i in picks), rate, "counts" if raw else "uV",
                     tuple(signal.slope for signal in chosen), events, source_format, gaps, meta)


def check_ranges(path: str | os.PathLike[str], signals: Sequence[EdfSignal], labels: Sequence[str]) -> None:
    """Raise RecordingRefused unless slope and intercept of every signal are numbers."""
    for signal, label in zip(signals, labels, strict=True):
        if not np.isfinite([signal.slope, signal.intercept]).all():
            raise refuse(path, f"signal {label!r}: the physical range is not finite",
                         "The header is damaged. Choose other columns, or mend it.")


def counts_of(file: EdfFile, signals: Sequence[EdfSignal], records: range | None = None) -> NDArray[np.int32]:
    """Return the digital values of signals of one rate, shape (n_frames, n_signals)."""
    n_records = file.n_records if records is None else len(records)
    out = np.empty((n_records * signals[0].n_per_record, len(signals)), np.int32)
    for frames, counts in file.pieces(signals, records):
        frames_of(counts, out[frames])
    return out


def values_of(path: str | os.PathLike[str], file: EdfFile, signals: Sequence[EdfSignal], factor: float = 1.0,
              records: range | None = None) -> NDArray[np.float32]:
    """Return the physical values of signals of one rate times `factor`, shape (n_frames, n_signals).

    Scaled in double precision, rounded to float32 once.

    Raises
    ------
    RecordingRefused
        If a value does not fit into float32.
    """
    n_records = file.n_records if records is None else len(records)
    out = np.empty((n_records * signals[0].n_per_record, len(signals)), np.float32)
    slopes = np.array([[signal.slope * factor] for signal in signals])
    intercepts = np.array([[signal.intercept * factor] for signal in signals])
    fits = bool((np.abs(slopes) * 2.0**23 + np.abs(intercepts) < LARGEST).all())
    moved = bool(intercepts.any() or (slopes < 0).any())      # 0 * a negative slope is -0: the sum makes it 0
    doubles = np.empty(0)
    for frames, counts in file.pieces(signals, records):
        if doubles.size < counts.size:
            doubles = np.empty(counts.size)
        scaled = doubles[:counts.size].reshape(counts.shape)
        np.multiply(counts, slopes, out=scaled)
        if moved:
            np.add(scaled, intercepts, out=scaled)
        if fits:
            frames_of(scaled, out[frames])
        else:
            piece = np.empty((frames.stop - frames.start, len(signals)))
            frames_of(scaled, piece)
            out[frames] = to_float32_uv(path, piece, first_frame=frames.start)
    return out


def choose_signals(path: str | os.PathLike[str], signals: Sequence[EdfSignal], labels: Sequence[str],
           columns: Sequence[Column] | None) -> tuple[list[int], dict[str, str]]:
    """Choose signals of one rate; return them and, by label, why the others are left out."""
    if columns is not None:
        picks = pick_columns(path, labels, columns)
        rates = sorted({signals[i].sps for i in picks})
        if len(rates) > 1:
            raise refuse(path, f"the chosen columns have different rates: {', '.join(f'{r:g}' for r in rates)}",
                         "A source has one rate. Choose columns that share one.")
        return picks, {labels[i]: "not chosen" for i in range(len(labels)) if i not in picks}
    candidates = [i for i, signal in enumerate(signals) if not signal.is_status]
    volts = [i for i in candidates if signals[i].uv_per_unit is not None]
    pool = volts or candidates                       # a file without units at all is taken as it is
    if not pool:
        raise refuse(path, f"no signal is a channel: {shorten(labels)}", "Choose columns by label.")
    common = Counter(signals[i].sps for i in pool)
    rate = max(common, key=lambda frequency: (common[frequency], frequency))
    left_out: dict[str, str] = {}
    picks = []
    for i, signal in enumerate(signals):
        if i not in candidates:
            left_out[labels[i]] = "status"
        elif signal.sps != rate:
            left_out[labels[i]] = f"{signal.sps:g} frames per second, not {rate:g}"
        elif i not in pool:
            left_out[labels[i]] = f"unit {signal.unit!r} is no voltage"
        else:
            picks.append(i)
    if not picks:
        raise refuse(path, f"the rate of the signals is {rate!r}", "The header is damaged. Mend it, or record again.")
    return picks, left_out

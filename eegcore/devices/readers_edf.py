"""EDF, EDF+, BDF and BDF+ through edfio: one rate, voltages in uV, annotations as events.

A graph carries one rate per source, an EDF file may hold many: the rate most
of the voltage channels share is taken (the higher one if two are equally
common), or the channels named by `columns`. What is left out is in `meta`.
"""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eegcore.devices.readers_base import (
    LONGEST_S,
    Column,
    Event,
    Recording,
    check_sps,
    pick_columns,
    refuse,
    shorten,
    to_float32_uv,
    unique_labels,
)

UV_PER_UNIT = {"uv": 1.0, "\u00b5v": 1.0, "\u03bcv": 1.0, "mv": 1e3, "v": 1e6, "nv": 1e-3}
"""Physical dimensions that are voltages (EDF+ section 2.1.3.4), in lower case."""

HEADER_BYTES = 256
SAMPLE_BYTES = {"edf": 2, "bdf": 3}
NAMES = {"edf": "EDF Annotations", "bdf": "BDF Annotations"}


def read_edf(path: str | os.PathLike[str], data: bytes, *, source_format: str, sps: float | None = None,
             columns: Sequence[Column] | None = None, scale: float | None = None,
             raw: bool = False) -> Recording:
    """Read an EDF or BDF file, plus variants included.

    Parameters
    ----------
    path : path-like
        For messages.
    data : bytes
        The unpacked file.
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
    file, notes = _open(path, data, source_format)
    signals = list(file.signals)
    if not signals:
        raise refuse(path, "the file holds annotations only", "Give a file with signals.")
    labels, renamed = unique_labels([signal.label for signal in signals])
    picks, left_out = _picks(path, signals, labels, columns)
    rate = check_sps(path, float(signals[picks[0]].sampling_frequency))
    if sps is not None and abs(sps - rate) > 1e-6 * rate:
        raise refuse(path, f"sps is {sps:g}, the file says {rate:g}", "Leave sps out: the file has its own rate.")

    meta: dict[str, Any] = {}
    if notes:
        meta["warnings"] = notes
    if left_out:
        meta["left_out"] = left_out
    if renamed:
        meta["renamed"] = {labels[i]: name for i, name in renamed.items() if i in picks}
    if any(_uv_per_unit(signals[i]) is None for i in picks):
        meta["units"] = {labels[i]: signals[i].physical_dimension for i in picks
                         if _uv_per_unit(signals[i]) is None}
    gains, offsets = zip(*(_calibration(signals[i]) for i in picks), strict=True)
    if not np.isfinite([gains, offsets]).all():
        bad = next(i for i in picks if not np.isfinite(_calibration(signals[i])).all())
        raise refuse(path, f"signal {labels[bad]!r}: the physical range is not finite",
                     "The header is damaged. Choose other columns, or mend it.")
    if any(offsets):
        meta["offset_uv"] = list(offsets)
    n_frames = len(signals[picks[0]].digital)
    if n_frames == 0:
        raise refuse(path, "the file has no data record", "A recording has at least one frame.")

    values: NDArray[Any] = np.empty((n_frames, len(picks)), dtype=np.int32)
    for position, pick in enumerate(picks):
        values[:, position] = signals[pick].digital
    unit = "counts"
    if not raw:
        factor = 1.0 if scale is None else scale
        values = to_float32_uv(path, values * (np.asarray(gains) * factor) + np.asarray(offsets) * factor)
        unit = "uV"
    gaps = [] if file.is_continuous else _gaps(path, data, source_format, file, rate)
    events = [Event(float(a.onset), None if a.duration is None else float(a.duration), a.text)
              for a in file.annotations]
    return Recording(values, tuple(labels[i] for i in picks), rate, unit, tuple(gains), events, source_format,
                     gaps, meta)


def _open(path: str | os.PathLike[str], data: bytes, source_format: str) -> tuple[Any, list[str]]:
    import edfio

    if len(data) < HEADER_BYTES:
        raise refuse(path, f"the file has {len(data)} bytes, the header alone has {HEADER_BYTES}",
                     "The file is cut short. Copy or download it again.")
    reader = edfio.read_edf if source_format == "edf" else edfio.read_bdf
    # From bytes, never from the path: what was checked is what is read. 24-bit files load at once;
    # 16-bit ones on access, so a broken record shows up here only if something is touched.
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            file = reader(data)
            for signal in file.signals:
                _ = len(signal.digital), signal.digital_min, signal.digital_max, signal.physical_min
                _ = signal.physical_max
            _ = file.annotations, file.is_continuous
    except Exception as error:                       # edfio: ValueError, IndexError, ZeroDivisionError...
        raise refuse(path, f"the {source_format.upper()} header or data cannot be read: {error}",
                     "The file is damaged or of another format.") from error
    return file, [" ".join(str(entry.message).split()) for entry in caught]


def _picks(path: str | os.PathLike[str], signals: Sequence[Any], labels: Sequence[str],
           columns: Sequence[Column] | None) -> tuple[list[int], dict[str, str]]:
    """Choose signals of one rate; return them and, by label, why the others are left out."""
    if columns is not None:
        picks = pick_columns(path, labels, columns)
        rates = sorted({signals[i].sampling_frequency for i in picks})
        if len(rates) > 1:
            raise refuse(path, f"the chosen columns have different rates: {', '.join(f'{r:g}' for r in rates)}",
                         "A source has one rate. Choose columns that share one.")
        return picks, {labels[i]: "not chosen" for i in range(len(labels)) if i not in picks}
    candidates = [i for i, signal in enumerate(signals) if not _is_status(signal)]
    volts = [i for i in candidates if _uv_per_unit(signals[i]) is not None]
    pool = volts or candidates                       # a file without units at all is taken as it is
    if not pool:
        raise refuse(path, f"no signal is a channel: {shorten(labels)}", "Choose columns by label.")
    common = Counter(signals[i].sampling_frequency for i in pool)
    rate = max(common, key=lambda frequency: (common[frequency], frequency))
    left_out: dict[str, str] = {}
    picks = []
    for i, signal in enumerate(signals):
        if i not in candidates:
            left_out[labels[i]] = "status"
        elif signal.sampling_frequency != rate:
            left_out[labels[i]] = f"{signal.sampling_frequency:g} frames per second, not {rate:g}"
        elif i not in pool:
            left_out[labels[i]] = f"unit {signal.physical_dimension!r} is no voltage"
        else:
            picks.append(i)
    if not picks:
        raise refuse(path, f"the rate of the signals is {rate!r}", "The header is damaged. Mend it, or record again.")
    return picks, left_out


def _is_status(signal: Any) -> bool:
    """Tell the BioSemi trigger channel by its label or its transducer field ('Triggers and Status')."""
    return "status" in (signal.label.strip().lower(), signal.transducer_type.lower().removeprefix("triggers and "))


def _uv_per_unit(signal: Any) -> float | None:
    return UV_PER_UNIT.get(signal.physical_dimension.strip().lower())


def _calibration(signal: Any) -> tuple[float, float]:
    """Return (uV per count, uV at count 0); physical minimum above maximum gives a negative slope."""
    digital = signal.digital_max - signal.digital_min
    physical = signal.physical_max - signal.physical_min
    unit = _uv_per_unit(signal) or 1.0
    if digital == 0 or physical == 0:                # uncalibrated (EDF+ FAQ): counts are all there is
        return 1.0, 0.0
    slope = physical / digital
    offset = signal.physical_max - slope * signal.digital_max
    return slope * unit, offset * unit


def _gaps(path: str | os.PathLike[str], data: bytes, source_format: str, file: Any,
          sps: float) -> list[tuple[int, int]]:
    """Find the holes of a discontinuous file (EDF+D) from the onset each data record carries."""
    n_signals = int(data[252:256])
    raw_labels = [data[256 + 16 * i: 272 + 16 * i].decode("latin-1").rstrip() for i in range(n_signals)]
    lengths_at = 256 + 216 * n_signals
    lengths = [int(data[lengths_at + 8 * i: lengths_at + 8 * i + 8]) * SAMPLE_BYTES[source_format]
               for i in range(n_signals)]
    if NAMES[source_format] not in raw_labels:
        raise refuse(path, "the file says it is discontinuous and has no annotation signal",
                     "The file breaks EDF+ section 2.2.4. Convert it with the program that wrote it.")
    clock = raw_labels.index(NAMES[source_format])
    begin = int(data[184:192]) + sum(lengths[:clock])
    onsets = []
    for record in range(file.num_data_records):
        at = begin + record * sum(lengths)
        try:
            onsets.append(float(data[at: at + lengths[clock]].split(b"\x14", 1)[0]))
        except ValueError:
            raise refuse(path, f"data record {record} has no start time",
                         "A discontinuous file needs one per record. Convert it with the program that wrote it.",
                         ) from None
    if not (np.abs(onsets) <= LONGEST_S).all():
        raise refuse(path, "a data record begins at a time that no recording has", "The file is damaged.")
    duration = float(file.data_record_duration)
    per_record = round(duration * sps)
    holes = np.rint((np.diff(onsets) - duration) * sps).astype(np.int64)
    return [(int(i + 1) * per_record, int(holes[i])) for i in np.flatnonzero(holes > 0)]

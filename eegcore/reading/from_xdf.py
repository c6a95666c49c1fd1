"""XDF, read by pyxdf: every stream with its labels, units and stamps; string streams are events.

pyxdf maps the clocks of all senders to one by the clock offsets of the file and takes the jitter out of regular
streams. Optional: ``pip install 'eegcore[xdf]'``.
"""

from __future__ import annotations

import io
import logging
import os
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eegcore.devices.edf_file import UV_PER_UNIT
from eegcore.devices.readers_base import refuse, unique_labels
from eegcore.devices.readers_bytes import MAX_BYTES, FileBytes
from eegcore.reading.recording import Event, Gap, Recording, type_of
from eegcore.reading.samples import ArraySamples
from eegcore.reading.xdf_scan import EXACT, check_parts

UV_WORDS = {**UV_PER_UNIT, "microvolts": 1.0, "microvolt": 1.0, "millivolts": 1e3, "volts": 1e6, "volt": 1e6}
TYPES = {"eeg": "eeg", "eog": "eog", "ecg": "ecg", "emg": "emg", "resp": "resp"}
HEAD_BYTES = 256
TEXT_LABELS = ("text", "duration_s")
"""Channels of the marker streams `write_xdf` makes for events that last."""


def read_xdf(path: str | os.PathLike[str], file: FileBytes) -> Recording:
    """Read an XDF file.

    The first stream is the first one of type EEG that has samples, else the one with most of them. Markers are
    events of every stream, each at the frame nearest in time.

    Raises
    ------
    RecordingRefused
        If pyxdf is missing, the file is damaged, or no stream has numbers.
    """
    if file.size > MAX_BYTES:
        raise refuse(path, f"the file is too large: {file.size} bytes",
                     f"Allowed: {MAX_BYTES} bytes of XDF. Cut the recording into parts.")
    data = file.all()
    check_parts(path, data)
    found = _load(path, data)
    numbers = [one for one in found if one["info"]["channel_format"][0] != "string" and not _is_markers(one)]
    if not numbers:
        raise refuse(path, "holds markers only", "A recording has at least one stream of numbers.")
    order = sorted(numbers, key=lambda one: (not (_word(one, "type").lower() == "eeg" and len(one["time_stamps"])),
                                             -np.size(one["time_series"])))
    marks = _marks(found)
    streams = [_stream(path, one, marks) for one in order]
    for stream in streams:
        stream.streams = tuple(streams)
    return streams[0]


def _load(path: str | os.PathLike[str], data: bytes) -> list[dict[str, Any]]:
    try:
        import pyxdf
    except ImportError:
        raise refuse(path, "is XDF, and pyxdf is not installed", "pip install 'eegcore[xdf]'.") from None
    level = logging.getLogger("pyxdf").level
    logging.getLogger("pyxdf").setLevel(logging.CRITICAL)      # it reports recovered damage, by the line
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            # dejittering would smooth gaps of less than a second away
            streams, _ = pyxdf.load_xdf(io.BytesIO(data), dejitter_timestamps=EXACT not in data[:HEAD_BYTES])
    except Exception as error:                         # struct.error, KeyError, ParseError, MemoryError, LinAlgError...
        raise refuse(path, f"the XDF file cannot be read: {type(error).__name__}: {' '.join(str(error).split())}",
                     "The file is damaged. Copy or download it again.") from error
    finally:
        logging.getLogger("pyxdf").setLevel(level)
    return list(streams)


def _word(one: dict[str, Any], name: str) -> str:
    found = one["info"].get(name) or [""]
    return str(found[0] or "") if isinstance(found, list) else ""


def _is_markers(one: dict[str, Any]) -> bool:
    return _word(one, "type").lower() in ("markers", "marker", "events") and not _rate(one)


def _rate(one: dict[str, Any]) -> float:
    try:
        rate = float(_word(one, "nominal_srate") or 0.0)
    except ValueError:
        return 0.0
    return rate if np.isfinite(rate) and 0 < rate <= 1e6 else 0.0


def _marks(found: list[dict[str, Any]]) -> list[tuple[float, float, str]]:
    """Return (stamp, duration_s, text) of every event of every marker stream."""
    marks = []
    for one in found:
        if one["info"]["channel_format"][0] == "string" or _is_markers(one):
            lasts = tuple(_channel_words(one, "label")) == TEXT_LABELS
            for stamp, row in zip(one["time_stamps"], one["time_series"], strict=False):
                cells = [str(cell) for cell in np.ravel(row)] if not isinstance(row, str) else [row]
                text = cells[0] if lasts else " ".join(cell for cell in cells if cell)
                marks.append((float(stamp), _seconds(cells[1]) if lasts and len(cells) > 1 else 0.0, text))
    return sorted(mark for mark in marks if np.isfinite(mark[0]))


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return 0.0
    return value if 0 <= value <= 1e9 else 0.0


def _channel_words(one: dict[str, Any], name: str) -> list[str]:
    """Return one word of the description of each channel; empty where it has none."""
    try:
        channels = one["info"]["desc"][0]["channels"][0]["channel"]
        return [str((channel.get(name) or [""])[0] or "") for channel in channels]
    except (KeyError, IndexError, TypeError, AttributeError):
        return []


def _stream(path: str | os.PathLike[str], one: dict[str, Any], marks: list[tuple[float, float, str]]) -> Recording:
    series = np.asarray(one["time_series"])
    n_channels = int(_word(one, "channel_count"))
    series = series.reshape(-1, n_channels) if series.size else np.empty((0, n_channels), np.float32)
    stamps = np.asarray(one["time_stamps"], np.float64)[:len(series)]
    labels = _channel_words(one, "label")
    labels = labels if len(labels) == n_channels and all(labels) else [f"ch{i + 1}" for i in range(n_channels)]
    written = _channel_words(one, "unit")
    written = written if len(written) == n_channels else [""] * n_channels
    factors = [UV_WORDS.get(unit.strip().lower()) for unit in written]
    counts = series.astype(np.int32) if series.dtype.kind == "i" and series.dtype.itemsize <= 4 else None
    narrow = series.dtype == np.float32 or (series.dtype.kind == "i" and series.dtype.itemsize <= 2)
    data: NDArray[Any] = np.ascontiguousarray(series, np.float32 if narrow else np.float64)
    if any(factor not in (None, 1.0) for factor in factors):
        data = data * np.array([factor or 1.0 for factor in factors], data.dtype)
    nominal = _rate(one)
    rate = _effective(stamps, nominal) or nominal or 1.0
    start = stamps[0] if stamps.size else 0.0
    kind = _word(one, "type").lower()
    said = _channel_words(one, "type")
    said = said if len(said) == n_channels else [""] * n_channels
    meta = {"name": _word(one, "name"), "type": _word(one, "type"), "first_stamp_s": float(start),
            "hostname": _word(one, "hostname"), "source_id": _word(one, "source_id"), "info": one["info"]}
    if not nominal:
        meta["irregular"] = True
    return Recording(
        path=os.fspath(path), format="xdf", labels=unique_labels(labels)[0],
        units=tuple("uV" if factor else unit for factor, unit in zip(factors, written, strict=True)),
        types=tuple(TYPES.get(word.lower()) or TYPES.get(kind) or type_of(label, factor is not None)
                    for word, label, factor in zip(said, labels, factors, strict=True)),
        sps=rate, sps_nominal=nominal or rate, samples=ArraySamples(data, counts), events=_events(marks, stamps),
        gaps=_gaps(stamps, rate if nominal else 0.0), start_unix_ns=_start_unix_ns(one), meta=meta,
        stamps_s=stamps - start)


def _effective(stamps: NDArray[np.float64], nominal: float) -> float | None:
    """Return the rate the stamps show, gaps left out: pyxdf's ``effective_srate`` counts them."""
    steps = np.diff(stamps)
    if nominal:
        steps = steps[steps * nominal < 1.5]
    total = float(steps.sum()) if steps.size else 0.0
    return steps.size / total if np.isfinite(total) and total > 0 else None


def _events(marks: list[tuple[float, float, str]], stamps: NDArray[np.float64]) -> list[Event]:
    if not stamps.size:
        return [Event(stamp, duration_s, text, 0, "marker") for stamp, duration_s, text in marks]
    middle = (stamps[1:] + stamps[:-1]) / 2
    return [Event(stamp - float(stamps[0]), duration_s, text, int(np.searchsorted(middle, stamp)), "marker")
            for stamp, duration_s, text in marks]


def _gaps(stamps: NDArray[np.float64], rate: float) -> list[Gap]:
    """Return where a regular stream lacks frames at its true rate; an irregular one, rate 0, cannot lack any."""
    if not rate or stamps.size < 2:
        return []
    missing = np.rint(np.diff(stamps) * rate) - 1
    return [Gap(int(i) + 1, int(missing[i]), False) for i in np.flatnonzero((missing >= 1) & (missing < 1e12))]


def _start_unix_ns(one: dict[str, Any]) -> int | None:
    """Return the wall time of the first frame if `write_xdf` has said it."""
    try:
        text = one["info"]["desc"][0]["start_unix_ns"][0]
        return int(text) if 0 <= int(text) < 2**63 else None
    except (KeyError, IndexError, TypeError, ValueError, AttributeError):
        return None

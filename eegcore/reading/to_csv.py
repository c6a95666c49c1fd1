"""CSV as `csv_sink` writes it, so that `read`, `playback` and spreadsheets take it."""

from __future__ import annotations

import datetime
import json
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import eegcore
from eegcore.errors import BadArgument
from eegcore.reading.new_file import new_file
from eegcore.sinks.csv_header import NOTE, one_line, quoted

if TYPE_CHECKING:
    from eegcore.reading.recording import Recording

ROWS = 2048
DIGITS = 9
"""Significant digits that give a float32 back exactly."""


def write_csv(recording: Recording, path: str | os.PathLike[str],
              progress: Callable[[float], None] | None = None) -> dict[str, Any]:
    """Write the channels of one stream as text; events stand in the header.

    A frame that is missing has no row: frame_index jumps. A file that exists is never overwritten.

    Returns
    -------
    dict
        ``path``, ``bytes``, ``rows``, ``events``, ``left_out`` (labels of other streams).

    Raises
    ------
    BadArgument
        If no channel is in uV or counts.
    FileRefused, SinkFailed
        If the file exists, or cannot be written; then nothing is left of it.
    """
    if not {"uV", "counts"} & set(recording.units):
        raise BadArgument(f"{recording.path}: no channel is in uV or counts; the units are "
                          f"{', '.join(repr(unit) for unit in sorted(set(recording.units)))}. A CSV of eegcore holds "
                          "one of them. Export XDF, which holds any unit.")
    whole = all(unit == "counts" for unit in recording.units)
    digits = DIGITS if recording.frames(0, 0).dtype.itemsize <= 4 else 17
    form = ",".join(["%d", "%.9f"] + ["%d" if whole else f"%.{digits}g"] * recording.n_channels) + "\n"
    index, time_s = recording.device_frames, recording.time_s
    with new_file(path) as file:
        file.write(_header(recording, "counts" if whole else "uV"))
        for begin in range(0, recording.n_frames, ROWS):
            values = recording.frames(begin, min(begin + ROWS, recording.n_frames)).tolist()
            cells: list[Any] = []
            for at, row in enumerate(values, begin):
                cells += (index[at], time_s[at], *row)
            file.write((form * len(values) % tuple(cells)).encode())
            if progress is not None:
                progress((begin + len(values)) / recording.n_frames)
        size = file.tell()
    return {"path": os.fspath(path), "bytes": size, "rows": recording.n_frames, "events": len(recording.events),
            "left_out": [label for stream in recording.streams if stream is not recording for label in stream.labels]}


def _header(recording: Recording, unit: str) -> bytes:
    facts = [("version", eegcore.__version__), ("source", os.path.basename(os.path.normpath(recording.path))),
             ("start_utc", _utc(recording.start_unix_ns)), ("sps", f"{recording.sps_nominal:.17g}"), ("step", "1"),
             ("sps_true", "" if recording.sps == recording.sps_nominal else f"{recording.sps:.17g}"),
             ("unit", unit), ("labels", json.dumps(recording.labels, ensure_ascii=False, separators=(",", ":"))),
             ("scale_uv", json.dumps(recording.scale_uv, separators=(",", ":")) if recording.scale_uv else ""),
             ("events", json.dumps([[event.frame, event.onset_s, event.duration_s, event.text, event.kind]
                                    for event in recording.events], ensure_ascii=False, separators=(",", ":"))
              if recording.events else ""), ("note", NOTE)]
    names = ["frame_index", "time_s", *(f"{label}_{unit}" if unit else label
                                        for label, unit in zip(recording.labels, recording.units, strict=True))]
    lines = ["# eegcore csv 1", *(f"# {key}: {one_line(value)}" for key, value in facts if value),
             ",".join(quoted(name) for name in names)]
    return ("\n".join(lines) + "\n").encode("utf-8", "replace")


def _utc(unix_ns: int | None) -> str:
    if unix_ns is None:
        return ""
    seconds, rest = divmod(unix_ns, 10**9)
    try:
        moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    except (OverflowError, ValueError, OSError):       # beyond the year 9999
        return ""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"

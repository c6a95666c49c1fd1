"""CSV and other columns of numbers: names, delimiter and rate found or given.

What a cell means is not guessed: without `scale` a number is uV. Columns
whose name says time, index or marker are not channels.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eegcore.devices.readers_base import (
    Column,
    Event,
    Recording,
    RecordingRefused,
    check_sps,
    pick_columns,
    refuse,
    shorten,
    to_counts,
    to_float32_uv,
    unique_labels,
)
from eegcore.devices.readers_table import Table, is_number, split_cells, text_lines

TIME_NAME = re.compile(r"^(t|time|times|timestamps?|timestamp_?unix|seconds|secs?|ms|lsl[ _]?timestamp)"
                       r"[ _\-]*[(\[]?(s|sec|seconds|ms|milliseconds|us|ns)?[)\]]?$", re.IGNORECASE)
INDEX_NAME = re.compile(r"^(|#|index|idx|frame_?index|frame|sample|sample[ _]?(index|number|no)|n|row)$",
                        re.IGNORECASE)
MARKER_NAME = re.compile(r"^(markers?|events?|triggers?|stim|sti|annotations?|status|labels?|codes?)[ _]?\d*$",
                         re.IGNORECASE)
RATE_LINE = re.compile(r"(?:sampling|sample|data)[ _]*(?:rate|frequency)[^:=]*[:=]+\s*([0-9.eE+]+)"
                       r"|\bsps\s*[:=]+\s*([0-9.eE+]+)", re.IGNORECASE)
LABELS_LINE = re.compile(r"^#\s*labels\s*:?=\s*(.+)$", re.IGNORECASE)
UNITS_PER_SECOND = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}
NOMINAL_SPS = (100, 125, 128, 160, 200, 250, 256, 300, 400, 500, 512, 600, 800, 1000, 1024, 1200, 1600, 2000,
               2048, 4000, 4096, 5000, 8000, 8192, 10000, 16000, 16384, 20000)
NOMINAL_TOLERANCE = 0.005


def read_csv(path: str | os.PathLike[str], data: bytes, *, sps: float | None = None,
             columns: Sequence[Column] | None = None, scale: float | None = None,
             raw: bool = False) -> Recording:
    """Read columns of numbers.

    Parameters
    ----------
    path : path-like
        For messages.
    data : bytes
        The unpacked file. Lines that begin with ``#`` before the first row are a header.
    sps : float, optional
        Frames per second; needed if neither a ``#`` line nor a time column tells.
    columns : sequence of str or int, optional
        Names, or positions from 0. Default: every numeric column that is not
        time, index or marker.
    scale : float, optional
        uV per unit of the file (default 1). With `raw`: the value of one count
        in the unit of the file; counts are the nearest whole numbers.
    raw : bool
        True: int32 counts. Without `scale` the cells must be whole numbers.

    Raises
    ------
    RecordingRefused
    """
    lines = text_lines(path, data)
    comments, table, named = _table(path, lines)
    picks, left_out = _channels(path, table, columns)
    numbers = table.numbers(picks)
    meta: dict[str, Any] = {}
    if comments:
        meta["header"] = comments
    if left_out:
        meta["left_out"] = left_out
    sps = _rate(path, table, comments, sps, meta)

    labels, renamed = unique_labels(_labels(table, picks, comments, named))
    if renamed:
        meta["renamed"] = {labels[i]: name for i, name in renamed.items()}
    values: NDArray[Any]
    scale_uv: tuple[float, ...] = ()
    if raw:
        values, unit = to_counts(path, numbers, scale), "counts"
        scale_uv = () if scale is None else (scale,) * len(picks)
    else:
        values, unit = to_float32_uv(path, numbers if scale is None else numbers * scale), "uV"
    return Recording(values, labels, sps, unit, scale_uv, _events(table, sps), "csv", [], meta)


def measured_sps(time_s: NDArray[np.float64]) -> float | None:
    """Return the rate of a time column in seconds, or None if it does not advance.

    Bursts make single steps useless and a hole spoils the whole span, so every
    stamp is compared with the one an eighth of the file later, and the middle
    half of these spans is averaged. A rate within 0.5 % of a usual one is that one.
    """
    n = time_s.size
    if n < 2:
        return None
    distance = max(1, n // 8)
    spans = np.sort(time_s[distance:] - time_s[:-distance])
    middle = float(spans[spans.size // 4: max(spans.size // 4 + 1, spans.size - spans.size // 4)].mean())
    if not middle > 0:
        return None
    rate = distance / middle
    nearest = min(NOMINAL_SPS, key=lambda nominal: abs(nominal - rate))
    return float(nearest) if abs(nearest - rate) <= NOMINAL_TOLERANCE * nearest else float(f"{rate:.6g}")


def marker_events(codes: NDArray[np.float64], sps: float) -> list[Event]:
    """Return one event for every frame at which the code changes to something other than 0."""
    codes = np.nan_to_num(codes)
    before = np.concatenate(([0.0], codes[:-1]))
    return [Event(int(i) / sps, None, f"{codes[i]:g}") for i in np.flatnonzero((codes != 0) & (codes != before))]


def _table(path: str | os.PathLike[str], lines: list[str]) -> tuple[list[str], Table, bool]:
    """Return the '#' lines, the rows, and whether the file names its columns."""
    comments = [line for line in lines if line.startswith("#")]
    numbered = [(number, line) for number, line in enumerate(lines, 1)
                if line.strip() and not line.startswith("#")]
    if not numbered:
        raise refuse(path, "there is no row of samples", "A recording has at least one frame.")
    delimiter = sniff_delimiter([line for _, line in numbered[:20]])
    decimal_comma = delimiter in (";", "\t", None) and any("," in line for _, line in numbered[1:20])
    names = split_cells(numbered[0][1], delimiter)
    named = not all(is_number(name, decimal_comma) for name in names)
    if named:
        numbered = numbered[1:]
        if not numbered:
            raise refuse(path, "there is no row of samples after the names", "A recording has at least one frame.")
    else:
        names = [f"ch{i + 1}" for i in range(len(names))]
    return comments, Table(path, [line for _, line in numbered], [number for number, _ in numbered], names,
                           delimiter, decimal_comma), named


def sniff_delimiter(lines: Sequence[str]) -> str | None:
    """Return the character most lines have equally often, the most frequent first; None for white space.

    Most, not all: a ragged row is reported by its line later.
    """
    best: tuple[int, str | None] = (0, None)
    for candidate in ("\t", ";", ",", "|"):
        usual = Counter(len(split_cells(line, candidate)) - 1 for line in lines).most_common(1)[0][0]
        if usual > best[0]:
            best = (usual, candidate)
            if candidate in "\t;":
                break                                # a comma beside them is a decimal comma
    return best[1]


def _channels(path: str | os.PathLike[str], table: Table, columns: Sequence[Column] | None,
              ) -> tuple[list[int], dict[str, str]]:
    if columns is not None:
        return pick_columns(path, table.names, columns), {}
    table.check_lengths()
    left_out: dict[str, str] = {}
    picks: list[int] = []
    last = len(table.rows) - 1
    for position, name in enumerate(table.names):
        samples = {table.cells(row)[position] for row in {0, last // 2, last}}
        if TIME_NAME.match(name):
            left_out[name] = "time"
        elif INDEX_NAME.match(name):
            left_out[name] = "index"
        elif MARKER_NAME.match(name):
            left_out[name] = "marker"
        elif not any(is_number(text, table.decimal_comma) for text in samples):
            left_out[name] = f"not numbers: {min(samples)[:40]!r}"
        else:
            picks.append(position)
    if not picks:
        raise refuse(path, f"no column looks like a channel among {shorten(table.names)}",
                     "Choose columns by name or by number from 0.")
    return picks, left_out


def _labels(table: Table, picks: Sequence[int], comments: Sequence[str], named: bool) -> list[str]:
    if not named:
        for comment in comments:
            match = LABELS_LINE.match(comment)
            if match:
                labels = [label.strip() for label in re.split(r"[,;\t]", match.group(1))]
                if len(labels) == len(table.names):
                    return [labels[i] or table.names[i] for i in picks]
    return [table.names[i] or f"ch{i + 1}" for i in picks]


def _rate(path: str | os.PathLike[str], table: Table, comments: Sequence[str], sps: float | None,
          meta: dict[str, Any]) -> float:
    clock = next((i for i, name in enumerate(table.names) if TIME_NAME.match(name)), None)
    if clock is not None and is_number(table.cells(0)[clock], table.decimal_comma):
        time_s = _seconds(table.names[clock], table.numbers([clock])[:, 0])
        if time_s.size > 1 and time_s[-1] > time_s[0]:
            meta["sps_measured"] = float((time_s.size - 1) / (time_s[-1] - time_s[0]))
        if sps is None:
            sps = measured_sps(time_s)
            if sps is None:
                raise refuse(path, f"the time column {table.names[clock]!r} does not advance",
                             "Give sps, the frames per second.")
    if sps is None:
        for comment in comments:
            match = RATE_LINE.search(comment)
            if match and is_number(match.group(1) or match.group(2)):
                sps = float(match.group(1) or match.group(2))
                break
    if sps is None:
        raise refuse(path, "the file has no time column and no rate in its header",
                     "Give sps, the frames per second (playback.sps: 250, for example).")
    return check_sps(path, sps)


def _seconds(name: str, stamps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convert a time column; its unit comes from the name, or from a step no EEG has in seconds."""
    match = TIME_NAME.match(name)
    written = (match.group(2) or "").lower() if match else ""
    word = {"sec": "s", "seconds": "s", "milliseconds": "ms"}.get(written, written)
    if not word and name.lower() == "ms":
        word = "ms"
    if not word and stamps.size > 1 and (stamps[-1] - stamps[0]) / (stamps.size - 1) > 0.2:
        word = "ms"                                  # read as seconds this would be under 5 frames per second
    return stamps / UNITS_PER_SECOND[word or "s"]


def _events(table: Table, sps: float) -> list[Event]:
    events: list[Event] = []
    for position, name in enumerate(table.names):
        if MARKER_NAME.match(name) and is_number(table.cells(0)[position] or "0", table.decimal_comma):
            try:
                codes = table.numbers([position], finite=False)[:, 0]
            except RecordingRefused:
                continue                             # words in a marker column: no codes to read
            events.extend(marker_events(codes, sps))
    return sorted(events, key=lambda event: event.onset_s)

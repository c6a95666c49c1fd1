"""OpenBCI GUI text recordings: header lines with '%', one line of names, then rows.

The EXG columns are the channels (uV at the input). The first column counts
0..255 and wraps: a jump is a gap of a known number of frames.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eegcore.devices.readers_base import (
    Column,
    Event,
    Recording,
    check_sps,
    pick_columns,
    refuse,
    to_counts,
    to_float32_uv,
    unique_labels,
)
from eegcore.devices.readers_csv import marker_events, measured_sps
from eegcore.devices.readers_table import Table, is_number, split_cells, text_lines

CYTON_UV_PER_COUNT = 4.5 / 24 / (2**23 - 1) * 1e6
"""uV per count as the OpenBCI software computes it: VREF 4.5 V, gain 24, divided by 2^23 - 1."""

INDEX_MODULO = 256


def read_openbci(path: str | os.PathLike[str], data: bytes, *, sps: float | None = None,
                 columns: Sequence[Column] | None = None, scale: float | None = None,
                 raw: bool = False) -> Recording:
    """Read an OpenBCI GUI text recording.

    Parameters
    ----------
    path : path-like
        For messages.
    data : bytes
        The unpacked file.
    sps : float, optional
        Overrides the rate of the header.
    columns : sequence of str or int, optional
        Columns to take instead of the EXG ones.
    scale : float, optional
        Factor to uV (default 1: the file is in uV); with `raw`, uV per count
        (default `CYTON_UV_PER_COUNT`).
    raw : bool
        True: int32 counts.

    Raises
    ------
    RecordingRefused
    """
    lines = text_lines(path, data)
    facts, first = _header(lines)
    table = _table(path, lines, first, facts)
    exg = [i for i, name in enumerate(table.names) if name.startswith("EXG Channel")]
    if not exg and columns is None:
        raise refuse(path, "no column is called 'EXG Channel ...'",
                     f"Choose columns. Known: {', '.join(table.names)}.")
    picks = exg if columns is None else pick_columns(path, table.names, columns)
    numbers = table.numbers(picks)

    meta: dict[str, Any] = {"board": facts.get("board", "").split("$")[-1], "header": facts}
    counter = table.numbers([0])[:, 0]
    gaps = index_gaps(counter) if table.names[0].lower() == "sample index" else None
    if gaps is None:
        meta["index"] = "the first column is no counter modulo 256: gaps cannot be told"
    time_s = _clock(table, meta)
    if sps is None:
        sps = _rate(facts)
    if sps is None and time_s is not None:
        sps = measured_sps(time_s)
    if sps is None:
        raise refuse(path, "the header has no 'Sample Rate' and the file no usable clock",
                     "Give sps, the frames per second.")
    sps = check_sps(path, sps)

    labels, renamed = unique_labels([table.names[i] for i in picks])
    if renamed:
        meta["renamed"] = {labels[i]: name for i, name in renamed.items()}
    scale_uv: tuple[float, ...]
    values: NDArray[Any]
    if raw:
        per_count = CYTON_UV_PER_COUNT if scale is None else scale
        values, unit, scale_uv = to_counts(path, numbers, per_count), "counts", (per_count,) * len(picks)
    else:
        values, unit = to_float32_uv(path, numbers if scale is None else numbers * scale), "uV"
        scale_uv = (CYTON_UV_PER_COUNT * (1.0 if scale is None else scale),) * len(picks)
    return Recording(values, labels, sps, unit, scale_uv, _events(table, sps), "openbci", gaps or [], meta)


def index_gaps(counter: NDArray[np.float64]) -> list[tuple[int, int]] | None:
    """Find the jumps of a counter 0..255 that wraps.

    Returns
    -------
    list of (frame, n_missing), or None if the column does not count by ones
    (Ganglion files, for example, repeat every number).
    """
    if counter.size < 2:
        return []
    steps = np.mod(np.diff(counter), INDEX_MODULO).astype(np.int64)
    if np.count_nonzero(steps == 1) * 2 <= steps.size:
        return None
    jumps = np.flatnonzero(steps != 1)
    return [(int(i) + 1, int((steps[i] - 1) % INDEX_MODULO)) for i in jumps]


def _header(lines: list[str]) -> tuple[dict[str, str], int]:
    """Return the '% key = value' facts, keys in lower case, and the first line after them."""
    facts: dict[str, str] = {}
    first = 0
    for line in lines[:-1]:
        if line.strip() and not line.startswith("%"):
            break
        first += 1
        key, separator, value = line.lstrip("% ").partition("=")
        if separator:
            facts[key.strip().lower()] = value.strip()
    return facts, first


def _table(path: str | os.PathLike[str], lines: list[str], first: int, facts: dict[str, str]) -> Table:
    head = split_cells(lines[first], ",")
    numbered = [(number, line) for number, line in enumerate(lines[first:], first + 1)
                if line.strip() and not line.startswith("%")]
    if is_number(head[0]):                           # GUI before version 5 wrote no names
        written = re.fullmatch(r"[0-9]{1,4}", facts.get("number of channels", ""))
        channels = min(int(written.group()) if written else 0, len(head) - 1)
        names = ["Sample Index"] + [f"EXG Channel {i}" for i in range(channels)]
        names = (names + [f"Other {i}" for i in range(len(names), len(head))])[:len(head)]
    else:
        names = head
        numbered = numbered[1:]
    if not numbered:
        raise refuse(path, "there is no row of samples after the header", "A recording has at least one frame.")
    return Table(path, [line for _, line in numbered], [number for number, _ in numbered], names, ",")


def _rate(facts: dict[str, str]) -> float | None:
    match = re.match(r"[0-9.]+", facts.get("sample rate", ""))
    return float(match.group()) if match and is_number(match.group()) else None


def _clock(table: Table, meta: dict[str, Any]) -> NDArray[np.float64] | None:
    """Return the clock column in seconds and note start and measured rate; None if there is none."""
    if "Timestamp" not in table.names:
        return None
    position = table.names.index("Timestamp")
    if not is_number(table.cells(0)[position]):
        return None
    stamps = table.numbers([position], finite=False)[:, 0]
    if not np.isfinite(stamps).all():
        return None
    if stamps[0] > 1e11:                             # Unix time in ms since 1973; in s it is below 1e11
        stamps = stamps / 1e3
    meta["start_unix_s"] = float(stamps[0])
    if stamps.size > 1 and stamps[-1] > stamps[0]:
        meta["sps_measured"] = float((stamps.size - 1) / (stamps[-1] - stamps[0]))
    return stamps


def _events(table: Table, sps: float) -> list[Event]:
    if "Marker" not in table.names:
        return []
    codes = table.numbers([table.names.index("Marker")], finite=False)[:, 0]
    return marker_events(codes, sps)

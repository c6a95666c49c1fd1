"""The files `csv_sink` writes, read back: labels, rate, unit and gaps are in the file.

The header is described in `eegcore/sinks/csv_header.py`.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eegcore.devices.readers_base import (
    LONGEST_S,
    Column,
    Recording,
    check_sps,
    pick_columns,
    refuse,
    to_counts,
    to_float32_uv,
    unique_labels,
)
from eegcore.devices.readers_table import Table, split_cells, text_lines

FIRST_LINE = "# eegcore csv 1"
SUFFIXES = {"uV": "_uV", "counts": "_counts"}


def read_eegcore_csv(path: str | os.PathLike[str], data: bytes, *, sps: float | None = None,
                     columns: Sequence[Column] | None = None, scale: float | None = None,
                     raw: bool = False) -> Recording:
    """Read a file of `csv_sink`; the arguments are those of `read_recording`.

    With `raw` the counts columns are taken, otherwise the uV columns; a file
    without uV columns is converted by its own scale, or by `scale` (uV per count).

    Raises
    ------
    RecordingRefused
    """
    lines = text_lines(path, data)
    facts = _facts(lines)
    numbered = [(number, line) for number, line in enumerate(lines, 1) if line.strip() and not line.startswith("#")]
    if len(numbered) < 2:
        raise refuse(path, "there is no row of samples after the header", "A recording has at least one frame.")
    names = split_cells(numbered[0][1], ",")
    table = Table(path, [line for _, line in numbered[1:]], [number for number, _ in numbered[1:]], names, ",")

    if "axis_hz" in facts:
        raise refuse(path, "the file holds spectra, not samples", "Play the recording itself.")
    if names[-1].endswith("_kOhm"):
        raise refuse(path, "the file holds impedances in kOhm, not samples", "Play the recording itself.")
    unit = "counts" if raw or not any(name.endswith("_uV") for name in names) else "uV"
    picks = _picks(path, names, columns, unit)
    numbers = table.numbers(picks)
    file_scale = _scale(path, names, picks, facts, unit)
    values: NDArray[Any]
    if raw:
        values = to_counts(path, numbers, None)
    else:
        factor: Any = 1.0 if scale is None else scale
        if unit == "counts" and scale is None:
            if not file_scale:
                raise refuse(path, "the file holds counts and no scale", "Give scale, uV per count, or raw: true.")
            factor = np.asarray(file_scale)
        values = to_float32_uv(path, numbers * factor)
    labels, _ = unique_labels([names[i].removesuffix(SUFFIXES[unit]).strip() for i in picks])
    if sps is None:
        try:
            sps = float(facts["sps"])
        except (KeyError, ValueError):
            raise refuse(path, "the header has no usable 'sps'", "Give sps, the frames per second.") from None
    rate = check_sps(path, sps)
    gaps = _gaps(table, facts, rate) if names[0] == "frame_index" else []
    meta: dict[str, Any] = {"header": facts}
    if "time_s" in names:                              # from the start of the run, which the header has
        meta["first_s"] = float(Table(path, table.rows[:1], table.lines[:1], names, ",").numbers(
            [names.index("time_s")])[0, 0])
    return Recording(values, labels, rate, "counts" if raw else "uV", file_scale, [], "eegcore_csv", gaps, meta)


def _facts(lines: Sequence[str]) -> dict[str, str]:
    facts: dict[str, str] = {}
    for line in lines:
        if not line.startswith("#"):
            break
        key, separator, value = line[1:].partition(":")
        if separator:
            facts[key.strip()] = value.strip()
    return facts


def _picks(path: str | os.PathLike[str], names: list[str], columns: Sequence[Column] | None,
           unit: str) -> list[int]:
    suffix = SUFFIXES[unit]
    if columns is not None:                          # labels are accepted as well as column names
        full = [f"{column}{suffix}" if f"{column}{suffix}" in names else column for column in columns]
        picks = pick_columns(path, names, full)
        wrong = [names[i] for i in picks if not names[i].endswith(suffix)]
        if wrong:
            raise refuse(path, f"column {wrong[0]!r} is not in {unit}",
                         f"Choose columns that end in {suffix!r}" + (", or leave raw out." if unit == "counts"
                                                                     else "."))
    else:
        picks = [i for i, name in enumerate(names) if name.endswith(suffix)]
    if not picks:
        raise refuse(path, f"the file has no column in {unit}",
                     "Leave raw out to read uV." if unit == "counts" else "Choose columns.")
    return picks


def _scale(path: str | os.PathLike[str], names: list[str], picks: Sequence[int], facts: dict[str, str],
           unit: str) -> tuple[float, ...]:
    """Return uV per count of the picked columns; empty if the header has none."""
    try:
        scale = [float(factor) for factor in json.loads(facts.get("scale_uv", "[]"))]
    except (TypeError, ValueError, OverflowError, RecursionError):
        raise refuse(path, f"the header line 'scale_uv' is no list of numbers: {facts['scale_uv'][:40]!r}",
                     "Restore the header.") from None
    in_unit = [i for i, name in enumerate(names) if name.endswith(SUFFIXES[unit])]
    if len(scale) != len(in_unit):
        return ()
    return tuple(scale[in_unit.index(i)] for i in picks)


def _gaps(table: Table, facts: dict[str, str], sps: float) -> list[tuple[int, int]]:
    written = re.fullmatch(r"([1-9][0-9]{0,11})(/[1-9][0-9]{0,11})?", facts.get("step", "1"))
    step = Fraction(written.group()) if written else Fraction(1)
    steps = np.diff(table.numbers([0])[:, 0]) / float(step)
    strange = np.flatnonzero(~(np.abs(steps) <= LONGEST_S * sps))
    if strange.size:
        raise refuse(table.path, f"frame_index jumps by {steps[strange[0]]:g} frames",
                     "No recording has such a gap. Mend the line.", table.lines[int(strange[0]) + 1])
    jumps = np.rint(steps).astype(np.int64)
    return [(int(i) + 1, int(jumps[i]) - 1) for i in np.flatnonzero(jumps > 1)]

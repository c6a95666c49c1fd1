"""Tab-separated tables of BIDS and of sessions: ``events.tsv``, ``channels.tsv``.

BIDS 1.10, "Tabular files": UTF-8, a line of names, tabs between cells, ``n/a`` where nothing is known.
"""

from __future__ import annotations

import math
import os

from eegcore.devices.readers_base import LONGEST_S, refuse
from eegcore.devices.readers_bytes import load_bytes
from eegcore.devices.readers_table import text_lines

MAX_TSV_BYTES = 64 << 20
NOTHING = "n/a"


def read_tsv(path: str | os.PathLike[str]) -> list[dict[str, str]]:
    """Return the rows of a table, each by the names of the columns; cells that say ``n/a`` are empty.

    A row with too few cells lacks the last ones: a power cut leaves such a row at the end.

    Raises
    ------
    RecordingRefused
        If the file cannot be read, or its first line has no names.
    """
    lines = [line for line in text_lines(path, load_bytes(path, MAX_TSV_BYTES)) if line.strip()]
    if not lines or not lines[0].strip():
        raise refuse(path, "there is no line of column names", "A table begins with the names of its columns.")
    names = [name.strip() for name in lines[0].split("\t")]
    rows = []
    for line in lines[1:]:
        cells = [cell.strip() for cell in line.split("\t")]
        rows.append({name: "" if cell == NOTHING else cell for name, cell in zip(names, cells, strict=False)})
    return rows


def seconds_of(text: str) -> float | None:
    """Return a time of a table, None if it is no number of seconds a recording can have."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and abs(value) <= LONGEST_S else None


def whole_of(text: str) -> int | None:
    """Return a whole number of a table, None if it is none."""
    digits = text.removeprefix("-")
    return int(text) if digits.isascii() and digits.isdigit() and len(digits) < 19 else None

"""Where electrodes of the 10-20 and 10-10 systems lie, as rows and columns of the scalp.

Source: American Clinical Neurophysiology Society, Guideline 2: Guidelines for standard
electrode position nomenclature (2016), figure 1, and for the rest of the rows AF, PO and T9 T10
Oostenveld and Praamstra, Clin Neurophysiol 112:713 (2001). The letters of a name are its row from front to
back, its number the column: z on the midline, odd on the left, even on the right, 10 % of
the arc between one and the next. The older names T3 T4 T5 T6 are T7 T8 P7 P8. Rows get short at both
ends: Fp1 Fp2 and O1 O2 lie before and behind columns 3 and 4.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_COLUMNS = {"9": -5, "7": -4, "5": -3, "3": -2, "1": -1, "z": 0, "2": 1, "4": 2, "6": 3, "8": 4, "10": 5}
_ROWS: tuple[tuple[int, str], ...] = (
    (4, "Fp1 Fpz Fp2"),
    (3, "AF9 AF7 AF5 AF3 AF1 AFz AF2 AF4 AF6 AF8 AF10"),
    (2, "F9 F7 F5 F3 F1 Fz F2 F4 F6 F8 F10"),
    (1, "FT9 FT7 FC5 FC3 FC1 FCz FC2 FC4 FC6 FT8 FT10"),
    (0, "T9 T7 C5 C3 C1 Cz C2 C4 C6 T8 T10"),
    (-1, "TP9 TP7 CP5 CP3 CP1 CPz CP2 CP4 CP6 TP8 TP10"),
    (-2, "P9 P7 P5 P3 P1 Pz P2 P4 P6 P8 P10"),
    (-3, "PO9 PO7 PO5 PO3 PO1 POz PO2 PO4 PO6 PO8 PO10"),
    (-4, "O1 Oz O2"),
)
_NUMBER = re.compile("^[a-y]+")                 # what is in front of it
_OLDER = {"t3": "t7", "t4": "t8", "t5": "p7", "t6": "p8"}
_BENT = {"fp1": -2, "fp2": 2, "o1": -2, "o2": 2}
_DIRECTIONS = ((1, 0), (0, 1))                 # along the row, along the column
MOST_APART = 2                                 # 20 %: neighbours in the 10-20 system


def _table() -> dict[str, tuple[int, int]]:
    table: dict[str, tuple[int, int]] = {}
    for row, names in _ROWS:
        for name in names.lower().split():
            table[name] = (_BENT.get(name, _COLUMNS[_NUMBER.sub("", name)]), row)
    return table | {older: table[name] for older, name in _OLDER.items()}


POSITIONS = _table()                           # label in lower case -> (column, row): 10 % to the right, to the front


def position_of(label: str) -> tuple[int, int] | None:
    """Return column and row of an electrode, None if the table does not know it; case does not matter."""
    return POSITIONS.get(label.lower())


def neighbours_of(label: str, labels: Sequence[str]) -> list[str]:
    """Return the four nearest neighbours of an electrode among `labels`: left, right, back, front.

    In each of the two directions the nearest pair that lies equally far on both sides, at most
    20 % away: the mean of such a pair has no slope in it. Fewer than four if a pair is missing.
    """
    here = position_of(label)
    if here is None:
        return []
    known = {place: other for other in reversed(labels) if (place := position_of(other)) is not None}
    found: list[str] = []
    for across, along in _DIRECTIONS:
        for apart in range(1, MOST_APART + 1):
            pair = [known.get((here[0] + side * apart * across, here[1] + side * apart * along)) for side in (-1, 1)]
            if pair[0] is not None and pair[1] is not None:
                found += [pair[0], pair[1]]
                break
    return found

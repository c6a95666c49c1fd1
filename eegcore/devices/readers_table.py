"""Numbers in lines of text: split, checked for shape, converted by NumPy.

Errors name the line as an editor counts it (from 1) and the column.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eegcore.devices.readers_base import refuse

QUOTE = '"'


@dataclass
class Table:
    """Rows of a text file, not yet numbers.

    Parameters
    ----------
    path : path-like
        For messages only.
    rows : list of str
        One line each, blank ones left out.
    lines : sequence of int
        Line number of each row, from 1.
    names : list of str
        Column names; as many as every row must have cells.
    delimiter : str or None
        One character; None for white space.
    decimal_comma : bool
        True if numbers are written ``1,5``.
    """

    path: str | os.PathLike[str]
    rows: list[str]
    lines: Sequence[int]
    names: list[str]
    delimiter: str | None
    decimal_comma: bool = False
    _checked: bool = False

    def cells(self, row: int) -> list[str]:
        """Return the cells of one row as text, without blanks around them."""
        return split_cells(self.rows[row], self.delimiter)

    def numbers(self, columns: Sequence[int], *, finite: bool = True) -> NDArray[np.float64]:
        """Convert columns to float64, shape (n_rows, len(columns)).

        Raises
        ------
        RecordingRefused
            With the line number, for a row of another length, a cell that is
            no number, and (unless `finite` is False) NaN or infinity.
        """
        self.check_lengths()
        rows = self.rows
        if self.decimal_comma:
            rows = [row.replace(",", ".") for row in rows]
        try:
            numbers = np.loadtxt(rows, dtype=np.float64, delimiter=self.delimiter, comments=None,
                                 usecols=list(columns), ndmin=2, quotechar=QUOTE)
        except ValueError as error:
            self._complain(columns)
            raise self._quoted(error) from None
        if len(numbers) != len(rows):
            raise self._quoted(None)
        if finite and not np.isfinite(numbers).all():
            row, position = np.argwhere(~np.isfinite(numbers))[0]
            raise self._no_number(int(row), columns[int(position)])
        return numbers

    def check_lengths(self) -> None:
        """Raise RecordingRefused with the line number if a row has another number of cells than names."""
        if self._checked:
            return
        expected = len(self.names)
        if self.delimiter is None or any(QUOTE in row for row in self.rows):
            counts = [len(split_cells(row, self.delimiter)) for row in self.rows]
        else:
            delimiter = self.delimiter
            counts = [row.count(delimiter) + 1 for row in self.rows]
        for row, count in enumerate(counts):
            if count != expected:
                raise refuse(self.path, f"this row has {count} cells, the first has {expected}",
                             "Every row must have the same number of cells. Mend or remove the line.",
                             self.lines[row])
        self._checked = True

    def _quoted(self, error: ValueError | None) -> Exception:
        """Every row is sound by itself and together they are not: a quote runs on into the next line."""
        row = next((row for row, line in enumerate(self.rows) if line.count(QUOTE) % 2), 0)
        return refuse(self.path, "a quote is opened and not closed" if error is None or self.rows[row].count(QUOTE) % 2
                      else f"the numbers cannot be read: {error}", "Mend the line.", self.lines[row])

    def _complain(self, columns: Sequence[int]) -> None:
        """Find the cell NumPy stumbled over; slow, and only run once it has."""
        for row in range(len(self.rows)):
            cells = self.cells(row)
            for column in columns:
                if not is_number(cells[column], self.decimal_comma):
                    raise self._no_number(row, column)

    def _no_number(self, row: int, column: int) -> Exception:
        seen = self.cells(row)[column]
        name = self.names[column] or str(column)
        what = "the cell is empty" if not seen else f"{seen[:40]!r} is not a finite number"
        return refuse(self.path, f"column {name!r}: {what}",
                      "Every cell must hold a finite number. Mend the line, or choose other columns.",
                      self.lines[row])


def split_cells(line: str, delimiter: str | None) -> list[str]:
    """Split one line into cells without blanks around them; quotes are understood."""
    if delimiter is None:
        return line.split()
    if QUOTE not in line:
        return [cell.strip() for cell in line.split(delimiter)]
    return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter, skipinitialspace=True))]


def is_number(text: str, decimal_comma: bool = False) -> bool:
    """Tell whether NumPy would read `text` as a number (NaN and infinity included)."""
    if "_" in text:                                  # Python reads 1_000, NumPy and spreadsheets do not
        return False
    try:
        float(text.replace(",", ".") if decimal_comma else text)
    except ValueError:
        return False
    return True


def text_lines(path: str | os.PathLike[str], data: bytes) -> list[str]:
    """Decode a text file and split it into lines (UTF-8, with or without mark, UTF-16 with mark, Latin-1).

    Raises
    ------
    RecordingRefused
        If the bytes are no text.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            text = data.decode("utf-16")
        except UnicodeDecodeError:
            raise _not_text(path) from None
    elif b"\x00" in data[:65536]:
        raise _not_text(path)
    else:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("latin-1")
    # Only line feeds and carriage returns end a line: str.splitlines also splits at control characters.
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _not_text(path: str | os.PathLike[str]) -> Exception:
    return refuse(path, "the file is neither EDF, BDF nor text",
                  "Readable: OpenBCI text, CSV, EDF, BDF, each also as .xz. Raw SPI frames (.bin) go to the "
                  "emulator: signal: file.")

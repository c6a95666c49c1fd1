"""What BDF+ headers may say: printable ASCII, fields of fixed width, labels that are unique.

The rules are those of EDF+ (Kemp & Olivan 2003, edfplus.info/specs/edfplus.html): header text is
US-ASCII 32..126, left-justified and filled with blanks (section 2.1.3, items 1 and 2); subfields of the patient and
recording identification are separated by one blank each, an unknown one is ``X`` (items 3 and 4).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import date

LABEL_BYTES = 16
ID_BYTES = 80
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
TAKEN = ("bdf annotations", "edf annotations", "status", "trigger")
"""Labels that readers take for something else than a channel of voltages (MNE: ``stim_channel='auto'``)."""

SPELLED = {"\u00b5": "u", "\u03bc": "u", "\u03a9": "Ohm", "\u2126": "Ohm", "\u00df": "ss", "\u00e6": "ae",
           "\u00c6": "AE", "\u00f8": "o", "\u00d8": "O", "\u0111": "d", "\u0142": "l", "\u0141": "L", "\u2013": "-",
           "\u2014": "-", "\u2212": "-", "\u2019": "'", "\u2018": "'"}
"""Letters that do not fall apart into an ASCII one and an accent."""


def to_ascii(text: str) -> str:
    """Return `text` in US-ASCII 32..126: accents fall off, everything else unknown becomes ``_``."""
    spelled = "".join(SPELLED.get(letter, letter) for letter in text)
    plain = (letter for letter in unicodedata.normalize("NFKD", spelled) if not unicodedata.combining(letter))
    return "".join(letter if " " <= letter <= "~" else "_" for letter in plain)


def field(value: str | int, width: int) -> bytes:
    """Return one header field, filled with blanks; ValueError if the value is wider than the field."""
    text = to_ascii(str(value))
    if len(text) > width:
        raise ValueError(f"bdf: {text!r} does not fit a field of {width} characters. Shorten it.")
    return text.ljust(width).encode("ascii")


def header_labels(labels: Sequence[str]) -> tuple[str, ...]:
    """Return the labels as the header can carry them: ASCII, at most 16 characters, unique, never a reserved one.

    A label that fits stays as it is. The order of channels is kept; the true labels belong into the metadata.
    """
    seen: set[str] = set()
    result: list[str] = []
    plain = [to_ascii(label).strip()[:LABEL_BYTES].strip() or f"ch{i + 1}" for i, label in enumerate(labels)]
    unchanged = {name for name, label in zip(plain, labels, strict=True) if name == label}
    for name, label in zip(plain, labels, strict=True):
        if name.lower() in TAKEN:
            name = f"{name[:LABEL_BYTES - 1]}_"
        base, number = name, 1
        while name in seen or (name in unchanged and name != label):
            number += 1
            ending = f"~{number}"
            name = base[:LABEL_BYTES - len(ending)] + ending
        seen.add(name)
        result.append(name)
    return tuple(result)


def subfield(text: str | None) -> str:
    """Return one subfield of an identification: no blanks inside, ``X`` if nothing is known."""
    return to_ascii(text or "").strip().replace(" ", "_") or "X"


def edf_date(day: date) -> str:
    """Return ``21-NOV-2026``, English whatever the locale (EDF+ section 2.1.3, item 3)."""
    return f"{day.day:02d}-{MONTHS[day.month - 1]}-{day.year:04d}"


def patient_id(code: str | None = None, sex: str | None = None, born: date | None = None,
               name: str | None = None) -> str:
    """Return the local patient identification: hospital code, sex (F or M), date of birth, name.

    More than 80 characters are cut: the metadata of the session holds the whole.
    """
    letter = subfield(sex).upper()
    words = [subfield(code), letter if letter in ("F", "M") else "X", edf_date(born) if born else "X", subfield(name)]
    return " ".join(words)[:ID_BYTES]


def recording_id(day: date | None, text: str = "", equipment: str = "eegcore") -> str:
    """Return the local recording identification: ``Startdate``, the date, then `text` or what is known.

    Parameters
    ----------
    day : date or None
        The date of the header; None if it has none (``X``).
    text : str
        Administration code, technician, equipment and further subfields; a leading ``Startdate DATE`` is replaced.
    equipment : str
        Used if `text` is empty.
    """
    words = to_ascii(text).split()
    if words[:1] == ["Startdate"]:
        words = words[2:]
    if not words:
        words = ["X", "X", subfield(equipment), "UTC"]
    return " ".join(["Startdate", edf_date(day) if day else "X", *words])[:ID_BYTES].rstrip()

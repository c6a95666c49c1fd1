"""What a person says about a recording: data, with limits, never code and never a path."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from eegcore.errors import BadArgument

MOST_WORDS = 64                                        # characters of participant, task and session
MOST_NOTES = 16_384
MOST_PRE_ROLL_S = 600.0
MOST_SLUG = 32
LEAST_SEGMENT_S = 1.0
LEAST_SEGMENT_BYTES = 1 << 20
# Cc and Cs: control characters and halves of pairs, which no UTF-8 file can hold; Zl and Zp: ends of lines.
NOT_WORDS = ("Cc", "Cs", "Zl", "Zp")
LABEL = re.compile(r"[0-9A-Za-z]+")                    # BIDS 1.10, "Entities": labels are alphanumeric


@dataclass(frozen=True)
class SessionInfo:
    """Who, what for, and how it is written.

    Parameters
    ----------
    participant : str
        A code, at most 64 characters. Names of folders carry its letters and digits.
    notes : str
        Any text, at most 16 384 characters, several lines if you like.
    task : str
        What the participant does.
    session : str
        Which visit it is.
    pre_roll_s : float
        Seconds before the start that belong to it, as far as the sink still has them.
    csv : bool
        Write ``eeg.csv`` too.
    bids : bool
        Put the finished recording into the BIDS dataset ``bids`` beside the sessions.
    segment_s : float
        Longest BDF file, seconds.
    segment_bytes : int
        Largest BDF file, bytes.
    """

    participant: str = ""
    notes: str = ""
    task: str = ""
    session: str = ""
    pre_roll_s: float = 0.0
    csv: bool = False
    bids: bool = False
    segment_s: float = 3600.0
    segment_bytes: int = 2 << 30

    def __post_init__(self) -> None:
        """Check every value; BadArgument names the first that cannot be."""
        for name in ("participant", "task", "session"):
            _words(name, getattr(self, name), MOST_WORDS, lines=False)
        _words("notes", self.notes, MOST_NOTES, lines=True)
        for name in ("csv", "bids"):
            if not isinstance(getattr(self, name), bool):
                raise BadArgument(f"{name}: {_shown(getattr(self, name))} is neither true nor false.")
        _number("pre_roll_s", self.pre_roll_s, 0.0, MOST_PRE_ROLL_S)
        _number("segment_s", self.segment_s, LEAST_SEGMENT_S, 1e9)
        _number("segment_bytes", self.segment_bytes, LEAST_SEGMENT_BYTES, 1 << 50)
        if self.bids:
            for name in ("participant", "session"):
                value = getattr(self, name)
                if value and not LABEL.fullmatch(value):
                    raise BadArgument(f"{name}: {value!r} cannot be a label of BIDS. Letters A-Z and digits only. "
                                      f"Give for example {label_of(value) or 'P01'!r}.")
            if self.task and not label_of(self.task):
                raise BadArgument(f"task: {self.task!r} has no letter or digit for a label of BIDS. Letters A-Z and "
                                  "digits. Give for example 'rest'.")

    @property
    def slug(self) -> str:
        """The participant as the name of a folder may carry it; empty if nothing of it can."""
        plain = unicodedata.normalize("NFKD", self.participant).encode("ascii", "ignore").decode()
        return re.sub(r"[^0-9A-Za-z]+", "-", plain).strip("-")[:MOST_SLUG].strip("-")


def session_info(given: Mapping[str, Any], defaults: SessionInfo | None = None) -> SessionInfo:
    """Return the checked words of a request; what it leaves out, or gives as None, is that of `defaults`.

    Raises
    ------
    BadArgument
        If something is unknown, of another type or out of its limits.
    """
    known = {field.name: getattr(defaults or SessionInfo(), field.name) for field in fields(SessionInfo)}
    unknown = [str(name) for name in given if name not in known]
    if unknown:
        raise BadArgument(f"recording: {unknown[0][:60]!r} is not known. Known: {', '.join(known)}.")
    return SessionInfo(**{**known, **{name: value for name, value in given.items() if value is not None}})


def label_of(text: str) -> str:
    """Return the letters and digits of a text: how BIDS makes a label of a name (TaskName to task-<label>)."""
    return re.sub(r"[^0-9A-Za-z]", "", unicodedata.normalize("NFKD", text))


def _words(name: str, value: Any, most: int, *, lines: bool) -> None:
    if not isinstance(value, str):
        raise BadArgument(f"{name}: {_shown(value)} is no text. Give a string.")
    if len(value) > most:
        raise BadArgument(f"{name}: {len(value)} characters. At most {most} are kept.")
    for character in value:
        kind = unicodedata.category(character)
        if kind in NOT_WORDS and not (lines and (character in "\n\t" or kind in ("Zl", "Zp"))):
            raise BadArgument(f"{name}: holds the character U+{ord(character):04X}. Control characters are refused"
                              f"{', except line breaks and tabs' if lines else ''}. Remove it.")


def _number(name: str, value: Any, least: float, most: float) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) \
            or not least <= value <= most:
        raise BadArgument(f"{name}: {_shown(value)} is out of range. Allowed: {least:g} to {most:g}.")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."

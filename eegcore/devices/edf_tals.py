"""Time-stamped annotation lists: the annotation signals of EDF+ and BDF+.

A data record holds, for each annotation signal, lists that end with a zero
byte: ``+onset[\\x15duration]\\x14text\\x14...text\\x14\\x00`` (EDF+ section
2.2.2). The first list of the first annotation signal of a record has an empty
text: its onset is the start time of the record (section 2.2.4).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import NamedTuple

from eegcore.devices.readers_base import LONGEST_S, Event

ONSET = re.compile(rb"([+-]\d+(?:\.\d*)?)(?:\x15(\d+(?:\.\d*)?))?")
PLACES = 12
"""Decimals that survive a subtraction of two onsets."""


class Tal(NamedTuple):
    """One time-stamped annotation list.

    Parameters
    ----------
    onset_s : float
        Seconds after the start time in the header.
    duration_s : float or None
    texts : tuple of str
    """

    onset_s: float
    duration_s: float | None
    texts: tuple[str, ...]


class Annotations(NamedTuple):
    """What the annotation signals of a file say.

    Parameters
    ----------
    record_onsets_s : list of float
        Start of each data record in seconds after the start time in the header; NaN where it has none.
        Empty if the file has no annotation signal.
    events : list of Event
        In order of onset; the onsets are counted from the start of the first record.
    n_damaged : int
        Lists that could not be read and are left out.
    """

    record_onsets_s: list[float]
    events: list[Event]
    n_damaged: int


def read_annotations(records: Iterable[list[bytes]]) -> Annotations:
    """Read the annotation signals of every data record.

    Parameters
    ----------
    records : iterable of list of bytes
        For each data record the bytes of its annotation signals, in the order of the header.
    """
    onsets: list[float] = []
    found: list[Tal] = []
    n_damaged = 0
    for signals in records:
        for number, raw in enumerate(signals):
            tals, damaged = split_tals(raw)
            n_damaged += damaged
            if number == 0:                            # the record's own time, and not an event
                keeps_time = bool(tals) and raw.lstrip(b"\x00").startswith((b"+", b"-"))
                onsets.append(tals[0].onset_s if keeps_time else math.nan)
                if keeps_time:
                    tals[0] = tals[0]._replace(texts=tals[0].texts[1:])
            found.extend(tals)
    start = next((onset for onset in onsets[:1] if math.isfinite(onset)), 0.0)
    events = [Event(round(tal.onset_s - start, PLACES), tal.duration_s, text) for tal in found for text in tal.texts]
    events.sort(key=lambda event: (event.onset_s, -1.0 if event.duration_s is None else event.duration_s, event.text))
    return Annotations(onsets, events, n_damaged)


def split_tals(raw: bytes) -> tuple[list[Tal], int]:
    """Return the annotation lists of one signal of one record, and how many were damaged.

    Texts are UTF-8 (EDF+ section 2.1.3.6); what is not is taken as Latin-1, as older programs wrote.
    """
    tals: list[Tal] = []
    damaged = 0
    for part in raw.split(b"\x00"):
        if not part:
            continue
        stamp, *texts = part.split(b"\x14")
        match = ONSET.fullmatch(stamp)
        if match is None or len(texts) < 2 or texts[-1] or len(stamp) > 64:
            damaged += 1
            continue
        onset_s = float(match.group(1))
        duration_s = None if match.group(2) is None else float(match.group(2))
        if not (abs(onset_s) <= LONGEST_S and (duration_s or 0.0) <= LONGEST_S):
            damaged += 1
            continue
        tals.append(Tal(onset_s, duration_s, tuple(_text(text) for text in texts[:-1])))
    return tals, damaged


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")

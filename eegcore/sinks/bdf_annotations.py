"""Time-stamped annotations lists (TALs) and their place in the data records (EDF+ section 2.2).

A TAL is ``+onset[\\x15duration]\\x14text\\x14\\0``; it may not be cut by the end of a data record, and it may stand in
any data record, also long after its onset. The first one of every data record is the time-keeping TAL
``+onset\\x14\\x14\\0`` (section 2.2.4). What does not fit waits for the next data record: nothing is thrown away.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from fractions import Fraction

GAP_TEXT = "BAD_ACQ_SKIP gap {} frames"
PADDING_TEXT = "BAD_ACQ_SKIP padding {} frames"
"""Frames that were not measured. MNE leaves annotations that begin with BAD_ACQ_SKIP out of filters and spectra."""

PIECE_BYTES = 160                                    # of text in one TAL: room and readers are bounded
FILL = re.compile(r"BAD_ACQ_SKIP (gap|padding) (\d+) frames\Z")
CONTROL = dict.fromkeys((*range(32), 127), " ")      # 20 and 21 separate, 0 ends: none may be in a text


def fill_of(text: str) -> tuple[str, int] | None:
    """Return what an annotation says about frames that were not measured: ``("gap" | "padding", n_frames)``."""
    found = FILL.match(text)
    return (found[1], int(found[2])) if found else None


def seconds_text(start_us: int, frames: int, rate: Fraction) -> str:
    """Return the onset of a frame in seconds after the second of the header, to the nanosecond at most."""
    n = frames * 10**9 * rate.denominator
    total = start_us * 1000 + (2 * n + rate.numerator) // (2 * rate.numerator)
    sign = "+" if total >= 0 else "-"
    whole, rest = divmod(abs(total), 10**9)
    return f"{sign}{whole}.{rest:09d}".rstrip("0").rstrip(".")


def duration_text(frames: int, rate: Fraction) -> str:
    """Return a length in seconds, to the nanosecond at most; empty for none."""
    return seconds_text(0, frames, rate)[1:] if frames > 0 else ""


def clean(text: str) -> str:
    """Return a text that a TAL can carry: no control characters, no half surrogates, never empty."""
    return text.translate(CONTROL).encode("utf-8", "replace").decode("utf-8").strip() or "-"


def pieces(text: str, limit: int = PIECE_BYTES) -> list[str]:
    """Cut a text into pieces of at most `limit` bytes of UTF-8, numbered ``[1/3]`` if there are several."""
    text = clean(text)
    if len(text.encode()) <= limit:
        return [text]
    room = limit - len(" [999/999]")
    parts, part, size = [], "", 0
    for letter in text:
        n = len(letter.encode())
        if size + n > room:
            parts.append(part)
            part, size = "", 0
        part += letter
        size += n
    parts.append(part)
    return [f"{part} [{i + 1}/{len(parts)}]" for i, part in enumerate(parts)]


@dataclass(frozen=True)
class Annotation:
    """Something at a frame of the file: `at` and `frames` in frames, `frames` 0 for a moment."""

    at: int
    text: str
    frames: int = 0


class AnnotationQueue:
    """Annotations on their way into the data records of one file.

    Parameters
    ----------
    rate : Fraction
        Frames per second.
    room : int
        Bytes for annotations in one data record.
    """

    def __init__(self, rate: Fraction, room: int) -> None:
        self.rate, self.room = rate, room
        self.start_us = 0                            # set once the first frame is known
        self.added = 0
        self._waiting: deque[Annotation] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def add_first(self, annotation: Annotation) -> None:
        """Take an annotation that goes before all that wait."""
        self.added += 1
        self._waiting.appendleft(annotation)

    def add(self, annotation: Annotation) -> None:
        """Take an annotation; long texts become several."""
        self.added += 1
        for text in pieces(annotation.text):
            self._waiting.append(Annotation(annotation.at, text, annotation.frames))

    def field(self, first_frame: int) -> bytes:
        """Return the annotation field of the data record that begins at `first_frame`, and forget what is in it."""
        field = self._clock(first_frame)
        while self._waiting:
            tal = self._tal(self._waiting[0])
            if len(field) + len(tal) > self.room:
                break
            field += tal
            self._waiting.popleft()
        return field.ljust(self.room, b"\0")

    def records_needed(self, first_frame: int, record_frames: int, before: Annotation | None = None) -> int:
        """Return how many data records the waiting annotations, and one `before` them, will take: at least 1."""
        records, used = 1, len(self._clock(first_frame))
        for annotation in (*(() if before is None else (before,)), *self._waiting):
            n = len(self._tal(annotation))
            if used + n > self.room:
                used = len(self._clock(first_frame + records * record_frames))
                records += 1
            used += n
        return records

    def take_rest(self) -> list[Annotation]:
        """Return what found no place, and forget it."""
        rest = list(self._waiting)
        self._waiting.clear()
        return rest

    def _clock(self, first_frame: int) -> bytes:
        return f"{seconds_text(self.start_us, first_frame, self.rate)}\x14\x14\0".encode()

    def _tal(self, annotation: Annotation) -> bytes:
        onset = seconds_text(self.start_us, annotation.at, self.rate)
        lasts = duration_text(annotation.frames, self.rate)
        return f"{onset}{chr(0x15) + lasts if lasts else ''}\x14{annotation.text}\x14\0".encode()


def read_field(field: bytes) -> tuple[float | None, list[tuple[float, float | None, str]]]:
    """Return the time of a data record and the annotations in it: (onset, duration, text), seconds.

    Raises
    ------
    ValueError
        If a TAL is not one.
    """
    clock: float | None = None
    found: list[tuple[float, float | None, str]] = []
    for number, tal in enumerate(part for part in field.rstrip(b"\0").split(b"\0") if part):
        head, *texts = tal.split(b"\x14")
        if not texts or texts[-1] != b"":
            raise ValueError("an annotation does not end")
        onset, _, lasts = head.partition(b"\x15")
        if onset[:1] not in (b"+", b"-"):
            raise ValueError("an annotation has no onset")
        at, duration = float(onset), float(lasts) if lasts else None
        texts = texts[:-1]
        if number == 0:
            if not texts or texts[0] != b"":
                raise ValueError("the data record has no time")
            clock, texts = at, texts[1:]
        found += [(at, duration, text.decode("utf-8")) for text in texts]
    return clock, found

"""BDF+C on paper: header, data records, calibration. Pure: nothing here touches a file.

BDF is EDF with 24-bit samples (biosemi.com/faq/file_format.htm): 8 bytes of identification ``\\xffBIOSEMI``, then
the fields of EDF; BDF+ takes over the additions of EDF+ (Kemp & Olivan 2003, edfplus.info/specs/edfplus.html)
with ``BDF+C`` in the reserved field and a last signal ``BDF Annotations`` that carries text.

A data record holds all samples of channel 0, then of channel 1, ..., then the annotations; its duration is the
decimal of at most 8 characters nearest to half a second in which every channel has a whole number of samples. Rates
that have none up to one second (511.5 SPS) get the one that comes closest (`Layout.residual_ppm`).

Physical range: the digital range is all of 24 bits, and the physical values at its ends are the nearest numbers of
8 characters. They miss the true ones by less than one unit of their last digit (`Calibration.residual_uv`: 0.022 uV
at the upper end of +-187.5 mV, one count). The exact uV per count stands in the reserved field of each signal, as
``LSB 0.022351741790771484 uV``, and in the metadata of the session.

The reserved field of the annotation signal names the newest data record and its CRC-32, ``record 12 crc32 1a2b3c4d``,
and is written before that record: after a power cut it tells a whole data record from a torn one (`check_field`).

The start time is UTC: readers (MNE) take it for that, and a recorder may have been set to any zone. The fraction of
the second stands in the first time-keeping annotation (EDF+ section 2.2.4).
"""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from eegcore.sinks.bdf_text import field, header_labels, recording_id, to_ascii

IDENTIFICATION = b"\xffBIOSEMI"
CONTINUOUS = "BDF+C"
ANNOTATIONS = "BDF Annotations"
COUNT_OFFSET = 236                                   # where the number of data records stands, 8 characters
CHECK_BYTES = 32                                     # the last ones of the header: reserved field of the annotations
BLOCK_BYTES = 256                                    # of the header: one, and one more for every signal
SAMPLE_BYTES = 3
DIGITAL_MIN, DIGITAL_MAX = -(1 << 23), (1 << 23) - 1
NO_CHECK = "record -1 crc32 00000000"               # before the first data record
WANTED_S = Fraction(1, 2)                            # a data record, PROMISES section 4
LONGEST_S = Fraction(1)                              # what a killed process may cost, PROMISES section 1
MAX_CHANNELS = 256
ROOM_BYTES, ROOM_PER_CHANNEL = 240, 8                # for annotations in one data record
FIRST_SECOND, AFTER_LAST_SECOND = 473_385_600, 3_629_145_600
"""1 January 1985 and 2085, Unix time: a header has two digits for the year (EDF+ section 2.1.3, item 2)."""


@dataclass(frozen=True)
class Layout:
    """How many bytes of what one data record holds.

    Parameters
    ----------
    n_channels : int
        1..256, annotations not counted.
    rate : Fraction
        Frames per second.
    frames : int
        Frames of one data record.
    duration : str
        Of one data record, seconds, as the header says it.
    annotation_bytes : int
        Room for annotations in one data record, a multiple of 3.
    """

    n_channels: int
    rate: Fraction
    frames: int
    duration: str
    annotation_bytes: int

    @property
    def header_bytes(self) -> int:
        """Bytes before the first data record."""
        return BLOCK_BYTES * (self.n_channels + 2)

    @property
    def record_bytes(self) -> int:
        """Bytes of one data record."""
        return SAMPLE_BYTES * self.frames * self.n_channels + self.annotation_bytes

    @property
    def bytes_per_s(self) -> float:
        """What a recording takes of a disk."""
        return float(self.record_bytes * self.rate / self.frames)

    @property
    def header_rate(self) -> Fraction:
        """Frames per second as a reader computes them; onsets of annotations follow it, so they hit their frame."""
        return self.frames / Fraction(self.duration)

    @property
    def residual_ppm(self) -> float:
        """How far `header_rate` is off; 0 for every rate with an exact duration."""
        return float(abs(self.header_rate / self.rate - 1) * 10**6)


def make_layout(sps: float, n_channels: int) -> Layout:
    """Choose the data record: the exact duration next to half a second, at most one second if there is any.

    Raises
    ------
    ValueError
        If the rate is no positive number, or there are no channels, or more than 256.
    """
    if not 1 <= n_channels <= MAX_CHANNELS:
        raise ValueError(f"bdf: {n_channels} channels. Allowed: 1 to {MAX_CHANNELS}. Select some of them.")
    if not (math.isfinite(sps) and sps > 0):
        raise ValueError(f"bdf: sps is {sps!r}. Allowed: a positive number.")
    rate = Fraction(sps).limit_denominator(1_000_000)
    if rate <= 0:
        raise ValueError(f"bdf: sps is {sps!r}. Allowed: at least 0.000001.")
    n_bytes = ROOM_BYTES + ROOM_PER_CHANNEL * n_channels
    frames, duration = _record(rate)
    return Layout(n_channels, rate, frames, duration, n_bytes + -n_bytes % SAMPLE_BYTES)


def _record(rate: Fraction) -> tuple[int, str]:
    """Return frames and duration of a data record: exact if at all possible within `LONGEST_S`."""
    # n frames last an exact decimal if n makes up for every prime of the rate but 2 and 5
    step = rate.numerator
    for prime in (2, 5):
        while step % prime == 0:
            step //= prime
    longest = LONGEST_S if rate >= 10 else Fraction(10)      # nobody waits for fractions of a frame
    near = max(1, round(WANTED_S * rate / step))
    for k in sorted(range(max(1, near - 400), near + 400), key=lambda k: abs(k * step / rate - WANTED_S)):
        text = decimal_text(k * step / rate)
        if text is not None and k * step / rate <= longest:
            return k * step, text
    first, last = max(1, round(WANTED_S / 2 * rate)), max(1, round(LONGEST_S * rate))
    tried = sorted({max(1, round(WANTED_S * rate)), *range(first, min(last, first + 4000) + 1)},
                   key=lambda n: abs(n - WANTED_S * rate))
    return min(((n, fitted(n / rate)) for n in tried), key=lambda item: abs(item[0] / Fraction(item[1]) / rate - 1))


def decimal_text(value: Fraction, width: int = 8) -> str | None:
    """Return a non-negative number exactly, as a decimal of at most `width` characters; None if there is none."""
    for digits in range(width - 1):
        scaled = value * 10**digits
        if scaled.denominator == 1:
            whole, rest = divmod(int(scaled), 10**digits)
            text = f"{whole}.{rest:0{digits}d}" if digits else str(whole)
            return text if len(text) <= width else None
    return None


def fitted(value: float | Fraction, width: int = 8) -> str:
    """Return the decimal of at most `width` characters that is nearest to `value`.

    Raises
    ------
    ValueError
        If its whole part alone is wider.
    """
    exact = Fraction(value)
    for digits in range(width - 2, -1, -1):
        text = f"{'-' if exact < 0 else ''}{_rounded(abs(exact), digits)}"
        if len(text) <= width:
            return text.rstrip("0").rstrip(".") if "." in text else text
    raise ValueError(f"bdf: {float(value):g} does not fit {width} characters.")


def _rounded(value: Fraction, digits: int) -> str:
    whole, rest = divmod(round(value * 10**digits), 10**digits)
    return f"{whole}.{rest:0{digits}d}" if digits else str(whole)


@dataclass(frozen=True)
class Calibration:
    """What the header says about one channel: unit and the physical values at both ends of the digital range."""

    unit: str
    minimum: str
    maximum: str
    lsb: str
    residual_uv: float


UNITS_UV = (("uV", 1), ("mV", 1000), ("V", 1_000_000))


def calibrate(scale_uv: float | None) -> Calibration:
    """Return the calibration of a channel of `scale_uv` uV per count (negative: inverted); None if that is unknown.

    Unknown, zero and unthinkable scales make an uncalibrated signal: the physical values are the counts.
    """
    if scale_uv is not None and math.isfinite(scale_uv) and scale_uv != 0:
        scale = Fraction(scale_uv)
        for unit, factor in UNITS_UV:
            ends = (scale * DIGITAL_MIN / factor, scale * DIGITAL_MAX / factor)
            try:
                texts = [fitted(end) for end in ends]
            except ValueError:
                continue
            if Fraction(texts[0]) == Fraction(texts[1]):
                break
            residual = max(abs(Fraction(text) - end) for text, end in zip(texts, ends, strict=True)) * factor
            return Calibration(unit, texts[0], texts[1], f"LSB {scale_uv!r} uV"[:32], float(residual))
    return Calibration("", str(DIGITAL_MIN), str(DIGITAL_MAX), "", 0.0)


@dataclass(frozen=True)
class Header:
    """Everything a header says, except how many data records follow.

    Parameters
    ----------
    layout : Layout
    labels : tuple of str
        As the header carries them.
    calibrations : tuple of Calibration
    start_unix_us : int
        Wall time of the first frame, microseconds; the header takes the whole seconds of it.
    patient, recording : str
        Identifications; the date in `recording` is put right.
    equipment : str
        Named in a recording identification that says nothing else.
    """

    layout: Layout
    labels: tuple[str, ...]
    calibrations: tuple[Calibration, ...]
    start_unix_us: int
    patient: str = ""
    recording: str = ""
    equipment: str = "eegcore"

    @property
    def start(self) -> datetime | None:
        """Whole second of the start, UTC; None where a header cannot say it (before 1985, after 2084)."""
        second = self.start_unix_us // 1_000_000
        if not FIRST_SECOND <= second < AFTER_LAST_SECOND:
            return None
        return datetime.fromtimestamp(second, UTC)

    @property
    def start_us(self) -> int:
        """Microseconds after the second of the header at which the first data record begins."""
        return self.start_unix_us % 1_000_000

    def encode(self, n_records: int) -> bytes:
        """Return the header bytes."""
        layout, start = self.layout, self.start
        n_signals = layout.n_channels + 1
        first = [IDENTIFICATION, field(to_ascii(self.patient)[:80] or "X X X X", 80),
                 field(recording_id(start.date() if start else None, self.recording, self.equipment), 80),
                 field(f"{start:%d.%m.%y}" if start else "01.01.85", 8),
                 field(f"{start:%H.%M.%S}" if start else "00.00.00", 8),
                 field(layout.header_bytes, 8), field(CONTINUOUS, 44), count_field(n_records),
                 field(layout.duration, 8), field(n_signals, 4)]
        calibrations = self.calibrations
        columns: list[tuple[int, list[str | int]]] = [
            (16, [*self.labels, ANNOTATIONS]),
            (80, [""] * n_signals),                                              # transducer
            (8, [*(c.unit for c in calibrations), ""]),
            (8, [*(c.minimum for c in calibrations), "-1"]),
            (8, [*(c.maximum for c in calibrations), "1"]),
            (8, [DIGITAL_MIN] * n_signals),
            (8, [DIGITAL_MAX] * n_signals),
            (80, [""] * n_signals),                                              # prefilter
            (8, [*([layout.frames] * layout.n_channels), layout.annotation_bytes // SAMPLE_BYTES]),
            (32, [*(c.lsb for c in calibrations), NO_CHECK]),
        ]
        return b"".join(first + [field(value, width) for width, values in columns for value in values])


def make_header(layout: Layout, labels: tuple[str, ...], scale_uv: tuple[float, ...], start_unix_us: int = 0,
                patient: str = "", recording: str = "", equipment: str = "eegcore") -> Header:
    """Return the header of a stream; `scale_uv` may be empty where nothing is known."""
    scales: tuple[float | None, ...] = scale_uv or (None,) * len(labels)
    return Header(layout, header_labels(labels), tuple(calibrate(scale) for scale in scales), start_unix_us, patient,
                  recording, equipment)


def count_field(n_records: int) -> bytes:
    """Return the number of data records as it stands at byte 236."""
    return field(n_records, 8)


def check_field(number: int, record: bytes) -> bytes:
    """Return the reserved field of the annotation signal for data record `number`, counted from 0."""
    return field(f"record {number} crc32 {zlib.crc32(record):08x}", CHECK_BYTES)


def read_check_field(data: bytes) -> tuple[int, int] | None:
    """Return (number, CRC-32) of a data record from such a field; None if it holds none."""
    words = data.decode("ascii", "replace").split()
    if len(words) != 4 or words[0::2] != ["record", "crc32"]:
        return None
    try:
        return int(words[1]), int(words[3], 16)
    except ValueError:
        return None


def pack_counts(counts: NDArray[np.int32]) -> bytes:
    """Return the samples of one data record: 24-bit little-endian, channel after channel.

    Parameters
    ----------
    counts : int32, shape (n_frames, n_channels)
        Within 24 bits; the upper byte is left out.
    """
    n_frames, n_channels = counts.shape
    ordered = np.ascontiguousarray(counts.T, dtype="<i4")
    return ordered.view(np.uint8).reshape(n_channels, n_frames, 4)[:, :, :SAMPLE_BYTES].tobytes()

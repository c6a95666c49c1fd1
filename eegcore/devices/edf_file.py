"""An EDF or BDF file, plus variants included: header by edfio, samples decoded in pieces.

edfio reads a whole file into arrays several times its size. Recordings are
larger than caches, and several at once share one memory bus: here a piece of
some data records is read, decoded, scaled and put into its place before the
next one is touched. `tests/devices` compares the values with edfio's.
"""

from __future__ import annotations

import datetime
import re
import warnings
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eegcore.devices.edf_tals import Annotations, read_annotations
from eegcore.devices.readers_base import refuse
from eegcore.devices.readers_bytes import FileBytes

UV_PER_UNIT = {"uv": 1.0, "\u00b5v": 1.0, "\u03bcv": 1.0, "mv": 1e3, "v": 1e6, "nv": 1e-3}
"""Physical dimensions that are voltages (EDF+ section 2.1.3.4), in lower case."""

HEADER_BYTES = 256
SAMPLE_BYTES = {"edf": 2, "bdf": 3}
ANNOTATIONS = {"edf": b"EDF Annotations", "bdf": b"BDF Annotations"}

LENGTHS_AT = 216
"""Bytes per signal that stand in the header before the samples per data record."""

PIECE_SAMPLES = 32768
"""Samples decoded at once: with counts, doubles and floats about 600 kB, which stay in a second-level cache."""

PAD = 1
"""A 24-bit sample is read as the upper bytes of a 32-bit word, which begins one byte earlier."""


class EdfSignal(NamedTuple):
    """One signal that holds samples.

    Parameters
    ----------
    label, transducer, unit, prefilter : str
        As the header has them.
    sps : float
    n_per_record : int
        Samples in each data record.
    offset : int
        Bytes before it in each data record.
    uv_per_unit : float or None
        None if the unit is no voltage.
    slope, intercept : float
        Physical value = `slope` * count + `intercept`, in uV or, if it is no voltage, in `unit`. (1, 0) if the header
        has an empty range: uncalibrated signals are counts (EDF+ FAQ). Physical minimum above maximum gives a
        negative slope. What a recorder of this house writes into the reserved field, ``LSB 0.02235174 uV``, is exact
        where the 8 characters of a physical range are not, and is taken instead.
    """

    label: str
    transducer: str
    unit: str
    prefilter: str
    sps: float
    n_per_record: int
    offset: int
    uv_per_unit: float | None
    slope: float
    intercept: float

    @property
    def is_status(self) -> bool:
        """The BioSemi trigger channel, told by its label or its transducer field ('Triggers and Status')."""
        return "status" in (self.label.strip().lower(), self.transducer.lower().removeprefix("triggers and "))


class EdfFile:
    """An open EDF or BDF file.

    Parameters
    ----------
    file : FileBytes
    source_format : str
        ``"edf"`` or ``"bdf"``.

    Attributes
    ----------
    signals : tuple of EdfSignal
        Without the annotation signals.
    n_records : int
        Whole data records in the file, whatever the header says.
    record_s : float
        Seconds of one.
    patient, recording : str
        Identification fields of the header.
    discontinuous : bool
        The file says it is EDF+D or BDF+D.
    warnings : list of str
        What is not as it should be and does not matter to the samples.

    Raises
    ------
    RecordingRefused
        If the header cannot be read, or there is no data record.
    """

    def __init__(self, file: FileBytes, source_format: str) -> None:
        self.file, self.format = file, source_format
        self._what = source_format.upper()
        if file.size < HEADER_BYTES:
            raise refuse(file.path, f"the file has {file.size} bytes, the header alone has {HEADER_BYTES}",
                         "The file is cut short. Copy or download it again.")
        width = SAMPLE_BYTES[source_format]
        head = file.start(HEADER_BYTES)
        try:
            n_signals = int(head[252:256])
            self._begin = int(head[184:192])
            stated = int(head[236:244])
        except ValueError as error:
            raise self._damaged(error) from None
        if n_signals < 1 or self._begin < HEADER_BYTES * (n_signals + 1):
            raise self._damaged(f"{n_signals} signals in a header of {self._begin} bytes")
        if file.size < self._begin:
            raise refuse(file.path, f"the file has {file.size} bytes, the header alone has {self._begin}",
                         "The file is cut short. Copy or download it again.")
        head = file.start(self._begin)
        lengths_at = HEADER_BYTES + LENGTHS_AT * n_signals
        try:
            lengths = [int(head[lengths_at + 8 * i: lengths_at + 8 * i + 8]) for i in range(n_signals)]
        except ValueError as error:
            raise self._damaged(error) from None
        if min(lengths) < 0 or sum(lengths) == 0:
            raise self._damaged(f"samples in a data record: {lengths[:24]}")
        self._record_bytes = width * sum(lengths)
        self.n_records, rest = divmod(file.size - self._begin, self._record_bytes)
        if self.n_records == 0:
            raise refuse(file.path, "the file has no data record", "A recording has at least one frame.")
        self.warnings: list[str] = []
        if rest:
            self.warnings.append(f"the last data record is cut short: {rest} bytes are left out")
        if stated != self.n_records:
            self.warnings.append(f"the header says {stated} data records, the file holds {self.n_records}")

        offsets = [width * sum(lengths[:i]) for i in range(n_signals)]
        labels = [head[HEADER_BYTES + 16 * i: HEADER_BYTES + 16 * i + 16] for i in range(n_signals)]
        of_annotations = [label.rstrip() == ANNOTATIONS[source_format] for label in labels]
        self._tals = [(offset, width * length) for offset, length, is_one
                      in zip(offsets, lengths, of_annotations, strict=True) if is_one]
        places = [None if is_one else (offset, length) for offset, length, is_one
                  in zip(offsets, lengths, of_annotations, strict=True)]
        self._read_header(bytearray(head), places)

    def _read_header(self, head: bytearray, places: list[tuple[int, int] | None]) -> None:
        """Let edfio read the header, of a file without data records and without annotations: those are read here."""
        import edfio

        try:
            head.decode("utf-8")
            encoding = "utf-8"
        except UnicodeDecodeError:
            encoding = "latin-1"
        head[236:244] = b"0       "
        for i, place in enumerate(places):
            if place is None:
                head[HEADER_BYTES + 16 * i: HEADER_BYTES + 16 * i + 16] = b"tals".ljust(16)
        if not any(places):                            # annotations alone: a record may last no time at all
            head[244:252] = b"1       "
        reader = edfio.read_edf if self.format == "edf" else edfio.read_bdf
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                header = reader(bytes(head), header_encoding=encoding)
                self.signals = tuple(_signal(signal, *place) for signal, place
                                     in zip(header.signals, places, strict=True) if place is not None)
                self.record_s = float(header.data_record_duration)
                self.patient = header.local_patient_identification
                self.recording = header.local_recording_identification
                self.discontinuous = header.reserved[3:5] == "+D"
        except Exception as error:                     # edfio: ValueError, IndexError, ZeroDivisionError...
            raise self._damaged(error) from error
        self.warnings += [" ".join(str(entry.message).split()) for entry in caught]
        self._start: datetime.datetime | None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self._start = header.startdatetime
        except Exception:                              # anonymised ("Startdate X"), or no date at all
            self._start = None

    @property
    def start(self) -> datetime.datetime | None:
        """Local time of the first record, with its fraction; None if the header hides or spoils it."""
        onsets = self.annotations.record_onsets_s[:1]
        if self._start is None or not onsets or not np.isfinite(onsets[0]):
            return self._start
        return self._start + datetime.timedelta(seconds=onsets[0])

    @cached_property
    def annotations(self) -> Annotations:
        """Annotations and start times of the data records."""
        found = read_annotations(self._annotation_bytes())
        if found.n_damaged:
            self.warnings.append(f"{found.n_damaged} annotations cannot be read and are left out")
        return found

    def _annotation_bytes(self) -> Iterator[list[bytes]]:
        if not self._tals:
            return
        buffers = [bytearray(n_bytes) for _, n_bytes in self._tals]
        for record in range(self.n_records):
            at = self._begin + record * self._record_bytes
            for buffer, (offset, _) in zip(buffers, self._tals, strict=True):
                self.file.read_into(at + offset, memoryview(buffer))
            yield [bytes(buffer) for buffer in buffers]

    def holes(self, sps: float) -> list[tuple[int, int]]:
        """Return the gaps of a signal of `sps`, from the start time each data record carries: (frame, n_missing).

        Raises
        ------
        RecordingRefused
            If a file that says it has gaps does not tell them.
        """
        onsets = np.asarray(self.annotations.record_onsets_s)
        if self.discontinuous and not onsets.size:
            raise refuse(self.file.path, "the file says it is discontinuous and has no annotation signal",
                         "The file breaks EDF+ section 2.2.4. Convert it with the program that wrote it.")
        missing = np.flatnonzero(np.isnan(onsets))
        if missing.size:
            if not self.discontinuous:
                return []                              # the header says it is whole, and nothing says otherwise
            raise refuse(self.file.path, f"data record {missing[0]} has no start time",
                         "A discontinuous file needs one per record. Convert it with the program that wrote it.")
        frames = np.rint((np.diff(onsets) - self.record_s) * sps).astype(np.int64)
        per_record = round(self.record_s * sps)
        return [(int(i + 1) * per_record, int(frames[i])) for i in np.flatnonzero(frames > 0)]

    def n_frames(self, signal: EdfSignal) -> int:
        """Samples of a signal in the whole file."""
        return self.n_records * signal.n_per_record

    def pieces(self, signals: Sequence[EdfSignal],
               records: range | None = None) -> Iterator[tuple[slice, NDArray[np.int32]]]:
        """Decode signals of one rate, some data records at a time.

        Parameters
        ----------
        signals : sequence of EdfSignal
            All with the same `n_per_record`.
        records : range, optional
            Data records to decode, one after the other; all if absent.

        Yields
        ------
        frames : slice
            Which frames, counted from the first record asked for.
        counts : ndarray of int32
            Shape (n_records, n_signals, n_per_record). Valid until the next piece: the memory is used again.
        """
        records = range(self.n_records) if records is None else records
        n = signals[0].n_per_record
        at_once = max(1, min(PIECE_SAMPLES * SAMPLE_BYTES[self.format] // self._record_bytes, len(records)))
        buffer = np.zeros(PAD + at_once * self._record_bytes, np.uint8)
        counts = np.empty((at_once, len(signals), n), np.int32)
        runs = _runs(signals, SAMPLE_BYTES[self.format])
        for first in range(0, len(records), at_once):
            m = min(at_once, len(records) - first)
            n_bytes = m * self._record_bytes
            self.file.read_into(self._begin + records[first] * self._record_bytes,
                                buffer.data[PAD: PAD + n_bytes])
            for begin, end in runs:
                self._decode(buffer, signals[begin].offset, counts[:m, begin:end])
            yield slice(first * n, (first + m) * n), counts[:m]

    def _decode(self, buffer: NDArray[np.uint8], offset: int, counts: NDArray[np.int32]) -> None:
        """Decode signals that stand behind each other; `counts` (n_records, n_signals, n_per_record)."""
        n = counts.shape[2]
        width = SAMPLE_BYTES[self.format]
        strides = (self._record_bytes, n * width, width)
        if width == 2:
            counts[:] = np.ndarray(counts.shape, "<i2", buffer.data, PAD + offset, strides)
        else:
            # the byte before a sample is the lowest of its word and is shifted out; the sign comes along
            words = np.ndarray(counts.shape, "<i4", buffer.data, PAD + offset - 1, strides)
            np.right_shift(words, 8, out=counts)

    def _damaged(self, why: object) -> Exception:
        return refuse(self.file.path, f"the {self._what} header or data cannot be read: {why}",
                      "The file is damaged or of another format.")


def frames_of(piece: NDArray[Any], out: NDArray[Any]) -> None:
    """Put a piece (n_records, n_signals, n_per_record) into frames, `out` (n_records * n_per_record, n_signals)."""
    m, n_signals, n = piece.shape
    out.reshape(m, n, n_signals)[...] = piece.transpose(0, 2, 1)


def _signal(signal: Any, offset: int, n_per_record: int) -> EdfSignal:
    digital = signal.digital_max - signal.digital_min
    physical = signal.physical_max - signal.physical_min
    unit = signal.physical_dimension.strip()
    uv = UV_PER_UNIT.get(unit.lower())
    slope, intercept = 1.0, 0.0
    if digital != 0 and physical != 0:
        slope = physical / digital
        intercept = signal.physical_max - slope * signal.digital_max
        slope, intercept = slope * (uv or 1.0), intercept * (uv or 1.0)
    lsb_uv = _lsb(signal.reserved, slope) if uv else None
    if lsb_uv is not None:
        slope, intercept = lsb_uv, 0.0
    return EdfSignal(signal.label, signal.transducer_type, unit, signal.prefiltering, float(signal.sampling_frequency),
                     n_per_record, offset, uv, slope, intercept)


def _lsb(reserved: str, slope: float) -> float | None:
    """Return the exact uV per count that ``LSB 0.022351741790771484 uV`` says, if the physical range agrees."""
    match = re.fullmatch(r"LSB ([0-9.eE+-]{1,24}) uV", reserved.strip())
    try:
        lsb_uv = float(match[1]) if match else 0.0
    except ValueError:
        return None
    return lsb_uv if lsb_uv and abs(lsb_uv - slope) <= 1e-4 * abs(slope) else None


def _runs(signals: Sequence[EdfSignal], width: int) -> list[tuple[int, int]]:
    """Return (begin, end) of the signals that stand directly behind each other in a data record."""
    begins = [0] + [i for i in range(1, len(signals))
                    if signals[i].offset != signals[i - 1].offset + width * signals[i - 1].n_per_record]
    return list(zip(begins, [*begins[1:], len(signals)], strict=True))

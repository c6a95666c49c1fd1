"""What a BDF+ file on the disk says about itself, and how far that is true. Reads only."""

from __future__ import annotations

import os
import zlib
from dataclasses import dataclass
from fractions import Fraction

from eegcore.errors import EegcoreError
from eegcore.sinks.bdf_annotations import read_field
from eegcore.sinks.bdf_format import (
    ANNOTATIONS,
    BLOCK_BYTES,
    CHECK_BYTES,
    COUNT_OFFSET,
    IDENTIFICATION,
    MAX_CHANNELS,
    SAMPLE_BYTES,
    read_check_field,
)


class BdfRefused(EegcoreError, ValueError):
    """A file is no BDF file, or so damaged that nothing can be said about its samples."""

    code = "bad_bdf"


@dataclass(frozen=True)
class BdfHeader:
    """The parts of a header that say where the samples are.

    Parameters
    ----------
    n_bytes : int
        Of the header.
    count : int
        Data records it claims; -1 while some programs record.
    duration_s : Fraction
        Of a data record.
    labels : tuple of str
    lengths : tuple of int
        Bytes of each signal in a data record.
    is_plus : bool
        BDF+: there is a signal of annotations, and data records have times.
    check : tuple of (int, int) or None
        Number and CRC-32 of the newest data record, if eegcore wrote the file.
    """

    n_bytes: int
    count: int
    duration_s: Fraction
    labels: tuple[str, ...]
    lengths: tuple[int, ...]
    is_plus: bool
    check: tuple[int, int] | None

    @property
    def record_bytes(self) -> int:
        """Bytes of one data record."""
        return sum(self.lengths)

    @property
    def annotations_at(self) -> tuple[int, int] | None:
        """Where the annotations lie in a data record: (offset, bytes)."""
        if ANNOTATIONS not in self.labels:
            return None
        number = self.labels.index(ANNOTATIONS)
        return sum(self.lengths[:number]), self.lengths[number]


def read_header(path: str, fd: int) -> BdfHeader:
    """Read the header of an open file.

    Raises
    ------
    BdfRefused
        If it is none, or its fields contradict each other, or it ends too early.
    """
    head = os.pread(fd, BLOCK_BYTES, 0)
    if len(head) < BLOCK_BYTES and IDENTIFICATION.startswith(head[:8]):
        raise BdfRefused(f"{path}: has {len(head)} bytes, the header alone has more. No sample is in it.", path=path)
    if head[:8] != IDENTIFICATION:
        raise BdfRefused(f"{path}: is no BDF file: it does not begin with \\xffBIOSEMI. Give a .bdf file or a folder "
                         "with some.", path=path)
    try:
        n_signals, n_bytes = int(head[252:256]), int(head[184:192])
        count, duration = int(head[COUNT_OFFSET:COUNT_OFFSET + 8]), Fraction(head[244:252].decode("ascii").strip())
    except ValueError:
        raise BdfRefused(f"{path}: a number in the header cannot be read. The header is damaged.", path=path) from None
    if not 1 <= n_signals <= MAX_CHANNELS + 1 or n_bytes != BLOCK_BYTES * (n_signals + 1) or duration < 0:
        raise BdfRefused(f"{path}: the header says {n_signals} signals and {n_bytes} bytes of header. It is damaged.",
                         path=path)
    rest = os.pread(fd, n_bytes - BLOCK_BYTES, BLOCK_BYTES)
    if len(rest) < n_bytes - BLOCK_BYTES:
        raise BdfRefused(f"{path}: ends within the header. No sample is in it.", path=path)
    labels = tuple(rest[16 * i:16 * i + 16].decode("latin-1").rstrip() for i in range(n_signals))
    at = 216 * n_signals
    try:
        lengths = tuple(SAMPLE_BYTES * int(rest[at + 8 * i:at + 8 * i + 8]) for i in range(n_signals))
    except ValueError:
        lengths = ()
    if not lengths or min(lengths) < 0 or sum(lengths) == 0:
        raise BdfRefused(f"{path}: the samples per data record cannot be read. The header is damaged.", path=path)
    return BdfHeader(n_bytes, count, duration, labels, lengths, head[192:196] == b"BDF+",
                     read_check_field(rest[-CHECK_BYTES:]))


@dataclass(frozen=True)
class Extent:
    """How many data records a file really holds.

    Parameters
    ----------
    size : int
        Bytes in the file.
    whole : int
        Data records there is room for.
    sound : int
        Those that are as they were written, from the first one on.
    why : str
        What is wrong with the next one, if there is one.
    """

    size: int
    whole: int
    sound: int
    why: str = ""


def read_extent(fd: int, header: BdfHeader) -> Extent:
    """Find out how many data records are sound.

    Those that are counted are (they were on the disk before they were counted). Of those behind the count, every one
    but the newest was, too; the newest is compared with its checksum. Files of other programs have none: there the
    time of the data record must be right, and plain BDF, which has no times, is taken as it is.
    """
    size = os.fstat(fd).st_size
    whole = max(0, size - header.n_bytes) // header.record_bytes
    if header.count >= whole:
        return Extent(size, whole, whole)
    sound, why = max(0, header.count), ""
    first = record_time(fd, header, 0)
    while sound < whole:
        if header.check is not None:
            why = _differs(fd, header, sound)
        elif header.is_plus:
            at = record_time(fd, header, sound)
            if at is None or first is None or abs(at - first - float(sound * header.duration_s)) > 1e-3:
                why = "its time is not the one that follows"
        if why:
            break
        sound += 1
    return Extent(size, whole, sound, why)


def _differs(fd: int, header: BdfHeader, number: int) -> str:
    assert header.check is not None
    newest, crc = header.check
    if number > newest:
        return "it was not written whole: it has no checksum"
    if number == newest and zlib.crc32(read_record(fd, header, number)) != crc:
        return "it was not written whole: its checksum differs"
    return ""


def read_record(fd: int, header: BdfHeader, number: int) -> bytes:
    """Return one data record."""
    return os.pread(fd, header.record_bytes, header.n_bytes + number * header.record_bytes)


def record_time(fd: int, header: BdfHeader, number: int) -> float | None:
    """Return the time a data record says it begins at, seconds; None if it says none that can be read."""
    place = header.annotations_at
    if place is None:
        return None
    offset, n_bytes = place
    try:
        return read_field(os.pread(fd, n_bytes, header.n_bytes + number * header.record_bytes + offset))[0]
    except ValueError:
        return None

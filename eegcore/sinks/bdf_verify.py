"""Prove that a recording is whole, or say what is wrong with it. Changes nothing."""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from eegcore.sinks.bdf_annotations import fill_of, read_field
from eegcore.sinks.bdf_check import BdfHeader, BdfRefused, read_extent, read_header, read_record
from eegcore.sinks.bdf_file import PART
from eegcore.sinks.ledger_file import LedgerRefused, check_ledger, ledger_path, read_ledger

META = "session_meta.json"
META_BYTES = 64 << 20
MOST_PROBLEMS = 20                                   # of one file: a broken one is not told record by record
CLOCK_TOLERANCE_S = 1e-6                             # onsets have nanoseconds


@dataclass
class Verified:
    """What was found in one file.

    Parameters
    ----------
    path : str
    records : int
        Data records.
    frames : int
        Samples of the first channel, padding included.
    gap_frames, padding_frames : int
        Frames that were not measured, as the annotations say.
    annotations : int
    checked : list of str
        What was compared: structure, times, checksum, ledger, sha256, segments.
    problems : list of str
        What is wrong; empty if nothing is.
    """

    path: str
    records: int = 0
    frames: int = 0
    gap_frames: int = 0
    padding_frames: int = 0
    annotations: int = 0
    checked: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)

    def wrong(self, problem: str) -> None:
        """Add a problem; of very many only the first are told."""
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(problem)
        elif len(self.problems) == MOST_PROBLEMS:
            self.problems.append("and more")


def verify(path: str) -> Verified:
    """Check one file and what lies beside it.

    Raises
    ------
    BdfRefused
        If it is no BDF file at all.
    """
    found = Verified(path)
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError as error:
        raise BdfRefused(f"{path}: cannot be read: {error.strerror}. Give a .bdf file or a session folder.",
                         path=path) from None
    try:
        try:
            header = read_header(path, fd)
        except BdfRefused as error:
            if not path.endswith(PART):
                raise
            found.wrong(str(error))
            return found
        extent = read_extent(fd, header)
        found.records = header.count
        found.checked.append("structure")
        if path.endswith(PART):
            found.wrong(f"it has no {'data record' if extent.sound == 0 else 'final name'} yet: run 'eegcore recover'")
        if header.check is not None and header.check[0] > max(0, header.count):
            found.wrong(f"data record {header.check[0]} was written to it, and it counts {header.count}: "
                        "data records are missing at its end")
        wanted = header.n_bytes + max(0, header.count) * header.record_bytes
        if header.count < 1:
            found.wrong(f"the header counts {header.count} data records; readers refuse such a file")
        if extent.size != wanted:
            found.wrong(f"the file has {extent.size} bytes, its header promises {wanted}: run 'eegcore recover'")
        _walk(fd, header, min(max(0, header.count), extent.whole), found)
    finally:
        os.close(fd)
    _beside(path, found)
    return found


def _walk(fd: int, header: BdfHeader, records: int, found: Verified) -> None:
    """Read every data record: its time, its annotations, its part of the hash, and the newest one's checksum."""
    found.frames = records * (header.lengths[0] // 3)
    place = header.annotations_at
    digest, first = hashlib.sha256(), 0.0
    for number in range(records):
        record = read_record(fd, header, number)
        digest.update(record)
        if header.check is not None and header.check[0] == number:
            found.checked.append("checksum")
            if zlib.crc32(record) != header.check[1]:
                found.wrong(f"data record {number}: its checksum differs")
        if not header.is_plus or place is None:
            continue
        try:
            clock, annotations = read_field(record[place[0]:place[0] + place[1]])
        except ValueError as error:
            found.wrong(f"data record {number}: {error}")
            continue
        if number == 0:
            found.checked.append("times")
            first = clock or 0.0
            if not 0 <= first < 1:
                found.wrong(f"data record 0 begins {first} s after the start in the header; allowed is less than 1 s")
        expected = first + float(number * header.duration_s)
        if clock is None or abs(clock - expected) > CLOCK_TOLERANCE_S:
            found.wrong(f"data record {number}: begins at {clock} s, {expected:.6f} s follows")
        found.annotations += len(annotations)
        for _, _, text in annotations:
            fill = fill_of(text)
            if fill is not None and fill[0] == "gap":
                found.gap_frames += fill[1]
            elif fill is not None:
                found.padding_frames += fill[1]
    found_sha = digest.hexdigest()
    for entry in _segments(found.path):
        _compare(entry, found, found_sha)


def _beside(path: str, found: Verified) -> None:
    """Check the ledger that lies beside a file."""
    if not os.path.exists(ledger_path(path)):
        return
    found.checked.append("ledger")
    try:
        for problem in check_ledger(read_ledger(ledger_path(path))):
            found.wrong(f"ledger: {problem}")
    except LedgerRefused as error:
        found.wrong(f"ledger: {error}")


def _segments(path: str) -> Iterator[dict[str, Any]]:
    """Yield what the metadata of the session says about a file."""
    meta_path = os.path.join(os.path.dirname(path), META)
    try:
        with open(meta_path, "rb") as file:
            meta = json.loads(file.read(META_BYTES))
    except (OSError, ValueError, RecursionError):
        return
    waiting = [meta]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            if item.get("file") == os.path.basename(path):
                yield item
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)


def _compare(entry: dict[str, Any], found: Verified, data_sha256: str) -> None:
    wanted = entry.get("data_sha256")
    if isinstance(wanted, str):
        found.checked.append("sha256")
        if wanted != data_sha256:
            found.wrong(f"its samples are not those that were recorded: sha256 {data_sha256}, {META} says {wanted}")
    whole = entry.get("sha256")
    if isinstance(whole, str):
        found.checked.append("sha256 of the file")
        with open(found.path, "rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != whole:
                found.wrong(f"the file is not the one {META} describes: its sha256 differs")
    frames, padding = entry.get("n_frames"), entry.get("padding_frames")
    if isinstance(frames, int) and isinstance(padding, int):
        found.checked.append("frames")
        if frames + padding != found.frames:
            found.wrong(f"it has {found.frames} frames, {META} says {frames} and {padding} of padding")

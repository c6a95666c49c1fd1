"""Recordings from files: what `playback` and the emulator's `signal: file` read.

One function, `read_recording`. Every format has its reader in a sibling
`readers_*.py`; they are imported when used, because edfio is not needed to
play a CSV.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from eegcore.devices.readers_base import (
    Column,
    Event,
    Recording,
    RecordingRefused,
    check_scale,
    check_sps,
    refuse,
)
from eegcore.devices.readers_bytes import MAX_BYTES, XZ_MAGIC, FileBytes, load_bytes

__all__ = [
    "FORMATS",
    "MAX_BYTES",
    "Event",
    "Recording",
    "RecordingRefused",
    "load_bytes",
    "looks_like_recording",
    "read_recording",
    "sniff_format",
]

FORMATS: tuple[str, ...] = ("auto", "openbci", "csv", "edf", "bdf")

MAX_TEXT_BYTES = 256 << 20
"""Text takes about five times its size while it is read; a Pi has 4 GiB."""

SNIFF_BYTES = 64
BDF_MAGIC = b"\xffBIOSEMI"
EDF_MAGIC = b"0       "
FOREIGN = {b"XDF:": "XDF", b"\x93NUMPY": "a NumPy array", b"MATLAB": "a MATLAB file", b"PK\x03\x04": "a zip file",
           b"\x1f\x8b": "a gzip file", b"Brain Vision": "a BrainVision header", b"\x89HDF": "an HDF5 file"}


def read_recording(path: str | os.PathLike[str], *, format: str = "auto", sps: float | None = None,
                   columns: Sequence[Column] | None = None, scale: float | None = None, raw: bool = False,
                   max_bytes: int = MAX_BYTES) -> Recording:
    """Read a whole recording into memory.

    Parameters
    ----------
    path : path-like
        OpenBCI text, CSV (or other columns of numbers), EDF, EDF+, BDF, BDF+,
        a file of `csv_sink`; each also packed as ``.xz``.
    format : {'auto', 'openbci', 'csv', 'edf', 'bdf'}
        ``auto`` looks at the first bytes, not at the name.
    sps : float, optional
        Frames per second; needed if the file does not tell.
    columns : sequence of str or int, optional
        Channels by name, or by position from 0, in the order wanted.
        Default: every channel; for EDF those of the most common rate.
    scale : float, optional
        uV per unit of the file. With `raw`: the value of one count in the unit
        of the file.
    raw : bool
        True: `values` are int32 counts.
    max_bytes : int
        Limit of the unpacked size.

    Returns
    -------
    Recording

    Raises
    ------
    RecordingRefused
        Missing, empty, broken, too large, of another format, without a rate,
        or with a row that has no numbers: the message names the line.

    Examples
    --------
    >>> recording = read_recording("session.bdf")                     # doctest: +SKIP
    >>> recording.values.shape, recording.labels, recording.sps      # doctest: +SKIP
    ((2048, 72), ('Fp1', 'AF7', ...), 2048.0)
    """
    if format not in FORMATS:
        raise refuse(path, f"format is {format!r}", f"Allowed: {', '.join(FORMATS)}.")
    if sps is not None:
        check_sps(path, sps)
    check_scale(path, scale)
    file = FileBytes(path, max_bytes)
    try:
        return _read(path, file, format, sps=sps, columns=columns, scale=scale, raw=raw)
    finally:
        file.close()


def _read(path: str | os.PathLike[str], file: FileBytes, format: str, **options: Any) -> Recording:
    start = file.start(SNIFF_BYTES)
    found = sniff_format(path, start) if format == "auto" else format
    if found in ("edf", "bdf"):
        if not start.startswith(EDF_MAGIC if found == "edf" else BDF_MAGIC):
            raise refuse(path, f"does not begin like {found.upper()}: {start[:8]!r}", "Use format: auto.")
        from eegcore.devices.readers_edf import read_edf

        return read_edf(path, file, source_format=found, **options)
    data = file.all()
    if len(data) > MAX_TEXT_BYTES:
        raise refuse(path, f"the text is too large: {len(data):,} bytes".replace(",", " "),
                     f"Allowed: {MAX_TEXT_BYTES >> 20} MiB of text. Cut the recording into parts "
                     "or convert it to BDF.")
    if found == "openbci":
        if not data.startswith(b"%"):
            raise refuse(path, "does not begin with '%' as OpenBCI text does", "Use format: auto.")
        from eegcore.devices.readers_openbci import read_openbci

        return read_openbci(path, data, **options)
    from eegcore.devices.readers_eegcore_csv import FIRST_LINE, read_eegcore_csv

    if data.startswith(FIRST_LINE.encode()):
        return read_eegcore_csv(path, data, **options)
    from eegcore.devices.readers_csv import read_csv

    return read_csv(path, data, **options)


def sniff_format(path: str | os.PathLike[str], data: bytes) -> str:
    """Tell the format from the first bytes of an unpacked file.

    Raises
    ------
    RecordingRefused
        If the bytes belong to a known format that is not readable.
    """
    if data.startswith(BDF_MAGIC):
        return "bdf"
    if data.startswith(EDF_MAGIC):
        return "edf"
    if data.startswith(b"%"):
        return "openbci"
    for magic, name in FOREIGN.items():
        if data.startswith(magic):
            raise refuse(path, f"is {name}", "Readable: OpenBCI text, CSV, EDF, BDF, each also as .xz. "
                         "Convert the recording first.")
    return "csv"


def looks_like_recording(path: str | os.PathLike[str]) -> bool:
    """Tell from name and first bytes whether a file is signal rather than text that configures something."""
    name = os.fspath(path).lower().removesuffix(".xz")
    try:
        with open(path, "rb") as file:
            data = file.read(64)
    except (OSError, ValueError):
        return False
    if name.endswith((".csv", ".tsv", ".edf", ".bdf", ".bin")) or data.startswith((XZ_MAGIC, BDF_MAGIC, EDF_MAGIC)):
        return True
    return data.startswith(b"%") and not data.startswith((b"%YAML", b"%TAG"))

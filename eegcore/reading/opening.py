"""`eegcore.read`: which reader a path belongs to."""

from __future__ import annotations

import os
from collections.abc import Sequence

from eegcore.devices.readers_base import check_scale, check_sps, refuse
from eegcore.devices.readers_bytes import FileBytes
from eegcore.devices.recording_files import BDF_MAGIC, EDF_MAGIC, FORMATS, MAX_BYTES, SNIFF_BYTES
from eegcore.reading.recording import Recording

XDF_MAGIC = b"XDF:"
BRAINVISION_MAGIC = b"Brain Vision Data Exchange Header"
BRAINVISION_1 = b"BrainVision Data Exchange Header"      # as version 1.0 of the format spelled it
READ_FORMATS = (*FORMATS, "xdf", "brainvision")
META = "session_meta.json"
OF_SESSION = (META, "eeg.bdf", "events.tsv", "pipeline.yaml")


def read(path: str | os.PathLike[str], *, format: str = "auto", sps: float | None = None,
         columns: Sequence[str | int] | None = None, scale: float | None = None, raw: bool = False) -> Recording:
    """Read a recording: a session, a BIDS dataset of one recording, or a file.

    Parameters
    ----------
    path : path-like
        - a folder `eegcore record` has made, or ``eeg.bdf`` in it (``format="bdf"`` reads that file alone);
        - a BIDS folder with one recording, or its data file: ``..._events.tsv`` and ``..._channels.tsv`` belong to it;
        - EDF, EDF+, BDF, BDF+; CSV, also of `csv_sink`; OpenBCI text; XDF (``pip install 'eegcore[xdf]'``), each also
          packed as ``.xz``; BrainVision ``.vhdr`` (where MNE is installed).
    format : {'auto', 'openbci', 'csv', 'edf', 'bdf', 'xdf', 'brainvision'}
        ``auto`` looks into the file, not at its name.
    sps : float, optional
        Frames per second of a text file that does not tell.
    columns : sequence of str or int, optional
        Channels by name, or by position from 0; of one rate. Text, EDF and BDF only.
    scale : float, optional
        uV per unit of a text file; with `raw` the value of one count.
    raw : bool
        Text files only: the columns are counts. EDF and BDF have `Recording.counts` in any case.

    Returns
    -------
    Recording
        Its samples are read when they are first asked for. If the file holds several rates, units or devices, this
        is the first stream of `Recording.streams`: the voltages of the most common rate.

    Raises
    ------
    RecordingRefused
        Missing, broken, too large, or of another format; the message says which, where and what to do.

    Examples
    --------
    >>> import numpy as np, tempfile, pathlib
    >>> import eegcore as ec
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "two.csv"
    >>> _ = path.write_text("time,Fp1,Fp2\\n0.000,1,2\\n0.004,3,4\\n0.008,5,6\\n")
    >>> rec = ec.read(path)
    >>> rec.labels, rec.sps_nominal, rec.data.shape
    (('Fp1', 'Fp2'), 250.0, (3, 2))
    >>> rec.data[:, 0].tolist(), rec.units
    ([1.0, 3.0, 5.0], ('uV', 'uV'))
    """
    if format not in READ_FORMATS:
        raise refuse(path, f"format is {format!r}", f"Allowed: {', '.join(READ_FORMATS)}.")
    if sps is not None:
        check_sps(path, sps)
    check_scale(path, scale)
    path = os.path.expanduser(os.fspath(path))
    if os.path.isdir(path):
        return _folder(path)
    folder, name = os.path.split(path)
    if format == "auto" and name in OF_SESSION and os.path.isfile(os.path.join(folder, META)):
        from eegcore.reading.from_session import read_session

        return read_session(folder or ".")
    found = read_file(path, format=format, sps=sps, columns=columns, scale=scale, raw=raw)
    from eegcore.reading.from_bids import add_sidecars, is_bids_name

    return add_sidecars(found) if is_bids_name(name) else found


def _folder(path: str) -> Recording:
    if os.path.isfile(os.path.join(path, META)) or os.path.isfile(os.path.join(path, "eeg.bdf")):
        from eegcore.reading.from_session import read_session

        return read_session(path)
    from eegcore.reading.from_bids import add_sidecars, the_recording_in

    return add_sidecars(read_file(the_recording_in(path)))


def read_file(path: str, *, format: str = "auto", sps: float | None = None,
              columns: Sequence[str | int] | None = None, scale: float | None = None, raw: bool = False) -> Recording:
    """Read one file by itself, whatever lies beside it; see `read`."""
    if format == "brainvision" or (format == "auto" and path.lower().endswith((".vhdr", ".vmrk", ".eeg"))):
        from eegcore.reading.from_brainvision import read_brainvision

        return read_brainvision(path)
    file = FileBytes(path, max_bytes=None)
    start = file.start(SNIFF_BYTES)
    if format in ("auto", "edf", "bdf") and start.startswith((EDF_MAGIC, BDF_MAGIC)):
        found = "bdf" if start.startswith(BDF_MAGIC) else "edf"
        if format not in ("auto", found):
            raise refuse(path, f"does not begin like {format.upper()}: {start[:8]!r}", "Use format: auto.")
        _refuse_options(path, found, sps=sps, scale=scale, raw=raw or None)
        from eegcore.reading.from_edf import read_edf_file

        return read_edf_file(path, file, found, columns)
    if format == "xdf" or (format == "auto" and start.startswith(XDF_MAGIC)):
        _refuse_options(path, "xdf", sps=sps, scale=scale, raw=raw or None, columns=columns)
        from eegcore.reading.from_xdf import read_xdf

        return read_xdf(path, file)
    file.close()
    if start.startswith((BRAINVISION_MAGIC, BRAINVISION_1)):
        from eegcore.reading.from_brainvision import read_brainvision

        return read_brainvision(path)
    from eegcore.reading.from_tables import read_table

    return read_table(path, format=format, sps=sps, columns=columns, scale=scale, raw=raw, max_bytes=MAX_BYTES)


def _refuse_options(path: str, what: str, **options: object) -> None:
    for name, value in options.items():
        if value is not None:
            raise refuse(path, f"{name} is given, and the file is {what.upper()}, which states its own",
                         f"{name} goes with text files. Leave it out.")

"""What `process` accepts: an array, the path of a recording, a recording in memory."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Sequence
from numbers import Real
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import ArrayLike

from eegcore.devices.readers_base import Recording
from eegcore.errors import BadArgument
from eegcore.reading.recording import Recording as ReadBack
from eegcore.stages.stream import MAX_CHANNELS

Given = ArrayLike | str | os.PathLike[str] | Recording | ReadBack


def recording_of(x: Given, *, sps: float | None, labels: Sequence[str] | None, scale_uv: float | None,
                 raw: bool) -> Recording:
    """Return `x` as a recording in memory; an array of the right type is not copied.

    Raises
    ------
    BadArgument
        If `x` cannot be processed, or an argument does not go with it.
    RecordingRefused
        If a file cannot be read.
    """
    if isinstance(x, str | os.PathLike) and os.path.isdir(os.path.expanduser(x)):
        from eegcore.reading import read

        x = read(x)
    if isinstance(x, ReadBack):
        _refuse(sps=sps, labels=labels, scale_uv=scale_uv)
        return _usable(_read_back(x, raw))
    if isinstance(x, str | os.PathLike):
        _refuse(labels=labels, scale_uv=scale_uv)
        from eegcore.devices.recording_files import read_recording

        return _usable(read_recording(os.path.expanduser(x), sps=sps, raw=raw))
    if isinstance(x, Recording):
        _refuse(sps=sps, labels=labels, scale_uv=scale_uv, raw=raw or None)
        return _usable(x)
    _refuse_raw(raw)
    return _array(x, sps, labels, scale_uv)


def _refuse(**arguments: Any) -> None:
    for name, value in arguments.items():
        if value is not None:
            raise BadArgument(f"process: {name} is given beside a recording, which states its own. {name} goes with "
                              "arrays. Leave it out.")


def _refuse_raw(raw: bool) -> None:
    if raw:
        raise BadArgument("process: raw is given beside an array. raw is for files: integers in an array are counts "
                          "already. Leave it out.")


def _read_back(recording: ReadBack, raw: bool) -> Recording:
    """Return what `eegcore.read` has read, as a playback of it would be: gaps without rows stay gaps."""
    counts = recording.counts if raw else None
    if raw and counts is None:
        raise BadArgument(f"process: raw is given, and {recording.path} ({recording.format}) has no counts. Leave it "
                          "out.")
    strange = [label for label, unit in zip(recording.labels, recording.units, strict=True) if unit != "uV"]
    if strange and not raw:
        raise BadArgument(f"process: channel {strange[0]!r} of {recording.path} is not in uV. Stages take uV or "
                          "counts. Give its data as an array, in uV.")
    values = counts if counts is not None else np.ascontiguousarray(recording.data, np.float32)
    return Recording(values=values, labels=recording.labels, sps=recording.sps_nominal,
                     unit="counts" if counts is not None else "uV", scale_uv=recording.scale_uv, events=[],
                     source_format=recording.format,
                     gaps=[(gap.frame, gap.n_frames) for gap in recording.gaps if not gap.filled])


def _usable(recording: Recording) -> Recording:
    if not (0 < recording.n_channels <= MAX_CHANNELS and recording.n_frames):
        raise BadArgument(f"process: the recording has {recording.n_frames} frames of {recording.n_channels} channels. "
                          f"At least one frame, and 1 to {MAX_CHANNELS} channels, are needed. Choose some of its "
                          "columns with read_recording.")
    return recording


def _is_number(value: object) -> TypeGuard[float]:
    if not isinstance(value, Real) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(float(value))
    except OverflowError:                      # an integer that no float can hold
        return False


def _array(x: ArrayLike, sps: float | None, labels: Sequence[str] | None, scale_uv: float | None) -> Recording:
    if np.ma.isMaskedArray(x):
        raise BadArgument("process: x is a masked array. Stages know no masks. Give x.filled(value), with NaN where "
                          "nothing was measured.")
    try:
        values = np.asarray(x)
    except ValueError:
        raise BadArgument("process: x is no array: its rows have different lengths. (n_frames, n_channels) is "
                          "allowed.") from None
    if values.ndim != 2 or 0 in values.shape or values.shape[1] > MAX_CHANNELS:
        raise BadArgument(f"process: x has shape {values.shape}. (n_frames, n_channels) with 1 to {MAX_CHANNELS} "
                          "channels is allowed. A single channel is x[:, None].")
    if not _is_number(sps) or not sps > 0:
        raise BadArgument(f"process: sps is {sps!r}. Frames per second, above 0. Give the rate of x.")
    raw = np.issubdtype(values.dtype, np.integer)
    if not raw and not np.issubdtype(values.dtype, np.floating):
        raise BadArgument(f"process: x holds {values.dtype}. Float uV or integer counts are allowed. Convert it first.")
    if not (labels is None or (isinstance(labels, Iterable) and not isinstance(labels, str)
            and all(isinstance(label, str) for label in labels))):
        raise BadArgument(f"process: labels is {labels!r}. A list of texts, one per channel, is allowed.")
    if not (scale_uv is None or _is_number(scale_uv)):
        raise BadArgument(f"process: scale_uv is {scale_uv!r}. uV per count, one finite number. Leave it out for uV.")
    names = tuple(labels) if labels is not None else tuple(f"ch{c + 1}" for c in range(values.shape[1]))
    if len(names) != values.shape[1] or len(set(names)) != len(names):
        raise BadArgument(f"process: {len(names)} labels for {values.shape[1]} channels, or a label twice. "
                          "One different label per channel is needed.")
    if raw and (values.min() < -2**31 or values.max() >= 2**31):
        raise BadArgument(f"process: counts reach {values.max()}. They must fit 32 bits. Is x in another unit?")
    return Recording(values=np.ascontiguousarray(values, dtype=np.int32 if raw else np.float32), labels=names,
                     sps=float(sps), unit="counts" if raw else "uV",
                     scale_uv=(float(scale_uv),) * values.shape[1] if raw and scale_uv is not None else (),
                     events=[], source_format="array")

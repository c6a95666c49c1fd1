"""EDF+ through edfio: 16-bit samples, a physical range for each channel, events as annotations.

EDF has 65 536 steps between physical minimum and maximum. The range of a channel is that of its values, so a step is
1/65535 of what the channel spans: a fast channel on a large drift loses most. BDF+ keeps 24 bits; this is for
programs that read EDF only, and the summary says what it costs.
"""

from __future__ import annotations

import contextlib
import datetime
import io
import math
import os
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eegcore.errors import BadArgument
from eegcore.reading.filled import filled_onsets, filled_values
from eegcore.reading.new_file import new_file
from eegcore.sinks.bdf_annotations import PADDING_TEXT, clean
from eegcore.sinks.bdf_format import Layout, make_layout
from eegcore.sinks.bdf_text import header_labels, to_ascii

if TYPE_CHECKING:
    from eegcore.reading.recording import Recording

DIGITAL_MIN, DIGITAL_MAX = -32768, 32767
STEPS = DIGITAL_MAX - DIGITAL_MIN
FIRST_YEAR, LAST_YEAR = 1985, 2084                   # of a two-digit year, EDF+ section 2.1.3, item 2
WIDTH = 8
"""Characters of a physical minimum or maximum (EDF specification)."""

LARGEST = 9_999_999.0
SMALLEST = 1e-3
"""Ends of a range nearer to 0 than this are moved outwards: Python writes them with an exponent, EDF knows none."""

ID_BYTES = 80


def write_edf(recording: Recording, path: str | os.PathLike[str],
              progress: Callable[[float], None] | None = None) -> dict[str, Any]:
    """Write the channels of one stream and its events as EDF+C.

    Gaps without rows are filled with the value before them and annotated; the last data record is filled up and
    annotated. A file that exists is never overwritten. A warning says what 16 bits cost.

    Parameters
    ----------
    recording : Recording
    path : path-like
    progress : callable, optional
        Told the part that is done, 0..1.

    Returns
    -------
    dict
        ``path``, ``bytes``, ``step`` (per label: the distance of two neighbouring values, in the unit of the channel),
        ``largest_error`` (half a step, by which a value may be off), ``padding_frames``, ``events``, ``left_out``
        (labels of other streams).

    Raises
    ------
    BadArgument
        If a value is not finite or too large for a header, or the rate does not go into data records.
    FileRefused, SinkFailed
        If the file exists, or cannot be written; then nothing is left of it.
    """
    import edfio

    if recording.n_frames == 0 or recording.n_channels == 0:
        raise BadArgument(f"{recording.path}: there are no frames. An EDF file has at least one. Choose another "
                          "stream.")
    try:
        layout = _layout(recording.sps_nominal, recording.n_channels)
    except ValueError as error:
        raise BadArgument(f"to_edf: {error}") from None
    values = filled_values(recording)
    n_frames = len(values)
    padding = -n_frames % layout.frames
    signals, steps = [], {}
    names = header_labels(recording.labels)
    for channel, (label, unit) in enumerate(zip(recording.labels, recording.units, strict=True)):
        column = _column(recording, label, values[:, channel], padding)
        ends, low, high = _range(float(column.min()), float(column.max()))
        digital = np.rint((column - low) * (STEPS / (high - low))) + DIGITAL_MIN
        signals.append(edfio.EdfSignal.from_digital(
            np.clip(digital, DIGITAL_MIN, DIGITAL_MAX).astype(np.int16), float(layout.header_rate),
            label=names[channel], physical_dimension=to_ascii(unit)[:WIDTH], physical_range=ends,
            digital_range=(DIGITAL_MIN, DIGITAL_MAX)))
        steps[label] = (high - low) / STEPS
        if progress is not None:
            progress(0.9 * (channel + 1) / recording.n_channels)
    events = filled_onsets(recording, recording.sps_nominal)
    annotations = [edfio.EdfAnnotation(onset_s, event.duration_s or None, clean(event.text))
                   for onset_s, event in events]
    if padding:
        annotations.append(edfio.EdfAnnotation(n_frames / recording.sps_nominal, padding / recording.sps_nominal,
                                               PADDING_TEXT.format(padding)))
    buffer = io.BytesIO()
    _file(recording, signals, annotations, layout).write(buffer)
    with new_file(path) as file:
        file.write(buffer.getbuffer())
    if progress is not None:
        progress(1.0)
    worst = max(steps, key=lambda label: steps[label])
    warnings.warn(f"{os.fspath(path)}: EDF keeps 16 bits: values are rounded to steps of up to {steps[worst]:.4g} "
                  f"{recording.units[recording.labels.index(worst)]} ({worst}). Keep the recording itself.",
                  stacklevel=3)
    return {"path": os.fspath(path), "bytes": buffer.tell(), "step": steps, "largest_error": steps[worst] / 2,
            "padding_frames": padding, "events": len(events),
            "left_out": [label for stream in recording.streams if stream is not recording for label in stream.labels]}


def _layout(sps: float, n_channels: int) -> Layout:
    """Return a data record of one second where the rate is whole, else the one the recorder would take."""
    layout = make_layout(sps, n_channels)
    if layout.rate.denominator == 1:
        return Layout(n_channels, layout.rate, int(layout.rate), "1", layout.annotation_bytes)
    return layout


def _column(recording: Recording, label: str, values: NDArray[Any], padding: int) -> NDArray[np.float64]:
    """Return a channel filled up to whole data records; BadArgument if EDF cannot hold it."""
    column = np.concatenate([values, np.repeat(values[-1:], padding)]).astype(np.float64)
    low, high = float(column.min()), float(column.max())
    if not (math.isfinite(low) and math.isfinite(high)) or np.isnan(column).any():
        raise BadArgument(f"{recording.path}: channel {label!r} has values that are not finite. EDF has none for them. "
                          "Leave the channel out, or export XDF.")
    if max(-low, high) > LARGEST:
        raise BadArgument(f"{recording.path}: channel {label!r} reaches {max(-low, high):g}. An EDF header has {WIDTH} "
                          "characters for it. Export XDF.")
    return column


def _range(low: float, high: float) -> tuple[tuple[float, float], float, float]:
    """Return ends that hold `low` and `high`, and what they are once edfio has rounded them outwards."""
    import edfio

    low, high = (low if abs(low) >= SMALLEST else min(0.0, math.copysign(SMALLEST, low)),
                 high if abs(high) >= SMALLEST else max(0.0, math.copysign(SMALLEST, high)))
    width = max(high - low, SMALLEST, 1e-6 * max(abs(low), abs(high)))
    while True:
        one = edfio.EdfSignal.from_digital(np.zeros(1, np.int16), 1.0, physical_range=(low, low + width))
        if one.physical_max > one.physical_min and one.physical_max >= high:
            return (low, low + width), float(one.physical_min), float(one.physical_max)
        width *= 2.0


def _file(recording: Recording, signals: list[Any], annotations: list[Any], layout: Layout) -> Any:
    import edfio

    start = None
    if recording.start_unix_ns is not None:
        moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=recording.start_unix_ns // 1000)
        start = moment if FIRST_YEAR <= moment.year <= LAST_YEAR else None
    file = edfio.Edf(signals, recording=edfio.Recording(startdate=start.date() if start else None,
                                                        equipment_code="eegcore"),
                     starttime=start.time() if start else None, data_record_duration=float(layout.duration),
                     annotations=annotations)
    patient = recording.meta.get("patient")
    if isinstance(patient, str) and patient.strip():
        with contextlib.suppress(ValueError):          # not as EDF+ has it: the file stays anonymous
            file.local_patient_identification = to_ascii(patient).strip()[:ID_BYTES]
    return file

"""Columns of numbers: CSV, the files of `csv_sink`, OpenBCI text."""

from __future__ import annotations

import datetime
import os
import re
from collections.abc import Sequence
from typing import Any

from eegcore.devices.readers_base import Recording as InMemory
from eegcore.devices.recording_files import read_recording
from eegcore.reading.recording import Gap, Recording, place_events, type_of
from eegcore.reading.samples import ArraySamples

UTC = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z")


def read_table(path: str | os.PathLike[str], **options: Any) -> Recording:
    """Read a text file; the options are those of `read_recording`."""
    return from_memory(path, read_recording(path, **options))


def from_memory(path: str | os.PathLike[str], found: InMemory) -> Recording:
    """Return what a reader of `devices` has read, with the rate it measured."""
    voltage = found.unit == "uV"
    gaps = [Gap(frame, n, False) for frame, n in found.gaps]
    samples = ArraySamples(found.values, None if voltage else found.values)
    # the readers of tables count rows and know nothing of gaps: their onsets are rows over sps
    events = place_events([(event.onset_s, event.duration_s, event.text) for event in found.events], found.sps,
                          found.n_frames, ())
    measured = found.meta.get("sps_measured")
    close = measured is not None and abs(measured - found.sps) <= 0.05 * found.sps
    result = Recording(
        path=os.fspath(path), format=found.source_format, labels=found.labels, units=(found.unit,) * found.n_channels,
        types=tuple(type_of(label, True) for label in found.labels), sps=float(measured) if close else found.sps,
        sps_nominal=found.sps, samples=samples, scale_uv=found.scale_uv, events=_late(events, gaps, found.sps),
        gaps=gaps, start_unix_ns=_start_unix_ns(found.meta), meta=found.meta)
    result.streams = (result,)
    return result


def _late(events: list[Any], gaps: Sequence[Gap], sps: float) -> list[Any]:
    """Add to the onset of each event the gaps before its row."""
    return [event._replace(onset_s=event.onset_s + sum(gap.n_frames for gap in gaps if gap.frame <= event.frame) / sps)
            for event in events]


def _start_unix_ns(meta: dict[str, Any]) -> int | None:
    if "start_unix_s" in meta:
        return round(meta["start_unix_s"] * 1e6) * 1000
    header = meta.get("header")
    match = UTC.fullmatch(header.get("start_utc", "")) if isinstance(header, dict) else None
    if match is None:
        return None
    try:
        moment = datetime.datetime.fromisoformat(match[1])
    except ValueError:                                 # the 31st of a month that has none
        return None
    seconds = (moment - datetime.datetime(1970, 1, 1)) // datetime.timedelta(seconds=1)
    return seconds * 10**9 + int((match[2] or "0").ljust(9, "0"))

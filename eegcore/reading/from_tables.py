"""Columns of numbers: CSV, the files of `csv_sink`, OpenBCI text."""

from __future__ import annotations

import datetime
import json
import os
import re
from collections.abc import Sequence
from typing import Any

from eegcore.devices.readers_base import Recording as InMemory
from eegcore.devices.recording_files import read_recording
from eegcore.reading.recording import Event, Gap, Recording, place_events, type_of
from eegcore.reading.samples import ArraySamples

LARGEST_RATE_ERROR = 0.05
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
    events = _late(place_events([(event.onset_s, event.duration_s, event.text) for event in found.events], found.sps,
                                found.n_frames, ()), gaps, found.sps) + _told_events(found)
    measured = _measured(found)
    if measured is None or abs(measured - found.sps) > LARGEST_RATE_ERROR * found.sps:
        measured = found.sps
    result = Recording(
        path=os.fspath(path), format=found.source_format, labels=found.labels, units=(found.unit,) * found.n_channels,
        types=tuple(type_of(label, True) for label in found.labels), sps=measured,
        sps_nominal=found.sps, samples=samples, scale_uv=found.scale_uv, events=events, gaps=gaps,
        start_unix_ns=_start_unix_ns(found.meta), meta=found.meta)
    result.streams = (result,)
    return result


def _measured(found: InMemory) -> float | None:
    """Return the rate by the clock of the file, None if it has none."""
    header = found.meta.get("header")
    text = header.get("sps_true", "") if isinstance(header, dict) else ""
    measured = found.meta.get("sps_measured")
    try:
        return float(text) if text else float(measured) if measured is not None else None
    except ValueError:
        return None


def _told_events(found: InMemory) -> list[Event]:
    """Return the events `write_csv` has put into the header."""
    header = found.meta.get("header")
    if found.source_format != "eegcore_csv" or not isinstance(header, dict) or "events" not in header:
        return []
    try:
        told = json.loads(header["events"])
        return [Event(float(onset_s), float(duration_s), str(text), min(max(0, int(frame)), found.n_frames - 1),
                      str(kind)) for frame, onset_s, duration_s, text, kind in told]
    except (ValueError, TypeError, OverflowError, RecursionError):
        found.meta.setdefault("warnings", []).append("the header line 'events' cannot be read and is left out")
        return []


def _late(events: list[Event], gaps: Sequence[Gap], sps: float) -> list[Event]:
    """Add to the onset of each event the gaps before its row."""
    return [event._replace(onset_s=event.onset_s + sum(gap.n_frames for gap in gaps if gap.frame <= event.frame) / sps)
            for event in events]


def _start_unix_ns(meta: dict[str, Any]) -> int | None:
    if "start_unix_s" in meta:
        return round(float(meta["start_unix_s"]) * 1e6) * 1000
    header = meta.get("header")
    match = UTC.fullmatch(header.get("start_utc", "")) if isinstance(header, dict) else None
    if match is None:
        return None
    fraction = match[2] or "0"
    try:
        moment = datetime.datetime.fromisoformat(match[1])
    except ValueError:                                 # the 31st of a month that has none
        return None
    run_ns = (moment - datetime.datetime(1970, 1, 1)) // datetime.timedelta(seconds=1) * 10**9 + int(
        fraction.ljust(9, "0"))
    return run_ns + round(float(meta.get("first_s", 0.0)) * 1e9)

"""The head of a CSV file: what the rows are, for people and for `read_recording`.

::

    # eegcore csv 1
    # run_id: 2f6c...
    # pipeline: default
    # source: acquire (emulator)
    # start_utc: 2026-11-21T04:12:00.000000000Z
    # start_t_ns: 81234567890
    # sps: 250
    # step: 16
    # unit: uV
    # labels: ["Fp1","Fp2"]
    # scale_uv: [0.02235174,0.02235174]
    # reference: srb1
    # note: frame_index counts every frame of the device, ... a larger jump than step is a gap
    frame_index,time_s,Fp1_uV,Fp2_uV

Everything after ``: `` is one value; lists are JSON. `step` is the number of
device frames between two rows (a fraction if it is not whole). There is no
row for a missing frame: a jump of `frame_index` by more than `step` is the gap.
Spectra have one column per bin and channel, ``Fp1_alpha_uV^2`` or ``Fp1_10.5Hz_uV^2/Hz``,
and lines `axis_hz` and, for bands, `bands`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from eegcore.sinks.base import RunInfo

if TYPE_CHECKING:
    from eegcore.stages.stream import Stream

COLUMNS = ("uv", "counts", "both", "kohm", "bins")
MOST_BINS = 4096                                 # columns of a row of spectra
UNITS = {"uv": "uV", "counts": "counts", "both": "counts, uV", "kohm": "kOhm"}
NOTE = ("frame_index counts every frame of the device, read or not; "
        "a jump by more than step is a gap; time_s counts from start_t_ns")


def csv_problem(stream: Stream, columns: str) -> str | None:
    """Say why `stream` cannot be written as `columns` ('uv', 'counts', 'both', 'kohm', 'bins'); None if it can.

    For the plan: a sink that can get nothing to write is a configuration error.
    """
    if columns not in COLUMNS:
        return f"columns is {columns!r}. Allowed: uv, counts, both, kohm, bins."
    is_spectrum = stream.kind.name == "SPECTRUM_F32"
    if (columns == "bins") != is_spectrum:
        return (f"columns is {columns!r}, and the input is {'a spectrum' if is_spectrum else 'no spectrum'}. "
                f"{'Leave columns out' if is_spectrum else 'Take its input from bands, mains or fft'}.")
    if is_spectrum and stream.n_bins * stream.n_channels > MOST_BINS:
        return (f"a spectrum of {stream.n_bins} bins and {stream.n_channels} channels has too many columns. "
                f"At most {MOST_BINS} are allowed. Put a bands stage before it, or set max_hz in the fft.")
    if (columns == "kohm") != (stream.unit == "kOhm"):
        return (f"columns is {columns!r} and the input carries {stream.unit}. "
                "Take its input from an impedance stage for kohm, from elsewhere for the others.")
    if columns in ("uv", "both") and not stream.kind.has_voltage:
        return (f"columns is {columns!r} and the input carries counts only ({stream.kind.name}). "
                "Put to_voltage before it, or set columns: counts.")
    if columns in ("counts", "both") and not stream.kind.has_counts:
        return (f"columns is {columns!r} and the input carries no counts ({stream.kind.name}). "
                "Set keep_raw: true in to_voltage, or set columns: uv.")
    return None


def column_names(stream: Stream, columns: str) -> list[str]:
    """Return the names of the value columns, in the order of a packet.

    With 'both', all counts come before all uV; with 'bins', all channels of a bin before those of the next.
    """
    if columns == "bins":
        unit = "" if stream.unit == "1" else f"_{stream.unit}"
        return [f"{label}_{name}{unit}" for name in bin_names(stream) for label in stream.labels]
    counts = [f"{label}_counts" for label in stream.labels] if columns in ("counts", "both") else []
    unit = "kOhm" if columns == "kohm" else "uV"
    values = [f"{label}_{unit}" for label in stream.labels] if columns != "counts" else []
    return counts + values


def bin_names(stream: Stream) -> list[str]:
    """Return the names of the bins of a spectrum: bands by their names, others by their frequency."""
    bands = stream.meta.get("bands", {})
    return list(bands) if len(bands) == stream.n_bins else [f"{value:.10g}Hz" for value in stream.axis_hz]


def header_bytes(stream: Stream, columns: str, run_info: RunInfo) -> bytes:
    """Return the header lines and the row of names, UTF-8."""
    facts: list[tuple[str, str]] = [
        ("version", run_info.version),
        ("run_id", run_info.run_id),
        ("pipeline", run_info.pipeline),
        ("source", run_info.source or ", ".join(stream.sources)),
        ("config_rev", str(run_info.config_rev)),
        ("start_utc", run_info.start_utc),
        ("start_t_ns", str(run_info.start_t_ns)),
        ("sps", f"{stream.sps:.17g}"),
        ("step", str(stream.step)),
        ("unit", UNITS.get(columns, stream.unit)),
        ("labels", json.dumps(list(stream.labels), ensure_ascii=False, separators=(",", ":"))),
        ("scale_uv", json.dumps(list(stream.scale_uv), separators=(",", ":"))),
        ("reference", stream.reference),
        ("axis_hz", json.dumps(list(stream.axis_hz), separators=(",", ":")) if stream.axis_hz else ""),
        ("bands", json.dumps(stream.meta["bands"]) if stream.meta.get("bands") else ""),
        ("lead_off", _lead_off(stream)),
        ("note", NOTE),
    ]
    lines = ["# eegcore csv 1"] + [f"# {key}: {one_line(value)}" for key, value in facts if value]
    names = ["frame_index", "time_s", *column_names(stream, columns)]
    lines.append(",".join(quoted(name) for name in names))
    return ("\n".join(lines) + "\n").encode()


def _lead_off(stream: Stream) -> str:
    """Return the lead-off current that was on, as JSON; empty if there was none."""
    said = stream.meta.get("lead_off", {})
    return "" if said.get("mode", "off") == "off" else json.dumps(said, ensure_ascii=False)


def quoted(name: str) -> str:
    """Quote a cell by RFC 4180 if it needs it; line breaks become blanks."""
    name = one_line(name)
    return '"' + name.replace('"', '""') + '"' if any(mark in name for mark in ',"#') or name != name.strip() else name


def one_line(text: str) -> str:
    """Replace line breaks and other control characters by blanks: a header value is one line."""
    return "".join(character if character.isprintable() else " " for character in text)

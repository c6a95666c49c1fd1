"""Sinks: what they accept, and columns that would stay empty."""

from __future__ import annotations

import pytest

from eegcore.stages.stream import Kind

KINDS = list(Kind)


@pytest.mark.parametrize("kind", KINDS)
def test_websocket_and_null_sinks_take_any_kind(describe, stream, kind):
    assert describe("websocket_sink", [stream(kind=kind)], topic="eeg").native == {
        "node": "websocket_sink", "topic": "eeg"}
    assert describe("null_sink", [stream(kind=kind)], stall_ms=5).native == {"node": "null_sink", "stall_ms": 5}


def test_topic_defaults_to_the_id(describe, stream):
    description = describe("websocket_sink", [stream()], stage_id="ws_raw")
    assert description.native["topic"] == "ws_raw"
    assert description.resolved == {"topic": "ws_raw"}


@pytest.mark.parametrize(("kind", "columns"), [(Kind.RAW_I32, "counts"), (Kind.VOLTAGE_F32, "uv"),
                                               (Kind.RAW_AND_VOLTAGE, "both")])
def test_csv_columns_default_to_what_the_input_carries(describe, stream, kind, columns):
    description = describe("csv_sink", [stream(kind=kind)], path="eeg_{start}.csv")
    assert description.native == {"node": "csv_sink", "path": "eeg_{start}.csv", "columns": columns, "decimals": 3}
    assert description.outputs == []


@pytest.mark.parametrize("columns", ["uv", "counts", "both"])
def test_csv_may_write_less_than_its_input_carries(describe, stream, columns):
    source = stream(kind=Kind.RAW_AND_VOLTAGE)
    assert describe("csv_sink", [source], path="x.csv", columns=columns).native["columns"] == columns


@pytest.mark.parametrize(("kind", "columns", "carried", "hint"), [
    (Kind.RAW_I32, "uv", "counts", "Put a to_voltage before it"),
    (Kind.RAW_I32, "both", "counts", "Put a to_voltage with keep_raw: true before it"),
    (Kind.VOLTAGE_F32, "both", "uv", "Put a to_voltage with keep_raw: true before it"),
    (Kind.VOLTAGE_F32, "counts", "uv", "Take its input from the source, or set keep_raw: true in to_voltage")])
def test_a_column_that_would_get_nothing_is_refused(refusal, stream, kind, columns, carried, hint):
    assert refusal("csv_sink", [stream(kind=kind)], path="x.csv", columns=columns) == (
        f"columns: {columns} is asked for, and the input carries {carried} only ({kind.name}) |  | {hint}")


def test_csv_refuses_wide_spectra_and_unknown_braces(describe, refusal, stream):
    narrow, wide = (stream(kind=Kind.SPECTRUM_F32, axis_hz=tuple(range(n))) for n in (512, 513))
    assert describe("csv_sink", [narrow], path="x.csv").native["columns"] == "bins"
    assert refusal("csv_sink", [wide], path="x.csv") == (
        "inputs: csv_sink writes one column per bin and channel, and its input is a spectrum of 513 bins and 8 "
        "channels | At most 4096 columns | Put a bands stage in between, or set min_hz and max_hz in the fft")
    assert refusal("csv_sink", [narrow], path="x.csv", columns="uv") == (
        "columns: uv is asked for, and the input carries bins only (SPECTRUM_F32) |  | "
        "Remove columns, or take its input from before the fft")
    assert refusal("csv_sink", [stream()], path="x.csv", columns="bins") == (
        "columns: bins is asked for, and the input carries uv only (VOLTAGE_F32) |  | "
        "Take its input from bands, mains or fft")
    assert refusal("csv_sink", [stream()], path="{begin}.csv") == (
        "path: '{begin}.csv' has braces that mean nothing | {start} and {input} | ")


def test_csv_is_named_after_a_recording_only_where_one_is_played(refusal, describe, stream):
    assert refusal("csv_sink", [stream()], path="{input}.csv") == (
        "path: '{input}.csv' holds {input}, and no single recording is played above | {start} | "
        "Use {start}, or a playback as the source")
    assert describe("csv_sink", [stream(meta={"input": "r"})], path="{input}.csv").native["path"] == "{input}.csv"

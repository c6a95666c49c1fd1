"""What is in the file, what it is called, and that it comes back as it went in."""

from __future__ import annotations

import os
import stat
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from eegcore.devices.recording_files import RecordingRefused, read_recording
from eegcore.errors import FileRefused, SinkFailed
from eegcore.sinks.base import RunInfo
from eegcore.sinks.csv_file import CsvWriter, fill_path, path_problem
from eegcore.sinks.csv_header import csv_problem
from eegcore.sinks.ledger_file import read_ledger
from eegcore.stages.stream import Kind, Stream

LEDGER = {"run_id": "r1", "balanced": True, "frames": 12, "lost": 0, "sources": {}, "edges": {}, "sinks": {},
          "clients": {}, "digest": {}}


def write_file(path, stream, run_info, packets, columns="uv", decimals=3):
    writer = CsvWriter(str(path), columns, decimals)
    writer.open(stream, run_info)
    n_frames = writer.write(packets)
    writer.close(LEDGER)
    assert n_frames == writer.frames
    return writer


def test_whole_file_byte_for_byte(tmp_path, stream, run_info, packets):
    path = tmp_path / "a.csv"
    write_file(path, stream, run_info, packets(1, 2, first=10), "both", 2)
    assert path.read_text() == """\
# eegcore csv 1
# version: 0.1.0
# run_id: r1
# pipeline: default
# source: acquire (emulator)
# config_rev: 3
# start_utc: 2026-11-21T04:12:00.000000007Z
# start_t_ns: 81234
# sps: 250
# step: 1
# unit: counts, uV
# labels: ["Fp1","Fp2"]
# scale_uv: [0.5,0.25]
# reference: srb1
# note: frame_index counts every frame of the device, read or not; a jump by more than step is a gap; \
time_s counts from start_t_ns
frame_index,time_s,Fp1_counts,Fp2_counts,Fp1_uV,Fp2_uV
10,0.040000,0,0,0.00,0.00
11,0.044000,2,-1,1.00,-0.25
"""
    assert read_ledger(path) == LEDGER
    assert stat.S_IMODE(path.stat().st_mode) & 0o133 == 0
    assert sorted(os.listdir(tmp_path)) == ["a.csv", "a.csv.ledger.json"]


def test_start_in_the_name_is_utc_and_sortable(tmp_path, stream, run_info, packets):
    writer = write_file(tmp_path / "filtered_{start}.csv", stream, run_info, packets())
    assert writer.filename == str(tmp_path / "filtered_2026-11-21T04-12-00Z.csv")
    assert fill_path("{start}/{start}", RunInfo("r")) == "1970-01-01T00-00-00Z/1970-01-01T00-00-00Z"
    assert fill_path("{input}/{start}", RunInfo("r", input="a{start}")) == "a{start}/1970-01-01T00-00-00Z"


@pytest.mark.parametrize("taken", ["a.csv", "a.csv.ledger.json"])
@pytest.mark.parametrize("how", ["file", "link"])
def test_nothing_is_overwritten(tmp_path, stream, run_info, taken, how):
    target = tmp_path / "precious"
    (tmp_path / taken).symlink_to(target) if how == "link" else (tmp_path / taken).write_text("precious")
    with pytest.raises(FileRefused) as caught:
        CsvWriter(str(tmp_path / "a.csv")).open(stream, run_info)
    assert str(caught.value) == (f"{tmp_path / taken}: exists already [EEXIST 17]. Files are never overwritten. "
                                 "Choose another name, or put {start} into it.")
    assert not target.exists()
    assert os.listdir(tmp_path) == [taken]


def test_no_folder_is_made(tmp_path, stream, run_info):
    path = tmp_path / "missing" / "a.csv"
    with pytest.raises(SinkFailed) as caught:
        CsvWriter(str(path)).open(stream, run_info)
    assert str(caught.value) == (f"{path}: the folder does not exist, while creating the file [ENOENT 2]. "
                                 "Create the folder first: a sink makes no folders.")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(("template", "problem"), [
    ("", "path is empty"), ("a\0b", "zero byte"), ("folder/", "is a folder"), ("{run}.csv", "{run}"),
    ("{start}.csv", None), ("{input}.csv", None), ("plain.csv", None)])
def test_path_templates_are_checked_before_the_run(template, problem):
    found = path_problem(template)
    assert (found is None) if problem is None else (problem in found)
    if problem:
        with pytest.raises(ValueError, match="csv_sink: path"):
            CsvWriter(template)


@pytest.mark.parametrize(("kind", "columns", "problem"), [
    (Kind.RAW_I32, "counts", None), (Kind.RAW_I32, "uv", "Put to_voltage before it"),
    (Kind.RAW_I32, "both", "Put to_voltage before it"), (Kind.VOLTAGE_F32, "uv", None),
    (Kind.VOLTAGE_F32, "counts", "Set keep_raw: true"), (Kind.RAW_AND_VOLTAGE, "both", None),
    (Kind.SPECTRUM_F32, "uv", "the input is a spectrum"), (Kind.SPECTRUM_F32, "bins", None),
    (Kind.VOLTAGE_F32, "bins", "the input is no spectrum"), (Kind.VOLTAGE_F32, "mv", "Allowed: uv, counts, both")])
def test_a_stream_without_such_columns_is_a_problem(kind, columns, problem, run_info, tmp_path):
    stream = Stream(kind=kind, labels=("a",), sps=250, max_frames=8)
    found = csv_problem(stream, columns)
    assert (found is None) if problem is None else (problem in found)
    if problem:
        with pytest.raises(ValueError, match="csv_sink: "):
            CsvWriter(str(tmp_path / "a.csv"), columns).open(stream, run_info)
        assert os.listdir(tmp_path) == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=npst.arrays(np.float32, npst.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12),
                          elements=st.floats(-1e5, 1e5, width=32)),
       raw=st.booleans(), cut=st.integers(1, 5), gap=st.integers(0, 300))
def test_uv_and_counts_come_back_with_their_gaps(tmp_path_factory, packets, run_info, values, raw, cut, gap):
    plain = type(packets(1)[0])
    counts = np.rint(values * 16).astype(np.int32)
    labels = tuple(f"E{i}" for i in range(values.shape[1]))
    stream = Stream(Kind.RAW_AND_VOLTAGE, labels, 500.0, 4096, scale_uv=(0.0625,) * len(labels), step=Fraction(8))
    first = plain(80, values[:cut], counts[:cut], step=8)
    second = plain(80 + 8 * (first.n_frames + gap), values[cut:], counts[cut:], step=8)
    path = tmp_path_factory.mktemp("roundtrip") / "a.csv"
    write_file(path, stream, run_info, [first, second], "both", 9)
    recording = read_recording(path, raw=raw)
    if raw:
        np.testing.assert_array_equal(recording.values, counts)
    else:                                            # nine digits after the point
        np.testing.assert_allclose(recording.values, values, rtol=1.2e-7, atol=1e-9)
    assert (recording.labels, recording.sps, recording.source_format) == (labels, 500.0, "eegcore_csv")
    assert recording.unit == ("counts" if raw else "uV")
    assert recording.gaps == ([(first.n_frames, gap)] if gap and second.n_frames else [])


def test_counts_only_files_are_scaled_by_their_header(tmp_path, stream, run_info, packets):
    path = tmp_path / "a.csv"
    made = packets()
    write_file(path, stream, run_info, made, "counts")
    expected = np.concatenate([packet.data for packet in made])
    np.testing.assert_array_equal(read_recording(path).values, expected)
    np.testing.assert_array_equal(read_recording(path, columns=["Fp2"]).values, expected[:, 1:])
    np.testing.assert_array_equal(read_recording(path, scale=2).values, expected * [4, 8])
    assert read_recording(path, raw=True).scale_uv == (0.5, 0.25)


def test_uv_only_files_have_no_counts(tmp_path, stream, run_info, packets):
    path = tmp_path / "a.csv"
    write_file(path, stream, run_info, packets())
    with pytest.raises(RecordingRefused, match=r"the file has no column in counts\. Leave raw out"):
        read_recording(path, raw=True)


def test_labels_with_commas_quotes_and_breaks_survive(tmp_path, run_info, packets):
    labels = ('a,"b"', " c ")
    stream = Stream(Kind.VOLTAGE_F32, labels, 250.0, 16)
    path = tmp_path / "a.csv"
    write_file(path, stream, run_info, packets())
    assert read_recording(path).labels == ('a,"b"', "c")
    stream = Stream(Kind.VOLTAGE_F32, ("one\nline", "x"), 250.0, 16)
    write_file(tmp_path / "b.csv", stream, run_info, packets())
    assert read_recording(tmp_path / "b.csv").labels == ("one line", "x")


def test_packets_after_close_and_a_second_open_are_refused(tmp_path, stream, run_info, packets):
    writer = CsvWriter(str(tmp_path / "a.csv"))
    with pytest.raises(SinkFailed, match="the file is not open"):
        writer.write(packets())
    writer.open(stream, run_info)
    with pytest.raises(ValueError, match="was opened already"):
        writer.open(stream, run_info)
    writer.close(None)
    writer.close(None)
    with pytest.raises(SinkFailed, match="the file is not open"):
        writer.write(packets())
    assert os.listdir(tmp_path) == ["a.csv"]


def test_no_packets_are_no_rows(tmp_path, stream, run_info):
    writer = CsvWriter(str(tmp_path / "a.csv"))
    writer.open(stream, run_info)
    assert writer.write([]) == 0
    writer.close(LEDGER)
    assert (tmp_path / "a.csv").read_text().endswith("frame_index,time_s,Fp1_uV,Fp2_uV\n")
    assert writer.size == (tmp_path / "a.csv").stat().st_size


def test_decimals_out_of_range_are_refused():
    with pytest.raises(ValueError, match=r"decimals is 10\. Allowed: 0\.\.9\."):
        CsvWriter("a.csv", decimals=10)

"""CSV: names, delimiters, rates and markers found; values exact; mistakes named by line."""

from __future__ import annotations

import lzma

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eegcore.devices.readers_csv import measured_sps, sniff_delimiter
from eegcore.devices.recording_files import RecordingRefused, read_recording


def write(path, text):
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_pieeg_counts_equal_the_published_spi_frames(shared_data):
    with lzma.open(shared_data / "pieeg_spi_frames_77s.bin.xz") as file:
        frames = np.frombuffer(file.read(), np.uint8).reshape(-1, 27)[:, 3:].reshape(-1, 8, 3).astype(np.int32)
    counts = (frames[..., 0] << 16 | frames[..., 1] << 8 | frames[..., 2]) << 8 >> 8
    path = shared_data / "pieeg_spi_frames_77s.published_uV.csv.xz"
    recording = read_recording(path, sps=250, scale=4.5e6 / 16777215, raw=True)
    assert recording.labels == tuple(f"ch{i}" for i in range(1, 9))
    np.testing.assert_array_equal(recording.values, counts)


@pytest.mark.parametrize(("name", "n_frames"), [
    ("pieeg_chew_blink_40s.csv.xz", 10_000), ("pieeg_kit_ecg_80s.csv.xz", 20_000),
    ("ardeeg_inputs_shorted.csv.xz", 1_700), ("pieeg_spi_frames_77s.published_uV.csv.xz", 19_250)])
def test_pieeg_files_need_a_rate_and_equal_a_plain_parse(shared_data, name, n_frames):
    with pytest.raises(RecordingRefused) as caught:
        read_recording(shared_data / name)
    assert str(caught.value) == (
        f"{shared_data / name}: the file has no time column and no rate in its header. "
        "Give sps, the frames per second (playback.sps: 250, for example).")
    recording = read_recording(shared_data / name, sps=250, scale=2)
    with lzma.open(shared_data / name, "rt") as file:
        next(file)
        expected = np.array([[float(cell) for cell in line.split(",")] for line in file])
    assert recording.values.shape == (n_frames, 8)
    np.testing.assert_array_equal(recording.values, (expected * 2).astype(np.float32))
    assert (recording.sps, recording.unit, recording.events, recording.gaps) == (250, "uV", [], [])


@pytest.mark.parametrize(("name", "ones", "twos"), [
    ("muse_ssvep_20_30hz_2017-09-14-21.20.04.csv.xz", 14, 18),
    ("muse_ssvep_20_30hz_2017-09-14-21.22.51.csv.xz", 17, 16)])
def test_muse_rate_comes_from_its_ragged_clock_and_markers_are_events(shared_data, name, ones, twos):
    recording = read_recording(shared_data / name)
    assert recording.labels == ("TP9", "AF7", "AF8", "TP10", "Right AUX")
    assert recording.sps == 256
    assert recording.n_frames / 256 == pytest.approx(120, abs=0.1)
    assert recording.meta["left_out"] == {"timestamps": "time", "Marker0": "marker"}
    codes = [event.text for event in recording.events]
    assert (codes.count("1"), codes.count("2"), len(codes)) == (ones, twos, ones + twos)


def test_biosppy_header_gives_rate_and_label(shared_data):
    recording = read_recording(shared_data / "biosppy_ecg_1000hz.txt.xz")
    assert (recording.values.shape, recording.sps, recording.labels) == ((15_000, 1), 1000, ("ECG",))
    counts = read_recording(shared_data / "biosppy_ecg_1000hz.txt.xz", raw=True).values
    assert counts.dtype == np.int32
    assert counts.min() >= 0
    assert counts.max() < 4096


names = st.lists(st.text("abcdefXYZ", min_size=3, max_size=6).filter(lambda n: n not in ("sec",)),
                 min_size=1, max_size=6, unique=True)


@given(st.data(), names, st.sampled_from([",", ";", "\t", "|", " "]), st.sampled_from(["\n", "\r\n"]),
       st.booleans(), st.booleans())
def test_what_is_written_is_read(tmp_path_factory, data, labels, delimiter, end, packed, mark):
    n_frames = data.draw(st.integers(1, 8))
    finite = st.floats(-1e6, 1e6, width=32)
    values = np.array(data.draw(st.lists(st.lists(finite, min_size=len(labels), max_size=len(labels)),
                                         min_size=n_frames, max_size=n_frames)), dtype=np.float32)
    lines = [delimiter.join(labels)] + [delimiter.join(repr(float(v)) for v in frame) for frame in values]
    content = ("\ufeff" if mark else "").encode() + (end.join(lines) + end).encode()
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    path.write_bytes(lzma.compress(content) if packed else content)
    recording = read_recording(path, format="csv", sps=500)
    assert recording.labels == tuple(labels)
    np.testing.assert_array_equal(recording.values, values)
    assert recording.values.flags.c_contiguous


@pytest.mark.parametrize(("name", "step", "sps"), [
    ("time", 0.004, 250), ("time_s", 0.001, 1000), ("Time (ms)", 4, 250), ("timestamps", 4, 250), ("t", 1 / 256, 256),
    ("timestamp_us", 2000, 500), ("time_ns", 1e6, 1000), ("seconds", 1 / 317, 317), ("LSL timestamp", 0.002, 500)])
def test_time_columns_give_the_rate(tmp_path, name, step, sps):
    rows = "".join(f"{1000 + i * step!r},{i},{-i}\n" for i in range(200))
    recording = read_recording(write(tmp_path / "a.csv", f"{name},Fp1,Fp2\n{rows}"))
    assert recording.sps == pytest.approx(sps, rel=1e-5)
    assert recording.labels == ("Fp1", "Fp2")


def test_a_hole_in_the_clock_does_not_change_the_rate():
    time_s = np.arange(4000) / 250
    time_s[2000:] += 30
    assert measured_sps(time_s) == 250


def test_bursts_do_not_change_the_rate():
    time_s = np.floor(np.arange(5000) / 250 * 40) / 40                       # ten frames share one stamp
    assert measured_sps(time_s) == 250


def test_a_clock_that_stands_still_is_refused(tmp_path):
    path = write(tmp_path / "a.csv", "time,a\n1,2\n1,3\n1,4\n")
    with pytest.raises(RecordingRefused, match=r"the time column 'time' does not advance\. Give sps"):
        read_recording(path)
    assert read_recording(path, sps=10).sps == 10


def test_index_and_word_columns_are_left_out_and_said_so(tmp_path):
    path = write(tmp_path / "a.csv", "frame_index,Fp1,hand,Fp2\n0,1,left,2\n1,3,right,4\n")
    recording = read_recording(path, sps=100)
    assert recording.labels == ("Fp1", "Fp2")
    assert recording.meta["left_out"] == {"frame_index": "index", "hand": "not numbers: 'left'"}


def test_files_without_names_get_ch1_and_so_on(tmp_path):
    recording = read_recording(write(tmp_path / "a.txt", "1 2 3\n4 5 6\n"), sps=100)
    assert recording.labels == ("ch1", "ch2", "ch3")
    np.testing.assert_array_equal(recording.values, [[1, 2, 3], [4, 5, 6]])


def test_decimal_commas_beside_semicolons(tmp_path):
    recording = read_recording(write(tmp_path / "a.csv", "Fp1;Fp2\n1,5;-2\n3;4,25\n"), sps=100)
    np.testing.assert_array_equal(recording.values, [[1.5, -2], [3, 4.25]])


def test_quoted_names_and_cells(tmp_path):
    recording = read_recording(write(tmp_path / "a.csv", '"Fp1, left","Cz"\n"1",2\n3,"4"\n'), sps=100)
    assert recording.labels == ("Fp1, left", "Cz")
    np.testing.assert_array_equal(recording.values, [[1, 2], [3, 4]])


def test_equal_names_are_made_different(tmp_path):
    recording = read_recording(write(tmp_path / "a.csv", "Cz,Cz,Cz-1\n1,2,3\n"), sps=100)
    assert len(set(recording.labels)) == 3
    assert recording.labels[0] == "Cz"
    assert recording.labels[2] == "Cz-1"
    assert recording.meta["renamed"] == {recording.labels[1]: "Cz"}


def test_utf16_and_latin1_are_read(tmp_path):
    for encoding in ("utf-16", "latin-1"):
        recording = read_recording(write(tmp_path / encoding, "µ1,b\n1,2\n".encode(encoding)), sps=100)
        assert recording.labels == ("µ1", "b")


@pytest.mark.parametrize(("text", "options", "message"), [
    ("a,b\n1,2\n3\n", {}, ":3: this row has 1 cells, the first has 2. Every row must have the same number of cells. "
                          "Mend or remove the line."),
    ("a,b\n1,2\n\n3,4,5\n", {}, ":4: this row has 3 cells, the first has 2. "),
    ("a,b\n1,2\n3,NaN\n", {}, ":3: column 'b': 'NaN' is not a finite number. Every cell must hold a finite number. "
                              "Mend the line, or choose other columns."),
    ("a,b\n1,2\n3,inf\n", {}, ":3: column 'b': 'inf' is not a finite number. "),
    ("a,b\n1,2\n3,1_0\n", {}, ":3: column 'b': '1_0' is not a finite number. "),
    ("# note\na,b\n1,2\n3,\n", {}, ":4: column 'b': the cell is empty. "),
    ("a,b\n1,1e39\n", {}, ": frame 0, channel 1: 1e+39 uV is too large. "),
    ("a,b\n1,2\n", {"columns": ["c"]}, ": no column is called 'c'. Known: a, b."),
    ("alpha,b\n1,2\n", {"columns": ["alpa"]}, ": no column is called 'alpa'. Known: alpha, b. Did you mean 'alpha'?"),
    ("a,b\n1,2\n", {"columns": [2]}, ": there is no column number 2. Columns are numbered 0..1."),
    ("a,b\n1,2\n", {"columns": ["a", 0]}, ": column 'a' is chosen twice. "),
    ("a,b\n1,2\n", {"columns": []}, ": columns is an empty list. "),
    ("a,b\n1,2.5\n", {"raw": True}, ": frame 0, channel 1: 2.5 is not a whole number. Raw counts are whole numbers. "
                                    "Give scale, the value of one count in the unit of the file, or leave raw out."),
    ("a,b\n1,3e9\n", {"raw": True}, ": frame 0, channel 1: 3e+09 counts is too large. Counts are 32-bit, "),
    ("a,b\n1,2\n", {"sps": 0}, ": sps is 0. Allowed: above 0, up to 1 000 000 frames per second."),
    ("a,b\n1,2\n", {"sps": float("nan")}, ": sps is nan. "),
    ("a,b\n1,2\n", {"scale": 0}, ": scale is 0. Allowed: a finite number that is not 0."),
    ("a,b\n", {}, ": there is no row of samples after the names. "),
    ("# only a note\n", {}, ": there is no row of samples. "),
    ("time,marker\n1,2\n2,3\n", {}, ": no column looks like a channel among time, marker. "),
])
def test_mistakes_are_told_with_place_value_and_next_step(tmp_path, text, options, message):
    path = write(tmp_path / "a.csv", text)
    with pytest.raises(RecordingRefused) as caught:
        read_recording(path, **{"sps": 250, **options})
    assert str(caught.value).startswith(f"{path}{message}")


def test_raw_keeps_large_whole_numbers_exact(tmp_path):
    path = write(tmp_path / "a.csv", "a,b\n2147483647,-2147483647\n16777217,0\n")
    np.testing.assert_array_equal(read_recording(path, sps=1, raw=True).values,
                                  [[2147483647, -2147483647], [16777217, 0]])


def test_delimiter_is_the_one_every_line_shares():
    assert sniff_delimiter(["a b,c", "1,2"]) == ","
    assert sniff_delimiter(["a;b", "1,5;2,5"]) == ";"
    assert sniff_delimiter(["1 2", "3 4"]) is None
    assert sniff_delimiter(["a,b", "1,2", "3"]) == ","

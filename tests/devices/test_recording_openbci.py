"""OpenBCI text: the facts of the two recordings, the counter, and what is refused."""

from __future__ import annotations

import lzma

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eegcore.devices.readers_openbci import CYTON_UV_PER_COUNT, index_gaps
from eegcore.devices.recording_files import RecordingRefused, read_recording

HEAD = "%OpenBCI Raw EXG Data\n%Number of channels = 2\n%Sample Rate = 250 Hz\n%Board = OpenBCI_GUI$BoardCytonSerial\n"
NAMES = "Sample Index, EXG Channel 0, EXG Channel 1, Accel Channel 0, Timestamp, Marker, Timestamp (Formatted)\n"


def write(path, rows, head=HEAD, names=NAMES):
    path.write_text(head + names + "\n".join(rows) + "\n")
    return path


def row(index, a=1.0, b=2.0, marker=0):
    return f"{index}, {a}, {b}, 0.5, 1557936053.{index:03d}, {marker}, 12:00:53"


def test_cyton_recording_has_the_published_facts(shared_data):
    path = shared_data / "openbci_gui_v6_blinks_jaw_alpha.txt.xz"
    recording = read_recording(path)
    assert recording.values.shape == (22490, 8)
    assert recording.values.dtype == np.float32
    assert recording.values.flags.c_contiguous
    assert recording.sps == 250
    assert recording.unit == "uV"
    assert recording.gaps == []
    assert recording.labels[0] == "EXG Channel 0"
    assert recording.labels[-1] == "EXG Channel 7"
    assert recording.meta["board"] == "BoardCytonSerial"
    assert recording.meta["sps_measured"] == pytest.approx(250.33, abs=0.01)
    np.testing.assert_array_equal(recording.values[0, :3], np.float32([61379.36, 49492.89, -16597.06]))


def test_cyton_values_equal_a_plain_parse(shared_data):
    path = shared_data / "openbci_gui_v6_blinks_jaw_alpha.txt.xz"
    with lzma.open(path, "rt") as file:
        rows = [line.split(",") for line in file if line[0].isdigit()]
    expected = np.array([[float(cell) for cell in cells[1:9]] for cells in rows])
    np.testing.assert_array_equal(read_recording(path).values, expected.astype(np.float32))


def test_raw_counts_of_the_rails_recording_are_exact(shared_data):
    path = shared_data / "openbci_gui_2024_rails_11s.txt.xz"
    recording = read_recording(path, raw=True)
    assert recording.values.shape == (2841, 8)
    assert recording.values.dtype == np.int32
    assert recording.unit == "counts"
    assert (recording.values.min(), recording.values.max()) == (-8388608, 8388607)
    assert not recording.values[0].any()
    on_rail = np.isin(recording.values, (-8388608, 8388607)).mean(axis=0) * 100
    np.testing.assert_allclose(on_rail, [1.8, 0.4, 2.2, 30, 27, 7.2, 99.9, 99.2], atol=0.5)
    microvolts = read_recording(path).values
    np.testing.assert_allclose(recording.values * recording.scale_uv[0], microvolts, rtol=1e-6)
    assert recording.scale_uv == (CYTON_UV_PER_COUNT,) * 8
    assert recording.meta["sps_measured"] == pytest.approx(250.02, abs=0.01)


def test_index_jump_is_a_gap_of_that_many_frames(tmp_path):
    indices = [254, 255, 0, 1, 5, 6, 6 + 100, 107, 108, 109, 110]
    recording = read_recording(write(tmp_path / "a.txt", [row(i) for i in indices]))
    assert recording.gaps == [(4, 3), (6, 99)]


@given(st.integers(0, 255), st.lists(st.integers(0, 254), min_size=5, max_size=60))
def test_gaps_are_what_was_left_out(start, missing):
    missing = [n if i % 3 == 0 else 0 for i, n in enumerate(missing)]        # most steps are 1
    counter = (start + np.cumsum([0, *(n + 1 for n in missing)])) % 256
    assert index_gaps(counter.astype(float)) == [(i + 1, n) for i, n in enumerate(missing) if n]


def test_a_first_column_that_does_not_count_reports_no_gaps(tmp_path):
    recording = read_recording(write(tmp_path / "a.txt", [row(i // 2) for i in range(20)]))
    assert recording.gaps == []
    assert "no counter" in recording.meta["index"]


def test_markers_are_events_at_their_frame(tmp_path):
    rows = [row(i, marker=3 if i in (5, 6) else 0) for i in range(10)]
    (event,) = read_recording(write(tmp_path / "a.txt", rows)).events
    assert (event.onset_s, event.text) == (5 / 250, "3")


def test_columns_choose_by_name_and_number_in_the_order_given(tmp_path):
    recording = read_recording(write(tmp_path / "a.txt", [row(0), row(1)]), columns=["Accel Channel 0", 1])
    assert recording.labels == ("Accel Channel 0", "EXG Channel 0")
    np.testing.assert_array_equal(recording.values, [[0.5, 1], [0.5, 1]])


def test_old_files_without_a_line_of_names_are_read(tmp_path):
    path = write(tmp_path / "a.txt", ["0, 1.5, 2.5, 9, 9", "1, 3.5, 4.5, 9, 9"], names="")
    recording = read_recording(path)
    assert recording.labels == ("EXG Channel 0", "EXG Channel 1")
    np.testing.assert_array_equal(recording.values, [[1.5, 2.5], [3.5, 4.5]])


def test_scale_multiplies_and_with_raw_it_is_the_value_of_a_count(tmp_path):
    path = write(tmp_path / "a.txt", [row(0, 10, 20), row(1, 30, 40)])
    np.testing.assert_array_equal(read_recording(path, scale=2).values, [[20, 40], [60, 80]])
    np.testing.assert_array_equal(read_recording(path, scale=10, raw=True).values, [[1, 2], [3, 4]])


@pytest.mark.parametrize(("rows", "message"), [
    ([row(0), "1, 2.0"], ":7: this row has 2 cells, the first has 7. Every row must have the same number of cells. "
                         "Mend or remove the line."),
    ([row(0), row(1, "nan")], ":7: column 'EXG Channel 0': 'nan' is not a finite number. "),
    ([row(0), row(1, 1, "x7")], ":7: column 'EXG Channel 1': 'x7' is not a finite number. "),
    ([row(0), row(1, "")], ":7: column 'EXG Channel 0': the cell is empty. "),
    ([], ": there is no row of samples after the header. A recording has at least one frame."),
])
def test_bad_rows_are_named_by_line(tmp_path, rows, message):
    path = write(tmp_path / "a.txt", rows)
    with pytest.raises(RecordingRefused) as caught:
        read_recording(path)
    assert str(caught.value).startswith(f"{path}{message}")


def test_missing_rate_is_taken_from_the_clock_or_asked_for(tmp_path):
    head = "%OpenBCI Raw EXG Data\n"
    rows = [f"{i}, 1, 2, 0.5, {1557936053 + i / 200:.3f}, 0, x" for i in range(100)]
    assert read_recording(write(tmp_path / "a.txt", rows, head)).sps == 200
    names = "Sample Index, EXG Channel 0\n"
    path = write(tmp_path / "b.txt", ["0, 1", "1, 2"], head, names)
    with pytest.raises(RecordingRefused, match="Give sps, the frames per second"):
        read_recording(path)
    assert read_recording(path, sps=125).sps == 125


def test_columns_without_exg_must_be_chosen(tmp_path):
    path = write(tmp_path / "a.txt", ["0, 1"], names="Sample Index, Fp1\n")
    with pytest.raises(RecordingRefused, match=r"Choose columns\. Known: Sample Index, Fp1\."):
        read_recording(path)

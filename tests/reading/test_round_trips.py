"""What is exported comes back: through `read`, and through readers that know nothing of eegcore."""

from __future__ import annotations

import datetime
import shutil
import warnings

import edfio
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_recordings import recording_of

import eegcore as ec
from eegcore.errors import BadArgument, FileRefused
from eegcore.reading.filled import filled_events, filled_values

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=30).map(
    str.strip).filter(bool)
names = st.lists(st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1,
                         max_size=20).map(str.strip).filter(bool), min_size=1, max_size=4, unique=True)


@st.composite
def recordings(draw):
    """Recordings of any shape: amplitudes from nanovolts to volts, gaps, events, wall times."""
    labels = draw(names)
    n_frames = draw(st.integers(1, 700))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    scale = 10.0 ** random.integers(-3, 6, len(labels))
    offset = random.choice([0.0, 0.0, 1.0, -30.0], len(labels)) * scale
    values = (random.normal(0, 1, (n_frames, len(labels))) * scale + offset).astype(np.float32)
    if draw(st.booleans()):
        values[:, 0] = values[0, 0]                    # a flat line
    sps = draw(st.sampled_from([1.0, 100.0, 250.0, 256.0, 511.5, 999.0, 1000.0, 4000.0, 16000.0, 333.25]))
    cuts = draw(st.lists(st.tuples(st.integers(1, max(1, n_frames - 1)), st.integers(1, 900)), max_size=2,
                         unique_by=lambda cut: cut[0]))
    gaps = [(frame, n, False) for frame, n in sorted(cuts) if frame < n_frames]
    events = []
    for frame, text, frames in draw(st.lists(st.tuples(st.integers(0, n_frames - 1), texts, st.integers(0, 99)),
                                             max_size=4)):
        late = sum(n for at, n, _ in gaps if at <= frame)
        events.append(((frame + late) / sps, frames / sps, text, frame))
    start = draw(st.none() | st.integers(5 * 10**8, 3 * 10**9).map(lambda s: s * 10**9 + 123_456_000))
    return recording_of(values, sps, labels=labels, gaps=gaps, events=sorted(events), start_unix_ns=start)


def quietly(write, rec, path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return write(rec, path)


def check_xdf(folder, rec):
    pyxdf = pytest.importorskip("pyxdf")
    path = folder / "a.xdf"
    rec.to_xdf(path)
    streams, _ = pyxdf.load_xdf(str(path), dejitter_timestamps=False)
    ours = next(one for one in streams if one["info"]["type"][0] != "Markers")
    assert ours["time_series"].tobytes() == rec.data.tobytes()
    np.testing.assert_allclose(ours["time_stamps"], rec.device_frames / rec.sps, atol=1e-6)
    assert [channel["label"][0] for channel in ours["info"]["desc"][0]["channels"][0]["channel"]] == list(rec.labels)
    assert int(ours["footer"]["info"]["sample_count"][0]) == rec.n_frames
    marks = [one for one in streams if one["info"]["type"][0] == "Markers"]
    if rec.events:
        assert [row[0] for row in marks[0]["time_series"]] == [event.text for event in rec.events]
        np.testing.assert_allclose(marks[0]["time_stamps"], [event.onset_s for event in rec.events], atol=1e-9)
    back = ec.read(path)
    assert back.data.tobytes() == rec.data.tobytes()
    assert (back.labels, back.units, back.start_unix_ns) == (rec.labels, rec.units, rec.start_unix_ns)
    assert sorted((event.text, event.frame) for event in back.events) == sorted(
        (event.text, event.frame) for event in rec.events)
    np.testing.assert_allclose(sorted(event.duration_s for event in back.events),
                               sorted(event.duration_s for event in rec.events))
    path.unlink()


def check_edf(folder, rec):
    path = folder / "a.edf"
    done = quietly(lambda rec, path: rec.to_edf(path), rec, path)
    values, events = filled_values(rec), filled_events(rec)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        file = edfio.read_edf(path)
    digital = np.stack([signal.data for signal in file.signals], axis=1)
    steps = np.array([done["step"][label] for label in rec.labels])
    assert digital.shape[0] == len(values) + done["padding_frames"]
    assert (np.abs(digital[:len(values)] - values) <= steps * 0.5001 + 1e-6 * np.abs(values)).all()
    assert file.signals[0].sampling_frequency == pytest.approx(rec.sps, rel=1e-6)
    said = [note for note in file.annotations if "padding" not in note.text]
    assert sorted(round(note.onset * rec.sps_nominal) for note in said) == sorted(event.frame for event in events)
    back = ec.read(path)
    np.testing.assert_allclose(back.data, values, atol=float(steps.max()), rtol=1e-6)
    assert back.n_frames == len(values)
    if rec.start_unix_ns is not None:
        assert back.start_unix_ns == pytest.approx(rec.start_unix_ns, abs=2000)
    path.unlink()


def check_csv(folder, rec):
    path = folder / "a.csv"
    rec.to_csv(path)
    back = ec.read(path)
    np.testing.assert_array_equal(back.data, rec.data)
    assert (back.sps, back.gaps, back.start_unix_ns) == (rec.sps, rec.gaps, rec.start_unix_ns)
    assert back.events == [event._replace(text=" ".join(event.text.splitlines())) for event in rec.events] or all(
        len(event.text.splitlines()) == 1 for event in back.events)
    path.unlink()


def check(tmp_path_factory, rec):
    folder = tmp_path_factory.mktemp("export")
    try:
        check_xdf(folder, rec)
        check_edf(folder, rec)
        check_csv(folder, rec)
    finally:
        shutil.rmtree(folder)


@settings(max_examples=40)
@given(recordings())
def test_random_recordings_come_back(tmp_path_factory, rec):
    check(tmp_path_factory, rec)


@pytest.mark.deep
@pytest.mark.timeout(1200)
@settings(max_examples=1000)
@given(recordings())
def test_a_thousand_random_recordings_come_back(tmp_path_factory, rec):
    check(tmp_path_factory, rec)


def test_edf_opens_in_pyedflib_and_mne(tmp_path, make):
    pyedflib = pytest.importorskip("pyedflib")
    values = np.random.default_rng(1).normal(0, 40, (1000, 3)).astype(np.float32)
    rec = make(values, 250.0, events=[(1.0, 0.0, "go", 250), (2.0, 0.5, "Öffnen", 500)],
               start_unix_ns=1_700_000_000_500_000_000)
    with pytest.warns(UserWarning, match="EDF keeps 16 bits: values are rounded to steps of up to"):
        done = rec.to_edf(tmp_path / "a.edf")
    assert done["largest_error"] == max(done["step"].values()) / 2
    with pyedflib.EdfReader(str(tmp_path / "a.edf")) as file:
        for channel in range(3):
            np.testing.assert_allclose(file.readSignal(channel), values[:, channel], atol=max(done["step"].values()))
        onsets, _, said = file.readAnnotations()
        assert list(zip(said, onsets, strict=True)) == [("go", 1.0), ("Öffnen", 2.0)]
    mne = pytest.importorskip("mne")
    raw = mne.io.read_raw_edf(tmp_path / "a.edf", verbose="ERROR")
    assert (raw.info["meas_date"] - EPOCH).total_seconds() == pytest.approx(1_700_000_000.5, abs=1)
    assert [str(text) for text in raw.annotations.description] == ["go", "Öffnen"]


def test_gaps_without_rows_are_filled_and_said_in_mne(make):
    pytest.importorskip("mne")
    rec = make(np.arange(20.0).reshape(10, 2), 10.0, gaps=[(4, 6, False)],
               events=[(0.2, 0.0, "before", 2), (1.2, 0.0, "behind", 6)])
    raw = rec.to_mne()
    assert raw.n_times == 16
    np.testing.assert_allclose(raw.get_data()[0] * 1e6, [0, 2, 4, 6] + [6] * 6 + [8, 10, 12, 14, 16, 18])
    assert [(str(note["description"]), round(float(note["onset"]), 6)) for note in raw.annotations] == [
        ("before", 0.2), ("BAD_ACQ_SKIP gap 6 frames", 0.4), ("behind", 1.2)]
    assert rec.time_s.tolist() == pytest.approx([0, 0.1, 0.2, 0.3, 1.0, 1.1, 1.2, 1.3, 1.4, 1.5])


def test_every_stream_goes_into_an_xdf(tmp_path, shared_data):
    pyxdf = pytest.importorskip("pyxdf")
    rec = ec.read(shared_data / "sleep_psg_300s.edf")
    assert rec.to_xdf(tmp_path / "a.xdf")["streams"] == 3
    streams, _ = pyxdf.load_xdf(str(tmp_path / "a.xdf"))
    assert sorted(float(one["info"]["nominal_srate"][0]) for one in streams) == [1, 1, 100]
    back = ec.read(tmp_path / "a.xdf")
    assert {label: unit for one in back.streams for label, unit in zip(one.labels, one.units, strict=True)} == {
        label: unit for one in rec.streams for label, unit in zip(one.labels, one.units, strict=True)}


def test_nothing_is_overwritten_and_nothing_half_is_left(tmp_path, make):
    rec = make(np.zeros((10, 1)))
    for write in (rec.to_xdf, rec.to_csv, rec.to_edf):
        (tmp_path / "a").write_text("mine")
        with pytest.raises(FileRefused, match="exists already"):
            write(tmp_path / "a")
        assert (tmp_path / "a").read_text() == "mine"
        with pytest.raises(FileRefused, match="cannot be made"):
            write(tmp_path / "no" / "folder")
    bad = make(np.array([[1.0], [np.nan]]))
    with pytest.raises(BadArgument, match="channel 'ch1' has values that are not finite"):
        bad.to_edf(tmp_path / "b")
    with pytest.raises(BadArgument, match="reaches 1e"):
        make(np.array([[1.0], [1e12]])).to_edf(tmp_path / "b")
    with pytest.raises(BadArgument, match="no channel is in uV or counts"):
        make(np.zeros((3, 1)), units=["DegC"]).to_csv(tmp_path / "b")
    assert not (tmp_path / "b").exists()


def test_a_disk_that_fails_leaves_no_file(tmp_path, make, monkeypatch):
    from eegcore.errors import SinkFailed

    def full(fd):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("eegcore.reading.new_file.os.fsync", full)
    with pytest.raises(SinkFailed, match="ENOSPC"):
        make(np.zeros((10, 1))).to_xdf(tmp_path / "a.xdf")
    assert list(tmp_path.iterdir()) == []


def test_a_table_that_begins_later_than_its_run_says_when(tmp_path):
    path = tmp_path / "late.csv"
    path.write_text("# eegcore csv 1\n# start_utc: 2026-11-21T04:12:00.000000007Z\n# sps: 250\n# step: 1\n"
                    "frame_index,time_s,Cz_uV\n500,2.5,1\n501,2.504,2\n")
    assert ec.read(path).start_unix_ns == 1795234322_500000007

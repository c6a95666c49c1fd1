"""Sessions read back: every count at its frame, over gaps and from segment to segment, with and without metadata."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import eegcore as ec
from eegcore.devices.readers_base import RecordingRefused
from eegcore.sinks.base import RecordingTarget, RunInfo
from eegcore.sinks.bdf_sink import BdfWriter
from eegcore.stages.stream import Kind, Stream

START_NS = 1_795_000_000_123_456_000


@dataclass
class Packet:
    frame_index: int
    counts: np.ndarray
    t_ns: int = 0
    flags: int = 0
    saturated: int = 0
    lead_off: int = 0
    config_rev: int = 0


@dataclass
class Note:
    frame_index: int
    text: str
    kind: str = "marker"
    duration_s: float = 0.0


@dataclass
class Made:
    """A session on the disk and what must be read from it."""

    folder: str
    counts: np.ndarray                                 # a row for every frame that has one
    gaps: list = field(default_factory=list)
    device: list = field(default_factory=list)         # device frame of each row


def make_session(folder, packets, *, sps=250.0, n_channels=2, notes=(), segment_s=3600.0, told=True, labels=None,
                 scale=0.0223517417907714, table=(), step=1):
    """Write packets [(frame_index, counts)] with the recorder of the house."""
    labels = tuple(labels or (f"ch{i + 1}" for i in range(n_channels)))
    stream = Stream(kind=Kind.RAW_I32, labels=labels, sps=sps, max_frames=4096, unit="counts",
                    scale_uv=(scale,) * n_channels, step=Fraction(step))
    writer = BdfWriter()
    writer.open(stream, RunInfo("run", start_unix_ns=START_NS, version="1"))
    writer.begin(RecordingTarget(str(folder), segment_s=segment_s, patient_id="P01 X X X"), 0)
    for note in notes:
        writer.note(note)
    for frame_index, counts in packets:
        writer.write([Packet(frame_index, counts, t_ns=round(frame_index / step / sps * 1e9))])
    summary = writer.end()
    writer.close({"frames": 1, "sources": {}, "edges": {}, "sinks": {}})
    if told:
        meta = {"format": "eegcore session 1", "summary": summary, "participant": "P01",
                "sources": {"acquire": {"sps": sps, "sps_true": sps * 1.0001}},
                "stream": {"labels": labels, "scale_uv": stream.scale_uv, "sps": sps, "step": str(step)}}
        (folder / "session_meta.json").write_text(json.dumps(meta))
    if table:
        (folder / "events.tsv").write_text("onset\tduration\tsample\ttrial_type\tvalue\torigin\n" + "".join(
            f"{sample / sps:.9f}\t0\t{sample}\t{text if kind == 'marker' else kind}\t{text}\tapi\n"
            for sample, text, kind in table))
    return summary


def random_packets(random, n_channels, plan):
    """Packets of `plan` [(frames missing before, n_frames)]; and the rows and gaps a reader must find."""
    at, packets, rows, gaps = 40, [], [], []
    for missing, n in plan:
        if missing and rows:
            gaps.append((len(rows), missing))
            rows.extend([rows[-1]] * missing)
            at += missing
        counts = random.integers(-2**23, 2**23, (n, n_channels), dtype=np.int32)
        packets.append((at, counts))
        rows.extend(counts)
        at += n
    return packets, np.array(rows, np.int32), gaps


plans = st.lists(st.tuples(st.sampled_from([0, 0, 0, 1, 7, 130, 400]), st.integers(1, 300)), min_size=1, max_size=8)


formats = st.tuples(plans, st.integers(1, 5), st.sampled_from([250.0, 1000.0, 511.5, 16.0]),
                    st.sampled_from([0.4, 1.0, 3600.0]), st.booleans(), st.integers(0, 2**32 - 1))


@settings(max_examples=12)
@given(formats)
def test_random_sessions_are_read_bit_exact(tmp_path_factory, case):
    check_session(tmp_path_factory, *case)


@pytest.mark.deep
@pytest.mark.timeout(1200)
@settings(max_examples=1000)
@given(formats)
def test_a_thousand_random_sessions_are_read_bit_exact(tmp_path_factory, case):
    check_session(tmp_path_factory, *case)


def check_session(tmp_path_factory, plan, n_channels, sps, segment_s, told, seed):
    folder = tmp_path_factory.mktemp("session")
    try:
        packets, expected, gaps = random_packets(np.random.default_rng(seed), n_channels, plan)
        make_session(folder, packets, sps=sps, n_channels=n_channels, segment_s=segment_s, told=told)
        rec = ec.read(folder)
        np.testing.assert_array_equal(rec.counts, expected)
        assert not any(gap.filled is False for gap in rec.gaps)
        filled = np.zeros(len(expected) + 1, int)
        for gap in rec.gaps:
            filled[gap.frame:gap.frame + gap.n_frames] += 1
        wanted = np.zeros(len(expected) + 1, int)
        for frame, n in gaps:
            wanted[frame:frame + n] += 1
        np.testing.assert_array_equal(filled, wanted)
        values = expected * 0.0223517417907714
        np.testing.assert_array_equal(rec.data, values.astype(np.float32))
        middle = len(expected) // 3
        np.testing.assert_array_equal(rec.frames(middle, len(expected)), rec.data[middle:])
        assert rec.start_unix_ns // 1000 == (START_NS + round(packets[0][0] / sps * 1e9)) // 1000
        assert (rec.sps_nominal, rec.format) == (pytest.approx(sps, rel=1e-6), "session")
        assert rec.sps == pytest.approx(sps * 1.0001 if told else sps, rel=1e-6)
    finally:
        shutil.rmtree(folder)                          # hypothesis makes hundreds


def test_events_of_annotations_and_table_are_joined(tmp_path):
    packets = [(0, np.zeros((500, 2), np.int32))]
    notes = [Note(100, "eyes closed"), Note(200, "notch.hz=50", "config"), Note(300, "x" * 400)]
    make_session(tmp_path, packets, notes=notes, table=[(100, "eyes closed", "marker"), (200, "notch.hz=50", "config"),
                                                        (450, "only here", "marker"), (900, "later", "marker")])
    rec = ec.read(tmp_path)
    assert [(event.frame, event.text, event.kind) for event in rec.events] == [
        (100, "eyes closed", "marker"), (200, "notch.hz=50", "config"), (300, "x" * 400, "annotation"),
        (450, "only here", "marker")]
    assert [event.onset_s for event in rec.events] == [0.4, 0.8, 1.2, 1.8]


def test_metadata_labels_scale_and_ledger(tmp_path):
    labels = ("Fp1 linke Stirn \u00fcber dem Auge", "Cz")
    make_session(tmp_path, [(0, np.full((125, 2), 1000, np.int32))], labels=labels, scale=0.02235174179)
    for path in (tmp_path, tmp_path / "eeg.bdf", tmp_path / "session_meta.json"):
        rec = ec.read(path)
        assert rec.labels == labels
        assert rec.data[0, 0] == np.float32(1000 * 0.02235174179)
        assert rec.ledger["frames"] == 1
        assert (rec.meta["participant"], rec.meta["patient"]) == ("P01", "P01 X X X")
        assert rec.scale_uv == (0.02235174179,) * 2


def test_one_file_of_a_session_can_be_read_alone(tmp_path):
    counts = np.arange(1000, dtype=np.int32).reshape(500, 2)
    make_session(tmp_path, [(0, counts)], segment_s=1.0)
    assert ec.read(tmp_path / "eeg.bdf").n_frames == 500
    first, second = ec.read(tmp_path / "eeg.bdf", format="bdf"), ec.read(tmp_path / "eeg_002.bdf")
    assert (first.format, first.n_frames, second.n_frames) == ("bdf", 250, 250)
    np.testing.assert_array_equal(np.concatenate([first.counts, second.counts]), counts)
    np.testing.assert_array_equal(first.data, ec.read(tmp_path).data[:250])      # the header's LSB is exact


@pytest.mark.parametrize("step", [1, 4])
def test_a_gap_without_rows_between_segments(tmp_path, step):
    """Beyond ten minutes the recorder begins a new segment instead of filling."""
    first, second = np.full((300, 1), 5, np.int32), np.full((100, 1), 7, np.int32)
    missing = 250 * 601
    make_session(tmp_path, [(0, first), ((300 + missing) * step, second)], n_channels=1, step=step)
    rec = ec.read(tmp_path)
    assert rec.counts[:, 0].tolist() == [5] * 300 + [7] * 100
    assert rec.gaps == [ec.reading.Gap(300, missing, False)]
    assert rec.device_frames[300] == 300 + missing
    assert rec.duration_s == pytest.approx((400 + missing) / 250)
    (tmp_path / "session_meta.json").unlink()          # the annotation says it too
    assert ec.read(tmp_path).gaps == rec.gaps


def test_what_a_killed_process_left_is_read(tmp_path):
    make_session(tmp_path, [(0, np.arange(1000, dtype=np.int32).reshape(500, 2))], told=False)
    data = (tmp_path / "eeg.bdf").read_bytes()
    (tmp_path / "eeg.bdf").write_bytes(data[:-100])
    (tmp_path / "session_meta.json").write_text('{"state": "recording", "summary"')
    (tmp_path / "events.tsv").write_text("onset\tduration\tsample\ttrial_type\tvalue\torigin\n0.4\t0\t100\ta\ta")
    (tmp_path / "eeg.bdf.ledger.json").unlink()
    (tmp_path / "eeg_002.bdf").write_bytes(data[:1024])
    rec = ec.read(tmp_path)
    assert rec.counts.ravel().tolist() == list(range(750))
    assert [(event.frame, event.text) for event in rec.events] == [(100, "a")]
    assert rec.ledger is None
    assert any("is no JSON" in text for text in rec.meta["warnings"])
    assert any("eeg_002.bdf: the file has no data record" in text for text in rec.meta["warnings"])


def test_other_channels_in_a_segment_are_refused(tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    make_session(other, [(0, np.zeros((125, 3), np.int32))], n_channels=3)
    make_session(tmp_path, [(0, np.zeros((125, 2), np.int32))])
    shutil.copy(other / "eeg.bdf", tmp_path / "eeg_002.bdf")
    with pytest.raises(RecordingRefused, match=r"eeg_002\.bdf: has other channels or another rate"):
        ec.read(tmp_path)


@pytest.mark.parametrize("meta", [
    "[]", "null", '{"summary": [], "stream": 3, "sources": {"a": null}}', '{"summary": {"segments": {"a": 1}}}',
    '{"stream": {"labels": ["a"], "scale_uv": ["x", null]}, "summary": {"segments": [{"file": "eeg.bdf", '
    '"n_frames": 1e99, "first_frame": "a", "start_unix_ns": -5}, 7]}}',
    '{"stream": {"labels": ["a", "a"], "step": "0/0"}, "ledger": 5, "sources": {"a": {"sps": NaN, "sps_true": 1}}}'])
def test_metadata_that_lies_costs_nothing(tmp_path, meta):
    make_session(tmp_path, [(0, np.arange(250, dtype=np.int32).reshape(125, 2))], told=False)
    (tmp_path / "session_meta.json").write_text(meta)
    rec = ec.read(tmp_path)
    assert rec.counts.ravel().tolist() == list(range(250))
    assert rec.data.shape == (125, 2)
    assert rec.sps == 250


def test_folders_without_a_session(tmp_path):
    with pytest.raises(RecordingRefused, match="is a folder without a recording"):
        ec.read(tmp_path)
    for name in ("a.bdf", "b.edf"):
        (tmp_path / name).write_bytes(b"x")
    with pytest.raises(RecordingRefused, match=r"holds 2 recordings: a\.bdf, b\.edf\. One is read at a time"):
        ec.read(tmp_path)
    (tmp_path / "session_meta.json").write_text("{}")
    with pytest.raises(RecordingRefused, match=r"holds no eeg\.bdf"):
        ec.read(tmp_path)

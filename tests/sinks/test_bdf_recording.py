"""What is in a recording: gaps, flags, events, pre-roll, segments; each at its exact frame."""

from __future__ import annotations

import hashlib
import time
from fractions import Fraction

import numpy as np
import pytest
from bdf_feed import (
    INFO,
    LEDGER,
    Event,
    Feed,
    make_writer,
    names,
    record,
    target,
    with_edfio,
    with_mne,
    with_pyedflib,
)

from eegcore.errors import BadStream
from eegcore.sinks import make_writer as make_any
from eegcore.sinks.bdf_sink import BdfWriter, stream_problem
from eegcore.sinks.bdf_spans import SpanTracker
from eegcore.sinks.bdf_verify import verify
from eegcore.sinks.ledger_file import read_ledger

FEED = Feed(3, 250.0, labels=("Fp1", "Fp2", "Cz"))


def said(path, sps=250.0):
    """Annotations as (frame, frames, text)."""
    return [(round(onset * sps), round(length * sps), str(text))
            for onset, length, text in with_pyedflib(path)["annotations"]]


def test_gaps_are_held_and_annotated_with_their_exact_length(tmp_path):
    packets = FEED.run(500, 130) + FEED.run(631, 69) + FEED.run(1000, 40)
    _, summary, errors = record(tmp_path, FEED, packets)
    assert not errors
    counts = with_edfio(tmp_path / "eeg.bdf")["counts"]
    np.testing.assert_array_equal(counts[:130], FEED.counts(500, 130))
    np.testing.assert_array_equal(counts[130], FEED.counts(629, 1)[0])
    np.testing.assert_array_equal(counts[131:200], FEED.counts(631, 69))
    np.testing.assert_array_equal(counts[200:500], np.repeat(FEED.counts(699, 1), 300, axis=0))
    np.testing.assert_array_equal(counts[500:540], FEED.counts(1000, 40))
    assert said(tmp_path / "eeg.bdf") == [
        (130, 1, "BAD_ACQ_SKIP gap 1 frames"), (200, 300, "BAD_ACQ_SKIP gap 300 frames"),
        (540, 85, "BAD_ACQ_SKIP padding 85 frames")]
    assert (summary["frames"], summary["gap_frames"], summary["first_frame"]) == (540, 301, 500)
    found = verify(str(tmp_path / "eeg.bdf"))
    assert (found.gap_frames, found.padding_frames, found.frames) == (301, 85, 625)


def test_mne_leaves_gaps_out(tmp_path):
    pytest.importorskip("mne")
    record(tmp_path, FEED, FEED.run(0, 500) + FEED.run(600, 500))
    raw = with_mne(tmp_path / "eeg.bdf")
    assert raw.n_times == 1125
    assert raw.get_data(reject_by_annotation="omit", verbose="error").shape == (3, 1000)
    times = [(a["onset"], a["duration"]) for a in raw.annotations if a["description"].startswith("BAD_ACQ_SKIP gap")]
    assert times == [(2.0, 0.4)]


def test_a_gap_that_would_fill_the_disk_ends_the_segment(tmp_path):
    packets = FEED.run(0, 200) + FEED.run(1 << 40, 200)
    _, summary, errors = record(tmp_path, FEED, packets)
    assert not errors
    assert [(entry["first_frame"], entry["n_frames"]) for entry in summary["segments"]] == [(0, 200), (1 << 40, 200)]
    text = said(tmp_path / "eeg.bdf")[0]
    assert text == (199, 0, f"gap {(1 << 40) - 200} frames, the next segment begins behind it")


def test_flags_become_spans_on_change(tmp_path):
    packets = FEED.run(0, 1500, size=10)
    for packet in packets[10:20]:
        packet.flags, packet.saturated = 2, 0b101
    packets[30].flags, packets[30].lead_off = 4, 0b010
    for packet in packets[40:43]:
        packet.flags = 8
    packets[50].flags = 32
    for packet in packets[60:]:
        packet.config_rev = 2
    record(tmp_path, FEED, packets)
    assert said(tmp_path / "eeg.bdf") == [
        (100, 100, "saturated Fp1 Cz"), (300, 10, "lead-off Fp2"), (400, 30, "settling"), (500, 0, "late read"),
        (600, 0, "config_rev 2")]


def test_a_flag_that_stays_is_told_in_time_and_one_that_flickers_does_not_flood(tmp_path):
    tracker = SpanTracker("lead-off", ("a", "b"), Fraction(250))
    found = [annotation for at in range(0, 15_000, 10) for annotation in tracker.look(at, 10, 0b01)]
    assert len(found) == 6
    assert sum(a.frames for a in found) == 15_000
    assert tracker.close() == []
    flicker = SpanTracker("saturated", ("a",), Fraction(250))
    found = [a for at in range(0, 25_000, 2) for a in flicker.look(at, 2, at >> 1 & 1)]
    assert len(found) <= 10
    feed = Feed(64, 250.0)
    packets = feed.run(0, 5000, size=5)
    random = np.random.default_rng(1)
    for packet in packets:
        packet.flags, packet.saturated = 2, int(random.integers(0, 1 << 62)) & int(random.integers(0, 1 << 62))
    _, summary, errors = record(tmp_path, feed, packets)
    assert not errors
    assert summary["segments"][0]["padding_frames"] < 60 * 250               # bounded, whatever happens
    assert verify(str(tmp_path / "eeg.bdf")).problems == []


def test_events_at_their_frame_whenever_they_are_told(tmp_path):
    events = [Event("marker", 0, "first"), Event("config", 333, "notch.hz=50"), Event("recording", 1000, "note"),
              Event("marker", 1249, "last", 0.0), Event("marker", 4000, "in the future")]
    writer = make_writer(FEED)
    writer.begin(target(tmp_path))
    packets = FEED.run(0, 1250)
    writer.note(events[3])
    for packet in packets:
        writer.write([packet])
    for event in events[:3] + events[4:]:
        writer.note(event)
    writer.end()
    # the last ones came when every data record was full: padding carries them
    found = said(tmp_path / "eeg.bdf")
    assert found == [(0, 0, "first"), (333, 0, "config notch.hz=50"), (1000, 0, "recording note"),
                     (1249, 0, "in the future (+11.004 s)"), (1249, 0, "last"),
                     (1250, 125, "BAD_ACQ_SKIP padding 125 frames")]


def test_more_text_than_room_is_never_lost(tmp_path):
    events = [Event("marker", 10, f"{i} " + "word " * 60) for i in range(100)]
    _, summary, _ = record(tmp_path, FEED, FEED.run(0, 300), events)
    found = [text for _, _, text in said(tmp_path / "eeg.bdf") if not text.startswith("BAD")]
    assert [sum(text.endswith(f" [{n}/3]") for text in found) for n in (1, 2, 3)] == [100, 100, 100]
    assert all(sum(text.startswith(f"{i} word") for text in found) == 1 for i in range(100))
    assert summary["annotations"] == 101
    assert summary["segments"][0]["n_frames"] == 300
    assert verify(str(tmp_path / "eeg.bdf")).padding_frames == summary["segments"][0]["padding_frames"]


def test_pre_roll_to_the_exact_frame(tmp_path):
    writer = make_writer(FEED, pre_roll_s=2.0)
    assert writer.write(FEED.run(0, 1000)) == 0
    writer.note(Event("marker", 100, "long ago"))
    writer.note(Event("marker", 800, "in the pre-roll"))
    writer.begin(target(tmp_path, pre_roll_s=1.1), first_rev=7)
    assert writer.status()["state"] == "waiting"
    assert writer.write(FEED.run(1000, 50)) == 0                            # still the old revision
    writer.note(Event("marker", 1030, "while it waits"))
    assert writer.write(FEED.run(1050, 100, config_rev=7)) == 375
    assert writer.status()["state"] == "recording"
    summary = writer.end()
    assert (summary["first_frame"], summary["frames"]) == (775, 375)
    np.testing.assert_array_equal(with_edfio(tmp_path / "eeg.bdf")["counts"], FEED.counts(775, 375))
    assert said(tmp_path / "eeg.bdf") == [(25, 0, "in the pre-roll"), (255, 0, "while it waits"),
                                          (275, 0, "config_rev 7")]
    assert summary["segments"][0]["start_unix_ns"] == INFO.start_unix_ns + 775 * 4_000_000


def test_pre_roll_is_bounded():
    writer = make_writer(FEED, pre_roll_s=1.0)
    for first in range(0, 100_000, 1000):
        writer.write(FEED.run(first, 1000))
    assert sum(len(piece.counts) for piece in writer._held) < 250 + 50
    assert make_writer(FEED).write(FEED.run(0, 100)) == 0
    assert not make_writer(FEED)._held


def test_segments_follow_each_other_to_the_frame(tmp_path):
    events = [Event("marker", at, f"at {at}") for at in (0, 600, 624, 625, 1300)]
    _, summary, errors = record(tmp_path, FEED, FEED.run(0, 1650, size=40), events, batch=1, segment_s=2.6,
                                ledger=LEDGER)
    assert not errors
    assert [(entry["file"], entry["first_frame"], entry["n_frames"]) for entry in summary["segments"]] == [
        ("eeg.bdf", 0, 625), ("eeg_002.bdf", 625, 625), ("eeg_003.bdf", 1250, 400)]
    assert names(tmp_path) == [name for entry in summary["segments"]
                               for name in (entry["file"], entry["file"] + ".ledger.json")]
    for entry in summary["segments"]:
        path = tmp_path / entry["file"]
        counts = with_edfio(path)["counts"][:entry["n_frames"]]
        np.testing.assert_array_equal(counts, FEED.counts(entry["first_frame"], entry["n_frames"]))
        assert read_ledger(path) == LEDGER
        assert verify(str(path)).problems == []
        assert hashlib.sha256(path.read_bytes()[256 * 5:]).hexdigest() == entry["data_sha256"]
        assert path.stat().st_size == entry["bytes"]
        start = with_edfio(path)["file"].starttime
        assert start.microsecond == (250_000 + entry["first_frame"] * 4000) % 1_000_000
    assert (0, 0, "at 625") in said(tmp_path / "eeg_002.bdf")
    late = said(tmp_path / "eeg.bdf") + said(tmp_path / "eeg_002.bdf")
    assert (624, 0, "at 624") in late or (0, 0, "at 624 (-0.004 s)") in late


def test_segments_by_size(tmp_path):
    _, summary, _ = record(tmp_path, FEED, FEED.run(0, 1000), segment_bytes=5000)
    assert [entry["n_frames"] for entry in summary["segments"]] == [250, 250, 250, 250]
    assert all(entry["bytes"] <= 5000 for entry in summary["segments"])


def test_counts_beyond_24_bits_are_cut_and_said(tmp_path):
    packets = FEED.run(0, 250)
    packets[1].counts = packets[1].counts.copy()
    packets[1].counts[3] = (1 << 24, -(1 << 30), 5)
    _, summary, _ = record(tmp_path, FEED, packets)
    counts = with_edfio(tmp_path / "eeg.bdf")["counts"]
    assert counts[53].tolist() == [(1 << 23) - 1, -(1 << 23), 5]
    assert summary["clipped_samples"] == 2
    assert (0, 125, "clipped to 24 bits Fp1 Fp2") in said(tmp_path / "eeg.bdf")
    assert int(packets[1].counts[3, 0]) == 1 << 24                          # the packet is not ours to change


def test_what_cannot_be_recorded_is_said_before_a_file_is_made():
    stream = FEED.stream
    assert stream_problem(stream) is None
    volts = stream.replace(kind=type(stream.kind).VOLTAGE_F32)
    assert stream_problem(volts).startswith("the input carries no counts (VOLTAGE_F32)")
    with pytest.raises(BadStream, match="no counts"):
        BdfWriter().open(volts, INFO)
    made = make_any({"node": "bdf_sink", "pre_roll_s": 1.0, "floor_bytes": 0})
    assert callable(made.begin)


def test_the_header_says_what_the_session_says(tmp_path):
    record(tmp_path, FEED, FEED.run(0, 125), patient_id="S01 F X X", recording_id="PSG-7 TL rig_1",
           basename="sub-1_eeg")
    file = with_edfio(tmp_path / "sub-1_eeg.bdf")["file"]
    assert file.local_patient_identification == "S01 F X X"
    assert file.local_recording_identification == "Startdate 21-NOV-2026 PSG-7 TL rig_1"


def test_status_says_how_long_a_call_takes(tmp_path):
    feed, seen = Feed(1, 250.0), []
    writer = make_writer(feed)
    writer.begin(target(tmp_path))
    file = writer._recording._file
    file.busy_since = time.monotonic() - 2.0
    seen.append(writer.status()["stalled_s"])
    assert seen[0] >= 2.0
    writer.write(feed.run(0, 125))
    status = writer.status()
    assert status["stalled_s"] == 0.0
    assert (status["frames"], status["durable_frames"]) == (125, 125)
    assert status["bytes"] == (tmp_path / "eeg.bdf").stat().st_size
    assert status["path"] == str(tmp_path / "eeg.bdf")
    writer.end()
    assert writer.status()["state"] == "idle"


def test_the_writer_keeps_up_with_room_to_spare(tmp_path):
    """32 channels at 16 kSPS: less than a tenth of the time the signal lasts, on the processor (measured: 1 %)."""
    feed = Feed(32, 16_000.0)
    packets = feed.run(0, 32_000, size=64)
    began = time.process_time()
    record(tmp_path, feed, packets, batch=32)
    assert time.process_time() - began < 0.2

"""BDF+ on paper: fields, labels, calibration, data records; and random formats through two foreign readers."""

from __future__ import annotations

from datetime import UTC, date, datetime
from fractions import Fraction

import numpy as np
import pytest
from bdf_feed import INFO, Event, Feed, record, with_edfio, with_mne, with_pyedflib

from eegcore.sinks import bdf_format
from eegcore.sinks.bdf_annotations import (
    Annotation,
    AnnotationQueue,
    duration_text,
    fill_of,
    pieces,
    read_field,
    seconds_text,
)
from eegcore.sinks.bdf_text import header_labels, patient_id, recording_id, to_ascii

RATES = [250, 500, 1000, 2000, 4000, 8000, 16000, 20000, 256, 512, 1024, 2048, 200, 333, 62.5, 125, 2.5, 1, 1000 / 3,
         31.25, 44100]


@pytest.mark.parametrize("sps", RATES)
def test_a_data_record_has_an_exact_duration(sps):
    layout = bdf_format.make_layout(sps, 8)
    assert layout.residual_ppm == 0
    assert len(layout.duration) <= 8
    assert layout.frames == Fraction(layout.duration) * Fraction(sps).limit_denominator(10**6)
    assert Fraction(layout.duration) <= 1
    if (sps / 2).is_integer():
        assert layout.duration == "0.5"


@pytest.mark.parametrize("sps", [511.5, 499.98, 250.123, 16000.7, np.pi * 100])
def test_a_rate_without_one_stays_below_a_second_and_says_how_far_off_it_is(sps):
    layout = bdf_format.make_layout(sps, 8)
    assert 0 < layout.residual_ppm < 0.01
    assert Fraction(layout.duration) <= 1
    assert float(layout.header_rate) == pytest.approx(sps, rel=1e-8)


def test_layouts_that_cannot_be():
    for sps, n_channels in ((0, 1), (-1, 1), (float("nan"), 1), (float("inf"), 1), (1e-9, 1), (250, 0), (250, 257)):
        with pytest.raises(ValueError, match="bdf: "):
            bdf_format.make_layout(sps, n_channels)


@pytest.mark.parametrize("gain", [1, 2, 4, 6, 8, 12, 24])
def test_calibration_of_the_chip_is_within_one_count(gain):
    lsb = 4.5e6 / gain / 2**23
    found = bdf_format.calibrate(lsb)
    assert found.unit == "uV"
    assert found.minimum == f"{-4_500_000 // gain}"
    assert found.residual_uv <= lsb
    assert float(found.lsb.split()[1]) == lsb                                # the exact one is in the file as well
    assert all(len(text) <= 8 for text in (found.minimum, found.maximum))
    scale = (float(found.maximum) - float(found.minimum)) / (2**24 - 1)
    assert scale == pytest.approx(lsb, rel=1.3e-7)


def test_calibration_of_anything():
    assert bdf_format.calibrate(-0.5).minimum == "4194304"                   # inverted (EDF+ allows it)
    assert bdf_format.calibrate(1000.0).unit == "mV"
    for scale in (None, 0.0, float("nan"), float("inf"), 1e12, 1e-30):
        found = bdf_format.calibrate(scale)
        assert (found.unit, found.minimum, found.maximum) == ("", "-8388608", "8388607")


def test_labels_are_ascii_short_unique_and_never_reserved():
    given = ["Fp1", "Fp1", "", "a very long label of a channel", "a very long label of another one", "Status",
             "BDF Annotations", "Größe µV", "\x00\n", "日本", "Fp1~2"]
    found = header_labels(given)
    assert len(set(found)) == len(given)
    assert all(1 <= len(label) <= 16 and label.isascii() and label.isprintable() for label in found)
    assert found[0] == "Fp1"
    assert found[-1] == "Fp1~2"                                              # a label that fits stays as it is
    assert found[5] == "Status_"
    assert found[7] == "Grosse uV"
    assert header_labels([f"x{i:020d}" for i in range(256)])[255]
    assert len(set(header_labels(["same"] * 256))) == 256


def test_identifications():
    assert patient_id("S 01", "f", date(1990, 2, 3), "José Ñ") == "S_01 F 03-FEB-1990 Jose_N"
    assert patient_id() == "X X X X"
    assert len(patient_id("x" * 200)) == 80
    assert recording_id(date(2026, 11, 21)) == "Startdate 21-NOV-2026 X X eegcore UTC"
    assert recording_id(date(2026, 11, 21), "Startdate 01-JAN-2000 P1 T rig") == "Startdate 21-NOV-2026 P1 T rig"
    assert recording_id(None, "P1") == "Startdate X P1"
    assert to_ascii("5 kΩ – ü\n") == "5 kOhm - u_"


def test_a_start_that_two_digits_cannot_say():
    layout = bdf_format.make_layout(250, 1)
    for second in (0, 4_000_000_000):
        header = bdf_format.make_header(layout, ("a",), (1.0,), second * 10**6).encode(3)
        assert header[168:184] == b"01.01.8500.00.00"
        assert header[88:].startswith(b"Startdate X ")
    header = bdf_format.make_header(layout, ("a",), (1.0,), INFO.start_unix_ns // 1000).encode(3)
    assert header[168:184] == b"21.11.2604.12.00"
    assert header[236:244] == b"3       "
    assert len(header) == layout.header_bytes


def test_packing_is_little_endian_and_channel_after_channel():
    counts = np.array([[-(1 << 23), 1], [(1 << 23) - 1, -1]], np.int32)
    assert bdf_format.pack_counts(counts) == bytes.fromhex("000080ffff7f010000ffffff")


def test_onsets_hit_their_frame():
    for sps in (250, 16000, Fraction(1000, 3), 333):
        for frame in (0, 1, 12_345, 10**9 + 7):
            text = seconds_text(999_999, frame, Fraction(sps))
            assert text.startswith("+")
            assert round((Fraction(text) - Fraction(999_999, 10**6)) * Fraction(sps)) == frame
    assert seconds_text(0, -125, Fraction(250)) == "-0.5"
    assert duration_text(0, Fraction(250)) == ""


def test_annotations_wait_for_room_and_none_is_lost():
    queue = AnnotationQueue(Fraction(250), 240)
    said = [Annotation(i, f"event {i} " + "x" * (i % 150)) for i in range(200)] + [Annotation(7, "é" * 700, 25)]
    for annotation in said:
        queue.add(annotation)
    needed = queue.records_needed(0, 125)
    found, records = [], 0
    while queue:
        field = queue.field(records * 125)
        assert len(field) == 240
        clock, annotations = read_field(field)
        assert clock == records * 0.5
        found += annotations
        records += 1
    assert records == needed
    short = [entry for entry in found if entry[2].startswith("event")]
    assert short == [(a.at / 250, None, a.text.strip()) for a in said[:-1]]
    long = [entry[2] for entry in found if entry[2].startswith("é")]
    assert "".join(text.rpartition(" [")[0] for text in long) == "é" * 700
    assert long[0].endswith(f" [1/{len(long)}]")


def test_texts_that_would_break_a_list():
    assert pieces("a\x14b\x15c\x00d\ne\x7f") == ["a b c d e"]
    assert pieces("") == ["-"]
    assert pieces("\ud800") == ["?"]
    with pytest.raises(ValueError, match="time"):
        read_field(b"+0\x14text\x14\x00")
    assert fill_of("BAD_ACQ_SKIP gap 37 frames") == ("gap", 37)
    assert fill_of("BAD_ACQ_SKIP") is None


def round_trip(folder, random):
    """One random format, recorded and read back by two readers that are not ours, and by MNE."""
    n_channels = int(random.choice([1, 2, 3, 8, 32, 64]))
    sps = float(random.choice([2.5, 62.5, 250, 256, 333, 500, 1000, 2000]))
    letters = list("FpCz1279 µΩé/-'日")
    labels = tuple("".join(random.choice(letters, random.integers(0, 24))) for _ in range(n_channels))
    scale = tuple(float(random.choice([4.5e6 / 24 / 2**23, 4.5e6 / 2**23, 1.0, -0.5, 10 ** random.uniform(-6, 3)]))
                  for _ in range(n_channels))
    n_frames = int(random.integers(1, max(3, min(4 * sps, 200_000 / n_channels))))
    feed = Feed(n_channels, sps, scale, labels)
    counts = random.integers(-(1 << 23), 1 << 23, (n_frames, n_channels), dtype=np.int32)
    first = int(random.integers(0, 1 << 40))
    packets, at, later_ns = [], 0, int(random.integers(0, 10**17))
    while at < n_frames:
        n = min(int(random.integers(1, 300)), n_frames - at)
        packet = feed.packet(first + at, n)
        packet.counts = counts[at:at + n]
        packet.t_ns = later_ns + round(at * 1e9 / sps)
        packets.append(packet)
        at += n
    frames = sorted(int(frame) for frame in random.integers(0, n_frames, random.integers(0, 12)))
    events = [Event("marker", first + frame, f"marker {i} é{'.' * int(random.integers(0, 60))}",
                    float(random.choice([0, 0.2])) if frame < n_frames - sps else 0.0)
              for i, frame in enumerate(frames)]
    _, summary, errors = record(folder, feed, packets, events)
    assert not errors
    path = folder / "eeg.bdf"
    theirs, other = with_pyedflib(path), with_edfio(path)
    for found in (theirs, other):
        assert found["counts"].shape == (n_frames + summary["segments"][0]["padding_frames"], n_channels)
        np.testing.assert_array_equal(found["counts"][:n_frames], counts)
        assert found["labels"] == tuple(summary["labels_in_file"])
        assert found["sps"] == pytest.approx(sps, rel=1e-12)
        markers = [(round(onset * sps), text) for onset, _, text in found["annotations"] if text.startswith("marker")]
        assert sorted(markers) == sorted((event.frame_index - first, event.text) for event in events)
    moment = datetime.fromtimestamp(summary["segments"][0]["start_unix_ns"] // 1000 / 1e6, UTC)
    if 1985 <= moment.year <= 2084:
        assert other["file"].starttime == moment.time()
        assert other["file"].startdate == moment.date()
    physical = np.stack([signal.data for signal in other["file"].signals], axis=1)[:n_frames]
    worst = abs(physical * [bdf_unit(signal) for signal in other["file"].signals] - counts * np.array(scale)).max()
    assert worst <= summary["scale_residual_uv"] * (1 + 1e-6) + 1e-6 * max(abs(s) for s in scale)
    return path, counts


def bdf_unit(signal):
    return {"uV": 1.0, "mV": 1e3, "V": 1e6}[signal.physical_dimension]


def test_random_formats_read_back_bit_exact(tmp_path):
    for seed in range(60):
        folder = tmp_path / str(seed)
        folder.mkdir()
        round_trip(folder, np.random.default_rng(seed))


@pytest.mark.deep
def test_many_random_formats_read_back_bit_exact(tmp_path):
    for seed in range(1000, 2000):
        folder = tmp_path / str(seed)
        folder.mkdir()
        path, _ = round_trip(folder, np.random.default_rng(seed))
        path.unlink()


@pytest.mark.parametrize("sps", [250.0, 333.0])
def test_mne_reads_counts_rate_and_start(tmp_path, sps):
    pytest.importorskip("mne")
    feed = Feed(3, sps, labels=("Fp1", "Status", "Cz"))
    _, summary, _ = record(tmp_path, feed, feed.run(0, 1000), [Event("marker", 77, "go")])
    raw = with_mne(tmp_path / "eeg.bdf")
    assert raw.ch_names == summary["labels_in_file"] == ["Fp1", "Status_", "Cz"]
    assert set(raw.get_channel_types()) == {"eeg"}
    assert raw.info["sfreq"] == pytest.approx(sps)
    scale = 4.5 / 24 / 2**23
    np.testing.assert_allclose(raw.get_data()[:, :1000], feed.counts(0, 1000).T * scale, atol=1.1 * scale)
    found = [(round(float(a["onset"]) * sps), a["description"]) for a in raw.annotations]
    assert (77, "go") in found
    assert raw.info["meas_date"].replace(microsecond=0) == datetime.fromtimestamp(INFO.start_unix_ns // 10**9, UTC)

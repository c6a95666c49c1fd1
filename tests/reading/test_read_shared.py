"""Files of other programs read back to the values their origins document."""

from __future__ import annotations

import datetime
import json
import logging

import numpy as np
import pytest

import eegcore as ec

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
SUBSECOND = [("XLSpike", 1.9511719), ("Clip Note", 3.4921875), ("XLEvent", 290.5019531), ("XLSpike", 583.5722656)]


def test_biosemi_equals_what_eeglab_reads(shared_data):
    scipy_io = pytest.importorskip("scipy.io")
    expected = scipy_io.loadmat(shared_data / "biosemi_72ch_1s_eeglab_values.mat")["data"]
    rec = ec.read(shared_data / "biosemi_72ch_1s.bdf")          # '  1' as the number of data records
    assert (rec.data.shape, rec.sps, rec.sps_nominal, set(rec.units)) == ((2048, 72), 2048, 2048, {"uV"})
    assert np.abs(rec.data.T - expected[:72]).max() <= 0.005
    assert rec.start_unix_ns == 1375363306 * 10**9               # 01.08.13 13.21.46
    status = rec.streams[1]
    assert (status.labels, status.types, status.units) == (("Status",), ("stim",), ("Boolean",))
    assert rec.counts.dtype == np.int32
    np.testing.assert_allclose(rec.counts * np.array(rec.scale_uv) + [rec.meta.get("offset_uv", {}).get(label, 0.0)
                                                                      for label in rec.labels], rec.data, atol=1e-2)


@pytest.mark.parametrize("name", ["sleep_psg_300s.edf", "sleep_psg_300s.bdf"])
def test_sleep_recording_equals_its_header_reference(shared_data, name):
    reference = json.loads((shared_data / "sleep_psg_300s_header_reference.json").read_text())
    rec = ec.read(shared_data / name)
    signals = [(label, stream.sps, unit) for stream in rec.streams
               for label, unit in zip(stream.labels, stream.units, strict=True)]
    order = [label for label, _, _ in signals]
    text = json.dumps(reference)
    assert all(label in text for label in order)
    assert len(signals) == 7
    assert {sps for _, sps, _ in signals} == {100, 1}
    assert all(stream.n_frames == round(300 * stream.sps) for stream in rec.streams)
    assert dict(zip(order, [unit for _, _, unit in signals], strict=True))["Temp rectal"] == "DegC"
    assert rec.types == ("eeg", "eeg", "eog")


@pytest.mark.parametrize("name", ["edfplus_subsecond_annotations.edf", "bdfplus_subsecond_annotations.bdf"])
def test_subsecond_annotations_are_exact(shared_data, name):
    rec = ec.read(shared_data / name)
    assert [(event.text, event.onset_s) for event in rec.events] == SUBSECOND
    assert [event.frame for event in rec.events] == [round(onset * 128) for _, onset in SUBSECOND]
    assert rec.start_unix_ns == 1579838756_394531000             # 24 January 2020 04:05:56 and the first time stamp
    assert rec.n_frames == 698 * 128
    assert rec.scale_uv[0] < 0


def test_mixed_rates_are_streams(shared_data):
    rec = ec.read(shared_data / "bdfplus_generator_mixed_rates.bdf.xz")
    assert [stream.sps for stream in rec.streams] == [1000, 999, 975, 800, 500]
    assert np.sqrt(np.mean(rec.data.astype(float) ** 2)) == pytest.approx(707.107, abs=0.01)
    by_label = {stream.labels[0]: stream for stream in rec.streams}
    assert np.abs(by_label["square 13Hz"].data).max() == pytest.approx(1000, abs=0.01)
    assert np.abs(by_label["ramp 7Hz"].data).max() <= 1000.01
    assert ec.read(shared_data / "bdfplus_generator_mixed_rates.bdf.xz", columns=["ramp 7Hz"]).sps == 500


def test_duplicate_labels_and_status(shared_data):
    assert ec.read(shared_data / "edfplus_duplicate_labels.edf").labels == ("EEG F1-Ref", "EEG F2-Ref", "EEG F1-Ref-1")
    rec = ec.read(shared_data / "bdf_500hz_status_channel.bdf")
    assert (rec.n_channels, rec.sps, rec.n_frames, rec.streams[1].types) == (3, 500, 5000, ("stim",))


def test_frames_of_a_file_are_decoded_alone(shared_data):
    rec = ec.read(shared_data / "biosemi_72ch_1s.bdf")
    part = rec.frames(700, 1300)
    assert "data" not in vars(rec)
    np.testing.assert_array_equal(part, rec.data[700:1300])
    assert sum(len(piece) for piece in rec.pieces(500)) == 2048
    with pytest.raises(ec.EegcoreError, match="frames 5 to 3000 of"):
        rec.frames(5, 3000)


def test_openbci_text_has_its_clock(shared_data):
    rec = ec.read(shared_data / "openbci_gui_v6_blinks_jaw_alpha.txt.xz")
    assert (rec.n_channels, rec.n_frames, rec.sps_nominal) == (8, 22490, 250)
    assert rec.sps == pytest.approx(250.33, abs=0.01)
    assert rec.start_unix_ns // 10**9 == 1557936053


def test_xdf_minimal(shared_data):
    pytest.importorskip("pyxdf")
    rec = ec.read(shared_data / "xdf_minimal.xdf")
    assert rec.data[:3].tolist() == [[192, 255, 238], [12, 22, 32], [13, 23, 33]]
    assert rec.counts.dtype == np.int32
    np.testing.assert_allclose(rec.meta["first_stamp_s"] + rec.stamps_s, np.arange(5.0, 5.85, 0.1), atol=1e-9)
    assert [event.text for event in rec.events[1:3]] == ["Hello", "World"]
    assert [event.frame for event in rec.events[1:3]] == [2, 3]


def test_xdf_empty_streams(shared_data):
    pytest.importorskip("pyxdf")
    rec = ec.read(shared_data / "xdf_empty_streams.xdf")
    assert sorted(stream.n_frames for stream in rec.streams) == [0, 10]
    assert rec.n_frames == 10
    assert rec.streams[1].data.shape == (0, rec.streams[1].n_channels)


def test_xdf_clock_resets(shared_data):
    pytest.importorskip("pyxdf")
    level = logging.getLogger("pyxdf").level
    rec = ec.read(shared_data / "xdf_clock_resets.xdf.xz")
    assert logging.getLogger("pyxdf").level == level
    assert (rec.n_frames, len(rec.events), rec.sps_nominal) == (27815, 175, 100)
    assert (np.diff(rec.stamps_s) > 0).all()
    (gap,) = rec.gaps
    assert not gap.filled
    step = rec.stamps_s[gap.frame] - rec.stamps_s[gap.frame - 1]
    assert step == pytest.approx(273.6, abs=0.5)
    assert gap.n_frames == round(step * rec.sps) - 1


def test_brainvision_equals_the_fif_of_the_same_recording(shared_data):
    mne = pytest.importorskip("mne")
    rec = ec.read(shared_data / "brainvision" / "test.vhdr")
    fif = mne.io.read_raw_fif(shared_data / "brainvision" / "test_bin_raw.fif", verbose="ERROR")
    assert (rec.n_frames, rec.n_channels, rec.sps) == (7900, 32, 1000)
    volts = [i for i, unit in enumerate(rec.units) if unit == "uV"]
    assert len(volts) == 26                                      # the header gives six channels other units
    assert np.abs(rec.data[:, volts].T * 1e-6 - fif.get_data()[volts]).max() < 1e-9
    assert dict(zip(rec.labels, rec.units, strict=True))["CP6"] == "\u00b5S"
    np.testing.assert_allclose(rec.data[:, 27] * 1e-6, fif.get_data()[27], rtol=1e-6)
    assert len(rec.events) == 13


def test_to_mne_has_volts_annotations_types_and_date(shared_data):
    pytest.importorskip("mne")
    rec = ec.read(shared_data / "edfplus_subsecond_annotations.edf")
    raw = rec.to_mne()
    assert [(str(note["description"]), float(note["onset"])) for note in raw.annotations] == [
        (text, pytest.approx(onset_s, abs=1e-6)) for text, onset_s in SUBSECOND]     # MNE keeps microseconds
    assert (raw.info["meas_date"] - EPOCH).total_seconds() == pytest.approx(rec.start_unix_ns / 1e9, abs=1e-6)
    np.testing.assert_allclose(raw.get_data().T, rec.data * 1e-6, rtol=1e-6)
    sleep = ec.read(shared_data / "sleep_psg_300s.edf")
    assert sleep.to_mne().get_channel_types() == ["eeg", "eeg", "eog"]
    warm = sleep.streams[2]
    assert warm.to_mne().get_channel_types() == ["resp", "temperature", "misc"]
    np.testing.assert_allclose(warm.to_mne().get_data().T, warm.data, rtol=1e-6)

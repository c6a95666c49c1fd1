"""As in a notebook: record, read, look, process, hand over to MNE, export."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest

import eegcore as ec
from eegcore.cli import main
from eegcore.errors import BadArgument

PIPELINE = """
stages:
  - acquire: {board: emulator, sps: 250, channels: 4, labels: [Fp1, Fp2, C3, C4], seed: 3,
              faults: [{kind: drop_edge, at: 400, n: 9}]}
  - null_sink: {}
"""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """The folder of recordings, with one session of eight seconds and its copy in a BIDS dataset."""
    folder = tmp_path_factory.mktemp("study")
    (folder / "p.yaml").write_text(PIPELINE)
    assert main(["record", str(folder / "p.yaml"), "--out", str(folder / "out"), "--participant", "P01", "--notes",
                 "eyes closed", "--seconds", "8", "--virtual", "--csv", "--bids"]) == 0
    return folder / "out"


@pytest.fixture(scope="module")
def session(recorded):
    return next(path for path in recorded.iterdir() if (path / "eeg.bdf").exists())


def test_a_session_is_read_as_it_was_recorded(session):
    rec = ec.read(session)
    assert (rec.labels, rec.sps_nominal, rec.format) == (("Fp1", "Fp2", "C3", "C4"), 250, "session")
    assert rec.meta["participant"] == "P01"
    assert rec.meta["notes"] == "eyes closed"
    assert rec.ledger == json.loads((session / "session_meta.json").read_text())["ledger"]
    np.testing.assert_array_equal(rec.data, (rec.counts * np.array(rec.scale_uv)).astype(np.float32))
    table = ec.read(session / "eeg.csv", raw=True)
    rows = np.flatnonzero(np.isin(np.arange(rec.n_frames), table.device_frames))
    np.testing.assert_array_equal(rec.counts[rows], table.data)
    (gap,) = rec.gaps
    assert gap.filled
    assert (gap.frame, gap.n_frames) == (table.gaps[0].frame, table.gaps[0].n_frames)
    (skip,) = [event for event in rec.events if event.text.startswith("BAD_ACQ_SKIP gap")]
    assert skip.frame == gap.frame


def test_the_bids_copy_is_the_same_recording(recorded, session):
    rec, copy = ec.read(session), ec.read(recorded / "bids")
    np.testing.assert_array_equal(copy.data, rec.data)
    assert copy.gaps == rec.gaps
    assert copy.labels == rec.labels


def test_reading_and_processing_go_together(session):
    rec = ec.read(session)
    stages = [{"bandpass": {"low_hz": 1, "high_hz": 40}}]
    y = ec.process(rec, stages=stages)
    np.testing.assert_array_equal(y, ec.process(session, stages=stages))
    np.testing.assert_array_equal(y, ec.process(rec.data, sps=250, stages=stages))
    np.testing.assert_array_equal(ec.process(session, raw=True, stages=[{"to_voltage": {}}]), rec.data)
    with pytest.raises(BadArgument, match="sps is given beside a recording"):
        ec.process(rec, sps=250, stages=stages)


def test_a_recording_goes_to_mne_and_is_filtered_there(session):
    pytest.importorskip("mne")
    rec = ec.read(session)
    raw = rec.to_mne()
    assert raw.ch_names == ["Fp1", "Fp2", "C3", "C4"]
    np.testing.assert_allclose(raw.get_data().T, rec.data * 1e-6, rtol=1e-6)
    assert any("BAD_ACQ_SKIP" in text for text in raw.annotations.description)
    raw.filter(1.0, 40.0, verbose="ERROR")


def test_a_session_is_exported(session, tmp_path):
    pytest.importorskip("pyxdf")
    rec = ec.read(session)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rec.to_edf(tmp_path / "a.edf")
    rec.to_xdf(tmp_path / "a.xdf")
    assert ec.read(tmp_path / "a.xdf").data.tobytes() == rec.data.tobytes()
    edf = ec.read(tmp_path / "a.edf")
    assert np.abs(edf.data - rec.data).max() < np.ptp(rec.data) / 65535
    assert [(gap.frame, gap.n_frames) for gap in edf.gaps] == [(gap.frame, gap.n_frames) for gap in rec.gaps]

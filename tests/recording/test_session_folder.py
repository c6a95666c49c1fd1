"""A session folder holds everything: counts, events, metadata, the configuration, and their hashes."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import edfio
import pytest
import yaml
from session_folder import SPS, read_json

from eegcore.control.preparing import prepare
from eegcore.errors import NotFound, SinkFailed
from eegcore.graph.journal import JournalEvent
from eegcore.recording import list_sessions, open_file, session_entry
from eegcore.recording.info import SessionInfo
from eegcore.recording.session import Session, new_folder
from eegcore.sinks.ledger_file import check_ledger, read_ledger

EVENTS = [JournalEvent("marker", 500, 0, "stim\tB", 0.5, "api"), JournalEvent("marker", 250, 0, "stim A", 0, "udp"),
          JournalEvent("config", 300, 0, "notch.hz=50", 0, "page"), JournalEvent("marker", 5000, 0, "too late")]


@pytest.mark.parametrize("extra", [{}, {"csv": True, "segment_s": 2.0}])
def test_a_folder_holds_everything_and_the_metadata_says_what(record, extra):
    notes = "Fenster zu\n\u8133\u6ce2 \U0001f9e0"
    meta = record(events=EVENTS, participant="P 01/../x", notes=notes, task="rest", **extra)
    folder = Path(meta["folder"])
    assert folder.name.endswith("Z_P-01-x")
    said = read_json(folder / "session_meta.json")
    assert said["state"] == "finished"
    assert said["notes"] == notes
    assert said["participant"] == "P 01/../x"
    assert said["frames"] == 4 * SPS
    assert said["stream"]["scale_uv"] == [4.5 / 24 / 2**23 * 1e6] * 4
    assert [float.fromhex(text) for text in said["stream"]["scale_uv_hex"]] == said["stream"]["scale_uv"]
    assert said["sources"]["acquire"]["registers"][0]["CONFIG1"] == "0xD6"
    assert said["sources"]["acquire"]["sps_true"] == pytest.approx(SPS, rel=1e-4)
    assert said["utc"]["anchor"]["unix_ns"] > 1_600_000_000 * 10**9
    assert check_ledger(said["ledger"]) == []
    assert set(said["files"]) == {path.name for path in folder.iterdir()} - {"session_meta.json"}
    for name, entry in said["files"].items():
        data = (folder / name).read_bytes()
        assert entry == {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    segments = [entry["file"] for entry in said["summary"]["segments"]]
    assert segments == (["eeg.bdf", "eeg_002.bdf"] if extra else ["eeg.bdf"])
    assert all(check_ledger(read_ledger(folder / name)) == [] for name in segments)
    assert (folder / "eeg.csv").exists() is bool(extra)


def test_events_are_sorted_at_their_samples_and_the_same_as_in_the_bdf(record):
    meta = record(events=EVENTS)
    lines = [line.split("\t") for line in Path(meta["folder"], "events.tsv").read_text().splitlines()]
    assert lines == [["onset", "duration", "sample", "trial_type", "value", "origin"],
                     ["1", "0", "250", "stim A", "stim A", "udp"],
                     ["1.2", "0", "300", "config", "notch.hz=50", "page"],
                     ["2", "0.5", "500", "stim B", "stim B", "api"]]
    found = [(round(note.onset * SPS), note.text)
             for note in edfio.read_bdf(Path(meta["folder"], "eeg.bdf")).annotations]
    assert found[:2] == [(250, "stim A"), (300, "config notch.hz=50")]


def test_the_configuration_of_a_session_runs_again_to_the_same_counts(record, tmp_path):
    first = record(notes="on: 1e3 'no' \u00b5 \"~\"", participant="0o7")
    text = Path(first["folder"], "pipeline.yaml").read_text()
    config, _ = prepare(text)
    again, _ = prepare(yaml.safe_load(text))
    assert config.merged() == again.merged()
    assert config.stage("bdf_sink").settings.notes == "on: 1e3 'no' \u00b5 \"~\""
    assert config.stage("bdf_sink").settings.participant == "0o7"


def test_two_virtual_recordings_differ_in_names_and_times_only(record, tmp_path):
    metas = [record(events=EVENTS, participant="P01", csv=True, root=tmp_path / name) for name in ("a", "b")]
    tables = [Path(meta["folder"], "events.tsv").read_bytes() for meta in metas]
    assert tables[0] == tables[1]
    bdf = [Path(meta["folder"], "eeg.bdf").read_bytes() for meta in metas]
    header = 256 * 6
    segment = metas[0]["summary"]["segments"][0]
    n, size = segment["record_frames"] * 4 * 3, (len(bdf[0]) - header) // segment["records"]
    records = [[data[at:at + n] for at in range(header, len(data), size)] for data in bdf]
    assert records[0] == records[1]                    # the samples; annotations carry the fraction of a second
    assert len(bdf[0]) == len(bdf[1])
    rows = [[line for line in Path(meta["folder"], "eeg.csv").read_text().splitlines() if line[0] != "#"]
            for meta in metas]
    assert rows[0] == rows[1]


@pytest.mark.parametrize("n", [200, pytest.param(10_000, marks=pytest.mark.deep)])
def test_sessions_of_one_second_never_collide(tmp_path, n):
    made = [new_folder(str(tmp_path), "P01", 1_700_000_000 * 10**9) for _ in range(n)]
    assert len(set(made)) == n == len(os.listdir(tmp_path))
    assert os.path.basename(made[0]) == "2023-11-14T22-13-20Z_P01"


def test_a_folder_that_cannot_be_made_leaves_nothing_and_says_why(tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(SinkFailed, match="making the folder of the session"):
        new_folder(str(tmp_path / "file"), "", 0)


def test_a_session_that_died_is_broken_and_one_that_goes_on_is_not(tmp_path):
    facts = {"stream": {"sps": 250.0, "labels": ["A"], "scale_uv": [1.0]}, "run_id": "r", "sink": "s"}
    session = Session.create(str(tmp_path), SessionInfo(participant="x"), facts, {"version": 1}, 1)
    assert [entry["state"] for entry in list_sessions(str(tmp_path))] == ["recording"]
    session.release()
    entry = session_entry(str(tmp_path), session.id)
    assert (entry["state"], entry["participant"]) == ("broken", "x")
    session.discard()
    assert list_sessions(str(tmp_path)) == []


def test_events_of_a_session_are_on_the_disk_before_it_ends(tmp_path):
    facts = {"stream": {"sps": 250.0, "labels": ["A"], "scale_uv": [1.0]}, "run_id": "r", "sink": "s"}
    session = Session.create(str(tmp_path), SessionInfo(), facts, {"version": 1}, 1)
    session.note(JournalEvent("marker", 110, 0, "early"))
    assert len(Path(session.path("events.tsv")).read_text().splitlines()) == 1      # no first frame: no sample yet
    session.begin_at(100, 250.0)
    session.note(JournalEvent("marker", 350, 0, "late"))
    session.note(JournalEvent("marker", 50, 0, "before the recording"))
    rows = [line.split("\t")[2:4] for line in Path(session.path("events.tsv")).read_text().splitlines()[1:]]
    assert rows == [["10", "early"], ["250", "late"]]
    session.release()


@pytest.mark.parametrize("session_id", ["..", ".", "", "a/b", "../x", "/etc", "x\0", "-x", "x" * 200, "\u00e9", "link"])
def test_only_sessions_can_be_reached(tmp_path, session_id):
    root = tmp_path / "recordings"
    root.mkdir()
    secret = tmp_path / "x"
    secret.mkdir()
    (secret / "session_meta.json").write_text("{}")
    (root / "link").symlink_to(secret)
    with pytest.raises(NotFound):
        session_entry(str(root), session_id)
    with pytest.raises(NotFound):
        open_file(str(root), session_id, "session_meta.json")


@pytest.mark.parametrize("name", ["../x", "eeg.bdf\0", "other.txt", "", "session_meta.json/", "events.tsv", "eeg.csv"])
def test_only_regular_files_of_a_session_are_opened(tmp_path, name):
    folder = tmp_path / "s1"
    folder.mkdir()
    (tmp_path / "secret").write_text("secret")
    (folder / "other.txt").write_text("not ours")
    (folder / "events.tsv").symlink_to(tmp_path / "secret")
    os.mkfifo(folder / "eeg.csv")
    (folder / "session_meta.json").write_text("{}")
    with pytest.raises(NotFound):
        open_file(str(tmp_path), "s1", name)
    with open_file(str(tmp_path), "s1", "session_meta.json") as file:
        assert file.read() == b"{}"

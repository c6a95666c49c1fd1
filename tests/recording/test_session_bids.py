"""Recordings as runs of a BIDS dataset: names, sidecars and tables as the specification requires them."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import edfio
import pytest
from session_folder import SPS, read_json

from eegcore.errors import SystemFailed
from eegcore.graph.journal import JournalEvent
from eegcore.recording.removing import remove_session

EVENTS = [JournalEvent("marker", 800, 0, "late", 0.5, "api"), JournalEvent("marker", 250, 0, "early", 0, "udp")]
# BIDS 1.10: entities in their order, then suffix and extension
NAME = re.compile(r"sub-[0-9A-Za-z]+_ses-[0-9A-Za-z]+_task-[0-9A-Za-z]+_run-[0-9]+_"
                  r"(eeg\.(bdf|json)|channels\.tsv|events\.(tsv|json))")
TOP = {"dataset_description.json", "README", "CHANGES", "participants.tsv", "participants.json"}
REQUIRED = {"TaskName": str, "EEGReference": str, "SamplingFrequency": (int, float),
            "PowerLineFrequency": (int, float, str), "SoftwareFilters": (dict, str)}
RECOMMENDED = {"RecordingDuration": (int, float), "RecordingType": str, "EEGChannelCount": int,
               "SoftwareVersions": str, "ManufacturersModelName": str, "EEGGround": str, "HardwareFilters": (dict, str)}
CHANNEL_TYPES = {"EEG", "EOG", "HEOG", "VEOG", "ECG", "EMG", "MISC", "TRIG", "REF"}


def table(path: Path) -> list[dict[str, str]]:
    text = path.read_text(encoding="utf-8")
    assert text.endswith("\n")
    assert "\r" not in text
    lines = [line.split("\t") for line in text.splitlines()]
    assert {len(line) for line in lines} == {len(lines[0])}, path
    assert all(cell != "" for line in lines for cell in line), path
    return [dict(zip(lines[0], line, strict=True)) for line in lines[1:]]


def check_dataset(root: Path) -> list[Path]:
    """Check what BIDS 1.10 requires of names, sidecars and tables; return the files of samples."""
    assert {path.name for path in root.iterdir() if path.is_file()} == TOP
    described = read_json(root / "dataset_description.json")
    assert isinstance(described["Name"], str)
    assert re.fullmatch(r"1\.\d+\.\d+", described["BIDSVersion"])
    assert described["DatasetType"] == "raw"
    subjects = sorted(path.name for path in root.iterdir() if path.is_dir())
    assert sorted(row["participant_id"] for row in table(root / "participants.tsv")) == subjects
    samples = sorted(root.glob("sub-*/ses-*/eeg/*.bdf"))
    for path in root.glob("sub-*/**/*"):
        if path.is_file():
            assert NAME.fullmatch(path.name) or path.name.endswith("_scans.tsv"), path
            subject, session = path.relative_to(root).parts[:2]
            assert path.name.startswith(f"{subject}_{session}_")
    for path in samples:
        stem = str(path).removesuffix("_eeg.bdf")
        sidecar = read_json(Path(f"{stem}_eeg.json"))
        for name, kind in (REQUIRED | RECOMMENDED).items():
            assert isinstance(sidecar[name], kind), name
        recorded = edfio.read_bdf(path)
        channels = table(Path(f"{stem}_channels.tsv"))
        assert list(channels[0])[:3] == ["name", "type", "units"]
        assert [row["name"] for row in channels] == [signal.label for signal in recorded.signals]
        assert {row["type"] for row in channels} <= CHANNEL_TYPES
        assert {row["units"] for row in channels} == {"uV"}
        assert sidecar["EEGChannelCount"] == sum(row["type"] == "EEG" for row in channels)
        assert sidecar["SamplingFrequency"] == recorded.signals[0].sampling_frequency
        assert sidecar["RecordingDuration"] == pytest.approx(recorded.duration, abs=0.51)
        events = table(Path(f"{stem}_events.tsv"))
        onsets = [float(row["onset"]) for row in events]
        assert onsets == sorted(onsets)
        assert all(0 <= onset < sidecar["RecordingDuration"] and float(row["duration"]) >= 0
                   and float(row["onset"]) == pytest.approx(int(row["sample"]) / sidecar["SamplingFrequency"])
                   for onset, row in zip(onsets, events, strict=True))
        assert set(events[0] if events else []) <= set(read_json(Path(f"{stem}_events.json")))
    listed = [scans.parent / row["filename"] for scans in root.glob("sub-*/ses-*/*_scans.tsv") for row in table(scans)]
    assert sorted(listed) == samples
    return samples


def make_dataset(record, root: Path) -> Path:
    """Three recordings of two participants: further runs, a second visit, three segments."""
    record(events=EVENTS, root=root, participant="P01", task="rest, eyes open", bids=True)
    record(events=EVENTS, root=root, participant="P01", task="rest, eyes open", bids=True, segment_s=1.5)
    record(root=root, participant="P02", session="2", bids=True, notes="nothing said about the task")
    return root / "bids"


def test_a_dataset_is_as_the_specification_requires(record, tmp_path):
    root = make_dataset(record, tmp_path)
    names = [path.name for path in check_dataset(root)]
    assert names == [f"sub-P01_ses-01_task-resteyesopen_run-{run:02d}_eeg.bdf" for run in (1, 2, 3, 4)] + [
        "sub-P02_ses-2_task-unnamed_run-01_eeg.bdf"]
    assert {"TaskName": "rest, eyes open"}.items() <= read_json(
        root / "sub-P01" / "ses-01" / "eeg" / names[0].replace(".bdf", ".json")).items()


def test_events_of_a_later_file_count_from_its_own_first_sample(record, tmp_path):
    root = make_dataset(record, tmp_path)
    folder = root / "sub-P01" / "ses-01" / "eeg"
    stem = "sub-P01_ses-01_task-resteyesopen_run-0"
    parts = [[(row["sample"], row["trial_type"]) for row in table(folder / f"{stem}{run}_events.tsv")]
             for run in (1, 2, 3, 4)]
    assert parts == [[("250", "early"), ("800", "late")], [("250", "early")], [], [("50", "late")]]
    notes = edfio.read_bdf(folder / f"{stem}4_eeg.bdf").annotations
    assert [(round(note.onset * SPS), note.text) for note in notes if note.text == "late"] == [(50, "late")]


def test_samples_are_the_same_file_as_in_the_session(record, tmp_path):
    meta = record(root=tmp_path, participant="P01", bids=True)
    (name,) = meta["bids"]["files"]
    assert os.path.samefile(tmp_path / "bids" / name, Path(meta["folder"], "eeg.bdf"))


def test_what_people_have_written_into_a_dataset_stays(record, tmp_path):
    record(root=tmp_path, participant="P01", bids=True)
    root = tmp_path / "bids"
    (root / "README").write_text("Our study.\n")
    (root / "participants.tsv").write_text("participant_id\tage\nsub-P01\t34\n")
    record(root=tmp_path, participant="P02", bids=True)
    assert (root / "README").read_text() == "Our study.\n"
    assert (root / "participants.tsv").read_text() == "participant_id\tage\nsub-P01\t34\nsub-P02\tn/a\n"
    check_dataset(root)


def test_a_session_that_is_deleted_leaves_no_copy_in_the_dataset(record, tmp_path):
    ids = [Path(record(root=tmp_path, participant=participant, bids=True, **more)["folder"]).name
           for participant, more in [("P01", {}), ("P01", {"segment_s": 1.5}), ("P02", {})]]
    root, outside = tmp_path / "bids", tmp_path / "outside"
    (root / "participants.tsv").write_text("participant_id\tage\nsub-P01\t34\nsub-P02\t51\n")
    shutil.copytree(root / "sub-P02", outside)
    answer = remove_session(str(tmp_path), ids[1])
    assert answer["bids_files"] == [f"sub-P01/ses-01/eeg/sub-P01_ses-01_task-unnamed_run-{run:02d}_eeg.bdf"
                                    for run in (2, 3, 4)]
    assert [path.name for path in check_dataset(root)] == ["sub-P01_ses-01_task-unnamed_run-01_eeg.bdf",
                                                           "sub-P02_ses-01_task-unnamed_run-01_eeg.bdf"]
    copied = root / "sub-P02" / "ses-01" / "eeg" / "sub-P02_ses-01_task-unnamed_run-01_eeg.bdf"
    copied.write_bytes(copied.read_bytes())              # a file system without links: the sidecar says whose it is
    copied.with_name("sub-P02_ses-01_task-unnamed_run-01_electrodes.tsv").write_text("a\tb\n")
    (root / "sub-P01" / "ses-01" / "eeg" / "sub-P01_ses-01_task-unnamed_run-01_eeg.json").unlink()  # the inode says it
    (root / "sub-P03").symlink_to(outside)
    for session_id in ids[::2]:
        assert len(remove_session(str(tmp_path), session_id)["bids_files"]) == 1
    assert {path.name for path in root.iterdir()} == {*TOP, "sub-P03"}
    assert (root / "participants.tsv").read_text() == "participant_id\tage\n"
    assert len(list(outside.rglob("*.bdf"))) == 1, "links are not followed"


def test_a_session_whose_copy_cannot_be_deleted_stays_and_can_be_deleted_again(record, tmp_path, monkeypatch):
    session_id = Path(record(root=tmp_path, participant="P01", bids=True)["folder"]).name
    unlink = os.unlink

    def refused(name, **places):
        if str(name).endswith("_eeg.json"):
            raise PermissionError(errno.EPERM, "Operation not permitted")
        unlink(name, **places)

    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", refused)
        with pytest.raises(SystemFailed, match="cannot be deleted"):
            remove_session(str(tmp_path), session_id)
    assert (tmp_path / session_id / "eeg.bdf").exists()
    assert len(remove_session(str(tmp_path), session_id)["bids_files"]) == 1
    assert {path.name for path in (tmp_path / "bids").iterdir()} == TOP


@pytest.mark.deep
def test_the_official_validator_finds_no_error(record, tmp_path):
    pytest.importorskip("bids_validator_deno", reason="bids-validator-deno is not installed")
    root = make_dataset(record, tmp_path)
    command = [sys.executable, "-c", "from bids_validator_deno import cli; cli()", str(root), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200,
                          env={**os.environ, "DENO_DIR": str(tmp_path / "deno")})
    found = json.loads(done.stdout)["issues"]["issues"]
    assert [issue for issue in found if issue["severity"] == "error"] == []
    assert done.returncode == 0
    (root / "sub-P01" / "ses-01" / "eeg" / "sub-P01_ses-01_task-resteyesopen_run-01_eeg.json").unlink()
    done = subprocess.run(command, capture_output=True, text=True, timeout=200,
                          env={**os.environ, "DENO_DIR": str(tmp_path / "deno")})
    assert any(issue["severity"] == "error" for issue in json.loads(done.stdout)["issues"]["issues"])

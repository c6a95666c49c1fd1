"""``record``: a folder, a ledger, and mistakes told as such."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from session_folder import read_json

from eegcore.cli import main

PIPELINE = "- acquire: {board: emulator, sps: 250, channels: 4}\n- to_voltage: {}\n- null_sink: {}\n"


@pytest.fixture
def pipeline(tmp_path):
    (tmp_path / "p.yaml").write_text(PIPELINE)
    return str(tmp_path / "p.yaml")


def test_a_pipeline_without_a_recorder_gets_one_at_the_first_counts(pipeline, tmp_path, capsys):
    root = tmp_path / "out" / "deep"
    assert main(["record", pipeline, "--out", str(root), "--seconds", "2", "--virtual", "--participant", "P01",
                 "--task", "rest", "--notes", "two\nlines", "--csv", "--bids", "--set", "acquire.seed=3"]) == 0
    said = capsys.readouterr().out
    (folder,) = [path for path in root.iterdir() if path.name != "bids"]
    assert f"recorded: {folder}" in said
    assert "sink   bdf_sink" in said
    meta = read_json(folder / "session_meta.json")
    assert (meta["frames"], meta["participant"], meta["task"], meta["notes"]) == (500, "P01", "rest", "two\nlines")
    assert meta["sink"] == "bdf_sink"
    assert "seed: 3" in (folder / "pipeline.yaml").read_text()
    assert (folder / "eeg.csv").exists()
    assert (root / "bids" / "sub-P01" / "ses-01" / "eeg" / "sub-P01_ses-01_task-rest_run-01_eeg.bdf").exists()
    assert main(["ledger", str(folder / "eeg.bdf")]) == 0
    assert main(["verify", str(folder)]) == 0


def test_an_armed_recorder_records_at_once_when_told_to_by_this_command(tmp_path, capsys):
    (tmp_path / "p.yaml").write_text("- acquire: {board: emulator, sps: 250, channels: 4}\n- bdf_sink: {id: rec, "
                                     "armed: true, participant: A, task: rest}\n")
    assert main(["record", str(tmp_path / "p.yaml"), "--out", str(tmp_path / "out"), "--seconds", "1", "--virtual",
                 "--participant", "B", "--json"]) == 0
    (folder,) = json.loads(capsys.readouterr().out)["folders"]
    meta = read_json(Path(folder, "session_meta.json"))
    assert (meta["participant"], meta["task"], meta["sink"], meta["frames"]) == ("B", "rest", "rec", 250)


@pytest.mark.parametrize(("arguments", "message"), [
    (["--participant", "a\nb"], "participant: holds the character"),
    (["--bids", "--participant", "P-1"], "cannot be a label of BIDS"),
    (["--seconds", "0"], "--seconds: 0 is no duration"),
    (["--set", "acquire.spss=3"], "spss")])
def test_mistakes_are_told_and_nothing_is_made(pipeline, tmp_path, capsys, arguments, message):
    assert main(["record", pipeline, "--out", str(tmp_path / "out"), *arguments]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_folder_of_recordings_that_is_a_file_is_called_one(pipeline, tmp_path, capsys):
    (tmp_path / "out").write_text("")
    assert main(["record", pipeline, "--out", str(tmp_path / "out"), "--seconds", "1", "--virtual"]) != 0
    assert f"{tmp_path / 'out'}: is a file, not a folder, while making" in capsys.readouterr().err


def test_a_session_that_nobody_ended_is_said_to_be_one(record, tmp_path, capsys):
    folder = Path(record(root=tmp_path)["folder"])
    assert main(["verify", str(folder)]) == 0
    assert "never ended" not in capsys.readouterr().out
    (folder / "eeg.bdf.ledger.json").unlink()
    meta = read_json(folder / "session_meta.json")
    (folder / "session_meta.json").write_text(json.dumps({**meta, "state": "recording"}))
    assert main(["verify", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert f"{folder}: never ended. 'python -m eegcore recover' on this folder finishes it.\n" in said
    assert main(["ledger", str(folder)]) == 2
    assert f"never ended in order, so it has no ledger. If it is not being recorded now: python -m eegcore recover " \
           f"{folder}." in capsys.readouterr().err
    assert main(["recover", str(folder)]) == 0
    for path in (folder, folder / "eeg.bdf"):
        assert main(["ledger", str(path)]) == 2
        assert f"{path}: this recording was never ended in order, so it has no ledger. 'recover' has finished it" in (
            capsys.readouterr().err)
    assert main(["verify", str(folder)]) == 0
    assert "never ended" not in capsys.readouterr().out


def test_a_pipeline_without_counts_cannot_be_recorded(tmp_path, capsys):
    (tmp_path / "eeg.csv").write_text("A,B\n" + "1.5,2.5\n" * 500)
    (tmp_path / "p.yaml").write_text(f"- playback: {{path: {tmp_path / 'eeg.csv'}, sps: 100}}\n- null_sink: {{}}\n")
    assert main(["record", str(tmp_path / "p.yaml"), "--out", str(tmp_path / "out")]) == 2
    assert "nothing in this pipeline carries counts" in capsys.readouterr().err

"""A recording whose process is killed: the list says so, the file opens, `recover` mends the folder, all of it once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import edfio
import pytest
from session_folder import read_json

from eegcore.cli import main
from eegcore.recording import list_sessions
from eegcore.recording.events_file import HEADER

PIPELINE = """
- acquire: {board: emulator, sps: 250, channels: 4}
- bdf_sink: {keep_free_bytes: 0, keep_free_s: 0}
"""


@pytest.fixture
def killed(tmp_path):
    """A root with one session whose process was killed after a second of data."""
    (tmp_path / "p.yaml").write_text(PIPELINE)
    root = tmp_path / "recordings"
    command = [sys.executable, "-m", "eegcore", "record", str(tmp_path / "p.yaml"), "--out", str(root),
               "--participant", "P07", "--notes", "knock on wood", "--bids"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        end = time.monotonic() + 30
        while not [path for path in root.glob("*/eeg.bdf") if path.stat().st_size > 6000]:
            assert process.poll() is None, process.stderr.read().decode()
            assert time.monotonic() < end
            time.sleep(0.05)
        assert [entry["state"] for entry in list_sessions(str(root))] == ["recording"]
        assert main(["recover", str(root)]) == 1       # it is being recorded
        process.send_signal(signal.SIGKILL)
    finally:
        process.kill()
        process.communicate()
    return root


def test_a_killed_session_is_broken_until_it_is_mended(killed, capsys):
    (entry,) = list_sessions(str(killed))
    assert (entry["state"], entry["participant"], entry["notes"]) == ("broken", "P07", "knock on wood")
    folder = killed / entry["id"]
    with open(folder / "events.tsv", "ab") as file:
        file.write(b"1\t0\t250\tlate\tlate\tapi\n0.4\t0\t100\tearly\tearly\tapi\n900\t0\t225000\tnever\tnever\tapi\n0.5\t0\t")
    before = edfio.read_bdf(folder / "eeg.bdf").signals[0].digital.copy()
    capsys.readouterr()
    assert main(["recover", str(killed)]) == 0
    said = capsys.readouterr().out
    assert "the session was never ended and is finished now" in said
    assert "an unfinished line of events.tsv was cut off" in said
    (entry,) = list_sessions(str(killed))
    assert entry["state"] == "finished"
    meta = read_json(folder / "session_meta.json")
    assert meta["recovered"]["state_before"] == "recording"
    assert [os.path.samefile(killed / "bids" / name, folder / "eeg.bdf") for name in meta["bids"]["files"]] == [True]
    after = edfio.read_bdf(folder / "eeg.bdf").signals[0].digital
    assert meta["frames"] == entry["frames"] == len(after) >= len(before) >= 250
    assert (after[:len(before)] == before).all()
    assert (folder / "events.tsv").read_bytes() == (
        HEADER + b"0.4\t0\t100\tearly\tearly\tapi\n" + b"1\t0\t250\tlate\tlate\tapi\n")
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert main(["recover", str(killed)]) == 0
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == files


def test_a_signal_ends_a_recording_in_order(tmp_path):
    (tmp_path / "p.yaml").write_text(PIPELINE)
    root = tmp_path / "recordings"
    process = subprocess.Popen(
        [sys.executable, "-m", "eegcore", "record", str(tmp_path / "p.yaml"), "--out", str(root), "--json", "--csv"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "PYTHONUNBUFFERED": "1"})
    end = time.monotonic() + 30
    while not list(root.glob("*/eeg.bdf")) and time.monotonic() < end:
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err.decode()
    ledger = json.loads(out)
    (folder,) = ledger["folders"]
    meta = read_json(Path(folder, "session_meta.json"))
    assert meta["state"] == "finished"
    assert ledger["sinks"]["bdf_sink"]["written"] == meta["frames"] > 0
    assert Path(folder, "eeg.csv").exists()

"""``eegcore batch``: the same results however many work on them, and whatever happens to those who do."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from twenty import SECONDS, SPS, N, check_results, children, command, finished, run, write_edf

import eegcore as ec

NAMES = [f"r{n:02d}" for n in range(N)]


def wait_for(condition, timeout_s=60.0):
    deadline = time.monotonic() + timeout_s
    while not (found := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.002)
    return found


def half_written(out: Path) -> list[Path]:
    """Outputs of attempts that go on."""
    return [path for path in out.glob(".eegcore-*/*.[0-9]*/*.csv") if path.stat().st_size > 2000]


def test_results_do_not_depend_on_the_number_of_processes(recordings, pipelines):
    found = {}
    for jobs in (1, 2):
        out = pipelines / f"out{jobs}"
        status, said, err = run(pipelines / "fast.yaml", recordings, "--out", out, "--jobs", jobs)
        assert status == 0, err
        assert err.count("x real time)") == N                    # a line for each, as this is no terminal
        found[jobs] = check_results(out, NAMES), [one["digest"] for one in said["outcomes"]]
        assert [Path(one["input"]).stem for one in said["outcomes"]] == NAMES
        assert {(one["frames"], one["lost"], one["attempts"]) for one in said["outcomes"]} == {(SPS * SECONDS, 0, 1)}
    assert found[1] == found[2]
    # and are those of `process`
    y = ec.process(recordings / "r07.edf", stages=[{"notch": {"hz": 50}}, {"bandpass": {"low_hz": 1, "high_hz": 40}}])
    from eegcore.devices.recording_files import read_recording

    assert abs(read_recording(pipelines / "out2/r07_filtered.csv").values - y).max() < 1e-3


def test_a_killed_worker_costs_a_retry_and_no_result(recordings, pipelines):
    out = pipelines / "out"
    process = command(pipelines / "slow.yaml", recordings, "--out", out, "--jobs", 2, "--json")
    wait_for(lambda: half_written(out) and list(out.glob("*.csv")))
    os.kill(wait_for(lambda: children(process.pid))[0], signal.SIGKILL)
    status, text, err = finished(process)
    assert status == 0, err
    check_results(out, NAMES)
    attempts = [int(n) for n in re.findall(r'"attempts": (\d+)', text)]
    assert len(attempts) == N
    assert max(attempts) <= 2                                    # 1 if it was killed between two recordings


def test_ctrl_c_finishes_what_was_begun_and_keeps_what_is_finished(recordings, pipelines):
    out = pipelines / "out"
    process = command(pipelines / "slow.yaml", recordings, "--out", out, "--jobs", 2)
    wait_for(lambda: len(list(out.glob("*.csv"))) >= 3)
    os.killpg(process.pid, signal.SIGINT)                        # everybody in the terminal gets it
    status, text, err = finished(process)
    assert status == 130
    assert "Traceback" not in err
    assert "Stopping: what was begun is finished" in err
    done = sorted(path.name.removesuffix("_filtered.csv") for path in out.glob("*.csv"))
    assert 3 <= len(done) < N
    check_results(out, done)
    assert f"{len(done)} of {N} recordings" in text
    assert f"{NAMES[-1]}: stopped: stopped before it was begun." in err


def test_a_second_ctrl_c_gives_up_what_was_begun(recordings, pipelines):
    out = pipelines / "out"
    (pipelines / "long.yaml").write_text((pipelines / "slow.yaml").read_text().replace("stall_ms: 8", "stall_ms: 2000"))
    process = command(pipelines / "long.yaml", recordings, "--out", out, "--jobs", 2)
    wait_for(lambda: half_written(out))
    for n in range(2):
        os.killpg(process.pid, signal.SIGINT)
        wait_for(lambda n=n: process.stderr.readline() == (
            "Stopping at once.\n" if n else "Stopping: what was begun is finished; Ctrl-C again gives it up.\n"))
    began = time.monotonic()
    status, text, err = finished(process)
    assert status == 130
    assert time.monotonic() - began < 20                         # a recording would have taken 40 s
    assert "Traceback" not in err
    assert os.listdir(out) == []
    assert f"0 of {N} recordings" in text


def test_workers_leave_with_a_killed_parent(recordings, pipelines):
    process = command(pipelines / "slow.yaml", recordings, "--out", pipelines / "out", "--jobs", 2)
    workers = wait_for(lambda: len(found := children(process.pid)) == 2 and found)
    wait_for(lambda: half_written(pipelines / "out"))
    process.kill()
    finished(process)
    wait_for(lambda: not any(Path(f"/proc/{worker}").exists() for worker in workers), 20)


def test_what_cannot_be_read_costs_only_itself(recordings, pipelines):
    folder = pipelines / "mixed"
    folder.mkdir()
    (folder / "a_broken.edf").write_bytes((recordings / "r00.edf").read_bytes()[:300])
    write_edf(folder / "b_slow.edf", 1)
    (folder / "c_words.csv").write_text("these,are\nno,numbers\n")
    write_edf(folder / "d.edf", 2)
    status, said, err = run(pipelines / "fast.yaml", folder, "--out", pipelines / "out", "--jobs", 1)
    assert status == 1
    assert [one["ok"] for one in said["outcomes"]] == [False, True, False, True]
    assert (said["failed"], said["stopped"]) == (2, 0)
    check_results(pipelines / "out", ["b_slow", "d"])
    assert "a_broken.edf: the file has 300 bytes, the header alone has 1280" in said["outcomes"][0]["error"]
    assert "c_words.csv" in said["outcomes"][2]["error"]
    assert err.count("FAILED") == 2
    assert "Traceback" not in err


def test_files_that_are_there_are_kept(recordings, pipelines):
    out = pipelines / "out"
    out.mkdir()
    (out / "r01_filtered.csv").write_text("mine")
    status, said, _ = run(pipelines / "fast.yaml", recordings / "r00.edf", recordings / "r01.edf", "--out", out,
                          "--jobs", 1)
    assert status == 1
    assert (out / "r01_filtered.csv").read_text() == "mine"
    assert "r01_filtered.csv: exists already [EEXIST 17]. Files are never overwritten." in said["outcomes"][1]["error"]
    assert sorted(os.listdir(out)) == ["r00_filtered.csv", "r00_filtered.csv.ledger.json", "r01_filtered.csv"]


def test_the_table_for_people(recordings, pipelines):
    status, text, _ = finished(command("fast.yaml", recordings / "r0[0-3].edf", "--out", "out", "--jobs", 1,
                                       cwd=pipelines))
    assert status == 0
    for name in NAMES[:4]:
        assert re.search(rf"{name} +│ +5000 │ +0 │ +[\d.]+ │ +\d+ │ out/{name}_filtered.csv", text)
    assert re.search(r"^4 of 4 recordings, 80.0 s of signal in [\d.]+ s: \d+ x real time$", text, re.MULTILINE)


def test_a_terminal_has_a_bar_and_no_lines(recordings, pipelines):
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "eegcore", "batch", "slow.yaml", str(recordings / "r0[0-3].edf"), "--out", "out",
         "--jobs", "1"],
        cwd=pipelines, stdout=subprocess.DEVNULL, stderr=follower, start_new_session=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path[1:]), "TERM": "xterm", "COLUMNS": "100"})
    os.close(follower)
    seen = b""
    while select.select([leader], [], [], 60)[0]:
        try:
            seen += os.read(leader, 4096)
        except OSError:                                          # closed: the command has ended
            break
    os.close(leader)
    assert process.wait(60) == 0
    assert b"4/4" in seen
    assert b"frames, lost" not in seen


@pytest.mark.parametrize(("arguments", "said"), [
    (["nowhere.yaml", "r.edf"], "nowhere.yaml: the file cannot be read"),
    (["fast.yaml", "nowhere.edf", "no*.bdf"], "nowhere.edf: there is no such file"),
    (["fast.yaml", "nowhere.edf", "no*.bdf"], "no*.bdf: no file fits this pattern"),
    (["fast.yaml", "empty"], "empty: no recording is in this folder"),
    (["fast.yaml", "r.edf", "--jobs", "0"], "max_concurrent is 0. 1 to 256"),
    (["fast.yaml", "r.edf", "--retries", "-1"], "retries is -1"),
    (["fast.yaml", "r.edf", "--set", "notch.hz=200"], "200 Hz is above half the data rate"),
    (["fast.yaml", "r.edf", "--set", "notch.hertz=50"], "unknown key 'hertz'"),
    (["fast.yaml", "r.edf", "--set", "playback.loop=true"], "playback.loop is true, so it never ends"),
    (["fast.yaml", "r.edf", "--out", "fast.yaml"], "fast.yaml: no folder for outputs"),
    (["fast.yaml", "r.edf", "--out", "{x}"], "braces in a folder of outputs"),
    (["fast.yaml", "r.edf", "--jobs", "2", "--scheduler", "tcp://127.0.0.1:1"], "--jobs: it goes with this machine"),
    (["emulated.yaml", "r.edf"], "its sources are: acquire (acquire). A pipeline for many recordings has one source"),
    (["fast.yaml", "empty.edf"], "empty.edf"),
    (["r.edf", "r.edf"], "this is a recording, not a pipeline"),
])
def test_bad_input_is_found_before_anything_begins(pipelines, capsys, monkeypatch, arguments, said):
    from eegcore.cli import main

    monkeypatch.chdir(pipelines)
    write_edf(pipelines / "r.edf", 1)
    (pipelines / "empty").mkdir()
    (pipelines / "empty.edf").touch()
    (pipelines / "emulated.yaml").write_text("- acquire: {board: emulator}\n- null_sink: {}\n")
    before = sorted(os.listdir(pipelines))
    assert main(["batch", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert sorted(os.listdir(pipelines)) == before

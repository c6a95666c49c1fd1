"""The README is executed: its commands run, its snippets work, its places exist.

The install lines are run by `.ci/run`, which takes them from the README.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from source import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
SESSION = "recordings/SESSION"                         # what the reader puts the name of a session folder for
PYTHON = [text for language, text in BLOCKS if language == "python"]
COMMANDS = [line for language, text in BLOCKS if language in ("bash", "sh") for line in text.splitlines()]


def command(beginning: str) -> list[str]:
    """Return the one command of the README that begins so, to be run with this Python."""
    line, = [line for line in COMMANDS if line.startswith(beginning)]
    words = shlex.split(line)
    assert words[0] == "python"
    return [sys.executable, *words[1:]]


@contextmanager
def served(words: list[str]) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    process = subprocess.Popen([*words, "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               cwd=ROOT)
    try:
        assert process.stdout is not None
        found = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
        assert found, process.communicate(timeout=20)
        yield found[0], process
    finally:
        process.kill()
        process.communicate()


def get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=20) as answer:
        return bytes(answer.read())


def wait_for_frames(url: str, frames: int) -> None:
    while json.loads(get(f"{url}/api/ledger"))["frames"] < frames:
        pass


def test_every_command_is_known_to_this_test():
    known = (r"python3 -m venv \.venv && \. \.venv/bin/activate", r"pip install -e '\.\[test\]'", "pytest",
             r"python -m eegcore serve pipelines/default\.yaml",
             r"python -m eegcore serve pipelines/replay\.yaml --set playback\.path=FILE",
             r"python -m eegcore run pipelines/eeg32_4k\.yaml --virtual --seconds 600",
             r"python -m eegcore record pipelines/default\.yaml --out recordings --participant P01 --seconds 600",
             rf"python -m eegcore verify {SESSION}",
             r"python -m eegcore batch pipelines/offline\.yaml RECORDINGS\.\.\. --out filtered")
    assert [line for line in COMMANDS if not any(re.fullmatch(pattern, line) for pattern in known)] == []
    assert len(COMMANDS) == len(set(COMMANDS)) == len(known)


def test_ci_runs_the_install_lines_and_the_test_command_of_the_readme():
    script = (ROOT / ".ci/run").read_text()
    shell = [text for language, text in BLOCKS if language == "bash"]
    assert "pip install" in shell[0]
    assert shell[2] == "pytest\n"
    assert "readme_block 1" in script
    assert "readme_block 3" in script


def test_the_run_command_serves_the_page_and_ctrl_c_prints_a_balanced_ledger():
    with served(command("python -m eegcore serve pipelines/default.yaml")) as (url, process):
        assert b"<title>" in get(url)
        wait_for_frames(url, 2000)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert re.search(r"lost 0 of [\d ]+ frames, balanced", out)


def test_the_replay_command_replays(tmp_path):
    recording = tmp_path / "recording.csv"
    recording.write_text("Fp1,Fp2\n" + "".join(f"{i % 50},{i % 31}\n" for i in range(20_000)))
    words = [word.replace("FILE", str(recording)) for word in command("python -m eegcore serve pipelines/replay.yaml")]
    with served([*words, "--set", "playback.sps=250", "--set", "playback.speed=100"]) as (url, process):
        wait_for_frames(url, 5000)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert process.returncode == 0


def test_the_batch_command_filters_every_recording(tmp_path):
    recordings = [tmp_path / f"{name}.csv" for name in ("first", "second")]
    for recording in recordings:
        recording.write_text("Fp1,Fp2\n" + "".join(f"{i % 50},{i % 31}\n" for i in range(1000)))
    words = command("python -m eegcore batch")
    at = words.index("RECORDINGS...")
    words[at:at + 1] = map(str, recordings)
    words[words.index("filtered")] = str(tmp_path / "filtered")
    subprocess.run([*words, "--set", "playback.sps=250"], cwd=ROOT, capture_output=True, check=True, timeout=120)
    written = sorted(path.name for path in (tmp_path / "filtered").glob("*.csv"))
    assert written == ["first_filtered.csv", "second_filtered.csv"]


def test_the_virtual_run_is_the_same_again():
    words = [word if word != "600" else "5" for word in command("python -m eegcore run")]
    digests = [json.loads(subprocess.run([*words, "--json"], cwd=ROOT, capture_output=True, check=True,
                                         timeout=60).stdout)["digest"] for _ in range(2)]
    assert digests[0] == digests[1] != {}


def snippet_runs(text: str) -> None:
    done = subprocess.run([sys.executable, "-W", "error", "-c", text], cwd=ROOT, capture_output=True, text=True,
                          timeout=120, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("text", [text for text in PYTHON if SESSION not in text],
                         ids=lambda text: text.splitlines()[0][:30])
def test_a_snippet_runs(text):
    snippet_runs(text)


def test_a_session_is_recorded_verified_and_read(tmp_path):
    words = ["3" if word == "600" else str(tmp_path) if word == "recordings" else word
             for word in command("python -m eegcore record")]
    subprocess.run([*words, "--virtual"], cwd=ROOT, capture_output=True, check=True, timeout=60)
    session, = tmp_path.iterdir()
    words = [str(session) if word == SESSION else word for word in command("python -m eegcore verify")]
    assert "GOOD" in subprocess.run(words, capture_output=True, text=True, check=True, timeout=60).stdout
    text, = (text for text in PYTHON if SESSION in text)
    snippet_runs(text.replace(SESSION, str(session)) + "assert recording.data.shape == (12000, 8)\n")


def test_the_decoder_decodes_what_the_core_encodes():
    from eegcore.pipeline import Pipeline

    scope: dict = {}
    text, = (text for text in PYTHON if "def decode" in text)
    exec(text, scope)
    stages = [{"acquire": {"board": "emulator", "sps": 1000, "channels": 8}}, {"to_voltage": {"keep_raw": True}},
              {"fft": {"window_s": 0.5}}, {"null_sink": {}}]
    for stage, at in (("acquire", "counts"), ("to_voltage", "data"), ("fft", "data")):
        run = Pipeline(stages, clock="virtual").run(seconds=2)
        heard = run.tap(stage, timeout_s=30)
        with run:
            packet = next(heard)
            message = scope["decode"](packet.encode(7))
            heard.close()
        assert message["topic_id"] == 7
        assert (message["kind"], message["frame_index"]) == (packet.kind, packet.frame_index)
        assert np.array_equal(message[at], getattr(packet, at))
        assert (message["counts"] is None) == (packet.counts is None)


def test_commands_named_in_the_text_exist():
    from eegcore.cli.parser import make_parser

    known = next(action.choices for action in make_parser()._actions if action.choices)
    named = set(re.findall(r"python -m eegcore (\w+)", README))
    assert named <= set(known)
    assert {"serve", "run", "validate", "stages", "ledger", "bench"} <= named


def test_places_named_in_the_text_exist():
    table = README[README.index("## Where do I go"):README.index("## What is promised")]
    missing, folder = [], Path()
    for place in re.findall(r"`([\w./*-]+/[\w./*-]*|[\w*]+\.(?:py|pxi|h|c))`|\]\(([\w./-]+)\)", table):
        path = Path(place[0] or place[1])
        if len(path.parts) > 1 or place[0].endswith("/"):
            folder = path if place[0].endswith("/") else path.parent
        else:
            path = folder / path                        # "`a/b.py`, `c.py`": in the same room
        if not list(ROOT.glob(str(path).rstrip("/"))):
            missing.append(str(path))
    assert missing == []

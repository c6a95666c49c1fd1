"""Every command from outside: what it prints, where, and with which exit status."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from eegcore.cli import main
from eegcore.config.model import COMMON_KEYS
from eegcore.sinks.ledger_file import check_ledger

TEN_MISTAKES = """\
version: 1
name: ten
runtime:
  clock: reel
stages:
  - acquire: {board: emulator, spss: 4000, gain: 24.9}
  - to_voltage: {}
  - ntoch: {hz: 60}
  - notch: {hz: 9000}
  - bandpass: {low_hz: 45, high_hz: 0.5, inputs: ntch}
  - bandpass: {low_hz: 1, high_hz: 40, inputs: notch}
  - fft: {window_s: -2, inputs: to_voltage}
  - csv_sink: {path: "a.csv", inputs: acquire, columns: uv}
  - null_sink: {queue: 0, inputs: to_voltage}
"""


def run(*arguments, **options):
    return subprocess.run([sys.executable, "-m", "eegcore", *arguments], capture_output=True, text=True, check=False,
                          cwd=Path(__file__).resolve().parents[2], timeout=120, **options)


def test_ten_different_mistakes_come_out_together_with_line_column_and_hint(tmp_path):
    path = tmp_path / "ten.yaml"
    path.write_text(TEN_MISTAKES)
    done = run("run", str(path))
    lines = done.stderr.strip().splitlines()
    assert done.returncode == 2
    assert lines[-1] == "10 problems. Nothing was started."
    assert done.stdout == ""
    for line in lines[:-1]:
        place, row, column, rest = line.split(":", 3)
        assert place == str(path)
        assert int(row) >= 4
        assert int(column) >= 3
        sentences = rest.split(". ")
        assert len(sentences) >= 2, line                # what is wrong, and what would be right
    for told in ("'reel' is not allowed", "unknown key 'spss'", "24.9 is not allowed",
                 "no stage type is called 'ntoch'", "45 Hz is not below high_hz",
                 "no stage is called 'ntch'", "the id 'bandpass' is taken",
                 "-2 is not above 0", "carries counts only", "0 is below 1"):
        assert told in done.stderr


def test_run_as_json_is_a_ledger_that_checks(capsys):
    assert main(["run", "pipelines/eeg32_4k.yaml", "--virtual", "--seconds", "2", "--json"]) == 0
    ledger = json.loads(capsys.readouterr().out)
    assert check_ledger(ledger) == []
    assert ledger["frames"] == 8000
    assert ledger["truth"]["acquire"]["clean"] == 8000
    assert set(ledger["digest"]) == {"null_sink", "websocket_sink"}


def test_a_saved_plan_runs_with_the_same_bits(capsys, tmp_path):
    def digest(*arguments):
        assert main(["run", *arguments, "--seconds", "2", "--json"]) == 0
        return json.loads(capsys.readouterr().out)["digest"]

    assert main(["validate", "pipelines/eeg32_4k.yaml", "--virtual", "--json"]) == 0
    plan = tmp_path / "plan.json"
    plan.write_text(capsys.readouterr().out)
    assert digest("--plan", str(plan)) == digest("pipelines/eeg32_4k.yaml", "--virtual")


@pytest.mark.parametrize(("arguments", "said"), [
    (["run"], "give either a pipeline FILE or --plan"),
    (["run", "nowhere.yaml"], "nowhere.yaml: the file cannot be read"),
    (["run", "--plan", "nowhere.json"], "nowhere.json: cannot be read"),
    (["run", "pipelines/default.yaml", "--seconds", "0"], "--seconds: 0 is no duration"),
    (["run", "pipelines/default.yaml", "--set", "acquire.spss=1"], "unknown key 'spss'"),
    (["run", "pipelines/replay.yaml"], "no recording is given. Add --set playback.path=FILE"),
    (["stages", "ntoch"], "no stage type is called 'ntoch'"),
    (["ledger", "nowhere.csv"], "nowhere.csv"),
    (["export", "any.bdf", "--format", "csv", "--out", "-"], "--out: - is no file."),
    (["validate", "pipelines"], "pipelines: this is a folder [EISDIR 21], and a pipeline is a file. Pipelines in it: "),
    (["serve", "tests"], "tests: this is a folder [EISDIR 21], and a pipeline is a file. Give the path of a file."),
    (["serve", "pipelines/default.yaml", "--port", "80000"], "--port: 80000 is no port. Allowed: 0 to 65535"),
    (["serve", "pipelines/default.yaml", "--port", "-1"], "--port: -1 is no port"),
    (["doctor", "--port", "65536"], "--port: 65536 is no port"),
])
def test_bad_input_is_status_2_and_one_readable_block(capsys, arguments, said):
    assert main(arguments) == 2
    err = capsys.readouterr().err
    assert said in err
    assert "Traceback" not in err


def test_a_stage_is_described_with_the_keys_every_stage_has(capsys):
    assert main(["stages", "notch"]) == 0
    said = capsys.readouterr().out
    assert "  hz: " in said
    assert "  on_error: what happens when the stage fails: fatal, drain_then_stop, skip_packet, use_default\n" in said
    assert re.findall(r"^  (\w+):", said, re.MULTILINE)[-len(COMMON_KEYS):] == list(COMMON_KEYS)
    assert main(["stages", "acquire"]) == 0
    said = capsys.readouterr().out
    assert "  group: " in said
    assert "  inputs: " not in said


@pytest.mark.parametrize(("name", "data"), [
    ("a.csv", b"1,2\n"), ("a.csv.xz", b"\xfd7zXZ\x00"), ("b", b"\xffBIOSEMI"), ("c.txt", b"%OpenBCI Raw EEG Data\n"),
    ("d.EDF", b"0       ")])
@pytest.mark.parametrize("command", ["validate", "serve", "run"])
def test_a_recording_in_place_of_a_pipeline_leads_to_replay(capsys, tmp_path, command, name, data):
    path = tmp_path / name
    path.write_bytes(data)
    assert main([command, str(path)]) == 2
    assert capsys.readouterr().err == (
        f"{path}: this is a recording, not a pipeline. To play it: python -m eegcore serve pipelines/replay.yaml "
        f"--set playback.path={path}.\n")


def test_a_pipeline_with_a_yaml_directive_is_no_recording(capsys, tmp_path):
    path = tmp_path / "p.yaml"
    path.write_text("%YAML 1.2\n---\nstages:\n  - acquire: {}\n  - null_sink: {}\n")
    assert main(["validate", str(path)]) == 0, capsys.readouterr().err


def test_a_tilde_is_the_home_folder_on_the_command_line_and_in_settings(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "table.csv").write_text("a,b\n" + "1,2\n" * 500)
    (tmp_path / "p.yaml").write_text("stages:\n  - playback: {path: ~/table.csv, sps: 250}\n"
                                     "  - csv_sink: {path: ~/out.csv}\n")
    assert main(["run", "~/p.yaml", "--virtual"]) == 0
    assert (tmp_path / "out.csv").is_file()
    assert main(["ledger", "~/out.csv"]) == 0
    assert main(["run", "~/p.yaml", "--virtual", "--set", "csv_sink.path=~/second.csv"]) == 0
    assert (tmp_path / "second.csv").is_file()
    capsys.readouterr()
    assert main(["doctor", "--pipeline", "~/p.yaml", "--port", "0"]) == 0


def test_a_file_without_a_ledger_says_what_was_looked_for(capsys, tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("1,2\n")
    assert main(["ledger", str(path)]) == 2
    assert f"{path}: has no ledger: there is no file {path}.ledger.json." in capsys.readouterr().err
    assert main(["ledger", str(tmp_path)]) == 2
    assert "is a folder. No *.ledger.json is in it." in capsys.readouterr().err
    (tmp_path / "x.csv.ledger.json").write_text("{}")
    (tmp_path / "y.csv.ledger.json").write_text("[]")
    assert main(["ledger", str(tmp_path)]) == 2
    assert "is a folder. Give one of its ledgers: x.csv.ledger.json, y.csv.ledger.json." in capsys.readouterr().err


def test_commands_that_look_need_no_compiled_module():
    code = ("import sys; sys.modules['eegcore._rt'] = None\n"
            "from eegcore.cli import main\n"
            "for words in (['validate', 'pipelines/default.yaml'], ['stages'], ['stages', 'notch'], ['schema'],"
            " ['boards']):\n    assert main(words) == 0, words\n")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False,
                          cwd=Path(__file__).resolve().parents[2])
    assert done.returncode == 0, done.stderr
    for told in ("Stages", "bandpass", "band-stop" if "band-stop" in done.stdout else "notch", "emulator", "$schema"):
        assert told in done.stdout


def test_a_finished_file_tells_its_ledger_again(capsys, tmp_path):
    path = tmp_path / "out.csv"
    pipeline = tmp_path / "p.yaml"
    pipeline.write_text("stages:\n  - acquire: {board: emulator, sps: 1000}\n  - to_voltage: {}\n"
                        f"  - csv_sink: {{path: '{path}'}}\n")
    assert main(["run", str(pipeline), "--virtual", "--seconds", "2"]) == 0
    capsys.readouterr()
    assert main(["ledger", str(path)]) == 0
    assert "lost 0 of 2 000 frames, balanced" in capsys.readouterr().out
    assert main(["run", str(pipeline), "--virtual", "--seconds", "2"]) == 2     # never overwritten
    assert "out.csv" in capsys.readouterr().err


@pytest.fixture
def start_run(tmp_path):
    """Start ``run`` in a process of its own; it is under way when the call returns."""
    started = []

    def start(text):
        pipeline, log = tmp_path / "p.yaml", tmp_path / "log"
        pipeline.write_text(text)
        with log.open("w") as stderr:
            started.append(subprocess.Popen([sys.executable, "-m", "eegcore", "run", str(pipeline), "--json"],
                                            stdout=subprocess.PIPE, stderr=stderr, text=True,
                                            cwd=Path(__file__).resolve().parents[2]))
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and "pool" not in log.read_text():
            time.sleep(0.02)
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_ctrl_c_drains_and_exits_0(start_run):
    process = start_run("stages:\n  - acquire: {board: emulator}\n  - to_voltage: {}\n  - null_sink: {}\n")
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=20)
    ledger = json.loads(out)
    assert process.returncode == 0
    assert check_ledger(ledger) == []
    assert ledger["signals"] == 1
    assert ledger["sources"]["acquire"]["edges"] == ledger["truth"]["acquire"]["conversions"]


def test_a_second_ctrl_c_stops_at_once_and_counts_what_it_cut_off(start_run):
    process = start_run("stages:\n  - acquire: {board: emulator}\n  - to_voltage: {}\n"
                        "  - null_sink: {stall_ms: 300, queue: 64}\n")
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=20)
    ledger = json.loads(out)
    assert check_ledger(ledger) == []
    assert ledger["edges"]["to_voltage->null_sink"]["dropped"]["stopped"] > 0


def test_a_critical_overflow_is_status_1_and_names_stage_edge_and_frame(tmp_path):
    pipeline = tmp_path / "p.yaml"
    pipeline.write_text("stages:\n  - acquire: {board: emulator}\n  - to_voltage: {}\n"
                        "  - null_sink: {stall_ms: 100, queue: 8, critical: true}\n")
    done = run("run", str(pipeline), "--seconds", "20")
    assert done.returncode == 1
    assert "edge to_voltage -> null_sink: full at frame" in done.stderr
    assert "balanced" in done.stdout
    assert "Traceback" not in done.stderr

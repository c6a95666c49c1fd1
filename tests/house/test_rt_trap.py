"""The real-time path allocates nothing, locks nothing, prints nothing, faults no page and never holds the GIL."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from source import ROOT

HERE = Path(__file__).parent
RULES = ("malloc", "calloc", "realloc", "free", "aligned_alloc", "pthread_mutex_lock", "pthread_rwlock",
         "pthread_cond_wait", "write", "stdio", "gil", "minflt", "majflt")
PIPELINE = """
version: 1
name: trapped
stages:
  - acquire: {board: emulator, sps: 4000, channels: 32, batch: 16, seed: 7}
  - to_voltage: {keep_raw: true}
  - impedance: {mode: ac, hz: 31.25, current_na: 6, inputs: to_voltage}
  - lead_off: {mode: ac, hz: 31.25, inputs: to_voltage}
  - gain: {factor: 2}
  - notch: {hz: 60}
  - bandpass: {low_hz: 0.5, high_hz: 45}
  - decimate: {to_sps: 250}
  - select: {labels: [Fp1, O2], inputs: bandpass}
  - fft: {id: spectrum, window_s: 1, overlap: 0.5, inputs: bandpass}
  - fft: {id: middle, window_s: 0.5, average: 5, average_by: median, detrend: linear, unit: dB, inputs: bandpass}
  - bands: {inputs: spectrum}
  - mains: {inputs: spectrum}
  - acquire: {id: second, board: emulator, sps: 4000, channels: 8, batch: 7, drift_ppm: 300}
  - align_and_zip: {id: boards, inputs: [acquire, second], prefix: true}
  - align_and_zip: {id: branches, inputs: [select, bandpass], prefix: true}
  - null_sink: {id: joined, inputs: boards}
  - null_sink: {id: rejoined, inputs: branches}
  - null_sink: {inputs: decimate}
  - null_sink: {id: kohm, inputs: impedance}
  - null_sink: {id: picked, inputs: select}
  - websocket_sink: {topic: eeg, inputs: bandpass}
  - websocket_sink: {id: bins, topic: bins, inputs: spectrum}
  - null_sink: {id: decibels, inputs: middle}
  - null_sink: {id: powers, inputs: bands}
  - null_sink: {id: lines, inputs: mains}
  - csv_sink: {path: "PATH", inputs: decimate}
"""

TROUBLED = """
version: 1
name: troubled
stages:
  - acquire:
      board: emulator
      sps: 1000
      chips: [{drdy: a}, {drdy: b, chained: true}]
      lead_off: {mode: dc}
      check_s: 0.1
      jitter_us: 30
      faults:
        - {kind: spurious, at: 50, value: 300000}
        - {kind: drop_edge, at: 100, n: 2}
        - {kind: drop_edge, at: 100, n: 2, chip: 1}
        - {kind: eio, at: 200, n: 2}
        - {kind: slow, at: 250, value: 2500000}
        - {kind: bad_status, at: 300, n: 3, chip: 1}
        - {kind: bit_slip, at: 350, n: 4, value: 30}
        - {kind: saturate, at: 400, n: 5}
        - {kind: electrode_off, at: 420, n: 9, value: 3}
        - {kind: eio, at: 450, n: 32}
        - {kind: reset, at: 1900}
        - {kind: drdy, at: 3400, n: 90, value: 2}
        - {kind: miso_stuck, at: 4900, n: 60}
  - to_voltage: {keep_raw: true}
  - notch: {hz: 60}
  - null_sink: {}
"""


@pytest.fixture(scope="session")
def trap(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library to preload."""
    out = tmp_path_factory.mktemp("rt") / "rt_trap.so"
    command = ["gcc", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-O1", "-fno-builtin", "-o",
               str(out), str(HERE / "rt_trap.c"), "-ldl"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return out


def run_under(trap: Path, command: list[str], folder: Path) -> tuple[str, list[dict[str, str]]]:
    """Run a command under the trap; return its output and the reports of its processes that had sections."""
    for path in (*folder.glob("report.*"), *folder.glob("*.csv"), *folder.glob("*.csv.ledger.json")):
        path.unlink()
    environment = {**os.environ, "LD_PRELOAD": str(trap), "EEGCORE_RT_TRAP": str(folder / "report")}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=ROOT, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
    reports = [dict(line.split(" ", 1) for line in path.read_text().splitlines())
               for path in folder.glob("report.*")]
    return done.stdout, [report for report in reports if report["sections"] != "0"]


def broken(report: dict[str, str]) -> dict[str, str]:
    return {rule: report[rule] for rule in RULES if not report[rule].startswith("0")}


@pytest.fixture(scope="session")
def planted(trap: Path) -> Path:
    """A program that breaks one rule."""
    out = trap.with_name("planted")
    command = ["gcc", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-O0", "-fno-builtin", "-o", str(out),
               str(HERE / "rt_planted.c"), str(trap), "-pthread"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return out


@pytest.mark.parametrize("rule", ["malloc", "calloc", "realloc", "free", "aligned_alloc", "pthread_mutex_lock", "write",
                                  "stdio", "minflt"])
def test_the_trap_catches_a_planted_violation(trap, planted, tmp_path, rule):
    _, (report,) = run_under(trap, [str(planted), rule], tmp_path)
    assert rule in broken(report)
    if rule not in ("stdio", "minflt"):                 # stdio also writes and allocates its buffer
        assert {*broken(report)} - {"minflt"} == {rule}
        assert str(planted) in report[rule]             # and names the place


def test_the_trap_finds_nothing_where_nothing_is(trap, planted, tmp_path):
    _, (report,) = run_under(trap, [str(planted), "nothing"], tmp_path)
    assert broken(report) == {}


def trapped_run(trap: Path, folder: Path, *arguments: str, threads: int) -> dict:
    command = [sys.executable, "-m", "eegcore", "run", "--json", *arguments]
    out, (report,) = run_under(trap, command, folder)
    if broken(report) and set(broken(report)) <= {"minflt", "majflt"}:
        # code that nobody has run on this machine yet comes from disk: that is over after the first time
        out, (report,) = run_under(trap, command, folder)
    assert broken(report) == {}
    assert int(report["sections"]) == threads
    assert report["open"] == "0"
    ledger = json.loads(out)
    assert ledger["balanced"]
    return ledger


def pipeline(folder: Path) -> str:
    path = folder / "trapped.yaml"
    path.write_text(PIPELINE.replace("PATH", str(folder / "out.csv")))
    return str(path)


def test_a_minute_of_32_channels_at_4_ksps_breaks_no_rule(trap, tmp_path):
    ledger = trapped_run(trap, tmp_path, pipeline(tmp_path), "--virtual", "--seconds", "60", threads=4)
    assert ledger["frames"] == 480_000


@pytest.mark.deep
def test_ten_minutes_of_32_channels_at_4_ksps_break_no_rule(trap, tmp_path):
    ledger = trapped_run(trap, tmp_path, pipeline(tmp_path), "--virtual", "--seconds", "600", threads=4)
    assert ledger["frames"] == 4_800_000


@pytest.mark.parametrize("late", ["buffer", "lose"])
def test_the_real_clock_breaks_no_rule(trap, tmp_path, late):
    # dropping, missing and waiting are real-time paths too
    trapped_run(trap, tmp_path, pipeline(tmp_path), "--seconds", "1.5", "--set", f"acquire.late={late}",
                "--set", "null_sink.stall_ms=0", threads=4)


@pytest.mark.parametrize("clock", [("--virtual",), ("--set", "acquire.late=lose")], ids=["virtual", "real"])
def test_faults_and_recoveries_break_no_rule(trap, tmp_path, clock):
    path = tmp_path / "troubled.yaml"
    path.write_text(TROUBLED)
    seconds = "8" if clock == ("--virtual",) else "3"
    ledger = trapped_run(trap, tmp_path, str(path), "--seconds", seconds, *clock, threads=3)
    counted = ledger["stats"]["sources"]["acquire"]
    assert counted["restarts"] >= (4 if clock == ("--virtual",) else 1)
    assert counted["retries"] >= 2
    assert counted["missed"] > 100


def test_a_playback_breaks_no_rule(trap, tmp_path):
    table = tmp_path / "table.txt"
    table.write_text("A,B,C\n" + "".join(f"{i % 7},{i % 11},{i % 13}\n" for i in range(5000)))
    ledger = trapped_run(trap, tmp_path, "pipelines/replay.yaml", "--virtual", "--set", f"playback.path={table}",
                         "--set", "playback.sps=250", threads=3)
    assert ledger["frames"] == 5000


CHANGED = """
import json, sys
from eegcore.pipeline import Pipeline

clock, seconds, path = sys.argv[1], float(sys.argv[2]), sys.argv[3]
stages = [{"acquire": {"board": "emulator", "sps": 4000, "channels": 16, "late": "buffer"}}, {"to_voltage": {}},
          {"gain": {"factor": 1}}, {"reference": {"to": "average"}}, {"notch": {"hz": 60, "harmonics": 2}},
          {"bandpass": {"low_hz": 0.5, "high_hz": 45, "order": 2}}, {"decimate": {"to_sps": 250}},
          {"select": {"labels": ["Fp1", "O2"], "inputs": "bandpass"}},
          {"fft": {"window_s": 0.5, "inputs": "bandpass"}},
          {"moving_stats": {"window_s": 0.5, "inputs": "bandpass"}},
          {"null_sink": {"inputs": "decimate"}}, {"null_sink": {"id": "a", "inputs": "select"}},
          {"null_sink": {"id": "b", "inputs": "fft"}}, {"null_sink": {"id": "c", "inputs": "moving_stats"}}]
changes = [("notch", {"hz": 50}), ("bandpass", {"low_hz": 1.0}), ("gain", {"factor": 3}), ("bandpass", {"order": 4}),
           ("select", {"labels": ["O2", "Fp1"]}), ("reference", {"exclude": ["Fp1"]}), ("bandpass", {"high_hz": 40})]
run = Pipeline(stages, clock=clock).run(seconds=seconds)
def change(at):
    for number, (stage, settings) in enumerate(changes):
        run.update(stage, at_frame=at and at + 500 * number, **settings)
change(1000)
with run:
    if clock == "real":
        change(0)
    run.wait(60)
rev = run._graph.live.config_rev
json.dump({**run.ledger(), "rev": rev}, sys.stdout)
"""


@pytest.mark.parametrize(("clock", "seconds"), [("virtual", 4), ("real", 3)])
def test_settings_that_change_meanwhile_break_no_rule(trap, tmp_path, clock, seconds):
    command = [sys.executable, "-c", CHANGED, clock, str(seconds), str(tmp_path)]
    out, (report,) = run_under(trap, command, tmp_path)
    if broken(report) and set(broken(report)) <= {"minflt", "majflt"}:
        out, (report,) = run_under(trap, command, tmp_path)
    assert broken(report) == {}
    ledger = json.loads(out)
    assert ledger["balanced"]
    assert ledger["rev"] >= 7

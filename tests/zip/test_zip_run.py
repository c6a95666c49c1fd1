"""Whole pipelines that join streams: exact against numpy, the same again, and never stuck."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from reference import check_blocks, join

from eegcore.devices.readers_base import Recording
from eegcore.pipeline import Pipeline
from eegcore.sinks.ledger_file import check_ledger
from eegcore.stages import catalogue

GAP = 1


def board(name, sps=250.0, channels=8, **more):
    return {"acquire": {"id": name, "sps": sps, "channels": channels, "labels": [
        f"{name}{c}" for c in range(channels)], "seed": sum(map(ord, name)), **more}}


def check_run(run, names, *, sps, batches, by_time=True, tolerance=None, skip=False, is_float=False,
              zipped="align_and_zip"):
    inputs = [run.given(name, sps=sps, max_frames=batch) for name, batch in zip(names, batches, strict=True)]
    wanted = join(inputs, by_time=by_time, skip=skip, is_float=is_float,
                  tolerance=round(0.55e9 / sps) if tolerance is None else tolerance)
    assert list(run.counts(zipped).values()) == wanted.counts
    check_blocks(run.made(zipped), wanted)
    return wanted


@pytest.mark.parametrize("n_frames", [10_000, pytest.param(100_000, marks=pytest.mark.deep)])
@pytest.mark.parametrize(("ppm", "batches", "sps"), [
    ((200, -200), (1, 1), 250), ((-200, 200), (4, 16), 1000), ((5000, -5000), (16, 7), 1000),
    ((-5000, 5000), (64, 64), 4000), ((0, 0), (16, 64), 16_000)])
def test_two_boards_are_joined_by_time_exactly_as_numpy_would(heard, ppm, batches, sps, n_frames):
    stages = [board("a", sps, drift_ppm=ppm[0], batch=batches[0]), board("b", sps, drift_ppm=ppm[1], batch=batches[1]),
              {"align_and_zip": {"inputs": ["a", "b"]}}, {"null_sink": {}}]
    run = heard(stages, "a", "b", "align_and_zip", seconds=n_frames / sps)
    wanted = check_run(run, "ab", sps=sps, batches=batches)
    counts = wanted.counts[1]
    slipped = n_frames * abs(ppm[0] - ppm[1]) * 1e-6
    assert counts["repeated"] + counts["skipped"] >= slipped - 2
    # one of them ends first: what is missing then is no more than they have slipped
    assert counts["filled"] <= slipped + 64


def test_jittered_stamps_are_joined_as_they_are(heard):
    stages = [board("a", 1000, jitter_us=300, batch=2), board("b", 1000, jitter_us=300, drift_ppm=100, batch=3),
              {"align_and_zip": {"inputs": ["a", "b"], "tolerance_ms": 2}}, {"null_sink": {}}]
    run = heard(stages, "a", "b", "align_and_zip", seconds=5)
    check_run(run, "ab", sps=1000, batches=(2, 3), tolerance=2_000_000)


def test_eight_boards_are_joined(heard):
    names = "abcdefgh"
    stages = [*(board(name, channels=4, drift_ppm=100 * at, batch=1 + at) for at, name in enumerate(names)),
              {"align_and_zip": {"inputs": list(names)}}, {"null_sink": {}}]
    run = heard(stages, *names, "align_and_zip", seconds=8)
    assert run.samples().shape[1] == 32
    check_run(run, names, sps=250, batches=range(1, 9))


@pytest.mark.parametrize("group", ["dsp", "far"])
def test_branches_of_one_board_are_joined_by_index_exactly(heard, group):
    stages = [board("a", 1000, batch=16), {"to_voltage": {}},
              {"bandpass": {"low_hz": 1, "high_hz": 40, "group": group}},
              {"align_and_zip": {"inputs": ["bandpass", "to_voltage"], "prefix": True}}, {"null_sink": {}}]
    if group != "dsp":
        stages[3]["align_and_zip"]["group"] = "later"
    run = heard(stages, "to_voltage", "bandpass", "align_and_zip", seconds=10)
    assert np.array_equal(run.samples(), np.hstack([run.samples("bandpass"), run.samples("to_voltage")]))
    assert all(count["in"] == count["used"] == count["out"] == 10_000 for count in run.counts().values())
    settling = [packet.flags for packet in run.packets["bandpass"]]
    assert [packet.flags for packet in run.packets["align_and_zip"]] == settling


def test_decimated_branches_are_joined_by_index(heard):
    stages = [board("a", 1000, batch=16), {"to_voltage": {}}, {"decimate": {"id": "one", "to_sps": 250}},
              {"gain": {"factor": 2.0, "inputs": "to_voltage", "group": "far"}},
              {"decimate": {"id": "two", "to_sps": 250, "group": "far"}},
              {"align_and_zip": {"inputs": ["one", "two"], "prefix": True, "group": "later"}}, {"null_sink": {}}]
    run = heard(stages, "one", "two", "align_and_zip", seconds=10)
    assert np.array_equal(run.samples(), np.hstack([run.samples("one"), run.samples("two")]))
    assert sum(packet.device_frames for packet in run.packets["align_and_zip"]) == sum(
        packet.device_frames for packet in run.packets["one"])
    assert run.ledger["sinks"]["null_sink"]["written"] <= 10_000


def two_recordings(gaps_a, gaps_b, frames_a=2000, frames_b=2000):
    def recording(frames, gaps, label, first):
        values = np.ascontiguousarray(np.arange(first, first + 3 * frames, dtype=np.float32).reshape(-1, 3))
        return Recording(values, (f"{label}1", f"{label}2", f"{label}3"), 500.0, "uV", (), [], "csv", gaps)
    return {"a": recording(frames_a, gaps_a, "a", 0), "b": recording(frames_b, gaps_b, "b", 100_000)}


def played(tmp_path, batch_a=4, batch_b=10):
    stages = []
    for name, batch in (("a", batch_a), ("b", batch_b)):
        path = tmp_path / f"{name}.csv"
        path.write_text(f"{name}1,{name}2,{name}3\n" + "0,0,0\n" * 20)
        stages.append({"playback": {"id": name, "path": str(path), "sps": 500, "batch": batch, "speed": "max"}})
    return stages


@pytest.mark.parametrize("on_missing", ["fill", "skip"])
def test_gaps_of_either_board_are_filled_or_skipped_and_counted(heard, tmp_path, on_missing):
    stages = [*played(tmp_path), {"align_and_zip": {"inputs": ["a", "b"], "on_missing": on_missing}}, {"null_sink": {}}]
    given = two_recordings([(100, 7), (301, 1)], [(203, 30), (1000, 1), (1500, 400)])
    run = heard(stages, "a", "b", "align_and_zip", recordings=given)
    wanted = check_run(run, "ab", sps=500, batches=(4, 10), is_float=True, skip=on_missing == "skip")
    missing = 30 + 1 + 400
    if on_missing == "fill":
        assert wanted.counts[1]["filled"] == missing
        assert np.isnan(run.samples()[:, 3:]).all(axis=1).sum() == missing
        assert not np.isnan(run.samples()[:, :3]).any()
    else:
        assert wanted.counts[0]["skipped"] == missing
        assert run.ledger["stages"]["align_and_zip"]["skipped"] == missing
        assert not np.isnan(run.samples()).any()


def test_recordings_may_end_at_different_times(heard, tmp_path):
    stages = [*played(tmp_path), {"align_and_zip": {"inputs": ["a", "b"]}}, {"null_sink": {}}]
    for frames_a, frames_b in ((2000, 500), (500, 2000), (2000, 3)):
        run = heard(stages, "a", "b", "align_and_zip", recordings=two_recordings([], [], frames_a, frames_b))
        wanted = check_run(run, "ab", sps=500, batches=(4, 10), is_float=True)
        assert wanted.counts[1]["filled"] == max(0, frames_a - frames_b)
        assert run.ledger["sinks"]["null_sink"]["written"] == frames_a


def test_a_filter_recovers_from_what_was_missing(heard, tmp_path):
    stages = [*played(tmp_path), {"align_and_zip": {"inputs": ["a", "b"]}},
              {"bandpass": {"low_hz": 1, "high_hz": 40}}, {"null_sink": {}}]
    run = heard(stages, "bandpass", recordings=two_recordings([], [(1000, 20)], 2000, 1980))
    spoilt = np.isnan(run.samples("bandpass"))
    assert spoilt[1000:1020, 3:].all()
    assert spoilt.sum() == 20 * 3
    again = next(packet for packet in run.packets["bandpass"] if packet.frame_index >= 1020)
    assert again.flags & GAP


@pytest.mark.parametrize("seconds", [8, pytest.param(100, marks=pytest.mark.deep)])
def test_zips_of_zips_and_chains_between_them_are_never_stuck(heard, seconds):
    stages = [board("a", 1000, channels=4, drift_ppm=300, batch=16), board("b", 1000, channels=4, batch=50),
              board("c", 1000, channels=4, drift_ppm=-300, batch=3),
              {"to_voltage": {"id": "va", "inputs": "a"}}, {"to_voltage": {"id": "vb", "inputs": "b", "group": "one"}},
              {"to_voltage": {"id": "vc", "inputs": "c", "group": "two"}},
              {"align_and_zip": {"id": "ab", "inputs": ["va", "vb"]}},
              {"align_and_zip": {"id": "cab", "inputs": ["vc", "ab"]}},
              {"align_and_zip": {"id": "again", "inputs": ["ab", "va"], "prefix": True}},
              {"null_sink": {"inputs": "cab"}}, {"null_sink": {"id": "n2", "inputs": "again"}}]
    first = heard(stages, "va", "vb", "vc", "ab", "cab", seconds=seconds)
    inner = check_run(first, ["va", "vb"], sps=1000, batches=(16, 50), is_float=True, zipped="ab")
    check_run(first, ["vc", "ab"], sps=1000, batches=(3, 16), is_float=True, zipped="cab")
    assert first.counts("again")["va"]["used"] == first.counts("again")["ab"]["used"] == inner.counts[0]["out"]
    second = heard(stages, seconds=seconds)
    assert second.ledger["digest"] == first.ledger["digest"]
    assert second.ledger["stages"] == first.ledger["stages"]


@pytest.fixture
def two_boards(tmp_path: Path) -> str:
    """A pipeline file of two boards whose clocks drift apart."""
    path = tmp_path / "two.yaml"
    path.write_text(yaml.safe_dump({"version": 1, "name": "two", "stages": [
        board("a", 1000, drift_ppm=120), board("b", 1000, drift_ppm=-80),
        {"align_and_zip": {"inputs": ["a", "b"], "by": "auto", "tolerance_ms": "auto", "on_missing": "fill"}},
        {"to_voltage": {}}, {"null_sink": {}}]}))
    return str(path)


def command(*arguments: str) -> str:
    done = subprocess.run([sys.executable, "-m", "eegcore", *arguments], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_two_runs_of_the_command_have_one_digest(two_boards):
    ledgers = [json.loads(command("run", two_boards, "--virtual", "--seconds", "30", "--json")) for _ in range(2)]
    assert ledgers[0]["digest"] == ledgers[1]["digest"]
    assert ledgers[0]["stages"] == ledgers[1]["stages"]
    count = ledgers[0]["stages"]["align_and_zip"]["inputs"]["b"]
    assert count["skipped"] + count["repeated"] >= 5          # 200 ppm of 30 s at 1000 SPS are 6 frames
    assert ledgers[0]["lost"] == 0


def test_the_ledger_is_printed_with_its_inputs(two_boards):
    out = command("run", two_boards, "--virtual", "--seconds", "30")
    assert "input  b->align_and_zip  in 30 000 = used " in out
    assert "input  b->align_and_zip  out 30 000 = used " in out


def test_validate_shows_what_is_joined_and_how_long_it_waits(two_boards):
    out = command("validate", two_boards)
    assert "RAW_I32 16 ch counts" in out
    latency = out[out.index("Latency"):].splitlines()
    assert "other inputs" in latency[1]
    assert "250 ms" in latency[2]


def test_a_file_tells_of_both_boards_and_keeps_its_books(tmp_path):
    stages = [board("a", 500, drift_ppm=5000, batch=10), board("b", 500, batch=64),
              {"align_and_zip": {"inputs": ["a", "b"]}}, {"csv_sink": {"path": str(tmp_path / "x.csv")}}]
    with Pipeline(stages, clock="virtual").run(seconds=10) as run:
        assert run.wait(60)
    lines = (tmp_path / "x.csv").read_text().splitlines()
    assert "# source: a (acquire), b (acquire)" in lines
    rows = [line for line in lines if not line.startswith("#")]
    assert len(rows) == 1 + 5000
    assert rows[0].split(",")[2:] == [f"{name}{c}_counts" for name in "ab" for c in range(8)]
    assert "input  b->align_and_zip  in 5 000 = used" in command("ledger", str(tmp_path / "x.csv"))


@pytest.mark.parametrize("late", ["buffer", "lose"])
def test_the_real_clock_loses_nothing_unseen(late):
    stages = [board("a", 4000, drift_ppm=300, late=late), board("b", 4000, drift_ppm=-300, late=late),
              {"align_and_zip": {"inputs": ["a", "b"]}}, {"null_sink": {}}]
    with Pipeline(stages).run(seconds=1.5) as run:
        assert run.wait(60)
    ledger = run.ledger()
    assert check_ledger(ledger) == []
    counts = ledger["stages"]["align_and_zip"]["inputs"]
    for source in "ab":
        assert counts[source]["in"] == ledger["edges"][f"{source}->align_and_zip"]["out"]
        assert counts[source]["held"] == 0
    assert counts["a"]["out"] == ledger["edges"]["align_and_zip->null_sink"]["in"]


def test_live_stats_name_the_inputs(two_boards):
    with Pipeline.from_yaml(two_boards).run() as run:
        for _ in run.tap("align_and_zip", seconds=0.3):
            pass
        entry = run.stats()["stages"]["align_and_zip"]
    assert set(entry["inputs"]) == {"a", "b"}
    assert entry["inputs"]["a"]["used"] > 0


def test_the_stage_is_in_the_catalogue_with_its_help():
    stage = catalogue()["align_and_zip"]
    assert stage.inputs_allowed == (2, 8)
    assert "by" in stage.Settings.model_json_schema()["properties"]

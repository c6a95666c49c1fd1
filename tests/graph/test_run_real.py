"""The real clock: the ledger equals the device's own count, overflow is loud, stop drains."""

from __future__ import annotations

import errno
import os
import time

import pytest

from eegcore.errors import EdgeOverflow, NotFound
from eegcore.pipeline import Pipeline
from eegcore.sinks.ledger_file import check_ledger

FAST = {"acquire": {"board": "emulator", "sps": 4000, "channels": 8}}


def ledger_of(run):
    ledger = run.ledger()
    assert check_ledger(ledger) == []
    return ledger


@pytest.mark.parametrize("late", ["buffer", "lose"])
def test_the_ledger_is_the_emulators_own_count(late):
    stages = [{"acquire": {"board": "emulator", "sps": 4000, "channels": 32, "late": late}}, {"to_voltage": {}},
              {"notch": {"hz": 60}}, {"bandpass": {}}, {"null_sink": {}}]
    with Pipeline(stages).run() as run:
        time.sleep(1.5)
        run.stop()
        truth = run.truth("acquire")
    source = ledger_of(run)["sources"]["acquire"]
    assert source["edges"] == truth["conversions"] > 4000
    assert source["delivered"] == truth["clean"]
    assert source["late"] == truth["torn"]
    assert source["missed"] + source["pending"] == truth["never_read"]
    if late == "buffer":
        assert source["missed"] == source["late"] == 0


def test_a_full_critical_edge_stops_the_run_with_stage_edge_and_frame():
    stages = [FAST, {"to_voltage": {}}, {"null_sink": {"stall_ms": 50, "queue": 8, "overflow": "fail",
                                                       "critical": True}}]
    with pytest.raises(EdgeOverflow, match=r"edge to_voltage -> null_sink: full at frame \d+") as caught, \
            Pipeline(stages).run() as run:
        assert run.wait(20)
    assert caught.value.edge == "to_voltage->null_sink"
    assert caught.value.stage == "to_voltage"
    assert caught.value.frame_index > 0
    ledger = ledger_of(run)
    assert ledger["edges"]["to_voltage->null_sink"]["dropped"]["overflow"] > 0


def test_a_full_edge_that_may_drop_counts_and_warns_once():
    stages = [FAST, {"to_voltage": {}}, {"null_sink": {"stall_ms": 30, "queue": 8}},
              {"null_sink": {"id": "other", "inputs": "to_voltage", "group": "elsewhere"}}]
    with Pipeline(stages).run(seconds=2) as run:
        assert run.wait(20)
    ledger = ledger_of(run)
    dropped = ledger["edges"]["to_voltage->null_sink"]["dropped"]["overflow"]
    assert dropped > 0
    assert ledger["lost"] >= dropped
    assert ledger["sinks"]["other"]["written"] == 8000
    said = [alarm["message"] for alarm in run.alarms if alarm["place"].startswith("edge to_voltage")]
    assert len(said) == 1
    assert "full, dropped" in said[0]


def test_pause_counts_frames_and_marks_the_gap():
    with Pipeline([FAST, {"to_voltage": {}}, {"null_sink": {}}]).run() as run:
        heard = run.tap("to_voltage", timeout_s=5)
        next(heard)
        run.pause()
        time.sleep(0.2)
        run.resume()
        for packet in heard:
            if packet.flags & 1:
                break
        heard.close()
        run.stop()
    source = ledger_of(run)["sources"]["acquire"]
    assert source["paused"] >= 400
    assert source["missed"] == 0


def test_taps_come_and_go_while_the_graph_runs():
    with Pipeline([FAST, {"to_voltage": {}}, {"notch": {"hz": 60}}, {"null_sink": {}}]).run() as run:
        for _ in range(10):
            for stage in ("notch", "to_voltage", "acquire"):
                packets = list(run.tap(stage, seconds=0.02))
                assert packets
        ledger = run.stop()
    assert ledger["sinks"]["null_sink"]["in"] == ledger["sources"]["acquire"]["delivered"]


def test_a_notebook_that_keeps_packets_gets_copies_and_costs_nobody_anything():
    with Pipeline([FAST, {"to_voltage": {}}, {"null_sink": {}}]).run() as run:
        kept = list(run.tap("to_voltage", seconds=1.5))
        first = kept[0].data.copy()
        ledger = run.stop()
    assert ledger["sources"]["acquire"]["pool_empty"] == 0
    assert (kept[0].data == first).all()
    assert all(pool["free"] > 0 for pool in run.stats()["pools"].values())


def test_a_tap_on_nothing_names_what_there_is():
    with Pipeline([FAST, {"to_voltage": {}}, {"null_sink": {}}]).run() as run, \
            pytest.raises(NotFound, match=r"no stage with an output is called 'notsch'\. Known: acquire, to_voltage"):
        run.tap("notsch")


def test_a_file_of_a_full_disk_is_an_alarm_and_the_others_go_on(tmp_path, monkeypatch):
    from eegcore.sinks import csv_file

    def full(fd, data):
        if bytes(data[:1]) == b"#":                      # the header still fits
            return os.write(fd, data)
        raise OSError(errno.ENOSPC, "No space left on device")

    operations = csv_file.FileOperations(write=full)
    monkeypatch.setattr(csv_file.CsvWriter.__init__, "__defaults__", ("uv", 3, operations))
    path = tmp_path / "full.csv"
    stages = [FAST, {"to_voltage": {}}, {"csv_sink": {"path": str(path)}}, {"null_sink": {"inputs": "to_voltage"}}]
    with Pipeline(stages).run(seconds=1) as run:
        assert run.wait(20)
    ledger = ledger_of(run)
    assert ledger["sinks"]["null_sink"]["written"] == 4000
    assert ledger["sinks"]["csv_sink"]["refused"]
    assert any("the disk is full" in alarm["message"] for alarm in run.alarms)


def test_a_csv_file_holds_every_frame_and_its_ledger(tmp_path):
    path = tmp_path / "all.csv"
    with Pipeline([FAST, {"to_voltage": {"keep_raw": True}}, {"csv_sink": {"path": str(path)}}]).run(seconds=1) as run:
        assert run.wait(20)
    rows = [line for line in path.read_text().splitlines() if line and line[0].isdigit()]
    assert len(rows) == 4000
    assert [int(row.split(",", 1)[0]) for row in rows] == list(range(4000))
    assert len(rows[0].split(",")) == 2 + 16
    assert ledger_of(run)["sinks"]["csv_sink"]["written"] == 4000
    assert (tmp_path / "all.csv.ledger.json").is_file()

"""What happens to recordings, health and alarms in the very moment in which a graph changes."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from eegcore.control.controller import Controller
from eegcore.errors import SinkFailed
from eegcore.graph.run import GraphRun
from eegcore.graph.supervisor import Supervisor
from eegcore.pipeline import Pipeline
from eegcore.recording.session import Session
from eegcore.sinks.csv_file import CsvWriter

STAGES: list[dict[str, Any]] = [
    {"acquire": {"board": "emulator", "sps": 250}}, {"to_voltage": {}}, {"notch": {"hz": 50}}, {"null_sink": {}},
    {"bdf_sink": {"armed": True, "inputs": "acquire"}}]


@pytest.fixture
def controller(tmp_path):
    found = Controller(STAGES, recordings=str(tmp_path / "recordings"))
    found.start()
    yield found
    found.shutdown(20)


def test_a_session_keeps_configurations_that_come_while_its_files_are_made(controller, monkeypatch):
    create = Session.create

    def slow(*arguments: Any) -> Session:
        session = create(*arguments)
        for hz in (60, 55):
            controller.update("notch", "hz", hz)
        return session

    monkeypatch.setattr(Session, "create", slow)
    controller.start_recording()
    folder = Path(controller.recording_status()["folder"])
    until(lambda: len(list(folder.glob("pipeline_rev_*"))) == 2)
    controller.stop_recording()
    meta = json.loads((folder / "session_meta.json").read_text())
    kept = {entry["config_rev"]: yaml.safe_load((folder / entry["file"]).read_text())["stages"]
            for entry in meta["revisions"]}
    assert list(kept) == [meta["config_rev"] + 1, meta["config_rev"] + 2]
    assert [stages["notch"]["hz"] for stages in kept.values()] == [60, 55]


@pytest.mark.parametrize("setting", [{"notes": "new"}, {"notes": "new", "pre_roll_s": 1}], ids=["same", "another"])
def test_a_recorder_that_changes_before_it_is_locked_is_the_one_that_records(controller, monkeypatch, setting):
    lock = controller.lock_stage

    def late(stage_id: str) -> int:
        controller.replace_stage(stage_id, {"type": "bdf_sink", "armed": True, "inputs": ["acquire"], **setting})
        return lock(stage_id)

    monkeypatch.setattr(controller, "lock_stage", late)
    controller.start_recording()
    until(lambda: controller.recording_status()["frames"] > 0)
    folder = Path(controller.recording_status()["folder"])
    assert controller.stop_recording()["state"] == "finished"
    assert json.loads((folder / "session_meta.json").read_text())["notes"] == "new"
    assert controller.holders() == []


def test_a_session_whose_ledger_cannot_be_written_is_finished_all_the_same(controller, monkeypatch):
    def refuse(path: str, *arguments: Any) -> None:
        raise SinkFailed(f"{path}: the disk is full [ENOSPC 28].")

    monkeypatch.setattr("eegcore.recording.keeper.write_ledger", refuse)
    controller.start_recording()
    until(lambda: controller.recording_status()["frames"] > 0)
    with pytest.raises(SinkFailed, match="disk is full"):
        controller.stop_recording()
    folder = Path(controller.recording.keeper.last["folder"])
    meta = json.loads((folder / "session_meta.json").read_text())
    assert meta["state"] == "failed"
    assert meta["frames"] > 0
    assert meta["error"].endswith("the disk is full [ENOSPC 28].")


def test_health_in_the_middle_of_a_change(controller, monkeypatch, tmp_path):
    controller.add_stage("past", {"type": "history_sink", "path": str(tmp_path / "past")})
    live = controller.run.live
    add, found = live._said.add, []
    threads = [threading.Thread(target=lambda: found.append(controller.broken_sinks())) for _ in range(3)]

    def asked(*arguments: Any) -> None:
        threads.pop().start()
        time.sleep(0.05)                               # names and numbers are not of one plan now
        add(*arguments)

    monkeypatch.setattr(live._said, "add", asked)
    controller.add_stage("gain", {"type": "gain", "factor": 2}, after="to_voltage", splice=True)
    controller.remove_stage("gain")
    until(lambda: len(found) == 2)
    assert found == [[], []]


def test_a_disk_that_does_not_make_a_file_is_told_while_it_is_waited_for(controller, monkeypatch, tmp_path):
    told, make = threading.Event(), CsvWriter.open

    def heard(event: dict[str, Any]) -> None:
        if event["event"] == "alarm" and event["place"] == "change":
            told.set()

    def slow(*arguments: Any) -> None:
        assert told.wait(20)
        make(*arguments)

    controller.subscribe(heard)
    monkeypatch.setattr(CsvWriter, "open", slow)
    controller.add_stage("csv_sink", {"type": "csv_sink", "path": str(tmp_path / "x.csv")}, after="notch")
    assert told.is_set()


def test_drops_of_a_ring_that_takes_the_place_of_another_are_told_from_the_first_on():
    def plan(topic: str) -> Any:
        return Pipeline([{"acquire": {"board": "emulator", "sps": 2000, "batch": 1}},
                         {"websocket_sink": {"topic": topic, "inputs": "acquire"}}]).plan

    run = GraphRun(plan("a"), with_server=True)
    events: list[dict[str, Any]] = []
    supervisor = Supervisor(run, events.append, lambda ledger, failure: None)
    ring = "websocket_sink->server"
    dropped = lambda: run.ledger()["edges"][ring]["dropped"].get("overflow", 0)  # noqa: E731
    run.start()
    try:
        until(lambda: dropped() > 300)
        supervisor._watch_losses()
        run.change(plan("b"))
        for _, _, tap in run.outlets():
            while tap.take():                          # a ring that goes is emptied, as a server does
                pass
        before = dropped()
        until(lambda: dropped() > before)
        supervisor._alarm_at.clear()
        supervisor._watch_losses()
    finally:
        run.finish()
    assert [event["place"] for event in events] == ["edge websocket_sink -> server"] * 2
    assert int(events[1]["message"].split("(")[1].split()[0]) > before


def test_what_the_log_left_out_is_written_while_the_run_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    run = GraphRun(Pipeline([{"acquire": {"board": "emulator", "sps": 250}}, {"null_sink": {}}]).plan)
    supervisor = Supervisor(run, lambda event: None, lambda ledger, failure: None)
    supervisor._quiet.period_s = 0.1
    run.start()
    try:
        supervisor.start()
        for number in range(3):
            supervisor.alarm("warning", "place", f"place: {number}.")
        until(lambda: "place: 2. (suppressed 2 times, this was the last)" in caplog.messages)
    finally:
        run.abort()
        assert supervisor.join(20)


def until(what: Any) -> None:
    deadline = time.monotonic() + 20
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.01)

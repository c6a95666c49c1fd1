"""The one door: states, conflicts, events, what a failed start leaves behind."""

from __future__ import annotations

import pytest

from eegcore.control.controller import Controller
from eegcore.errors import ConfigError, FileRefused, NotFound, StateConflict
from eegcore.sinks.ledger_file import check_ledger

STAGES = [{"acquire": {"board": "emulator", "sps": 1000}}, {"to_voltage": {}}, {"null_sink": {}}]


@pytest.fixture
def controller():
    made = Controller(STAGES)
    yield made
    made.shutdown(20)


def test_states_follow_each_other_and_listeners_hear_of_them(controller):
    seen = []
    stop = controller.subscribe(lambda event: seen.append(event["state"]) if event["event"] == "state" else None)
    controller.start()
    controller.pause()
    controller.resume()
    ledger = controller.shutdown(20)
    stop()
    assert seen == ["starting", "running", "paused", "running", "draining", "stopped"]
    assert check_ledger(ledger) == []
    assert controller.ledger()["final"]


def test_a_running_pipeline_refuses_to_start_again(controller):
    controller.start()
    with pytest.raises(StateConflict, match=r"is running\. Only a stopped one can start"):
        controller.start()


def test_only_a_running_pipeline_pauses(controller):
    with pytest.raises(StateConflict, match=r"is stopped\. Only a running one can be paused"):
        controller.pause()


def test_mistakes_in_a_new_pipeline_leave_the_old_one_as_it_was(controller):
    with pytest.raises(ConfigError, match="ntoch"):
        controller.start([{"acquire": {}}, {"ntoch": {}}])
    assert controller.state == "stopped"
    assert "null_sink" in controller.config()["stages"]
    with pytest.raises(NotFound, match="no preset is called 'nope'"):
        controller.start(preset="nope")
    assert controller.state == "stopped"


def test_each_start_is_a_new_run_and_a_new_pipeline_a_new_revision(controller):
    first = controller.start()
    controller.shutdown(20)
    second = controller.start({"version": 1, "name": "other", "stages": STAGES})
    assert second["run_id"] != first["run_id"]
    assert second["config_rev"] == first["config_rev"] + 1
    assert second["name"] == "other"


def test_a_start_that_the_machine_refuses_is_failed_and_can_be_tried_again(controller, tmp_path):
    path = tmp_path / "there.csv"
    path.write_text("do not touch")
    stages = [*STAGES[:2], {"csv_sink": {"path": str(path)}}]
    with pytest.raises(FileRefused, match=r"there\.csv"):
        controller.start(stages)
    assert controller.state == "failed"
    assert path.read_text() == "do not touch"
    path.unlink()
    assert controller.start()["state"] == "running"


def test_a_fallback_runs_when_a_graph_cannot_start(controller, tmp_path):
    path = tmp_path / "there.csv"
    path.write_text("x")
    alarms = []
    controller.subscribe(lambda event: alarms.append(event["message"]) if event["event"] == "alarm" else None)
    status = controller.start({"version": 1, "name": "first", "runtime": {"fallback": "eeg8_250"},
                               "stages": [*STAGES[:2], {"csv_sink": {"path": str(path)}}]})
    assert status["state"] == "running"
    assert status["name"] == "eeg8_250"
    assert any("The fallback 'eeg8_250' runs instead" in message for message in alarms)


def test_a_listener_that_fails_does_not_silence_the_others(controller):
    heard = []

    def broken(event):
        raise RuntimeError("not today")

    controller.subscribe(broken)
    controller.subscribe(heard.append)
    controller.start()
    assert heard


def test_a_pipeline_that_ends_by_itself_is_stopped_and_the_ledger_stays(shared_data):
    path = shared_data / "openbci_gui_v6_blinks_jaw_alpha.txt.xz"
    controller = Controller([{"playback": {"path": str(path), "speed": "max"}}, {"null_sink": {}}])
    controller.start()
    assert controller.wait_stopped(30)
    assert controller.state == "stopped"
    assert controller.ledger()["frames"] == 22490
    assert controller.plan()["edges"][0]["high_water"] >= 1

"""A pipeline file that is edited while it runs."""

from __future__ import annotations

import os

import pytest
from pipeline_file import PIPELINE

from eegcore.control.controller import Controller
from eegcore.control.watching import FileWatch, take_up_file


@pytest.fixture
def controller(pipeline):
    made = Controller(pipeline)
    yield made
    made.shutdown(20)


@pytest.fixture
def alarms(controller):
    heard = []
    controller.subscribe(lambda event: heard.append(event) if event["event"] == "alarm" else None)
    return heard


def factor(controller):
    return controller.config()["stages"]["gain"]["factor"]


def test_a_change_is_seen_once_and_only_when_it_has_settled(pipeline):
    watch = FileWatch(pipeline)
    assert not watch.has_changed()
    pipeline.write_text("half")
    assert not watch.has_changed()                       # perhaps somebody still writes
    pipeline.write_text(PIPELINE.replace("2", "3"))
    assert not watch.has_changed()
    assert watch.has_changed()
    assert not watch.has_changed()


def test_the_same_content_written_again_is_no_change(pipeline):
    watch = FileWatch(pipeline)
    os.utime(pipeline, ns=(1, 1))
    assert [watch.has_changed() for _ in range(3)] == [False] * 3


def test_a_file_that_is_gone_for_a_moment_is_no_change(pipeline):
    watch = FileWatch(pipeline)
    pipeline.rename(pipeline.with_name("aside"))
    assert [watch.has_changed() for _ in range(3)] == [False] * 3
    pipeline.with_name("aside").rename(pipeline)
    assert [watch.has_changed() for _ in range(3)] == [False] * 3
    new = pipeline.with_name("new")
    new.write_text(PIPELINE.replace("2", "3"))
    new.rename(pipeline)                                 # as most editors save
    assert [watch.has_changed() for _ in range(3)] == [False, True, False]


def test_a_good_change_is_taken_up_live(pipeline, controller, alarms):
    controller.update("gain", "factor", 9)
    controller.start()
    run_id = controller.run_id
    pipeline.write_text(PIPELINE.replace("factor: 2", "factor: 3"))
    assert take_up_file(controller, pipeline) == "live"
    assert (factor(controller), controller.run_id) == (3, run_id)
    assert controller.config_rev == controller.run.live.config_rev
    assert (controller.status()["changed"], alarms) == ([], [])
    assert take_up_file(controller, pipeline) == "same"
    controller.undo()
    assert factor(controller) == 9


def test_what_cannot_be_done_live_is_started_anew(pipeline, controller):
    controller.start()
    run_id = controller.run_id
    pipeline.write_text(PIPELINE.replace("sps: 250", "sps: 500"))
    assert take_up_file(controller, pipeline) == "restarted"
    assert controller.state == "running"
    assert controller.run_id != run_id
    assert controller.config()["stages"]["acquire"]["sps"] == 500


def test_a_stopped_pipeline_is_only_replaced(pipeline, controller):
    pipeline.write_text(PIPELINE.replace("factor: 2", "factor: 3"))
    assert take_up_file(controller, pipeline, ["acquire.gain=12"]) == "replaced"
    assert (factor(controller), controller.state) == (3, "stopped")
    assert controller.config()["stages"]["acquire"]["gain"] == 12


@pytest.mark.parametrize("text", [PIPELINE.replace("gain:", "gian:"), "", "{",
                                  "stages: [{acquire: {sps: x}}, {ntch: {}}]"])
def test_a_bad_change_is_an_alarm_with_every_mistake_and_what_runs_goes_on(pipeline, controller, alarms, text):
    controller.start()
    run_id, before = controller.run_id, controller.revision()
    pipeline.write_text(text)
    assert take_up_file(controller, pipeline) == "refused"
    assert (controller.run_id, controller.state, controller.revision()) == (run_id, "running", before)
    [alarm] = alarms
    assert (alarm["level"], alarm["place"]) == ("error", "watch")
    assert "What runs goes on" in alarm["message"]
    assert all(str(pipeline) in problem for problem in alarm["problems"])
    pipeline.write_text(PIPELINE)
    assert take_up_file(controller, pipeline) == "same"


@pytest.mark.parametrize("text", [PIPELINE.replace("factor: 2", "factor: 3"), PIPELINE.replace("sps: 250", "sps: 500")])
def test_while_something_is_recorded_a_change_is_refused_with_an_alarm(pipeline, controller, alarms, text, monkeypatch):
    controller.start()
    run_id = controller.run_id
    monkeypatch.setattr(type(controller.recording), "is_recording", True)
    pipeline.write_text(text)
    assert take_up_file(controller, pipeline) == "refused"
    assert (controller.run_id, factor(controller), controller.state) == (run_id, 2, "running")
    [alarm] = alarms
    assert "something is recorded" in alarm["message"]


@pytest.mark.parametrize(("old", "new", "words"), [
    ("factor: 2", "factor: 3", "locked, because csv_sink records"), ("sps: 250", "sps: 500", "csv_sink"),
    ("sps: 1000", "sps: 500", "needs a new start")])
def test_a_file_that_is_being_written_is_not_broken_off(tmp_path, old, new, words):
    text = f"{PIPELINE}  - csv_sink: {{path: '{tmp_path}/x.csv', inputs: gain}}\n"
    text += "  - acquire: {id: beside, sps: 1000, channels: 4}\n  - null_sink: {id: second, inputs: beside}\n"
    path = tmp_path / "p.yaml"
    path.write_text(text)
    controller, alarms = Controller(path), []
    controller.subscribe(lambda event: alarms.append(event["message"]) if event["event"] == "alarm" else None)
    controller.start()
    try:
        run_id = controller.run_id
        path.write_text(text.replace(old, new))
        assert take_up_file(controller, path) == "refused"
        assert (controller.run_id, controller.state) == (run_id, "running")
        assert words in alarms[-1]
    finally:
        controller.shutdown(20)

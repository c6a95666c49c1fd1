"""Undo: the configuration before, as a new revision, as far back as it is kept."""

from __future__ import annotations

import pytest

from eegcore.control.controller import Controller
from eegcore.control.undo import MAX_STEPS
from eegcore.errors import NeedsStop, StaleRevision, StateConflict

STAGES = [{"acquire": {"board": "emulator", "sps": 250, "channels": 4}}, {"to_voltage": {}}, {"gain": {"factor": 60}},
          {"null_sink": {}}]


@pytest.fixture
def controller():
    made = Controller(STAGES)
    yield made
    made.shutdown(20)


def factor(controller: Controller) -> float:
    return controller.config()["stages"]["gain"]["factor"]


def test_nothing_was_changed(controller):
    with pytest.raises(StateConflict, match="was not changed since") as refused:
        controller.undo()
    assert refused.value.code == "nothing_to_undo"


def test_each_undo_goes_one_step_further_back(controller):
    for value in (50, 51, 52):
        controller.update("gain", "factor", value)
    seen = []
    for expected_rev in (5, 6, 7):
        assert controller.undo() == expected_rev
        seen.append(factor(controller))
    assert seen == [51, 50, 60]
    assert controller.status()["changed"] == []
    with pytest.raises(StateConflict):
        controller.undo()


def test_a_change_after_an_undo_is_undone_first(controller):
    controller.update("gain", "factor", 50)
    controller.undo()
    controller.update("gain", "factor", 55)
    controller.undo()
    assert factor(controller) == 60


def test_only_so_many_steps_are_kept(controller):
    for number in range(MAX_STEPS + 10):
        controller.update("gain", "factor", 40 + number / 10)
    for _ in range(MAX_STEPS):
        controller.undo()
    assert factor(controller) == pytest.approx(40.9)
    with pytest.raises(StateConflict):
        controller.undo()


def test_a_change_that_was_refused_is_no_step(controller):
    with pytest.raises(ValueError, match="factor"):
        controller.update("gain", "factor", "x")
    with pytest.raises(StateConflict):
        controller.undo()


def test_a_stale_undo_is_refused(controller):
    controller.update("gain", "factor", 50)
    with pytest.raises(StaleRevision):
        controller.undo(1)
    assert controller.undo(2) == 3


def test_undo_of_a_loaded_preset_brings_back_what_was_changed_before(controller, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    controller.update("gain", "factor", 50)
    controller.start(preset="eeg8_250")
    controller.shutdown(20)
    assert controller.status()["base"] == {"origin": "preset", "name": "eeg8_250"}
    controller.undo()
    assert (factor(controller), controller.status()["changed"]) == (50, ["gain.factor=50"])
    assert controller.status()["base"]["origin"] == "request"


def test_a_recorder_that_was_added_is_no_step(controller):
    controller.update("gain", "factor", 50)
    controller.add_recorder("second", {"type": "null_sink", "inputs": ["acquire"]})
    controller.undo()
    assert factor(controller) == 60
    assert "second" not in controller.config()["stages"]


def test_what_runs_takes_the_undo_or_keeps_the_step(controller):
    controller.update("acquire", "sps", 500)
    controller.update("gain", "factor", 50)
    controller.start()
    assert controller.undo() == 4
    assert controller.run.live.config_rev == 4
    with pytest.raises(NeedsStop):
        controller.undo()
    assert (controller.config_rev, factor(controller)) == (4, 60)
    controller.shutdown(20)
    controller.undo()
    assert controller.config()["stages"]["acquire"]["sps"] == 250

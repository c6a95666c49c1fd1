"""Changes of a running graph by many at once, with values that are none, and at instants nobody expects."""

from __future__ import annotations

import random
import threading
import time
from typing import Any

import pytest

from eegcore.control.controller import Controller
from eegcore.errors import ConfigError, StateConflict
from eegcore.sinks.ledger_file import check_ledger

STAGES: list[dict[str, Any]] = [
    {"acquire": {"board": "emulator", "sps": 1000}}, {"to_voltage": {}}, {"notch": {"hz": 50}},
    {"bandpass": {}}, {"null_sink": {}}]
N_CHANGES = 60


@pytest.mark.parametrize("value", [
    float("nan"), float("inf"), "x" * 10**6, [1], {"a": {}}, True, 10**400, -1, b"x", object(), {1, 2}], ids=type)
def test_a_value_that_is_none_is_refused_and_nothing_changes(value):
    controller = Controller(STAGES)
    with pytest.raises(ConfigError) as caught:
        controller.update("notch", "hz", value)
    assert len(str(caught.value)) < 1000
    assert controller.config()["stages"]["notch"]["hz"] == 50
    assert controller.config_rev == 1


@pytest.mark.parametrize("stage_id", [5, None, ("notch",), ["notch"], b"notch"])
def test_a_stage_id_that_is_no_text_is_an_unknown_stage(stage_id):
    with pytest.raises(ConfigError, match="no stage is called"):
        Controller(STAGES).update(stage_id, "hz", 60)


def test_editors_against_those_who_pause_stop_and_start():
    controller = Controller(STAGES)
    controller.start()
    found: list[BaseException] = []
    changed = [0]

    def once(number: int, choice: random.Random) -> None:
        if number == 0:
            controller.shutdown()
            controller.start()
            time.sleep(0.05)
        elif number == 1:
            choice.choice((controller.pause, controller.resume, controller.resume))()
        else:
            controller.update("notch", "q", choice.choice((10.0, 20.0, 30.0)))
            changed[0] += 1

    def work(number: int) -> None:
        choice, deadline = random.Random(number), time.monotonic() + 60
        while changed[0] < N_CHANGES and time.monotonic() < deadline:
            try:
                once(number, choice)
            except StateConflict:
                time.sleep(0.005)              # it is being stopped: a moment later it runs again
            except BaseException as error:
                found.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(70)
    assert not any(thread.is_alive() for thread in threads)
    ledger = controller.shutdown()
    assert found == []
    assert changed[0] >= N_CHANGES
    assert check_ledger(ledger) == []
    assert controller.state == "stopped"

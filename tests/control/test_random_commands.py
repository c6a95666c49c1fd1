"""Any commands in any order: what is recorded does not change, and what is held, runs, is told and is kept agree."""

from __future__ import annotations

import random

import pytest

from eegcore.control.controller import Controller
from eegcore.control.documents import merged_with, written
from eegcore.control.preparing import prepare
from eegcore.errors import EegcoreError

STAGES = [{"acquire": {"board": "emulator", "sps": 250, "channels": 4}}, {"to_voltage": {}}, {"gain": {"factor": 2}},
          {"gain": {"id": "second", "factor": 3}},
          {"gain": {"id": "beside", "inputs": "gain", "factor": 5}}, {"moving_stats": {"inputs": "beside"}},
          {"null_sink": {"inputs": "beside"}}]
IDS = ["acquire", "to_voltage", "gain", "second", "beside", "moving_stats", "null_sink", "csv_sink", "new", "newer",
       "x.y"]
TYPES = [{"gain": {}}, {"gain": {"factor": 7}}, {"type": "moving_stats"}, {"null_sink": {}}, {"type": "nope"}, None, 5,
         {"type": "gain", "inputs": ["gain"]}, {"type": "to_voltage"}, {"type": "gain", "factor": "x"}]
VALUES = [1, 2.5, -1, 0, "x", None, [1, 2], {"a": 1}, True, "gain", ["gain"], ["second"], 1e300]
KEYS = [*["factor"] * 5, "sps", "gain", "inputs", "labels", "type", "nope", "on_error", "queue", "window_s", "path",
        "0"]


def random_command(controller: Controller, draw: random.Random):
    """Carry one out; return its name, or the word of the refusal."""
    stage_id, other = ("beside" if draw.random() < 0.3 else draw.choice(IDS) for _ in range(2))
    pointer = f"/stages/{stage_id}/{draw.choice(KEYS)}"
    commands = {
        "update": lambda: controller.update(stage_id, draw.choice(KEYS), draw.choice(VALUES)),
        "change": lambda: controller.change({stage_id: {"factor": draw.choice(VALUES)}, other: {"factor": 4}}),
        "patch": lambda: controller.patch([
            {"op": draw.choice(["add", "replace", "remove", "test"]), "path": pointer, "value": draw.choice(VALUES)},
            {"op": "replace", "path": f"/stages/{draw.choice(IDS)}/factor", "value": draw.randint(1, 9)}][
                :draw.randint(1, 2)]),
        "move": lambda: controller.patch([{"op": draw.choice(["move", "copy"]), "from": f"/stages/{stage_id}",
                                           "path": f"/stages/{other}"}]),
        "add": lambda: controller.add_stage(stage_id, draw.choice(TYPES), after=draw.choice([None, *IDS]),
                                            splice=draw.random() < 0.5, topic=draw.choice([None, False, "t", True])),
        "remove": lambda: controller.remove_stage(stage_id),
        "replace": lambda: controller.replace_stage(stage_id, draw.choice(TYPES)),
        "undo": lambda: controller.undo(draw.choice([None, None, controller.config_rev, 1])),
        "start": lambda: controller.start(draw.choice([None, [{"acquire": {}}]])),
    }
    name = draw.choice(list(commands))
    if name == "start" and controller.state == "stopped":
        return "left out"
    try:
        commands[name]()
    except EegcoreError as error:
        return error.code
    return name


def recorded(controller: Controller):
    """What the recorder gets: every stage on its way, as it was planned."""
    plan = controller.run.plan
    way, wanted = [], {"csv_sink"}
    for stage in reversed(plan.stages):
        if stage.id in wanted:
            way.append((stage.id, stage.type, stage.inputs, stage.native, str(stage.settings)))
            wanted.update(source for source, _ in stage.inputs)
    return way


def run_commands_while_recording(tmp_path, n: int, seed: int):
    draw = random.Random(seed)
    controller = Controller([*STAGES, {"csv_sink": {"path": str(tmp_path / "x.csv"), "inputs": "second"}}])
    told = []
    controller.subscribe(lambda event: told.append(event) if event["event"] == "config" else None)
    controller.start()
    seen: dict[str, int] = {}
    try:
        before = recorded(controller)
        for _ in range(n):
            rev, word = controller.config_rev, random_command(controller, draw)
            seen[word] = seen.get(word, 0) + 1
            run = controller.run
            assert recorded(controller) == before, word
            assert run.plan is controller.held().plan
            assert controller.config_rev == run.live.config_rev >= rev
            if controller.config_rev != rev:
                assert (told[-1]["config_rev"], told[-1]["config"]) == controller.revision()
        assert controller.state == "running"
    finally:
        ledger = controller.shutdown(30)
    assert ledger["balanced"]
    assert ledger["lost"] == 0
    return seen


def test_nothing_that_is_recorded_can_be_changed(tmp_path):
    seen = run_commands_while_recording(tmp_path, 1000, seed=1)
    assert {"locked", "bad_config", "conflict", "update", "change", "patch", "undo"} <= set(seen)


@pytest.mark.deep
def test_ten_thousand_commands_while_recording(tmp_path):
    run_commands_while_recording(tmp_path, 10_000, seed=2)


def run_commands_while_stopped(n: int, seed: int):
    draw = random.Random(seed)
    controller = Controller(STAGES)
    done: set[str] = set()
    for _ in range(n):
        steps = [controller.revision()]
        word = random_command(controller, draw)
        done.add(word)
        held = controller.held()
        assert controller.config_rev >= steps[0][0]
        if controller.config_rev == steps[0][0]:
            assert controller.revision() == steps[0]
            continue
        # kept over a restart it is the same configuration
        again, _ = prepare(merged_with(held.base.document, held.overrides))
        assert again.merged() == held.config.merged(), word
        # and so is the written one: nothing is lost with the defaults
        assert prepare(written(held.config))[0].merged() == held.config.merged()
        if word not in ("undo", "start"):
            controller.undo()
            assert controller.config() == steps[0][1]
            if draw.random() < 0.7:                      # go on from the change
                controller.edit(lambda _, held=held: (held.config, held.plan))
    return done


def test_what_is_held_can_be_kept_and_taken_back():
    done = run_commands_while_stopped(250, seed=3)
    assert {"update", "patch", "move", "add", "remove", "replace", "undo", "bad_config", "patch_conflict"} <= done


@pytest.mark.deep
def test_many_commands_while_stopped():
    for seed in range(20):
        run_commands_while_stopped(1000, seed)

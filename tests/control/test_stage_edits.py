"""Stages added, spliced in, removed and replaced: what the document becomes, and what is refused."""

from __future__ import annotations

import pytest
import scipy.signal  # noqa: F401 -- filters are designed in this process, not in a child for each

from eegcore.control.controller import Controller
from eegcore.errors import BadArgument, ConfigError, NotFound, StateConflict
from eegcore.pipeline import Pipeline

STAGES = [{"acquire": {"board": "emulator", "sps": 250, "channels": 4}}, {"to_voltage": {}}, {"notch": {"hz": 60}},
          {"bandpass": {"low_hz": 1, "high_hz": 40}}, {"websocket_sink": {"topic": "eeg"}},
          {"null_sink": {"inputs": "notch"}}]


@pytest.fixture
def controller():
    return Controller(STAGES)


def wires(controller: Controller) -> dict[str, list[str]]:
    return {name: stage["inputs"] for name, stage in controller.config()["stages"].items()}


def test_a_branch_gets_a_topic_of_its_name_when_nobody_reads_it(controller):
    before = wires(controller)
    assert controller.add_stage("fft", after="notch") == 2
    after = wires(controller)
    assert list(after) == ["acquire", "to_voltage", "notch", "fft", "ws_fft", "bandpass", "websocket_sink", "null_sink"]
    assert {name: after[name] for name in before} == before
    assert (after["fft"], after["ws_fft"]) == (["notch"], ["fft"])
    assert controller.config()["stages"]["ws_fft"]["topic"] == "fft"
    controller.remove_stage("fft")
    assert wires(controller) == before


@pytest.mark.parametrize(("stage", "settings"), [
    ({"type": "lowpass", "hz": 10}, {"hz": 10.0}), ({"lowpass": {"hz": 10}}, {"hz": 10.0}),
    ({"type": "lowpass", "hz": 10, "inputs": None, "id": "slow"}, {"hz": 10.0}),
    ({"type": "lowpass", "hz": 10, "inputs": ["notch"]}, {"hz": 10.0})])
def test_a_stage_may_be_written_either_way(controller, stage, settings):
    controller.add_stage("slow", stage, after="notch", topic="slow_waves")
    stages = controller.config()["stages"]
    assert stages["slow"] | settings == stages["slow"]
    assert stages["slow"]["inputs"] == ["notch"]
    assert stages["ws_slow"]["topic"] == "slow_waves"


def test_a_splice_moves_the_readers_and_needs_no_topic(controller):
    controller.add_stage("slow", {"lowpass": {"hz": 10}}, after="notch", splice=True)
    after = wires(controller)
    assert (after["slow"], after["bandpass"], after["null_sink"]) == (["notch"], ["slow"], ["slow"])
    assert "ws_slow" not in after
    controller.remove_stage("slow")
    assert wires(controller) == wires(Controller(STAGES))


def test_a_splice_behind_one_port_leaves_readers_of_others_alone():
    controller = Controller([*STAGES[:2], {"align_and_zip": {"inputs": ["to_voltage", "second_uv"]}},
                             {"acquire": {"id": "second", "sps": 250, "channels": 4, "labels": ["w", "x", "y", "z"]}},
                             {"to_voltage": {"id": "second_uv"}}, {"null_sink": {"inputs": "align_and_zip"}}])
    controller.add_stage("gain", after="to_voltage", splice=True)
    assert wires(controller)["align_and_zip"] == ["gain", "second_uv"]


def test_sinks_and_sources_may_be_added_too(controller):
    controller.add_stage("second_sink", {"null_sink": {}}, after="bandpass")
    assert wires(controller)["second_sink"] == ["bandpass"]
    assert "ws_second_sink" not in wires(controller)
    controller.add_stage("sine", {"type": "acquire", "signal": "sine"})
    assert (wires(controller)["sine"], wires(controller)["ws_sine"]) == ([], ["sine"])
    controller.add_stage("quiet", {"gain": {}}, after="notch", topic=False)
    assert "ws_quiet" not in wires(controller)


@pytest.mark.parametrize(("arguments", "error", "words"), [
    ({"stage_id": "notch"}, StateConflict, "'notch' is there already"),
    ({"stage_id": "x", "after": "ntch"}, NotFound, "after: no stage is called 'ntch'. Did you mean 'notch'"),
    ({"stage_id": "x", "stage": {"gain": {}}, "splice": True}, BadArgument, "Give after"),
    ({"stage_id": "x", "stage": {"null_sink": {}}, "after": "notch", "splice": True}, BadArgument, "has no output"),
    ({"stage_id": "x", "stage": {"type": "gain", "inputs": "bandpass"}, "after": "notch"}, BadArgument, "Give one of"),
    ({"stage_id": "x", "stage": {"type": "gain", "id": "y"}, "after": "notch"}, BadArgument, "its id is 'y'"),
    ({"stage_id": "x", "stage": {"gain": {}, "group": "own"}, "after": "notch"}, BadArgument,
     "'group' stands beside 'gain'. Put all that belongs to it inside"),
    ({"stage_id": "x", "stage": {"gain": 2}, "after": "notch"}, BadArgument, "'gain' holds 2, and not its settings"),
    ({"stage_id": "x", "stage": [1], "after": "notch"}, BadArgument, "a list is not a stage"),
    ({"stage_id": "x", "stage": {"type": [1]}, "after": "notch"}, BadArgument, "type a list is not a name"),
    ({"stage_id": "fftt", "after": "notch"}, ConfigError, "no stage type is called 'fftt'.*Did you mean 'fft'"),
    ({"stage_id": "Fft", "stage": {"fft": {}}, "after": "notch"}, ConfigError, "'Fft' is no id"),
    ({"stage_id": "x", "stage": {"notch": {"hz": -1}}, "after": "notch"}, ConfigError, "stages.x.hz"),
    ({"stage_id": "x", "stage": {"acquire": {}}, "after": "notch"}, ConfigError, "takes no input"),
    ({"stage_id": "x", "stage": {"gain": {}}, "after": "notch", "topic": "eeg"}, ConfigError, "topic 'eeg' is taken"),
    ({"stage_id": "x", "stage": {"gain": {}}, "after": "notch.b"}, ConfigError, "stages.x"),
    ({"stage_id": "x", "stage": {"gain": {}}, "after": "null_sink"}, ConfigError, "is a sink and has no output"),
])
def test_additions_that_make_no_sense_are_refused_whole(controller, arguments, error, words):
    before = controller.revision()
    with pytest.raises(error, match=words):
        controller.add_stage(**arguments)
    assert controller.revision() == before


def test_the_name_of_its_sink_may_be_taken(controller):
    controller.add_stage("ws_fft", {"null_sink": {}}, after="notch")
    with pytest.raises(StateConflict, match="its websocket sink would be 'ws_fft'"):
        controller.add_stage("fft", after="notch")


def test_what_reads_a_removed_filter_takes_its_input(controller):
    controller.remove_stage("notch")
    assert (wires(controller)["bandpass"], wires(controller)["null_sink"]) == (["to_voltage"], ["to_voltage"])


def test_sinks_below_what_makes_another_kind_go_with_it(controller):
    controller.add_stage("fft", after="notch")
    controller.add_stage("spectra", {"null_sink": {}}, after="fft")
    controller.remove_stage("fft")
    assert wires(controller) == wires(Controller(STAGES))


@pytest.mark.parametrize(("stage_id", "error", "words"), [
    ("to_voltage", StateConflict, "notch reads it, and nothing else gives the same kind"),
    ("acquire", StateConflict, "to_voltage reads it"), ("nope", NotFound, "no stage is called 'nope'")])
def test_what_others_need_stays(controller, stage_id, error, words):
    before = controller.revision()
    with pytest.raises(error, match=words):
        controller.remove_stage(stage_id)
    assert controller.revision() == before


def test_a_replaced_stage_keeps_its_place_and_its_inputs(controller):
    controller.replace_stage("notch", {"bandstop": {"low_hz": 48, "high_hz": 52}})
    stages = controller.config()["stages"]
    assert list(stages) == list(Controller(STAGES).config()["stages"])
    assert (stages["notch"]["type"], stages["notch"]["inputs"], stages["notch"]["low_hz"]) == (
        "bandstop", ["to_voltage"], 48.0)
    controller.replace_stage("bandpass", {"low_hz": 2, "high_hz": 30, "inputs": ["to_voltage"]})
    assert wires(controller)["bandpass"] == ["to_voltage"]
    controller.replace_stage("acquire", {"gain": 12, "channels": 4})
    assert controller.config()["stages"]["acquire"]["gain"] == 12
    for stage, error in ((None, BadArgument), ({"type": "ntch"}, ConfigError), ({"hz": "x"}, ConfigError)):
        with pytest.raises(error):
            controller.replace_stage("notch", stage)
    with pytest.raises(NotFound):
        controller.replace_stage("nope", {"type": "gain"})


def test_a_run_of_a_plan_has_no_stages_to_edit():
    run = Pipeline.from_plan(Pipeline(STAGES).plan).run()
    for call in (lambda: run.add("gain", after="notch"), lambda: run.remove("notch"),
                 lambda: run.replace("notch", {"gain": {}})):
        with pytest.raises(StateConflict, match="made from a plan"):
            call()

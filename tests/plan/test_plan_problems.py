"""Streams through the graph: what cannot work is refused, all of it in one pass."""

from __future__ import annotations

import pytest

SOURCE = {"acquire": {"sps": 250}}


def test_every_problem_is_reported_at_once(refused):
    found = refused([
        SOURCE,
        {"notch": {"hz": 60}},                                           # counts
        {"to_voltage": {"inputs": "acquire"}},
        {"bandpass": {"high_hz": 200}},                                  # Nyquist
        {"lowpass": {"hz": 30}},                                         # below a broken stage: not judged
        {"decimate": {"to_sps": 60, "inputs": "to_voltage"}},            # no whole ratio
        {"fft": {"window_s": 0.01, "inputs": "to_voltage"}},             # too short
        {"select": {"labels": ["Cz"], "inputs": "to_voltage"}},          # no such channel
        {"websocket_sink": {"topic": "eeg", "inputs": "to_voltage"}},
        {"websocket_sink": {"id": "ws2", "topic": "eeg", "inputs": "to_voltage"}},          # taken
        {"csv_sink": {"path": "x.csv", "columns": "both", "inputs": "acquire"}},            # no uV
        {"null_sink": {"inputs": "to_voltage", "group": "server"}},                         # not for stages
        {"null_sink": {"id": "late", "inputs": "lowpass", "group": "dsp", "queue": 8}},     # no ring there
    ])
    assert {text.split(":")[0] for text in found} == {
        "stages[1].notch.inputs", "stages[3].bandpass.high_hz", "stages[5].decimate.to_sps", "stages[6].fft.window_s",
        "stages[7].select.labels", "stages[9].websocket_sink.topic", "stages[10].csv_sink.columns",
        "stages[11].null_sink.group", "stages[12].null_sink.queue"}
    assert len(found) == 9


def test_mistakes_of_the_file_and_of_the_plan_come_out_together(refused):
    found = refused([{"acquire": {"sps": 250, "gain": 5}}, {"notch": {"hz": 60, "inputs": "aquire"}},
                     {"to_voltage": {"inputs": "acquire"}}, {"bandpass": {"high_hz": 200, "order": "four"}},
                     {"null_sink": {"inputs": "to_voltage", "stal_ms": 3}}])
    assert {text.split(":")[0] for text in found} == {
        "stages[0].acquire.gain", "stages[1].notch.inputs", "stages[3].bandpass.order", "stages[3].bandpass.high_hz",
        "stages[4].null_sink.stal_ms"}


@pytest.mark.parametrize("source", [{"sps": "fast"}, {"spss": 4000}])
def test_what_may_follow_from_a_refused_rate_is_not_reported_but_the_rest_is(refused, source):
    found = refused([{"acquire": source}, {"notch": {"hz": 60}}, {"to_voltage": {"inputs": "acquire"}},
                     {"bandpass": {"high_hz": 1000}}, {"select": {"labels": ["Xy"], "inputs": "to_voltage"}},
                     {"null_sink": {}}])
    assert {text.split(":")[0] for text in found} == {
        f"stages[0].acquire.{next(iter(source))}", "stages[1].notch.inputs", "stages[4].select.labels"}


def test_a_comparison_with_a_refused_setting_is_not_reported(refused):
    (text,) = refused([SOURCE, {"to_voltage": {}}, {"bandpass": {"low_hz": 60, "high_hz": "wide"}}, {"null_sink": {}}])
    assert text.startswith("stages[2].bandpass.high_hz: ")


def test_channels_in_doubt_leave_rates_to_be_judged(refused):
    found = refused([{"acquire": {"channels": "many"}}, {"to_voltage": {}}, {"gain": {"factor": [1.0, 2.0]}},
                     {"notch": {"hz": 125, "inputs": "to_voltage"}}, {"null_sink": {}}])
    assert {text.split(":")[0] for text in found} == {"stages[0].acquire.channels", "stages[3].notch.hz"}


def test_an_output_that_does_not_exist_is_named(refused):
    (text,) = refused([SOURCE, {"to_voltage": {"inputs": "acquire.aux"}}, {"null_sink": {}}])
    assert text == "stages[1].to_voltage.inputs: 'acquire' has no output called 'aux' | Known: out | " \
                   "Write 'acquire' for the first"


def test_a_step_that_no_packet_can_carry_is_refused(plan, refused):
    source = [{"acquire": {"sps": 16000}}, {"to_voltage": {}}]
    slow = [{"decimate": {"id": f"d{i}", "factor": 256}} for i in range(4)]
    plan([*source, *slow[:3], {"null_sink": {}}])
    (text,) = refused([*source, *slow, {"null_sink": {}}])
    assert text == ("stages[5].decimate: a frame of its output stands for 4294967296 frames of the device | "
                    "Fewer than 4294967296 | Decimate less")


def test_two_sinks_with_one_topic_are_refused(refused):
    (text,) = refused([SOURCE, {"websocket_sink": {"topic": "eeg"}}, {"websocket_sink": {"id": "b", "topic": "eeg"}}])
    assert text == ("stages[2].websocket_sink.topic: topic 'eeg' is taken by 'websocket_sink' |  | "
                    "Give every websocket_sink its own topic")


def test_an_output_nobody_reads_is_a_warning(plan):
    made = plan([SOURCE, {"to_voltage": {}}, {"notch": {"hz": 60}}, {"null_sink": {"inputs": "to_voltage"}}])
    assert made.warnings == ["stages[2].notch: nothing reads the output of 'notch'."]


def test_on_error_defaults(plan):
    made = plan([SOURCE, {"to_voltage": {}}, {"null_sink": {}}, {"csv_sink": {"path": "x.csv", "on_error": "fatal"}}])
    assert {stage.id: stage.on_error for stage in made.stages} == {
        "acquire": "fatal", "to_voltage": "fatal", "null_sink": "drain_then_stop", "csv_sink": "fatal"}


def test_settings_are_complete_and_as_used(plan):
    made = plan([SOURCE, {"to_voltage": {}}, {"decimate": {"factor": 5}}, {"websocket_sink": {}}])
    assert made.stage("acquire").settings["batch"] == 1
    assert made.stage("acquire").settings["labels"][0] == "Fp1"
    assert made.stage("decimate").settings == {"factor": 5, "to_sps": 50.0, "filter": "iir"}
    assert made.stage("websocket_sink").settings == {"topic": "websocket_sink"}


def test_stages_are_in_topological_order_as_declared_where_possible(plan):
    made = plan([SOURCE, {"bandpass": {"inputs": "to_voltage"}}, {"to_voltage": {"inputs": "acquire"}},
                 {"null_sink": {"inputs": "bandpass"}}])
    assert [stage.id for stage in made.stages] == ["acquire", "to_voltage", "bandpass", "null_sink"]

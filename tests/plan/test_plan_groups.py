"""Which thread runs which stage, and what no thread can do."""

from __future__ import annotations

import pytest

SOURCE = {"acquire": {"sps": 4000}}
CHAIN = [SOURCE, {"to_voltage": {}}, {"notch": {"hz": 60}}, {"bandpass": {}}]


def threads(plan):
    return {group.thread: [stage.id for stage in plan.stages if stage.group == group.name] for group in plan.groups}


def test_default_threads(plan):
    made = plan([*CHAIN, {"websocket_sink": {}}, {"null_sink": {}}, {"csv_sink": {"path": "x.csv"}}])
    assert threads(made) == {"acquire": ["acquire"], "worker-dsp": ["to_voltage", "notch", "bandpass"],
                             "worker-sinks": ["websocket_sink", "null_sink"], "sink-csv_sink": ["csv_sink"]}
    assert [group.kind for group in made.groups] == ["source", "worker", "worker", "sink"]
    assert made.stage("csv_sink").group == "sink-csv_sink"


def test_further_sources_have_threads_of_their_own(plan):
    made = plan([SOURCE, {"null_sink": {}}, {"acquire": {"id": "second"}}, {"null_sink": {"id": "n2"}}])
    assert threads(made) == {"acquire": ["acquire"], "worker-sinks": ["null_sink", "n2"],
                             "acquire-second": ["second"]}


def test_a_group_of_ones_own(plan):
    made = plan([SOURCE, {"to_voltage": {"group": "front"}}, {"notch": {"hz": 60, "group": "back"}}, {"null_sink": {}}])
    assert list(threads(made)) == ["acquire", "worker-front", "worker-back", "worker-sinks"]
    assert [edge.name for edge in made.edges] == ["acquire->to_voltage", "to_voltage->notch", "notch->null_sink"]


def test_stages_may_run_on_the_thread_of_their_source(plan):
    made = plan([SOURCE, {"to_voltage": {"group": "acquire"}}, {"null_sink": {"group": "acquire"}}])
    (group,) = made.groups
    assert (group.kind, group.thread) == ("source", "acquire")
    assert [node.name for node in group.nodes] == ["acquire", "to_voltage", "null_sink"]
    assert made.edges == []


def test_a_source_may_name_its_group(plan):
    made = plan([{"acquire": {"group": "front"}}, {"null_sink": {}}])
    assert [(group.name, group.thread) for group in made.groups] == [("front", "acquire"), ("sinks", "worker-sinks")]


def test_cores_and_priority_come_from_the_file(plan):
    made = plan([SOURCE, {"to_voltage": {}}, {"csv_sink": {"path": "x.csv"}}, {"acquire": {"id": "b"}},
                 {"null_sink": {}}],
                groups={"acquire": {"cores": [0], "priority": 80}, "dsp": {"cores": [1, 2], "priority": 70},
                        "sinks": {"cores": [3], "priority": 60}})
    assert {group.name: (group.cores, group.priority) for group in made.groups} == {
        "acquire": ([0], 80), "acquire-b": ([0], 80), "dsp": ([1, 2], 70), "sinks": ([3], 60),
        "sink-csv_sink": ([3], None)}
    assert made.warnings == []


def test_a_group_nobody_is_in_is_a_warning(plan):
    made = plan([SOURCE, {"null_sink": {}}], groups={"dps": {"cores": [1]}, "other": {"cores": [0]}})
    assert made.warnings == ["runtime.groups.dps: no stage is in this group. "
                             "Groups in use: acquire, dsp, other, sinks."]


def test_two_sources_in_one_group_are_refused(refused):
    (text,) = refused([SOURCE, {"acquire": {"id": "b", "group": "acquire"}}, {"null_sink": {}}])
    assert text.startswith("stages[1].acquire.group: group 'acquire' has a source already ('acquire') |")


@pytest.mark.parametrize("name", ["other", "loop", "control", "server"])
def test_threads_of_the_program_take_no_stage(refused, name):
    (text,) = refused([SOURCE, {"null_sink": {"group": name}}])
    assert text == (f"stages[1].null_sink.group: group {name!r} is for the threads of the program itself | "
                    "acquire, dsp, sinks or a name of your own | ")


def test_a_file_writer_is_always_alone(refused):
    (text,) = refused([SOURCE, {"csv_sink": {"path": "x.csv", "group": "sinks"}}])
    assert text.startswith("stages[1].csv_sink.group: csv_sink always runs on a thread of its own, and group 'sinks'")


def test_groups_that_wait_for_each_other_are_refused(refused):
    (text,) = refused([SOURCE, {"to_voltage": {"group": "a"}}, {"notch": {"hz": 60, "group": "b"}},
                       {"bandpass": {"group": "a"}}, {"null_sink": {}}])
    assert text.startswith("stages[3].bandpass.group: the groups wait for each other: ")
    assert "a -> b -> a" in text or "b -> a -> b" in text


def test_a_source_thread_waits_for_no_ring(refused):
    (text,) = refused([SOURCE, {"to_voltage": {}}, {"notch": {"hz": 60, "group": "acquire"}}, {"null_sink": {}}])
    assert text.startswith("stages[2].notch.group: 'notch' reads 'to_voltage' of group 'dsp', and the thread of group "
                           "'acquire' waits for a source |")


def test_more_than_64_threads_are_refused(plan, refused):
    sinks = [{"null_sink": {"id": f"n{i}", "group": f"g{i}"}} for i in range(64)]
    plan([SOURCE, *sinks[:63]])
    (text,) = refused([SOURCE, *sinks])
    assert text == "stages: the pipeline needs 65 threads | At most 64 | Put more stages into the same group"


def test_33_readers_in_one_group_are_too_many(plan, refused):
    sinks = [{"null_sink": {"id": f"n{i}", "inputs": "to_voltage", "group": "dsp"}} for i in range(33)]
    plan([SOURCE, {"to_voltage": {}}, *sinks[:32]])
    (text,) = refused([SOURCE, {"to_voltage": {}}, *sinks])
    assert text.startswith("stages[34].null_sink.inputs: 33 stages of group 'dsp' read 'to_voltage' | At most 32")

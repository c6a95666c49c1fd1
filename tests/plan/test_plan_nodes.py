"""Cascades: which stages are compiled together, and what each port of them carries."""

from __future__ import annotations

import pytest

from eegcore.stages.design import sos_from_hex

SOURCE = {"acquire": {"sps": 4000}}
CHAIN = [SOURCE, {"to_voltage": {}}, {"notch": {"hz": 60}}, {"bandpass": {}}]


def nodes(plan, group="dsp"):
    return next(item for item in plan.groups if item.name == group).nodes


def test_neighbouring_linear_stages_are_one_cascade(plan):
    (node,) = nodes(plan([*CHAIN, {"null_sink": {}}]))
    params = node.params
    assert node.name == "to_voltage+notch+bandpass"
    assert node.members == ["to_voltage", "notch", "bandpass"]
    assert node.inputs == [("acquire", "out")]
    assert node.outputs == [("to_voltage", "out"), ("notch", "out"), ("bandpass", "out")]
    assert (params["node"], params["input"], params["n_channels"]) == ("cascade", "counts", 8)
    assert [(op["op"], op["stage"]) for op in params["ops"]] == [
        ("scale", "to_voltage"), ("sos", "notch"), ("sos", "bandpass")]
    assert sum(len(sos_from_hex(op["sos"])) for op in params["ops"][1:]) == 5
    assert params["ports"] == [
        {"stage": "to_voltage", "after": 1, "raw": False, "decimated": False},
        {"stage": "notch", "after": 2, "raw": False, "decimated": False},
        {"stage": "bandpass", "after": 3, "raw": False, "decimated": False}]


def test_each_member_settles_after_those_before_it(plan):
    made = plan([*CHAIN, {"null_sink": {}}])
    (node,) = nodes(made)
    to_voltage, notch, bandpass = node.params["settling_frames"]
    assert to_voltage == 0 < notch < bandpass
    assert bandpass == pytest.approx(made.stage("bandpass").outputs[0].stream.settling_s * 4000, abs=1)


def test_settling_counts_fit_32_bits(plan):
    (node,) = nodes(plan([{"acquire": {"sps": 16000}}, {"to_voltage": {}}, {"highpass": {"hz": 1e-6, "order": 1}},
                          {"null_sink": {}}]))
    assert node.params["settling_frames"] == [0, 2**32 - 1]


def test_a_port_read_elsewhere_stays_in_the_cascade(plan):
    made = plan([*CHAIN, {"websocket_sink": {"inputs": "notch"}}, {"fft": {"inputs": "notch"}}, {"null_sink": {}}])
    assert [node.name for node in nodes(made)] == ["to_voltage+notch+bandpass", "fft"]
    assert nodes(made)[1].inputs == [("notch", "out")]


def test_the_second_branch_begins_a_new_cascade(plan):
    made = plan([*CHAIN, {"null_sink": {}}, {"lowpass": {"inputs": "notch"}}, {"gain": {}},
                 {"null_sink": {"id": "other"}}])
    first, second = nodes(made)
    assert first.members == ["to_voltage", "notch", "bandpass"]
    assert (second.members, second.inputs, second.params["input"]) == (["lowpass", "gain"], [("notch", "out")], "uv")


def test_a_decimate_ends_its_cascade(plan):
    made = plan([*CHAIN, {"decimate": {"to_sps": 250}}, {"lowpass": {"hz": 30}}, {"null_sink": {}}])
    first, second = nodes(made)
    assert first.members[-1] == "decimate"
    assert [op["op"] for op in first.params["ops"]] == ["scale", "sos", "sos", "sos", "decimate"]
    assert first.params["ports"][-1] == {"stage": "decimate", "after": 5, "raw": False, "decimated": True}
    assert first.pools[:3] == ["packets_512"] * 3
    assert first.pools[3] == "packets_64"                     # one frame of eight channels
    assert second.members == ["lowpass"]
    assert second.params["sps"] == 250


def test_select_and_groups_part_cascades(plan):
    made = plan([SOURCE, {"to_voltage": {}}, {"select": {"channels": [1, 2]}}, {"notch": {"hz": 60}},
                 {"bandpass": {"group": "late"}}, {"null_sink": {}}])
    assert [node.name for node in nodes(made)] == ["to_voltage", "select", "notch"]
    assert [node.name for node in nodes(made, "late")] == ["bandpass"]
    assert nodes(made)[1].params["picks"] == [0, 1]
    assert nodes(made)[2].params["n_channels"] == 2


def test_kept_counts_are_a_raw_port(plan):
    (node,) = nodes(plan([SOURCE, {"to_voltage": {"keep_raw": True}}, {"notch": {"hz": 60}}, {"null_sink": {}},
                          {"csv_sink": {"path": "x.csv", "inputs": "to_voltage"}}]))
    assert [port["raw"] for port in node.params["ports"]] == [True, False]
    assert node.pools == ["packets_1024", "packets_512"]


def test_a_cascade_has_at_most_64_sections(plan):
    many = [{"bandpass": {"id": f"b{i}", "order": 12}} for i in range(7)]
    made = plan([SOURCE, {"to_voltage": {}}, *many, {"null_sink": {}}])
    assert [len(node.members) for node in nodes(made)] == [6, 2]
    assert [sum(len(op.get("sos", [])) for op in node.params["ops"]) for node in nodes(made)] == [60, 24]


def test_sinks_are_nodes_without_outputs(plan):
    made = plan([SOURCE, {"websocket_sink": {"topic": "raw"}}, {"csv_sink": {"path": "x.csv"}}])
    (sink,), (csv,) = nodes(made, "sinks"), nodes(made, "sink-csv_sink")
    assert (sink.outputs, sink.params["topic"]) == ([], "raw")
    assert (csv.params["node"], csv.params["columns"]) == ("csv_sink", "counts")

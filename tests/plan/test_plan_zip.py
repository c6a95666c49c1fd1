"""What can be joined, what cannot and why, and what the plan knows of it."""

from __future__ import annotations

import json

import pytest

from eegcore.graph.plan import plan_json, plan_load
from eegcore.stages.stream import Kind

A, B = ({"acquire": {"id": name, "sps": 250, "channels": 4, "labels": [f"{name}{c}" for c in range(4)]}}
        for name in "ab")
JOIN = {"align_and_zip": {"inputs": ["a", "b"]}}
SINK = {"null_sink": {}}


def joined(plan, *stages, **settings):
    made = plan([*stages, {"align_and_zip": {"inputs": ["a", "b"], **settings}}, SINK])
    return made.stage("align_and_zip")


def test_the_output_has_the_channels_of_all_and_the_frames_of_the_first(plan):
    stage = joined(plan, {"acquire": {**A["acquire"], "batch": 3, "gain": 12}},
                   {"acquire": {**B["acquire"], "batch": 9}})
    stream = stage.outputs[0].stream
    assert (stream.kind, stream.sps, stream.max_frames) == (Kind.RAW_I32, 250, 3)
    assert stream.labels == ("a0", "a1", "a2", "a3", "b0", "b1", "b2", "b3")
    assert stream.scale_uv == (stream.scale_uv[0],) * 4 + (stream.scale_uv[0] / 2,) * 4
    assert stream.sources == ("a", "b")
    assert stream.reference == "srb1"
    assert stream.meta["gain"] == [12] * 4 + [24] * 4
    assert stage.settings["by"] == "time"
    assert stage.settings["tolerance_ms"] == pytest.approx(2.2)
    assert stage.settings["wait_ms"] == 250


def test_what_differs_is_not_claimed(plan):
    stream = joined(plan, {"acquire": {**A["acquire"], "reference": "differential"}},
                    {"acquire": {**B["acquire"], "vref_v": 2.5}}).outputs[0].stream
    assert stream.reference == ""
    assert "vref_v" not in stream.meta


def test_branches_of_one_source_are_joined_by_index(plan):
    made = plan([A, {"to_voltage": {}}, {"notch": {"hz": 50}},
                 {"align_and_zip": {"inputs": ["to_voltage", "notch"], "prefix": True}}, SINK])
    stage = made.stage("align_and_zip")
    assert (stage.settings["by"], stage.settings["tolerance_ms"]) == ("index", 0)
    assert stage.outputs[0].stream.labels[3:5] == ("to_voltage.a3", "notch.a0")
    assert stage.outputs[0].stream.settling_s == made.stage("notch").outputs[0].stream.settling_s


def test_what_any_of_them_went_through_is_told(plan):
    made = plan([A, {"to_voltage": {}}, {"notch": {"id": "n", "hz": 50}},
                 {"highpass": {"id": "h", "hz": 1, "inputs": "to_voltage"}},
                 {"align_and_zip": {"inputs": ["to_voltage", "n", "h"], "prefix": True}}, SINK])
    assert made.stage("align_and_zip").outputs[0].stream.meta["filters"] == ["n", "h"]


def test_two_zips_of_the_same_boards_in_another_order_have_no_common_index(plan):
    made = plan([A, B, {"align_and_zip": {"id": "ab", "inputs": ["a", "b"]}},
                 {"align_and_zip": {"id": "ba", "inputs": ["b", "a"]}},
                 {"align_and_zip": {"id": "both", "inputs": ["ab", "ba"], "prefix": True}}, SINK])
    assert made.stage("both").settings["by"] == "time"
    assert made.stage("both").settings["wait_ms"] > 2 * made.stage("ab").settings["wait_ms"]


@pytest.mark.parametrize(("stages", "message"), [
    ([A, {"acquire": {"id": "b", "sps": 500}}, JOIN], "'a' has 250 SPS and 'b' 500 SPS | One nominal rate"),
    ([A, B, {"to_voltage": {"id": "v", "inputs": "b"}}, {"align_and_zip": {"inputs": ["a", "v"]}}],
     "'a' carries RAW_I32 and 'v' VOLTAGE_F32 | One kind"),
    ([A, B, {"to_voltage": {"id": "v", "inputs": "a"}}, {"fft": {"id": "f"}},
      {"align_and_zip": {"inputs": ["f", "b"]}}],
     "'f' carries SPECTRUM_F32"),
    ([A, {"to_voltage": {"keep_raw": True}}, {"impedance": {"id": "kohm", "mode": "ac", "hz": 31.25, "current_na": 6}},
      {"decimate": {"id": "slow", "to_sps": 1, "inputs": "to_voltage"}}, {"align_and_zip": {
          "inputs": ["kohm", "slow"], "prefix": True}}], "'kohm' is in kOhm and 'slow' in uV | One unit"),
    ([A, B, JOIN, {"to_voltage": {}}, {"lead_off": {"mode": "ac", "hz": 31.25}}],
     "lead_off.inputs: the input joins 'a' and 'b', and the tone of 'b' does not keep step with the frames of 'a' |  | "
     "Take the input from before the align_and_zip"),
    ([A, {"acquire": {"id": "b", "channels": 4, "labels": ["x", "a2", "y", "z"]}}, JOIN],
     "'a' and 'b' both have a channel 'a2' | Every label once | Set prefix: true"),
    ([A, B, {"align_and_zip": {"inputs": ["a", "b"], "by": "index"}}],
     "align_and_zip.by: frames of different sources have no common index ('a', 'b') | auto or time | Set by: time"),
    ([A, B, {"align_and_zip": {"inputs": ["a", "b"], "wait_ms": 1}}], "1 ms is too short | 8 ms (two packets)"),
    ([A, B, {"align_and_zip": {"inputs": ["a", "b"], "wait_ms": 1e9}}], "1e+09 ms is too long"),
    ([A, B, {"align_and_zip": {"inputs": ["a", "b"], "tolerance_ms": -1}}], "-1 ms is no tolerance"),
    ([A, {"select": {"channels": [1]}}, {"align_and_zip": {
        "inputs": ["a", "select"], "prefix": True, "tolerance_ms": 1}}], "by index, which has no tolerance"),
    ([A, {"align_and_zip": {"inputs": ["a"]}}], "2 to 8 inputs"),
    ([A, B, {"align_and_zip": {"inputs": ["a", "a"]}}], "'a' is given twice"),
    ([{"acquire": {"id": "a", "channels": 200}}, {"acquire": {"id": "b", "channels": 100}}, JOIN],
     "300 channels in all | At most 256"),
    ([{"acquire": {"id": name, "sps": 16_000, "channels": 128, "labels": [f"{name}{c}" for c in range(128)]}}
      for name in "ab"] + [{"align_and_zip": {"inputs": ["a", "b"], "wait_ms": 30_000}}], "MiB | At most 256 MiB"),
    ([A, B, {"to_voltage": {"id": "va", "inputs": "a", "group": "one"}},
      {"to_voltage": {"id": "vb", "inputs": "b", "group": "one"}}, {"align_and_zip": {"inputs": ["va", "vb"]}}],
     "align_and_zip.group: 'va' and 'vb' come from different sources, and both through group 'one' before they meet in "
     "group 'dsp' |  | Put 'align_and_zip' into group 'one' too"),
])
def test_what_cannot_be_joined_is_refused_with_the_reason(refused, stages, message):
    problems = refused([*stages, SINK])
    assert any(message in problem for problem in problems), problems


def test_the_edges_into_it_carry_what_their_sources_make(plan):
    made = plan([{"acquire": {**A["acquire"], "batch": 1}}, {"acquire": {**B["acquire"], "batch": 25}}, JOIN,
                 {"to_voltage": {"group": "far"}}, SINK])
    capacity = {edge.name: edge.capacity for edge in made.edges}
    # every packet of either board may end a packet of the output
    assert capacity["align_and_zip->to_voltage"] >= capacity["a->align_and_zip"]
    assert made.paths[0]["waits_ms"] == 250
    assert made.paths[0]["latency_ms"] >= made.paths[0]["rings_ms"] + 250
    assert made.paths[0]["idle_ms"] == pytest.approx(4 + 100 + 4) or made.paths[0]["idle_ms"] >= 100


def test_the_plan_reads_back_and_a_changed_one_is_refused(plan):
    made = plan([A, B, JOIN, SINK])
    document = json.loads(json.dumps(plan_json(made)))
    assert plan_json(plan_load(document)) == plan_json(made)
    node = next(node for group in document["groups"] for node in group["nodes"] if node["params"]["node"] == "zip")
    for change in ({"n_channels": 5}, {"sps": 500.0}, {"wait_frames": 0}, {"burst_frames": 0}, {"step": [2, 1]}):
        kept = dict(node["params"]["inputs"][1])
        node["params"]["inputs"][1].update(change)
        with pytest.raises(ValueError, match="plan: cannot be read: align_and_zip"):
            plan_load(document)
        node["params"]["inputs"][1] = kept
    node["params"]["max_frames"] = 4096
    with pytest.raises(ValueError, match="do not fit"):
        plan_load(document)

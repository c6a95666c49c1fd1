"""The plan as JSON and back: not a bit lost, and nothing that is no plan is taken for one."""

from __future__ import annotations

import json

import pytest

from eegcore.graph.plan import plan_json, plan_load

SOURCE = {"acquire": {"sps": 4000, "gain": [1, 2, 4, 6, 8, 12, 24, 24]}}
FULL = [SOURCE, {"to_voltage": {"keep_raw": True}}, {"gain": {"factor": 0.1}}, {"notch": {"hz": 60}}, {"bandpass": {}},
        {"select": {"channels": [8, 1]}}, {"decimate": {"to_sps": 250}}, {"fft": {"window_s": 1.3}},
        {"websocket_sink": {}}, {"null_sink": {"stall_ms": 1.5, "budget_us": 100}},
        {"csv_sink": {"path": "x.csv", "inputs": "to_voltage"}}]


def test_a_plan_comes_back_equal(plan):
    made = plan(FULL, groups={"dsp": {"cores": [1], "priority": 70}})
    assert plan_load(json.dumps(plan_json(made))) == made
    assert plan_load(plan_json(made)) == made


def test_the_shape_is_that_of_the_interface(plan):
    document = plan_json(plan(FULL))
    assert {"name", "clock", "stages", "groups", "edges", "pools", "paths"} <= set(document)
    stage = next(item for item in document["stages"] if item["id"] == "fft")
    assert {"type": "fft", "role": "stage", "group": "dsp", "inputs": ["decimate"]}.items() <= stage.items()
    (port,) = stage["outputs"]
    assert {"port": "out", "kind": "SPECTRUM_F32", "unit": "uV^2/Hz", "n_channels": 2, "labels": ["O2", "Fp1"],
            "step": [16 * 162, 1]}.items() <= port.items()
    assert port["n_bins"] == len(port["axis_hz"])
    edge = document["edges"][0]
    assert {"name": "acquire->to_voltage", "from": "acquire", "to": "to_voltage", "policy": "fail", "capacity": 64,
            "seconds": 0.256, "depth": 0, "high_water": 0}.items() <= edge.items()
    assert {"name", "slots", "slot_bytes", "free"} <= set(document["pools"][0])
    assert {"name", "cores", "priority", "stages"} <= set(document["groups"][0])
    assert {"sink", "latency_ms", "stages"} <= set(document["paths"][0])


def test_coefficients_are_hexadecimal(plan):
    document = plan_json(plan(FULL))
    ops = [op for group in document["groups"] for node in group["nodes"] for op in node["params"].get("ops", [])]
    values = [value for op in ops for section in op.get("sos", []) for value in section]
    values += [value for op in ops if op["op"] == "scale" for value in op["factor"]]
    assert len(values) > 50
    assert all(float.fromhex(value).hex() == value for value in values)


@pytest.mark.parametrize("document", ["", "[]", "{}", "null", '{"format": 2}', '{"format": 1}', "{"])
def test_what_is_no_plan_is_refused(document):
    with pytest.raises(ValueError, match=r"^plan: .*Make the plan again with this version\.$"):
        plan_load(document)


@pytest.mark.parametrize("key", ["stages", "groups", "edges", "pools", "paths", "clock"])
def test_a_plan_with_a_part_missing_is_refused(plan, key):
    document = plan_json(plan(FULL))
    del document[key]
    with pytest.raises(ValueError, match=f"plan: {key!r} is missing"):
        plan_load(document)


@pytest.mark.parametrize("value", [None, 3, "x", [1], [{}], {}])
def test_a_plan_with_a_part_of_another_shape_is_refused(plan, value):
    document = plan_json(plan(FULL))
    if value == {}:
        document["stages"][0]["outputs"][0]["kind"] = "NOISE"
    else:
        document["stages"] = value
    with pytest.raises(ValueError, match=r"^plan: "):
        plan_load(document)

"""Plan files that nobody made with `validate`: refused, each of them before any memory is touched."""

from __future__ import annotations

import copy
import json
import random
import subprocess
import sys

import pytest

from eegcore.control.preparing import prepare
from eegcore.errors import EegcoreError
from eegcore.graph.plan_json import plan_json, plan_load
from eegcore.graph.run import GraphRun

STAGES = [{"acquire": {"sps": 1000, "channels": 8}}, {"to_voltage": {"keep_raw": True}},
          {"select": {"channels": [1, 2]}}, {"bandpass": {"low_hz": 1, "high_hz": 40}}, {"decimate": {"factor": 4}},
          {"fft": {"window_s": 0.5}}, {"null_sink": {}}, {"websocket_sink": {"inputs": "bandpass"}},
          {"lead_off": {"mode": "ac", "hz": "fdr/4", "inputs": "to_voltage"}}, {"null_sink": {"id": "clean"}},
          {"impedance": {"mode": "ac", "hz": "fdr/4", "current_na": 6, "window_s": 0.02, "inputs": "to_voltage"}},
          {"null_sink": {"id": "kohm"}}]
VALUES = [0, -1, 1, 3, 255, 65536, 2**31, 2**32, 2**63, 1e308, float("nan"), "x", None, [], {}, True, [[1, 2]]]


@pytest.fixture(scope="module")
def document():
    return json.loads(json.dumps(plan_json(prepare(STAGES, clock="virtual")[1])))


def leaves(value, path=()):
    """Every place of a document that holds no mapping."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    else:
        yield path
        for number, inner in enumerate(value if isinstance(value, list) else ()):
            yield from leaves(inner, (*path, number))


def changed(document, path, value):
    made = copy.deepcopy(document)
    holder = made
    for part in path[:-1]:
        holder = holder[part]
    holder[path[-1]] = value
    return made


def node(document, name):
    return next((g, n) for g, group in enumerate(document["groups"])
                for n, found in enumerate(group["nodes"]) if found["params"]["node"] == name)


def test_the_plan_itself_is_taken(document):
    assert plan_load(document).name == "pipeline"


@pytest.mark.parametrize("value", [0, 0.5, 64, -64, "8192", None])
def test_slots_too_small_for_their_packets(document, value):
    for number in range(len(document["pools"])):
        if value == 64 and document["pools"][number]["slot_bytes"] == 64:
            continue
        with pytest.raises(ValueError, match="plan: cannot be read"):
            plan_load(changed(document, ("pools", number, "slot_bytes"), value))


@pytest.mark.parametrize(("kind", "key", "value"), [
    ("cascade", "input", "uv"), ("cascade", "n_channels", 9), ("cascade", "ops", []),
    ("cascade", "settling_frames", []), ("fft", "hop", 0), ("fft", "n_bins", 0),
    ("fft", "bin_from", 5000), ("fft", "n", 2**31), ("select", "picks", [0, 99]),
    ("select", "picks", [0]), ("impedance", "window", 0), ("impedance", "window", 2**21), ("impedance", "cycle", -4),
    ("impedance", "n_channels", 9), ("ads1299", "n_channels", [8] * 40), ("ads1299", "batch", 0),
    ("ads1299", "chips_in", [2]), ("ads1299", "registers", ["00"]), ("ads1299", "bus", "usb"), ("ads1299", "n_drdy", 9),
    ("ads1299", "node", "playback"), ("select", "node", "nonesuch")])
def test_stages_that_do_not_fit_their_streams(document, kind, key, value):
    group, number = node(document, kind)
    with pytest.raises(ValueError, match=r"^plan: .*Make the plan again"):
        plan_load(changed(document, ("groups", group, "nodes", number, "params", key), value))


@pytest.mark.parametrize(("key", "value"), [
    ("from", "acquire"), ("to", "fft"), ("to_port", 7), ("to_port", -1), ("capacity", 0), ("capacity", 3),
    ("capacity", 2**40), ("policy", "perhaps")])
def test_edges_that_lead_elsewhere(document, key, value):
    number = next(n for n, edge in enumerate(document["edges"]) if edge["from"] == "fft")
    with pytest.raises(ValueError, match="plan: cannot be read"):
        plan_load(changed(document, ("edges", number, key), value))


def test_what_is_built_from_a_changed_plan_runs_or_is_refused(document):
    """A child runs them: what the checks let through must end well, or at least with an exception."""
    drawn = random.Random(4)
    places = [path for path in leaves(document) if path]
    plans = [changed(document, drawn.choice(places), drawn.choice(VALUES)) for _ in range(250)]
    child = subprocess.run([sys.executable, __file__], input=json.dumps(plans), text=True, capture_output=True,
                           timeout=120, check=False)
    assert child.returncode == 0, child.stderr[-2000:]
    assert child.stdout.strip() == "250"


def run(plan):
    """Run a plan for a moment of virtual time, whatever comes of it."""
    try:
        graph = GraphRun(plan_load(plan), seconds=0.1)
        graph.start()
        graph.join(5)
        graph.finish(0.2)
    except (EegcoreError, LookupError, TypeError, ValueError, ArithmeticError, MemoryError):
        pass


if __name__ == "__main__":
    plans = json.load(sys.stdin)
    for plan in plans:
        run(plan)
    print(len(plans))

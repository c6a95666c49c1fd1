"""Every benchmark measures something, and says with what packets, beside what, and against which goal."""

from __future__ import annotations

import math
import shutil
from typing import Any

import pytest

from eegcore.bench import overhead as overhead_module
from eegcore.bench import websocket as websocket_module
from eegcore.bench.catalogue import benchmarks
from eegcore.bench.line import Line
from eegcore.bench.peers import Peer

NEEDS_CHILDREN = ("batch", "instructions", "overhead", "websocket", "fan_out", "start")


def numbers(values: Any) -> list[float]:
    if isinstance(values, dict):
        return [n for value in values.values() for n in numbers(value)]
    if isinstance(values, list):
        return [n for value in values for n in numbers(value)]
    return [float(values)] if isinstance(values, (int, float)) else []


def assert_sane(name: str, lines: list[Line]) -> None:
    assert lines
    for line in lines:
        assert line.bench == name
        assert line.what
        assert line.measured
        if line.measured == "not measured" or "not installed" in line.note:
            assert line.note
            continue
        assert line.values, line.what
        assert all(math.isfinite(n) and n >= 0 for n in numbers(line.values)), line.values
        assert line.ratio is None or line.ratio > 0
        assert line.ok is None or line.goal, "a verdict needs a goal"
        assert line.ratio is None or line.peer, "a ratio needs something it is a ratio to"
        if "us" in line.measured.split() and line.bench in ("hop", "packet", "websocket", "fan_out"):
            assert "p50" in line.measured
            assert "p99" in line.measured
    assert any(line.goal or line.peer for line in lines)


@pytest.mark.parametrize("name", [name for name in benchmarks() if name not in NEEDS_CHILDREN])
def test_a_benchmark_yields_lines(name, short):
    assert_sane(name, benchmarks()[name].run(short))


def test_accuracy_is_no_matter_of_speed(short):
    for line in benchmarks()["accuracy"].run(short):
        assert line.ok, line.measured
        assert line.values["float32_state_nv_rms"] > 1000, "the input would not tell double from single state"


def test_overhead_without_valgrind_is_a_time_and_no_verdict(monkeypatch, short):
    monkeypatch.setattr(overhead_module.shutil, "which", lambda name: None)
    (line,) = overhead_module.overhead(short)
    assert line.ok is None
    assert "valgrind is not installed" in line.note
    assert line.values["instructions_per_packet"] is None
    assert line.values["ns_per_packet"] == line.values["ns_per_packet"]


@pytest.mark.deep
def test_one_more_stage_costs_at_most_300_instructions(short):
    if shutil.which("valgrind") is None:
        pytest.skip("valgrind is not installed: instructions cannot be counted")
    (line,) = overhead_module.overhead(short)
    assert line.values["instructions_per_packet"] <= overhead_module.GOAL


@pytest.mark.deep
def test_websocket_beside_lsl(short):
    if websocket_module.socket_library() is None:
        pytest.skip("neither picows nor websockets is installed")
    lines = websocket_module.websocket(short)
    assert lines[0].values["packets"] > 10
    measured = [line for line in lines if line.measured != "not measured"]
    assert_sane("websocket", measured)
    if len(measured) > 1:
        assert {"ratio_p50", "ratio_p99", "ratio_cpu"} <= lines[0].values.keys()
        assert lines[0].ok is not None


def test_websocket_without_pylsl_still_measures_ours(monkeypatch, short):
    if websocket_module.socket_library() is None:
        pytest.skip("neither picows nor websockets is installed")
    monkeypatch.setattr(websocket_module, "pylsl", lambda: Peer("pylsl", None))
    ours, peer = websocket_module.websocket(short)
    assert ours.values["packets"] > 10
    assert ours.ok is None
    assert peer.note == "not installed"
    assert peer.measured == "not measured"


def test_websocket_without_a_client_library_says_so(monkeypatch, short):
    monkeypatch.setattr(websocket_module, "socket_library", lambda: None)
    for measure in (websocket_module.websocket, websocket_module.fan_out):
        (line,) = measure(short)
        assert line.ok is None
        assert "neither picows nor websockets" in line.note


def test_eight_clients(short):
    if websocket_module.socket_library() is None:
        pytest.skip("neither picows nor websockets is installed")
    assert_sane("fan_out", websocket_module.fan_out(short))


@pytest.mark.deep
def test_start(short):
    assert_sane("start", benchmarks()["start"].run(short))

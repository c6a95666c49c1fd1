"""What `validate` prints: rates, shapes, threads, capacities with their formula, pools, latency."""

from __future__ import annotations

import re

import pytest

from eegcore.graph.plan import describe_plan

CHAIN = [{"acquire": {"sps": 4000}}, {"to_voltage": {}}, {"notch": {"hz": 60}}, {"bandpass": {}}]


@pytest.fixture
def lines(plan):
    made = plan([*CHAIN, {"fft": {}}, {"websocket_sink": {}},
                 {"csv_sink": {"path": "x.csv", "inputs": "bandpass", "queue": 100}}, {"lowpass": {"inputs": "notch"}}])
    text = describe_plan(made)
    assert not re.search(r"[ \t]$", text, re.MULTILINE)
    return [re.sub(r" {2,}", " | ", line.strip()) for line in text.splitlines()]


def test_title_and_sections(lines):
    assert lines[0].endswith(": 8 stages, 4 threads, 4 edges, real clock")
    assert [line for line in lines if line in ("Stages", "Threads", "Edges", "Pools", "Latency")] == [
        "Stages", "Threads", "Edges", "Pools", "Latency"]


def test_rates_and_shapes(lines):
    assert ("bandpass | bandpass | dsp | notch | VOLTAGE_F32 8 ch uV | 4000 SPS | 16 frames, 512 B | 18.88 ms | "
            "7.08 s") in lines
    assert any(line.startswith("fft | fft | dsp | bandpass | SPECTRUM_F32 8 ch x 4001 bins uV^2/Hz | 1 SPS")
               for line in lines)


def test_threads(lines):
    assert "worker-dsp | dsp | any | normal | to_voltage+notch+bandpass, fft, lowpass" in lines


def test_edges_show_the_sizing_formula(lines):
    assert ("acquire->to_voltage | acquire | dsp | fail, stops the run | 64 | 0.256 s | ceil(250 ms / 4 ms) = 63"
            in lines)
    assert "bandpass->csv_sink | dsp | sink-csv_sink | fail | 128 | 0.512 s | 128 packets as set" in lines
    assert "sizing: ceil(max_stage_latency_ms / batch_period_ms), next power of two, at least 8" in lines


def test_pools_show_what_they_are_made_of(lines):
    assert any(line.startswith("packets_512 | 512 B | ") and " edges + " in line for line in lines)


def test_latency_and_warnings(lines):
    assert ("websocket_sink | 17279 ms | 1023 ms | 4 ms | 1019 ms | 16256 ms | 0 ms | "
            "acquire > to_voltage > notch > bandpass > fft > websocket_sink") in lines
    assert lines[-1] == "warning: stages[7].lowpass: nothing reads the output of 'lowpass'."


def test_a_graph_without_edges_has_no_empty_tables(plan):
    text = describe_plan(plan([{"acquire": {}}, {"null_sink": {"group": "acquire"}}]))
    assert "Edges\n" not in text
    assert "Pools\n" in text

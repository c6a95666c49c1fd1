"""Samples do not depend on how frames are packed, and flags not per frame: for every stage that takes uV."""

from __future__ import annotations

import numpy as np
import pytest
from stage_bench import Bench, cuts_of

import eegcore as ec
from eegcore.graph.run import GraphRun

STAGES = {
    "gain": {"gain": {"factor": 1.5}},
    "notch": {"notch": {"hz": 50}},
    "bandpass": {"bandpass": {}},
    "highpass": {"highpass": {"hz": 1}},
    "lowpass": {"lowpass": {"hz": 30}},
    "fir": {"fir": {"high_hz": 30}},
    "envelope": {"envelope": {"low_hz": 20}},
    "rectify": {"envelope": {"kind": "rectify"}},
    "decimate": {"decimate": {"factor": 4}},
    "fft": {"fft": {"window_s": 0.5}},
    "select": {"select": {"channels": [2, 1]}},
}


@pytest.mark.parametrize("name", STAGES)
@pytest.mark.parametrize("n_channels", [2, 3, 8, 31])
def test_any_cut_gives_the_same_bits(bench: Bench, name: str, n_channels: int) -> None:
    rng = np.random.default_rng(n_channels)
    x = rng.normal(1000.0, 30.0, (1500, n_channels)).astype(np.float32)
    whole = bench.run([STAGES[name]], x, 500.0, batch=64)
    for n_cuts in (3, 40, 700):
        other = bench.run([STAGES[name]], x, 500.0, cuts_of(rng, len(x), n_cuts), batch=64)
        assert other.values.tobytes() == whole.values.tobytes()
        assert other.per_frame("flags") == whole.per_frame("flags")
        assert other.device_frames <= len(x)


@pytest.mark.parametrize("n_channels", [1, 9])
def test_a_cut_packet_keeps_its_counts_and_its_voltage(bench: Bench, n_channels: int) -> None:
    """A filter settles in the middle of a packet: both planes go on in the next one."""
    rng = np.random.default_rng(3)
    x = rng.integers(-8_000_000, 8_000_000, (700, n_channels), dtype=np.int32)
    stages = [{"to_voltage": {"keep_raw": True}}, {"null_sink": {"id": "raw"}},
              {"lowpass": {"hz": 40, "inputs": "to_voltage"}}]
    probe, node = bench.probe(stages, x, 500.0, "to_voltage")
    packets = [packet for begin in range(0, 700, 64) for packet in probe.push(None, counts=x[begin:begin + 64])]
    raw = [packet for packet in packets if packet["port"] == 0]
    assert len(node.outputs) == 2
    assert np.array_equal(np.concatenate([packet["counts"] for packet in raw]), x)
    scale = 4.5 / 24 / 2**23 * 1e6
    assert np.array_equal(np.concatenate([packet["values"] for packet in raw]), (x * scale).astype(np.float32))
    assert len(raw) == 700 // 64 + 2                       # one of them was cut: the low-pass settles inside it


def test_a_cut_packet_keeps_both_planes_in_a_graph() -> None:
    document = [{"acquire": {"board": "emulator", "sps": 500, "channels": 8, "batch": 50}},
                {"to_voltage": {"keep_raw": True}}, {"null_sink": {"id": "raw"}},
                {"lowpass": {"hz": 37, "inputs": "to_voltage"}}, {"null_sink": {"id": "low"}}]
    run = GraphRun(ec.Pipeline(document, clock="virtual").plan, seconds=2)
    scale = np.float64(run.stream("acquire").scale_uv[0])
    _, tap = run.open_tap("to_voltage")
    run.start()
    seen = []
    while (packets := tap.wait(1.0)) is not None:
        for packet in packets:
            assert np.array_equal(packet.data, (packet.counts * scale).astype(np.float32))
            seen.append(packet.n_frames)
            packet.release()
    assert run.finish()["balanced"]
    assert sum(seen) == 1000
    assert len(set(seen)) > 1

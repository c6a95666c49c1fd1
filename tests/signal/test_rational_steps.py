"""Stages and readers behind a rate change whose step is no whole number of device frames."""

from __future__ import annotations

import csv
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

import eegcore as ec
from eegcore.bench.hooks import array_plan, recording
from eegcore.graph.run import GraphRun
from eegcore.offline import SOURCE
from eegcore.server.protocol import Header
from eegcore.stages.sinc import kaiser, lowpass_taps

STEP = Fraction(125, 16)                                   # 4000 to 512 SPS


def packets_of(x, sps, stages, listen, batch=16):
    """What a stage gives in a virtual run: dicts."""
    given_ = recording(x, sps)
    plan = array_plan(given_, [*stages, {"null_sink": {}}], batch=batch)
    run = GraphRun(plan, recordings={SOURCE: given_})
    _, tap = run.open_tap(listen)
    run.start()
    found = []
    while (packets := tap.wait(5.0)) is not None:
        for packet in packets:
            found.append({"values": np.array(packet.data), "n_frames": packet.n_frames, "t_ns": packet.t_ns,
                          "frame_index": packet.frame_index, "step": Fraction(packet.step_num, packet.step_den),
                          "device_frames": packet.device_frames})
            packet.release()
    assert run.finish()["balanced"]
    return found


def numbers_of(packets):
    """Frame numbers on the grid of the stream, by the rule of readers."""
    firsts = [math.ceil(packet["frame_index"] / packet["step"]) for packet in packets]
    return [k + i for k, packet in zip(firsts, packets, strict=True) for i in range(packet["n_frames"])]


def values_of(packets):
    return np.concatenate([packet["values"] for packet in packets])


@pytest.mark.parametrize("batch", [1, 7, 64])
def test_decimate_keeps_multiples_of_the_whole_step(batch):
    x = np.random.default_rng(1).normal(0, 50, (4000, 3)).astype(np.float32)
    slower = packets_of(x, 4000, [{"resample": {"to_sps": 512}}], "resample", batch)
    packets = packets_of(x, 4000, [{"resample": {"to_sps": 512}}, {"decimate": {"factor": 4}}], "decimate", batch)
    assert {packet["step"] for packet in packets} == {4 * STEP}
    assert numbers_of(packets) == list(range(len(values_of(packets))))
    assert [packet["frame_index"] for packet in packets[:9]] == [
        math.floor(4 * STEP * k) for k in np.cumsum([0, *(p["n_frames"] for p in packets[:8])]).tolist()]
    sos = signal.cheby1(8, 0.05, 0.8 / 4, output="sos")
    exact = signal.sosfilt(sos, values_of(slower).astype(np.float64), axis=0)[::4]
    assert np.allclose(values_of(packets), exact, rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize(("sps", "to_sps"), [(250, 1000), (250, 256), (4000, 512)])
def test_filters_and_a_second_change_go_on(sps, to_sps):
    x = np.random.default_rng(2).normal(0, 50, (2 * sps, 2)).astype(np.float32)
    stages = [{"resample": {"to_sps": to_sps}}, {"lowpass": {"hz": 40, "order": 2}},
              {"resample": {"id": "back", "to_sps": sps}}]
    packets = packets_of(x, sps, stages, "back", batch=5)
    assert {packet["step"] for packet in packets} == {Fraction(1)}
    assert numbers_of(packets) == list(range(len(values_of(packets))))
    between = values_of(packets_of(x, sps, stages[:2], "lowpass", batch=64))
    ratio = Fraction(sps, to_sps)
    exact = signal.upfirdn(lowpass_taps(ratio.numerator, ratio.denominator, kaiser), between.astype(np.float64),
                           ratio.numerator, ratio.denominator, axis=0)[:len(values_of(packets))]
    assert np.allclose(values_of(packets), exact, rtol=1e-6, atol=1e-4)


def test_spectra_and_windows_name_the_frame_they_end_with():
    x = np.random.default_rng(3).normal(0, 50, (8000, 2)).astype(np.float32)
    before = {"resample": {"to_sps": 512}}
    spectra = packets_of(x, 4000, [before, {"fft": {"window_s": 0.25}}], "fft", 50)
    ends = [math.floor(STEP * k) for k in range(127, 1024, 64)]
    assert [packet["frame_index"] for packet in spectra] == ends
    moving = packets_of(x, 4000, [before, {"moving_stats": {"window_s": 0.25, "hop_s": 3 / 512}}], "moving_stats", 50)
    assert numbers_of(moving) == list(range(math.ceil(1024 / 3)))
    hampel = packets_of(x, 4000, [before, {"hampel": {}}], "hampel", 50)
    assert numbers_of(hampel) == list(range(1024))


def test_rows_of_a_file_do_not_depend_on_packets(tmp_path):
    indices = []
    for batch in (5, 64):
        path = tmp_path / f"{batch}.csv"
        stages = [{"acquire": {"board": "emulator", "sps": 4000, "channels": 8, "batch": batch}}, {"to_voltage": {}},
                  {"resample": {"to_sps": 512}}, {"csv_sink": {"path": str(path)}}]
        with ec.Pipeline(stages, clock="virtual").run(seconds=1) as run:
            assert run.wait(60)
        with path.open() as file:
            rows = list(csv.reader(line for line in file if not line.startswith("#")))
        column = rows[0].index("frame_index")
        indices.append([int(row[column]) for row in rows[1:]])
    assert indices[0] == indices[1] == [math.floor(STEP * k) for k in range(512)]


def test_branches_behind_one_change_are_joined_by_index():
    x = np.random.default_rng(4).normal(0, 50, (4000, 2)).astype(np.float32)
    stages = [{"resample": {"to_sps": 512}}, {"lowpass": {"hz": 40}}, {"gain": {"factor": 2, "inputs": "resample"}},
              {"align_and_zip": {"inputs": ["gain", "lowpass"], "prefix": True}}]
    packets = packets_of(x, 4000, stages, "align_and_zip", 7)
    assert numbers_of(packets) == list(range(512))
    alone = values_of(packets_of(x, 4000, stages[:2], "lowpass", 7))
    assert np.array_equal(values_of(packets)[:, 2:], alone)


@given(st.integers(0, 2**50), st.integers(1, 512), st.integers(1, 512), st.lists(st.integers(1, 40), min_size=1,
                                                                                  max_size=20))
@settings(deadline=None)
def test_a_client_knows_what_comes_next(k, num, den, sizes):
    step = Fraction(max(num, den), min(num, den))
    for n in sizes:
        header = Header(2, 0, 1, n, 1, math.floor(k * step), 0, 1.0, 1, 1, 4 * n, step.numerator, step.denominator)
        k += n
        assert header.next_index == math.floor(k * step)

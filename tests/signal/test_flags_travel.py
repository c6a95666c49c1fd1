"""Flags of artefacts on their way: packets, stages behind them, the wire, the client."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import eegcore as ec
from eegcore.client import Assembler
from eegcore.graph.run import GraphRun
from eegcore.server import protocol

LABELS = ["Fp1", "Fp2", "Cz"]
SPS = 250


@dataclass
class Seen:
    """What is looked at of a packet."""

    frame_index: int
    n_frames: int
    flags: int
    masks: tuple[int, ...]
    header: bytes
    json: dict[str, Any]
    data: NDArray[np.float32]


def run(tmp_path: Path, x: NDArray[np.float32], *stages: dict[str, Any]) -> list[Seen]:
    """Play an array through stages and return the packets of the last one."""
    path = tmp_path / "x.csv"
    np.savetxt(path, x, "%.9g", ",", header=",".join(LABELS), comments="")
    document = [{"playback": {"path": str(path), "sps": SPS, "speed": "max", "batch": 25}}, *stages, {"null_sink": {}}]
    graph = GraphRun(ec.Pipeline(document, clock="virtual").plan)
    _, tap = graph.open_tap(graph.plan.stages[-2].id)
    graph.start()
    seen = []
    while (packets := tap.wait(1.0)) is not None:
        for packet in packets:
            *masks, substituted = protocol.masks_of(packet)
            assert substituted == 0
            seen.append(Seen(packet.frame_index, packet.n_frames, packet.flags, tuple(masks),
                             packet.encode(3)[:64], json.loads(protocol.data("t", 3, packet)), packet.data.copy()))
            assert (packet.lead_off, packet.saturated, packet.flatline, packet.blink, packet.muscle) == seen[-1].masks
            packet.release()
    assert graph.finish()["balanced"]
    return seen


def per_frame(seen: list[Seen]) -> list[tuple[int, ...]]:
    return [packet.masks for packet in seen for _ in range(packet.n_frames)]


@pytest.fixture
def x() -> NDArray[np.float32]:
    """Noise; Cz stands still from frame 110 to 199 and is at 1000 uV."""
    x = np.random.default_rng(2).normal(0, 20, (300, 3)).astype(np.float32)
    x[110:200, 2] = 1000
    return x


FLAT = {"flatline": {"window_s": 0.2}}                                # 50 frames: marked from 159 to 199
RAILS = {"saturation": {"limit_uv": 900, "hold_s": 0.02}}             # 5 frames: marked from 110 to 204


def test_two_detectors_in_a_row_cut_packets_and_the_masks_are_in_them(tmp_path: Path, x: NDArray[np.float32]) -> None:
    seen = run(tmp_path, x, FLAT, RAILS)
    expected = [(0, 4 * (110 <= f < 205), 4 * (159 <= f < 200), 0, 0) for f in range(300)]
    assert per_frame(seen) == expected
    assert np.array_equal(np.concatenate([packet.data for packet in seen]), x)
    starts = sorted({*range(0, 300, 25), 110, 159, 200, 205})
    assert [packet.frame_index for packet in seen] == starts


def test_the_header_says_more_and_the_json_says_all(tmp_path: Path, x: NDArray[np.float32]) -> None:
    for packet in run(tmp_path, x, FLAT, RAILS):
        is_flat, is_saturated = packet.masks[2] != 0, packet.masks[1] != 0
        assert packet.flags == 256 * is_flat + 2 * is_saturated
        assert packet.header[5] == 128 * is_flat + 2 * is_saturated
        assert packet.json["flags"] == packet.flags


@pytest.mark.parametrize(("stage", "last"), [({"gain": {"factor": 2.0}}, 200), ({"decimate": {"factor": 5}}, 200),
                                             ({"select": {"labels": ["Cz", "Fp1"]}}, 200)])
def test_stages_behind_keep_them(tmp_path: Path, x: NDArray[np.float32], stage: dict[str, Any], last: int) -> None:
    seen = run(tmp_path, x, FLAT, stage)
    step = 5 if "decimate" in stage else 1
    mask = 1 if "select" in stage else 4
    assert [masks[2] for masks in per_frame(seen)] == [mask * (159 <= f < last) for f in range(0, 300, step)]


def test_a_spectrum_carries_what_is_in_its_window(tmp_path: Path, x: NDArray[np.float32]) -> None:
    seen = run(tmp_path, x, FLAT, {"fft": {"window_s": 0.1, "overlap": 0.0}})           # windows of 25 frames
    ends = [packet.frame_index for packet in seen for _ in range(packet.n_frames)]
    assert [masks[2] for masks in per_frame(seen)] == [4 * (end >= 159 and end - 24 < 200) for end in ends]


def test_align_and_zip_joins_them_by_channel(tmp_path: Path, x: NDArray[np.float32]) -> None:
    seen = run(tmp_path, x, {"flatline": {"window_s": 0.2, "id": "a"}}, {"gain": {"id": "b", "inputs": "playback"}},
               {"saturation": {"limit_uv": 900, "hold_s": 0, "id": "c", "inputs": "a"}},
               {"align_and_zip": {"inputs": ["b", "c"], "prefix": True}})
    expected = [(0, 4 * (110 <= f < 200) << 3, 4 * (159 <= f < 200) << 3, 0, 0) for f in range(300)]
    assert per_frame(seen) == expected
    assert all(packet.data.shape[1] == 6 for packet in seen)


def test_the_client_knows_what_the_server_said_last() -> None:
    meta = {"type": "meta", "topic": "eeg", "topic_id": 1, "run_id": "r", "labels": LABELS, "sps": 250.0}
    assembler = Assembler()
    assembler.on_text(json.dumps(meta))
    assert assembler.flags == {}
    assembler.on_text(json.dumps(protocol.flags(1, 10, LABELS, (0, 0, 4, 3, 0, 0))))
    assert assembler.flags == {"lead_off": [], "saturated": [], "flatline": ["Cz"], "blink": ["Fp1", "Fp2"],
                               "muscle": [], "substituted": []}
    assembler.on_text(json.dumps({**meta, "run_id": "s"}))
    assert assembler.flags == {}

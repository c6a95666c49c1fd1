"""A channel that is saturated, infinite or not a number reaches no other: for every stage that takes uV.

Stages are found in the catalogue. One that mixes channels on purpose is named here with where its rule is
tested, and one whose settings have no defaults needs an entry of `SETTINGS`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from stage_bench import Bench

from eegcore.errors import ConfigError
from eegcore.stages import catalogue

SPS = 500.0
N_CHANNELS, BAD = 5, 2
GAP, SATURATED = 1, 2
STRETCH = slice(1000, 1300)
MIXES = {"reference": "test_reference.py: the rule of held values"}
NOT_UV = {"to_voltage", "align_and_zip"}                   # counts, and several inputs
SETTINGS: dict[str, dict[str, Any]] = {
    "select": {"channels": [1, 2, 3, 4, 5]},
    "decimate": {"factor": 4},
    "resample": {"to_sps": 200},
    "saturation": {"limit_uv": 150_000},
    "blink": {"labels": ["ch1", "ch3"]},
    "fir": {"low_hz": 1, "high_hz": 40},
    "lead_off": {"mode": "ac", "hz": 31.25},
    "impedance": {"mode": "ac", "hz": 31.25, "current_na": 6},
}
BEFORE: dict[str, list[dict[str, Any]]] = {name: [{"fft": {"window_s": 2}}] for name in ("bands", "mains")}
STAGES = sorted(name for name, kind in catalogue().items() if kind.role == "stage" and name not in NOT_UV | set(MIXES))
VALUES = {"nan": np.nan, "inf": np.inf, "-inf": -np.inf, "full scale": 187_500.0, "-full scale": -187_500.0,
          "largest": float(np.finfo(np.float32).max)}


def eeg(seed: int = 1) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    x = rng.uniform(-20_000, 20_000, N_CHANNELS) + rng.normal(0, 30, (4000, N_CHANNELS))
    return x.astype(np.float32)


def through(bench: Bench, name: str, x: NDArray[np.float32], *, marked: bool = False,
            gap_at: int | None = None) -> list[dict[str, Any]]:
    """Packets of one stage; the stretch may be marked as saturated, and a gap may come before a frame."""
    stages = [*BEFORE.get(name, []), {name: SETTINGS.get(name, {})}]
    try:
        bench.plan(stages, x, SPS)
    except ConfigError as error:
        pytest.skip(f"{name} has no default for this input: {error}")
    packets: list[dict[str, Any]] = []
    for begin in range(0, len(x), 50):
        mask = 1 << BAD if marked and STRETCH.start <= begin < STRETCH.stop else 0
        gap = GAP if begin == gap_at else 0
        moved = 0 if gap_at is None or begin < gap_at else 8000
        packets.append({"values": x[begin:begin + 50], "flags": gap | (SATURATED if mask else 0), "saturated": mask,
                        "frame_index": begin + moved})
    for stage in stages:
        probe, node = bench.probe(stages, x, SPS, *stage)
        made = [out for packet in packets for out in probe.push(
            packet["values"], flags=packet["flags"], saturated=packet["saturated"],
            frame_index=packet["frame_index"])] + probe.flush()
        packets = [packet for packet in made if packet["port"] == len(node.outputs) - 1]
    return packets


def values(packets: list[dict[str, Any]]) -> NDArray[np.float32]:
    return np.concatenate([packet["values"] for packet in packets])


@pytest.mark.parametrize("bad", VALUES)
@pytest.mark.parametrize("name", STAGES)
def test_the_other_channels_keep_their_bits(bench: Bench, name: str, bad: str) -> None:
    x = eeg()
    clean = values(through(bench, name, x))
    x[STRETCH, BAD] = VALUES[bad]
    for marked in (False, True):
        made = values(through(bench, name, x, marked=marked))
        assert made.shape == clean.shape
        assert clean.shape[-1] == N_CHANNELS
        others = np.arange(N_CHANNELS) != BAD
        assert made[..., others].tobytes() == clean[..., others].tobytes()


@pytest.mark.parametrize("name", STAGES)
def test_a_channel_that_was_not_a_number_is_back_after_a_gap(bench: Bench, name: str) -> None:
    x = eeg()
    x[STRETCH, BAD] = np.nan
    after = [packet for packet in through(bench, name, x, gap_at=1500) if packet["frame_index"] >= 8000]
    assert np.isfinite(values(after)).all()


def test_the_saturated_mark_stays_with_its_channel(bench: Bench) -> None:
    x = eeg()
    for name in STAGES:
        packets = through(bench, name, x, marked=True)
        assert {packet["saturated"] for packet in packets} <= {0, 1 << BAD}, name

"""`envelope`: the same sums in numpy, and the analytic signal of scipy where a band is narrow."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal
from stage_bench import Bench, cuts_of

import eegcore as ec

SPS = 250.0
GAP, SETTLING = 1, 8


def hilbert_taps(bench: Bench, stage: dict[str, Any], x: np.ndarray) -> np.ndarray:
    """The taps of the transformer, zeros included."""
    plan = bench.plan([stage], x, SPS)
    (op,) = (op for group in plan.groups for node in group.nodes for op in node.params.get("ops", ()))
    taps = np.zeros(2 * len(op["taps"]) - 1)
    taps[::2] = [float.fromhex(tap) for tap in op["taps"]]
    return taps


def magnitude(taps: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The sums in the order of the kernel: pairs from the outside inwards, then the root; x from rest."""
    n, reach = len(x), len(taps) - 1
    padded = np.concatenate([np.zeros((reach, x.shape[1])), x.astype(np.float64)])
    turned = np.zeros(x.shape)
    for k in range(0, len(taps) // 2, 2):
        turned += taps[k] * (padded[reach - k:reach - k + n] - padded[k:k + n])
    delayed = padded[reach - reach // 2:reach - reach // 2 + n]
    return np.sqrt(delayed * delayed + turned * turned).astype(np.float32)


@settings(max_examples=30)
@given(n_taps=st.integers(1, 40), n_channels=st.integers(1, 40), seed=st.integers(0, 2**32), n_cuts=st.integers(0, 40))
def test_the_analytic_envelope_is_that_of_the_same_transformer_in_numpy(bench: Bench, n_taps: int, n_channels: int,
                                                                       seed: int, n_cuts: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(0.0, 30.0, (300, n_channels)).astype(np.float32)
    stage = {"envelope": {"n_taps": 4 * n_taps + 3}}
    made = bench.run([stage], x, SPS, cuts_of(rng, len(x), n_cuts))
    taps = hilbert_taps(bench, stage, x)
    assert len(taps) == 4 * n_taps + 3
    assert made.values.tobytes() == magnitude(taps, x).tobytes()
    assert made.per_frame("flags") == [SETTLING] * (len(taps) - 1) + [0] * (301 - len(taps))


@pytest.mark.parametrize("carrier_hz", [10.0, 20.0])
def test_a_narrow_band_has_the_envelope_that_scipy_gives_it(bench: Bench, carrier_hz: float) -> None:
    """Within a hundredth: the transformer is right within 0.7 %."""
    t = np.arange(5000) / SPS
    size = 20.0 * (1 + 0.5 * np.cos(2 * np.pi * 0.7 * t))
    x = (size * np.cos(2 * np.pi * carrier_hz * t)).astype(np.float32)[:, None]
    got = ec.process(x, sps=SPS, stages=[{"envelope": {"low_hz": 8}}])[:, 0]
    delay = (len(hilbert_taps(bench, {"envelope": {"low_hz": 8}}, x)) - 1) // 2
    want = np.abs(signal.hilbert(x[:, 0].astype(np.float64)))
    inner = slice(500, -500)
    error = np.abs(got[delay:] - want[:-delay])[inner] / want[:-delay][inner]
    assert error.max() < 0.01
    assert np.abs(want[inner] / size[inner] - 1).max() < 1e-3


@pytest.mark.parametrize("n_channels", [1, 7, 8, 33])
def test_a_rectified_envelope_is_the_low_pass_of_the_sizes(bench: Bench, n_channels: int) -> None:
    rng = np.random.default_rng(n_channels)
    x = rng.normal(0.0, 30.0, (800, n_channels)).astype(np.float32)
    stage = {"envelope": {"kind": "rectify", "cutoff_hz": 5, "order": 3}}
    made = bench.run([stage], x, SPS, cuts_of(rng, len(x), 40))
    want = signal.sosfilt(signal.butter(3, 5, fs=SPS, output="sos"), np.abs(x).astype(np.float64), axis=0)
    assert made.values.tobytes() == want.astype(np.float32).tobytes()


def test_a_sine_rectified_settles_at_two_thirds_of_its_size(bench: Bench) -> None:
    x = (50.0 * np.sin(2 * np.pi * 21.3 * np.arange(4000) / SPS)).astype(np.float32)[:, None]
    made = bench.run([{"envelope": {"kind": "rectify"}}], x, SPS)
    settled = np.array(made.per_frame("flags")) == 0
    assert settled.any()
    assert np.abs(made.values[settled, 0] / 50.0 - 2 / np.pi).max() < 0.02


@pytest.mark.parametrize("kind", ["analytic", "rectify"])
def test_a_sick_sample_stays_in_its_channel(bench: Bench, kind: str) -> None:
    x = np.random.default_rng(3).normal(0.0, 30.0, (300, 11)).astype(np.float32)
    spoilt = x.copy()
    spoilt[100, 6] = np.nan
    stages = [{"envelope": {"kind": kind}}]
    healthy, got = bench.run(stages, x, SPS).values, bench.run(stages, spoilt, SPS, [90, 101, 140]).values
    others = [c for c in range(11) if c != 6]
    assert got[:, others].tobytes() == healthy[:, others].tobytes()
    assert got[:100].tobytes() == healthy[:100].tobytes()
    assert np.isnan(got[100:, 6]).any()
    if kind == "analytic":
        reach = len(hilbert_taps(bench, stages[0], x)) - 1
        assert got[101 + reach:].tobytes() == healthy[101 + reach:].tobytes()


def test_after_a_gap_an_offset_makes_no_step_in_the_other_half(bench: Bench) -> None:
    """The missing frames are like the first one behind the gap: the transformer of a constant is nothing."""
    x = np.full((400, 2), 300.0, np.float32)
    probe, _ = bench.probe([{"envelope": {}}], x, SPS, batch=256)
    probe.push(np.random.default_rng(1).normal(0.0, 1000.0, (200, 2)).astype(np.float32))
    packets = probe.push(x[200:], flags=GAP, frame_index=250)
    assert np.array_equal(np.concatenate([packet["values"] for packet in packets]), x[200:])
    assert packets[0]["flags"] == GAP | SETTLING

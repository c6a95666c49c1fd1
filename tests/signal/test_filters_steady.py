"""`start: steady` (T1..T3 of ec_sos_steady.h), what a sick channel does, and the rule for gaps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import signal
from stage_bench import Bench, cuts_of

from eegcore.bench.hooks import sections_of

GAP, SETTLING = 1, 8
SPS = 250.0
HIGHPASS = {"highpass": {"hz": 0.5, "order": 2}}
STEADY = {"highpass": {"hz": 0.5, "order": 2, "start": "steady"}}


def eeg(n_channels: int, n_frames: int = 700, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.normal(0, 20, (n_frames, n_channels)) + rng.uniform(-187_500, 187_500, n_channels)).astype(np.float32)


@pytest.mark.parametrize("stage", [
    {"highpass": {"hz": 0.1}}, {"bandpass": {"family": "elliptic"}}, {"lowpass": {"family": "bessel"}},
    {"bandstop": {}}, {"notch": {"harmonics": 2}}])
def test_a_constant_input_is_settled_from_the_first_frame_on(bench: Bench, stage: dict[str, Any]) -> None:   # T1
    (name, settings), = stage.items()
    x = np.full((500, 3), [187_500, -187_500, 12], np.float32)
    made = bench.run([{name: {**settings, "start": "steady"}}], x, SPS).values
    sections = sections_of(bench.plan([stage], x, SPS))
    final = x * np.prod(sections[:, :3].sum(axis=1) / sections[:, 3:].sum(axis=1))
    assert np.abs(made - final).max() < 0.01
    assert np.abs(bench.run([stage], x, SPS).values - final).max() > 1000


@given(n_channels=st.integers(1, 40), order=st.integers(1, 6), seed=st.integers(0, 2**32 - 1))
def test_it_is_sosfilt_from_the_steady_state_in_any_cut(bench: Bench, n_channels: int, order: int,
                                                        seed: int) -> None:                                  # T2
    x = eeg(n_channels, 300, seed)
    stages = [{"highpass": {"hz": 1, "order": order, "start": "steady"}}]
    sos = signal.butter(order, 1, "highpass", fs=SPS, output="sos")
    x64 = x.astype(np.float64)
    state = signal.sosfilt_zi(sos)[:, :, None] * x64[0]
    wanted, _ = signal.sosfilt(sos, x64, axis=0, zi=state)
    whole = bench.run(stages, x, SPS)
    assert np.abs(whole.values - wanted).max() < 1e-3
    cut = bench.run(stages, x, SPS, cuts_of(np.random.default_rng(seed), 300, 60))
    assert cut.values.tobytes() == whole.values.tobytes()


@pytest.mark.parametrize("first", [1, 5, 40, 64, 65])
def test_a_channel_waits_for_a_finite_sample_of_its_own(bench: Bench, first: int) -> None:                   # T3
    x = eeg(5)
    sick = x.copy()
    sick[:first, 3] = [np.nan, np.inf, -np.inf, np.nan, np.nan][: min(first, 5)] + [np.nan] * max(0, first - 5)
    healthy, made = bench.run([STEADY], x, SPS).values, bench.run([STEADY], sick, SPS).values
    others = [0, 1, 2, 4]
    assert made[:, others].tobytes() == healthy[:, others].tobytes()
    late = bench.run([STEADY], x[first:, 3:4].copy(), SPS).values[:, 0]
    assert made[first:, 3].tobytes() == late.tobytes()
    cut = bench.run([STEADY], sick, SPS, cuts_of(np.random.default_rng(first), len(x), 300)).values
    assert np.array_equal(cut, made, equal_nan=True)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38, 187_500.0])
@pytest.mark.parametrize("stage", [HIGHPASS, STEADY, {"notch": {"harmonics": 2}}, {"lowpass": {"family": "elliptic"}}])
@pytest.mark.parametrize("n_channels", [2, 9, 31])
def test_a_sick_channel_leaves_the_bits_of_the_others(bench: Bench, stage: dict[str, Any], value: float,
                                                      n_channels: int) -> None:
    x = eeg(n_channels, 300)
    sick = x.copy()
    sick[100:110, 1] = value
    healthy, made = bench.run([stage], x, SPS).values, bench.run([stage], sick, SPS).values
    others = [c for c in range(n_channels) if c != 1]
    assert made[:, others].tobytes() == healthy[:, others].tobytes()
    assert made[:100].tobytes() == healthy[:100].tobytes()
    if np.isfinite(value):
        assert np.isfinite(made).all()
    else:
        assert not np.isfinite(made[200:, 1]).any()        # until a gap, see below


@pytest.mark.parametrize("stage", [HIGHPASS, STEADY])
def test_at_a_gap_states_go_on_and_a_lost_one_begins_anew(bench: Bench, stage: dict[str, Any]) -> None:
    x = eeg(3, 2000)
    x[900, 1] = np.nan
    probe, _ = bench.probe([stage], x, SPS)
    before = [packet for at in range(0, 1000, 50) for packet in probe.push(x[at:at + 50])]
    after = [packet for at in range(1000, 2000, 50) for packet in probe.push(
        x[at:at + 50], flags=GAP if at == 1000 else 0, **({"frame_index": 1100} if at == 1000 else {}))]
    made = np.concatenate([packet["values"] for packet in [*before, *after]])
    x64 = x.astype(np.float64)
    sos = signal.butter(2, 0.5, "highpass", fs=SPS, output="sos")
    begin = stage is STEADY
    zi = signal.sosfilt_zi(sos)[:, :, None]
    kept, _ = signal.sosfilt(sos, x64[:, [0, 2]], axis=0, zi=zi * (x64[0, [0, 2]] if begin else 0 * x64[0, [0, 2]]))
    anew, _ = signal.sosfilt(sos, x64[1000:, 1], zi=zi[:, :, 0] * (x64[1000, 1] if begin else 0))
    assert np.abs(made[:, [0, 2]] - kept).max() < 0.02
    assert np.isnan(made[900:1000, 1]).all()
    assert np.abs(made[1000:, 1] - anew).max() < 0.02
    flags = [packet["flags"] & SETTLING for packet in [*before, *after] for _ in range(packet["n_frames"])]
    n = next(i for i, flag in enumerate(flags) if not flag)
    assert 300 < n < 1000
    assert flags == [SETTLING] * n + [0] * (1000 - n) + [SETTLING] * n + [0] * (1000 - n)

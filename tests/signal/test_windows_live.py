"""Windows whose settings change while a run goes on: nothing is lost, and nothing jumps."""

from __future__ import annotations

import numpy as np
import pytest
from live_runs import run_live

SPS = 500.0


def wave(n_frames=3000, n_channels=5):
    t = np.arange(n_frames)[:, None] / SPS
    rng = np.random.default_rng(1)
    return (50 * np.sin(2 * np.pi * 0.7 * t + np.arange(n_channels)) + rng.normal(0, 0.05, (n_frames, n_channels))
            ).astype(np.float32)


@pytest.mark.parametrize("batch", [13, 64])
@pytest.mark.parametrize("stages", [
    [{"hampel": {"n_frames": 11}}, {"hampel": {"n_frames": 31}}, {"hampel": {"n_frames": 5, "n_sigma": 2.0}}],
    [{"moving_stats": {"window_s": 0.2}}, {"moving_stats": {"window_s": 0.5}}, {"moving_stats": {"window_s": 0.1}}],
])
@pytest.mark.parametrize("before", [[], [{"resample": {"to_sps": 480}}], [{"resample": {"to_sps": 125}}]])
def test_windows_grow_and_shrink_without_a_jump(stages, before, batch):
    x = wave()
    heard = run_live(x, SPS, [*before, stages[0]], [(1000, [*before, stages[1]]), (2000, [*before, stages[2]])],
                     batch=batch)
    sps = SPS if not before else before[0]["resample"]["to_sps"]
    assert len(heard.values) == int(3000 * sps / SPS)
    assert set(heard.rev) == {1, 2, 3}
    # the steepest of the wave, twice, and a little for the noise
    settled = heard.values[int(0.3 * sps):]
    assert np.abs(np.diff(settled, axis=0)).max() < 2 * 50 * 2 * np.pi * 0.7 / sps + 1.0


@pytest.mark.parametrize("to_sps", [100, 300, 512])
def test_a_rate_change_is_not_disturbed_by_changes_beside_it(to_sps):
    x = wave()
    chain = [{"gain": {"factor": 1.0}}, {"resample": {"to_sps": to_sps}}, {"lowpass": {"hz": 20}}]
    other = [*chain[:2], {"lowpass": {"hz": 40}}]
    heard = run_live(x, SPS, chain, [(1500, other)], output="resample")
    alone = run_live(x, SPS, chain, [], output="resample")
    assert np.array_equal(heard.values, alone.values)
    assert np.abs(heard.frame - alone.frame).max() < 1         # of a fraction a packet says the whole part

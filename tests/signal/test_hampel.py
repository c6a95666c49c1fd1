"""`hampel` against an independent Hampel identifier in numpy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view
from scipy import ndimage
from stage_bench import Bench, cuts_of

from eegcore.errors import ConfigError
from eegcore.pipeline import Pipeline

GAP, SATURATED, SETTLING = 1, 2, 8


def wanted(x, n, n_sigma=3.0):
    """Output and what was replaced, shape (n_frames, n_channels): half a window late, the first frame before all."""
    half = n // 2
    padded = np.concatenate([np.repeat(x[:1], n - 1, axis=0), x]).astype(np.float64)
    windows = sliding_window_view(padded, n, axis=0)
    median = np.median(windows, axis=-1)
    mad = np.median(np.abs(windows - median[..., None]), axis=-1)
    middle = windows[..., half]
    outlier = np.abs(middle - median) > n_sigma * 1.4826 * mad     # False where a NaN is in the window
    return np.where(outlier, median, middle).astype(np.float32), outlier


def run(x, cuts=(), batch=64, **stage):
    return Bench().run([{"hampel": stage}], x, 500.0, cuts, batch=batch)


def spiky(rng, n_frames, n_channels, spikes=0.05):
    x = rng.normal(0, 10, (n_frames, n_channels)) + 187_500 * rng.choice([-1, 0, 1], n_channels)
    x += rng.choice([0, -500, 500], x.shape, p=[1 - spikes, spikes / 2, spikes / 2])
    return np.round(x * rng.choice([0.1, 1, 100])).astype(np.float32)          # with equal samples


@given(st.integers(1, 40), st.integers(1, 20), st.floats(0.5, 6), st.integers(1, 300), st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_every_sample_is_numpys(n_channels, half, n_sigma, n_frames, seed):
    rng = np.random.default_rng(seed)
    x = spiky(rng, n_frames, n_channels)
    n = 2 * half + 1
    made = run(x, cuts_of(rng, n_frames, 30), 33, n_frames=n, n_sigma=n_sigma)
    y, _ = wanted(x, n, n_sigma)
    assert np.array_equal(made.values, y)
    whole = run(x, (), 300, n_frames=n, n_sigma=n_sigma)
    assert whole.values.tobytes() == made.values.tobytes()
    assert whole.per_frame("flags") == made.per_frame("flags")
    assert [flag == SETTLING for flag in made.per_frame("flags")] == [i < n - 1 for i in range(n_frames)]
    assert made.device_frames == n_frames


@pytest.mark.parametrize("n", [3, 101, 255])
def test_the_longest_windows(n):
    x = spiky(np.random.default_rng(n), 700, 9)
    assert np.array_equal(run(x, n_frames=n).values, wanted(x, n)[0])


def test_medians_are_those_of_scipy_where_all_is_an_outlier():
    x = np.random.default_rng(1).normal(0, 10, (500, 3)).astype(np.float32)
    median = ndimage.median_filter(x, size=(11, 1), mode="nearest")
    y = run(x, n_frames=11, n_sigma=1e-9).values
    assert np.array_equal(y[10:], median[5:-5])


def test_replaced_samples_are_counted():
    x = spiky(np.random.default_rng(2), 400, 5)
    probe, _ = Bench().probe([{"hampel": {}}], x, 500.0)
    for begin in range(0, 400, 50):
        probe.push(x[begin:begin + 50])
    assert probe.counters() == [(None, "replaced", int(wanted(x, 11)[1].sum()))]
    assert probe.counters()[0][2] > 50


def test_where_most_samples_are_equal_any_other_is_replaced():
    x = np.full((60, 1), 7, np.float32)
    x[20], x[40] = 7.0001, 8
    assert np.all(run(x, n_frames=5).values == 7)


def test_nan_passes_and_leaves(bench):
    x = spiky(np.random.default_rng(3), 300, 12)
    clean = run(x).values
    bad = x.copy()
    bad[100, 4], bad[150, 9] = np.nan, np.inf
    values = run(bad).values
    good = [c for c in range(12) if c not in (4, 9)]
    assert values[:, good].tobytes() == clean[:, good].tobytes()
    assert np.flatnonzero(np.isnan(values[:, 4])).tolist() == [105]
    assert np.array_equal(values[100:105, 4], bad[95:100, 4])                  # not judged while it is in the window
    assert np.array_equal(values[111:, 4], clean[111:, 4])
    assert np.isfinite(values[:, 9]).all()                                    # an infinity is an outlier
    first = x.copy()
    first[0, 2] = np.nan
    assert np.array_equal(run(first).values[16:, 2], clean[16:, 2])


def test_a_gap_starts_afresh_and_marks_hold_with_the_window(bench):
    x = spiky(np.random.default_rng(4), 300, 3)
    probe, _ = bench.probe([{"hampel": {"n_frames": 7}}], x, 500.0)
    packets = probe.push(x[:60]) + probe.push(x[60:100], flags=SATURATED, saturated=4)
    packets += probe.push(x[100:150]) + probe.push(x[150:200], frame_index=999, flags=GAP) + probe.push(x[200:])
    values = np.concatenate([p["values"] for p in packets])
    assert np.array_equal(values[:150], wanted(x[:150], 7)[0])
    assert np.array_equal(values[150:], wanted(x[150:], 7)[0])
    assert [p["frame_index"] for p in packets if p["flags"] & GAP] == [999]
    marked = [p["frame_index"] + i for p in packets for i in range(p["n_frames"]) if p["saturated"] == 4]
    settling = [p["frame_index"] + i for p in packets for i in range(p["n_frames"]) if p["flags"] & SETTLING]
    assert marked == list(range(60, 106))
    assert settling == [*range(6), *range(999, 1005)]


@pytest.mark.parametrize(("n", "n_sigma", "fade"), [(11, 1.0, 0), (31, 3.0, 31), (5, 3.0, 11), (201, 2.0, 201)])
def test_other_settings_go_on_with_the_frames_there_are(bench, n, n_sigma, fade):
    x = spiky(np.random.default_rng(5), 600, 9)
    old, _ = bench.probe([{"hampel": {}}], x, 500.0)
    new, _ = bench.probe([{"hampel": {"n_frames": n, "n_sigma": n_sigma}}], x, 500.0)
    for begin in range(0, 300, 60):
        old.push(x[begin:begin + 60])
    assert new.take_over(old) == fade
    packets = [p for begin in range(300, 600, 60) for p in new.push(x[begin:begin + 60])]
    values = np.concatenate([p["values"] for p in packets])
    assert np.array_equal(values, wanted(x, n, n_sigma)[0][300:])
    assert all(p["flags"] == 0 for p in packets)
    assert new.counters()[0][2] > old.counters()[0][2] > 0


def test_a_longer_window_soon_after_the_start_settles_longer(bench):
    x = spiky(np.random.default_rng(6), 200, 2)
    old, _ = bench.probe([{"hampel": {"n_frames": 3}}], x, 500.0)
    new, _ = bench.probe([{"hampel": {"n_frames": 101}}], x, 500.0)
    old.push(x[:20])
    new.take_over(old)
    packets = [p for begin in range(20, 200, 60) for p in new.push(x[begin:begin + 60])]
    assert sum(p["n_frames"] for p in packets if p["flags"] & SETTLING) == 80
    assert np.array_equal(np.concatenate([p["values"] for p in packets]), wanted(x, 101)[0][20:])


def problem(**stage):
    with pytest.raises(ConfigError) as caught:
        _ = Pipeline([{"acquire": {"board": "emulator", "sps": 500, "channels": 8}}, {"to_voltage": {}},
                      {"hampel": stage}, {"null_sink": {}}]).plan
    return str(caught.value)


def test_windows_that_cannot_be_are_refused():
    assert "8 frames have no middle. An odd number. Use 7 or 9" in problem(n_frames=8)
    assert "1 s is 501 frames at 500 SPS. Allowed: 3 to 255 frames. Use 0.51 s, or put a" in problem(window_s=1)
    assert "n_frames and window_s are both given" in problem(n_frames=5, window_s=0.1)


def test_delay_and_settling_are_stated(bench):
    plan = bench.plan([{"hampel": {"window_s": 0.05}}], np.zeros((10, 1), np.float32), 500.0)
    stream = plan.stage("hampel").outputs[0].stream
    assert stream.delay_s == pytest.approx(12 / 500)
    assert stream.settling_s == pytest.approx(24 / 500)

"""`moving_stats` against numpy in float64 on each window."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view
from stage_bench import Bench, cuts_of

GAP, SATURATED, SETTLING = 1, 2, 8
PORTS = ["mean", "rms", "min", "max"]
NUMPY = {"mean": lambda w: w.mean(axis=-1), "rms": lambda w: np.sqrt(np.mean(w * w, axis=-1)),
         "min": lambda w: w.min(axis=-1), "max": lambda w: w.max(axis=-1)}


def wanted(x, n, port):
    """Every window of float64, the first ones of what there is, shape (n_frames, n_channels)."""
    x = x.astype(np.float64)
    head = [NUMPY[port](x[:i + 1].T) for i in range(min(n - 1, len(x)))]
    with np.errstate(invalid="ignore"):
        rest = NUMPY[port](sliding_window_view(x, n, axis=0)) if len(x) >= n else np.empty((0, x.shape[1]))
    return np.concatenate([np.reshape(head, (-1, x.shape[1])), rest])


def within(y, exact, nv=1.0):
    """Half a unit in the last place of the float32 output, and so many nV."""
    return np.all(np.abs(y - exact) <= np.spacing(np.abs(exact).astype(np.float32)) / 2 + nv * 1e-3)


def per_port(packets, what="values"):
    """What each port gave, in order."""
    if what == "values":
        return [np.concatenate([p["values"] for p in packets if p["port"] == k]) for k in range(4)]
    return [[p[what] for p in packets if p["port"] == k for _ in range(p["n_frames"])] for k in range(4)]


def blocks(x, cuts, batch):
    at = 0
    for cut in [*cuts, len(x)]:
        while at < cut:
            yield at, min(cut, at + batch)
            at = min(cut, at + batch)


def run(x, sps, cuts=(), batch=64, **stage):
    probe, _ = Bench().probe([{"moving_stats": stage}], x, sps, batch=batch)
    return [p for begin, end in blocks(x, cuts, batch) for p in probe.push(x[begin:end])]


@given(st.integers(1, 40), st.integers(2, 90), st.integers(1, 12), st.integers(1, 400), st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_every_window_is_numpys(n_channels, n, hop, n_frames, seed):
    rng = np.random.default_rng(seed)
    offset = rng.choice([0.0, 187_500.0, -187_500.0], n_channels)
    x = (rng.normal(0, 50, (n_frames, n_channels)) + offset).astype(np.float32)
    packets = run(x, 100.0, cuts_of(rng, n_frames, 40), 33, window_s=n / 100, hop_s=hop / 100)
    whole = run(x, 100.0, (), 400, window_s=n / 100, hop_s=hop / 100)
    for port, values, again, flags, others in zip(PORTS, per_port(packets), per_port(whole), per_port(packets, "flags"),
                                                  per_port(whole, "flags"), strict=True):
        assert values.tobytes() == again.tobytes()
        assert flags == others
        assert within(values, wanted(x, n, port)[::hop])
        assert [flag & SETTLING != 0 for flag in flags] == [frame < n - 1 for frame in range(0, n_frames, hop)]
    for packet in packets:
        assert packet["frame_index"] % hop == 0
        assert packet["t_ns"] == packet["frame_index"] * 10_000_000
    assert n_frames - hop < sum(p["device_frames"] for p in packets if p["port"] == 2) <= n_frames


@pytest.mark.parametrize("n_frames", [60_000, pytest.param(2_000_000, marks=pytest.mark.deep)])
def test_long_windows_on_an_offset_do_not_drift(n_frames):
    """Large samples leave nothing behind: full scale of both signs, a jump, then microvolts."""
    rng = np.random.default_rng(1)
    n = 4096
    offset = np.array([187_500, -187_500])
    x = rng.normal(0, 50, (n_frames, 2)) + offset
    x[n_frames // 2:] -= offset
    x[n_frames // 3] = 1e30
    x = x.astype(np.float32)
    packets = run(x, 4096.0, (), 4000, window_s=1.0, hop_s=1 / 16)
    for port, values in zip(PORTS, per_port(packets), strict=True):
        for i in rng.integers(0, len(values), 200):
            end = i * 256 + 1
            exact = NUMPY[port](x[max(0, end - n):end].astype(np.float64).T)
            assert np.all(np.abs(values[i] - exact) <= np.spacing(np.abs(exact).astype(np.float32)) / 2 + 1e-3)


def test_nan_and_infinity_leave_with_the_window(bench):
    rng = np.random.default_rng(2)
    x = rng.normal(0, 10, (300, 12)).astype(np.float32)
    clean = per_port(run(x, 100.0, window_s=0.3))
    x[100, 4], x[110, 7] = np.nan, -np.inf
    for port, values, before in zip(PORTS, per_port(run(x, 100.0, window_s=0.3)), clean, strict=True):
        good = [c for c in range(12) if c not in (4, 7)]
        assert values[:, good].tobytes() == before[:, good].tobytes()
        assert np.flatnonzero(np.isnan(values[:, 4])).tolist() == list(range(100, 130))
        assert np.allclose(values[130:, 4], before[130:, 4], rtol=1e-6, atol=1e-6)
        assert np.allclose(values, wanted(x, 30, port), rtol=1e-6, atol=1e-6, equal_nan=True)


def test_a_gap_starts_the_window_afresh(bench):
    x = np.random.default_rng(3).normal(0, 10, (400, 3)).astype(np.float32)
    probe, _ = bench.probe([{"moving_stats": {"window_s": 0.25, "hop_s": 0.05}}], x, 100.0)
    packets = [p for begin in range(0, 200, 50) for p in probe.push(x[begin:begin + 50])]
    packets += probe.push(x[200:250], frame_index=1003, flags=GAP)
    packets += [p for begin in range(250, 400, 50) for p in probe.push(x[begin:begin + 50])]
    for port, values, flags in zip(PORTS, per_port(packets), per_port(packets, "flags"), strict=True):
        assert within(values[:40], wanted(x[:200], 25, port)[::5])
        assert within(values[40:], wanted(x[200:], 25, port)[2::5])            # 1005 is the first multiple of 5
        assert flags[40] & GAP
        assert [flag & SETTLING != 0 for flag in flags[40:46]] == [True] * 5 + [False]
    assert [p["frame_index"] for p in packets if p["flags"] & GAP] == [1005] * 4


def test_frames_that_an_edge_dropped_are_missing_too(bench):
    x = np.random.default_rng(4).normal(0, 10, (100, 3)).astype(np.float32)
    probe, _ = bench.probe([{"moving_stats": {"window_s": 0.25}}], x, 100.0)
    probe.push(x[:50])
    packets = probe.push(x[50:], frame_index=77)
    assert within(per_port(packets)[0], wanted(x[50:], 25, "mean"))


def test_marks_of_any_frame_of_the_window(bench):
    x = np.zeros((400, 130), np.float32)
    probe, _ = bench.probe([{"moving_stats": {"window_s": 0.2}}], x, 100.0)
    packets = [p for begin in range(0, 100, 50) for p in probe.push(x[begin:begin + 50])]
    packets += probe.push(x[:5], flags=SATURATED | 512, saturated=1 << 129, blink=3)
    packets += [p for begin in range(0, 100, 50) for p in probe.push(x[begin:begin + 50])]
    for packet in packets:
        for i in range(packet["n_frames"]):
            frame = packet["frame_index"] + i
            marked = 100 <= frame < 124
            assert packet["flags"] == (SETTLING if frame < 19 else (SATURATED | 512) if marked else 0)
            assert packet["saturated"] == (1 << 129 if marked else 0)
            assert packet["blink"] == (3 if marked else 0)


@pytest.mark.parametrize("other", [0.1, 0.37, 1.5])
def test_another_window_goes_on_with_the_frames_there_are(bench, other):
    x = (np.random.default_rng(5).normal(0, 10, (600, 9)) + 5e4).astype(np.float32)
    old, _ = bench.probe([{"moving_stats": {"window_s": 0.5}}], x, 100.0)
    new, _ = bench.probe([{"moving_stats": {"window_s": other}}], x, 100.0)
    before = [p for begin in range(0, 300, 60) for p in old.push(x[begin:begin + 60])]
    n = round(other * 100)
    assert new.take_over(old) == (n if n < 50 else 0)
    packets = [p for begin in range(300, 600, 60) for p in new.push(x[begin:begin + 60])]
    known = min(n, 50)                                         # frames of the old window
    for port, values, flags in zip(PORTS, per_port(packets), per_port(packets, "flags"), strict=True):
        assert within(values, wanted(x[300 - known:], n, port)[known:])
        assert [flag & SETTLING != 0 for flag in flags] == [known + i < n - 1 for i in range(300)]
    step = np.abs(per_port(packets)[0][0] - per_port(before)[0][-1]).max()
    assert step < 1.5 if n >= 50 else True                     # of 10: a longer window grows, it does not jump


def test_one_port_can_be_read_without_the_others():
    from eegcore.pipeline import Pipeline

    stages = [{"acquire": {"board": "emulator", "sps": 500, "channels": 8, "batch": 10}}, {"to_voltage": {}},
              {"moving_stats": {"window_s": 0.5, "hop_s": 0.1}}, {"null_sink": {"inputs": "moving_stats.rms"}}]
    with Pipeline(stages, clock="virtual").run(seconds=2) as run:
        assert run.wait(30)
    ledger = run.ledger()
    assert ledger["balanced"]
    assert ledger["sinks"]["null_sink"]["in"] >= 1000 - 50


@pytest.mark.parametrize(("stage", "said"), [
    ({"window_s": 0.001}, "window_s: 0.001 s is 0 frames at 500 SPS. At least 2 frames. Use 0.004 s or more"),
    ({"window_s": 3600}, "1800000 frames of 8 channels take 494 MiB. At most 128 MiB. Shorten the window"),
])
def test_windows_that_cannot_be_are_refused(stage, said):
    from eegcore.errors import ConfigError
    from eegcore.pipeline import Pipeline

    with pytest.raises(ConfigError) as caught:
        _ = Pipeline([{"acquire": {"board": "emulator", "sps": 500, "channels": 8}}, {"to_voltage": {}},
                      {"moving_stats": stage}, {"null_sink": {}}]).plan
    assert said in str(caught.value)

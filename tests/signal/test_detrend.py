"""`detrend` against scipy.signal.detrend of the very windows, with offsets, for ever, across gaps and NaN."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.signal
from hypothesis import given
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from stage_bench import Bench, cuts_of

from eegcore.stages import catalogue
from eegcore.stages.base import Context, Description, SettingProblem
from eegcore.stages.design import Designer
from eegcore.stages.stream import Kind, Stream

SPS = 500.0
GAP, SETTLING = 1, 8
NV = 1e-3                                                  # uV


def half_ulp(exact: NDArray[np.float64]) -> NDArray[np.float64]:
    """Half a unit in the last place of the float32 nearest to `exact`."""
    return np.spacing(np.abs(exact).astype(np.float32)).astype(np.float64) / 2


def weights(kind: str, m: int) -> NDArray[np.float64]:
    """What the trend at the newest of m samples weighs each of them with, oldest first."""
    if kind == "constant" or m == 1:
        return np.full(m, 1 / m)
    line = np.column_stack([np.ones(m), np.arange(m) - (m - 1) / 2])
    return np.array([1, (m - 1) / 2]) @ np.linalg.inv(line.T @ line) @ line.T


def direct(x: NDArray[Any], n: int, kind: str) -> NDArray[np.float64]:
    """Every sample minus the trend of the window that ends with it."""
    d = x.astype(np.float64) - x[:1].astype(np.float64)
    out = np.empty_like(d)
    for i in range(min(n - 1, len(d))):
        out[i] = d[i] - weights(kind, i + 1) @ d[:i + 1]
    if len(d) >= n:
        out[n - 1:] = d[n - 1:] - sliding_window_view(d, n, axis=0) @ weights(kind, n)
    return out


def drifting(seed: int, n_channels: int, n_frames: int = 700) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    offsets = rng.choice([-187_500.0, 0.0, 187_500.0], n_channels)
    return (offsets + np.cumsum(rng.normal(0, 3, (n_frames, n_channels)), axis=0)).astype(np.float32)


def stage(kind: str, n: int, sps: float = SPS) -> list[dict[str, Any]]:
    return [{"detrend": {"kind": kind, "window_s": n / sps}}]


def describe(n_channels: int = 8, sps: float = SPS, **settings: Any) -> Description:
    labels = tuple(f"ch{c + 1}" for c in range(n_channels))
    with Designer() as designer:
        kind = catalogue()["detrend"]
        return kind.describe(kind.Settings(**settings), [Stream(Kind.VOLTAGE_F32, labels, sps, 16, settling_s=1.0)],
                             Context("detrend", "real", designer))


@given(st.integers(1, 40), st.integers(3, 300), st.sampled_from(["constant", "linear"]), st.integers(0, 2**32))
def test_it_is_the_direct_formula_however_it_is_cut(bench: Bench, n_channels: int, n: int, kind: str,
                                                     seed: int) -> None:
    x = drifting(seed, n_channels)
    made = bench.run(stage(kind, n), x, SPS)
    exact = direct(x, n, kind)
    assert np.all(np.abs(made.values - exact) <= half_ulp(exact) * (1 + 1e-6) + 1e-4 * NV)
    again = bench.run(stage(kind, n), x, SPS, cuts_of(np.random.default_rng(seed), len(x), 50))
    assert again.values.tobytes() == made.values.tobytes()
    assert again.per_frame("flags") == made.per_frame("flags") == [SETTLING] * n + [0] * (len(x) - n)


@pytest.mark.parametrize(("kind", "n"), [("constant", 2), ("constant", 16), ("constant", 123), ("linear", 3),
                                         ("linear", 16), ("linear", 123)])
def test_every_sample_is_the_last_of_its_window_detrended_by_scipy(bench: Bench, kind: str, n: int) -> None:
    x = drifting(n, 5, 400)
    made = bench.run(stage(kind, n), x, SPS).values
    for i in range(0, 400, 13):
        window = x[max(0, i + 1 - n):i + 1].astype(np.float64)
        wanted = scipy.signal.detrend(window, axis=0, type=kind)[-1]
        assert np.all(np.abs(made[i] - wanted) <= half_ulp(wanted) * (1 + 1e-6) + 1e-2 * NV)


@pytest.mark.parametrize("kind", ["constant", "linear"])
def test_a_minute_at_16_ksps_with_the_largest_offset(bench: Bench, kind: str) -> None:
    """Two windows and a half of 960 000 frames, near +-187.5 mV and swinging through all of it."""
    n, n_frames = 960_000, 2_400_000
    rng = np.random.default_rng(7)
    x = np.empty((n_frames, 3), np.float32)
    x[:, 0] = 187_500 + rng.normal(0, 20, n_frames)
    x[:, 1] = np.where(np.arange(n_frames) % 700_000 < 300_000, 187_499.9, -187_499.9)
    x[:, 2] = -187_500 + 375_000 * (np.arange(n_frames) / n_frames) ** 2
    made = bench.run(stage(kind, n, 16_000), x, 16_000, batch=4096).values
    weight = weights(kind, n).astype(np.longdouble)
    for i in (n - 1, n, 1_000_000, 2 * n - 1, 2 * n, 2_399_999):
        window = x[i + 1 - n:i + 1].astype(np.longdouble)
        wanted = (window[-1] - weight @ window).astype(np.float64)
        assert np.all(np.abs(made[i] - wanted) <= half_ulp(wanted) * (1 + 1e-6) + NV), i


@pytest.mark.parametrize("kind", ["constant", "linear"])
def test_what_was_large_leaves_no_trace_two_windows_later(bench: Bench, kind: str) -> None:
    n = 50
    x = drifting(3, 9, 1000)
    x[100:300] *= np.float32(1e25)
    made = bench.run(stage(kind, n), x, SPS).values
    later = 300 + 2 * n
    exact = direct(x[later - n:], n, kind)[n:]
    anchored = 4e-16 * np.abs(x[0].astype(np.float64)) * n         # samples are counted from the first one
    assert np.all(np.abs(made[later:] - exact) <= half_ulp(exact) * (1 + 1e-6) + anchored + 1e-4 * NV)


@pytest.mark.parametrize("kind", ["constant", "linear"])
def test_a_step_is_gone_after_the_window_and_settling_says_so(bench: Bench, kind: str) -> None:
    n = 100
    x = np.full((500, 2), -5000.0, np.float32)
    x[250:] += 10_000
    made = bench.run(stage(kind, n), x, SPS).values
    assert np.abs(made[250:250 + n - 1]).min() > 0
    assert np.abs(made[250 + n:]).max() < 1e-6
    description = describe(kind=kind, window_s=n / SPS)
    out = description.outputs[0].stream
    assert (out.settling_s, out.delay_s) == (1.0 + n / SPS, 0.0)
    assert out.meta["filters"] == ["detrend"]


@pytest.mark.parametrize("kind", ["constant", "linear"])
def test_after_a_gap_it_starts_afresh(bench: Bench, kind: str) -> None:
    x = drifting(5, 4, 600)
    probe, _ = bench.probe(stage(kind, 90), x, SPS)
    before = [packet for begin in range(0, 300, 50) for packet in probe.push(x[begin:begin + 50])]
    after = [packet for begin in range(300, 600, 50)
             for packet in probe.push(x[begin:begin + 50], flags=GAP if begin == 300 else 0, frame_index=begin + 77)]
    fresh = bench.run(stage(kind, 90), x[300:], SPS, batch=50).values
    assert np.concatenate([packet["values"] for packet in after]).tobytes() == fresh.tobytes()
    assert [packet["flags"] for packet in after][:2] == [GAP | SETTLING, SETTLING]
    assert before[-1]["flags"] == after[-1]["flags"] == 0


@pytest.mark.parametrize("kind", ["constant", "linear"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_sample_that_is_not_finite_counts_as_the_last_good_one(bench: Bench, kind: str, bad: float) -> None:
    n = 60
    x = drifting(6, 3, 500)
    held = x.copy()
    x[200:230, 1] = bad
    held[200:230, 1] = x[199, 1]
    x[:20, 2] = bad
    held[:20, 2] = x[20, 2]
    made, wanted = bench.run(stage(kind, n), x, SPS).values, bench.run(stage(kind, n), held, SPS).values
    is_bad = ~np.isfinite(x)
    assert not np.isfinite(made[is_bad]).any()
    assert np.array_equal(made[~is_bad], wanted[~is_bad])


def test_behind_counts_and_before_a_filter_there_is_one_rounding(bench: Bench) -> None:
    rng = np.random.default_rng(1)
    counts = (rng.choice([-8_300_000, 8_300_000], 8) + rng.normal(0, 3000, (2000, 8)).cumsum(0) / 30).astype(np.int32)
    made = bench.run([{"to_voltage": {}}, *stage("linear", 250), {"lowpass": {"hz": 30}}], counts, SPS).values
    exact = direct(counts.astype(np.float64) * (4.5 / 24 / 2**23 * 1e6), 250, "linear")
    exact = scipy.signal.sosfilt(scipy.signal.butter(4, 30, fs=SPS, output="sos"), exact, axis=0)
    assert np.all(np.abs(made - exact) <= half_ulp(exact) * (1 + 1e-6) + NV)


@pytest.mark.parametrize(("before", "after"), [(("linear", 90), ("linear", 90)), (("constant", 90), ("linear", 90)),
                                               (("linear", 90), ("constant", 90)), (("linear", 90), ("linear", 40)),
                                               (("constant", 40), ("constant", 140)),
                                               (("linear", 150), ("linear", 290))])
@pytest.mark.parametrize("at", [17, 90, 333])
def test_a_change_goes_on_with_the_frames_of_the_old_window(bench: Bench, before: tuple[str, int],
                                                            after: tuple[str, int], at: int) -> None:
    x = drifting(8, 5)
    x[at - 5:at + 5, 1] = np.nan
    held = x.copy()
    held[at - 5:at + 5, 1] = x[at - 6, 1]
    old, _ = bench.probe(stage(*before), x, SPS, batch=700)
    new, _ = bench.probe(stage(*after), x, SPS, batch=700)
    old.push(x[:at])
    fade = new.take_over(old)
    assert fade == (0 if before == after else SPS // 50)
    packets = new.push(x[at:])
    made = np.concatenate([packet["values"] for packet in packets])
    kind, n = after
    known = max(0, at - before[1])                 # frames before are forgotten
    exact = direct(held[known:], n, kind)[at - known:]
    good = np.isfinite(x[at:])
    anchored = 4e-16 * np.abs(x[:1].astype(np.float64))
    assert np.all((np.abs(made - exact) <= half_ulp(exact) * (1 + 1e-6) + anchored + 1e-4 * NV)[good])
    settling = [bool(packet["flags"] & SETTLING) for packet in packets for _ in range(packet["n_frames"])]
    n_settling = max(0, n - at) if before == after else n
    assert settling == [True] * n_settling + [False] * (len(settling) - n_settling)
    if before == after:
        whole = bench.run(stage(*after), x, SPS).values
        assert made.tobytes() == whole[at:].tobytes()


def test_refusals() -> None:
    assert describe().native["ops"] == [{"op": "detrend", "kind": "constant", "frames": 2000}]
    for settings, wanted in [
            ({"window_s": 0.001}, "0.001 s is 0 frames at 500 SPS"),
            ({"window_s": 0.004, "kind": "linear"}, "0.004 s is 2 frames at 500 SPS"),
            ({"window_s": 600, "sps": 16_000.0}, "600 s is 9600000 frames at 16000 SPS"),
            ({"window_s": 60, "sps": 16_000.0, "n_channels": 72}, "60 s is 960000 frames at 16000 SPS")]:
        with pytest.raises(SettingProblem) as caught:
            describe(**settings)
        assert (caught.value.key, caught.value.message) == ("window_s", wanted)
    assert describe(window_s=60.0, sps=16_000.0, n_channels=40).native["ops"][0]["frames"] == 960_000

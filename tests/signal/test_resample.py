"""`resample` against scipy.signal.upfirdn and resample_poly, and where its frames sit."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal
from stage_bench import Bench, cuts_of

from eegcore.stages import catalogue
from eegcore.stages.base import Context, SettingProblem
from eegcore.stages.design import Designer
from eegcore.stages.sinc import bessel_i0, hamming, kaiser, lowpass_taps
from eegcore.stages.stream import Kind, Stream

GAP, SATURATED, SETTLING = 1, 2, 8
RATES = [(4000, 250), (4000, 512), (250, 256), (16_000, 4096), (250, 1000), (1000, 300), (512, 250), (256, 2048)]


def ratio_of(sps, to_sps):
    return Fraction(to_sps, sps)


def wanted(x, sps, to_sps):
    """What scipy gives for the same taps in float64, shape (n_out, n_channels)."""
    ratio = ratio_of(sps, to_sps)
    taps = np.array(lowpass_taps(ratio.numerator, ratio.denominator, kaiser))
    full = signal.upfirdn(taps, x.astype(np.float64), ratio.numerator, ratio.denominator, axis=0)
    return full[:math.ceil(len(x) * ratio)]


def half_ulp(y):
    return np.spacing(np.abs(y).astype(np.float32)).astype(np.float64) / 2


@pytest.mark.parametrize(("sps", "to_sps"), RATES)
def test_samples_are_those_of_upfirdn(bench: Bench, sps, to_sps):
    rng = np.random.default_rng(sps + to_sps)
    offsets = np.array([0, 1e3, -1e3, 187_500, -187_500])
    x = (rng.normal(0, 50, (1500, 5)) + offsets).astype(np.float32)
    made = bench.run([{"resample": {"to_sps": to_sps}}], x, sps)
    y = wanted(x, sps, to_sps)
    assert made.values.shape == y.shape
    assert np.all(np.abs(made.values - y) <= half_ulp(y) + 1e-8)


@given(st.integers(1, 40), st.sampled_from([250, 500, 1000, 2000, 4000]), st.sampled_from(
    [100, 128, 200, 250, 256, 300, 400, 512, 1000, 1024]), st.integers(1, 400), st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_any_ratio_any_channels_any_cut(n_channels, sps, to_sps, n_frames, seed):
    if sps == to_sps:
        return
    bench, rng = Bench(), np.random.default_rng(seed)
    x = rng.normal(0, 100, (n_frames, n_channels)).astype(np.float32)
    stages = [{"resample": {"to_sps": to_sps}}]
    made = bench.run(stages, x, sps, cuts_of(rng, n_frames, 30), batch=33)
    y = wanted(x, sps, to_sps)
    assert np.all(np.abs(made.values - y) <= half_ulp(y) + 1e-8)
    whole = bench.run(stages, x, sps, batch=400)
    assert whole.values.tobytes() == made.values.tobytes()
    assert whole.per_frame("flags") == made.per_frame("flags")


def test_whole_ratios_are_resample_poly(bench: Bench):
    """Its output m is ours 10 periods later: that is the delay."""
    x = np.random.default_rng(2).normal(0, 50, (3000, 3)).astype(np.float32)
    for sps, to_sps in ((4000, 250), (1000, 200), (500, 250)):
        poly = signal.resample_poly(x.astype(np.float64), 1, sps // to_sps, axis=0)
        made = bench.run([{"resample": {"to_sps": to_sps}}], x, sps).values
        assert np.allclose(made[10:], poly[:len(made) - 10], rtol=0, atol=1e-4)


@pytest.mark.parametrize(("sps", "to_sps"), [(4000, 512), (250, 256), (250, 1000)])
def test_other_ratios_are_near_resample_poly(bench: Bench, sps, to_sps):
    ratio = ratio_of(sps, to_sps)
    up, down = ratio.numerator, ratio.denominator
    x = np.random.default_rng(3).normal(0, 50, (4000, 1)).astype(np.float32)
    delay = 10 * max(up, down)
    taps = lowpass_taps(up, down, kaiser)
    poly = signal.upfirdn(signal.firwin(2 * delay + 1, 1 / max(up, down), window=("kaiser", 5.0)) * up,
                          x[:, 0].astype(np.float64), up, down)
    made = bench.run([{"resample": {"to_sps": to_sps}}], x, sps).values[:, 0]
    assert len(taps) == 2 * delay + 1
    assert np.abs(made - poly[:len(made)]).max() < 0.3         # of 50: what the scaled phases differ by


@pytest.mark.parametrize(("sps", "to_sps"), RATES)
def test_an_electrode_offset_stays_constant(bench: Bench, sps, to_sps):
    made = bench.run([{"resample": {"to_sps": to_sps}}], np.full((4000, 1), 187_500, np.float32), sps)
    settled = made.values[np.array(made.per_frame("flags")) & SETTLING == 0]
    assert len(settled) > 100
    assert np.all(settled == np.float32(187_500))


def test_the_offset_of_scipys_own_filter_would_not():
    taps = signal.firwin(81, 1 / 4, window=("kaiser", 5.0)) * 4
    assert np.ptp([taps[p::4].sum() for p in range(4)]) * 187_500 > 100


def test_windows_are_those_of_numpy_and_scipy():
    for x in (0.0, 0.3, 1.0, 4.9, 5.0):
        assert bessel_i0(x) == pytest.approx(np.i0(x), rel=1e-14)
    places = np.linspace(-1, 1, 41)
    assert np.allclose([kaiser(p) for p in places], np.kaiser(41, 5.0), rtol=1e-13)
    assert np.allclose([hamming(p) for p in places], signal.windows.hamming(41), rtol=1e-13)
    assert np.allclose(lowpass_taps(1, 16, kaiser), signal.firwin(321, 1 / 16, window=("kaiser", 5.0)), atol=1e-16)


@pytest.mark.parametrize("ratio", [Fraction(1, 16), Fraction(16, 125), Fraction(128, 125), Fraction(4)])
def test_the_stated_attenuation_holds(ratio):
    up, down = ratio.numerator, ratio.denominator
    slower = max(up, down)
    response = np.abs(np.fft.rfft(lowpass_taps(up, down, kaiser), 2**18)) / up
    edges = np.arange(len(response)) / 2**18 * 2 * slower      # 1 is half the lower rate
    assert 20 * np.log10(response[edges >= 1.16].max()) < -52
    assert np.abs(response[edges <= 0.8] - 1).max() < 0.003


@pytest.mark.parametrize("to_sps", [250, 512, 4096])
def test_delay_and_settling_are_true(bench: Bench, to_sps):
    sps = 2000
    x = np.zeros((3000, 1), np.float32)
    x[1000:] = 1.0
    plan = bench.plan([{"resample": {"to_sps": to_sps}}], x, sps)
    stream = plan.stage("resample").outputs[0].stream
    y = bench.run([{"resample": {"to_sps": to_sps}}], x, sps).values[:, 0]
    at_s = np.arange(len(y)) / to_sps
    assert stream.delay_s == pytest.approx(10 / min(sps, to_sps), rel=1e-12)
    assert np.all(np.abs(y[at_s >= 0.5 + stream.settling_s] - 1) < 1e-3)
    tone = np.sin(2 * np.pi * 20 * np.arange(3000) / sps)[:, None].astype(np.float32)
    y = bench.run([{"resample": {"to_sps": to_sps}}], tone, sps).values[:, 0]
    late = np.sin(2 * np.pi * 20 * (at_s - stream.delay_s))
    assert np.abs(y - late)[at_s >= stream.settling_s].max() < 3e-3    # linear phase: all of it is that much late


@pytest.mark.parametrize("factor", [2, 5, 16, 256])
@pytest.mark.parametrize("kind", ["iir", "fir"])
def test_decimate_is_scipys_with_both_filters(bench: Bench, factor, kind):
    x = np.random.default_rng(8).normal(0, 50, (6000, 3)).astype(np.float32)
    stages = [{"decimate": {"factor": factor, "filter": kind}}]
    made = bench.run(stages, x, 4000)
    exact = signal.decimate(x.astype(np.float64), factor, ftype=kind, axis=0, zero_phase=False)
    assert np.allclose(made.values, exact, rtol=1e-6, atol=1e-4)
    other = bench.run(stages, x, 4000, cuts_of(np.random.default_rng(1), 6000, 200))
    assert other.values.tobytes() == made.values.tobytes()
    assert other.per_frame("flags") == made.per_frame("flags")
    if kind == "fir":
        stream = bench.plan(stages, x, 4000).stage("decimate").outputs[0].stream
        assert stream.delay_s == pytest.approx(10 * factor / 4000)


@pytest.mark.parametrize("kind", ["iir", "fir"])
def test_aliases_of_decimate_are_as_far_down_as_stated(bench: Bench, kind):
    """Tones above half the new rate come out folded: 41 dB or 52 dB below, into the lower 0.8."""
    factor, sps, n = 16, 4000, 16_000
    for at in (1.2, 1.5, 2.1, 3.3):
        tone = np.sin(2 * np.pi * at * sps / factor / 2 * np.arange(n) / sps)[:, None].astype(np.float32)
        made = bench.run([{"decimate": {"factor": factor, "filter": kind}}], tone, sps)
        assert 20 * np.log10(np.abs(made.values[200:]).max()) < (-41 if kind == "iir" else -52)


def push_all(probe, x, sizes, begin=0, **flags):
    packets, at = [], 0
    for n in sizes:
        packets += probe.push(x[at:at + n], frame_index=begin + at, **flags)
        at += n
    return packets


@pytest.mark.parametrize(("sps", "to_sps"), [(1000, 300), (250, 256), (4000, 512), (250, 1000)])
def test_frames_sit_at_multiples_of_the_step_also_behind_a_gap(bench: Bench, sps, to_sps):
    rng = np.random.default_rng(5)
    x = rng.normal(0, 10, (900, 2)).astype(np.float32)
    probe, _ = bench.probe([{"resample": {"to_sps": to_sps}}], x, sps)
    step, resumed, sizes = Fraction(sps, to_sps), 1237, [7, 64, 1, 30, 64, 5] * 2
    packets = push_all(probe, x, sizes)
    n_before = sum(sizes)
    packets += probe.push(x[:50], frame_index=resumed, flags=GAP)
    packets += push_all(probe, x[50:], sizes, begin=resumed + 50)
    first_behind = math.ceil(resumed / step)
    numbers = [*range(math.ceil(n_before / step)), *range(first_behind, math.ceil((resumed + 50 + n_before) / step))]
    found = []
    for packet in packets:
        k = math.ceil(packet["frame_index"] / step)            # the rule by which a reader finds the number
        assert math.floor(k * step) == packet["frame_index"]
        assert abs(packet["t_ns"] - float(k * step) / sps * 1e9) <= 2
        found += range(k, k + packet["n_frames"])
    assert found == numbers
    behind = next(packet for packet in packets if packet["frame_index"] >= resumed)
    assert behind["flags"] & GAP
    assert sum(bool(packet["flags"] & GAP) for packet in packets) == 1
    # history starts afresh, and the grid goes on: scipy over the frames behind the gap, at its phase
    ratio = 1 / step
    taps = np.array(lowpass_taps(ratio.numerator, ratio.denominator, kaiser))
    dense = signal.upfirdn(taps, x[:50 + n_before].astype(np.float64), ratio.numerator, 1, axis=0)
    places = [k * ratio.denominator - resumed * ratio.numerator for k in numbers if k >= first_behind]
    values = np.concatenate([packet["values"] for packet in packets])[-len(places):]
    assert np.allclose(values, dense[places], atol=1e-4)


def test_the_ledger_balances(bench: Bench):
    x = np.zeros((4000, 1), np.float32)
    for to_sps in (250, 512, 300):
        made = bench.run([{"resample": {"to_sps": to_sps}}], x, 4000, cuts_of(np.random.default_rng(1), 4000, 300))
        step = 4000 / to_sps
        assert len(x) - step - 1 <= made.device_frames <= len(x)      # the rest belongs to the output to come


def test_nan_stays_in_its_channel_and_leaves(bench: Bench):
    rng = np.random.default_rng(6)
    x = rng.normal(0, 10, (3000, 11)).astype(np.float32)
    clean = bench.run([{"resample": {"to_sps": 512}}], x, 4000).values
    x[500, 3], x[501, 9] = np.nan, np.inf
    made = bench.run([{"resample": {"to_sps": 512}}], x, 4000).values
    good = [c for c in range(11) if c not in (3, 9)]
    assert made[:, good].tobytes() == clean[:, good].tobytes()
    bad = np.flatnonzero(~np.isfinite(made).all(axis=1))
    assert bad[0] == math.ceil(500 * 16 / 125)
    assert bad[-1] < (501 + 157) * 16 / 125 + 1
    assert made[bad[-1] + 1:].tobytes() == clean[bad[-1] + 1:].tobytes()


def test_marks_hold_as_long_as_their_frame_is_in_the_history(bench: Bench):
    sps, to_sps, n_window = 1000, 250, 81
    x = np.zeros((1000, 70), np.float32)
    probe, _ = bench.probe([{"resample": {"to_sps": to_sps}}], x, sps)
    packets = push_all(probe, x, [64] * 7)
    packets += probe.push(x[:3], frame_index=448, flags=SATURATED, saturated=1 << 69)
    packets += push_all(probe, x, [64] * 4, begin=451)
    for packet in packets:
        for i in range(packet["n_frames"]):
            newest = packet["frame_index"] + 4 * i
            marked = 448 <= newest < 450 + n_window
            assert packet["flags"] == (SETTLING if newest < n_window - 1 else SATURATED if marked else 0), newest
            assert packet["saturated"] == (1 << 69 if marked else 0)


def test_the_same_ratio_is_taken_over_without_a_trace(bench: Bench):
    x = np.random.default_rng(7).normal(0, 10, (640, 9)).astype(np.float32)
    stages = [{"resample": {"to_sps": 300}}]
    whole = bench.run(stages, x, 1000)
    old, _ = bench.probe(stages, x, 1000)
    packets = [packet for at in range(0, 320, 64) for packet in old.push(x[at:at + 64])]
    new, _ = bench.probe(stages, x, 1000)
    assert new.take_over(old) == 0
    packets += [packet for at in range(320, 640, 64) for packet in new.push(x[at:at + 64])]
    assert np.concatenate([packet["values"] for packet in packets]).tobytes() == whole.values.tobytes()
    assert [packet["flags"] for packet in packets for _ in range(packet["n_frames"])] == whole.per_frame("flags")
    assert sum(packet["device_frames"] for packet in packets) == whole.device_frames


def described(sps, to_sps, max_frames=16):
    stream = Stream(Kind.VOLTAGE_F32, ("a",), sps, max_frames)
    stage = catalogue()["resample"]
    return stage.describe(stage.Settings(to_sps=to_sps), [stream], Context("r", "real", Designer()))


@pytest.mark.parametrize(("sps", "to_sps", "message", "hint"), [
    (4000.0, 441.3, "4000 to 441.3 SPS is no ratio of small whole numbers", "Nearby: 400 or 441.314554 or 500 SPS"),
    (4000.0, 4000.0, "4000 SPS is the rate of the input", "Remove this stage"),
    (250.0, 8000.0, "250 to 8000 SPS is 32 frames for each", "Use 4000 SPS or less"),
    (16_000.0, 1.0, "no ratio of small whole numbers", "Nearby: 31.25 or 100 SPS"),
])
def test_absurd_ratios_are_refused_with_the_nearest_good_ones(sps, to_sps, message, hint):
    with pytest.raises(SettingProblem) as caught:
        described(sps, to_sps)
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_a_packet_that_would_become_too_long_is_refused():
    with pytest.raises(SettingProblem, match="packets of 1024 frames become packets of 8192"):
        described(250.0, 2000.0, max_frames=1024)


def test_a_rate_that_is_no_whole_number_is_a_ratio_too():
    out = described(1000.0, 1000 / 3).outputs[0].stream
    assert out.step == 3
    assert described(4000.0, 512.0).outputs[0].stream.step == Fraction(125, 16)

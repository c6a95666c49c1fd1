"""Finite impulse responses against the same sums in numpy, bit for bit (R1..R4 of ec_fir.h)."""

import ctypes
import itertools

import numpy as np
import pytest
import scipy.signal
from dsp_library import Fir, FirStruct, aligned, at
from hypothesis import given
from hypothesis import strategies as st

N_TAPS = [1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 31, 64, 65]


def make_taps(n: int, mirror: str) -> np.ndarray:
    """n taps, any or mirrored."""
    h = np.random.default_rng([n, len(mirror)]).normal(size=n)
    if mirror == "any":
        return h
    return h + h[::-1] if mirror == "symmetric" else h - h[::-1]


def make_signal(n_frames: int, n_channels: int) -> np.ndarray:
    rng = np.random.default_rng([n_frames, n_channels])
    return (rng.normal(size=(n_frames, n_channels)) * 50 + 1000).astype(np.float32).astype(np.float64)


def numpy_fir(h: np.ndarray, x: np.ndarray, spacing: int = 1, past: np.ndarray | None = None) -> np.ndarray:
    """The sums of R1 in the order of R1."""
    n, reach = len(h), (len(h) - 1) * spacing
    padded = np.concatenate([np.zeros((reach, x.shape[1])) if past is None else past, x])

    def frame(k: int) -> np.ndarray:
        return padded[reach - k * spacing:len(padded) - k * spacing]

    y = np.zeros_like(x)
    mirrored = n > 1 and (np.array_equal(h, h[::-1]) or np.array_equal(h, -h[::-1]))
    if not mirrored:
        for k in range(n):
            y += h[k] * frame(k)
        return y
    sign = 1 if np.array_equal(h, h[::-1]) else -1
    for k in range(n // 2):
        y += h[k] * (frame(k) + sign * frame(n - 1 - k))
    if n % 2:
        y += h[n // 2] * frame(n // 2)
    return y


def same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


@pytest.mark.parametrize("mirror", ["any", "symmetric", "antisymmetric"])
@pytest.mark.parametrize("n_taps", N_TAPS)
def test_the_sums_are_those_of_numpy_bit_for_bit(dsp, simd, n_taps, mirror):                       # R1, R2
    h = make_taps(n_taps, mirror)
    for n_channels, spacing in ((1, 1), (8, 2), (21, 1)):
        x = make_signal(150, n_channels)
        want = numpy_fir(h, x, spacing)
        for level in simd:
            assert same_bits(Fir(dsp, h, n_channels, level, spacing).run(x), want)


@pytest.mark.parametrize("n_taps", [1001, 4096])
def test_long_filters_too(dsp, n_taps):                                                            # R1
    h = make_taps(n_taps, "symmetric")
    x = make_signal(600, 9)
    assert same_bits(Fir(dsp, h, 9).run(x), numpy_fir(h, x))


@pytest.mark.parametrize("n_channels", [*range(1, 41), 255, 256])
def test_from_rest_it_is_lfilter(dsp, n_channels):                                                 # R1
    h = scipy.signal.firwin(31, [5, 40], pass_zero=False, fs=250)
    x = make_signal(100, n_channels)
    for taps in (h, (h + h[::-1]) / 2):
        got, want = Fir(dsp, taps, n_channels).run(x), scipy.signal.lfilter(taps, 1, x, axis=0)
        assert np.abs(got - want).max() < 1e-11                        # of 1000 uV


def test_the_baseline_build_gives_the_same_bits(dsp, dsp_baseline):                                # R2
    x = make_signal(300, 21)
    for mirror in ("any", "symmetric", "antisymmetric"):
        h = make_taps(31, mirror)
        assert same_bits(Fir(dsp, h, 21).run(x), Fir(dsp_baseline, h, 21, 0).run(x))


@given(cuts=st.lists(st.integers(0, 300), max_size=12), n_channels=st.integers(1, 40), n_taps=st.integers(1, 90),
       mirror=st.sampled_from(["any", "symmetric", "antisymmetric"]), spacing=st.integers(1, 2),
       gap_at=st.none() | st.integers(0, 299))
def test_cutting_frames_into_calls_changes_nothing(dsp, cuts, n_channels, n_taps, mirror, spacing, gap_at):   # R2
    x, h = make_signal(300, n_channels), make_taps(n_taps, mirror)
    want = numpy_fir(h, x, spacing)
    if gap_at is not None:                                                                         # R4
        reach = (n_taps - 1) * spacing
        past = np.repeat(x[gap_at:gap_at + 1], reach, axis=0)
        want[gap_at:] = numpy_fir(h, x[gap_at:], spacing, past)
    fir = Fir(dsp, h, n_channels, spacing=spacing)
    edges = [0, *sorted([*cuts, *([] if gap_at is None else [gap_at])]), 300]
    parts, gap_told = [], False
    for a, b in itertools.pairwise(edges):
        if a == gap_at and not gap_told:
            fir.gap()
            gap_told = True
        parts.append(fir.run(x[a:b]))
    assert same_bits(np.concatenate(parts), want)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("sick", [0, 4, 12])
def test_a_sick_sample_stays_in_its_channel_and_leaves_it(dsp, simd, value, sick):                 # R3
    x = make_signal(200, 13)
    spoilt = x.copy()
    spoilt[50, sick] = value
    others = [c for c in range(13) if c != sick]
    for mirror in ("any", "symmetric"):
        h = make_taps(31, mirror)
        for level in simd:
            healthy, got = Fir(dsp, h, 13, level).run(x), Fir(dsp, h, 13, level).run(spoilt)
            assert same_bits(got[:, others].copy(), healthy[:, others].copy())
            assert not np.isfinite(got[50:81, sick]).any()
            assert same_bits(got[:50].copy(), healthy[:50].copy())
            assert same_bits(got[81:].copy(), healthy[81:].copy())


@pytest.mark.parametrize(("old_taps", "new_taps", "made_up"), [
    (31, 31, 0), (31, 5, 0), (1, 9, 0), (31, 62, 0), (31, 63, 0), (31, 64, 1), (9, 200, 159)])
def test_a_filter_that_takes_over_knows_the_past(dsp, old_taps, new_taps, made_up):
    """The ring holds EC_FIR_BLOCK frames more than the sums reach back."""
    x, h = make_signal(700, 11), make_taps(new_taps, "symmetric")
    old, new = Fir(dsp, make_taps(old_taps, "any"), 11), Fir(dsp, h, 11)
    for begin in range(0, 600, 25):
        old.run(x[begin:begin + 25])
    assert new.take_over(old) == made_up
    known = old_taps - 1 + 32
    past = np.concatenate([np.repeat(x[600 - known:601 - known], 1000, axis=0), x[600 - known:600]])
    past = past[len(past) - (new_taps - 1):]
    assert same_bits(new.run(x[600:]), numpy_fir(h, x[600:], 1, past))


def test_what_was_made_up_once_is_the_past_of_the_next(dsp):
    """A short filter, a long one for an instant, and a longer one still."""
    x, h = make_signal(400, 3), make_taps(300, "any")
    short, long, longer = Fir(dsp, make_taps(3, "any"), 3), Fir(dsp, make_taps(100, "any"), 3), Fir(dsp, h, 3)
    short.run(x[:200])
    long.take_over(short)
    assert longer.take_over(long) == 299 - (99 + 32)
    past = np.concatenate([np.repeat(x[166:167], 299 - 34, axis=0), x[166:200]])
    assert same_bits(longer.run(x[200:]), numpy_fir(h, x[200:], 1, past))


def test_taking_over_right_after_a_gap_is_a_gap(dsp):
    x, h = make_signal(100, 3), make_taps(9, "any")
    old, new = Fir(dsp, h, 3), Fir(dsp, h, 3)
    old.run(x[:50])
    old.gap()
    new.take_over(old)
    assert same_bits(new.run(x[50:]), numpy_fir(h, x[50:], 1, np.repeat(x[50:51], 8, axis=0)))


@pytest.mark.parametrize(("n_taps", "spacing", "n_channels", "broken"), [
    (0, 1, 8, None), (4097, 1, 8, None), (5, 0, 8, None), (5, 3, 8, None), (5, 1, 0, None), (5, 1, 257, None),
    (5, 1, 8, np.nan), (5, 1, 8, np.inf)])
def test_what_cannot_be_a_filter_is_refused_and_owns_nothing(dsp, n_taps, spacing, n_channels, broken):
    h = np.ones(max(1, n_taps))
    if broken is not None:
        h[2] = broken
    struct = FirStruct()
    assert dsp.ec_fir_init(ctypes.byref(struct), at(h), n_taps, spacing, n_channels) == -2       # BAD_ARGUMENT
    assert struct.taps is None
    assert struct.past is None
    dsp.ec_fir_destroy(ctypes.byref(struct))


@pytest.mark.parametrize("n_channels", [1, 8, 19])
@pytest.mark.parametrize("n_taps", [2, 4, 26])
def test_the_analytic_magnitude_is_that_of_the_same_sums(dsp, simd, n_taps, n_channels):
    x, h = make_signal(150, n_channels), make_taps(n_taps, "antisymmetric")
    delayed = np.concatenate([np.zeros((n_taps - 1, n_channels)), x])[:150]
    want = np.sqrt(delayed * delayed + numpy_fir(h, x, 2) * numpy_fir(h, x, 2))
    for level in simd:
        fir = Fir(dsp, h, n_channels, level, 2)
        got = np.concatenate([fir.run(part, "ec_analytic_run") for part in (x[:1], x[1:40], x[40:])])
        assert same_bits(got, want)


def test_rectifying_takes_the_sign_away(dsp):
    work = aligned((3, 8))
    work[:] = np.random.default_rng(1).normal(size=(3, 8))
    work[1, 2], work[2, 3] = -0.0, -np.inf
    want = np.abs(work)
    dsp.ec_rectify_f64(at(work), 3, 8)
    assert same_bits(work, want)


def test_the_recording_of_neurodsp_is_reproduced(dsp, shared_data):
    """231 taps, Hamming window, 13..30 Hz, centred."""
    x = np.load(shared_data / "neurodsp_sample_data_1.npy")
    want = np.load(shared_data / "neurodsp_sample_data_1_filt.npy")
    h = scipy.signal.firwin(231, [13, 30], pass_zero=False, fs=1000)
    for taps in (h, (h + h[::-1]) / 2):
        got = Fir(dsp, taps, 1).run(x[:, None])[230:, 0]
        assert np.isnan(want[:115]).all()
        error = np.abs(got - want[115:-115])
        assert np.nanmax(error) < 1e-9
        assert np.isfinite(error).sum() == 10_000 - 2 * 116

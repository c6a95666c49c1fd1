"""Second-order sections against scipy.signal.sosfilt, bit for bit (S1..S4 of ec_sos.h)."""

import ctypes
import itertools

import numpy as np
import pytest
import scipy.signal
from dsp_library import SCRATCH_DOUBLES, Sos, SosStruct, aligned, at
from hypothesis import given
from hypothesis import strategies as st

QUIET_NAN = 0x7FC00000


def workload(sps: float = 4000) -> np.ndarray:
    """A notch and a 4th-order band-pass: five sections."""
    notch = scipy.signal.tf2sos(*scipy.signal.iirnotch(60, 30, fs=sps))
    return np.vstack([notch, scipy.signal.butter(4, [0.5, 45], "bandpass", fs=sps, output="sos")])


def sections(n: int) -> np.ndarray:
    """n stable sections, all different."""
    rng = np.random.default_rng(n)
    if n == 0:
        return np.zeros((0, 6))
    radius, angle = rng.uniform(0.3, 0.95, n), rng.uniform(0.1, 3, n)
    return np.column_stack([rng.normal(size=(n, 3)) / 2, np.ones(n), -2 * radius * np.cos(angle), radius**2])


def signal(n_frames: int, n_channels: int) -> np.ndarray:
    rng = np.random.default_rng([n_frames, n_channels])
    return (rng.normal(size=(n_frames, n_channels)) * 50 + 1000).astype(np.float32)


def scipy_f64(sos: np.ndarray, x: np.ndarray) -> np.ndarray:
    return scipy.signal.sosfilt(sos, x.astype(np.float64), axis=0) if len(sos) else x.astype(np.float64)


def same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


@pytest.mark.parametrize("n_channels", [1, 3, 7, 8, 9, 16, 24, 32, 33, 40, 64, 255, 256])
def test_the_workload_equals_scipy_bit_for_bit(dsp, simd, n_channels):                             # S1
    x = signal(300, n_channels)
    want = scipy_f64(workload(), x)
    for level in simd:
        assert same_bits(Sos(dsp, workload(), n_channels, level).run(x.astype(np.float64)), want)
        assert same_bits(Sos(dsp, workload(), n_channels, level).filter(x), want.astype(np.float32))


@pytest.mark.parametrize("n_sections", [*range(13), 31, 64])
def test_any_number_of_sections_equals_scipy_bit_for_bit(dsp, simd, n_sections):                   # S1
    for n_channels in (5, 8, 40):
        x = signal(100, n_channels)
        want = scipy_f64(sections(n_sections), x)
        for level in simd:
            assert same_bits(Sos(dsp, sections(n_sections), n_channels, level).run(x.astype(np.float64)), want)


def test_the_baseline_build_gives_the_same_bits(dsp, dsp_baseline):                                # S2
    x = signal(500, 21)
    assert same_bits(Sos(dsp, workload(), 21).filter(x), Sos(dsp_baseline, workload(), 21, 0).filter(x))


@given(cuts=st.lists(st.integers(0, 400), max_size=8), n_channels=st.integers(1, 70), n_sections=st.integers(0, 12))
def test_cutting_frames_into_calls_changes_nothing(dsp, cuts, n_channels, n_sections):             # S2
    x = signal(400, n_channels)
    whole = Sos(dsp, sections(n_sections), n_channels).filter(x)
    piecewise = Sos(dsp, sections(n_sections), n_channels)
    edges = [0, *sorted(cuts), 400]
    parts = [piecewise.filter(x[a:b]) for a, b in itertools.pairwise(edges)]
    assert same_bits(np.concatenate(parts), whole)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("sick", [0, 4, 12])
def test_a_sick_channel_leaves_the_others_bit_identical(dsp, simd, value, sick):                   # S3
    x = signal(200, 13)
    spoilt = x.copy()
    spoilt[50, sick] = value
    others = [c for c in range(13) if c != sick]
    for level in simd:
        healthy, got = Sos(dsp, workload(), 13, level).filter(x), Sos(dsp, workload(), 13, level).filter(spoilt)
        assert same_bits(got[:, others].copy(), healthy[:, others].copy())
        assert same_bits(got[:50].copy(), healthy[:50].copy())
        assert np.isnan(got[60:, sick]).all()


def test_every_nan_leaves_as_the_same_nan(dsp, dsp_baseline):                                      # S4
    work = aligned((1, 16))
    work[0, :11] = np.array([0x7FF8000000000000, 0xFFF8000000000000, 0xFFF8123400000000, 0x7FF0000000000001] * 3,
                            np.uint64).view(np.float64)[:11]
    for library in (dsp, dsp_baseline):
        out = np.zeros((1, 11), np.float32)
        library.ec_narrow_f32(at(out), at(work), 1, 11)
        assert (out.view(np.uint32) == QUIET_NAN).all()


def test_reset_is_a_new_filter(dsp):
    x = signal(100, 8)
    sos = Sos(dsp, workload(), 8)
    first = sos.filter(x)
    assert not same_bits(sos.filter(x), first)
    sos.reset()
    assert same_bits(sos.filter(x), first)


def test_filtering_in_place_is_filtering(dsp):
    x = signal(700, 12)
    want = Sos(dsp, workload(), 12).filter(x)
    sos = Sos(dsp, workload(), 12)
    dsp.ec_sos_filter_f32(ctypes.byref(sos.struct), at(x), at(x), len(x), at(sos.scratch))
    assert same_bits(x, want)


def test_a0_divides_the_other_coefficients(dsp):
    x = signal(100, 8)
    scaled = workload() * np.array([[2.0], [4.0], [0.5], [8.0], [1.0]])                  # exact in binary
    assert same_bits(Sos(dsp, scaled, 8).filter(x), Sos(dsp, workload(), 8).filter(x))


def test_promise_a_large_offset_and_a_slow_high_pass_stay_within_half_a_unit_of_float32(dsp):
    sps, n = 16_000, 16_000
    sos = np.vstack([scipy.signal.tf2sos(*scipy.signal.iirnotch(50, 30, fs=sps)),
                     scipy.signal.butter(2, 0.1, "highpass", fs=sps, output="sos"),
                     scipy.signal.butter(4, 100, "lowpass", fs=sps, output="sos")])
    x = (np.random.default_rng(5).normal(size=(n, 2)) * 20 + [187_500, -187_500]).astype(np.float32)
    want = scipy_f64(sos, x)
    error = np.abs(Sos(dsp, sos, 2).filter(x) - want)
    assert (error <= np.spacing(np.abs(want).astype(np.float32)) / 2).all()


@pytest.mark.parametrize("n_channels", [1, 8, 11, 32])
@pytest.mark.parametrize("n_frames", [0, 1, 17])
def test_widening_pads_with_zeros_and_narrowing_rounds_once(dsp, dsp_baseline, n_channels, n_frames):
    x = signal(n_frames, n_channels)
    counts = np.random.default_rng(1).integers(-2**23, 2**23, (n_frames, n_channels), np.int32)
    padded = -(-n_channels // 8) * 8
    scale = aligned(padded)
    scale[:n_channels] = 0.0223517 + np.arange(n_channels) / 3
    for library in (dsp, dsp_baseline):
        work, out = aligned((n_frames, padded)), np.zeros_like(x)
        work[:] = 9
        library.ec_widen_f32(at(work), at(x), n_frames, n_channels)
        assert (work[:, :n_channels] == x).all()
        assert (work[:, n_channels:] == 0).all()
        library.ec_scale_f64(at(work), at(scale), n_frames, padded)
        assert (work[:, :n_channels] == x.astype(np.float64) * scale[:n_channels]).all()
        library.ec_narrow_f32(at(out), at(work), n_frames, n_channels)
        assert same_bits(out, (x.astype(np.float64) * scale[:n_channels]).astype(np.float32))
        work[:] = 9
        library.ec_widen_i32(at(work), at(counts), at(scale), n_frames, n_channels)
        assert (work[:, :n_channels] == counts * scale[:n_channels]).all()
        assert (work[:, n_channels:] == 0).all()


@pytest.mark.parametrize(("n_sections", "n_channels", "broken"), [
    (65, 8, None), (1, 0, None), (1, 257, None), (1, 8, (3, 0.0)), (1, 8, (0, np.nan)), (1, 8, (5, np.inf))])
def test_what_cannot_be_a_filter_is_refused_and_owns_nothing(dsp, n_sections, n_channels, broken):
    sos = sections(n_sections)
    if broken:
        sos[0, broken[0]] = broken[1]
    struct = SosStruct()
    assert dsp.ec_sos_init(ctypes.byref(struct), at(sos), n_sections, n_channels) == -2    # BAD_ARGUMENT
    assert struct.coefs is None
    assert struct.state is None
    dsp.ec_sos_destroy(ctypes.byref(struct))


def test_the_scratch_is_never_overrun(dsp):
    for n_channels in (1, 8, 100, 256):
        x = signal(40, n_channels)
        sos, scratch = Sos(dsp, workload(), n_channels), aligned(SCRATCH_DOUBLES + 64)
        scratch[SCRATCH_DOUBLES:] = 5
        dsp.ec_sos_filter_f32(ctypes.byref(sos.struct), at(x), at(x), 40, at(scratch))
        assert (scratch[SCRATCH_DOUBLES:] == 5).all()

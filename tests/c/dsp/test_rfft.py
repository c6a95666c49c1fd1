"""The real FFT of every length against scipy.fft (F1, F2 of ec_cfft.h)."""

import numpy as np
import pytest
import scipy.fft
from dsp_library import Rfft, aligned, at

BIG = [1000, 4001, 8000, 8192, 10007, 16000, 20014, 65536, 65537, 2 * 3 * 5 * 7 * 11 * 13]


def noise(n: int) -> np.ndarray:
    return np.random.default_rng(n).normal(size=n)


def worst_error(dsp, n: int) -> float:
    want = scipy.fft.rfft(noise(n))
    return float(np.abs(Rfft(dsp, n)(noise(n)) - want).max() / np.abs(want).max())


@pytest.mark.parametrize("begin", range(1, 601, 100))
def test_every_small_length_equals_scipy(dsp, begin):
    errors = {n: worst_error(dsp, n) for n in range(begin, begin + 100)}
    assert {n: e for n, e in errors.items() if e > 1e-14} == {}


@pytest.mark.parametrize("n", BIG)
def test_big_lengths_equal_scipy(dsp, n):
    assert worst_error(dsp, n) < 1e-14


@pytest.mark.deep
def test_every_length_up_to_5000_equals_scipy(dsp):
    assert {n for n in range(601, 5001) if worst_error(dsp, n) > 1e-14} == set()


@pytest.mark.parametrize("n", [2, 31, 64, 120, 210, 250, 961, 1000, 4001, 8000])
def test_every_vector_width_gives_the_same_bits(dsp, dsp_baseline, n):                              # F2
    assert Rfft(dsp, n)(noise(n)).tobytes() == Rfft(dsp_baseline, n)(noise(n)).tobytes()


def test_a_run_depends_on_nothing_but_its_input(dsp):                                              # F1
    fft = Rfft(dsp, 1155)
    first = fft(noise(1155))
    fft(noise(1155) * 1e300)
    fft.scratch[:] = np.nan
    assert fft(noise(1155)).tobytes() == first.tobytes()


@pytest.mark.parametrize("n", [1, 2, 8, 31, 37, 1000, 4001])
def test_the_scratch_is_never_overrun(dsp, n):
    fft = Rfft(dsp, n)
    used, fft.scratch = len(fft.scratch), aligned(len(fft.scratch) + 64)
    fft.scratch[used:] = 5
    fft(noise(n))
    assert (fft.scratch[used:] == 5).all()


@pytest.mark.parametrize("n", [0, 2**25 + 1])
def test_lengths_without_a_transform_are_refused(dsp, n):
    plan = aligned(200)
    assert dsp.ec_rfft_init(at(plan), n) == -2                                     # BAD_ARGUMENT
    assert not plan.any()
    dsp.ec_rfft_destroy(at(plan))

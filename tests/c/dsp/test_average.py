"""Averages of spectra against numpy and scipy (V1 of ec_average.h), and decibels against log10."""

import ctypes

import numpy as np
import pytest
from dsp_library import aligned, at
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal._spectral_py import _median_bias


def average(dsp, spectra: np.ndarray, most: int, is_median: bool = False, is_db: bool = False) -> np.ndarray:
    """Add all spectra, shape (n, size), and read the average of the newest `most`."""
    size = spectra.shape[1]
    struct, out = aligned(20), np.full(size, -1, np.float32)
    assert dsp.ec_average_init(at(struct), most, is_median, is_db, size) == 0
    for spectrum in spectra:
        ctypes.memmove(dsp.ec_average_place(at(struct)), spectrum.ctypes.data, 8 * size)
        dsp.ec_average_add(at(struct))
    dsp.ec_average_read(at(struct), at(out))
    dsp.ec_average_destroy(at(struct))
    assert not struct.any()
    return out


def powers(n: int, size: int) -> np.ndarray:
    return np.random.default_rng([n, size]).exponential(1e3, (n, size))


@pytest.mark.parametrize("n", [1, 2, 3, 8, 31, 100])
@pytest.mark.parametrize("size", [1, 15, 16, 17, 100])
def test_means_and_medians_are_those_of_numpy_and_scipy(dsp, n, size):
    spectra = powers(n + 3, size)
    newest = spectra[3:]
    np.testing.assert_allclose(average(dsp, spectra, n), newest.mean(axis=0), rtol=6.1e-8)
    median = np.median(newest, axis=0) / _median_bias(n)
    np.testing.assert_allclose(average(dsp, spectra, n, is_median=True), median, rtol=6.1e-8)
    few = average(dsp, spectra[:2], n + 5, is_median=True)
    np.testing.assert_allclose(few, np.median(spectra[:2], axis=0), rtol=6.1e-8)


@pytest.mark.parametrize("is_median", [False, True])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_value_depends_on_its_own_place_only(dsp, is_median, bad):                               # V1
    spectra = powers(7, 40)
    clean = average(dsp, spectra, 7, is_median)
    spectra[2, 9] = bad
    spoilt = average(dsp, spectra, 7, is_median)
    others = np.arange(40) != 9
    assert spoilt[others].tobytes() == clean[others].tobytes()
    if np.isnan(bad):
        assert spoilt[9:10].view(np.uint32)[0] == 0x7FC00000                       # the one quiet NaN


def test_what_cannot_be_averaged_is_refused(dsp):
    struct = aligned(20)
    for most, size in ((0, 5), (1001, 5), (3, 0)):
        assert dsp.ec_average_init(at(struct), most, False, False, size) == -2     # BAD_ARGUMENT
        assert not struct.any()


def test_decibels_of_a_mean_are_rounded_once(dsp):
    spectra = powers(5, 200)
    want = (10 * np.log10(spectra.mean(axis=0))).astype(np.float32)
    np.testing.assert_array_max_ulp(average(dsp, spectra, 5, is_db=True), want, 1)


@given(st.floats(min_value=2.3e-308, max_value=1.7e308))
def test_a_decibel_is_ten_log10(dsp, power):
    want = 10 * np.log10(power)
    assert abs(dsp.probe_decibel(power) - want) <= 4e-15 + 2 * np.spacing(abs(want))


def test_decibels_around_the_seams(dsp):
    for middle in (1.0, 2**0.5, 2**-0.5, 2.0, 10.0):
        for power in middle * (1 + np.arange(-2000, 2000) * 2.0**-52):
            assert abs(dsp.probe_decibel(power) - 10 * np.log10(power)) <= 4e-15 + 2 * 1e-15


@pytest.mark.parametrize(("power", "db"), [(0.0, -np.inf), (-0.0, -np.inf), (np.inf, np.inf), (1.0, 0.0),
                                           (5e-324, -np.inf), (-1.0, np.nan), (-np.inf, np.nan), (np.nan, np.nan)])
def test_decibels_of_what_is_no_power(dsp, power, db):
    np.testing.assert_equal(dsp.probe_decibel(power), db)

"""Sine and cosine of turns against long double, and at the corners (T1..T4 of ec_trig.h)."""

import math

import numpy as np
import pytest
from dsp_library import at
from hypothesis import given
from hypothesis import strategies as st


@pytest.fixture(scope="session")
def sincos(dsp):
    def call(turns: float) -> tuple[float, float]:
        out = np.zeros(2)
        dsp.probe_sincos(turns, at(out))
        return float(out[0]), float(out[1])

    return call


def exact(turns: float) -> tuple[np.longdouble, np.longdouble]:
    angle = np.longdouble(turns - math.floor(turns) if abs(turns) > 1 else turns) * 2 * np.longdouble(
        "3.14159265358979323846264338327950288")
    return np.sin(angle), np.cos(angle)


@pytest.mark.skipif(np.finfo(np.longdouble).eps > 1e-18, reason="long double is no wider than double here")
@given(turns=st.floats(-1e6, 1e6) | st.floats(-1, 1))
def test_the_error_is_below_two_units_of_one(sincos, turns):                                       # T1
    for got, want in zip(sincos(turns), exact(turns), strict=True):
        assert abs(np.longdouble(got) - want) < 2.3e-16


@given(quarter=st.integers(-2**54, 2**54))
def test_quarter_turns_are_exact(sincos, quarter):                                                 # T2
    assert sincos(quarter / 4) == ((0, 1), (1, 0), (0, -1), (-1, 0))[int(quarter / 4 * 4) % 4]


@given(turns=st.floats(allow_nan=False, allow_infinity=False))
def test_sine_is_odd_and_cosine_even(sincos, turns):                                               # T3
    (s, c), (s_back, c_back) = sincos(turns), sincos(-turns)
    assert (s, c) == (-s_back, c_back)


@pytest.mark.parametrize("turns", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_has_no_sine(sincos, turns):                                            # T4
    assert all(math.isnan(v) for v in sincos(turns))


@pytest.mark.parametrize("turns", [2.0**53, -2.0**60, 1.7e308])
def test_large_numbers_are_whole_turns(sincos, turns):                                             # T4
    assert sincos(turns) == (0, 1)

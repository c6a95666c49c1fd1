"""ec_random.h against a second implementation and published numbers."""

import ctypes

import numpy as np
import pytest

MASK = 2**64 - 1


def splitmix64(state, n):
    """Java's SplittableRandom, written down once more."""
    z = (state + (n + 1) * 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def test_n2_stream_begins_with_the_published_numbers_of_splitmix64(library):
    state = ctypes.c_uint64(1234567)
    drawn = [library.harness_random_next(ctypes.byref(state)) for _ in range(5)]
    assert drawn == [6457827717110365317, 3203168211198807973, 9817491932198370423,
                     4593380528125082431, 16408922859458223821]


@pytest.mark.parametrize("key", [0, 1, 1234567, MASK])
@pytest.mark.parametrize("n", [0, 1, 2**32, MASK])
def test_n1_number_n_needs_no_history(library, key, n):
    assert library.harness_random(key, n) == splitmix64(key, n)


def test_n3_uniform_numbers_fill_zero_to_one(library):
    drawn = np.array([library.harness_uniform(99, n) for n in range(20000)])
    assert drawn.min() >= 0.0
    assert drawn.max() < 1.0
    assert abs(drawn.mean() - 0.5) < 0.01
    assert abs(drawn.var() - 1 / 12) < 0.002

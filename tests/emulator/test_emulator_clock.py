"""When edges happen: exact fractions, bounded jitter, and the same under both clocks."""

import ctypes
from fractions import Fraction
from itertools import pairwise

import pytest
from emulator_driver import BAD_ARGUMENT, END_OF_DATA, EdgeClock
from hypothesis import given
from hypothesis import strategies as st

rates_mhz = st.one_of(st.sampled_from([250_000, 16_000_000, 20_000_000, 333_333]), st.integers(1000, 10**9))
drifts = st.integers(-10**11, 10**11)


def clock(library, rate_mhz, drift=0, jitter_ns=0):
    made = EdgeClock()
    library.harness_clock(ctypes.byref(made), rate_mhz, drift, jitter_ns)
    return ctypes.byref(made)


@given(rate_mhz=rates_mhz, drift=drifts, k=st.integers(0, 10**12))
def test_m1_edge_k_is_k_exact_periods_after_the_start(library, rate_mhz, drift, k):
    period_ns = Fraction(10**12 + drift, rate_mhz)
    if k * period_ns < 2**63:
        assert library.harness_edge_due(clock(library, rate_mhz, drift), k) == k * period_ns // 1


@given(rate_mhz=rates_mhz, drift=drifts, k=st.integers(1, 10**9), share=st.floats(0, 0.99))
def test_c1_stamps_rise_and_are_late_by_less_than_the_jitter(library, rate_mhz, drift, k, share):
    jitter_ns = int(Fraction(10**12 + drift, rate_mhz) * Fraction(share))
    made = clock(library, rate_mhz, drift, jitter_ns)
    stamps = [library.harness_edge_stamp(made, k + i) for i in range(4)]
    assert all(a < b for a, b in pairwise(stamps))
    assert all(0 <= stamp - library.harness_edge_due(made, k + i) <= jitter_ns for i, stamp in enumerate(stamps))


@given(rate_mhz=rates_mhz, drift=drifts, k=st.integers(1, 10**9), share=st.floats(0, 0.99))
def test_c2_count_turns_over_at_the_stamp(library, rate_mhz, drift, k, share):
    made = clock(library, rate_mhz, drift, int(Fraction(10**12 + drift, rate_mhz) * Fraction(share)))
    stamp = library.harness_edge_stamp(made, k)
    assert library.harness_edge_count(made, stamp - 1) == k - 1
    assert library.harness_edge_count(made, stamp) == k


def test_no_edge_before_the_first_period(library):
    made = clock(library, 250_000)
    assert library.harness_edge_count(made, -5) == 0
    assert library.harness_edge_count(made, 3_999_999) == 0
    assert library.harness_edge_count(made, 4_000_000) == 1


def test_virtual_time_starts_at_zero_and_wait_does_not_wait(emulator):
    one = emulator(sps=250, signal="test")
    assert one.now() == 0
    assert one.wait(want=3) == [(1, 4_000_000), (2, 8_000_000), (3, 12_000_000)]
    assert one.now() == 12_000_000
    assert one.wait(want=100, most=2) == [(4, 16_000_000), (5, 20_000_000)]


def test_positive_drift_makes_periods_longer(emulator):
    one = emulator(sps=1000, signal="test", drift_ppm=250.0)
    assert one.collect(4000)[1][-1] == 4_001_000_000


def test_deadline_zero_is_a_poll(emulator):
    one = emulator(sps=250, signal="test")
    assert one.wait(deadline_ns=0) == []
    assert one.now() == 0
    assert one.advance(9_000_000) == 0
    assert one.wait(deadline_ns=0) == [(1, 4_000_000), (2, 8_000_000)]
    assert one.wait(deadline_ns=0) == []


def test_real_clock_reports_the_same_edges_at_the_same_distances(emulator):
    virtual = emulator(sps=2000, jitter_us=200.0, seed=5)
    real = emulator(sps=2000, jitter_us=200.0, seed=5, virtual_clock=0)
    begin = real.now()
    frames_v, stamps_v = virtual.collect(300)
    frames_r, stamps_r = real.collect(300)
    assert (frames_v == frames_r).all()
    assert len(set((stamps_r - stamps_v).tolist())) == 1
    assert real.now() - begin >= 148_000_000
    assert real.now() >= stamps_r[-1]


def test_real_clock_wait_gives_up_at_the_deadline(emulator):
    one = emulator(sps=1, signal="test", virtual_clock=0)
    assert one.wait(deadline_ns=0) == []
    deadline = one.now() + 2_000_000
    assert one.wait(deadline_ns=deadline) == []
    assert one.now() >= deadline


def test_stop_tells_the_last_edge_and_time_ends(emulator):
    one = emulator(sps=1000, signal="test", virtual_clock=0)
    edges = one.wait(want=5)
    last = one.stop()
    assert last >= edges[-1][0] >= 5
    truth = one.truth()
    assert (truth.edges, truth.clean, truth.never_read) == (last, 0, last)
    assert one.truth().edges == last


def test_every_start_begins_anew(emulator):
    one = emulator(sps=500, seed=3)
    first, stamps = one.collect(200)
    assert one.stop() == 200
    assert one.start() == 0
    again, stamps_again = one.collect(200, want=5)
    assert (first == again).all()
    assert (stamps == stamps_again).all()
    assert one.truth().clean == 200


def test_calls_out_of_order_are_refused(emulator):
    one = emulator(start=False)
    assert one.wait() == BAD_ARGUMENT
    assert one.read() == BAD_ARGUMENT
    assert one.start() == 0
    assert one.start() == BAD_ARGUMENT
    assert one.read(chip=1) == BAD_ARGUMENT
    assert one.advance(-1) == BAD_ARGUMENT
    assert emulator(virtual_clock=0).advance(1) == BAD_ARGUMENT


def test_n_frames_max_ends_with_end_of_data(emulator):
    one = emulator(n_frames_max=10)
    assert len(one.collect(100, want=7)[0]) == 10
    assert one.wait() == END_OF_DATA
    assert one.advance(10**12) == 0
    assert one.wait(deadline_ns=0) == END_OF_DATA
    assert one.stop() == 10


@pytest.mark.parametrize(("settings", "word"), [
    ({"channels": (5,)}, "channels_per_chip"), ({"channels": (8,) * 33}, "256"), ({"gain": 3}, "gain"),
    ({"sps": 0.0}, "sps"), ({"sps": 2e6}, "sps"), ({"sps": 250.00005}, "millihertz"),
    ({"sps": float("nan")}, "sps"), ({"jitter_us": 4000.0}, "jitter_us"), ({"jitter_us": -1.0}, "jitter_us"),
    ({"drift_ppm": 2e5}, "drift_ppm"), ({"spi_hz": 1.0}, "spi_hz"), ({"vref_v": 0.0}, "vref_v"),
    ({"signal": 9}, "signal"), ({"late": 2}, "late"), ({"signal": "sine", "sine_hz": 125.0}, "sine_hz"),
    ({"mains_hz": -50.0}, "mains_hz"), ({"signal": "file"}, "file"), ({"alpha_weight": float("inf")}, "alpha_weight"),
    ({"signal": "file", "file": b"\xc0" * 28}, "spi_bytes"), ({"signal": "file", "file": b""}, "spi_bytes"),
])
def test_a_setting_that_cannot_run_is_refused_by_name(emulator, settings, word):
    one = emulator(**settings)
    assert not one.at
    assert one.status == -3
    assert word in one.why.decode()

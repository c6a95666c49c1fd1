"""When edges happen: exact fractions, bounded jitter, and the same under all clocks."""

import ctypes
import time
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from emulator_driver import BAD_ARGUMENT, EINVAL, ENODATA, START, EdgeClock, settle_ns
from hypothesis import given
from hypothesis import strategies as st

rates_mhz = st.one_of(st.sampled_from([250_000, 16_000_000, 20_000_000, 333_333]), st.integers(1000, 10**9))
drifts = st.integers(-10**11, 10**11)
ramps = st.sampled_from([0.0, 50e-6, -50e-6, 0.01, -0.01])


def clock(library, rate_mhz, drift=0, jitter_ns=0, ramp=0.0):
    made = EdgeClock()
    library.harness_clock(ctypes.byref(made), rate_mhz, drift, ramp, jitter_ns)
    return ctypes.byref(made)


@given(rate_mhz=rates_mhz, drift=drifts, k=st.integers(0, 10**12))
def test_edge_k_is_k_exact_periods_after_the_start(library, rate_mhz, drift, k):
    period_ns = Fraction(10**12 + drift, rate_mhz)
    if k * period_ns < 2**63:
        assert library.harness_edge_due(clock(library, rate_mhz, drift), k) == k * period_ns // 1


@given(rate_mhz=rates_mhz, drift=drifts, k=st.integers(1, 10**9), share=st.floats(0, 0.89))
def test_c1_edges_rise_and_are_late_by_less_than_the_jitter(library, rate_mhz, drift, k, share):
    jitter_ns = int(Fraction(10**12 + drift, rate_mhz) * Fraction(share))
    made = clock(library, rate_mhz, drift, jitter_ns)
    stamps = [library.harness_edge_stamp(made, k + i) for i in range(4)]
    assert all(a < b for a, b in pairwise(stamps))
    assert all(0 <= stamp - library.harness_edge_due(made, k + i) <= jitter_ns for i, stamp in enumerate(stamps))


@given(rate_mhz=rates_mhz, drift=drifts, k=st.integers(0, 10**9), share=st.floats(0, 0.89), ramp=ramps)
def test_c2_the_walk_meets_the_closed_form(library, rate_mhz, drift, k, share, ramp):
    made = clock(library, rate_mhz, drift, int(Fraction(10**12 + drift, rate_mhz) * Fraction(share)), ramp)
    walked = [library.harness_edge_walk_from(made, k), *(library.harness_edge_walk(made) for _ in range(20))]
    assert walked == [library.harness_edge_stamp(made, k + i) for i in range(21)]
    assert all(a < b for a, b in pairwise(walked))


def test_f_16_a_ramp_of_the_drift_is_a_parabola(library):
    made = clock(library, 250_000, ramp=50e-6)
    for seconds in (1, 10, 60, 1000):
        extra_ns = library.harness_edge_stamp(made, 250 * seconds) - seconds * 10**9
        assert extra_ns == pytest.approx(0.5 * 50e-6 * seconds**2 * 1e9, abs=2)


def test_f_16_a_ramp_ends_at_ten_percent(library):
    made = clock(library, 250_000, ramp=-0.01)
    late = [library.harness_edge_stamp(made, k) for k in (10**6, 10**6 + 1000)]
    assert (late[1] - late[0]) / 1000 == pytest.approx(4e6 * 0.9, rel=1e-9)


def test_virtual_time_starts_at_zero_and_wait_does_not_wait(emulator):
    one = emulator(signal="test")
    assert one.now() == 0
    one.begin(sps=250)
    first = one.t_start + settle_ns(250)
    assert [one.wait(want=3) for _ in range(3)] == [[(k, first + (k - 1) * 4_000_000, 0)] for k in (1, 2, 3)]
    assert one.now() == first + 8_000_000


def test_positive_drift_makes_periods_longer(emulator):
    one = emulator(signal="test", drift_ppm=250.0).begin(sps=1000)
    stamps = one.collect(4001)[1]
    assert stamps[-1] - stamps[0] == 4_001_000_000


@pytest.mark.parametrize("clock_hz", [1.6e6, 2.25e6, 2.048e6])
def test_an_external_clock_sets_the_rate(emulator, clock_hz):
    stamps = emulator(signal="test", clock_hz=clock_hz).begin(sps=250).collect(2001)[1]
    assert stamps[-1] - stamps[0] == pytest.approx(2000 * 8192 / clock_hz * 1e9, abs=2)


def test_rate_scale_makes_rates_that_the_chip_has_not(emulator):
    stamps = emulator(signal="test", rate_scale=1.25).begin(sps=16000).collect(2001)[1]
    assert stamps[-1] - stamps[0] == 2000 * 50_000


def test_deadline_zero_is_a_poll_and_any_other_is_kept(emulator):
    one = emulator(signal="test").begin(sps=250)
    begin = one.now()
    assert one.wait(deadline_ns=0) == []
    assert one.wait(deadline_ns=begin + 1_000_000) == []
    assert one.now() == begin + 1_000_000
    first = one.t_start + settle_ns(250)
    one.sleep_until(first + 5_000_000)
    assert [edge.t_ns for edge in one.wait(deadline_ns=0)] == [first, first + 4_000_000]
    assert one.wait(deadline_ns=0) == []


def test_without_start_no_edge_ever_comes(emulator):
    one = emulator()
    assert one.wait() == []
    assert one.now() == 0
    assert one.wait(deadline_ns=10**9) == []
    assert one.now() == 10**9


def relative(one, n=300, **settings):
    one.begin(**settings)
    frames, stamps = one.collect(n)
    return frames, stamps - one.t_start


@pytest.mark.parametrize("faults", [(), [("bad_status", {"at": 20, "n": 3}), ("spurious", {"at": 40, "value": 9000})]])
def test_patient_time_is_virtual_time_paced_by_the_real_clock(emulator, faults):
    settings = {"jitter_us": 200.0, "seed": 5, "faults": faults, "stamp_jitter_us": 20.0}
    frames_v, stamps_v = relative(emulator(**settings), sps=2000)
    one = emulator(time="patient", **settings)
    assert one.now() < time.monotonic_ns()
    frames_p, stamps_p = relative(one, sps=2000)
    assert (frames_v == frames_p).all()
    assert (stamps_v == stamps_p).all()
    assert time.monotonic_ns() >= one.t_start + stamps_p[-1] - 400_000     # the stamp may be late itself
    assert one.t_start <= time.monotonic_ns() - 140_000_000


def test_a_patient_world_waits_for_a_late_reader(emulator):
    one = emulator(time="patient", signal="test").begin(sps=1000)
    time.sleep(0.05)
    _, stamps = one.collect(100)
    assert (np.diff(stamps) == 1_000_000).all()
    assert one.truth().clean == 100


def test_a_patient_wait_sleeps_for_as_many_edges_as_are_wanted(emulator):
    one = emulator(time="patient", signal="test").begin(sps=1000)
    edges = one.wait(want=20)
    assert len(edges) == 1
    assert time.monotonic_ns() >= edges[0].t_ns + 19_000_000
    assert one.now() == edges[0].t_ns


def test_real_clock_reports_the_same_edges_at_the_same_distances(emulator):
    _frames_v, stamps_v = relative(emulator(jitter_us=200.0, seed=5), n=200, sps=2000)
    one = emulator(jitter_us=200.0, seed=5, time="real")
    one.begin(sps=2000)
    seen = {}
    for _ in range(150):
        for edge in one.wait():
            seen[edge.seqno] = edge.t_ns
    first = one.t_start - seen[1] + stamps_v[0]
    assert abs(first) < 1_000_000
    assert all(seen[k] - seen[1] == stamps_v[k - 1] - stamps_v[0] for k in seen)
    assert one.now() >= max(seen.values())


def test_real_clock_wait_gives_up_at_the_deadline(emulator):
    one = emulator(signal="test", time="real")
    assert one.wait(deadline_ns=0) == []
    deadline = one.now() + 2_000_000
    assert one.wait(deadline_ns=deadline) == []
    assert one.now() >= deadline


def test_every_start_that_was_made_use_of_counts_on(emulator):
    one = emulator(seed=3).begin(sps=500)
    first, _ = one.collect(200)
    one.stop()
    one.sleep(10_000_000)
    assert [edge.seqno for edge in one.poll()] == [201]                     # the conversion in progress
    one.start()
    again, _ = one.collect(200, want=5)
    assert (first == again).all()
    assert (one.truth().conversions, one.truth().clean) == (401, 400)


def test_a_start_that_nobody_read_is_taken_back(emulator):
    one = emulator(faults=[("bad_status", {"at": 3})]).begin(sps=500)
    one.wait()
    one.wait()
    one.stop()
    one.sleep(10_000_000)
    assert one.truth().conversions == 3
    one.start()
    one.poll()
    one.collect(10)
    truth = one.truth()
    assert (truth.conversions, truth.clean, truth.spoiled) == (10, 9, 1)


def test_run_begin_forgets_what_was_read_before(emulator):
    one = emulator().begin(sps=500)
    one.collect(10)
    one.stop()
    one.sleep(10_000_000)
    one.poll()
    one.run_begin()
    one.start()
    one.collect(5)
    assert one.truth().conversions == 5


def test_calls_that_make_no_sense_are_refused(emulator):
    one = emulator()
    assert one.wait(most=0) == EINVAL
    assert one.transfer(b"\0", select=1) == EINVAL
    assert one.transfer(b"\0", speed_hz=0) == EINVAL
    assert one.message(0) == EINVAL
    assert one.advance(-1) == BAD_ARGUMENT
    assert emulator(time="real").advance(1) == BAD_ARGUMENT
    assert emulator(time="patient").advance(1) == BAD_ARGUMENT


def test_n_frames_max_ends_with_no_data(emulator):
    one = emulator(n_frames_max=10).begin(sps=250)
    assert len(one.collect(100, want=7)[0]) == 10
    assert one.wait() == ENODATA
    assert one.advance(10**12) == 0
    assert one.wait(deadline_ns=0) == ENODATA
    assert one.truth().conversions == 10
    assert one.set_line(START, 0) == 0


@pytest.mark.parametrize(("settings", "word"), [
    ({"channels": (5,)}, "n_channels"), ({"channels": (8,) * 33}, "256"), ({"n_selects": 0}, "n_selects"),
    ({"chips_in": [0]}, "chips_in"), ({"n_drdy": 2}, "n_drdy"), ({"gap_bits": 2}, "gap_bits"),
    ({"clock_master": [0]}, "clock_master"), ({"spi_mode": 4}, "spi_mode"), ({"dvdd_v": 5.0}, "dvdd_v"),
    ({"rate_scale": 0.0}, "rate_scale"), ({"rate_scale": float("nan")}, "rate_scale"), ({"clock_hz": 1.0}, "clock_hz"),
    ({"jitter_us": -1.0}, "jitter_us"), ({"stamp_jitter_us": -1.0}, "stamp_jitter_us"), ({"time": 3}, "time"),
    ({"stamp_jitter": 2}, "stamp_jitter"), ({"drift_ppm": 2e5}, "drift_ppm"),
    ({"drift_ppm_per_s": 1e9}, "drift_ppm_per_s"),
    ({"powered_ns": -1}, "powered_ns"), ({"vref_v": 0.0}, "vref_v"), ({"signal": 9}, "signal"),
    ({"noise_scale": -1.0}, "noise_scale"), ({"signal": "sine", "sine_hz": 0.0}, "sine_hz"),
    ({"mains_hz": -50.0}, "mains_hz"), ({"signal": "file"}, "file"), ({"alpha_weight": float("inf")}, "alpha_weight"),
    ({"electrode_kohm": -1.0}, "electrode_kohm"), ({"reference_kohm": -1.0}, "reference_kohm"),
    ({"file": b"\xc0" * 28}, "spi_bytes"), ({"file": b""}, "spi_bytes"),
    ({"faults": [("eio", {"at": 5}), ("eio", {"at": 4})]}, "in order of `at`"),
    ({"faults": [("eio", {"at": 5, "chip": 1})]}, "a chip does not exist"),
    ({"faults": [("bit_flip", {"at": 5, "value": 192})]}, "a value is out of the range"),
])
def test_a_setting_that_cannot_run_is_refused_by_name(emulator, settings, word):
    one = emulator(**settings)
    assert not one.at
    assert one.status == -3
    assert word in one.why.decode()

"""Which conversion an edge stands for: edges lost, merged and added (faults F-01 to F-04), gaps, restarts."""

from __future__ import annotations

import numpy as np
import pytest
from edge_simulation import ORDER, START_NS, edge_times, held_off, jitter, stamped, with_faults

NARROW = [(250, "none", 0.0), (250, "normal", 100e3), (250, "uniform", 0.5e6), (250, "exponential", 100e3),
          (1000, "uniform", 125e3), (4000, "normal", 8e3), (16000, "none", 0.0), (16000, "exponential", 2e3),
          (16000, "uniform", 8e3)]
WIDE = [(250, "normal", 1e6, 0.004), (250, "exponential", 1e6, 0.004), (1000, "normal", 1e6, 6e-4),
        (1000, "exponential", 1e6, 6e-4), (1000, "uniform", 1e6, 6e-4), (4000, "normal", 1e6, 4e-5),
        (4000, "exponential", 1e6, 4e-5), (4000, "uniform", 1e6, 4e-5), (16000, "normal", 20e3, 4e-3),
        (16000, "exponential", 20e3, 4e-3)]


@pytest.mark.parametrize(("sps", "kind", "scale_ns"), NARROW)
def test_jitter_below_half_a_period_every_gap_is_in_its_place(clock, sps, kind, scale_ns):
    f = with_faults(sps, 30.0 if sps > 4000 else 60.0, np.random.default_rng(5), kind=kind, scale_ns=scale_ns,
                    vanish=0.01, lose=0.01, glitch=0.01, quiet_s=18)
    c = clock(sps)
    answer = c.edges(f.seqno, f.stamp_ns)
    assert (answer.conversion == f.conversion).all()
    assert ((answer.advance == 0) == ~f.is_real).all()
    assert (c.results.vanished, c.results.missed, c.results.spurious) == (f.vanished, f.missed, f.spurious)
    assert (np.diff(answer.t_ns[answer.advance > 0]) > 0).all()
    settled = f.is_real & (f.true_ns > 20e9)
    assert np.percentile(np.abs(answer.t_ns - START_NS - f.true_ns)[settled], 99) < 200e3


@pytest.mark.parametrize(("sps", "kind", "scale_ns", "vanish"), WIDE)
def test_wider_jitter_every_vanished_edge_is_counted(clock, sps, kind, scale_ns, vanish):
    f = with_faults(sps, 60.0, np.random.default_rng(6), kind=kind, scale_ns=scale_ns, vanish=vanish, lose=0.01,
                    quiet_s=30, tail_s=2)
    c = clock(sps)
    answer = c.edges(f.seqno, f.stamp_ns)
    assert f.vanished > 1
    assert answer.conversion[-1] == f.conversion[-1]
    assert (c.results.vanished - c.results.spurious, c.results.missed) == (f.vanished, f.missed)
    assert (np.diff(answer.t_ns[answer.advance > 0]) > 0).all()


@pytest.mark.parametrize(("per_s", "mean_ns"), [(20, 100e3), (5, 2e6)])
@pytest.mark.parametrize("sps", [1000, 4000, 16000])
def test_edges_merged_while_interrupts_were_held_off_are_told_from_late_ones(clock, sps, per_s, mean_ns):
    true_ns = edge_times(sps, 60.0, off=0.003)
    conversion, stamps = held_off(true_ns, np.random.default_rng(1), per_s=per_s, mean_ns=mean_ns, latency_ns=3e3)
    c = clock(sps)
    answer = c.edges(np.arange(1, len(stamps) + 1), stamps)
    merged = len(true_ns) - len(conversion)
    assert answer.conversion[-1] == conversion[-1]
    assert c.results.vanished - c.results.spurious == merged
    settled = true_ns[conversion] > 10e9
    assert (answer.conversion != conversion)[settled].sum() <= 2 + merged / 40      # late by 0.995 of a period and more
    assert (np.diff(answer.t_ns[answer.advance > 0]) > 0).all()


@pytest.mark.deep
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("kind", ["normal", "exponential", "uniform"])
def test_at_16_ksps_a_vanished_edge_is_found_in_jitter_of_sixteen_periods(clock, kind, seed):
    f = with_faults(16000, 150.0, np.random.default_rng(seed), kind=kind, scale_ns=1e6, vanish=3e-6, lose=0.001,
                    quiet_s=50, tail_s=10)
    answer = clock(16000).edges(f.seqno, f.stamp_ns)
    assert answer.conversion[-1] == f.conversion[-1]


@pytest.mark.deep
@pytest.mark.parametrize(("sps", "kind", "scale_ns"), NARROW)
def test_many_seeds_every_gap_is_in_its_place(clock, sps, kind, scale_ns):
    for seed in range(30):
        f = with_faults(sps, 30.0 if sps > 4000 else 60.0, np.random.default_rng(seed), kind=kind, scale_ns=scale_ns,
                        vanish=0.01, lose=0.01, glitch=0.01, quiet_s=18)
        answer = clock(sps).edges(f.seqno, f.stamp_ns)
        assert (answer.conversion == f.conversion).all(), seed


@pytest.mark.deep
@pytest.mark.parametrize(("sps", "kind", "scale_ns", "vanish"), WIDE)
def test_many_seeds_every_vanished_edge_is_counted(clock, sps, kind, scale_ns, vanish):
    for seed in range(30):
        f = with_faults(sps, 90.0, np.random.default_rng(seed), kind=kind, scale_ns=scale_ns, vanish=vanish, lose=0.01,
                        quiet_s=30, tail_s=4)
        answer = clock(sps).edges(f.seqno, f.stamp_ns)
        assert answer.conversion[-1] == f.conversion[-1], seed


def regular(clock, sps=250, n=1000, off=0.0):
    """A clock that has followed `n` exact edges, and the times of more."""
    true_ns = edge_times(sps, 2 * n / sps + 100, off=off)
    c = clock(sps)
    c.edges(np.arange(1, n + 1), stamped(true_ns[:n], np.zeros(n)))
    return c, stamped(true_ns, np.zeros(len(true_ns)))


def test_merged_edges_within_a_gap_of_the_sequence_numbers_count_too(clock):
    c, stamps = regular(clock)
    answer = c.edges([1004, 1005], [stamps[1005], stamps[1006]])       # three lost, two more never numbered
    assert answer.advance.tolist() == [6, 1]
    assert answer.conversion.tolist() == [1005, 1006]
    assert answer.t_ns.tolist() == pytest.approx([stamps[1005], stamps[1006]], abs=2)
    assert (c.results.missed, c.results.vanished, c.results.gaps) == (3, 2, 1)


@pytest.mark.parametrize("lost", [1, 63, 64, 65, 5000])
def test_a_gap_of_the_sequence_numbers_is_exact_however_long(clock, lost):
    c, _ = regular(clock, off=0.02)
    true_ns = edge_times(250, 40.0, off=0.02)
    answer = c.edges([1001 + lost, 1002 + lost], stamped(true_ns[[1000 + lost, 1001 + lost]], np.zeros(2)))
    assert answer.conversion.tolist() == [1000 + lost, 1001 + lost]
    assert np.abs(answer.t_ns - START_NS - true_ns[[1000 + lost, 1001 + lost]]).max() < 1000


def test_sequence_numbers_wrap(clock):
    true_ns = edge_times(250, 8.0)
    c = clock(250)
    base = 2**32 - 1000
    c.edges([1], stamped(true_ns[:1], np.zeros(1)))
    c.restart()
    answer = c.edges(base + np.arange(1999), stamped(true_ns[1:2000], np.zeros(1999)))
    assert (answer.advance == 1).all()


@pytest.mark.parametrize("seqno", [1000, 999, 1])
def test_a_sequence_number_that_repeats_or_goes_back_is_refused(clock, seqno):
    c, stamps = regular(clock)
    answer = c.edges([seqno, 1001], [stamps[1000], stamps[1000]])
    assert answer.advance.tolist() == [ORDER, 1]
    assert c.results.refused == 1


@pytest.mark.parametrize(("first", "conversion"), [(1, 0), (4, 3)])
def test_edges_lost_before_the_first_are_counted(clock, first, conversion):
    c = clock(250)
    answer = c.edges([first], [START_NS])
    assert (answer.advance[0], answer.conversion[0]) == (conversion + 1, conversion)
    assert c.results.missed == conversion


@pytest.mark.parametrize(("late_periods", "advance", "conversion"), [(-3, 0, 0), (0, 1, 0), (2, 3, 2)])
def test_the_due_time_of_the_first_edge_tells_stale_and_merged_ones(clock, late_periods, advance, conversion):
    c = clock(250, first_due_ns=START_NS)
    answer = c.edges([1], [START_NS + late_periods * 4_000_000 + 100_000])
    assert (answer.advance[0], answer.conversion[0]) == (advance, conversion)


def test_after_a_restart_the_gap_is_known_from_time(clock):
    c, stamps = regular(clock)
    c.restart()
    answer = c.edges([1, 2, 3], stamps[[2000, 2001, 2002]] + 1_000_000)      # a quarter of a period into the next phase
    assert answer.conversion.tolist() == [2000, 2001, 2002]
    assert answer.t_ns.tolist() == pytest.approx(stamps[[2000, 2001, 2002]] + 1_000_000, abs=20)
    assert c.results.silent == 1000
    assert c.results.anchors == 2
    assert c.results.last_anchor_ns == stamps[2000] + 1_000_000


def test_a_restart_keeps_the_rate(clock):
    rng = np.random.default_rng(1)
    true_ns = edge_times(250, 80.0, off=0.02)
    stamps = stamped(true_ns, jitter("normal", len(true_ns), rng))
    c = clock(250)
    c.edges(np.arange(1, 15001), stamps[:15000])
    c.restart()
    answer = c.edges(np.arange(1, 1001), stamps[15000:16000] + 12_345_678)
    assert answer.sps[-1] == pytest.approx(255.0, rel=5e-6)
    assert np.abs(answer.t_ns - START_NS - 12_345_678 - true_ns[15000:16000])[500:].max() < 200e3

"""A data-ready line at the wrong rate is reported, and nothing is numbered meanwhile (fault F-14)."""

from __future__ import annotations

import numpy as np
import pytest
from edge_simulation import FAST, OFF_RATE, SLOW, edge_times, jitter, stamped

JITTERS = [("none", 0.0), ("exponential", 20e3), ("normal", 1e6)]


def at_rate(clock, sps, factor, kind, scale_ns, seconds=8.0):
    true_ns = edge_times(sps * factor, seconds)
    c = clock(sps)
    stamps = stamped(true_ns, jitter(kind, len(true_ns), np.random.default_rng(4), scale_ns))
    return true_ns, c, c.edges(np.arange(1, len(true_ns) + 1), stamps)


@pytest.mark.parametrize(("kind", "scale_ns"), JITTERS)
@pytest.mark.parametrize("factor", [0.25, 0.5, 0.667, 0.75, 0.9, 0.95, 0.965, 1.035, 1.05, 1.1, 1.25, 1.5, 2.0, 4.0])
@pytest.mark.parametrize("sps", [250, 1000, 16000])
def test_a_wrong_rate_is_reported_within_five_seconds(clock, sps, factor, kind, scale_ns):
    true_ns, c, answer = at_rate(clock, sps, factor, kind, scale_ns)
    refused = np.nonzero(answer.advance < 0)[0]
    assert set(answer.advance[refused]) == {SLOW if factor < 1 else FAST}
    assert true_ns[refused[0]] < 5e9
    assert (answer.advance[refused[0]:] < 0).all()
    assert c.results.state == OFF_RATE
    assert c.results.sps_seen == pytest.approx(sps * factor, rel=0.01)
    assert c.results.refused == len(refused)


@pytest.mark.parametrize(("kind", "scale_ns"), JITTERS)
@pytest.mark.parametrize("factor", [0.975, 0.99, 1.01, 1.025])
@pytest.mark.parametrize("sps", [250, 1000, 16000])
def test_what_an_oscillator_may_do_is_no_wrong_rate(clock, sps, factor, kind, scale_ns):
    _, _, answer = at_rate(clock, sps, factor, kind, scale_ns)
    assert (answer.advance > 0).all()


@pytest.mark.parametrize(("factor", "code"), [(0.5, SLOW), (2.0, FAST)])
def test_half_and_double_rate_are_found_in_a_hundred_edges_and_left_in_two_seconds(clock, factor, code):
    good = edge_times(250, 20.0)
    wrong = good[-1] + edge_times(250 * factor, 5.0)[1:]
    again = wrong[-1] + edge_times(250, 5.0)[1:]
    stamps = stamped(np.concatenate([good, wrong, again]), np.zeros(len(good) + len(wrong) + len(again)))
    c = clock(250)
    answer = c.edges(np.arange(1, len(stamps) + 1), stamps)
    refused = np.nonzero(answer.advance < 0)[0]
    assert 0 < refused[0] - len(good) < 100
    assert set(answer.advance[refused[:500]]) == {code}
    assert (stamps[refused[-1]] - stamps[len(good) + len(wrong)]) < 2.1e9
    accepted = answer.advance > 0
    assert (answer.advance[refused[-1] + 1:] > 0).all()
    assert (np.diff(answer.t_ns[accepted]) > 0).all()
    assert answer.conversion[-1] == round((stamps[-1] - stamps[0]) / 4e6)
    assert answer.t_ns[-1] == pytest.approx(stamps[-1], abs=20)


def test_a_restart_ends_it_at_once(clock):
    _, c, answer = at_rate(clock, 250, 1.1, "none", 0.0)
    assert c.results.state == OFF_RATE
    c.restart()
    stamps = stamped(1e11 + edge_times(250, 10.0, off=-0.01), np.zeros(len(edge_times(250, 10.0, off=-0.01))))
    again = c.edges(np.arange(1, len(stamps) + 1), stamps)
    assert (again.advance[1:] == 1).all()
    assert again.conversion[0] > answer.conversion[-1]
    assert np.abs(again.t_ns - stamps).max() <= 2


def test_one_edge_in_twenty_vanishing_is_no_wrong_rate(clock):
    rng = np.random.default_rng(2)
    true_ns = edge_times(16000, 10.0, off=0.01)
    kept = rng.random(len(true_ns)) > 0.05
    kept[:2000] = True
    stamps = stamped(true_ns, jitter("exponential", len(true_ns), rng, 2e3))
    answer = clock(16000).edges(np.arange(1, kept.sum() + 1), stamps[kept])
    assert (answer.advance > 0).all()
    assert answer.conversion[-1] == np.nonzero(kept)[0][-1]

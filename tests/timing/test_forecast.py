"""What the clock says of edges that have not come, and of edges of other lines."""

from __future__ import annotations

import numpy as np
import pytest
from edge_simulation import SETTLED, START_NS, edge_times, jitter, stamped


def after(clock, sps, seconds, *, off=0.0, late_ns=0.0):
    """The clock after so many seconds, and the true time of the conversion behind its newest."""
    true_ns = edge_times(sps, seconds, off=off)
    n = len(true_ns) - 1
    c = clock(sps)
    delays = jitter("exponential", n, np.random.default_rng(3), late_ns) if late_ns else np.zeros(n)
    c.edges(np.arange(1, n + 1), stamped(true_ns[:n], delays))
    return c, START_NS + true_ns[n]


@pytest.mark.parametrize("off", [0.0, 0.025, -0.025])
@pytest.mark.parametrize("sps", [250, 16000])
def test_the_next_edge_is_known_before_it_comes(clock, sps, off):
    c, next_ns = after(clock, sps, 5, off=off)
    assert c.results.state == SETTLED
    assert c.forecast(1) == pytest.approx(next_ns, abs=5)
    assert c.forecast(1) - c.forecast(0) == pytest.approx(1e9 / sps / (1 + off), abs=5)


def test_late_stamps_do_not_make_the_next_edge_late(clock):
    c, next_ns = after(clock, 1000, 30, late_ns=100e3)
    assert c.forecast(1) == pytest.approx(next_ns, abs=30e3)


def test_nothing_is_forecast_from_a_young_fit_or_from_stamps_that_are_all_over_a_period(clock):
    assert clock(1000).forecast(1) == 0
    assert after(clock, 1000, 0.02)[0].forecast(1) == 0
    assert after(clock, 16000, 30, late_ns=100e3)[0].forecast(1) == 0


def test_a_line_of_the_same_clock_keeps_its_phase_and_another_drifts(clock):
    c, next_ns = after(clock, 1000, 5)
    period = 1e6
    assert clock(1000).phase(START_NS) == 0.0
    for periods in (-3, 0, 1, 400):
        assert c.phase(next_ns + periods * period) == pytest.approx(0.0, abs=1e-4)
        assert c.phase(next_ns + (periods + 0.3) * period) == pytest.approx(0.3, abs=1e-3)
        assert c.phase(next_ns + (periods - 0.3) * period) == pytest.approx(-0.3, abs=1e-3)

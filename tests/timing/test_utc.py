"""Wall time of samples: one mapping for a run, whatever happens to the wall clock."""

from __future__ import annotations

import time

import pytest

from eegcore.graph.utc import UtcMap, WallStep

HOUR_NS = 3_600_000_000_000


class Clocks:
    """Two clocks under the test's hand; each reading takes `cost_ns`."""

    def __init__(self) -> None:
        self.t_ns = 1_000
        self.offset_ns = 1_700_000_000_000_000_000
        self.cost_ns = [100]

    def monotonic_ns(self) -> int:
        self.t_ns += self.cost_ns[0] if len(self.cost_ns) == 1 else self.cost_ns.pop(0)
        return self.t_ns

    def realtime_ns(self) -> int:
        return self.t_ns + self.offset_ns

    def map(self) -> UtcMap:
        return UtcMap(monotonic_ns=self.monotonic_ns, realtime_ns=self.realtime_ns)


@pytest.mark.parametrize("hours", [1, -1])
def test_a_wall_clock_stepped_by_an_hour_moves_no_sample_and_is_reported(hours):
    clocks = Clocks()
    utc = clocks.map()
    before = [utc.to_unix_ns(t) for t in range(0, 10**12, 10**11)]
    clocks.t_ns += 10**10
    clocks.offset_ns += hours * HOUR_NS
    step = utc.look()
    assert step is not None
    assert step.step_ns == pytest.approx(hours * HOUR_NS, abs=1000)
    assert step.t_ns == pytest.approx(clocks.t_ns, abs=2000)
    assert [utc.to_unix_ns(t) for t in range(0, 10**12, 10**11)] == before
    assert utc.as_dict()["steps"] == [{"t_ns": step.t_ns, "step_ns": step.step_ns}]
    clocks.t_ns += 10**10
    assert utc.look() is None                            # once


def test_a_slew_is_wander_and_no_step():
    clocks = Clocks()
    utc = clocks.map()
    for _ in range(100):
        clocks.t_ns += 6 * 10**9
        clocks.offset_ns += 3_000_000                    # 500 ppm
        assert utc.look() is None
    assert utc.wander_ns == pytest.approx(300_000_000, abs=1000)
    assert utc.n_steps == 0


def test_clocks_are_read_every_few_seconds_only():
    clocks = Clocks()
    utc = clocks.map()
    clocks.t_ns += 10**9
    clocks.offset_ns += HOUR_NS
    assert utc.look() is None
    assert utc.n_pairs == 1
    clocks.t_ns += 5 * 10**9
    assert isinstance(utc.look(), WallStep)


def test_the_tightest_reading_counts():
    clocks = Clocks()
    clocks.cost_ns = [100, 10**7, 100, 10**7, 100, 40, 100, 10**7, 100, 10**7, 100]
    utc = clocks.map()
    assert utc.anchor.width_ns == 20
    assert utc.to_unix_ns(0) == pytest.approx(clocks.offset_ns, abs=20)


def test_the_clocks_of_this_machine_agree_with_the_mapping():
    utc = UtcMap()
    assert utc.to_unix_ns(time.monotonic_ns()) == pytest.approx(time.time_ns(), abs=10**8)
    assert utc.anchor.width_ns < 10**7

"""START: one moment for all chips, an empty queue before it, chips out of step brought together (F-17)."""

from __future__ import annotations

import errno

import driver_structs as ds
import pytest

MS = 1_000_000
OP_START, STOP, RDATAC = 0x08, 0x0A, 0x10


@pytest.fixture
def ready(fake):
    """A driver that is brought up, its record of messages and lines empty."""
    def make(*arguments, **changes):
        bus, driver = fake(*arguments, **changes)
        assert driver.bring_up() == 0, str(driver.report)
        bus.messages.clear()
        bus.lines.clear()
        return bus, driver
    return make


def test_9_4_1_start_by_line_is_low_for_16_tclk_and_more_before_it_rises(ready):
    bus, driver = ready((1, 1))
    assert driver.start() == 0
    assert [(line, level) for _, line, level in bus.lines] == [(ds.START, 0), (ds.START, 1)]
    assert bus.lines[1][0] - bus.lines[0][0] >= 7813
    assert bus.lines[1][0] == driver.t_start.value
    assert [(m.select, m.tx[0]) for m in bus.messages] == [(0, RDATAC), (1, RDATAC)]
    assert all(m.t_end_ns < driver.t_start.value for m in bus.messages), "no edge is near"


def test_start_without_a_line_is_stop_then_start_to_every_select(ready):
    bus, driver = ready((1, 1), start_wired=False)
    assert driver.start() == 0
    assert [(m.select, m.tx[0]) for m in bus.messages] == [
        (0, STOP), (1, STOP), (0, RDATAC), (1, RDATAC), (0, OP_START), (1, OP_START)]
    assert bus.messages[4].t_ns == driver.t_start.value


def test_edges_from_before_are_thrown_away_and_their_numbers_kept(ready):
    bus, driver = ready()
    assert driver.start() == 0
    first = driver.wait()
    assert [seqno for *_, seqno in first] == [1]
    for _ in range(5):
        driver.wait()
    bus.t_ns += 10 * bus.period_ns
    assert driver.start() == 0
    assert driver.seqno_at_start[0] == 6, "START low ended the edges"
    events = driver.wait()
    assert events[0][2] == 7
    assert events[0][0] > driver.t_start.value


def test_a_full_queue_is_emptied(ready):
    bus, driver = ready(start_wired=False)
    assert driver.start() == 0
    bus.t_ns += 200 * bus.period_ns
    bus.convert = lambda begin: None                       # a board that converts for ever
    assert driver.start() == 0
    assert driver.seqno_at_start[0] >= 197


@pytest.mark.parametrize("n_chips", [2, 4])
def test_first_edges_of_all_lines_are_given_to_the_caller(ready, n_chips):
    _bus, driver = ready((1,) * n_chips, n_drdy=n_chips)
    assert driver.start() == 0
    assert driver.start_toggles == 0
    events = driver.wait()
    assert [(line, seqno) for _, line, seqno in events] == [(line, 1) for line in range(n_chips)]
    assert [(line, seqno) for _, line, seqno in driver.wait()] == [(line, 2) for line in range(n_chips)]


def test_pending_edges_are_given_in_pieces_too(ready):
    _, driver = ready((1, 1, 1), n_drdy=3)
    assert driver.start() == 0
    assert [e[1] for e in driver.wait(maximum=2)] == [0, 1]
    assert [e[1] for e in driver.wait(maximum=2)] == [2]


@pytest.mark.parametrize("late", [1, 2, 0.6])
@pytest.mark.parametrize("times", [1, 2, 3])
def test_f17_a_late_chip_is_brought_into_step(ready, late, times):
    bus, driver = ready((1, 1), n_drdy=2)
    bus.chips[1].late_starts = [late] * times
    assert driver.start() == 0, str(driver.report)
    assert driver.start_toggles == times
    events = driver.wait()
    assert [line for _, line, _ in events] == [0, 1]
    assert all(t > driver.t_start.value for t, *_ in events)
    assert [seqno for *_, seqno in events] == [driver.seqno_at_start[0] + 1, driver.seqno_at_start[1] + 1]


def test_f17_chips_that_stay_out_of_step_are_refused(ready):
    bus, driver = ready((1, 1, 1), n_drdy=3)
    bus.chips[2].late_starts = [1] * 4
    assert driver.start() == ds.BAD_DEVICE
    report = driver.report
    assert (driver.step, report.chip, report.expected, report.seen, report.attempts) == ("sync", 2, 2000, 4000, 3)
    assert driver.start_toggles == 3


def test_f17_less_than_half_a_period_is_in_step(ready):
    bus, driver = ready((1, 1), n_drdy=2)
    bus.chips[1].late_starts = [0.45]
    assert driver.start() == 0
    assert driver.start_toggles == 0


def test_a_silent_line_is_named(ready):
    bus, driver = ready((1, 1), n_drdy=2)
    bus.silent = {1}
    assert driver.start() == ds.NO_DRDY
    assert (driver.step, driver.report.chip) == ("sync", 1)


def test_one_line_is_not_waited_for(ready):
    bus, driver = ready((1, 1))
    bus.silent = {0}
    assert driver.start() == 0


@pytest.mark.parametrize(("error", "status"), [(errno.ENODEV, ds.DEVICE_GONE), (errno.EIO, ds.DEVICE_IO)])
def test_errors_at_start(ready, error, status):
    bus, driver = ready()
    bus.wait_error = error
    assert driver.start() == status
    assert (driver.step, driver.report.error) == ("start", error)
    bus, driver = ready()
    bus.line_error = error
    assert driver.start() == status
    bus, driver = ready((1, 1))
    bus.errors = dict.fromkeys(range(1, 9), error)
    assert driver.start() == status
    assert driver.report.chip == 1

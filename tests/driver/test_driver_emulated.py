"""The driver on emulated chips in virtual time: every wiring comes up without breaking a rule, every fault is met."""

from __future__ import annotations

import ctypes as c

import driver_structs as ds
import numpy as np
import pytest


class Chips(ds.Driver):
    """A driver with emulated chips behind it."""

    def __init__(self, library, words):
        why = c.c_char_p()
        self.handle = library.emulated_open(words.encode(), why)
        assert self.handle, why.value
        bus, config = ds.Bus(), ds.Config()
        library.emulated_bus(self.handle, bus)
        library.emulated_config(self.handle, config)
        super().__init__(library, bus, config)

    @property
    def truth(self):
        """What really happened."""
        truth = ds.Truth()
        self.library.emulated_truth(self.handle, truth)
        return truth

    def begin(self):
        """Bring up and start; a chain has converted before, which does not count."""
        assert self.bring_up() == 0, str(self.report)
        self.library.emulated_run_begin(self.handle)
        assert self.start() == 0, str(self.report)
        return self

    def collect(self, n):
        """Statuses (n,), frames (n, chips, 27), seqno of the newest edge (n,), spans (n,) of so many rounds."""
        statuses, last = np.zeros(n, np.int32), np.zeros(n, np.uint32)
        frames, spans = np.zeros((n, self.d.n_chips, 27), np.uint8), np.zeros(n, np.int64)
        got = self.library.emulated_collect(self.d, n, *(a.ctypes.data_as(c.c_void_p)
                                                         for a in (statuses, frames, last, spans)))
        got = max(got, 0)
        return statuses[:got], frames[:got], last[:got], spans[:got]


@pytest.fixture
def chips(emulated_library):
    """Make a driver on emulated chips from words: ``chips("selects=1,1 dr=2")``."""
    made = []

    def make(words=""):
        made.append(Chips(emulated_library, f"seed=5 strict=1 {words}"))
        return made[-1]
    yield make
    for one in made:
        emulated_library.emulated_close(one.handle)


def prefix_is_good(frames):
    return (frames[:, :, 0] & 0xF0) == 0xC0


CASCADES = ["", "selects=1,1", "selects=1,1,1,1", "selects=1,1,1,1 n_drdy=4", "start=none", "reset=none",
            "start=none reset=none selects=1,1", "channels=4", "channels=6,4 selects=1,1", "dr=0", "dr=6",
            "selects=1,1,1 masters=1,0,0", "selects=1,1 masters=1,0 start=none reset=none", "clock_hz=1.6e6",
            "powered_ns=0",
            "drift_ppm=20000", "drift_ppm=-20000", "id=0x1E", "spi_hz=20000000 trailer=1"]
CHAINS = ["selects=2", "selects=3 gap_bits=1", "selects=4 gap_bits=1", "selects=2,2 gap_bits=1", "selects=1,2",
          "selects=2 channels=4,4 gap_bits=1", "selects=4 start=none reset=none"]


@pytest.mark.parametrize("words", CASCADES + CHAINS)
def test_every_wiring_comes_up_without_breaking_a_rule(chips, words):
    driver = chips(words).begin()
    n = 100
    if driver.config.n_drdy > 1:
        events = []
        while len(events) < n * driver.config.n_drdy:
            events += driver.wait()
            while len(events) % driver.config.n_drdy:
                events += driver.wait()
            assert driver.read() == 0
        assert [line for _, line, _ in events[:4]] == [0, 1, 2, 3]
    else:
        statuses, frames, last, _ = driver.collect(n)
        assert len(statuses) == n
        assert not statuses.any()
        assert prefix_is_good(frames).all()
        assert (np.diff(last) == 1).all()
        assert last[0] == driver.seqno_at_start[0] + 1
    driver.stop()
    truth = driver.truth
    assert truth.clean == n
    assert (truth.spoiled, truth.torn, truth.repeated, truth.violations, truth.last_violation) == (0, 0, 0, 0, 0)


@pytest.mark.parametrize("words", ["", "selects=1,1,1,1", "selects=4 gap_bits=1"])
def test_check_between_two_edges_breaks_nothing(chips, words):
    driver = chips(f"dr=6 {words}").begin()
    assert driver.library.ec_ads1299_check_ns(driver.d) + driver.library.ec_ads1299_wire_ns(driver.config) < 4_000_000
    for _ in range(5):
        statuses, frames, _, _ = driver.collect(3)
        assert not statuses.any()
        assert prefix_is_good(frames).all()
        assert driver.check() == 0, str(driver.report)
    truth = driver.truth
    assert (truth.clean, truth.never_read, truth.violations) == (15, 0, 0)


def test_chains_give_the_frames_of_a_cascade(chips):
    frames = [chips(f"dr=3 {words}").begin().collect(200)[1]
              for words in ("selects=1,1,1", "selects=3", "selects=3 gap_bits=1", "selects=1,2 gap_bits=1")]
    for other in frames[1:]:
        assert np.array_equal(frames[0], other)
    assert len(np.unique(frames[0].reshape(200, -1), axis=0)) == 200


def test_a_chain_whose_first_chip_drives_the_clock_comes_up(chips):
    driver = chips("selects=3 masters=1,0,0 gap_bits=1").begin()
    assert driver.gap_bits[0] == 1
    statuses, frames, _, _ = driver.collect(50)
    assert not statuses.any()
    assert prefix_is_good(frames).all()
    assert driver.truth.clean == 50
    assert np.array_equal(frames, chips("selects=3 gap_bits=1").begin().collect(50)[1]), "no channel is dead"


def test_supplies_that_have_just_risen_are_waited_for(chips):
    driver = chips("powered_ns=0")
    assert driver.bring_up() == 0
    assert driver.d.bus.now(driver.d.bus.self) >= 128_000_000
    assert driver.truth.violations == 0


# faults (reference section 18)

def test_f03_an_overflow_is_a_jump_of_line_seqno(chips):
    _, _, last, _ = chips("dr=4 fault=overflow:0:20:5").begin().collect(60)
    jumps = np.diff(last)
    assert jumps.max() == 6
    assert (jumps != 1).sum() == 1


@pytest.mark.parametrize(("kind", "errno"), [("eio", 5), ("etimedout", 110)])
@pytest.mark.parametrize("n", [1, 2, 3])
def test_f05_f06_short_failures_are_repeated_inside_the_window(chips, kind, errno, n):
    driver = chips(f"fault={kind}:0:10:{n} dr=4").begin()
    statuses, frames, last, _ = driver.collect(30)
    assert not statuses.any()
    assert prefix_is_good(frames).all()
    assert (np.diff(last) == 1).all()
    assert (driver.retries, driver.io_errors, driver.truth.failed_transfers) == (n, 0, n)


@pytest.mark.parametrize(("kind", "errno"), [("eio", 5), ("etimedout", 110)])
def test_f05_f06_longer_failures_lose_the_frame_and_no_more(chips, kind, errno):
    driver = chips(f"fault={kind}:0:10:4 dr=4").begin()
    statuses, _, _, _ = driver.collect(30)
    assert np.flatnonzero(statuses).tolist() == [9]
    assert statuses[9] == ds.DEVICE_IO
    assert (driver.retries, driver.io_errors, driver.report.error) == (3, 1, errno)


def test_f05_failures_without_end_end_in_a_restart_that_says_why(chips):
    driver = chips("fault=eio:0:10:0 dr=4").begin()
    statuses, _, _, _ = driver.collect(20)
    assert (statuses[9:] == ds.DEVICE_IO).all()
    assert driver.bring_up() == ds.DEVICE_IO
    assert (driver.step, driver.report.error) == ("id", 5)


def test_f07_slow_transfers_show_in_the_bracket(chips):
    driver = chips("dr=4 fault=slow:0:10:1:5000000").begin()
    _, _, last, spans = driver.collect(30)
    assert np.flatnonzero(spans > 1_000_000).tolist() == [9]
    assert last[10] - last[9] > 1
    truth = driver.truth
    assert truth.never_read + truth.torn == truth.conversions - truth.clean


def test_f08_a_flipped_bit_passes(chips):
    plain = chips("dr=4").begin().collect(30)[1]
    flipped = chips("dr=4 fault=bit_flip:0:10:1:100").begin().collect(30)[1]
    assert (np.unpackbits(plain) != np.unpackbits(flipped)).sum() == 1


def test_f09_f12_only_the_chip_with_the_bad_prefix_shows_it(chips):
    driver = chips("selects=1,1,1 dr=4 fault=bad_status:1:10:3").begin()
    good = prefix_is_good(driver.collect(30)[1])
    assert good[:, [0, 2]].all()
    assert np.flatnonzero(~good[:, 1]).tolist() == [9, 10, 11]


def test_f10_a_slip_behind_the_prefix_is_found_by_the_trailer(chips):
    words = "dr=4 signal=1 fault=bit_slip:0:10:2:40"
    assert prefix_is_good(chips(words).begin().collect(30)[1]).all(), "27 bytes cannot show it"
    driver = chips(f"{words} trailer=1").begin()
    good = prefix_is_good(driver.collect(30)[1])
    assert np.flatnonzero(~good[:, 0]).tolist() == [9, 10]
    assert driver.slips == 2
    assert driver.truth.spoiled == 2


@pytest.mark.parametrize("level", [0x00, 0xFF])
def test_f11_a_bus_that_sticks_is_called_stuck(chips, level):
    driver = chips(f"dr=4 fault=miso_stuck:0:10:100000:{level}").begin()
    good = prefix_is_good(driver.collect(20)[1])
    assert np.flatnonzero(~good[:, 0]).tolist() == list(range(9, 20))
    assert driver.check() == ds.DEVICE_IO
    assert (driver.step, driver.report.seen) == ("check", level)
    assert driver.bring_up() == ds.DEVICE_IO
    assert (driver.step, driver.report.seen) == ("id", level)


def test_f11_noise_is_no_other_part(chips):
    driver = chips("dr=4 fault=miso_stuck:0:10:100000:0x100").begin()
    good = prefix_is_good(driver.collect(40)[1])
    assert good[:9].all()
    assert good[9:].sum() < 15
    assert driver.check() == ds.DEVICE_IO
    assert driver.step == "check"


def test_f13_a_reset_chip_is_found_and_brought_back(chips):
    driver = chips("selects=1,1 dr=4 fault=reset:1:10:1").begin()
    driver.collect(20)
    assert driver.check() == ds.BAD_DEVICE
    report = driver.report
    assert (driver.step, report.chip, report.address) == ("check", 1, ds.CONFIG1)
    assert driver.bring_up() == 0
    assert driver.start() == 0
    statuses, frames, _, _ = driver.collect(20)
    assert not statuses.any()
    assert prefix_is_good(frames).all()
    assert driver.check() == 0


def test_f14_a_silent_line_ends_the_wait(chips):
    driver = chips("dr=4 fault=drdy:0:10:0:0").begin()
    assert len(driver.collect(30)[0]) == 9
    assert driver.wait(driver.d.bus.now(driver.d.bus.self) + 10**7) == []


@pytest.mark.parametrize("n", [1, 2])
def test_f15_lost_writes_are_repeated(chips, n):
    driver = chips(f"fault=write_lost:0:0:{n}").begin()
    assert driver.check() == 0


def test_f15_writes_lost_for_ever_are_refused(chips):
    driver = chips("fault=write_lost:0:0:1000")
    assert driver.bring_up() == ds.BAD_DEVICE
    assert (driver.step, driver.report.attempts) == ("write", 3)


@pytest.mark.parametrize("late", [1, 3])
def test_f17_a_late_chip_is_brought_into_step(chips, late):
    driver = chips(f"selects=1,1 n_drdy=2 dr=4 fault=late_start:1:1:{late}")
    assert driver.bring_up() == 0
    assert driver.start() == 0, str(driver.report)
    assert driver.start_toggles == 1
    events = driver.wait()
    while len(events) < 2:
        events += driver.wait()
    assert sorted(line for _, line, _ in events[:2]) == [0, 1]
    assert abs(events[0][0] - events[1][0]) < 500_000


def test_f18_f19_saturation_and_electrodes_are_no_errors_of_the_bus(chips):
    driver = chips("dr=4 fault=saturate:0:5:5,electrode_off:0:15:5:2").begin()
    statuses, frames, _, _ = driver.collect(30)
    assert not statuses.any()
    assert prefix_is_good(frames).all()


@pytest.mark.parametrize("words", ["selects=1", "selects=1,1"])
def test_f20_a_vanished_device_says_so_everywhere(chips, words):
    driver = chips(f"{words} dr=4 fault=gone:0:10:0").begin()
    driver.collect(9)
    events = driver.wait()
    while isinstance(events, list):
        assert driver.read() in (0, ds.DEVICE_GONE)
        events = driver.wait()
    assert events == -19
    assert driver.read() == ds.DEVICE_GONE
    assert driver.check() == ds.DEVICE_GONE
    driver.stop()
    assert driver.bring_up() == ds.DEVICE_GONE
    assert driver.start() == ds.DEVICE_GONE


@pytest.mark.parametrize("seen", [0x3C, 0x92, 0xD2])
def test_f21_another_part_is_refused(chips, seen):
    driver = chips(f"selects=1,1 id=0,{seen}")
    assert driver.bring_up() == ds.BAD_DEVICE
    assert (driver.step, driver.report.chip, driver.report.expected, driver.report.seen) == ("id", 1, 0x1E, seen)

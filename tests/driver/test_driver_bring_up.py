"""Bring-up on scripted chips: the order of reference section 3, every delay, and a report for every refusal."""

from __future__ import annotations

import ctypes
import errno
import itertools

import driver_structs as ds
import pytest

MS = 1_000_000
WAKEUP, OP_RESET, OP_START, STOP, RDATAC, SDATAC = 0x02, 0x06, 0x08, 0x0A, 0x10, 0x11


def commands(bus, select=None):
    """Bytes of all messages with a command, as hex, of one select or of all."""
    return [m.tx.hex() for m in bus.messages if not m.is_data and select in (None, m.select)]


def test_structs_of_the_tests_are_those_of_the_driver(library):
    for name, struct in (("ads1299", ds.Ads1299), ("config", ds.Config), ("report", ds.Report)):
        size = getattr(library, f"layout_{name}")
        size.restype = ctypes.c_uint64
        assert size() == ctypes.sizeof(struct), name


def test_registers_are_written_read_back_and_understood(fake):
    bus, driver = fake()
    assert driver.bring_up() == 0, str(driver.report)
    assert driver.step == "none"
    assert bytes(driver.seen[0])[1:18] == ds.USUAL[1:18]
    assert bytes(bus.chips[0].registers[1:18]) == ds.USUAL[1:18]
    assert bytes(bus.chips[0].registers[20:]) == ds.USUAL[20:]
    assert driver.sps == 250.0


@pytest.mark.parametrize(("dr", "sps"), [(0, 16000), (1, 8000), (2, 4000), (3, 2000), (4, 1000), (5, 500), (6, 250)])
def test_9_6_1_2_rate_comes_from_config1_as_read_back(fake, dr, sps):
    config = ds.config_of(clock_hz=1.8e6, rate_scale=1.25)
    config.registers[0][ds.CONFIG1] = 0xD0 | dr
    _, driver = fake(config=config)
    assert driver.bring_up() == 0
    assert driver.sps == pytest.approx(sps * 1.8 / 2.048 * 1.25, rel=1e-12)


def test_order_of_commands_with_a_reset_line(fake):
    bus, driver = fake()
    assert driver.bring_up() == 0
    assert commands(bus) == [
        "11", "200000", "2017" + "00" * 24,                                     # SDATAC, ID, reset values
        "4300ec", "230000",                                                     # reference buffer on, read back
        "4110" + ds.USUAL[1:18].hex(), "5403" + ds.USUAL[20:].hex(),            # all registers, around LOFF_STAT
        "2116" + "00" * 23, "2017" + "00" * 24]                                 # read back, and what is reported
    assert [(line, level) for _, line, level in bus.lines] == [
        (ds.START, 0), (ds.RESET, 1), (ds.RESET, 0), (ds.RESET, 1)]


def test_order_of_commands_without_lines(fake):
    bus, driver = fake((1, 1), start_wired=False, reset_wired=False)
    assert driver.bring_up() == 0
    assert commands(bus, 0) == commands(bus, 1)
    assert commands(bus, 1)[:4] == ["02", "06", "11", "200000"]
    assert bus.lines == []


def test_every_command_is_one_transfer_at_2_mhz_that_keeps_the_select_low(fake):
    bus, driver = fake(spi_hz=16_000_000)
    assert driver.bring_up() == 0
    for message in bus.messages:
        assert len(message.sizes) == 1
        assert message.speeds == {2_000_000}
        assert message.delays == (3,)
    for before, after in zip(bus.messages, bus.messages[1:], strict=False):
        assert after.t_ns - before.t_end_ns >= 1954, "tSDECODE, 4 tCLK"


def test_a_slow_bus_is_slow_for_commands_too(fake):
    bus, driver = fake(spi_hz=1_000_000)
    assert driver.bring_up() == 0
    assert {hz for message in bus.messages for hz in message.speeds} == {1_000_000}


def test_slow_external_clock_makes_commands_slower_and_waits_longer(fake):
    bus, driver = fake(spi_hz=8_000_000, clock_hz=0.9e6)
    assert driver.bring_up() == 0
    assert all(hz <= 1.8e6 for message in bus.messages for hz in message.speeds)
    assert all(message.delays[0] * 0.9 >= 4 for message in bus.messages)
    assert bus.messages[0].t_ns >= 2**18 / 0.9e6 * 1e9


def test_11_1_nothing_is_sent_before_tpor_and_reset_is_followed_by_silence(fake):
    bus, driver = fake()
    assert driver.bring_up() == 0
    low = next(t for t, line, level in bus.lines if line == ds.RESET and level == 0)
    high = next(t for t, line, level in bus.lines if line == ds.RESET and level == 1 and t > low)
    assert low >= 150 * MS
    assert high - low >= 977
    assert bus.messages[0].t_ns - high >= MS


def test_7_5_reference_gets_150_ms_before_anything_else_is_written(fake):
    bus, driver = fake()
    assert driver.bring_up() == 0
    on = next(m for m in bus.messages if m.tx.hex() == "4300ec")
    rest = next(m for m in bus.messages if m.tx[0] == 0x41)
    assert rest.t_ns - on.t_end_ns >= 150 * MS


def test_an_external_reference_is_not_waited_for(fake):
    config = ds.config_of()
    config.registers[0][ds.CONFIG3] = 0x60
    bus, driver = fake(config=config)
    assert driver.bring_up() == 0
    rest = next(m for m in bus.messages if m.tx[0] == 0x41)
    on = next(m for m in bus.messages if m.tx.hex() == "430060")
    assert rest.t_ns - on.t_end_ns < MS


def test_standby_is_left_before_a_reset_by_opcode(fake):
    bus, driver = fake(reset_wired=False)
    bus.chips[0].standby = True
    assert driver.bring_up() == 0
    wake, reset = bus.messages[:2]
    assert (wake.tx[0], reset.tx[0]) == (WAKEUP, OP_RESET)
    assert reset.t_ns - wake.t_end_ns >= 31_250


@pytest.mark.parametrize("revision", [0x00, 0x20, 0x60, 0xE0])
@pytest.mark.parametrize(("n_channels", "code"), [(4, 0x1C), (6, 0x1D), (8, 0x1E)])
def test_9_6_1_1_only_the_low_five_bits_of_the_id_count(fake, n_channels, code, revision):
    config = ds.config_of()
    config.n_channels[0] = n_channels
    bus, driver = fake(config=config)
    bus.chips[0].id = revision | code
    assert driver.bring_up() == 0, str(driver.report)


@pytest.mark.parametrize("seen", [0x3C, 0x92, 0xD2, 0x20])
def test_f21_another_part_is_refused_with_expected_and_seen(fake, seen):
    bus, driver = fake((1, 1))
    bus.chips[1].id = seen
    assert driver.bring_up() == ds.BAD_DEVICE
    report = driver.report
    assert (driver.step, report.chip, report.address, report.expected, report.seen, report.attempts) == \
        ("id", 1, 0, 0x1E, seen, 5)
    asked = [m for m in bus.messages if m.select == 1 and m.tx[:2] == b"\x20\x00"]
    assert len(asked) == 5
    assert all(b.t_ns - a.t_end_ns >= 10 * MS for a, b in itertools.pairwise(asked))


@pytest.mark.parametrize("level", [0x00, 0xFF])
def test_f11_a_stuck_bus_is_no_wrong_part(fake, level):
    bus, driver = fake()
    bus.chips[0].stuck = level
    assert driver.bring_up() == ds.DEVICE_IO
    assert (driver.step, driver.report.seen, driver.report.error) == ("id", level, 0)


def test_f11_answers_that_keep_changing_are_noise_and_no_part(fake):
    bus, driver = fake()
    values = iter([0x13, 0x8A, 0x92, 0x41, 0x07])
    answer = bus.answer
    bus.answer = lambda select, tx: bytes([0, 0, next(values)]) if tx[0] == 0x20 else answer(select, tx)
    assert driver.bring_up() == ds.DEVICE_IO
    assert (driver.step, driver.report.seen, driver.report.error) == ("id", 0x07, 0)


def test_an_id_that_comes_late_is_accepted(fake):
    bus, driver = fake()
    bus.chips[0].deaf_ids = 4
    assert driver.bring_up() == 0
    bus.chips[0].deaf_ids = 5
    assert driver.bring_up() == ds.DEVICE_IO


def test_reset_values_are_compared(fake):
    bus, driver = fake()
    chip = bus.chips[0]
    values = bytearray(ds.RESET_VALUES)
    values[ds.CH1SET + 2] = 0x60
    chip.reset = lambda: (setattr(chip, "registers", bytearray(values)), setattr(chip, "rdatac", True))
    assert driver.bring_up() == ds.BAD_DEVICE
    report = driver.report
    assert (driver.step, report.address, report.expected, report.seen) == ("reset_values", ds.CH1SET + 2, 0x61, 0x60)


@pytest.mark.parametrize("n_channels", [4, 6])
def test_smaller_parts_are_not_compared_where_they_have_nothing(fake, n_channels):
    config = ds.config_of()
    config.n_channels[0] = n_channels
    bus, driver = fake(config=config)
    assert driver.bring_up() == 0, str(driver.report)
    written = next(m for m in bus.messages if m.tx[0] == 0x41).tx[2:]
    assert written[ds.BIAS_SENSP - 1] == (1 << n_channels) - 1
    assert written[ds.CH1SET - 1 + n_channels:ds.CH1SET + 7] == bytes(8 - n_channels)


def test_gpio_levels_lead_off_states_and_bias_state_are_not_compared(fake):
    bus, driver = fake()
    chip, fix = bus.chips[0], bus.chips[0].fix

    def noisy():
        fix()
        chip.registers[ds.GPIO] |= 0xA0
        chip.registers[ds.LOFF_STATP] = 0x55
        chip.registers[ds.CONFIG3] |= 1
    chip.fix = noisy
    assert driver.bring_up() == 0, str(driver.report)


@pytest.mark.parametrize("lost", [1, 2])
def test_f15_a_lost_write_is_repeated(fake, lost):
    bus, driver = fake()
    bus.chips[0].writes_lost = lost
    assert driver.bring_up() == 0
    assert bytes(bus.chips[0].registers[1:18]) == ds.USUAL[1:18]


def test_f15_writes_that_never_hold_are_refused(fake):
    bus, driver = fake((1, 1))
    bus.chips[1].writes_lost = 99
    assert driver.bring_up() == ds.BAD_DEVICE
    report = driver.report
    assert (driver.step, report.chip, report.address, report.expected, report.seen, report.attempts) == \
        ("write", 1, ds.CONFIG3, 0xEC, 0x60, 3)


def test_f15_a_register_that_does_not_hold_is_named(fake):
    bus, driver = fake()
    chip, fix = bus.chips[0], bus.chips[0].fix

    def broken():
        fix()
        chip.registers[ds.MISC1] = 0
    chip.fix = broken
    assert driver.bring_up() == ds.BAD_DEVICE
    assert (driver.step, driver.report.address, driver.report.expected, driver.report.seen) == \
        ("read_back", ds.MISC1, 0x20, 0)


@pytest.mark.parametrize("error", [errno.EIO, errno.ETIMEDOUT])
def test_transfers_that_fail_are_repeated_three_times(fake, error):
    bus, driver = fake()
    bus.errors = {0: error, 1: error, 2: error, 9: error}
    assert driver.bring_up() == 0
    assert driver.retries == 4
    assert driver.io_errors == 0
    assert [m.tx[0] for m in bus.messages[:4]] == [SDATAC] * 4


def test_a_fourth_failure_ends_it_with_the_error(fake):
    bus, driver = fake((1, 1))
    bus.errors = dict.fromkeys(range(3, 7), errno.EIO)
    assert driver.bring_up() == ds.DEVICE_IO
    assert (driver.step, driver.report.chip, driver.report.error, driver.io_errors) == ("id", 1, errno.EIO, 1)


@pytest.mark.parametrize("error", [errno.ENODEV, errno.ESHUTDOWN])
def test_a_vanished_device_is_not_asked_twice(fake, error):
    bus, driver = fake()
    bus.errors = {2: error}
    assert driver.bring_up() == ds.DEVICE_GONE
    assert len(bus.messages) == 3
    assert driver.report.error == error


def test_a_message_the_kernel_refuses_is_not_repeated(fake):
    bus, driver = fake()
    bus.errors = {0: errno.EMSGSIZE}
    assert driver.bring_up() == ds.DEVICE_IO
    assert (len(bus.messages), driver.report.error) == (1, errno.EMSGSIZE)


def test_a_line_that_cannot_be_set_is_an_error_and_not_a_missing_wire(fake):
    bus, driver = fake()
    bus.line_error = errno.EPERM
    assert driver.bring_up() == ds.DEVICE_IO
    assert (driver.step, driver.report.error) == ("reset", errno.EPERM)


def shared_clock(chains=(1, 1, 1)):
    config = ds.config_of(chains)
    for chip in range(1, sum(chains)):
        config.clock_master[chip] = 0
    for chip in range(chains[0]):
        config.registers[chip][ds.CONFIG1] |= 0x20
    return config


def test_b31_followers_are_brought_up_after_their_clock(fake):
    bus, driver = fake(config=shared_clock())
    assert driver.bring_up() == 0, str(driver.report)
    clock = next(m for m in bus.messages if m.tx.hex() == "4100f6")
    first = next(m for m in bus.messages if m.select > 0)
    assert first.t_ns - clock.t_end_ns >= 128 * MS
    assert not any(m.tx[0] == OP_RESET and m.t_ns > clock.t_ns for m in bus.messages if m.select == 0)
    assert (ds.RESET, 0) not in [(line, level) for _, line, level in bus.lines], "too early for the followers"
    for select in (1, 2):
        heard = commands(bus, select)
        assert heard.index("06") < heard.index("200000")
    assert [bytes(chip.registers[1:4]) for chip in bus.chips] == [b"\xf6\xc0\xec", b"\xd6\xc0\xec", b"\xd6\xc0\xec"]


def test_b31_a_clock_that_is_not_written_is_seen_at_once(fake):
    bus, driver = fake(config=shared_clock())
    bus.chips[0].writes_lost = 99
    assert driver.bring_up() == ds.BAD_DEVICE
    assert (driver.step, driver.report.chip, driver.report.address) == ("clock", 0, ds.CONFIG1)


def test_b31_a_chain_on_the_clock_of_its_first_chip(fake):
    bus, driver = fake(config=shared_clock((3,)), gap_bits=1)
    assert driver.bring_up() == 0, str(driver.report)
    assert all(bytes(chip.registers[1:18]) == bytes(driver.seen[0])[1:18] for chip in bus.chips)


@pytest.mark.parametrize("gap_bits", [0, 1])
@pytest.mark.parametrize("n_chips", [2, 3, 4])
def test_gap_of_a_chain_is_found(fake, n_chips, gap_bits):
    bus, driver = fake((n_chips,), gap_bits=gap_bits)
    assert driver.bring_up() == 0
    assert driver.gap_bits[0] == gap_bits
    data = [m for m in bus.messages if m.is_data]
    assert data[0].sizes[0] == 64 or n_chips == 2
    assert sum(data[0].sizes) == (216 * n_chips + n_chips - 1 + 7) // 8
    assert bytes(driver.seen[n_chips - 1]) == bytes(driver.seen[0])
    assert bus.messages[-1].tx[0] == SDATAC, "the chain is left ready for registers"


def test_a_gap_is_found_through_a_few_bad_frames(fake):
    bus, driver = fake((2,), gap_bits=1)
    bad = [3]

    def spoil(data):
        bad[0] -= 1
        return bytes(len(data)) if bad[0] >= 0 else data
    bus.spoil = spoil
    assert driver.bring_up() == 0
    assert driver.gap_bits[0] == 1


def test_a_chain_without_its_second_chip_is_named(fake):
    bus, driver = fake((2,))
    bus.frame_of = lambda chip: bytes([0xC0, *[1] * 26]) if chip == 0 else bytes(27)
    assert driver.bring_up() == ds.BAD_DEVICE
    report = driver.report
    assert (driver.step, report.chip, report.expected, report.seen) == ("chain", 1, 0xC, 0)


def test_a_chain_that_does_not_convert_is_silent(fake):
    bus, driver = fake((2,))
    bus.silent = {0}
    assert driver.bring_up() == ds.NO_DRDY
    assert driver.step == "chain"


def test_bring_up_can_be_repeated_after_a_run(fake):
    _, driver = fake()
    for _ in range(3):
        assert driver.bring_up() == 0
        assert driver.start() == 0
        assert driver.wait()
        assert driver.read() == 0

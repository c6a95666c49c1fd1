"""The serial interface of an emulated chip (data sheet 7.6, 9.4.4, 9.5)."""

import pytest
from emulator_driver import (
    DATA_HZ,
    EMSGSIZE,
    NOP,
    PWDN,
    RDATA,
    RDATAC,
    RESET_OP,
    RREG,
    SDATAC,
    START_OP,
    TCLK_NS,
    WREG,
    settle_ns,
)

FILE = b"".join(bytes([value]) * 27 for value in range(1, 201))


@pytest.mark.parametrize("level", [0x00, 0xFF])
def test_b_09_nobody_drives_miso(emulator, level):
    one = emulator(miso_idle=level, pwdn_wired=1)
    one.set_line(PWDN, 0)
    assert one.read() == bytes([level]) * 27


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_b_09_select_high_resets_the_interface(emulator, cut):
    one = emulator()
    one.command(SDATAC)
    one.transfer([WREG + 0x05, 0x07, 0x00, 0x00][:cut])
    assert one.rreg(0x00) == b"\x3e"                                       # not taken for the rest of the WREG
    assert list(one.rreg(0x05, 2)) == {1: [0x61] * 2, 2: [0x61] * 2, 3: [0x00, 0x61]}[cut]


@pytest.mark.parametrize(("delay_us", "heard"), [(0, False), (1, False), (2, True), (10, True)])
def test_b_10_select_must_stay_low_for_4_tclk(emulator, delay_us, heard):
    one = emulator()
    one.command(SDATAC)
    one.transfer([WREG + 0x05, 0, 0x00], delay_us=delay_us)
    assert one.rreg(0x05)[0] == (0x00 if heard else 0x61)
    assert one.truth().last_violation == (0 if heard else 10)


@pytest.mark.parametrize(("select_high_ns", "pause_ns", "heard"), [
    (0, 0, False), (900, 0, False), (977, 0, True), (0, 1000, True)])
def test_b_10_select_must_be_high_for_2_tclk(emulator, select_high_ns, pause_ns, heard):
    one = emulator(select_high_ns=select_high_ns)
    one.sleep(1000)
    one.command(SDATAC)
    one.sleep(pause_ns)
    assert (one.rreg(0) == b"\x3e") is heard
    assert one.truth().last_violation == (0 if heard else 10)


@pytest.mark.parametrize(("speed_hz", "whole"), [(2_000_000, True), (4_000_000, True), (4_096_000, True),
                                                 (4_200_000, False), (8_000_000, False), (20_000_000, False)])
def test_b_11_command_bytes_closer_than_4_tclk_are_missed(emulator, speed_hz, whole):
    one = emulator()
    one.command(SDATAC)
    one.transfer([WREG + 0x05, 0x02, 0x10, 0x20, 0x30], speed_hz=speed_hz)
    assert (list(one.rreg(0x05, 3)) == [0x10, 0x20, 0x30]) is whole
    assert one.truth().last_violation == (0 if whole else 11)


def test_b_11_a_fast_wire_with_pauses_between_the_bytes_is_heard(emulator):
    one = emulator()
    one.message(0, (bytes([SDATAC]), 20_000_000, 3))
    parts = [(bytes([byte]), 20_000_000, 3) for byte in (WREG + 0x05, 0x01, 0x11, 0x22)]
    one.message(0, *parts)
    got = one.message(0, *[(bytes([byte]), 20_000_000, 3) for byte in (RREG + 0x05, 0x01, NOP, NOP)])
    assert b"".join(got)[2:] == b"\x11\x22"
    assert one.truth().violations == 0


def test_b_12_a_command_cut_short_waits_for_its_rest_as_long_as_select_is_low(emulator):
    one = emulator()
    one.command(SDATAC)
    got = one.message(0, (bytes([RREG]), 2_000_000, 60_000), (bytes([0x00, NOP]), 2_000_000, 3))
    assert got[1][1:] == b"\x3e"


@pytest.mark.parametrize(("filler", "number"), [(0x00, 0), (0xFF, 13), (SDATAC, 13), (RESET_OP, 13)])
def test_b_13_what_is_sent_while_data_shift_out_is_decoded(emulator, filler, number):
    one = emulator(file=FILE).begin()
    one.wait()
    frame = one.transfer([NOP] * 13 + [filler] + [NOP] * 13)
    assert frame[:14] == b"\1" * 14
    assert frame[14:] == (b"\1" * 13 if filler in (0x00, 0xFF) else bytes(13))
    assert one.truth().last_violation == number
    one.wait()
    assert one.read()[0] == (0 if filler == SDATAC else 2)


def test_b_18_rdata_holds_the_frame_however_late_the_read(emulator):
    one = emulator(file=FILE).begin(sps=1000)
    one.command(SDATAC)
    edge = one.wait()[0]
    one.sleep_until(edge.t_ns + 1_000_000 - 60_000)                        # a dozen bytes before the next edge
    got = one.transfer([RDATA] + [NOP] * 27, speed_hz=DATA_HZ // 4)
    assert got == b"\0" + b"\1" * 27
    assert one.transfer([RDATA] + [NOP] * 27)[1:] == b"\2" * 27
    truth = one.truth()
    assert (truth.conversions, truth.spoiled, truth.torn) == (2, 2, 0)     # 01h and 02h are no status words


def test_b_18_rdata_counts_as_a_read(emulator):
    one = emulator(channels=(8, 8)).begin(sps=1000)
    for select in (0, 1):
        one.command(SDATAC, select)
    for _ in range(20):
        one.wait()
        for select in (0, 1):
            assert one.transfer([RDATA] + [NOP] * 27, select)[1] == 0xC0
    truth = one.truth()
    assert (truth.conversions, truth.clean) == (20, 20)


@pytest.mark.parametrize("mode", ["rdata", "rdatac"])
def test_b_18_before_the_first_edge_there_are_zeros(emulator, mode):
    one = emulator(file=FILE).begin()
    if mode == "rdata":
        one.command(SDATAC)
        assert one.transfer([RDATA] + [NOP] * 27) == bytes(28)
    else:
        assert one.read() == bytes(27)
    assert one.truth().conversions == 0


def test_b_18_without_a_command_sdatac_gives_zeros(emulator):
    one = emulator(file=FILE).begin()
    one.wait()
    one.command(SDATAC)
    assert one.read() == bytes(27)
    one.command(RDATAC)
    assert one.read() == b"\1" * 27


@pytest.mark.parametrize("mode", ["rdata", "rdatac"])
@pytest.mark.parametrize(("daisy", "beyond"), [(True, bytes(20)), (False, bytes(range(1, 16)) + bytes(range(1, 6)))])
def test_b_20_clocks_beyond_the_frame(emulator, mode, daisy, beyond):
    one = emulator(channels=(4,), file=bytes(range(1, 16)) * 100).begin(daisy=daisy)
    one.wait()
    if mode == "rdata":
        one.command(SDATAC)
        got = one.transfer([RDATA] + [NOP] * 35)[1:]
    else:
        got = one.read(n_bytes=35)
    assert got == bytes(range(1, 16)) + beyond


@pytest.mark.parametrize(("dvdd_v", "speed_hz", "whole"), [
    (3.3, 20_000_000, True), (3.3, 21_000_000, False), (1.8, 15_000_000, True), (1.8, 16_000_000, False)])
def test_b_34_sclk_beyond_its_limit_corrupts_bits(emulator, dvdd_v, speed_hz, whole):
    one = emulator(dvdd_v=dvdd_v, file=b"\xC5" * 27 * 100).begin()
    one.wait()
    assert (one.read(speed_hz=speed_hz) == b"\xC5" * 27) is whole
    assert one.truth().last_violation == (0 if whole else 34)


@pytest.mark.parametrize("spi_mode", [0, 2, 3])
def test_b_35_another_mode_shifts_everything_by_a_bit(emulator, spi_mode):
    one = emulator(spi_mode=spi_mode, noise_scale=0.0, signal="test")
    one.command(SDATAC)
    assert one.rreg(0)[0] == 0x3E >> 1
    one.begin()
    one.wait()
    assert one.read()[0] >> 4 == 0b0110
    assert one.truth().spoiled == 1


def test_start_opcode_acts_on_its_own_byte(emulator):
    one = emulator().configure(sps=16000)
    before = one.now()
    one.command(START_OP)
    edge = one.wait()[0]
    assert edge.t_ns == pytest.approx(before + 8 * 500 + settle_ns(16000), abs=2)
    assert edge.t_ns - before < 521 * TCLK_NS + 4000 + 2


@pytest.mark.parametrize(("parts", "fits"), [
    ([4096], True), ([4097], False), ([1] * 32, True), ([1] * 33, False), ([2048, 2048], True), ([2048, 2049], False)])
def test_messages_are_bounded_as_spidevs(emulator, parts, fits):
    one = emulator()
    got = one.message(0, *[(bytes(n), 2_000_000, 0) for n in parts])
    assert (got != EMSGSIZE) is fits


def test_a_frame_may_be_read_in_several_transfers_of_one_message(emulator):
    one = emulator(file=b"\xC0" + bytes(range(1, 27))).begin()
    one.wait()
    got = one.message(0, (bytes(3), DATA_HZ, 0), (bytes(20), DATA_HZ, 0), (bytes(4), DATA_HZ, 0))
    assert b"".join(got) == b"\xC0" + bytes(range(1, 27))
    assert one.truth().clean == 1

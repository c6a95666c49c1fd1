"""Registers of an emulated chip (data sheet 9.5.3.10, 9.5.3.11, 9.6)."""

import pytest
from emulator_driver import RDATAC, RREG, SDATAC, WREG, decode_one
from hypothesis import given
from hypothesis import strategies as st

READ_ONLY = {0x00: 0xFF, 0x03: 0x01, 0x12: 0xFF, 0x13: 0xFF}


@pytest.mark.parametrize(("address", "n"), [(0, 1), (0, 24), (5, 8), (0x17, 1), (0x10, 3), (4, 2)])
def test_b_04_rreg_reads_n_plus_1_registers_from_the_third_byte_on(emulator, address, n):
    one = emulator()
    one.command(SDATAC)
    whole = one.rreg(0, 24)
    got = one.transfer([RREG + address, n - 1] + [0] * (n + 3))
    assert got[:2] == b"\0\0"
    assert got[2:2 + n] == whole[address:address + n]
    assert got[2 + n:] == bytes(3)                                         # and no more


@pytest.mark.parametrize(("address", "n"), [(5, 1), (5, 8), (1, 4), (0x0D, 5)])
def test_b_04_wreg_writes_n_plus_1_registers(emulator, address, n):
    one = emulator()
    one.command(SDATAC)
    before = one.rreg(0, 24)
    values = [0x94, 0xD1, 0xE2, 0x05, *[0x35 + i for i in range(8)], 0, *[0x11 * i for i in range(1, 6)]]
    part = values[address - 1:address - 1 + n]
    one.transfer([WREG + address, n - 1, *part, 0x00])
    after = one.rreg(0, 24)
    assert list(after[address:address + n]) == [value & ~READ_ONLY.get(address + i, 0) | before[address + i] &
                                                READ_ONLY.get(address + i, 0) for i, value in enumerate(part)]
    assert after[:address] == before[:address]
    assert after[address + n:] == before[address + n:]


def test_b_04_beyond_17h_reads_are_zeros_and_writes_go_nowhere(emulator):
    one = emulator()
    one.command(SDATAC)
    one.wreg(0x17, 0x02, 0xAA, 0xBB)
    assert one.rreg(0x16, 8) == b"\0\x02" + bytes(6)
    assert one.rreg(0x00) == b"\x3e"


@pytest.mark.parametrize(("address", "value", "kept"), [
    (0x00, 0x00, 0x3E), (0x12, 0xFF, 0x00), (0x13, 0xFF, 0x00), (0x03, 0xE1, 0xE0)])
def test_b_05_read_only_registers_ignore_writes(emulator, address, value, kept):
    one = emulator()
    one.command(SDATAC)
    one.wreg(address, value)
    assert one.rreg(address)[0] == kept


@pytest.mark.parametrize("strict", [0, 1])
@pytest.mark.parametrize(("address", "value", "wrong"), [
    (0x01, 0x96, False), (0x01, 0x86, True), (0x01, 0x9E, True), (0x01, 0x97, True), (0x02, 0xD5, False),
    (0x02, 0x50, True), (0x03, 0xEC, False), (0x03, 0x80, True), (0x04, 0x13, True), (0x05, 0x60, False),
    (0x05, 0x70, True), (0x15, 0x20, False), (0x15, 0x21, True), (0x16, 0x01, True), (0x17, 0x0A, False),
    (0x17, 0x01, True), (0x12, 0x01, True),
])
def test_b_05_strict_counts_reserved_bits(emulator, strict, address, value, wrong):
    one = emulator(strict=strict)
    one.command(SDATAC)
    one.wreg(address, value)
    truth = one.truth()
    assert truth.violations == (strict and wrong)
    assert truth.last_violation == (5 if strict and wrong else 0)


@pytest.mark.parametrize(("channels", "mask"), [(4, 0x0F), (6, 0x3F), (8, 0xFF)])
def test_b_06_what_the_variant_has_not_reads_zero(emulator, channels, mask):
    one = emulator(channels=(channels,), strict=1)
    one.command(SDATAC)
    one.wreg(0x05, *[0x65] * 8)
    one.wreg(0x0D, *[0xFF] * 5)
    assert list(one.rreg(0x05, 8)) == [0x65] * channels + [0] * (8 - channels)
    assert list(one.rreg(0x0D, 5)) == [mask] * 5
    assert one.truth().violations == 0


@pytest.mark.parametrize("executed", [0, 1])
def test_b_07_registers_are_out_of_reach_in_rdatac(emulator, executed):
    one = emulator(wreg_in_rdatac=executed, file=bytes(range(27)) * 200).begin()
    one.wait()
    assert one.transfer([RREG + 0, 23] + [0] * 24) == bytes(range(26))     # data go on
    one.wreg(0x05, 0x00)
    one.command(SDATAC)
    assert one.rreg(0x05)[0] == (0x00 if executed else 0x60)
    assert one.truth().last_violation == 7


@pytest.mark.parametrize(("control", "written", "level", "nibble"), [
    (0x0F, 0x0, 0x5, 0x5), (0x0F, 0xF, 0x5, 0x5),       # inputs show the pins, whatever was written
    (0x00, 0x8, 0x5, 0x8), (0x00, 0x0, 0xF, 0x0),       # outputs show what was written
    (0x03, 0xC, 0x2, 0xE),
])
def test_b_33_gpio_pins_in_register_and_status_word(emulator, control, written, level, nibble):
    one = emulator(gpio_level=[level])
    one.begin(extra=[(0x14, written << 4 | control)])
    one.wait()
    frame = one.read()
    assert frame[:3] == bytes([0xC0, 0x00, nibble])
    one.command(SDATAC)
    assert one.rreg(0x14)[0] == nibble << 4 | control


def test_registers_written_while_converting_change_the_conversions_behind_them(emulator):
    one = emulator(signal="test", noise_scale=0.0).begin(gain=24)
    for _ in range(10):
        one.wait()
    assert decode_one(one.read()) == [83886] * 8
    one.command(SDATAC)
    one.wreg(0x05, 0x00)
    one.command(RDATAC)
    assert decode_one(one.read()) == [83886] * 8                           # converted before
    one.wait()
    assert decode_one(one.read()) == [3495] + [83886] * 7


@given(image=st.lists(st.integers(0, 255), min_size=24, max_size=24), channels=st.sampled_from([4, 6, 8]))
def test_b_04_what_is_written_is_read_back(library, image, channels):
    from emulator_driver import Emulator
    one = Emulator(library, channels=(channels,))
    one.command(SDATAC)
    before = one.rreg(0, 24)
    one.wreg(0, *image)
    after = one.rreg(0, 24)
    one.close()
    for address in range(24):
        kept = READ_ONLY.get(address, 0)
        exists = 0xFF
        if 0x05 <= address <= 0x0C and address - 5 >= channels:
            exists = 0
        elif 0x0D <= address <= 0x11:
            exists = (1 << channels) - 1
        elif address == 0x14:
            outputs = ~image[address] & 0x0F
            assert after[address] == (image[address] >> 4 & outputs) << 4 | image[address] & 0x0F
            continue
        assert after[address] == image[address] & exists & ~kept | before[address] & kept

"""F-22: what may not be written never reaches the bus."""

from __future__ import annotations

import ctypes

import driver_structs as ds
import pytest
from hypothesis import given
from hypothesis import strategies as st

# address: must be 1, must be 0 (reference section 6, "Validation masks")
FIXED = {0x01: (0x90, 0x08), 0x02: (0xC0, 0x28), 0x03: (0x60, 0x00), 0x04: (0x00, 0x10), 0x15: (0x00, 0xDF),
         0x16: (0x00, 0xFF), 0x17: (0x00, 0xF5)}
READ_ONLY = (0x00, 0x12, 0x13)


def refused(library, config):
    report = ds.Report()
    return library.ec_ads1299_rules(config, report), report


def legal(address, value, channel_exists=True):
    """The oracle: fixed bits, reserved codes, single shot."""
    ones, zeros = FIXED.get(address, (0, 0))
    return address in READ_ONLY or (
        value & ones == ones and not value & zeros
        and not (address == 0x01 and value & 7 == 7)
        and not (address == 0x02 and value & 3 == 2)
        and not (ds.CH1SET <= address < ds.CH1SET + 8 and channel_exists and value & 0x70 == 0x70)
        and not (address == 0x17 and value & 8))


def test_rules_of_the_table(library):
    for address in range(24):
        reset, ones, zeros, read_only = (library.layout_rule(address, i) for i in range(4))
        assert reset == ds.RESET_VALUES[address]
        assert (ones, zeros) == FIXED.get(address, (0, 0))
        assert reset & ones == ones or address == 0
        assert (read_only == 0xFF) == (address in READ_ONLY)


@pytest.mark.parametrize("address", range(24))
def test_every_value_of_every_register(library, address):
    config = ds.config_of((1, 1))
    for value in range(256):
        for chip in (0, 1):                            # equal rates on both chips
            config.registers[chip][address] = value
        status, report = refused(library, config)
        assert (status == 0) == legal(address, value), (address, value)
        if status:
            assert (status, report.step, report.chip, report.address, report.seen) == \
                (ds.BAD_SETTING, 1, 0, address, value)
            assert report.expected != value


@given(image=st.binary(min_size=24, max_size=24), n_channels=st.sampled_from([4, 6, 8]))
def test_images_are_refused_if_and_only_if_a_register_is(library, image, n_channels):
    config = ds.config_of()
    config.n_channels[0] = n_channels
    config.registers[0][:] = image
    status, _ = refused(library, config)
    assert (status == 0) == all(legal(a, image[a], a - ds.CH1SET < n_channels) for a in range(24))


@given(fill=st.binary(min_size=24, max_size=24))
def test_any_image_with_its_fixed_bits_put_right_is_written_as_it_is(library, fill):
    from fake_chips import FakeBus

    image = [(value | FIXED.get(a, (0, 0))[0]) & ~FIXED.get(a, (0, 0))[1] for a, value in enumerate(fill)]
    image[0x01] &= ~1 if image[0x01] & 7 == 7 else 0xFF
    image[0x02] &= ~2 if image[0x02] & 3 == 2 else 0xFF
    image[0x17] &= ~8
    for a in range(ds.CH1SET, ds.CH1SET + 8):
        image[a] &= ~0x10 if image[a] & 0x70 == 0x70 else 0xFF
    config = ds.config_of()
    config.registers[0][:] = image
    bus = FakeBus(config)
    driver = ds.Driver(library, bus.bus, config)
    assert driver.bring_up() == 0, str(driver.report)
    for a in (*range(1, 0x12), *range(0x14, 0x18)):
        assert bus.chips[0].registers[a] == image[a]


def changed(chains=(1,), **changes):
    config = ds.config_of(chains)
    for name, value in changes.items():
        if isinstance(value, tuple):
            getattr(config, name)[value[0]] = value[1]
        else:
            setattr(config, name, value)
    return config


@pytest.mark.parametrize("config", [
    changed(n_selects=0), changed(n_selects=65), changed(chips_in=(0, 0)), changed(chips_in=(0, 65)),
    changed((1, 1), chips_in=(1, 200)), changed(n_channels=(0, 5)), changed(n_channels=(0, 0)),
    changed((1, 1, 1), n_drdy=2),
    changed(n_drdy=0), changed(spi_hz=0), changed(clock_hz=0.0), changed(clock_hz=float("nan")), changed(clock_hz=1e12),
    changed(rate_scale=0.0), changed(rate_scale=float("nan")), changed(rate_scale=-1.0)])
def test_wiring_that_cannot_be(library, config):
    status, report = refused(library, config)
    assert status == ds.BAD_SETTING
    assert report.address == ds.NO_REGISTER


def test_chips_of_a_round_have_one_rate(library):
    config = ds.config_of((1, 1))
    config.registers[1][ds.CONFIG1] = 0xD4
    status, report = refused(library, config)
    assert (status, report.chip, report.address, report.expected, report.seen) == (ds.BAD_SETTING, 1, 1, 0xD6, 0xD4)


def test_chips_of_a_chain_have_one_image_and_are_in_chain_mode(library):
    config = ds.config_of((2,))
    config.registers[1][ds.MISC1] = 0
    status, report = refused(library, config)
    assert (status, report.chip, report.address) == (ds.BAD_SETTING, 1, ds.MISC1)
    config = ds.config_of((2,))
    for chip in (0, 1):
        config.registers[chip][ds.CONFIG1] |= 0x40
    status, report = refused(library, config)
    assert (status, report.address, report.expected, report.seen) == (ds.BAD_SETTING, 1, 0x96, 0xD6)


def test_a_follower_needs_a_master_that_drives_its_clock(library):
    config = ds.config_of((1, 1))
    config.clock_master[1] = 0
    status, report = refused(library, config)
    assert (status, report.chip, report.address, report.expected) == (ds.BAD_SETTING, 1, ds.CONFIG1, 0xF6)
    config.registers[0][ds.CONFIG1] |= 0x20
    assert refused(library, config)[0] == 0
    chain = ds.config_of((2,))
    chain.clock_master[0] = 0
    for chip in (0, 1):
        chain.registers[chip][ds.CONFIG1] |= 0x20
    assert refused(library, chain)[0] == ds.BAD_SETTING, "the master of a chain is its nearest chip"


def test_nothing_reaches_the_bus(fake):
    for address, value in ((ds.CONFIG1, 0xD7), (ds.CH1SET + 3, 0x70), (ds.MISC2, 1)):
        config = ds.config_of()
        config.registers[0][address] = value
        bus, driver = fake(config=config)
        assert driver.bring_up() == ds.BAD_SETTING
        assert (bus.messages, bus.lines, bus.sleeps, driver.step) == ([], [], [], "rules")


def test_absent_channels_of_a_smaller_part_are_nobodys_business(library):
    config = ds.config_of()
    config.n_channels[0] = 4
    config.registers[0][ds.CH1SET + 5] = 0x70
    assert refused(library, config)[0] == 0


def test_any_bytes_as_a_configuration_do_no_harm(library):
    @given(st.binary(min_size=ctypes.sizeof(ds.Config), max_size=ctypes.sizeof(ds.Config)))
    def check(data):
        assert refused(library, ds.Config.from_buffer_copy(data))[0] in (0, ds.BAD_SETTING)
    check()

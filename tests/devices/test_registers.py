"""Settings to registers, field by field of the data sheet (SBAS499C section 9.6.1), and what fits on a bus."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eegcore.devices.boards import CHIP_GAINS, CHIP_SPS
from eegcore.devices.bus_time import choose_spi_hz, fastest_sps, round_s, rp1_hz, select_bytes, window_s
from eegcore.devices.registers import (
    ADDRESS,
    COMPARATOR_PERCENT,
    MUX,
    ChannelSetup,
    ChipSetup,
    LeadOffSetup,
    register_image,
)

PLAIN = ChipSetup([ChannelSetup()] * 8, 250)
#: Bits that must be 1 and bits that must be 0 (reference section 6).
FIXED = {
    "CONFIG1": (0x90, 0x08),
    "CONFIG2": (0xC0, 0x28),
    "CONFIG3": (0x60, 0x00),
    "LOFF": (0x00, 0x10),
    "MISC1": (0x00, 0xDF),
    "MISC2": (0x00, 0xFF),
    "CONFIG4": (0x00, 0xF5),
}


def register(name, chip):
    return register_image(chip)[ADDRESS[name]]


@pytest.mark.parametrize(("sps", "code"), [(16000, 0), (8000, 1), (4000, 2), (2000, 3), (1000, 4), (500, 5), (250, 6)])
def test_config1_rate(sps, code):
    assert register("CONFIG1", replace(PLAIN, sps=sps)) == 0xD0 | code


@pytest.mark.parametrize(
    ("change", "name", "value"),
    [
        ({"in_chain": True}, "CONFIG1", 0x96),
        ({"drives_clock": True}, "CONFIG1", 0xF6),
        ({}, "CONFIG2", 0xC0),
        ({"test_double": True}, "CONFIG2", 0xC4),
        ({"test_hz": "fast"}, "CONFIG2", 0xC1),
        ({"test_hz": "dc"}, "CONFIG2", 0xC3),
        ({}, "CONFIG3", 0xE0),
        ({"vref_v": 2.5}, "CONFIG3", 0x60),
        ({"bias_drive": True}, "CONFIG3", 0xEC),
        ({}, "MISC1", 0x20),
        ({"srb1": False}, "MISC1", 0x00),
        ({}, "LOFF", 0x00),
        ({}, "GPIO", 0x0F),
        ({}, "CONFIG4", 0x00),
    ],
)
def test_one_setting_one_field(change, name, value):
    assert register(name, replace(PLAIN, **change)) == value


@pytest.mark.parametrize(("gain", "code"), list(zip(CHIP_GAINS, range(7), strict=True)))
@pytest.mark.parametrize("source", list(MUX))
def test_channel_gain_and_input(gain, code, source):
    value = register(
        "CH3SET", replace(PLAIN, channels=[ChannelSetup()] * 2 + [ChannelSetup(gain, source)] + [ChannelSetup()] * 5)
    )
    assert value & 0x70 == code << 4
    assert value & 0x07 == MUX[source]
    assert value & 0x80 == (0x80 if source == "off" else 0)


@pytest.mark.parametrize(
    ("setup", "loff", "config4", "p", "n"),
    [
        (LeadOffSetup("dc"), 0x00, 0x02, 0x01, 0x00),
        (LeadOffSetup("dc", current_na=24, inputs="both"), 0x04, 0x02, 0x01, 0x01),
        (LeadOffSetup("dc", comparator_percent=70), 0xE0, 0x02, 0x01, 0x00),
        (LeadOffSetup("ac", 7.8125), 0x01, 0x00, 0x01, 0x00),
        (LeadOffSetup("ac", 31.25, inputs="n"), 0x02, 0x00, 0x00, 0x01),
        (LeadOffSetup("ac", 0.0), 0x03, 0x00, 0x01, 0x00),
        (LeadOffSetup("off"), 0x00, 0x00, 0x00, 0x00),
    ],
)
def test_lead_off(setup, loff, config4, p, n):
    chip = replace(PLAIN, channels=[ChannelSetup(lead_off=True)] + [ChannelSetup()] * 7, lead_off=setup)
    assert [register(name, chip) for name in ("LOFF", "CONFIG4", "LOFF_SENSP", "LOFF_SENSN")] == [loff, config4, p, n]


def test_bias_senses_the_electrodes_and_not_a_common_reference():
    channels = [ChannelSetup(bias=True), ChannelSetup(), ChannelSetup(bias=True)] + [ChannelSetup()] * 5
    assert register("BIAS_SENSP", replace(PLAIN, channels=channels)) == 0b101
    assert register("BIAS_SENSN", replace(PLAIN, channels=channels)) == 0
    assert register("BIAS_SENSN", replace(PLAIN, channels=channels, srb1=False)) == 0b101


@given(
    st.builds(
        ChipSetup,
        channels=st.sampled_from([4, 6, 8]).flatmap(
            lambda n: st.lists(
                st.builds(
                    ChannelSetup,
                    gain=st.sampled_from(CHIP_GAINS),
                    input=st.sampled_from(sorted(MUX)),
                    srb2=st.booleans(),
                    bias=st.booleans(),
                    lead_off=st.booleans(),
                ),
                min_size=n,
                max_size=n,
            )
        ),
        sps=st.sampled_from(CHIP_SPS),
        vref_v=st.sampled_from([4.5, 2.5]),
        srb1=st.booleans(),
        bias_drive=st.booleans(),
        in_chain=st.booleans(),
        drives_clock=st.booleans(),
        test_double=st.booleans(),
        test_hz=st.sampled_from(["slow", "fast", "dc"]),
        lead_off=st.builds(
            LeadOffSetup,
            mode=st.sampled_from(["off", "dc", "ac"]),
            hz=st.sampled_from([0.0, 7.8125, 31.25]),
            current_na=st.sampled_from([6, 24]),
            inputs=st.sampled_from(["both", "p", "n"]),
            comparator_percent=st.sampled_from(COMPARATOR_PERCENT),
        ),
    )
)
def test_fixed_bits_hold_whatever_is_set(chip):
    image = register_image(chip)
    for name, (ones, zeros) in FIXED.items():
        assert image[ADDRESS[name]] & ones == ones
        assert image[ADDRESS[name]] & zeros == 0
    assert image[ADDRESS["CONFIG1"]] & 7 != 7
    assert all(image[address] & 0x70 != 0x70 for address in range(5, 13))
    unused = 0xFF << len(chip.channels) & 0xFF
    assert all(image[ADDRESS[name]] & unused == 0 for name in ("BIAS_SENSP", "BIAS_SENSN", "LOFF_SENSP", "LOFF_SENSN"))


def test_bytes_of_a_select():
    assert [select_bytes([8] * n) for n in (1, 2, 3, 4)] == [
        30,
        55,
        82,
        109,
    ]  # reference section 8, with trailer or gap bits


@pytest.mark.parametrize(
    ("chips", "chained", "sps", "fits"),
    [
        (1, False, 16000, True),
        (2, False, 16000, False),
        (4, False, 16000, False),
        (4, True, 16000, False),
        (2, False, 8000, True),
        (4, False, 8000, False),
        (4, True, 8000, True),
        (4, False, 4000, True),
    ],
)
def test_what_fits_is_what_the_reference_says(chips, chained, sps, fits):
    selects = [[8] * chips] if chained else [[8]] * chips
    assert (round_s(selects, 20e6) <= window_s(sps)) == fits


def test_the_bus_is_no_faster_than_needed():
    assert choose_spi_hz([[8]], 250) == 4_000_000
    assert choose_spi_hz([[8]] * 4, 4000) == 20_000_000
    assert fastest_sps([[8]] * 4, CHIP_SPS) == 4000


@pytest.mark.parametrize(
    ("asked", "got"),
    [
        (20, 20),
        (16, 14.286),
        (15, 14.286),
        (12.5, 12.5),
        (12, 11.111),
        (10, 10),
        (8, 7.692),
        (6, 5.882),
        (5, 5),
        (4, 4),
        (3.9, 3.846),
        (2, 2),
        (1, 1),
    ],
)
def test_the_clock_a_raspberry_pi_5_gives(asked, got):
    assert rp1_hz(asked * 1e6) / 1e6 == pytest.approx(got, abs=1e-3)

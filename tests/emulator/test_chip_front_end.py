"""From inputs to codes: gain, reference, internal signals, status word (data sheet 9.3, 9.4.4.2, 9.5.1, 9.6)."""

import numpy as np
import pytest
from emulator_driver import GAINS, RDATAC, SDATAC, decode_one

EXACT = {"noise_scale": 0.0, "offset_scale": 0.0}
ALL_GAINS = [*GAINS, 24]


def half_away(x):
    return (np.sign(x) * np.floor(np.abs(x) + 0.5)).astype(np.int64)


@pytest.mark.parametrize(("sensed", "compared", "bits"), [
    (0xFF, 0x02, 0b0010_0100), (0xFF, 0x00, 0), (0x00, 0x02, 0), (0x04, 0x02, 0b0000_0100)])
def test_b_19_lead_off_bits_are_gated_by_sense_and_comparators(emulator, sensed, compared, bits):
    faults = [("electrode_off", {"at": 1, "n": 0, "value": channel}) for channel in (2, 5)]
    one = emulator(faults=faults, gpio_level=[0x9]).begin(extra=[(0x0F, sensed), (0x17, compared)])
    one.wait()
    word = int.from_bytes(one.read()[:3], "big")
    assert word == 0xC << 20 | bits << 12 | 0x9


@pytest.mark.parametrize("vref_v", [4.5, 2.5])
def test_b_21_code_is_volts_times_gain_over_vref(emulator, vref_v):
    one = emulator(signal="sine", sine_hz=62.5, sine_uv=2500.0, vref_v=vref_v, **EXACT)
    counts = one.begin(gain=ALL_GAINS, reference=vref_v == 4.5).counts(4)
    k = np.arange(4)[:, None]
    volts = 2500e-6 * np.sin(2 * np.pi * (62.5 * k / 250 + np.arange(8) / 16))
    assert np.abs(counts - volts * np.array(ALL_GAINS) * 2**23 / vref_v).max() <= 0.5 + 1e-6


@pytest.mark.parametrize("gain", GAINS)
def test_b_21_clips_at_7fffff_and_800000(emulator, gain):
    uv = 2 * 4.5e6 / gain
    counts = emulator(signal="sine", sine_hz=62.5, sine_uv=uv, **EXACT).begin(gain=gain).counts(8)
    assert (counts.max(), counts.min()) == (0x7FFFFF, -0x800000)


@pytest.mark.parametrize("channel", [0, 3, 7])
def test_b_22_a_channel_that_is_off_gives_zeros_in_a_frame_of_full_length(emulator, channel):
    one = emulator().begin(extra=[(0x05 + channel, 0xE1)])
    frames, _ = one.collect(10)
    assert frames.shape == (10, 27)
    silent = [not frames[:, 3 + 3 * c:6 + 3 * c].any() for c in range(8)]
    assert silent == [c == channel for c in range(8)]


@pytest.mark.parametrize("sps", [250, 1000, 16000])
@pytest.mark.parametrize(("config2", "seconds", "uv"), [
    (0xD0, 0.512, 1875.0), (0xD4, 0.512, 3750.0), (0xD1, 0.256, 1875.0), (0xD5, 0.256, 3750.0)])
def test_b_23_test_signal_is_tied_to_the_conversion(emulator, sps, config2, seconds, uv):
    one = emulator(**EXACT).begin(sps=sps, gain=ALL_GAINS, mux=5, extra=[(0x02, config2)])
    half = int(seconds * sps)
    counts = one.counts(3 * half + 2)
    wanted = half_away(uv * 1e-6 / 4.5 * np.array(ALL_GAINS) * 2**23)
    sign = np.where(np.arange(len(counts)) // half % 2 == 0, 1, -1)
    settled = np.arange(len(counts)) % half >= 3                            # the filter may smear an edge
    assert (np.abs(counts - sign[:, None] * wanted)[settled] <= 1).all()


@pytest.mark.parametrize("vref_v", [4.5, 2.5])
def test_b_23_test_signal_is_a_share_of_the_reference(emulator, vref_v):
    one = emulator(vref_v=vref_v, **EXACT)
    counts = one.begin(gain=ALL_GAINS, mux=5, extra=[(0x02, 0xD0)], reference=vref_v == 4.5).counts(10)
    volts = counts[5] * vref_v / (np.array(ALL_GAINS) * 2**23)
    lsb = vref_v / (np.array(ALL_GAINS) * 2**23)
    assert (np.abs(volts - vref_v / 2400) <= lsb).all()


def test_b_23_test_signal_dc_is_negative(emulator):
    counts = emulator(**EXACT).begin(gain=1, mux=5, extra=[(0x02, 0xD3)]).counts(400)
    assert (counts == -3495).all()


@pytest.mark.parametrize(("mux", "gain", "codes"), [
    (1, 24, [0] * 8), (4, 1, [270_859] * 8), (3, 1, [4_660_338] * 2 + [1_537_911] * 2 + [4_660_338] * 4),
    (5, 24, [0] * 8)])
def test_b_23_internal_sources(emulator, mux, gain, codes):
    counts = emulator(**EXACT).begin(gain=gain, mux=mux).counts(5)
    assert (np.abs(counts[-1] - np.array(codes)) <= 1).all()


def test_b_23_each_channel_has_its_own_input(emulator):
    counts = emulator(signal="test", **EXACT).begin(gain=1, mux=[0, 1, 0, 4, 5, 0, 1, 0],
                                                    extra=[(0x02, 0xD4)]).counts(10)
    assert counts[-1].tolist() == [3495, 0, 3495, 270_859, 6991, 3495, 0, 3495]


def test_b_24_without_its_reference_the_chip_gives_rails(emulator):
    counts = emulator().begin(reference=False).counts(50)
    assert set(np.abs(counts).ravel().tolist()) <= {0x7FFFFF, 0x800000}


def test_b_24_an_external_reference_needs_no_buffer(emulator):
    counts = emulator(signal="test", vref_v=2.5, **EXACT).begin(reference=False, gain=1).counts(5)
    assert (counts == 3495).all()


def test_b_24_the_reference_takes_150_ms_to_come_up(emulator):
    one = emulator(signal="test", **EXACT).begin(reference=False, gain=1, sps=1000)
    one.wait()
    one.command(SDATAC)
    one.wreg(0x03, 0xE0)
    switched = one.now() - 3000
    one.command(RDATAC)
    seen = []
    while one.now() < switched + 200_000_000:
        edge = one.wait()[-1]
        part = min(1.0, (edge.t_ns - switched) / 150e6)
        seen.append((decode_one(one.read())[0], part))
    for code, part in seen[1:]:
        assert code == pytest.approx(min(3495.2533 / part, 0x7FFFFF), abs=1)
    assert seen[-1] == (3495, 1.0)

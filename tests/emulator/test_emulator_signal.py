"""What the electrodes see: exact counts where the data sheet is exact, spectra where nature is not."""

from itertools import pairwise

import numpy as np
import pytest
from emulator_driver import GAINS

DATA_SHEET_NOISE = {  # uV rms at gain 1 and 24, SBAS499C tables 1 to 4
    250: (1.08, 0.14), 500: (1.53, 0.20), 1000: (2.17, 0.28), 2000: (3.06, 0.40),
    4000: (4.33, 0.56), 8000: (6.93, 0.80), 16000: (21.70, 1.66),
}
QUIET = {"mains_uv": 0.0, "alpha_weight": 0.0, "blink_weight": 0.0}
EXACT = {"noise_scale": 0.0}


def psd(x, sps, n):
    """Mean one-sided power density of Hann windows of n frames, half overlapped: uV^2/Hz, (bins, channels)."""
    window = np.hanning(n)[:, None]
    starts = range(0, len(x) - n + 1, n // 2)
    parts = [np.fft.rfft((x[s:s + n] - x[s:s + n].mean(axis=0)) * window, axis=0) for s in starts]
    return np.fft.rfftfreq(n, 1 / sps), 2 * np.mean(np.abs(parts)**2, axis=0) / (sps * (window**2).sum())


def band(hz, power, low, high):
    """Mean density between two frequencies."""
    return power[(hz >= low) & (hz <= high)].mean(axis=0)


def half_away(x):
    return (np.sign(x) * np.floor(np.abs(x) + 0.5)).astype(np.int64)


# ---- exact ------------------------------------------------------------------------------

@pytest.mark.parametrize("vref_v", [4.5, 2.5])
@pytest.mark.parametrize("sps", [250, 4000, 16000])
def test_e2_sine_is_exact_in_counts_at_every_gain(emulator, sps, vref_v):
    gain = [*GAINS, 24]
    one = emulator(signal="sine", vref_v=vref_v, sine_hz=10.0, sine_uv=1234.5, **EXACT)
    counts = one.begin(sps=sps, gain=gain).counts(2000)
    k = np.arange(2000)[:, None]
    channel = np.arange(8)
    lsb = vref_v * 1e6 / (np.array(gain) * 2**23)
    wanted = 1234.5 / lsb * np.sin(2 * np.pi * (10.0 * k / sps + channel / 16))
    # Where the formula itself is within its rounding error of a half, both neighbours are right.
    decided = np.abs(np.abs(wanted) % 1 - 0.5) > 1e-6
    assert decided.mean() > 0.999
    assert (counts == half_away(wanted))[decided].all()
    assert np.abs(counts).max(axis=0) / (1234.5 / lsb) == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("vref_v", [4.5, 2.5])
@pytest.mark.parametrize(("sps", "half_period"), [(250, 128), (1000, 512), (16000, 8192)])
def test_a_square_wave_at_the_electrodes_is_vref_over_2400_tied_to_the_frame(emulator, vref_v, sps, half_period):
    gain = [*GAINS, 24]
    counts = emulator(signal="test", vref_v=vref_v, **EXACT).begin(sps=sps, gain=gain).counts(5 * half_period + 3)
    amplitude = half_away(np.array(gain) * 2**23 / 2400)
    assert amplitude.tolist() == [3495, 6991, 13981, 20972, 27962, 41943, 83886, 83886]
    sign = np.where(np.arange(len(counts)) // half_period % 2 == 0, 1, -1)
    assert (counts == sign[:, None] * amplitude).all()


def test_a_square_wave_keeps_its_period_at_a_rate_it_does_not_divide(emulator):
    counts = emulator(signal="test", rate_scale=0.4, **EXACT).begin(sps=250).counts(5120)[:, 0]
    turns = np.flatnonzero(np.diff(np.sign(counts))) + 1
    assert turns.tolist() == [int(np.ceil(51.2 * i)) for i in range(1, 100)]


def test_12_clips_at_the_ends_of_24_bits(emulator):
    gain = [1, 4, 6, 24, 24, 24, 24, 24]
    counts = emulator(signal="sine", sine_hz=10.0, sine_uv=1e6, **EXACT).begin(sps=250, gain=gain).counts(250)
    assert counts.max(axis=0).tolist()[3:] == [8388607] * 5
    assert counts.min(axis=0).tolist()[3:] == [-8388608] * 5
    assert np.abs(counts[:, 4]).max() == 8388608
    assert 0.99 < np.abs(counts[:, 0]).max() / (1e6 / (4.5e6 / 2**23)) < 1


# ---- deterministic ----------------------------------------------------------------------

@pytest.mark.parametrize("signal", ["eeg", "sine", "test"])
def test_same_seed_same_bytes_however_they_are_read(emulator, signal):
    reference, stamps = emulator(signal=signal, seed=11).begin(sps=1000).collect(700, want=64)
    frames, again = emulator(signal=signal, seed=11).begin(sps=1000).collect(700, want=1)
    assert (frames == reference).all()
    assert (stamps == again).all()
    one = emulator(signal=signal, seed=11).begin(sps=1000)
    picks = [0, 1, 63, 64, 65, 130, 131, 300, 690]
    for k in picks:
        one.sleep_until(stamps[k] + 1000)
        assert one.read() == reference[k].tobytes()


def test_another_seed_is_another_recording(emulator):
    a, b = (emulator(seed=seed).begin().counts(500) for seed in (1, 2))
    assert (a != b).mean() > 0.99


def test_s1_a_channel_does_not_depend_on_the_others(emulator):
    alone = emulator(channels=(8,)).begin(sps=500).counts(1000)
    many = emulator(channels=(8, 6, 4, 8)).begin(sps=500).counts(1000)
    assert (many[:, :8] == alone).all()
    other = emulator(channels=(4,)).begin(sps=500, gain=[24, 24, 12, 24, 24, 24, 24, 24]).counts(1000)
    assert (other[:, [0, 1, 3]] == alone[:, [0, 1, 3]]).all()
    assert (other[:, 2] != alone[:, 2]).any()


def test_s1_channels_are_not_copies_of_each_other(emulator):
    x = emulator(channels=(8, 8), **QUIET).begin(sps=500).microvolts(20000)
    correlation = np.corrcoef(np.diff(x, axis=0).T) - np.eye(16)
    assert np.abs(correlation).max() < 0.05


def test_noise_and_offset_can_be_switched_off(emulator):
    x = emulator(noise_scale=0.0, offset_scale=0.0, **QUIET).begin(sps=4000).microvolts(20000)
    assert np.abs(x.mean(axis=0)).max() < 100
    assert np.diff(x, axis=0).std() < 0.5                                 # the background alone is smooth


# ---- natural ----------------------------------------------------------------------------

def test_eeg_background_falls_as_one_over_f(emulator):
    x = emulator(**QUIET).begin(sps=250).microvolts(250 * 240)
    hz, power = psd(x, 250.0, 2000)
    chosen = (hz >= 0.5) & (hz <= 30)
    slope = np.polyfit(np.log(hz[chosen]), np.log(power[chosen].mean(axis=1)), 1)[0]
    assert -1.25 < slope < -0.85
    assert 0.7 < band(hz, power, 9, 11).mean() < 1.4                      # uV^2/Hz at 10 Hz


@pytest.mark.parametrize("sps", [500, 4000, 16000])
def test_eeg_density_does_not_depend_on_the_data_rate(emulator, sps):
    hz, power = psd(emulator(**QUIET).begin(sps=sps).microvolts(sps * 40), sps, sps * 4)
    for low, high, wanted in ((1.5, 2.5, 5.2), (9, 11, 1.0), (18, 22, 0.45)):
        assert 0.6 * wanted < band(hz, power, low, high).mean() < 1.6 * wanted


@pytest.mark.parametrize("mains_hz", [50.0, 60.0])
def test_mains_is_a_line_of_5_to_40_uv_with_a_weak_second_harmonic(emulator, mains_hz):
    one = emulator(channels=(8, 8, 8, 8), mains_hz=mains_hz, alpha_weight=0.0, blink_weight=0.0)
    x = one.begin(sps=500).microvolts(5000)
    t = np.arange(5000) / 500.0
    first, second = (2 * np.abs(np.exp(-2j * np.pi * k * mains_hz * t) @ (x - x.mean(axis=0))) / 5000 for k in (1, 2))
    assert first.min() > 4.5
    assert first.max() < 40.5
    assert first.max() - first.min() > 15
    assert (second < 0.25 * first + 0.5).all()
    assert second.mean() > 1.0


def test_alpha_is_seen_where_it_is_weighted_and_comes_and_goes(emulator):
    weight = [0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.5, 0.5]
    x = emulator(mains_uv=0.0, blink_weight=0.0, alpha_weight=weight).begin(sps=250).microvolts(250 * 120)
    hz, power = psd(x, 250.0, 500)
    ratio = band(hz, power, 9.5, 11.5) / band(hz, power, 15, 20)
    assert ratio[:4].max() < 4
    assert ratio[4:6].min() > 15
    assert (ratio[4:6].mean() / ratio[6:].mean()) > 2
    peak = hz[np.argmax(power[:, 4] * (hz > 5))]
    assert 10.0 <= peak <= 11.0
    windows = x[:, 4].reshape(-1, 250)
    strength = np.abs(np.fft.rfft(windows - windows.mean(axis=1, keepdims=True)))[:, 9:13].sum(axis=1)
    assert np.percentile(strength, 95) > 4 * np.percentile(strength, 10)


def test_blinks_are_150_uv_for_some_300_ms_at_random_intervals(emulator):
    with_blinks = emulator(blink_weight=1.0, seed=4).begin(sps=250).microvolts(250 * 200)
    without = emulator(blink_weight=0.0, seed=4).begin(sps=250).microvolts(250 * 200)
    blink = (with_blinks - without)[:, 0]
    edges = np.flatnonzero(np.diff((blink > 1.0).astype(int)))
    begins, ends = edges[::2], edges[1::2]
    heights = np.array([blink[a:b].max() for a, b in zip(begins, ends, strict=True)])
    assert 30 <= len(begins) <= 50
    assert heights.min() > 0.75 * 150
    assert heights.max() < 1.25 * 150
    lengths_s = (ends - begins) / 250
    assert 0.2 < lengths_s.min() < lengths_s.max() < 0.36
    assert np.diff(begins).std() / 250 > 0.8
    assert blink.min() > -0.1


def test_electrodes_have_an_offset_of_millivolts_that_drifts_slowly(emulator):
    x = emulator(channels=(8, 8), **QUIET).begin(sps=250).microvolts(250 * 100)
    offset = x[:1000].mean(axis=0)
    assert np.abs(offset).max() < 5100
    assert np.abs(offset).max() > 1000
    assert len(set(np.sign(offset))) == 2
    seconds = x.reshape(100, 250, 16).mean(axis=1)
    assert 5 < np.ptp(seconds, axis=0).mean() < 150
    assert np.abs(np.diff(seconds, axis=0)).max() < 40


@pytest.mark.parametrize("sps", DATA_SHEET_NOISE)
def test_13_noise_table_is_the_data_sheet(library, sps):
    assert library.ec_chip_noise_uv(1, float(sps)) == pytest.approx(DATA_SHEET_NOISE[sps][0])
    assert library.ec_chip_noise_uv(24, float(sps)) == pytest.approx(DATA_SHEET_NOISE[sps][1])


def test_13_noise_between_and_beyond_the_rates_of_the_chip_rises_with_the_rate(library):
    for gain in GAINS:
        noise = [library.ec_chip_noise_uv(gain, float(sps)) for sps in range(50, 20001, 50)]
        assert all(a < b for a, b in pairwise(noise))
    assert library.ec_chip_noise_uv(1, 62.5) == pytest.approx(1.08 / 2)
    assert library.ec_chip_noise_uv(3, 250.0) == 0.0


@pytest.mark.parametrize("sps", [4000, 16000])
@pytest.mark.parametrize("gain", [1, 24])
def test_13_above_the_eeg_band_the_chip_is_as_noisy_as_the_data_sheet_says(emulator, sps, gain):
    x = emulator(**QUIET).begin(sps=sps, gain=gain).microvolts(sps * 4, gain)
    hz, power = psd(x, sps, 2048)
    rms = np.sqrt(band(hz, power, 0.25 * sps, 0.45 * sps).mean() * sps / 2)
    assert rms == pytest.approx(DATA_SHEET_NOISE[sps][gain == 24], rel=0.03)


@pytest.mark.parametrize("sps", DATA_SHEET_NOISE)
@pytest.mark.parametrize("gain", [1, 24])
def test_13_shorted_inputs_are_as_noisy_as_the_data_sheet_says(emulator, sps, gain):
    x = emulator(channels=(8, 8)).begin(sps=sps, gain=gain, mux=1).microvolts(4000, gain)
    assert x.std() == pytest.approx(DATA_SHEET_NOISE[sps][gain == 24], rel=0.1)
    assert np.abs(x.mean(axis=0)).max() < 0.1 * x.std()


@pytest.mark.parametrize("sps", [1.0, 20.0, 125.0])
def test_slow_rates_leave_out_what_they_cannot_show(emulator, sps):
    one = emulator(rate_scale=sps / 250, alpha_weight=50.0, blink_weight=0.0)
    x = one.begin(sps=250).microvolts(2000)
    assert np.isfinite(x).all()
    if sps < 100:
        assert (x - np.median(x, axis=0)).std() < 60                      # neither mains nor alpha folded in

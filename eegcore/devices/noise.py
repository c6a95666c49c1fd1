"""What an ADS1299 makes by itself: noise of shorted inputs, and its own test signal."""

from __future__ import annotations

from eegcore.devices.boards import CHIP_GAINS, CHIP_SPS, CHIP_VREF_V

# uV rms, inputs shorted, 25 degrees Celsius, VREF 4.5 V (SBAS499C tables 1 to 4); one column per gain of CHIP_GAINS
_NOISE_UV: dict[int, tuple[float, ...]] = {
    16000: (21.70, 10.85, 5.60, 3.87, 3.05, 2.27, 1.66),
    8000: (6.93, 3.65, 1.98, 1.31, 1.11, 0.92, 0.80),
    4000: (4.33, 2.28, 1.24, 0.93, 0.79, 0.65, 0.56),
    2000: (3.06, 1.61, 0.88, 0.66, 0.56, 0.46, 0.40),
    1000: (2.17, 1.14, 0.62, 0.46, 0.39, 0.32, 0.28),
    500: (1.53, 0.81, 0.44, 0.33, 0.28, 0.23, 0.20),
    250: (1.08, 0.57, 0.31, 0.23, 0.20, 0.16, 0.14),
}
_TEST_SIGNAL_PARTS = 2400                              # VREF / 2400 above and below zero (SBAS499C section 9.6.1.3)


def noise_uv(sps: float, gain: float) -> float:
    """Return the typical noise of shorted inputs, uV rms, at the data rate of the chip nearest to `sps`."""
    nearest = min(CHIP_SPS, key=lambda rate: abs(rate - sps))
    return _NOISE_UV[nearest][CHIP_GAINS.index(int(gain))]


def check_signal_uv(vref_v: float = CHIP_VREF_V) -> float:
    """Return the amplitude of the chip's own square wave, uV from zero to either level."""
    return 1e6 * vref_v / _TEST_SIGNAL_PARTS

"""What fits on a bus: the time one round over all chips takes, against the time between two edges.

The figures for the host are the planning model of a Raspberry Pi 5 with a
real-time thread (wake-up 20 us, 15 us per SPI message); nothing published
covers a C caller, so a run measures its own (``wake`` and ``read`` in stats).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

WAKE_S = 20e-6
MESSAGE_S = 15e-6
SPEEDS = (4_000_000, 10_000_000, 20_000_000)   # of data; beyond 20 MHz the chip does not follow (SBAS499C section 7.6)
TCLK_HZ = 2_048_000.0
RP1_HZ = 200_000_000


def select_bytes(n_channels: Sequence[int]) -> int:
    """Return the bytes read behind one select.

    24 status bits and 24 a channel per chip, a gap bit between the chips of a chain; a single
    chip gives its status word once more.
    """
    bits = sum(24 + 24 * n for n in n_channels) + (len(n_channels) - 1 or 24)
    return math.ceil(bits / 8)


def round_s(selects: Sequence[Sequence[int]], spi_hz: float) -> float:
    """Return the planned time from an edge to the end of the last read, seconds.

    Parameters
    ----------
    selects : sequence of sequences of int
        Channels of each chip behind each select.
    spi_hz : float
    """
    return WAKE_S + sum(MESSAGE_S + 8 * select_bytes(chips) / spi_hz for chips in selects)


def window_s(sps: float, clock_hz: float = TCLK_HZ) -> float:
    """Return how long a conversion may be read: one period less 4 tCLK (SBAS499C section 9.5.3.7)."""
    return 1 / sps - 4 / clock_hz


def choose_spi_hz(selects: Sequence[Sequence[int]], sps: float) -> int:
    """Return the slowest usual clock with which a round takes at most half the window, else the fastest."""
    for speed in SPEEDS:
        if round_s(selects, speed) <= window_s(sps) / 2:
            return speed
    return SPEEDS[-1]


def fastest_sps(selects: Sequence[Sequence[int]], rates: Sequence[int], spi_hz: float = SPEEDS[-1]) -> int | None:
    """Return the highest rate at which a round fits, None if none does."""
    fitting = [sps for sps in rates if round_s(selects, spi_hz) <= window_s(sps)]
    return max(fitting, default=None)


def rp1_hz(asked: float) -> float:
    """Return the clock a Raspberry Pi 5 really gives: 200 MHz through an even divider, rounded down."""
    divider = max(2, 2 * math.ceil(RP1_HZ / asked / 2 - 1e-9))
    return RP1_HZ / divider

"""Low-pass FIR filters for rate changes: windowed sinc, as `scipy.signal.firwin` designs them.

Plain arithmetic, because `scipy.signal` costs a serving process 100 MB; the plan keeps the taps as
hexadecimal floats, so that a saved plan runs with the very same bits anywhere.
"""

from __future__ import annotations

import math
from collections.abc import Callable

KAISER_BETA = 5.0                              # of scipy.signal.resample_poly
HALF_LENGTHS = 10                              # half a filter, in periods of the lower rate: the same

Window = Callable[[float], float]              # of -1..1, the ends of the filter


def kaiser(place: float) -> float:
    """Return the Kaiser window of beta 5 at a place between -1 and 1 (`numpy.kaiser`)."""
    return bessel_i0(KAISER_BETA * math.sqrt(max(0.0, 1 - place * place))) / bessel_i0(KAISER_BETA)


def hamming(place: float) -> float:
    """Return the symmetric Hamming window at a place between -1 and 1 (`scipy.signal.windows.hamming`)."""
    return 0.54 + 0.46 * math.cos(math.pi * place)


def bessel_i0(x: float) -> float:
    """Return the modified Bessel function of the first kind and order 0 (Abramowitz and Stegun 9.6.10)."""
    term = total = 1.0
    k = 1
    while term > total * 1e-17:
        term *= (x / 2 / k) ** 2
        total += term
        k += 1
    return total


def lowpass_taps(up: int, down: int, window: Window) -> list[float]:
    """Return the filter of a rate change by ``up / down``, running at `up` times the input rate.

    ``firwin(2 * 10 * max(up, down) + 1, 1 / max(up, down), window=window) * up``, and then every
    phase (every `up`-th tap) is scaled to a sum of exactly 1, to rounding. Without that the images of
    a constant input are only as small as the stop band: at 250 to 1000 SPS the filter of
    `scipy.signal.resample_poly` turns an electrode offset of 187.5 mV into a tone of 190 uV peak to
    peak. With it a constant stays constant; the stop band loses at most 3 dB, far from its edge.
    For ``up = 1`` there is one phase, and the taps are scipy's.
    """
    slower = max(up, down)
    half = HALF_LENGTHS * slower
    taps = [_sinc((i - half) / slower) * window((i - half) / half) for i in range(2 * half + 1)]
    for phase in range(up):
        total = math.fsum(taps[phase::up])
        taps[phase::up] = [tap / total for tap in taps[phase::up]]
    return taps


def _sinc(x: float) -> float:
    return math.sin(math.pi * x) / (math.pi * x) if x else 1.0

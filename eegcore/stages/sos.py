"""What second-order sections do to a signal: delay and settling time.

Sections are rows ``b0 b1 b2 a0 a1 a2`` with a0 = 1, as `scipy.signal` writes them.
"""

from __future__ import annotations

import cmath
import math

SETTLED = 1e-3                                 # what is left of a step when a filter counts as settled


def group_delay_s(sos: list[list[float]], at_hz: float, sps: float) -> float:
    """Return the group delay at one frequency, in seconds.

    For a polynomial ``p(z) = p0 + p1/z + p2/z^2`` the delay in frames is ``Re(z-weighted p / p)``;
    the delay of a section is that of its numerator minus that of its denominator
    (Smith, Introduction to Digital Filters, "Numerical computation of group delay").
    """
    inverse_z = cmath.exp(-2j * math.pi * at_hz / sps)
    frames = 0.0
    for b0, b1, b2, a0, a1, a2 in sos:
        frames += _polynomial_delay(b0, b1, b2, inverse_z) - _polynomial_delay(a0, a1, a2, inverse_z)
    return frames / sps


def _polynomial_delay(p0: float, p1: float, p2: float, inverse_z: complex) -> float:
    value = p0 + (p1 + p2 * inverse_z) * inverse_z
    if abs(value) < 1e-14 * (abs(p0) + abs(p1) + abs(p2)):
        return 1.0                             # a zero on the unit circle: linear phase, half the order
    ramp = (p1 + 2 * p2 * inverse_z) * inverse_z
    return (ramp / value).real


def largest_pole(sos: list[list[float]]) -> float:
    """Return the radius of the slowest pole; below 1 if the filter is stable."""
    radius = 0.0
    for _, _, _, _, a1, a2 in sos:
        root = cmath.sqrt(a1 * a1 - 4 * a2)
        radius = max(radius, abs(-a1 + root) / 2, abs(-a1 - root) / 2)
    return radius


def settling_s(sos: list[list[float]], sps: float) -> float:
    """Return how long the slowest pole takes to fall to a thousandth, in seconds."""
    radius = largest_pole(sos)
    if radius == 0.0:
        return len(sos) * 2 / sps
    return math.log(SETTLED) / math.log(radius) / sps

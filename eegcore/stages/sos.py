"""What second-order sections do to a signal: delay, settling time, steady state.

Sections are rows ``b0 b1 b2 a0 a1 a2`` with a0 = 1, as `scipy.signal` writes them.

Poles of slow filters lie so close to 1 that ``1 - p`` is what counts. Everything
below is written in ``d = 1 - p``; the coefficients of a polynomial in d are
exact sums of those in z, so they are formed in rational arithmetic.
"""

from __future__ import annotations

import cmath
import math
from fractions import Fraction

SETTLED = 1e-3                                 # what is left of a step when a filter counts as settled
_AT_ZERO = 1e-9                                # a pole as close to 0 as this has gone after one frame
_GRID = 1500                                   # instants at which a step response is looked at

Polynomial = tuple[float, float, float]        # c0 + c1 d + c2 d^2


def group_delay_s(sos: list[list[float]], at_hz: float, sps: float) -> float:
    """Return the group delay at one frequency, in seconds, as `scipy.signal.group_delay` of each section.

    In frames a polynomial p(z) of numerator or denominator advances by ``Re(z p'(z) / p(z))``, the
    logarithmic derivative along the unit circle; the delay of a section is the denominator's minus the
    numerator's (Smith, Introduction to Digital Filters, "Numerical computation of group delay").
    """
    angle = 2 * math.pi * at_hz / sps
    frames = 0.0
    for b0, b1, b2, a0, a1, a2 in sos:
        frames += _advance(_in_d(a0, a1, a2), angle) - _advance(_in_d(b0, b1, b2), angle)
    return frames / sps


def _advance(p: Polynomial, angle: float) -> float:
    half = math.sin(angle / 2)
    d = complex(2 * half * half, -math.sin(angle))         # 1 - exp(j angle), without losing small angles
    value = p[0] + (p[1] + p[2] * d) * d
    if abs(value) <= 1e-14 * (abs(p[0]) + abs(p[1] * d) + abs(p[2] * d * d)):
        return _advance(p, angle + 1e-6)       # a zero on the unit circle: the delay is the same beside it
    return -((1 - d) * (p[1] + 2 * p[2] * d) / value).real


def largest_pole(sos: list[list[float]]) -> float:
    """Return the radius of the slowest pole; below 1 if, and only if, the filter is stable.

    A root taken in double precision cannot tell a pole at 1 from one a little inside, so the conditions of Jury,
    ``|a2| < 1`` and ``|a1| < 1 + a2``, are looked at without rounding.
    """
    radius = 0.0
    for _, _, _, _, a1, a2 in sos:
        if not (abs(a2) < 1.0 and abs(Fraction(a1)) < 1 + Fraction(a2)):
            radius = max(radius, 1.0)
        root = cmath.sqrt(a1 * a1 - 4 * a2)
        radius = max(radius, abs(-a1 + root) / 2, abs(-a1 - root) / 2)
    return radius


def steady_state(sos: list[list[float]]) -> list[tuple[float, float]]:
    """Return the state (s0, s1) of every section that a constant input of 1 leads to.

    The numbers of `scipy.signal.sosfilt_zi`. With the gain at 0 Hz ``g = sum(b) / sum(a)`` a section of
    input u rests at ``s0 = (g - b0) u``, ``s1 = (b2 - a2 g) u`` and gives ``g u`` to the next one.
    """
    states: list[tuple[float, float]] = []
    level = Fraction(1)
    for section in sos:
        b0, b1, b2, a0, a1, a2 = map(Fraction, section)
        gain = (b0 + b1 + b2) / (a0 + a1 + a2)
        states.append((float((gain - b0) * level), float((b2 - a2 * gain) * level)))
        level = Fraction(float(gain * level))
    return states


def settling_s(sos: list[list[float]], sps: float) -> float:
    """Return how long a step takes until less than a thousandth of what it did is left, in seconds.

    The response to a step of 1 from rest is its final value and a sum ``r_i p_i^n`` over the poles. From
    the time returned on, that sum stays below `SETTLED` times the largest value it had, or times 1 if
    that is less.
    """
    shortest = 2 * len(sos)                    # what is not a sum of poles: zeros beyond them, poles at 0
    parts = _step_parts(sos)
    if not parts:
        return shortest / sps
    largest = _largest(parts, shortest)
    bound = _last_frame(parts, SETTLED * min(1.0, largest))
    stride = max(1.0, bound / _GRID)
    moving = [(residue, cmath.exp(rate * stride)) for residue, rate in parts]
    envelope = []
    for _ in range(math.ceil(bound / stride) + 1):
        total = sum(residue for residue, _ in moving)
        envelope.append(abs(total))            # above the response at this frame and its neighbours
        largest = max(largest, abs(total.real))
        moving = [(residue * factor, factor) for residue, factor in moving]
    threshold = SETTLED * min(1.0, largest)
    last = max((i for i, value in enumerate(envelope) if value > threshold), default=0)
    return max(float(shortest), 1.02 * (last + 1) * stride) / sps          # rounding in the filter itself


def _largest(parts: list[tuple[complex, complex]], n: int) -> float:
    """Return the largest of the first n frames."""
    return max(abs(sum((residue * cmath.exp(rate * frame)).real for residue, rate in parts)) for frame in range(n))


def _last_frame(parts: list[tuple[complex, complex]], threshold: float) -> float:
    """Return a frame after which the absolute values of all parts together stay below the threshold."""
    low, high = 0.0, 1.0
    while sum(abs(residue) * math.exp(rate.real * high) for residue, rate in parts) > threshold:
        low, high = high, 2 * high
    for _ in range(20):
        middle = (low + high) / 2
        above = sum(abs(residue) * math.exp(rate.real * middle) for residue, rate in parts) > threshold
        low, high = (middle, high) if above else (low, middle)
    return high


def _step_parts(sos: list[list[float]]) -> list[tuple[complex, complex]]:
    """Return (r, log p) such that a step response of 1 is its final value + the real part of ``sum r p^n``.

    Of a pair of conjugate poles the one above the real axis stands for both, with twice its residue.
    """
    numerators = [_in_d(b0, b1, b2) for b0, b1, b2, _, _, _ in sos]
    poles = _apart([_roots(_in_d(a0, a1, a2)) for _, _, _, a0, a1, a2 in sos])
    parts = []
    for i, d in enumerate(poles):
        if d.imag > 0 or abs(1 - d) < _AT_ZERO:
            continue
        residue = -1 / d                       # of z / (z - 1), the step
        for numerator in numerators:
            residue *= numerator[0] + (numerator[1] + numerator[2] * d) * d
        for k, other in enumerate(poles):
            if k != i:
                residue /= other - d
        parts.append((residue if d.imag == 0.0 else 2 * residue, _log_pole(d)))
    return parts


def _log_pole(d: complex) -> complex:
    """Return ``log(1 - d)``; its real part keeps its digits where ``1 - d`` itself rounds to 1."""
    grows = d.real * d.real + d.imag * d.imag - 2 * d.real         # |1 - d|^2 - 1
    return complex(math.log1p(grows) / 2, cmath.phase(1 - d))


def _apart(pairs: list[tuple[complex, complex]]) -> list[complex]:
    """Return all poles; where two of them coincide, all are moved by some millionths: as good, and simple."""
    poles = [d for pair in pairs for d in pair]
    slow = [d for d in poles if abs(1 - d) >= _AT_ZERO]
    if all(abs(one - other) > 1e-7 * abs(one) for i, one in enumerate(slow) for other in slow[:i]):
        return poles
    return [d * (1 - 1e-6 * (2 * k + (i if d.imag == 0.0 else 0))) for k, pair in enumerate(pairs)
            for i, d in enumerate(pair)]


def _in_d(c0: float, c1: float, c2: float) -> Polynomial:
    """Write ``c0 z^2 + c1 z + c2`` in d = 1 - z."""
    f0, f1, f2 = Fraction(c0), Fraction(c1), Fraction(c2)
    return float(f0 + f1 + f2), float(-2 * f0 - f1), c0


def _roots(p: Polynomial) -> tuple[complex, complex]:
    """Return the roots of a polynomial in d that begins with d^2, the one of the pole above the real axis first."""
    square = p[1] * p[1] / 4 - p[0]
    if square < 0:
        root = complex(-p[1] / 2, -math.sqrt(-square))     # below in d is above in z
        return root, root.conjugate()
    far = -p[1] / 2 + math.copysign(math.sqrt(square), -p[1])
    return complex(far), complex(p[0] / far if far else 0.0)

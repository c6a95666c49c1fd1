"""The criteria of `blink` and `muscle` once more, in numpy and scipy, a frame at a time over all channels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import signal

Bools = NDArray[np.bool_]
TO_SD = 1.4826


def fed(x: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return what the filters are given: from the first finite sample of each channel on, NaN as the one before it."""
    out = np.zeros(x.shape)
    first, last = np.zeros(x.shape[1]), np.zeros(x.shape[1])
    begun = np.zeros(x.shape[1], bool)
    for f, row in enumerate(x.astype(float)):
        good = np.isfinite(row)
        first = np.where(good & ~begun, row, first)
        begun |= good
        last = np.where(good, row, last)
        out[f] = np.where(begun, last - first, 0.0)
    return out


def step(median: NDArray[np.float64], x: NDArray[np.float64], n: int, pace: float, slow: float,
         least: float) -> NDArray[np.float64]:
    """Return a running median one frame later."""
    rate = max(pace / max(n, 2), slow)
    return np.maximum(np.where(x > median, median + median * rate, median - median * rate), least)


def notches(sps: float, high_hz: float) -> NDArray[np.float64]:
    """Return sections that take mains and its harmonics out."""
    most = min(high_hz + 10, 0.49 * sps)
    rows = [signal.tf2sos(*signal.iirnotch(hz, hz / 10, fs=sps))
            for hz in sorted({k * mains for mains in (50.0, 60.0) for k in range(1, 1 + int(most / mains))})]
    return np.concatenate(rows) if rows else np.zeros((0, 6))


def blinks(x: NDArray[np.float32], sps: float, blind: int, *, threshold: float = 50.0, times: float = 3.0,
           shortest_s: float = 0.05, longest_s: float = 0.5, baseline_s: float = 30.0) -> Bools:
    """Return the frames of each channel that `blink` marks; `blind` of them pass while the filter settles."""
    y = signal.sosfilt(signal.butter(2, [1, 10], "bandpass", fs=sps, output="sos"), fed(x), axis=0)
    shortest, longest, learn = round(shortest_s * sps), round(longest_s * sps), round(sps)
    slow, least = 1 / (baseline_s * sps), max(1e-3, threshold / 100)
    marks = np.zeros(x.shape, bool)
    length, quiet = np.zeros(x.shape[1], int), np.zeros(x.shape[1], int)
    side, active = np.zeros(x.shape[1], bool), np.zeros(x.shape[1], bool)
    median = np.abs(y[blind]) if blind < len(y) else np.zeros(x.shape[1])
    for n, f in enumerate(range(blind, len(y)), 1):
        size, negative = np.abs(y[f]), y[f] < 0
        median = step(median, size, n, 1.0, slow, least)
        limit = np.maximum(times * TO_SD * median, threshold)
        goes_on = (length > 0) & (size >= 0.5 * limit) & (negative == side)
        length = np.where(goes_on, length + 1, size >= limit)
        side = np.where(goes_on, side, negative)
        quiet = np.where(size >= 0.5 * limit, 0, quiet + 1)
        active = (length <= longest) & (quiet < shortest) & (active | (length >= shortest))
        marks[f] = active & (n > learn)
    return marks


def muscles(x: NDArray[np.float32], sps: float, blind: int, *, threshold: float = 5.0, times: float = 5.0,
            low_hz: float = 30.0, hold_s: float = 0.1, baseline_s: float = 30.0) -> Bools:
    """Return the frames of each channel that `muscle` marks; `blind` of them pass while the filter settles."""
    sos, smooth = muscle_filter(sps, low_hz)
    y = signal.sosfilt(sos, fed(x), axis=0)
    hold, learn = round(hold_s * sps), round(sps)
    slow, least = 1 / (baseline_s * sps), max(1e-3, threshold / 100)
    marks = np.zeros(x.shape, bool)
    quick, power = np.zeros(x.shape[1]), np.zeros(x.shape[1])
    active, since = np.zeros(x.shape[1], bool), np.full(x.shape[1], hold + 1)
    median = deviation = np.zeros(x.shape[1])
    for f in range(len(y)):
        quick = quick + smooth * (y[f] * y[f] - quick)
        power = power + smooth * (quick - power)
        n = f - blind + 1
        if n < 1:
            continue
        r = np.sqrt(power)
        if n == 1:
            median = deviation = r
        deviation = step(deviation, np.abs(r - median), n, 0.5, slow, least)
        median = step(median, r, n, 1.0, slow, least)
        limit = np.maximum(median + times * TO_SD * deviation, threshold)
        active = r >= np.where(active, 0.5 * (median + limit), limit)
        since = np.where(active, 0, since + 1)
        marks[f] = (since <= hold) & (n > learn)
    return marks


def muscle_filter(sps: float, low_hz: float = 30.0) -> tuple[NDArray[np.float64], float]:
    """Return the sections in front of `muscle`, and how quickly its power follows."""
    high = min(140.0, 0.45 * sps)
    sos = np.concatenate([signal.butter(4, [low_hz, high], "bandpass", fs=sps, output="sos"), notches(sps, high)])
    return sos, 1 - float(np.exp(-2 * np.pi * 4 / sps))

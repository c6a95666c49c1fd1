"""Delay and settling time of sections, against scipy and against a filter that runs."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from eegcore.stages.sos import group_delay_s, largest_pole, settling_s

FILTERS = [
    (signal.butter(4, [0.5, 45], "bandpass", fs=4000, output="sos"), 4000, 4.7),
    (signal.butter(3, 40, "lowpass", fs=250, output="sos"), 250, 20.0),
    (signal.tf2sos(*signal.iirnotch(60, 30, 4000)), 4000, 30.0),
    (signal.cheby1(8, 0.05, 0.8 / 16, output="sos"), 4000, 50.0),
]


@pytest.mark.parametrize(("sos", "sps", "at_hz"), FILTERS)
def test_group_delay_is_the_slope_of_the_phase(sos, sps, at_hz):
    step = 1e-4 * at_hz
    _, response = signal.freqz_sos(sos, worN=[at_hz - step, at_hz + step], fs=sps)
    slope = -np.diff(np.unwrap(np.angle(response)))[0] / (2 * np.pi * 2 * step)
    assert group_delay_s(sos.tolist(), at_hz, sps) == pytest.approx(slope, rel=1e-4)


def test_a_zero_on_the_circle_delays_by_half_its_order():
    assert group_delay_s([[1.0, -1.0, 0.0, 1.0, 0.0, 0.0]], 0.0, 100.0) == pytest.approx(0.005)
    assert group_delay_s([[1.0, -2.0, 1.0, 1.0, 0.0, 0.0]], 0.0, 100.0) == pytest.approx(0.01)


@pytest.mark.parametrize(("sos", "sps", "_at"), FILTERS)
def test_the_slowest_pole_is_scipys(sos, sps, _at):
    _, poles, _ = signal.sos2zpk(sos)
    assert largest_pole(sos.tolist()) == pytest.approx(np.abs(poles).max(), rel=1e-12)


@pytest.mark.parametrize(("sos", "sps", "_at"), FILTERS)
def test_after_the_settling_time_little_of_an_impulse_is_left(sos, sps, _at):
    settled = settling_s(sos.tolist(), sps)
    impulse = np.zeros(int(3 * settled * sps) + 10)
    impulse[0] = 1.0
    response = np.abs(signal.sosfilt(sos, impulse))
    frames = int(settled * sps)
    assert response[frames:].max() < 0.02 * response.max()
    assert response[: frames // 4].max() == response.max()


def test_a_filter_without_poles_settles_after_its_length():
    assert settling_s([[1.0, 1.0, 1.0, 1.0, 0.0, 0.0]], 100.0) == 0.02

"""Electrodes of 1 to 200 kOhm are recovered, and the EEG beside them is what it would be without the current."""

from __future__ import annotations

import numpy as np
import pytest
from electrodes import KOHM, LSB_UV, counts, eeg_uv, tone_uv

TONES = [7.8125, 31.25, "fdr/4"]
RATES = [250.0, 500.0, 1000.0, 2000.0, 4000.0]
WINDOW_S = {7.8125: 48.0, 31.25: 24.0, "fdr/4": 12.0}      # the EEG at the tone is what limits: it falls with f


def window_s(hz, current_na):
    return WINDOW_S[hz] if current_na == 6 else WINDOW_S[hz] / 4


@pytest.mark.parametrize("sps", RATES)
@pytest.mark.parametrize("hz", TONES)
@pytest.mark.parametrize("current_na", [6, 24])
def test_electrodes_are_recovered_within_a_tenth(chain, current_na, hz, sps):
    length_s = window_s(hz, current_na)
    n = int(sps * (length_s + 1))
    x = counts(eeg_uv(n, sps, seed=int(sps)) + tone_uv(hz, sps, n, KOHM, current_na))
    done = chain(x, sps, [{"to_voltage": {}}, {"impedance": {
        "mode": "ac", "hz": hz, "current_na": current_na, "window_s": length_s}}], scale_uv=LSB_UV, batch=256)
    assert done.samples.shape == (1, 8)
    assert np.abs(done.samples[0] / KOHM - 1).max() < 0.1


@pytest.mark.parametrize("hz", TONES)
def test_with_current_on_both_inputs_the_sum_of_both_electrodes_is_measured(chain, hz):
    positive, negative = KOHM, KOHM[::-1] / 2
    n = 13_000
    meta = {"lead_off": {"mode": "ac", "hz": 250.0 if hz == "fdr/4" else hz, "current_a": 24e-9, "inputs": "both",
                         "labels": [f"ch{c + 1}" for c in range(8)]}}
    # the source on the N input has the opposite direction and N counts negative
    uv = tone_uv(hz, 1000.0, n, positive, 24) - -tone_uv(hz, 1000.0, n, negative, 24)
    done = chain(counts(eeg_uv(n, 1000.0) + uv), 1000.0, [{"to_voltage": {}}, {"impedance": {"window_s": 12}}],
                 scale_uv=LSB_UV, meta=meta)
    assert np.abs(done.samples[0] / (positive + negative) - 1).max() < 0.1


@pytest.mark.parametrize("sps", [250.0, 1000.0])
@pytest.mark.parametrize("hz", TONES)
@pytest.mark.parametrize("phase", [0.0, 0.031, 0.125, 0.2, 0.77])
def test_without_noise_the_phase_of_the_tone_makes_no_difference(chain, sps, hz, phase):
    """The square wave's harmonics that fold onto a tone of four frames would be 1.2 %."""
    x = tone_uv(hz, sps, int(2 * sps), KOHM, 6, phase)
    done = chain(x, sps, [{"impedance": {"mode": "ac", "hz": hz, "current_na": 6}}])
    assert len(done.samples) >= 1
    assert np.abs(done.samples / KOHM - 1).max() < 2e-3


def test_dc_is_the_mean_over_what_it_is_without_current(chain):
    n, sps = 10_000, 250.0
    eeg = eeg_uv(n, sps, mains_uv=0) - 30 * np.arange(n)[:, None] / sps
    baseline = chain(eeg, sps, [{"gain": {}}]).samples.mean(axis=0)
    done = chain(eeg + KOHM * 24, sps, [{"impedance": {
        "mode": "dc", "current_na": 24, "baseline_uv": [float(v) for v in baseline], "window_s": 30}}])
    assert np.abs(done.samples[0] - KOHM).max() < 0.5


def test_series_resistors_and_calibration_are_taken_out(chain):
    true_current = 6 * 1.18                                      # the source is +-20 %
    x = tone_uv(31.25, 1000.0, 3000, KOHM + 4.7, true_current)   # 2.2 + 2.5 kOhm on the path
    done = chain(x, 1000.0, [{"impedance": {"mode": "ac", "hz": 31.25, "current_na": 6, "series_ohm": 4700,
                                            "calibration": 1.18}}])
    assert np.abs(done.samples / KOHM - 1).max() < 2e-3


@pytest.mark.parametrize("sps", RATES)
@pytest.mark.parametrize("hz", TONES)
@pytest.mark.parametrize("current_na", [6, 24])
def test_the_clean_branch_is_the_same_graph_without_the_tone(chain, current_na, hz, sps):
    n = int(16 * sps)
    eeg = eeg_uv(n, sps, seed=7)
    stages = [{"to_voltage": {}}, {"lead_off": {"mode": "ac", "hz": hz}}, {"notch": {"hz": 50}},
              {"bandpass": {"low_hz": 0.5, "high_hz": 45}}]
    with_tone = chain(counts(eeg + tone_uv(hz, sps, n, 2 * KOHM, current_na)), sps, stages, scale_uv=LSB_UV, batch=256)
    without = chain(counts(eeg), sps, stages, scale_uv=LSB_UV, batch=256)
    settled = int(with_tone.stream.settling_s * sps)
    assert 0 < settled < n - 2 * sps
    difference = np.abs(with_tone.samples - without.samples)
    assert difference[settled:].max() < 0.1
    assert difference[:settled].max() > 1, "the tone was there"

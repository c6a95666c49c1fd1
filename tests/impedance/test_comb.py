"""The comb behind lead_off, each invariant of csrc/dsp/ec_comb.h by its number."""

from __future__ import annotations

import math

import numpy as np
import pytest
from electrodes import (
    GAP,
    IMPEDANCE,
    KOHM,
    LSB_UV,
    SATURATED,
    SETTLING,
    counts,
    cycle_frames,
    eeg_uv,
    tone_uv,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import signal

LEAD_OFF = [{"lead_off": {"mode": "ac", "hz": 31.25}}]
SPS, HALF = 1000.0, 16


@pytest.mark.parametrize("hz", [7.8125, 31.25, "fdr/4"])
@pytest.mark.parametrize("phase", [0.0, 0.06, 0.4])
def test_k1_nothing_is_left_from_the_second_half_period_on(chain, hz, phase):
    x = tone_uv(hz, SPS, 3000, KOHM, 24, phase)
    y = chain(x, SPS, [{"lead_off": {"mode": "ac", "hz": hz}}]).samples
    assert np.abs(y[cycle_frames(hz, SPS) // 2:]).max() == 0
    assert np.abs(y).max() > 3000


@pytest.mark.parametrize("bandwidth_hz", [0.5, 2.0, 31.25])
def test_settled_it_is_the_comb_that_scipy_makes(chain, bandwidth_hz):
    t = math.tan(math.pi * bandwidth_hz / (4 * 31.25))
    r = (1 - t) / (1 + t)
    b, a = np.zeros((2, HALF + 1))
    b[[0, HALF]], a[[0, HALF]] = (1 + r) / 2, (1, r)
    x = np.random.default_rng(3).standard_normal((12_000, 3)).astype(np.float32)
    done = chain(x, SPS, [{"lead_off": {"mode": "ac", "hz": 31.25, "bandwidth_hz": bandwidth_hz}}])
    expected = signal.lfilter(b, a, x.astype(float), axis=0)
    assert np.abs(done.samples - expected)[-2000:].max() < 1e-6
    f, response = signal.freqz(b, a, worN=np.linspace(31.25 - bandwidth_hz, 31.25 + bandwidth_hz, 2001), fs=SPS)
    narrow = f[np.abs(response) < math.sqrt(0.5)]
    assert narrow[-1] - narrow[0] == pytest.approx(bandwidth_hz, abs=0.01 * bandwidth_hz)


@pytest.mark.parametrize("missing", [1, 15, 16, 17, 33, 1000])
def test_k2_across_a_gap_the_tone_keeps_its_phase(chain, missing):
    eeg = eeg_uv(6000, SPS, 2)
    tone = tone_uv(31.25, SPS, 6000, KOHM[:2] * 10, 24)
    kept = np.r_[0:4000, 4000 + missing:6000]
    gaps = ((4000, missing),)
    with_tone = chain((eeg + tone)[kept], SPS, LEAD_OFF, gaps=gaps)
    without = chain(eeg[kept], SPS, LEAD_OFF, gaps=gaps)
    assert np.abs(with_tone.samples - without.samples)[2000:].max() < 0.02
    at_gap = next(packet for packet in with_tone.packets if packet["frame_index"] == 4000 + missing)
    assert at_gap["flags"] & (GAP | SETTLING | IMPEDANCE) == GAP | SETTLING | IMPEDANCE


def test_k2_a_converter_that_was_started_again_has_another_phase_and_is_learnt_anew(chain):
    tone = tone_uv(31.25, SPS, 6000, KOHM, 24)
    x = np.concatenate([tone[:3000], tone[3005:]])              # five frames missing and nobody counted them
    y = chain(x, SPS, LEAD_OFF, gaps=((3000, 7),)).samples
    assert np.abs(y[3000:3000 + HALF]).max() > 100
    assert np.abs(y[3000 + HALF:]).max() == 0


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(batch=st.integers(1, 700), gap_at=st.integers(1, 2999), missing=st.integers(1, 100),
       hz=st.sampled_from([7.8125, 31.25, "fdr/4"]))
def test_k3_the_packing_of_frames_makes_no_difference(chain, batch, gap_at, missing, hz):
    x = eeg_uv(3000, SPS, 3) + tone_uv(hz, SPS, 3000, KOHM[:3], 24)
    stages = [{"lead_off": {"mode": "ac", "hz": hz}}, {"highpass": {"hz": 1}}]
    one, other = (chain(x, SPS, stages, gaps=((gap_at, missing),), batch=size).samples for size in (64, batch))
    assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize("n_channels", [1, 7, 9, 33])
def test_k4_nan_in_one_channel_stays_there_and_leaves_with_the_nan(chain, n_channels):
    x = (eeg_uv(4000, SPS, n_channels) + tone_uv(31.25, SPS, 4000, np.full(n_channels, 50.0), 24)).astype(np.float32)
    clean = chain(x, SPS, LEAD_OFF).samples
    x[2000:2100, 0] = np.nan
    x[2200, 0] = np.inf
    hurt = chain(x, SPS, LEAD_OFF).samples
    assert clean[:, 1:].tobytes() == hurt[:, 1:].tobytes()
    assert np.isnan(hurt[2000:2100, 0]).all()
    good = np.isfinite(x[:, 0])
    assert np.abs(hurt[good, 0] - clean[good, 0]).max() < 30, "what it learnt is kept, and no more of the EEG goes"


def test_k4_a_saturated_channel_teaches_nothing(chain):
    eeg, tone = eeg_uv(4000, SPS, 2), tone_uv(31.25, SPS, 4000, KOHM[6:], 24)
    stages = [{"to_voltage": {}}, *LEAD_OFF]

    def clean(uv):
        made = counts(uv)
        made[2000:2300, 0] = 2**23 - 1
        return chain(made, SPS, stages, scale_uv=LSB_UV)

    with_tone, without = clean(eeg + tone), clean(eeg)
    assert any(packet["flags"] & SATURATED for packet in with_tone.packets)
    difference = np.abs(with_tone.samples - without.samples)
    assert difference[2300:, 0].max() < 0.05
    assert difference[HALF:, 1].max() < 0.05


def test_every_packet_says_that_the_tone_was_on_and_the_first_ones_that_it_settles(chain):
    done = chain(eeg_uv(5000, SPS, 2), SPS, [*LEAD_OFF, {"gain": {"factor": 1}}])
    assert all(packet["flags"] & IMPEDANCE for packet in done.packets)
    unsettled = [packet for packet in done.packets if packet["flags"] & SETTLING]
    assert len(unsettled) == math.ceil(done.stream.settling_s * SPS / 64)
    assert unsettled == done.packets[:len(unsettled)]


def test_it_works_behind_a_decimate_that_keeps_the_tone(chain):
    n, sps = 48_000, 4000.0
    eeg, tone = eeg_uv(n, sps, 2), tone_uv(31.25, sps, n, KOHM[:2] * 10, 24)
    stages = [{"decimate": {"to_sps": 250}}, {"lead_off": {"mode": "ac", "hz": 31.25}}]
    with_tone, without = (chain(x, sps, stages) for x in (eeg + tone, eeg))
    assert with_tone.stream.sps == 250
    settled = int(with_tone.stream.settling_s * 250)
    assert np.abs(with_tone.samples - without.samples)[settled:].max() < 0.1

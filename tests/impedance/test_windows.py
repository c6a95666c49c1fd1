"""Windows of impedance: where they lie, which of them give no value, and what is said about it."""

from __future__ import annotations

import numpy as np
import pytest
from electrodes import GAP, IMPEDANCE, KOHM, LEAD_OFF, LSB_UV, SATURATED, counts, eeg_uv, tone_uv
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SPS, WINDOW = 1000.0, 320                      # ten cycles of 31.25 Hz
TONE = {"mode": "ac", "hz": 31.25, "current_na": 24}
IMPEDANCE_STAGE = [{"impedance": {**TONE, "window_s": 0.32}}]


def recording(n_frames, kohm=KOHM):
    return tone_uv(31.25, SPS, n_frames, kohm, 24)


def test_a_value_is_the_frame_of_the_last_sample_of_its_window(chain):
    done = chain(recording(1000), SPS, IMPEDANCE_STAGE)
    assert (done.stream.unit, done.stream.sps, done.stream.step) == ("kOhm", 1000 / 320, 320)
    assert done.index == [319, 639, 959]
    assert [packet["t_ns"] for packet in done.packets] == [319_000_000, 639_000_000, 959_000_000]
    assert all(packet["flags"] == IMPEDANCE and packet["device_frames"] == 320 for packet in done.packets)
    assert done.ledger["stages"]["impedance"] == {
        "in": 1000, "out": 960, "skipped": 0,
        "counters": {"windows": 3, "windows_skipped": 0, "values_saturated": 0}}


@pytest.mark.parametrize(("at", "missing", "lost", "skipped"), [
    (400, 1, [639], 319), (320, 1, [639], 319), (320, 319, [639], 1), (319, 1, [319], 319), (320, 320, [], 0),
    (400, 320, [639, 959], 320), (640, 640, [], 0), (100, 2000, [319], 100 + 140)])
def test_a_window_with_a_gap_gives_no_value_and_is_counted(chain, at, missing, lost, skipped):
    n = 3200
    kept = np.r_[0:at, at + missing:n + missing]
    done = chain(recording(n + missing)[kept], SPS, IMPEDANCE_STAGE, gaps=((at, missing),))
    whole = [end for end in range(319, n + missing, 320)
             if not (end - 320 < at + missing - 1 and at <= end)]
    assert done.index == whole
    assert not set(lost) & set(done.index)
    assert np.abs(done.samples / KOHM - 1).max() < 2e-3, "the phase is that of the frame index"
    after = next(packet for packet in done.packets if packet["frame_index"] >= at)
    assert [bool(packet["flags"] & GAP) for packet in done.packets] == [packet is after for packet in done.packets]
    ends = (n + missing) // 320
    assert done.ledger["stages"]["impedance"] == {
        "in": n, "out": 320 * len(whole), "skipped": skipped,
        "counters": {"windows": len(whole), "windows_skipped": ends - len(whole), "values_saturated": 0}}


def test_the_channel_that_saturates_is_nan_in_that_window_and_no_other(chain):
    made = counts(recording(1600))
    made[700, 2] = 2**23 - 1
    made[1000, 5] = -2**23
    done = chain(made, SPS, [{"to_voltage": {}}, *IMPEDANCE_STAGE], scale_uv=LSB_UV)
    assert done.index == [319, 639, 959, 1279, 1599]
    assert [tuple(place) for place in np.argwhere(np.isnan(done.samples))] == [(2, 2), (3, 5)]
    assert [packet["saturated"] for packet in done.packets] == [0, 0, 4, 32, 0]
    assert [bool(packet["flags"] & SATURATED) for packet in done.packets] == [False, False, True, True, False]
    assert np.nanmax(np.abs(done.samples / KOHM - 1)) < 3e-3
    assert done.ledger["stages"]["impedance"]["counters"]["values_saturated"] == 2


def test_nan_stays_in_its_channel_and_window(chain):
    x = recording(960).astype(np.float32)
    clean = chain(x, SPS, IMPEDANCE_STAGE).samples
    x[400, 3] = np.nan
    hurt = chain(x, SPS, IMPEDANCE_STAGE).samples
    assert [tuple(place) for place in np.argwhere(np.isnan(hurt))] == [(1, 3)]
    assert (hurt == clean).sum() == clean.size - 1


def test_channels_without_current_are_nan(chain):
    meta = {"lead_off": {"mode": "ac", "hz": 31.25, "current_a": 24e-9, "inputs": "p", "labels": ["ch2", "ch4"]}}
    stages = [{"select": {"labels": ["ch4", "ch3", "ch2"]}}, {"gain": {"factor": 1}},
              {"impedance": {"window_s": 0.32}}]
    done = chain(recording(640), SPS, stages, meta=meta)
    assert np.isnan(done.samples[:, 1]).all()
    assert np.abs(done.samples[:, [0, 2]] / KOHM[[3, 1]] - 1).max() < 2e-3


def test_channels_above_the_limit_or_saturated_are_flagged_as_lead_off(chain):
    made = counts(recording(960))
    made[400, 0] = 2**23 - 1
    stage = {"impedance": {**TONE, "window_s": 0.32, "limit_kohm": 60}}
    done = chain(made, SPS, [{"to_voltage": {}}, stage], scale_uv=LSB_UV)
    assert [packet["lead_off"] for packet in done.packets] == [0xC0, 0xC1, 0xC0]
    assert all(packet["flags"] & LEAD_OFF for packet in done.packets)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(batch=st.integers(1, 2000), gap_at=st.integers(1, 2999), missing=st.integers(1, 700),
       window_s=st.sampled_from([0.128, 0.32, 1.0]), saturated=st.integers(0, 2999))
def test_l1_the_packing_of_frames_makes_no_difference(chain, batch, gap_at, missing, window_s, saturated):
    made = counts(eeg_uv(3000, SPS, 3) + recording(3000, KOHM[:3]))
    made[saturated, 1] = 2**23 - 1
    stages = [{"to_voltage": {}}, {"impedance": {**TONE, "window_s": window_s}}]
    one, other = (chain(made, SPS, stages, gaps=((gap_at, missing),), batch=size, scale_uv=LSB_UV)
                  for size in (64, batch))
    assert one.samples.tobytes() == other.samples.tobytes()
    assert one.index == other.index
    assert one.ledger["stages"]["impedance"] == other.ledger["stages"]["impedance"]


def test_several_windows_of_one_packet_are_as_far_apart_as_the_stream_says(chain):
    done = chain(recording(4096), SPS, [{"impedance": {**TONE, "window_s": 0.128}}], batch=4096)
    assert len(done.packets) == 1
    assert done.index == list(range(127, 4096, 128))

"""Filters that change while data flow: what they take over, and what is left of the change."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from live_runs import Heard, run_live

SPS = 4000
N = 10 * SPS
AT = 3 * SPS + 777
FADE = SPS // 50                       # old to new, 20 ms
SETTLING = 8
FULL_SCALE = 187_500.0                 # uV at gain 24: 4.5 V / 24

CHANGES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "notch hz": ({"notch": {"hz": 60}}, {"notch": {"hz": 50}}),
    "notch q": ({"notch": {"hz": 60}}, {"notch": {"hz": 60, "q": 5}}),
    "notch harmonics": ({"notch": {"hz": 60, "harmonics": 3}}, {"notch": {"hz": 50, "harmonics": 3}}),
    "band edges": ({"bandpass": {"low_hz": 0.5, "high_hz": 45, "order": 4}},
                   {"bandpass": {"low_hz": 1, "high_hz": 40, "order": 4}}),
    "low edge up": ({"bandpass": {"low_hz": 0.1, "high_hz": 45}}, {"bandpass": {"low_hz": 5, "high_hz": 45}}),
    "low edge down": ({"bandpass": {"low_hz": 5, "high_hz": 45}}, {"bandpass": {"low_hz": 0.5, "high_hz": 45}}),
    "band order": ({"bandpass": {"low_hz": 0.5, "high_hz": 45, "order": 2}},
                   {"bandpass": {"low_hz": 0.5, "high_hz": 45, "order": 4}}),
    "highpass up": ({"highpass": {"hz": 0.1, "order": 2}}, {"highpass": {"hz": 1, "order": 2}}),
    "highpass down": ({"highpass": {"hz": 2, "order": 4}}, {"highpass": {"hz": 0.5, "order": 4}}),
    "highpass order": ({"highpass": {"hz": 0.5, "order": 1}}, {"highpass": {"hz": 0.5, "order": 4}}),
    "lowpass down": ({"lowpass": {"hz": 40, "order": 4}}, {"lowpass": {"hz": 20, "order": 4}}),
    "lowpass up": ({"lowpass": {"hz": 20, "order": 3}}, {"lowpass": {"hz": 200, "order": 3}}),
    "lowpass order": ({"lowpass": {"hz": 40, "order": 5}}, {"lowpass": {"hz": 40, "order": 2}}),
}


def steady(stage: dict[str, Any]) -> list[dict[str, Any]]:
    """The stage, begun in its steady state where it can be: the run before the change shall be of no account."""
    (name, settings), = stage.items()
    return [{name: settings if name == "notch" else {**settings, "start": "steady"}}]


def scalp(n: int = N, n_channels: int = 5, seed: int = 1) -> np.ndarray:
    """Electrode offsets of +-187.5 mV, mains, a rhythm and noise, uV."""
    rng = np.random.default_rng(seed)
    t = np.arange(n)[:, None] / SPS
    offsets = np.resize([FULL_SCALE, -FULL_SCALE, 90_000.0, 0.0], n_channels)
    phase = np.arange(n_channels)
    return (offsets + 100 * np.sin(2 * np.pi * 60 * t + phase) + 30 * np.sin(2 * np.pi * 10 * t + 2 * phase)
            + rng.normal(0, 2, (n, n_channels))).astype(np.float32)


def settled_frames(run: Heard, stage: str) -> int:
    return int(np.ceil(run.run.stream(stage).settling_s * SPS))


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_rings_no_longer_than_the_new_filter_and_makes_no_step(name):
    before, after = CHANGES[name]
    x = scalp()
    live = run_live(x, SPS, steady(before), [(AT, steady(after))])
    assert np.array_equal(live.frame, np.arange(N))
    assert np.array_equal(live.rev, np.where(live.frame < AT, 1, 2))
    y, old, new = (run.values.astype(float) for run in (
        live, run_live(x, SPS, steady(before), []), run_live(x, SPS, steady(after), [])))
    assert np.array_equal(y[:AT], old[:AT])
    left = np.abs(y - new)[AT:]
    # never more than what flows: the offset, 1000 times as large, leaves nothing
    assert left.max() < 350
    settled = max(FADE, settled_frames(live, next(iter(after))))
    assert settled < N - AT, "the run is too short to judge"
    # settling is to 1e-3 of a step of the input, and a step is not the largest of what may be left
    # half an ulp of float32 at the offset is 0.0078 uV on both sides
    assert left[settled:].max() <= 2e-3 * left.max() + 0.02
    steps = np.abs(np.diff(y, axis=0))[AT - 2:AT + SPS // 10]
    usual = max(np.abs(np.diff(old, axis=0))[SPS:].max(), np.abs(np.diff(new, axis=0))[2 * SPS:].max())
    assert steps.max() <= 1.25 * usual + 0.1


@pytest.mark.parametrize("name", CHANGES)
def test_a_constant_stays_what_it_is(name):
    before, after = CHANGES[name]
    x = np.broadcast_to(np.array([FULL_SCALE, -FULL_SCALE, 0.0], np.float32), (N, 3))
    y = run_live(x, SPS, steady(before), [(AT, steady(after))]).values
    passes = next(iter(after)) in ("notch", "lowpass")
    assert np.abs(y[AT - 1:] - (x[AT - 1:] if passes else 0)).max() < 0.02 + (1e-2 if passes else 0)


@pytest.mark.parametrize("name", ["notch hz", "band edges", "highpass order"])
@pytest.mark.parametrize("batch", [1, 3, 32, 500])
def test_samples_and_flags_do_not_depend_on_how_frames_are_packed(name, batch):
    before, after = CHANGES[name]
    chain = [{"gain": {"factor": 1.5}}]
    x = scalp(SPS, 3)
    changes = [(1500, [*chain, after]), (1530, [{"gain": {"factor": 4.0}}, before]), (1531, [*chain, after]),
               (1600, [*chain, before])]
    wanted = run_live(x, SPS, [*chain, before], changes, batch=64)
    other = run_live(x, SPS, [*chain, before], changes, batch=batch)
    assert np.array_equal(other.values, wanted.values)
    assert np.array_equal(other.rev, wanted.rev)
    assert np.array_equal(other.flags, wanted.flags)


@pytest.mark.parametrize("n_channels", [1, 2, 7, 8, 9, 16, 33, 40])
def test_a_channel_goes_on_as_if_it_were_alone(n_channels):
    before, after = CHANGES["band edges"]
    x = scalp(SPS, n_channels)
    x[300:310, 0] = np.nan
    y = run_live(x, SPS, [before], [(500, [after]), (520, [before])]).values
    for channel in {1, n_channels - 1} & set(range(1, n_channels)):
        alone = run_live(x[:, channel:channel + 1], SPS, [before], [(500, [after]), (520, [before])]).values
        assert np.array_equal(y[:, channel], alone[:, 0])
    # what the old filter could not get rid of, the new one does not inherit
    assert np.isfinite(y[530:, 0]).all()
    assert not np.isfinite(y[499, 0])


def test_settings_that_are_the_same_change_nothing_but_the_revision():
    before, _ = CHANGES["band edges"]
    x = scalp(SPS)
    plain = run_live(x, SPS, [{"notch": {"hz": 60}}, before], [])
    same = run_live(x, SPS, [{"notch": {"hz": 60}}, before], [(k, [{"notch": {"hz": 60}}, before]) for k in (7, 900)])
    assert np.array_equal(plain.values, same.values)
    assert np.array_equal(plain.flags, same.flags)
    assert set(same.rev) == {1, 2, 3}


def test_what_is_behind_a_change_of_gain_is_moved_along_exactly():
    def chain(factor: float) -> list[dict[str, Any]]:
        return [{"gain": {"factor": factor}}, {"notch": {"hz": 60}},
                {"highpass": {"hz": 0.1, "order": 2, "start": "steady"}}]

    x = scalp()
    live = run_live(x, SPS, chain(1.0), [(AT, chain(4.0)), (AT + SPS, chain(0.5))])
    plain, louder, softer = (run_live(x, SPS, chain(g), []).values for g in (1.0, 4.0, 0.5))
    assert np.array_equal(live.values[:AT], plain[:AT])
    assert np.array_equal(live.values[AT + FADE:AT + SPS], louder[AT + FADE:AT + SPS])
    assert np.array_equal(live.values[AT + SPS + FADE:], softer[AT + SPS + FADE:])
    steps = np.abs(np.diff(live.values, axis=0))
    assert steps[AT - 1:AT + FADE].max() <= 1.25 * np.abs(np.diff(louder, axis=0))[AT - SPS // 2:AT + FADE].max()


def test_settling_begins_anew_where_something_changed_and_below_it_only():
    def chain(q: float, low_hz: float) -> list[dict[str, Any]]:
        return [{"highpass": {"hz": 20}}, {"notch": {"hz": 60, "q": q}}, {"highpass": {"hz": low_hz, "id": "last"}}]

    x = scalp()
    for output, restarts in (("highpass", []), ("notch", [8000]), ("last", [8000, 14_000])):
        live = run_live(x, SPS, chain(30, 10), [(8000, chain(20, 10)), (14_000, chain(20, 15))], output=output)
        settling = live.flags & SETTLING != 0
        began = [int(k) for k in np.flatnonzero(np.diff(settling.astype(int)) == 1) + 1]
        assert began == restarts
        assert settling[0]
        for at in restarts:
            assert not settling[at + settled_frames(live, output):].all()


def test_another_reference_is_no_step_to_a_filter_behind_it():
    def chain(kind: dict[str, Any]) -> list[dict[str, Any]]:
        return [{"reference": kind}, {"highpass": {"hz": 0.5, "order": 2, "start": "steady"}}]

    x = scalp()
    first, second = {"to": "average"}, {"to": "average", "exclude": ["ch0"]}
    live = run_live(x, SPS, chain(first), [(AT, chain(second))]).values.astype(float)
    new = run_live(x, SPS, chain(second), []).values.astype(float)
    assert np.abs(live - new)[AT:].max() < 350         # the average moves by tens of millivolts


def test_frames_for_which_decimated_packets_answer_are_not_lost_by_a_change():
    def chain(hz: float) -> list[dict[str, Any]]:
        return [{"notch": {"hz": hz}}, {"decimate": {"to_sps": 250}}]

    x = scalp(SPS, 2)
    live = run_live(x, SPS, chain(60), [(k, chain(50 + k % 3)) for k in range(101, 3000, 197)], batch=7)
    assert np.array_equal(live.frame, np.arange(0, SPS, SPS // 250))
    stages = live.ledger["stages"]
    assert stages["decimate"]["in"] - stages["decimate"]["out"] < SPS // 250


def test_a_gap_behind_a_change_is_a_gap():
    before, after = CHANGES["band edges"]
    x = scalp(2 * SPS, 2)
    live = run_live(x, SPS, [before], [(1000, [after]), (1020, [before])], gaps=[(1010, 500)])
    assert np.isfinite(live.values).all()
    assert np.array_equal(live.frame, np.delete(np.arange(2 * SPS + 500), np.arange(1010, 1510)))
    assert live.frame[live.rev == 3][0] == 1510        # frame 1020 was missing
    assert list(np.unique(live.rev)) == [1, 2, 3]


@pytest.mark.parametrize("stage", [
    {"notch": {"hz": 60, "tracking": True}}, {"notch": {"hz": 60, "harmonics": 2}}, {"fir": {"high_hz": 40}},
    {"detrend": {"window_s": 0.5}}, {"envelope": {}}, {"reference": {"to": "average"}},
    {"bandpass": {"low_hz": 1, "high_hz": 40, "start": "steady"}}], ids=lambda stage: next(iter(stage)))
def test_an_operation_with_the_same_settings_goes_on_bit_for_bit(stage):
    def chain(factor: float) -> list[dict[str, Any]]:
        return [stage, {"gain": {"factor": factor}}]

    x = scalp(6 * SPS, 4)
    name = next(iter(stage))
    wanted = run_live(x, SPS, chain(1.0), [], output=name)
    changes = [(at, chain(2.0 + at % 3)) for at in (100, 5 * SPS, 5 * SPS + 3, 5 * SPS + 500)]
    live = run_live(x, SPS, chain(1.0), changes, output=name)
    assert np.array_equal(live.values, wanted.values)
    assert np.array_equal(live.flags, wanted.flags)
    assert live.rev[-1] == 5


@pytest.mark.parametrize(("before", "after", "most"), [
    ({"fir": {"high_hz": 40}}, {"fir": {"high_hz": 30}}, 100), ({"detrend": {"window_s": 0.5}},
                                                              {"detrend": {"window_s": 0.25}}, 20),
    ({"notch": {"hz": 60, "tracking": True}}, {"notch": {"hz": 60, "tracking": True, "q": 20}}, 20)],
    ids=["fir", "detrend", "tracking"])
def test_a_past_that_is_kept_as_samples_is_handed_on(before, after, most):
    x = scalp(7 * SPS, 4)
    at = 5 * SPS + 123
    live, new = (run_live(x, SPS, [first], changes).values.astype(float)
                 for first, changes in ((before, [(at, [after])]), (after, [])))
    left = np.abs(live - new)[at:]
    assert left.max() < most                           # the offset is 187 500
    assert left[SPS:].max() < 0.05

"""`saturation` and `flatline` against their definitions, frame by frame: any channels, any cut, NaN, gaps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from stage_bench import Bench, Made, cuts_of

from eegcore import _rt

SPS = 250.0
FLAG = {"saturated": 2, "flatline": 256}
BENCH = Bench()                                            # hypothesis keeps no fixtures of a test


def masks(marks: NDArray[np.bool_]) -> list[int]:
    """Return marks, shape (n_frames, n_channels), as one mask per frame."""
    return [sum(1 << int(c) for c in np.flatnonzero(row)) for row in marks]


def saturated(x: NDArray[Any], low: float, high: float, hold: int) -> NDArray[np.bool_]:
    """The definition: at or beyond a limit in this frame, or in one of the `hold` before it."""
    with np.errstate(invalid="ignore"):
        beyond = (x >= high) | (x <= low)
    marks = beyond.copy()
    for back in range(1, hold + 1):
        marks[back:] |= beyond[:-back]
    return marks


def flat(x: NDArray[np.float32], window: int, below: float) -> NDArray[np.bool_]:
    """The definition: the last `window` samples are there, finite, and less than `below` apart."""
    marks = np.zeros(x.shape, bool)
    for f in range(window - 1, len(x)):
        part = x[f - window + 1:f + 1].astype(float)
        with np.errstate(invalid="ignore"):
            marks[f] = np.isfinite(part).all(axis=0) & (part.max(axis=0) - part.min(axis=0) < below)
    return marks


def check(made: Made, x: NDArray[Any], what: str, marks: NDArray[np.bool_]) -> None:
    """Samples as they were, marks and flag as defined, every frame accounted for, packets cut where they must be."""
    assert made.values.tobytes() == x.tobytes()
    expected = masks(marks)
    assert made.per_frame(what) == expected
    assert made.per_frame("flags") == [FLAG[what] * bool(mask) for mask in expected]
    assert made.device_frames == len(x)
    at = 0
    for packet in made.packets:
        assert packet["frame_index"] == at
        assert packet["t_ns"] == pytest.approx(at * 1e9 / SPS, abs=2)
        at += packet["n_frames"]


def rough(rng: np.random.Generator, n_frames: int, n_channels: int) -> NDArray[np.float32]:
    """Return noise with stretches that stand still, excursions, and samples that are no numbers."""
    x = rng.normal(0, 30, (n_frames, n_channels))
    for _ in range(n_channels * 3):
        c, at, n = rng.integers(n_channels), rng.integers(n_frames), rng.integers(1, 90)
        kind = rng.integers(4)
        if kind == 0:
            x[at:at + n, c] = x[at, c] + rng.choice([0.0, 0.5, 0.9, 1.1]) * rng.random(len(x[at:at + n]))
        elif kind == 1:
            x[at:at + n, c] = rng.choice([-100.0, 100.0, 99.99])
        elif kind == 2:
            x[at, c] = rng.choice([100.0, -250.0, np.inf, -np.inf])
        else:
            x[at:at + rng.integers(1, 5), c] = np.nan
    return x.astype(np.float32)


@settings(max_examples=25)
@given(n_channels=st.integers(1, 40), seed=st.integers(0, 2**32), hold=st.integers(0, 40), batch=st.integers(1, 97))
def test_saturation_is_its_definition(n_channels: int, seed: int, hold: int, batch: int) -> None:
    rng = np.random.default_rng(seed)
    x = rough(rng, 400, n_channels)
    made = BENCH.run([{"saturation": {"limit_uv": 100, "hold_s": hold / SPS}}], x, SPS,
                     cuts_of(rng, 400, int(rng.integers(60))), batch=batch)
    check(made, x, "saturated", saturated(x, -100, 100, hold))


@settings(max_examples=25)
@given(n_channels=st.integers(1, 40), seed=st.integers(0, 2**32), window=st.integers(2, 70), batch=st.integers(1, 97))
def test_flatline_is_its_definition(n_channels: int, seed: int, window: int, batch: int) -> None:
    rng = np.random.default_rng(seed)
    x = rough(rng, 400, n_channels)
    made = BENCH.run([{"flatline": {"window_s": window / SPS}}], x, SPS,
                     cuts_of(rng, 400, int(rng.integers(60))), batch=batch)
    check(made, x, "flatline", flat(x, window, 1.0))


def test_exactly_the_limit_is_not_flat_and_is_saturated() -> None:
    x = np.tile(np.array([[0.0], [1.0]], np.float32), (20, 1))
    assert not any(BENCH.run([{"flatline": {"window_s": 0.04, "below_uv": 1.0}}], x, SPS).per_frame("flags"))
    assert all(BENCH.run([{"flatline": {"window_s": 0.04, "below_uv": 1.0001}}], x, SPS).per_frame("flags")[9:])
    assert BENCH.run([{"saturation": {"limit_uv": 1.0, "hold_s": 0}}], x, SPS).per_frame("saturated") == [0, 1] * 20


def test_counts_are_held_against_the_rails_of_the_converter() -> None:
    rng = np.random.default_rng(5)
    x = rng.integers(-2**23 + 2, 2**23 - 2, (300, 9), dtype=np.int32)
    x[40:60, 3], x[70, 0], x[71, 1], x[72, 2] = 2**23 - 1, -2**23, -2**23 + 1, 2**23 - 2
    marks = saturated(x, -2**23, 2**23 - 1, 0)
    made = BENCH.run([{"saturation": {"hold_s": 0}}], x, SPS, [41, 50])
    assert made.per_frame("saturated") == masks(marks)
    assert np.array_equal(np.concatenate([packet["counts"] for packet in made.packets]), x)
    share = BENCH.run([{"saturation": {"hold_s": 0, "share": 0.5}}], x, SPS)
    assert share.per_frame("saturated") == masks(saturated(x, -2**22, (2**23 - 1) / 2, 0))


@pytest.mark.parametrize("keep_raw", [False, True])
def test_behind_to_voltage_full_scale_is_known_and_both_planes_pass(keep_raw: bool) -> None:
    rng = np.random.default_rng(6)
    x = rng.integers(-8_000_000, 8_000_000, (200, 3), dtype=np.int32)
    x[50:53, 1], x[90, 2] = 2**23 - 1, -2**23
    stages = [{"to_voltage": {"keep_raw": keep_raw}}, {"saturation": {"hold_s": 0}}]
    probe, _ = BENCH.probe(stages, x, SPS)
    uv = (x * (4.5 / 24 / 2**23 * 1e6)).astype(np.float32)
    packets = [packet for at in range(0, 200, 50)
               for packet in probe.push(uv[at:at + 50], counts=x[at:at + 50] if keep_raw else None)]
    assert [p["saturated"] for p in packets for _ in range(p["n_frames"])] == masks(saturated(x, -2**23, 2**23 - 1, 0))
    assert np.concatenate([packet["values"] for packet in packets]).tobytes() == uv.tobytes()
    if keep_raw:
        assert np.array_equal(np.concatenate([packet["counts"] for packet in packets]), x)


def mark_probe(stage: dict[str, Any], x: NDArray[Any]) -> _rt.Probe:
    probe, _ = BENCH.probe([stage], x, SPS)
    return probe


@pytest.mark.parametrize(("stage", "what"), [({"saturation": {"limit_uv": 100, "hold_s": 0.08}}, "saturated"),
                                             ({"flatline": {"window_s": 0.08}}, "flatline")])
def test_a_gap_begins_windows_and_holds_afresh(stage: dict[str, Any], what: str) -> None:
    x = np.full((60, 2), 100, np.float32)
    x[30:] = 3.0 if what == "flatline" else 0.0            # still, but not beyond
    probe = mark_probe(stage, x)
    before = probe.push(x[:30])
    after = probe.push(x[30:], frame_index=1000, flags=1)
    assert before[-1][what] == 3
    marks = [packet[what] for packet in after for _ in range(packet["n_frames"])]
    assert marks == ([0] * 19 + [3] * 11 if what == "flatline" else [0] * 30)
    assert [packet["flags"] & 1 for packet in after] == [1] + [0] * (len(after) - 1)
    assert after[0]["frame_index"] == 1000


def test_flags_and_masks_of_others_pass_and_are_added_to() -> None:
    x = np.zeros((40, 70), np.float32)
    x[20, 65] = 500
    probe = mark_probe({"saturation": {"limit_uv": 400, "hold_s": 0}}, x)
    packets = probe.push(x, flags=2 | 4 | 8 | 32 | 512, saturated=5, lead_off=9, blink=1 << 69, config_rev=7)
    assert [packet["n_frames"] for packet in packets] == [20, 1, 19]
    assert [packet["saturated"] for packet in packets] == [5, 5 | 1 << 65, 5]
    assert [packet["flags"] for packet in packets] == [2 | 4 | 8 | 32 | 512] + [2 | 4 | 8 | 512] * 2
    assert {(p["lead_off"], p["blink"], p["config_rev"]) for p in packets} == {(9, 1 << 69, 7)}
    twice = mark_probe({"flatline": {"window_s": 0.04}}, x)
    packets = twice.push(x, flags=256, flatline=2)
    assert packets[0]["flatline"] == 2
    assert packets[-1]["flatline"] == 2**70 - 1


def test_parts_of_a_packet_share_the_device_frames_it_answers_for() -> None:
    """Behind a decimation by 3: 10 frames are 30 of the device, and so are their parts."""
    x = np.zeros((10, 1), np.float32)
    x[4] = 9.0
    stream = {"kind": 2, "sps": 100.0, "n_channels": 1, "n_bins": 0, "max_frames": 10, "step": (3, 1)}
    limits = {"low": [(-5.0).hex()], "high": [5.0.hex()]}
    probe = _rt.Probe("mark", {"node": "mark", "detector": "saturation", "plane": "uv", "hold": 0, "n_channels": 1,
                               "max_frames": 10, **limits}, input=stream, outputs=[stream])
    packets = probe.push(x, frame_index=90)
    assert [(p["frame_index"], p["n_frames"], p["device_frames"]) for p in packets] == [
        (90, 4, 12), (102, 1, 3), (105, 5, 15)]


@pytest.mark.parametrize("kind", ["saturation", "flatline"])
@pytest.mark.parametrize(("before", "after"), [(10, 10), (10, 30), (30, 10)])
def test_settings_change_without_a_jump(kind: str, before: int, after: int) -> None:
    """The new instance knows what the old one has seen; of a longer window, only what that held."""
    rng = np.random.default_rng(before + after)
    x = rough(rng, 600, 5)

    def stage(n: int) -> dict[str, Any]:
        return {kind: {"limit_uv": 100, "hold_s": n / SPS} if kind == "saturation" else {"window_s": n / SPS}}

    old, new = mark_probe(stage(before), x), mark_probe(stage(after), x)
    old.push(x[:63])
    old.push(x[63:117])
    assert new.take_over(old) == 0
    packets = [packet for at in range(117, 600, 23) for packet in new.push(x[at:at + 23])]
    if kind == "saturation":
        what, marks = "saturated", saturated(x, -100, 100, after)[117:]
    else:
        what, start = "flatline", 117 - min(before, after)
        marks = flat(x[start:], after, 1.0)[117 - start:]
    assert [packet[what] for packet in packets for _ in range(packet["n_frames"])] == masks(marks)
    assert packets[0]["frame_index"] == 117

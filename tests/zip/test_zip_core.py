"""The C core against numpy: same frames, same counts, whatever the order in which blocks arrive."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import NAN_BITS, check_blocks, join, keys_of
from zip_driver import GAP, Input, Packet, Zip, steps

PERIOD_NS = 4_000_000                                   # 250 SPS


def stream(seed: int, *, n_frames: int = 300, ppm: float = 0.0, jitter_ns: int = 0, batch: int = 4, gaps: int = 0,
           start_ns: int = 0, n_channels: int = 1, changes: bool = False, step: int = 1) -> Input:
    """Packets of one source with a clock of its own; every sample tells source and frame."""
    dice = random.Random(seed)
    packets: list[Packet] = []
    missing = sorted(dice.sample(range(1, n_frames), min(gaps, n_frames - 1))) if n_frames > 1 else []
    frame = first = 0
    flags = saturated = lead_off = 0
    while first < n_frames:
        n = min(batch, n_frames - first)
        broken = next((at for at in missing if first < at < first + n), None)
        if broken is not None:
            n = broken - first
        gap = GAP if first in missing else 0
        if gap:
            frame += dice.randint(1, 12)
        if changes and dice.random() < 0.3:
            flags, saturated, lead_off = dice.choice([0, 8, 32]), dice.getrandbits(n_channels), dice.getrandbits(
                n_channels)
        t_ns = start_ns + round(frame * PERIOD_NS * (1 + ppm * 1e-6)) + (dice.randrange(jitter_ns) if jitter_ns else 0)
        data = (np.arange(frame, frame + n)[:, None] * 1000 + np.arange(n_channels) + 100_000_000 * (seed % 10))
        packets.append(Packet(t_ns, frame * step, data.astype(np.int32), flags | gap, saturated, lead_off, n * step))
        frame += n
        first += n
    return Input(packets, n_channels, max_frames=batch, step=(step, 1), sps=250.0)


def run(joined: Zip, inputs: list[Input], seed: int) -> Zip:
    for _ in steps(inputs, joined, random.Random(seed)):
        for k in range(len(inputs)):
            counts = joined.counts(k)
            assert counts["in"] == counts["used"] + counts["skipped"] + counts["held"]
            assert counts["out"] == counts["used"] + counts["repeated"] + counts["filled"]
    return joined


clocks = st.sampled_from([0.0, 120.0, -200.0, 200.0, 5000.0, -5000.0, 25_000.0])
sources = st.fixed_dictionaries({
    "seed": st.integers(1, 2**20), "n_frames": st.integers(0, 250), "ppm": clocks,
    "jitter_ns": st.sampled_from([0, 0, 300_000, 3_000_000]), "batch": st.sampled_from([1, 2, 3, 4, 7, 16, 50]),
    "gaps": st.integers(0, 4), "start_ns": st.integers(-20_000_000, 20_000_000), "n_channels": st.integers(1, 3),
    "changes": st.booleans()})


@given(st.lists(sources, min_size=2, max_size=8), st.booleans(), st.booleans(),
       st.sampled_from([0, 1_000_000, 2_200_000, 5_000_000]), st.integers(0, 2**32))
def test_by_time_the_nearest_frames_are_joined_whatever_the_order(make_zip, given_sources, skip, is_float, tolerance,
                                                                  order):
    inputs = [stream(**one) for one in given_sources]
    made = []
    for seed in (order, order + 1, order + 2):
        joined = run(make_zip(inputs, skip=skip, is_float=is_float, tolerance=tolerance), inputs, seed)
        wanted = join(inputs, by_time=True, tolerance=tolerance, skip=skip, is_float=is_float)
        assert [joined.counts(k) for k in range(len(inputs))] == wanted.counts
        check_blocks(joined.made, wanted)
        made.append([block.key() for block in joined.made])
        joined.close()
    assert made[0] == made[1] == made[2]


@given(st.lists(sources, min_size=2, max_size=5), st.booleans(), st.sampled_from([1, 4]), st.integers(0, 2**32))
def test_by_index_equal_frames_are_joined_whatever_the_order(make_zip, given_sources, skip, step, order):
    inputs = [stream(**{**one, "jitter_ns": 0, "ppm": 0.0}, step=step) for one in given_sources]
    made = []
    for seed in (order, order + 1):
        joined = run(make_zip(inputs, by_time=False, skip=skip, tolerance=0), inputs, seed)
        wanted = join(inputs, by_time=False, tolerance=0, skip=skip, is_float=False)
        assert [joined.counts(k) for k in range(len(inputs))] == wanted.counts
        assert all(count["repeated"] == 0 for count in wanted.counts)
        check_blocks(joined.made, wanted)
        made.append([block.key() for block in joined.made])
        joined.close()
    assert made[0] == made[1]


@pytest.mark.parametrize("ppm", [200, -200, 5000, -5000])
def test_drift_repeats_or_skips_as_many_frames_as_the_clocks_slip(make_zip, ppm):
    n = 20_000
    inputs = [stream(1, n_frames=n, batch=16), stream(2, n_frames=round(n * 1.01), ppm=ppm, batch=10,
                                                      start_ns=123_456)]
    joined = run(make_zip(inputs, wait_frames=64), inputs, 7)
    counts = joined.counts(1)
    joined.close()
    slipped = round(n * ppm * 1e-6)
    assert counts["filled"] == 0
    assert abs(counts["repeated"] - max(0, slipped)) <= 1
    beyond = round(n * 1.01) - round(n / (1 + ppm * 1e-6))       # frames after the master's last
    assert abs(counts["skipped"] - beyond - max(0, -slipped)) <= 2


@pytest.mark.deep
def test_a_million_frames_of_drifting_clocks_are_counted_exactly(make_zip):
    n, tolerance = 1_000_000, 2_200_000
    inputs = [stream(1, n_frames=n, batch=64, ppm=4000, gaps=50), stream(2, n_frames=n, batch=50, ppm=-5000, gaps=50)]
    joined = run(make_zip(inputs, wait_frames=256, tolerance=tolerance), inputs, 5)
    counts = joined.counts(1)
    joined.close()
    master, keys = (np.array(keys_of(one, True)) for one in inputs)
    after = np.clip(np.searchsorted(keys, master), 1, n - 1)
    at = np.where(master - keys[after - 1] <= keys[after] - master, after - 1, after)
    found = np.abs(keys[at] - master) <= tolerance
    used = len(np.unique(at[found]))
    assert counts == {"in": n, "used": used, "skipped": n - used, "held": 0, "out": n,
                      "repeated": int(found.sum()) - used, "filled": int((~found).sum())}


def test_a_long_packet_of_a_clock_that_is_off_is_not_taken_for_missing(make_zip):
    """64 frames at 250 SPS, 2.5 % off: counted on nominally the last would be 1.6 periods wrong."""
    inputs = [stream(1, n_frames=5000, batch=64, ppm=-25_000), stream(2, n_frames=6000, batch=50, ppm=25_000)]
    joined = run(make_zip(inputs, wait_frames=256), inputs, 3)
    counts = joined.counts(1)
    late = [block for block in joined.made[3:] if block.flags & GAP and block.t_ns < 19e9]
    joined.close()
    assert late == []
    assert counts["filled"] <= 2


def test_what_is_missing_is_nan_in_uv_and_the_last_value_in_counts(make_zip):
    a, b = stream(1, n_frames=12, batch=1), stream(2, n_frames=12, batch=1)
    del b.packets[5:7]
    b.packets[5].flags |= GAP
    for is_float in (True, False):
        joined = run(make_zip([a, b], is_float=is_float), [a, b], 1)
        values = np.concatenate([block.data for block in joined.made])[:, 1].view(np.uint32).tolist()
        flags = [block.flags for block in joined.made]
        joined.close()
        assert values[5:7] == ([NAN_BITS] * 2 if is_float else [values[4]] * 2)
        assert flags == [0] * 5 + [GAP] * 3 + [0] * 4


def test_what_is_missing_is_left_out_with_skip(make_zip):
    a, b = stream(1, n_frames=12, batch=4), stream(2, n_frames=12, batch=1)
    del b.packets[5:7]
    joined = run(make_zip([a, b], skip=True), [a, b], 1)
    found = [(block.frame_index, len(block.data), block.flags) for block in joined.made]
    counts = joined.counts(0)
    joined.close()
    assert found == [(0, 4, 0), (4, 1, 0), (7, 1, GAP), (8, 4, 0)]
    assert (counts["in"], counts["used"], counts["skipped"]) == (12, 10, 2)


def test_the_stream_begins_when_every_input_has(make_zip):
    a, b = stream(1, n_frames=20, batch=4), stream(2, n_frames=20, batch=3, start_ns=5 * PERIOD_NS)
    joined = run(make_zip([a, b]), [a, b], 1)
    counts = joined.counts(0)
    first = joined.made[0]
    joined.close()
    assert (first.frame_index, first.flags, counts["skipped"]) == (5, 0, 5)


def test_masks_are_those_of_the_joined_channels(make_zip):
    a, b = stream(1, n_frames=4, batch=4, n_channels=70), stream(2, n_frames=4, batch=4, n_channels=3)
    a.packets[0].saturated, b.packets[0].saturated, b.packets[0].lead_off = 1 << 69, 0b101, 0b010
    joined = run(make_zip([a, b]), [a, b], 1)
    (block,) = joined.made
    joined.close()
    assert block.saturated == 1 << 69 | 0b101 << 70
    assert block.lead_off == 0b010 << 70


@pytest.mark.parametrize("gaps", [0, 3])
def test_device_frames_add_up_to_those_of_the_master(make_zip, gaps):
    a = stream(1, n_frames=200, batch=16, step=5)
    b = stream(2, n_frames=200, batch=3, changes=True, step=5, gaps=gaps)
    for packet in a.packets:
        packet.device_frames += 3                       # a decimator answers for frames it has not kept
    joined = run(make_zip([a, b], by_time=False, tolerance=0, skip=True), [a, b], 1)
    assert (joined.left_out > 0) == (gaps > 0)
    made = sum(block.device_frames for block in joined.made) + joined.left_out
    joined.close()
    assert len(joined.made) > len(a.packets)
    assert made == sum(packet.device_frames for packet in a.packets)

"""Inputs that cannot wait: one that is silent costs its own samples, never the stream, and is counted."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_zip_core import sources, steps, stream
from zip_driver import GAP


def identities_hold(joined):
    for k in range(len(joined.inputs)):
        counts = joined.counts(k)
        assert counts["in"] == counts["used"] + counts["skipped"] + counts["held"]
        assert counts["out"] == counts["used"] + counts["repeated"] + counts["filled"]
    return [joined.counts(k) for k in range(len(joined.inputs))]


@pytest.mark.parametrize("skip", [False, True])
def test_a_silent_input_is_waited_for_so_many_frames_and_no_longer(make_zip, skip):
    a, b = stream(1, n_frames=400, batch=4), stream(2, n_frames=400, batch=4)
    joined = make_zip([a, b], waits=False, wait_frames=40, skip=skip)
    for k in range(25):                                     # both alive: 100 frames
        joined.take(0, a.packets[k])
        joined.take(1, b.packets[k])
    for k in range(25, 35):
        joined.take(0, a.packets[k])
    assert joined.counts(0)["held"] == 40                   # within its patience
    assert joined.counts(0)["out"] == 100
    for k in range(35, 60):
        joined.take(0, a.packets[k])
        assert joined.counts(0)["held"] <= 40 + 3           # and a block that is not complete
    first, second = identities_hold(joined)
    assert second["filled"] == (0 if skip else first["out"] - 100)
    assert first["skipped"] == (100 if skip else 0)
    assert all(block.flags & GAP for block in joined.made[25:])
    for k in range(50, 100):                                # it comes back, with what it had meanwhile
        joined.take(1, b.packets[k])
        if k >= 60:
            joined.take(0, a.packets[k])
    joined.end(0)
    joined.end(1)
    first, second = identities_hold(joined)
    assert second["held"] == first["held"] == 0
    assert joined.made[-1].flags == 0
    assert first["out"] == (400 - first["skipped"])
    joined.close()


def test_an_input_that_never_says_anything_is_filled(make_zip):
    a, b = stream(1, n_frames=100, batch=4), stream(2, n_frames=0)
    joined = make_zip([a, b], waits=False, wait_frames=20)
    for packet in a.packets:
        joined.take(0, packet)
    _, second = identities_hold(joined)
    assert second["filled"] == 80
    joined.close()


def test_without_the_master_the_others_keep_the_newest(make_zip):
    a, b = stream(1, n_frames=100, batch=4), stream(2, n_frames=400, batch=4)
    joined = make_zip([a, b], waits=False, wait_frames=20)
    for packet in b.packets[:50]:
        joined.take(1, packet)
    _, second = identities_hold(joined)
    assert (second["held"], second["skipped"], joined.made) == (20, 180, [])
    joined.close()


@given(st.lists(sources, min_size=2, max_size=4), st.booleans(), st.integers(0, 2**32), st.integers(50, 200))
def test_books_balance_and_nothing_stalls_in_any_order(make_zip, given_sources, skip, order, wait_frames):
    inputs = [stream(**one) for one in given_sources]
    joined = make_zip(inputs, waits=False, wait_frames=wait_frames, skip=skip)
    for _ in steps(inputs, joined, random.Random(order)):
        counts = identities_hold(joined)
        for one, count in zip(inputs, counts, strict=True):
            assert count["held"] <= wait_frames + one.max_frames + 50
    assert [count["held"] for count in identities_hold(joined)] == [0] * len(inputs)
    out = [block.frame_index for block in joined.made]
    assert out == sorted(set(out))
    joined.close()

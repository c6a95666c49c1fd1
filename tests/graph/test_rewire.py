"""Readers that come, go and change while a graph runs: no frame is lost or doubled, and no packet is a mixture."""

from __future__ import annotations

import numpy as np
import pytest
from rewire_graphs import BATCH, Live, cascade, contiguous, gain, lowpass, noise

N = 1000


@pytest.mark.parametrize("at", [0, 1, 333, 640, 999])
def test_a_branch_is_added_in_the_group_of_the_source(at):
    live = Live()
    x = noise(N)
    group, source = live.source(x)
    a = live.node(group, cascade(gain(2.0)))
    live.graph.connect(source, 0, a, 0)
    first = live.outlet(a)
    b = live.node(group, cascade(gain(3.0)), new=True)
    second = live.new_outlet()
    live.hand_over([live.routes(source, ("local", a, 0), ("local", b, 0)), live.routes(b, ("edge", second))], at,
                   {group: ([source, a, b], [])})
    live.run()
    assert contiguous(live.heard[first], 0, N)
    assert contiguous(live.heard[second], at, N)
    assert np.array_equal(live.heard[first].all("values"), 2 * x)
    assert np.array_equal(live.heard[second].all("values"), 3 * x[at:])
    assert np.array_equal(live.heard[first].all("revs"), np.where(np.arange(N) < at, 1, 2))
    assert set(live.heard[second].all("revs")) == {2}
    assert live.free_slots() == 0


@pytest.mark.parametrize("at", [1, 333, 640])
def test_a_branch_is_taken_away_and_told_of_the_end(at):
    live = Live()
    group, source = live.source(noise(N))
    a, b = live.node(group), live.node(group)
    live.graph.connect(source, 0, a, 0)
    live.graph.connect(source, 0, b, 0)
    kept, gone = live.outlet(a), live.outlet(b)
    live.hand_over([live.routes(source, ("local", a, 0)), live.retire(b)], at)
    live.run()
    assert contiguous(live.heard[kept], 0, N)
    assert contiguous(live.heard[gone], 0, at)
    assert live.free_slots() == 0


def test_a_stage_is_put_between_and_taken_out_again():
    live = Live()
    x = noise(N)
    group, source = live.source(x)
    a, c = live.node(group), live.node(group, cascade(lowpass(0.3)))
    live.graph.connect(source, 0, a, 0)
    live.graph.connect(a, 0, c, 0)
    out = live.outlet(c)
    n = live.node(group, cascade(gain(2.0)), new=True)
    live.hand_over([live.routes(a, ("local", n, 0)), live.routes(n, ("local", c, 0))], 300,
                   {group: ([source, a, n, c], [])})
    live.hand_over([live.routes(a, ("local", c, 0)), live.retire(n)], 700)
    live.run()
    assert contiguous(live.heard[out], 0, N)
    wanted = np.zeros(4)
    for k in range(N):
        given = x[k].astype(np.float64) * (2 if 300 <= k < 700 else 1)
        wanted = 0.3 * given + (0.3 - 1.0) * -wanted
        np.testing.assert_allclose(live.heard[out].all("values")[k], wanted, rtol=1e-6, atol=1e-6)
    assert live.free_slots() == 0


@pytest.mark.parametrize("batch", [7, BATCH])
def test_a_stage_in_the_middle_is_replaced_in_another_group(batch):
    live = Live()
    x = noise(N)
    _, source = live.source(x, batch=batch)
    group = live.graph.add_group()
    a, b, c = live.node(group), live.node(group, cascade(gain(2.0))), live.node(group)
    edge = live.graph.add_edge(source, 0, a, 0, policy=2, capacity=8)
    live.graph.connect(a, 0, b, 0)
    live.graph.connect(b, 0, c, 0)
    out = live.outlet(c)
    fresh = live.node(group, cascade(gain(3.0)), new=True)
    live.hand_over([live.routes(a, ("local", fresh, 0)), live.routes(fresh, ("local", c, 0)), live.retire(b)], 400,
                   {group: ([a, b, fresh, c], [(edge, a, 0)])})
    live.run()
    assert contiguous(live.heard[out], 0, N)
    factor = np.where(np.arange(N) < 400, 2, 3)[:, np.newaxis]
    assert np.array_equal(live.heard[out].all("values"), (factor * x).astype(np.float32))

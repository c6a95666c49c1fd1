"""Whatever edges come: numbers and times rise, counts add up, and the same edges give the same bits."""

from __future__ import annotations

import numpy as np
from edge_simulation import OFF_RATE
from hypothesis import given
from hypothesis import strategies as st

RATES = st.sampled_from([250.0, 500.0, 1000.0, 16000.0])
# What one event does: steps of the sequence number, periods of time, jitter in periods.
REGULAR = st.tuples(st.just(1), st.just(1.0), st.floats(-0.2, 0.2))
ODD = st.tuples(st.integers(1, 100_000), st.floats(-3.0, 100_000.0), st.floats(-20.0, 20.0))
WILD = st.tuples(st.integers(0, 2**32 - 1), st.floats(-1e9, 1e9), st.floats(-1e6, 1e6))
RUN = st.tuples(REGULAR, st.integers(1, 400))
EVENTS = st.lists(st.one_of(RUN, st.tuples(st.one_of(ODD, WILD), st.just(1))), min_size=1, max_size=30)


def expand(sps, events):
    seqno, t, seqnos, stamps = 0, 1e9, [], []
    for (step, periods, jitter), repeat in events:
        for i in range(repeat):
            seqno += step
            t += periods * 1e9 / sps
            seqnos.append(seqno)
            stamps.append(t + (jitter if i % 2 else -jitter) * 1e9 / sps)
    return np.array(seqnos, dtype=np.int64), np.array(stamps).astype(np.int64)


@given(sps=RATES, events=EVENTS)
def test_conversions_and_times_rise_whatever_comes(clock, sps, events):
    c = clock(sps)
    answer = c.edges(*expand(sps, events))
    numbered = answer.advance > 0
    assert (np.diff(answer.conversion[numbered]) == answer.advance[numbered][1:]).all()
    assert (np.diff(answer.t_ns[numbered]) > 0).all()
    assert answer.sps.min() >= sps * 0.97 - 1e-6
    assert answer.sps.max() <= sps * 1.03 + 1e-6
    r = c.results
    assert r.conversions == (answer.conversion[numbered][-1] + 1 if numbered.any() else 0)
    assert r.refused == (answer.advance < 0).sum()
    if r.anchors == 1 and r.refused == 0 and r.state != OFF_RATE:
        assert r.conversions == len(answer.advance) + r.missed + r.vanished - r.spurious


@given(sps=RATES, events=EVENTS, asked=st.lists(st.integers(-3, 70), min_size=1, max_size=40))
def test_times_rise_for_rising_conversions_however_they_are_asked(clock, sps, events, asked):
    c = clock(sps)
    seqno, stamps = expand(sps, events)
    newest, newest_ns = -1, None
    for at in range(0, len(seqno), 64):
        answer = c.edges(seqno[at:at + 64], stamps[at:at + 64], ask=False)
        for ahead in asked:
            conversion = max(0, int(answer.conversion[-1]) + ahead)
            t_ns = c.time(conversion)
            if conversion > newest:
                assert newest_ns is None or t_ns > newest_ns
                newest, newest_ns = conversion, t_ns
            elif conversion < newest:
                assert t_ns < newest_ns
            else:
                assert t_ns == newest_ns


@given(sps=RATES, events=EVENTS)
def test_the_same_edges_give_the_same_bits(clock, sps, events):
    one, other = clock(sps), clock(sps)
    seqno, stamps = expand(sps, events)
    one.edges(seqno, stamps)
    for at in range(len(seqno)):
        other.edges(seqno[at:at + 1], stamps[at:at + 1])
    assert one.bytes == other.bytes

"""The rings against a deque: same answers, same order, whatever the sequence."""

from __future__ import annotations

from collections import deque

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from lockfree import DropRing, Mpsc, Ring, deep

WRAP = 2**32
STARTS = st.sampled_from([0, 1, 2**31 - 1, WRAP - 3, WRAP - 2, WRAP - 1])
REFERENCES = st.integers(1, 2**64 - 1)


class RingMachine(RuleBasedStateMachine):
    """ec_ring and a deque with a bound."""

    ring = None

    @initialize(exponent=st.integers(0, 4), start=STARTS)
    def make(self, exponent, start):
        self.capacity, self.start = 2**exponent, start
        self.ring, self.model, self.popped, self.pushed = Ring(self.capacity, start), deque(), 0, 0

    @rule(reference=REFERENCES)
    def push(self, reference):
        has_room = len(self.model) < self.capacity
        assert self.ring.push(reference) is has_room                       # R1, R4
        if has_room:
            self.model.append(reference)
            self.pushed += 1

    @rule()
    def pop(self):
        expected = self.model.popleft() if self.model else None
        assert self.ring.pop() == expected                                 # R2
        self.popped += expected is not None

    @rule(references=st.lists(REFERENCES, max_size=40))
    def push_many(self, references):
        for reference in references:
            self.push(reference)

    @rule(times=st.integers(1, 40))
    def pop_many(self, times):
        for _ in range(times):
            self.pop()

    @invariant()
    def agrees(self):
        if self.ring is None:
            return
        head, tail = self.ring.call("head"), self.ring.call("tail")
        assert (head - tail) % WRAP == len(self.model) <= self.capacity    # R1
        assert self.ring.call("count") == len(self.model)
        assert head == (self.start + self.pushed) % WRAP                   # R3: only pushes move it
        assert tail == (self.start + self.popped) % WRAP                   # R3: only pops move it
        words = [self.ring.call("word", (tail + i) % WRAP) for i in range(len(self.model))]
        assert words == list(self.model)                                   # R2

    def teardown(self):
        if self.ring is not None:
            self.ring.close()


class DropRingMachine(RuleBasedStateMachine):
    """ec_drop_ring and a deque that gives up its oldest."""

    ring = None

    @initialize(exponent=st.integers(0, 4), start=STARTS)
    def make(self, exponent, start):
        self.capacity, self.start = 2**exponent, start
        self.ring, self.model = DropRing(self.capacity, start), deque()
        self.pushed = self.taken = 0

    @rule(reference=REFERENCES)
    def push(self, reference):
        expected = self.model.popleft() if len(self.model) == self.capacity else None
        assert self.ring.push(reference) == expected                       # D2: the oldest, and only when full
        self.model.append(reference)
        self.pushed += 1
        self.taken += expected is not None

    @rule()
    def pop(self):
        expected = self.model.popleft() if self.model else None
        assert self.ring.pop() == expected
        self.taken += expected is not None

    @rule(references=st.lists(REFERENCES, max_size=40))
    def push_many(self, references):
        for reference in references:
            self.push(reference)

    @rule(times=st.integers(1, 20))
    def pop_many(self, times):
        for _ in range(times):
            self.pop()

    @invariant()
    def agrees(self):
        if self.ring is None:
            return
        head, tail = self.ring.call("head"), self.ring.call("tail")
        assert (head - tail) % WRAP == len(self.model) <= self.capacity    # D1
        assert head == (self.start + self.pushed) % WRAP                   # D2
        assert tail == (self.start + self.taken) % WRAP                    # D2: each step of tail is one taker
        assert self.ring.call("count") == len(self.model)

    def teardown(self):
        if self.ring is not None:
            self.ring.close()


class MpscMachine(RuleBasedStateMachine):
    """ec_mpsc and a deque with a bound; producers are told apart by the first word."""

    queue = None

    @initialize(exponent=st.integers(1, 4), start=STARTS)
    def make(self, exponent, start):
        self.capacity = 2**exponent
        self.queue, self.model, self.refused = Mpsc(self.capacity, start), deque(), 0

    @rule(words=st.tuples(*[st.integers(0, 2**64 - 1)] * 7))
    def push(self, words):
        has_room = len(self.model) < self.capacity
        assert self.queue.push(words) is has_room                          # M3
        if has_room:
            self.model.append(words)
        else:
            self.refused += 1

    @rule()
    def pop(self):
        assert self.queue.pop() == (self.model.popleft() if self.model else None)     # M1, M2

    @rule(n=st.integers(1, 40))
    def fill(self, n):
        for i in range(n):
            self.push((i,) * 7)

    @rule(n=st.integers(1, 40))
    def empty(self, n):
        for _ in range(n):
            self.pop()

    @invariant()
    def refusals_are_counted(self):
        if self.queue is not None:
            assert self.queue.call("refused") == self.refused

    def teardown(self):
        if self.queue is not None:
            self.queue.close()


TestRing = RingMachine.TestCase
TestDropRing = DropRingMachine.TestCase
TestMpsc = MpscMachine.TestCase

# `-m deep` runs the same machines with the examples of its profile.
TestRingDeep = deep(RingMachine)
TestDropRingDeep = deep(DropRingMachine)
TestMpscDeep = deep(MpscMachine)


@pytest.mark.parametrize("kind", [Ring, DropRing])
@pytest.mark.parametrize("capacity", [0, 3, 5, 2**20 + 1, 2**21])
def test_r4_d3_a_capacity_that_is_no_power_of_two_or_too_large_is_refused(kind, capacity):
    with pytest.raises(ValueError, match="refused"):
        kind(capacity, 0)


@pytest.mark.parametrize("capacity", [0, 1, 3, 2**17])
def test_m3_a_queue_needs_two_cells_and_at_most_65536(capacity):
    with pytest.raises(ValueError, match="refused"):
        Mpsc(capacity, 0)

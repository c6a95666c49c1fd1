"""The pool against a dict of references and counts, through the ends of tag and generation."""

from __future__ import annotations

import threading
import time

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from lockfree import STALE, Pool, deep, generation_of, slot_of

WRAP = 2**32
NOBODY = 0                                # EC_REF_NONE


class PoolMachine(RuleBasedStateMachine):
    """ec_pool and a dict: reference -> number of holders."""

    pool = None

    @initialize(pool_id=st.sampled_from([0, 7, 254]), slots=st.integers(1, 5),
                generation=st.sampled_from([1, 2, WRAP - 2, WRAP - 1]), tag=st.sampled_from([0, WRAP - 2, WRAP - 1]))
    def make(self, pool_id, slots, generation, tag):
        self.pool = Pool(pool_id, slots, 64, generation, tag)
        self.id, self.size, self.made = pool_id, slots, slots
        self.held: dict[int, int] = {}
        self.old: list[int] = []
        self.stale = self.exhausted = self.high = 0
        self.written = 0

    def check_taken(self, ref):
        """A new reference: its slot has no other holder (P2), its name was never used before."""
        assert ref >> 56 == self.id
        assert slot_of(ref) < self.size
        assert slot_of(ref) not in {slot_of(r) for r in self.held}         # P2
        assert ref not in self.old
        assert generation_of(ref) != 0
        self.held[ref] = 1
        self.high = max(self.high, len(self.held))
        self.written += 1
        self.pool.call("payload", slot_of(ref))[0] = self.written
        self.held_words = {r: self.pool.call("payload", slot_of(r))[0] for r in self.held}
        assert len(set(self.held_words.values())) == len(self.held)        # payloads do not overlap

    @rule()
    def try_acquire(self):
        ref = self.pool.call("try_acquire")
        if len(self.held) == self.size:
            assert ref == NOBODY
            self.exhausted += 1
        else:
            self.check_taken(ref)

    @rule()
    def acquire_until_a_past_deadline(self):
        ref = self.pool.call("acquire", 0)
        if len(self.held) == self.size:
            assert ref == NOBODY                                           # gave up, did not hang
            self.exhausted += 1
        else:
            self.check_taken(ref)

    @precondition(lambda self: self.pool is not None and self.held)
    @rule(data=st.data())
    def retain(self, data):
        ref = data.draw(st.sampled_from(sorted(self.held)))
        assert self.pool.call("retain", ref) == 0
        self.held[ref] += 1

    @precondition(lambda self: self.pool is not None and self.held)
    @rule(data=st.data())
    def release(self, data):
        ref = data.draw(st.sampled_from(sorted(self.held)))
        last = self.held[ref] == 1
        assert self.pool.call("release", ref) == int(last)
        self.held[ref] -= 1
        if last:
            del self.held[ref]
            self.old.append(ref)

    @precondition(lambda self: self.pool is not None and self.old)
    @rule(data=st.data())
    def use_an_old_name(self, data):
        ref = data.draw(st.sampled_from(self.old))
        call = data.draw(st.sampled_from(["retain", "release"]))
        assert self.pool.call(call, ref) == STALE                          # P3
        self.stale += 1

    @rule(slot=st.integers(0, 2**24 - 1), generation=st.integers(0, WRAP - 1))
    def use_an_invented_name(self, slot, generation):
        ref = self.id << 56 | slot << 32 | generation
        if ref not in self.held:
            assert self.pool.call("release", ref) == STALE
            self.stale += 1

    @precondition(lambda self: self.pool is not None and self.held)
    @rule(data=st.data())
    def release_once_too_often(self, data):
        ref = data.draw(st.sampled_from(sorted(self.held)))
        for left in range(self.held.pop(ref) - 1, -1, -1):
            assert self.pool.call("release", ref) == int(left == 0)
        self.old.append(ref)
        assert self.pool.call("release", ref) == STALE                     # P3
        self.stale += 1

    @rule()
    def grow(self):
        if self.size == self.made:
            assert self.pool.call("grow") == 0
            self.size = 2 * self.made
        else:
            assert self.pool.call("grow") < 0                              # once

    @invariant()
    def agrees(self):
        if self.pool is None:
            return
        free = self.pool.free_list()
        assert len(free) == len(set(free)) == self.size - len(self.held)   # P1, P4
        assert not set(free) & {slot_of(ref) for ref in self.held}         # P1
        assert self.pool.call("free_count") == len(free)                   # P4
        assert self.pool.call("size") == self.size
        assert self.pool.call("stale") == self.stale                       # P3
        assert self.pool.call("exhausted") == self.exhausted
        assert self.pool.call("high_water") == self.high
        for ref, holders in self.held.items():
            assert bool(self.pool.call("is_sole", ref)) is (holders == 1)

    def teardown(self):
        if self.pool is not None:
            self.pool.close()


TestPool = PoolMachine.TestCase
TestPoolDeep = deep(PoolMachine)


@pytest.fixture
def pool():
    made = []

    def make(*arguments):
        made.append(Pool(*arguments))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_p3_ten_thousand_stale_and_double_releases_are_caught(pool):
    p = pool(3, 4, 64, WRAP - 1000, WRAP - 1000)
    for n in range(10_000):
        ref = p.call("try_acquire")
        assert p.call("release", ref) == 1
        assert p.call("release", ref) == STALE
        assert p.call("stale") == n + 1
    assert sorted(p.free_list()) == [0, 1, 2, 3]


def test_no_life_of_slot_0_of_pool_0_is_named_like_nothing(pool):
    p = pool(0, 1, 64, WRAP - 2, 0)
    lives = []
    for _ in range(4):
        ref = p.call("try_acquire")
        lives.append(generation_of(ref))
        assert p.call("release", ref) == 1
    assert lives == [WRAP - 2, WRAP - 1, 1, 2]


def in_thread(function):
    """Start function() on a thread; return (thread, list that receives its result)."""
    result = []
    thread = threading.Thread(target=lambda: result.append(function()))
    thread.start()
    return thread, result


def until(condition):
    """Wait for a condition that must come; the test's own timeout is the limit."""
    while not condition():
        time.sleep(0.0005)


def test_acquire_waits_for_a_release(pool):
    p = pool(1, 1, 64, 1, 0)
    ref = p.call("try_acquire")
    thread, result = in_thread(lambda: p.call("acquire", -1))
    until(lambda: p.call("waiting") == 1)
    assert result == []
    assert p.call("release", ref) == 1
    thread.join()
    assert slot_of(result[0]) == 0
    assert generation_of(result[0]) == generation_of(ref) + 1
    assert p.call("waiting") == 0


def test_acquire_gives_up_at_its_deadline(pool):
    p = pool(1, 1, 64, 1, 0)
    p.call("try_acquire")
    deadline_ns = time.monotonic_ns() + 20_000_000
    assert p.call("acquire", deadline_ns) == NOBODY
    assert time.monotonic_ns() >= deadline_ns
    assert p.call("waiting") == 0


def test_growing_wakes_everybody_who_waits(pool):
    p = pool(1, 2, 64, 1, 0)
    first = [p.call("try_acquire"), p.call("try_acquire")]
    waiters = [in_thread(lambda: p.call("acquire", -1)) for _ in range(2)]
    until(lambda: p.call("waiting") == 2)
    assert p.call("grow") == 0
    for thread, _ in waiters:
        thread.join()
    slots = [slot_of(ref) for ref in first] + [slot_of(result[0]) for _, result in waiters]
    assert sorted(slots) == [0, 1, 2, 3]
    assert p.call("free_count") == 0


@pytest.mark.parametrize("arguments", [(255, 1, 64), (0, 0, 64), (0, 2**24, 64), (0, 2**20, 2**31)])
def test_a_pool_beyond_its_limits_is_refused(arguments):
    with pytest.raises(ValueError, match="refused"):
        Pool(*arguments, 1, 0)

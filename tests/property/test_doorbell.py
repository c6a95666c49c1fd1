"""The doorbell: counter, sleepers and eventfd against a small model."""

from __future__ import annotations

import os
import select
import threading
import time

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from lockfree import Bell, deep


def readable(fd):
    """True if the eventfd would wake a loop now."""
    return bool(select.select([fd], [], [], 0)[0])


class BellMachine(RuleBasedStateMachine):
    """An event loop's doorbell: readable exactly when it rang while armed."""

    bell = None

    @initialize()
    def make(self):
        self.bell = Bell(1)
        self.rung, self.armed, self.alarms = 0, False, 0

    @rule(times=st.integers(1, 5))
    def ring(self, times):
        for _ in range(times):
            self.bell.call("ring")
            self.rung += 1
            self.alarms += self.armed

    @rule(behind=st.integers(0, 2))
    def arm(self, behind):
        seen = (self.bell.call("look") - behind) % 2**32
        self.armed = behind == 0
        assert bool(self.bell.call("arm", seen)) is self.armed             # W1: not after a ring it missed

    @rule()
    def disarm(self):
        self.bell.call("disarm")
        self.armed = False

    @rule()
    def drain(self):
        if self.alarms:
            assert int.from_bytes(os.read(self.bell.call("fd"), 8), "little") == self.alarms
            self.alarms = 0

    @invariant()
    def agrees(self):
        if self.bell is not None:
            assert self.bell.call("look") == self.rung
            assert self.bell.call("waiting") == int(self.armed)
            assert readable(self.bell.call("fd")) is (self.alarms > 0)     # W1, W2

    def teardown(self):
        if self.bell is not None:
            self.bell.close()


TestBell = BellMachine.TestCase
TestBellDeep = deep(BellMachine)


@pytest.fixture
def bell():
    one = Bell(0)
    yield one
    one.close()


def test_wait_returns_at_once_if_the_bell_rang_since_the_look(bell):
    seen = bell.call("look")
    bell.call("ring")
    bell.call("wait", seen, -1)
    assert bell.call("waiting") == 0


def test_wait_ends_at_its_deadline(bell):
    deadline_ns = time.monotonic_ns() + 20_000_000
    bell.call("wait", bell.call("look"), deadline_ns)
    assert time.monotonic_ns() >= deadline_ns


def test_one_ring_wakes_every_sleeper(bell):
    seen = bell.call("look")
    threads = [threading.Thread(target=bell.call, args=("wait", seen, -1)) for _ in range(3)]
    for thread in threads:
        thread.start()
    while bell.call("waiting") < 3:
        time.sleep(0.0005)
    bell.call("ring")
    for thread in threads:
        thread.join()
    assert bell.call("waiting") == 0

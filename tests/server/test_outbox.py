"""The outbox against a model: bounded, exact, gaps in the right place."""

from __future__ import annotations

import json
from collections import deque

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from eegcore.server.outbox import MAX_BYTES, MAX_MESSAGES, Outbox


def gap_frame(topic_id: int, frames: int) -> bytes:
    return json.dumps(["gap", topic_id, frames]).encode()


class OutboxMachine(RuleBasedStateMachine):
    """Every packet is a number; what comes out plus the gaps told is what went in, in order, by topic."""

    def __init__(self) -> None:
        super().__init__()
        self.outbox = Outbox(gap_frame, max_messages=8, max_bytes=400)
        self.offered: dict[int, deque[int]] = {}         # topic -> frame numbers not yet seen
        self.next_frame: dict[int, int] = {}
        self.n_offered = 0
        self.controls: deque[bytes] = deque()

    @rule(topic=st.integers(1, 3), frames=st.integers(1, 16), size=st.integers(1, 120))
    def push_data(self, topic, frames, size):
        first = self.next_frame.get(topic, 0)
        self.next_frame[topic] = first + frames
        self.offered.setdefault(topic, deque()).extend(range(first, first + frames))
        self.n_offered += frames
        frame = json.dumps(["data", topic, first, frames]).encode().ljust(size)
        self.outbox.push_data(frame, topic, frames, 0)

    @rule(number=st.integers(0, 9))
    def push_message(self, number):
        if sum(1 for _ in self.controls) < 6:
            frame = json.dumps(["message", number]).encode()
            self.controls.append(frame)
            self.outbox.push_message(frame)

    @rule()
    def pop(self):
        raw = self.outbox.pop()
        if raw is None:
            assert not self.controls                                             # O4
            return
        what, *values = json.loads(raw)
        if what == "message":
            assert raw == self.controls.popleft()                                # O4
        elif what == "gap":
            topic, frames = values
            for _ in range(frames):
                self.offered[topic].popleft()                                    # O3
        else:
            topic, first, frames = values
            assert [self.offered[topic].popleft() for _ in range(frames)] == list(range(first, first + frames))

    @rule()
    def drain(self):
        while not self.outbox.is_empty:
            self.pop()
        assert not any(self.offered.values())                                    # O3: nothing is missing untold

    @invariant()
    def identity_holds(self):
        ledger = self.outbox.ledger()
        assert ledger["offered"] == self.n_offered == (
            ledger["sent"] + sum(ledger["skipped"].values()) + ledger["queued"])  # O2

    @invariant()
    def bounded(self):
        assert len(self.outbox) <= 8                                             # O1
        assert self.outbox.queued_bytes <= 400 or len(self.outbox) == 1 or self.outbox.overfull


TestOutbox = OutboxMachine.TestCase


def test_defaults_are_256_messages_or_2_mib():
    outbox = Outbox(gap_frame)
    for _ in range(1000):
        outbox.push_data(b"x", 1, 1, 0)
    assert (len(outbox), outbox.skipped) == (MAX_MESSAGES, {"client_slow": 744})
    outbox = Outbox(gap_frame)
    for _ in range(100):
        outbox.push_data(bytes(64 * 1024), 1, 16, 0)
    assert outbox.queued_bytes <= MAX_BYTES
    assert (len(outbox), outbox.skipped) == (32, {"client_slow": 68 * 16})


def test_one_message_larger_than_everything_is_still_delivered():
    outbox = Outbox(gap_frame, max_bytes=10)
    outbox.push_data(bytes(1000), 1, 16, 0)
    assert len(outbox.pop()) == 1000


def test_a_client_that_gets_only_messages_and_reads_none_is_overfull():
    outbox = Outbox(gap_frame, max_messages=4)
    for _ in range(5):
        outbox.push_message(b"error")
    assert outbox.overfull


def test_dropped_news_are_told_so_that_they_can_be_told_again():
    told = []
    outbox = Outbox(gap_frame, max_messages=2)
    outbox.push_message(b"flags", droppable=True, on_drop=lambda: told.append("flags"))
    outbox.push_data(b"1", 1, 1, 0)
    outbox.push_data(b"2", 1, 1, 0)
    assert told == ["flags"]


def test_over_half_full_counts_from_the_first_look():
    outbox = Outbox(gap_frame, max_messages=4)
    for _ in range(3):
        outbox.push_data(b"x", 1, 1, 0)
    assert [outbox.half_full_for(now) for now in (10.0, 12.0, 15.0)] == [0.0, 2.0, 5.0]
    outbox.pop()
    assert outbox.half_full_for(16.0) == 0.0


def test_what_waits_at_the_end_is_skipped_with_the_reason():
    outbox = Outbox(gap_frame)
    outbox.push_data(b"x", 1, 16, 0)
    outbox.discard("disconnected")
    assert outbox.ledger() == {"offered": 16, "sent": 0, "skipped": {"disconnected": 16}, "queued": 0}

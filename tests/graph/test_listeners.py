"""Who listens to a stage goes on when it is made anew, whoever ends first; and nothing is lost from the books."""

from __future__ import annotations

import threading
import time
from itertools import pairwise

import pytest

from eegcore.errors import EegcoreError, StateConflict
from eegcore.graph.listeners import Ear, Listener, Listeners
from eegcore.graph.plan_types import Plan
from eegcore.graph.run import GraphRun
from eegcore.pipeline import Pipeline


def plan_of(after: str) -> Plan:
    """`calm` hears of a revision once in 64 packets of the source; `tail` is in a thread of its own."""
    return Pipeline({"version": 1, "runtime": {"queue": 8}, "stages": {
        "acquire": {"type": "acquire", "board": "emulator", "sps": 16_000, "channels": 4, "batch": 4},
        "to_voltage": {"type": "to_voltage", "inputs": ["acquire"]},
        "rare": {"type": "decimate", "factor": 256, "inputs": ["to_voltage"]},
        "calm": {"type": "gain", "factor": 2.0, "inputs": ["rare"], "group": "far"},
        "calm_sink": {"type": "null_sink", "inputs": ["calm"]},
        "tail": {"type": "gain", "factor": 1.5, "inputs": [after], "group": "else"},
        "tail_sink": {"type": "null_sink", "inputs": ["tail"]}}}, clock="virtual").plan


def heard(tap, timeout_s: float = 5.0) -> list[tuple[int, int, int]]:
    """Read to the end: (config_rev, frame_index, n_frames) of every packet."""
    found = []
    while (packets := tap.wait(timeout_s)) is not None:
        assert packets, f"nothing came for {timeout_s:g} s"
        for p in packets:
            found.append((p.config_rev, p.frame_index, p.n_frames))
            p.release()
    return found


def test_a_node_that_is_ahead_of_the_end_of_the_old_one_waits_for_no_reader():
    run = GraphRun(plan_of("calm"), seconds=2.0, config_rev=1)
    _, tap = run.open_tap("tail")
    run.start()
    try:
        before = [(p.config_rev, p.frame_index) for p in tap.wait(10.0)]
        run.change(plan_of("to_voltage"))
        after = heard(tap)
        assert run.join(10)
    finally:
        ledger = run.finish()
    assert before[0] == (1, 0)
    begun = next(k for k, (rev, _, _) in enumerate(after) if rev == 2)
    assert {rev for rev, _, _ in after[:begun]} <= {1}
    assert {rev for rev, _, _ in after[begun:]} == {2}
    frames = [(frame, n) for _, frame, n in after[begun:]]
    assert len(frames) > 32                            # more than a ring holds
    assert all(frame + n == then for (frame, n), (then, _) in pairwise(frames))
    assert ledger["balanced"]


def test_a_listener_hears_of_the_new_node_before_the_old_one_can_end(monkeypatch):
    run = GraphRun(plan_of("calm"), seconds=2.0, config_rev=1)
    _, tap = run.open_tap("tail")
    settle = run.staff.settle
    monkeypatch.setattr(run.staff, "settle", lambda rewiring: (ended.extend(heard(tap)), settle(rewiring)))
    ended: list[tuple[int, int, int]] = []
    run.start()
    try:
        tap.wait(10.0)
        run.change(plan_of("to_voltage"))              # the whole run passes before the change is settled
    finally:
        run.finish()
    assert ended[-1][0] == 2


def test_a_change_that_is_not_made_leaves_a_listener_where_it_is(monkeypatch):
    run = GraphRun(plan_of("calm"), seconds=2.0, config_rev=1)
    _, tap = run.open_tap("tail")
    run.start()
    try:
        before = [(p.config_rev, p.frame_index) for p in tap.wait(10.0)]

        def refuse(*_):
            raise EegcoreError("no")

        with monkeypatch.context() as patch:
            patch.setattr("eegcore.graph.rewire.Rewiring.hand_over", refuse)
            for _ in range(3):
                with pytest.raises(EegcoreError, match="no"):
                    run.change(plan_of("to_voltage"))
        assert len(tap.ears) == 1
        after = heard(tap)
    finally:
        run.finish()
    assert before[0] == (1, 0)
    assert {rev for rev, _, _ in after} == {1}


class HandTap:
    """A tap that holds what it is given."""

    quota = 4

    def __init__(self, *packets: str) -> None:
        self.packets, self.has_ended, self.is_closed, self.name = [*packets], False, False, "hand"

    @property
    def depth(self) -> int:
        return len(self.packets)

    def take(self, max_packets: int = 64) -> list[str]:
        found, self.packets = self.packets[:max_packets], self.packets[max_packets:]
        return found

    def wait(self, timeout_s: float, max_packets: int = 64) -> list[str] | None:
        return self.take(max_packets) or (None if self.has_ended else [])


    def refuse(self) -> None:
        self.is_closed = True

    def detach(self) -> None:
        pass


class HandGraph:
    """Makes taps, and counts how many were closed whenever one is taken off."""

    def __init__(self) -> None:
        self.taps: list[HandTap] = []
        self.closed: list[int] = []

    def add_outlet(self, *_: int, **__: object) -> tuple[int, HandTap]:
        self.taps.append(HandTap())
        return len(self.taps), self.taps[-1]

    def remove_outlet(self, *_: int, fresh: bool) -> None:
        self.closed.append(sum(tap.is_closed for tap in self.taps))


def test_a_tap_is_closed_everywhere_before_a_thread_that_waits_for_it_is_waited_for(monkeypatch):
    monkeypatch.setattr("eegcore.graph.listeners._rt.node_is_over", lambda *_: False)
    graph = HandGraph()
    listeners = Listeners(graph, True)
    number, listener = listeners.open((0, 0), 32, "tail")
    listeners.follow({(0, 0): (1, 0)})
    listeners.settle()
    assert len(listener.ears) == 2
    listeners.close(number)
    assert graph.closed == [2, 2]


def test_packets_of_a_node_to_come_are_taken_and_wait_for_their_turn():
    first, then = HandTap("a"), HandTap("c", "d", "e")
    listener = Listener(Ear(0, (0, 0), first))
    listener.follow(Ear(1, (1, 0), then))
    assert listener.wait(0.0) == ["a"]
    assert then.packets == []                          # its ring has room again
    assert listener.wait(0.0) == []
    assert listener.depth == 3
    first.packets, first.has_ended = ["b"], True
    assert listener.wait(0.0) == ["b"]
    assert listener.wait(0.0, 2) == ["c", "d"]
    then.packets, then.has_ended = ["f"], True
    assert listener.wait(0.0) == ["e"]
    assert listener.wait(0.0) == ["f"]
    assert listener.wait(0.0) is None


def test_a_run_that_is_being_finished_takes_no_change():
    run = GraphRun(plan_of("calm"), seconds=60.0, config_rev=1)
    _, tap = run.open_tap("to_voltage")                # nobody reads it: the run cannot end by itself
    run.start()
    depth = -1
    while depth != (depth := tap.depth) or not depth:
        time.sleep(0.1)                                # until all stands still
    ending = threading.Thread(target=run.finish, args=(1.0,))
    ending.start()
    while not run.built.graph.is_stopping:
        time.sleep(0.001)
    with pytest.raises(StateConflict, match=r"^run "):
        run.change(plan_of("to_voltage"))
    ending.join()
    assert run.live.config_rev == 1
    assert run.ledger()["balanced"]


def test_two_taps_that_nobody_reads_are_closed_at_the_same_time():
    run = GraphRun(plan_of("calm"), config_rev=1)
    taps = [run.open_tap("to_voltage") for _ in range(2)]
    run.start()
    trouble: list[BaseException] = []

    def close(number: int) -> None:
        try:
            run.close_tap(number)
        except EegcoreError as error:                  # TapTimeout, if one waited for the other
            trouble.append(error)

    try:
        depth = -1
        while depth != (depth := taps[0][1].depth) or not depth:
            time.sleep(0.1)                            # until all stands still
        threads = [threading.Thread(target=close, args=(number,)) for number, _ in taps]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        run.finish()
    assert trouble == []


def test_what_an_aborted_run_leaves_in_a_ring_that_has_left_is_counted():
    def plan(*, has_tail: bool) -> Plan:
        tail = {"tail": {"type": "gain", "inputs": ["to_voltage"], "group": "else"},
                "tail_sink": {"type": "null_sink", "inputs": ["tail"]}}
        return Pipeline({"version": 1, "runtime": {"queue": 8}, "stages": {
            "acquire": {"type": "acquire", "board": "emulator", "sps": 16_000, "channels": 4, "batch": 4},
            "to_voltage": {"type": "to_voltage", "inputs": ["acquire"]},
            "sink": {"type": "null_sink", "inputs": ["to_voltage"]}, **(tail if has_tail else {})}},
            clock="virtual").plan

    run = GraphRun(plan(has_tail=True), config_rev=1)
    _, tap = run.open_tap("tail")                      # nobody reads it, and everything stands still behind it
    run.start()
    depth = -1
    while depth != (depth := tap.depth) or not depth:
        time.sleep(0.1)
    run.change(plan(has_tail=False))
    run.abort()
    assert run.join(10)
    run.live.collect()                                 # forgets the ring
    ledger = run.finish()
    assert ledger["edges"]["to_voltage->tail"]["dropped"]["stopped"] > 0
    assert ledger["balanced"]

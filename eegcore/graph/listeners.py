"""Taps of notebooks: they come and go at any time, and go on when their stage is made anew."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

from eegcore import _rt
from eegcore.errors import EegcoreError
from eegcore.graph.build import POLICIES

if TYPE_CHECKING:
    from eegcore._rt import Graph

NodePort = tuple[int, int]

MAX_TAPS = 2                                           # of one output: what the pool's share for taps was made for
LOOK_S = 0.1                                           # a reader looks so often whether its output is made anew
TURN_S = 0.01                                          # and so often for packets of nodes to come, while there are any
MOST_KEPT = 4096                                       # packets of nodes to come; after that their rings fill


@dataclass
class Ear:
    """One reader of one port of a node."""

    number: int                                        # of its edge
    at: NodePort
    tap: _rt.Tap
    kept: deque[_rt.Packet] = field(default_factory=deque)     # taken while the one before it was read
    is_off: bool = False                               # taken off its port


class Listener:
    """What `GraphRun.open_tap` gives: the methods of a `Tap`, over all nodes that make the output one after the other.

    Of one thread at a time.
    """

    def __init__(self, ear: Ear) -> None:
        self.ears: deque[Ear] = deque([ear])           # never empty
        self.heard: deque[Ear] = deque()               # those that gave all they had; `Listeners.tidy` takes them off
        self._turns = threading.Lock()                 # while one of them leaves `ears`

    @property
    def at(self) -> NodePort | None:
        """What the newest one listens to; None if it is taken off."""
        newest = self.ears[-1]
        return None if newest.is_off else newest.at

    @property
    def ear(self) -> Ear:
        """The one that is read now."""
        return self.ears[0]

    @property
    def quota(self) -> int:
        """Packets that may be kept before further ones come as copies."""
        return self.ear.tap.quota

    @property
    def depth(self) -> int:
        """Packets that wait."""
        return sum(ear.tap.depth + len(ear.kept) for ear in list(self.ears))

    @property
    def is_closed(self) -> bool:
        """True if it was closed."""
        return self.ears[-1].tap.is_closed

    def wait(self, timeout_s: float, max_packets: int = 64) -> list[_rt.Packet] | None:
        """Return packets, waiting for the first; [] when the time has passed, None at the end; see `Tap.wait`.

        A node is read to its end before the one that took its place. That one may be worked on meanwhile, by the
        thread that the end of the old one is to come from: its packets are taken off its ring, so that a full ring
        keeps nobody in virtual time.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            if kept := self._take_kept(max_packets):
                return kept
            left = max(0.0, deadline - time.monotonic())
            at_most = LOOK_S if len(self.ears) == 1 else TURN_S
            packets = self.ear.tap.wait(min(left, at_most), max_packets)
            self._keep_later()
            if packets is None and self._turn():
                continue
            if packets != [] or left <= at_most:
                return packets

    def follow(self, ear: Ear) -> None:
        """Go on with another node when the one that is read has ended. Before the change: it may end at once then."""
        self.ears.append(ear)

    def unfollow(self, ear: Ear) -> None:
        """The change is not made, and the edge has gone."""
        with self._turns:
            if self.ears[0] is not ear:
                self.ears.remove(ear)

    def take(self, max_packets: int = 64) -> list[_rt.Packet]:
        """Return what waits; see `Tap.take`."""
        return self.wait(0.0, max_packets) or []

    def _turn(self) -> bool:
        """Read the next node from now on. False if there is none."""
        with self._turns:
            if len(self.ears) == 1:
                return False
            self.heard.append(self.ears.popleft())
            return True

    def _take_kept(self, max_packets: int) -> list[_rt.Packet]:
        kept = self.ear.kept
        return [kept.popleft() for _ in range(min(len(kept), max_packets))]

    def _keep_later(self) -> None:
        for ear in list(self.ears)[1:]:
            if len(ear.kept) < MOST_KEPT:
                ear.kept.extend(ear.tap.take())

    def refuse(self) -> None:
        """Let the producer count everything that follows as dropped[closed]."""
        for ear in list(self.ears):
            ear.tap.refuse()

    def detach(self) -> None:
        """Forget the edges. Packets already taken stay valid."""
        for ear in list(self.ears):
            ear.tap.detach()


class Listeners:
    """Open taps of a run, and how they follow when their outputs are made by other nodes.

    Parameters
    ----------
    graph : Graph
    is_virtual : bool
        The graph waits for its listeners instead of dropping.
    """

    def __init__(self, graph: Graph, is_virtual: bool) -> None:
        # a listener collected as garbage closes its tap in any thread: this lock waits for no other
        self.mutex = threading.RLock()
        self._graph, self._is_virtual = graph, is_virtual
        self._open: dict[int, Listener] = {}
        self._numbers = count()
        self._coming: list[tuple[Listener, Ear]] = []  # of the change that is prepared

    def open(self, at: NodePort, quota: int, name: str) -> tuple[int, Listener]:
        """Listen to a port; return a number to close it with, and the listener.

        Raises
        ------
        EegcoreError
            If `MAX_TAPS` are open on it.
        """
        with self.mutex:
            open_here = sum(1 for found in self._open.values() if found.at == at)
            if open_here >= MAX_TAPS:
                raise EegcoreError(f"{name}: {open_here} taps are open on it. At most {MAX_TAPS}. Close one first.")
            listener = Listener(self._ear(at, quota, name))
            number = next(self._numbers)
            self._open[number] = listener
            return number, listener

    def close(self, number: int) -> None:
        """Take a tap off; what waited in it is dropped."""
        # before the lock: whoever holds it may wait for a group that waits for room in one of these rings
        self._open[number].refuse()
        with self.mutex:
            listener = self._open.pop(number)
            for ear in [*listener.heard, *listener.ears]:
                self._take_off(ear)

    def follow(self, moved: Mapping[NodePort, NodePort]) -> None:
        """Let listeners hear the nodes, not handed over yet, that are to make their outputs."""
        with self.mutex:
            for listener in self._open.values():
                if listener.at is not None and (at := moved.get(listener.at)) is not None:
                    ear = self._ear(at, 4 * listener.quota, listener.ear.tap.name, fresh=True)
                    self._coming.append((listener, ear))
                    listener.follow(ear)

    def forget(self) -> None:
        """Undo `follow`: the change is not made."""
        with self.mutex:
            for listener, ear in self._coming:
                self._take_off(ear, fresh=True)
                listener.unfollow(ear)
            self._coming = []

    def settle(self) -> None:
        """The change is made."""
        with self.mutex:
            self._coming = []

    def tidy(self) -> None:
        """Take off what has been heard to the end: nodes can be forgotten then."""
        with self.mutex:
            for listener in self._open.values():
                while listener.heard and (listener.heard[0].is_off
                                          or _rt.node_is_over(self._graph, listener.heard[0].at[0])):
                    self._take_off(listener.heard.popleft())

    def refuse(self) -> bool:
        """Let the producers count everything that follows as dropped[closed]; False if nobody listens."""
        with self.mutex:
            listeners = list(self._open.values())
        for listener in listeners:
            listener.refuse()
        return bool(listeners)

    def edges(self) -> set[int]:
        """Return the numbers of all edges that are read."""
        return {ear.number for listener in self._open.values() for ear in [*listener.heard, *listener.ears]}

    def _ear(self, at: NodePort, quota: int, name: str, *, fresh: bool = False) -> Ear:
        number, tap = self._graph.add_outlet(
            *at, policy=POLICIES["block" if self._is_virtual else "drop_oldest"], capacity=power_below(quota // 2),
            name=name, quota=quota // 4, fresh=fresh)
        return Ear(number, at, tap)

    def _take_off(self, ear: Ear, *, fresh: bool = False) -> None:
        if ear.is_off:
            return
        ear.is_off = True
        nobody_inside = fresh or _rt.node_is_over(self._graph, ear.at[0])
        ear.tap.refuse()
        ear.tap.detach()                               # before the edge can be another listener's
        self._graph.remove_outlet(*ear.at, ear.number, fresh=nobody_inside)


def power_below(value: int) -> int:
    """Return the largest power of two not above `value`, at least 4."""
    return max(4, 1 << (max(1, value).bit_length() - 1))

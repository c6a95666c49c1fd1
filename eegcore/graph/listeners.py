"""Taps of notebooks: they come and go at any time, and go on when their stage is made anew."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from eegcore import _rt
from eegcore.errors import EegcoreError
from eegcore.graph.build import POLICIES

if TYPE_CHECKING:
    from eegcore._rt import Graph

NodePort = tuple[int, int]

MAX_TAPS = 2                                           # of one output: what the pool's share for taps was made for


@dataclass
class Ear:
    """One reader of one port of a node."""

    number: int                                        # of its edge
    at: NodePort
    tap: _rt.Tap


class Listener:
    """What `GraphRun.open_tap` gives: the methods of a `Tap`, over all nodes that make the output one after the other.

    Of one thread at a time.
    """

    def __init__(self, ear: Ear) -> None:
        self.ears: deque[Ear] = deque([ear])
        self.heard: deque[Ear] = deque()               # those that gave all they had; `Listeners.tidy` takes them off

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
        return sum(ear.tap.depth for ear in list(self.ears))

    @property
    def is_closed(self) -> bool:
        """True if it was closed."""
        return self.ears[-1].tap.is_closed

    def wait(self, timeout_s: float, max_packets: int = 64) -> list[_rt.Packet] | None:
        """Return packets, waiting for the first; [] when the time has passed, None at the end; see `Tap.wait`."""
        packets = self.ear.tap.wait(timeout_s, max_packets)
        while packets is None and len(self.ears) > 1:
            self.heard.append(self.ears.popleft())
            packets = self.ear.tap.wait(timeout_s, max_packets)
        return packets

    def take(self, max_packets: int = 64) -> list[_rt.Packet]:
        """Return what waits; see `Tap.take`."""
        return self.ear.tap.take(max_packets) or (self.wait(0.0, max_packets) or [])

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
            open_here = sum(1 for found in self._open.values() if found.ears[-1].at == at)
            if open_here >= MAX_TAPS:
                raise EegcoreError(f"{name}: {open_here} taps are open on it. At most {MAX_TAPS}. Close one first.")
            listener = Listener(self._ear(at, quota, name))
            number = next(self._numbers)
            self._open[number] = listener
            return number, listener

    def close(self, number: int) -> None:
        """Take a tap off; what waited in it is dropped."""
        with self.mutex:
            listener = self._open.pop(number)
            for ear in [*listener.heard, *listener.ears]:
                self._take_off(ear)

    def follow(self, moved: Mapping[NodePort, NodePort]) -> None:
        """Let listeners hear the nodes, not handed over yet, that are to make their outputs."""
        with self.mutex:
            for listener in self._open.values():
                at = moved.get(listener.ears[-1].at)
                if at is not None:
                    name = listener.ear.tap.name
                    self._coming.append((listener, self._ear(at, 4 * listener.quota, name, fresh=True)))

    def forget(self) -> None:
        """Undo `follow`: the change is not made."""
        with self.mutex:
            for _, ear in self._coming:
                self._take_off(ear, fresh=True)
            self._coming = []

    def settle(self) -> None:
        """The change is made: those that follow hear on, and what was closed meanwhile is closed."""
        with self.mutex:
            for listener, ear in self._coming:
                if listener in self._open.values():
                    listener.ears.append(ear)
                else:
                    self._take_off(ear)
            self._coming = []

    def tidy(self) -> None:
        """Take off what has been heard to the end: nodes can be forgotten then."""
        with self.mutex:
            for listener in self._open.values():
                while listener.heard and _rt.node_is_over(self._graph, listener.heard[0].at[0]):
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
        nobody_inside = fresh or _rt.node_is_over(self._graph, ear.at[0])
        try:
            self._graph.remove_outlet(*ear.at, ear.number, fresh=nobody_inside)
        finally:
            ear.tap.detach()


def power_below(value: int) -> int:
    """Return the largest power of two not above `value`, at least 4."""
    return max(4, 1 << (max(1, value).bit_length() - 1))

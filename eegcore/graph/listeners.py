"""Taps of notebooks: they come and go at any time, and go on when their stage is made anew."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eegcore import _rt

LOOK_S = 0.1                                           # a reader looks so often whether its output is made anew
TURN_S = 0.01                                          # and so often for packets of nodes to come, while there are any
MOST_KEPT = 4096                                       # packets of nodes to come; after that their rings fill

NodePort = tuple[int, int]


@dataclass
class Ear:
    """One reader of one port of a node."""

    number: int                                        # of its edge
    at: NodePort
    tap: _rt.Tap
    kept: deque[_rt.Packet] = field(default_factory=deque)     # taken while the one before it was read
    is_off: bool = False                               # off its port: the change it was made for was not made


class Listener:
    """What `GraphRun.open_tap` gives: the methods of a `Tap`, over all nodes that make the output one after the other.

    Of one thread at a time.
    """

    def __init__(self, ear: Ear) -> None:
        self.ears: deque[Ear] = deque([ear])           # never empty
        self._turns = threading.Lock()                 # while one of them is taken off

    @property
    def ear(self) -> Ear:
        """The one that is read now."""
        return self.ears[0]

    @property
    def at(self) -> NodePort | None:
        """What the newest one listens to; None if the change it was made for was not made."""
        newest = self.ears[-1]
        return None if newest.is_off else newest.at

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
        ear.is_off = True
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
            self.ears.popleft().tap.detach()
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

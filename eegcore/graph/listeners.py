"""Taps of notebooks: they come and go at any time, and go on when their stage is made anew."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eegcore import _rt

NodePort = tuple[int, int]


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
            self.ears.popleft().tap.detach()
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

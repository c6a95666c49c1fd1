"""The server's end of one websocket sink."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eegcore import _rt
    from eegcore.graph.run import GraphRun
    from eegcore.stages.stream import Stream


class Outlet:
    """Packets of one topic, to be taken by the asyncio loop.

    `fileno` becomes readable when packets wait. After `close` nothing comes any
    more; packets already taken stay valid.
    """

    def __init__(self, run: GraphRun, sink_id: str, number: int, tap: _rt.Tap) -> None:
        self.sink_id = sink_id
        self.topic: str = run.plan.stage(sink_id).native["topic"]
        self.run_id = run.run_id
        self.serial = number                           # of its edge
        self._live, self._books = run.live, run.live.books
        self.start_t_ns, self.start_unix_ns = run.start_t_ns, run.start_unix_ns
        self._made_of = tap                            # kept: whether another tap is the same is asked at any time
        self._tap: _rt.Tap | None = tap
        self._is_read = False
        self._reading = threading.Lock()               # of `_is_read`, and of `_tap` until it is

    def is_of(self, tap: _rt.Tap) -> bool:
        """Whether it is the outlet of this ring; the number of one that was forgotten is given to another."""
        return self._made_of is tap

    @property
    def meta_rev(self) -> int:
        """The newest description of the stream; packets made before it still carry the one before."""
        return self._live.meta_rev(self._live.read_by(self.sink_id))

    @property
    def stream(self) -> Stream:
        """The newest description itself."""
        return self.stream_of(self.meta_rev)

    def stream_of(self, meta_rev: int) -> Stream:
        """Return the description of packets that carry this `meta_rev`."""
        return self._live.stream(self._live.read_by(self.sink_id, meta_rev), meta_rev)

    def fileno(self) -> int:
        """Return the eventfd; it stays open until `close`, also when the run has ended. -1: there is nothing to read.

        Who asks is the reader from then on, and closes it.
        """
        with self._reading:
            self._is_read = self._tap is not None
            return self._tap.fileno() if self._tap is not None else -1

    def take(self, max_packets: int) -> list[_rt.Packet]:
        """Return what waits, oldest first. Never blocks; clears the eventfd when nothing is left."""
        return self._tap.take(max_packets) if self._tap is not None else []

    def close(self) -> None:
        """Forget the edge: the graph may, too, if it has left the plan."""
        self._tap = None
        self._books.outlets.discard(self.serial)

    def close_unread(self) -> None:
        """Forget the edge, unless somebody has begun to read it. [any-thread]"""
        with self._reading:
            if not self._is_read and self._tap is not None:
                self.close()

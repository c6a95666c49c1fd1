"""The server's end of one websocket sink."""

from __future__ import annotations

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

    def __init__(self, run: GraphRun, sink_id: str, tap: _rt.Tap) -> None:
        stage = run.plan.stage(sink_id)
        self.sink_id = sink_id
        self.topic: str = stage.native["topic"]
        self.run_id = run.run_id
        self._live, self._input = run.live, stage.inputs[0]
        self.start_t_ns, self.start_unix_ns = run.start_t_ns, run.start_unix_ns
        self._tap: _rt.Tap | None = tap

    @property
    def key(self) -> tuple[str, int]:
        """What makes it this outlet and no other: the sink, and its edge."""
        return self.sink_id, id(self._tap)

    @property
    def meta_rev(self) -> int:
        """The newest description of the stream; packets made before it still carry the one before."""
        return self._live.meta_rev(self._input)

    @property
    def stream(self) -> Stream:
        """The newest description itself."""
        return self._live.stream(self._input, self.meta_rev)

    def stream_of(self, meta_rev: int) -> Stream:
        """Return the description of packets that carry this `meta_rev`."""
        return self._live.stream(self._input, meta_rev)

    def fileno(self) -> int:
        """Return the eventfd; it stays open until `close`, also when the run has ended."""
        return self._tap.fileno() if self._tap is not None else -1

    def take(self, max_packets: int) -> list[_rt.Packet]:
        """Return what waits, oldest first. Never blocks; clears the eventfd when nothing is left."""
        return self._tap.take(max_packets) if self._tap is not None else []

    def close(self) -> None:
        """Forget the edge."""
        self._tap = None

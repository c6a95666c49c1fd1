"""A child of the websocket benchmark: `eegcore serve`, with a note of when each packet was complete.

``python -m eegcore.bench.ws_server CHANNELS SPS FRAMES NOTES.npy``; prints its address, ends on SIGINT and then
writes (frame_index, t_complete_ns) of every packet. The binary message carries the time of the first frame, not
that of completion.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import Any

import numpy as np

from eegcore import logs
from eegcore.control.controller import Controller
from eegcore.server.serve import serve

TOPIC = "bench"


def pipeline(channels: int, sps: int, frames: int, *, sink: dict[str, Any]) -> dict[str, Any]:
    """Return acquire -> to_voltage -> `sink`, chips of eight channels."""
    return {"version": 1, "name": "bench", "stages": [
        {"acquire": {"board": "emulator", "sps": sps, "channels": channels, "batch": frames}},
        {"to_voltage": {}}, sink]}


class NotingOutlet:
    """An outlet that remembers what went through it."""

    def __init__(self, outlet: Any, notes: list[tuple[int, int]]) -> None:
        self._outlet, self._notes = outlet, notes

    def __getattr__(self, name: str) -> Any:
        return getattr(self._outlet, name)

    def take(self, max_packets: int) -> list[Any]:
        """Take packets, and note each."""
        packets: list[Any] = self._outlet.take(max_packets)
        for packet in packets:
            self._notes.append((packet.frame_index, packet.t_complete_ns))
        return packets


class NotingController(Controller):
    """A controller whose outlets take notes."""

    notes: list[tuple[int, int]]

    def outlets(self) -> list[Any]:
        """Return the outlets of the running graph."""
        return [NotingOutlet(outlet, self.notes) for outlet in super().outlets()]


async def _serve(controller: Controller) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, stop.set)

    def ready(address: str) -> None:
        print(f"address {address}", flush=True)

    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, controller.start)
    await serve(controller, "127.0.0.1", 0, ready_callback=ready, stop_event=stop)


def main(channels: int, sps: int, frames: int, path: str) -> None:
    """Serve until SIGINT, then write the notes."""
    controller = NotingController(pipeline(channels, sps, frames, sink={"websocket_sink": {"topic": TOPIC}}))
    controller.notes = []
    logs.setup(json=False, level="WARNING")
    try:
        asyncio.run(_serve(controller))
    finally:
        logs.shutdown()
        np.save(path, np.array(controller.notes, np.int64).reshape(-1, 2))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])

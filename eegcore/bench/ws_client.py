"""A child of the websocket benchmark: clients that note when they have each packet.

``python -m eegcore.bench.ws_client LIBRARY ADDRESS CLIENTS NOTES.npy``; prints ``ready`` after the first packet of
every client, ends on SIGINT and then writes (frame_index, t_ns, client) of every packet. A client has a packet when
it holds its samples in an array of its own.
"""

from __future__ import annotations

import asyncio
import signal
import struct
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from eegcore.bench.ws_server import TOPIC

HEAD = struct.Struct("<8xIIQ")                         # n_frames, n_channels, frame_index; INTERFACES section 4
PAYLOAD = 64
NO_SOCKET_LIBRARY = "no WebSocket client library is called {!r}. Known: picows, websockets."

Take = Callable[[Any], None]


def taker(client: int, notes: list[tuple[int, int, int]], ready: Callable[[int], None]) -> Take:
    """Return what one client does with a binary message."""

    def take(message: Any) -> None:
        n_frames, n_channels, frame_index = HEAD.unpack_from(message)
        np.frombuffer(message, np.float32, n_frames * n_channels, PAYLOAD).reshape(n_frames, n_channels).copy()
        notes.append((frame_index, time.monotonic_ns(), client))
        if len(notes) < 1000:
            ready(client)

    return take


async def with_picows(url: str, take: Take) -> None:
    """Receive with picows until cancelled."""
    import picows

    class Listener(picows.WSListener):  # type: ignore[misc,unused-ignore]
        def on_ws_frame(self, transport: Any, frame: Any) -> None:
            if frame.msg_type is picows.WSMsgType.BINARY or frame.msg_type == picows.WSMsgType.BINARY:
                take(frame.get_payload_as_memoryview())

    transport, _ = await picows.ws_connect(Listener, url)
    await transport.wait_disconnected()


async def with_websockets(url: str, take: Take) -> None:
    """Receive with websockets until cancelled."""
    from websockets.asyncio.client import connect

    async with connect(url, compression=None, max_size=None) as socket:
        async for message in socket:
            if isinstance(message, bytes):
                take(message)


async def _receive(library: str, address: str, clients: int, notes: list[tuple[int, int, int]]) -> None:
    receive = {"picows": with_picows, "websockets": with_websockets}[library]
    seen: set[int] = set()

    def ready(client: int) -> None:
        if client not in seen:
            seen.add(client)
            if len(seen) == clients:
                print("ready", flush=True)

    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, stop.set)
    url = f"{address.replace('http', 'ws', 1)}/ws/data?topic={TOPIC}&format=binary"
    tasks = [asyncio.create_task(receive(url, taker(client, notes, ready))) for client in range(clients)]
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait([stopped, *tasks], return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        if task.done() and not stop.is_set():
            task.result()
            raise SystemExit("the server closed the connection")
        task.cancel()


def main(library: str, address: str, clients: int, path: str) -> None:
    """Receive until SIGINT, then write the notes."""
    if library not in ("picows", "websockets"):
        raise SystemExit(NO_SOCKET_LIBRARY.format(library))
    notes: list[tuple[int, int, int]] = []
    asyncio.run(_receive(library, address, clients, notes))
    np.save(path, np.array(notes, np.int64).reshape(-1, 3))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])

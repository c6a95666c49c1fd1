"""The life of one WebSocket: enter, write, read, leave.  [loop]"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TypeVar

from aiohttp import WSMsgType, web

from eegcore.server.answers import Refusal
from eegcore.server.peer import CLOSE_GOING_AWAY, Peer
from eegcore.server.protocol import INBOUND_BYTES
from eegcore.server.security import ClientLimit

PING_S = 20.0                                    # and the pong within half of it
CLOSE_WAIT_S = 2.0
FLUSH_S = 1.0

AnyPeer = TypeVar("AnyPeer", bound=Peer)


class Sockets:
    """All open WebSockets, of /ws/data and of /ws/control."""

    def __init__(self) -> None:
        self.limit = ClientLimit()
        self._open: dict[Peer, web.WebSocketResponse] = {}
        self._last_number = 0
        self._closing = False

    async def run(self, request: web.Request, make: Callable[..., AnyPeer],
                  joined: Callable[[AnyPeer], Awaitable[None] | None], left: Callable[[AnyPeer], None],
                  on_text: Callable[[AnyPeer, str], Awaitable[None] | None],
                  on_binary: Callable[[AnyPeer], None]) -> web.StreamResponse:
        """Serve one connection until it ends.

        Parameters
        ----------
        make : callable
            Makes the peer: ``make(client_id, address, transport, flow, drain)``.
        joined, left, on_text, on_binary : callable
            What to do with it. Messages are taken one after the other; a client that asks faster waits.

        Raises
        ------
        Refusal
            If this is no WebSocket handshake, or one client too many.
        """
        socket = web.WebSocketResponse(heartbeat=PING_S, compress=False, max_msg_size=INBOUND_BYTES,
                                       timeout=CLOSE_WAIT_S)
        if not socket.can_prepare(request):
            raise Refusal(400, "websocket_only", f"{request.path}: only a WebSocket handshake is answered here.")
        address = request.remote or ""
        full = self.limit.enter(address)
        if full is not None or self._closing:
            raise Refusal(429, "too_many_clients", full or "the server is stopping.")
        peer: AnyPeer | None = None
        writer: asyncio.Task[None] | None = None
        try:
            stream = await socket.prepare(request)
            if request.transport is None:
                return socket
            self._last_number += 1
            peer = make(f"c{self._last_number}", address, request.transport, request.protocol, stream.drain)
            self._open[peer] = socket
            writer = asyncio.create_task(peer.write_loop(), name=f"writer-{peer.client_id}")
            await _maybe(joined(peer))
            await self._read(socket, peer, on_text, on_binary)
        finally:
            if writer is not None:
                writer.cancel()
            if peer is not None:
                self._open.pop(peer, None)
                left(peer)
            self.limit.leave(address)
        return socket

    async def _read(self, socket: web.WebSocketResponse, peer: AnyPeer,
                    on_text: Callable[[AnyPeer, str], Awaitable[None] | None],
                    on_binary: Callable[[AnyPeer], None]) -> None:
        async for message in socket:
            if peer.closed_because is not None:
                return
            if message.type is WSMsgType.TEXT:
                await _maybe(on_text(peer, message.data))
            elif message.type is WSMsgType.BINARY:
                on_binary(peer)
            elif message.type is WSMsgType.ERROR:
                return

    async def close_all(self) -> None:
        """Give everybody what waits, say goodbye (1001), and cut the line of those who do not answer."""
        self._closing = True
        peers = dict(self._open)
        if not peers:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FLUSH_S):
                await asyncio.gather(*(peer.flushed() for peer in peers), return_exceptions=True)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_WAIT_S):
                await asyncio.gather(*(socket.close(code=CLOSE_GOING_AWAY, message=b"the server stops")
                                       for socket in peers.values()), return_exceptions=True)
        for peer in peers:
            peer.cut()


async def _maybe(result: Awaitable[None] | None) -> None:
    if result is not None:
        await result

"""One WebSocket client as the server writes to it.  [loop]

The fast path hands a frame straight to the transport, in the callback that
took the packet: no task is switched. It is open only while nothing waits and
the kernel took everything so far (the transport's buffer limit is 0, so that
one frame at most sits between outbox and kernel). Otherwise the frame goes to
the outbox and the writer task sends it when the socket has room.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from eegcore.server import outbox as limits
from eegcore.server.outbox import Outbox
from eegcore.server.protocol import close_frame, gap, text_frame

SNDBUF_BYTES = 64 * 1024
GOODBYE_S = 2.0

CLOSE_GOING_AWAY = 1001
CLOSE_POLICY = 1008
CLOSE_TRY_LATER = 1013


class FlowControl(Protocol):
    """What of aiohttp's connection protocol is needed here."""

    @property
    def writing_paused(self) -> bool:
        """True while the transport's buffer holds anything."""


def gap_frame(topic_id: int, frames: int) -> bytes:
    """Return the WebSocket frame that tells a client what it missed because it was slow."""
    return text_frame(gap(topic_id, frames, "client_slow"))


class Peer:
    """Outbox, transport and judgement of one client.

    Parameters
    ----------
    client_id : str
    transport : asyncio.Transport
    flow : FlowControl
    drain : coroutine function
        Returns when the transport's buffer is empty.
    """

    def __init__(self, client_id: str, address: str, transport: asyncio.Transport, flow: FlowControl,
                 drain: Callable[[], Awaitable[None]]) -> None:
        self.client_id = client_id
        self.address = address
        self.outbox = Outbox(gap_frame)
        self.closed_because: str | None = None
        self._transport = transport
        self._flow = flow
        self._drain = drain
        self._wake = asyncio.Event()
        self._bytes_written = 0
        self._bytes_taken = 0                    # most bytes the kernel was ever seen to have taken
        self._taken_at: float | None = None
        limit_buffers(transport)

    # -- out -------------------------------------------------------------------------------------------

    def _is_clear(self) -> bool:
        return self.outbox.is_empty and not self._flow.writing_paused

    def send_data(self, frame: bytes, topic_id: int, device_frames: int, t_ns: int) -> None:
        """Give one packet to this client; never waits, never raises."""
        if self.closed_because is not None or self._transport.is_closing():
            self.outbox.skip(device_frames, self.closed_because or "disconnected")
        elif self._is_clear():
            self._bytes_written += len(frame)
            self._transport.write(frame)
            self.outbox.count_sent(device_frames, t_ns)
        else:
            self.outbox.push_data(frame, topic_id, device_frames, t_ns)
            self._wake.set()

    def send_message(self, message: Any, *, droppable: bool = False,
                     on_drop: Callable[[], None] | None = None) -> None:
        """Give one JSON message (an object, or its finished WebSocket frame) to this client."""
        if self.closed_because is not None or self._transport.is_closing():
            return
        frame = message if isinstance(message, bytes) else text_frame(message)
        if self._is_clear():
            self._bytes_written += len(frame)
            self._transport.write(frame)
        else:
            self.outbox.push_message(frame, droppable=droppable, on_drop=on_drop)
            self._wake.set()

    async def write_loop(self) -> None:
        """Empty the outbox whenever the socket has room; runs until cancelled or disconnected."""
        while not self._transport.is_closing():
            await self._wake.wait()
            self._wake.clear()
            while not self.outbox.is_empty:
                try:
                    await self._drain()
                except ConnectionError:
                    return
                if self._transport.is_closing() or self.closed_because is not None:
                    return
                frame = self.outbox.pop()
                if frame is not None:
                    self._bytes_written += len(frame)
                    self._transport.write(frame)

    async def flushed(self) -> None:
        """Wait until everything is in the kernel's hands."""
        while not self._transport.is_closing() and not self._is_clear():
            await self._drain()
            await asyncio.sleep(0)

    # -- judgement -------------------------------------------------------------------------------------

    def verdict(self, now: float) -> str | None:
        """Return why this client must go, as seen at `now` (seconds, any steady clock); None if it may stay."""
        taken = self._bytes_written - self._transport.get_write_buffer_size()
        # pongs to a client that never reads enlarge the buffer: only a new maximum is progress
        if self._taken_at is None or taken > self._bytes_taken or self._is_clear():
            self._bytes_taken = max(taken, self._bytes_taken)
            self._taken_at = now
        if self.outbox.overfull:
            return "outbox_full"
        if now - self._taken_at >= limits.STUCK_S:
            return "no_progress"
        if self.outbox.half_full_for(now) >= limits.HALF_FULL_S:
            return "too_slow"
        return None

    def evict(self, reason: str) -> None:
        """Close this client: what waits is counted as skipped, a goodbye is tried, then the line is cut."""
        if self.closed_because is not None:
            return
        self.closed_because = "evicted"
        self.outbox.discard("evicted")
        self._wake.set()
        if reason == "no_progress" or self._transport.is_closing():
            self._transport.abort()
            return
        self._transport.write(close_frame(CLOSE_TRY_LATER, f"evicted: {reason}"))
        self._transport.close()
        asyncio.get_running_loop().call_later(GOODBYE_S, self._transport.abort)

    def cut(self) -> None:
        """End the connection at once, if it has not ended yet."""
        self._transport.abort()

    def left(self) -> None:
        """The connection is over."""
        if self.closed_because is None:
            self.closed_because = "disconnected"
        self.outbox.discard(self.closed_because)
        self._wake.set()

    def stats(self, now_ns: int) -> dict[str, Any]:
        """Return the figures of this client for /metrics and the page."""
        newest = self.outbox.newest_t_ns
        return {"id": self.client_id, "address": self.address, "queued_messages": len(self.outbox),
                "queued_bytes": self.outbox.queued_bytes, "high_water": self.outbox.high_water,
                "newest_age_s": max(0.0, (now_ns - newest) / 1e9) if newest else None, **self.outbox.ledger()}


def limit_buffers(transport: asyncio.Transport) -> None:
    """Keep kernel and transport from swallowing minutes of data for a client that does not read."""
    transport.set_write_buffer_limits(high=0)
    sock = transport.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SNDBUF_BYTES)

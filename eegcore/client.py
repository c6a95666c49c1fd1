"""A client of a running eegcore: numpy out of a WebSocket.

    import eegcore as ec
    with ec.connect("ws://pi.local:9000", topic="eeg_filtered") as stream:
        block = stream.read(seconds=2)           # (n_frames, n_channels) in uV
        print(stream.labels, stream.sps, stream.gaps)

    async with ec.connect("ws://pi.local:9000", topic="eeg_filtered") as stream:
        block = await stream.read(seconds=2)

The connection comes back by itself, 0.5 s after it broke, then twice as long
each time up to 10 s, and what was missed is in `gaps`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import numpy as np
from yarl import URL

from eegcore.errors import Closed, EegcoreError, NotFound, TapTimeout
from eegcore.server.protocol import ProtocolError, unpack

FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 10.0
PING_S = 20.0
MAX_MESSAGE_BYTES = 64 * 1024 * 1024             # two planes of 4096 frames and 256 channels are 8 MiB
PATIENCE_S = 10.0
BUFFER_S = 60.0


@dataclass(frozen=True)
class Gap:
    """Frames that did not arrive.

    Parameters
    ----------
    frame_index : int
        First missing device frame.
    frames : int or None
        How many device frames; None if a new run began and nobody can tell.
    reason : str
        ``source`` (lost before the server), ``client_slow``, ``reconnect``, ``reader_slow`` (read too
        rarely here) or ``new_run``.
    """

    frame_index: int
    frames: int | None
    reason: str


class Assembler:
    """Puts messages of one topic together to blocks. Pure: no socket, no clock, no lock.

    Parameters
    ----------
    buffer_s : float
        What is not read is kept for so long; then the oldest goes and becomes a gap.
    """

    def __init__(self, buffer_s: float = BUFFER_S) -> None:
        self.meta: dict[str, Any] | None = None
        self.gaps: list[Gap] = []
        self.problem: dict[str, Any] | None = None       # last error message of the server
        self.topics: list[str] | None = None             # of the last hello
        self._buffer_s = buffer_s
        self._blocks: deque[tuple[dict[str, Any], int, int, np.ndarray]] = deque()   # meta, index, step, data
        self._held_s = 0.0
        self._expected: int | None = None
        self._reason = "source"
        self.flags: dict[str, list[str]] = {}            # "blink" -> labels, as the server said last

    def disconnected(self) -> None:
        """The connection broke: what is missing from here on is its fault."""
        self._reason = "reconnect"

    def on_text(self, text: str) -> None:
        """Take a JSON message of the server."""
        message = json.loads(text)
        kind = message.get("type")
        if kind == "hello":
            self.topics = list(message["topics"])
        elif kind == "meta":
            if self.meta is not None and message.get("run_id") != self.meta.get("run_id"):
                self.gaps.append(Gap(0, None, "new_run"))
                self._expected = None
            self.meta, self.flags = message, {}
        elif kind == "flags":
            self.flags = {what: labels for what, labels in message.items() if isinstance(labels, list)}
        elif kind == "gap":
            self._reason = str(message["reason"])
        elif kind == "error":
            self.problem = dict(message["error"])

    def on_binary(self, message: bytes) -> None:
        """Take a packet.

        Raises
        ------
        ProtocolError
            If it is none.
        """
        header, counts, data = unpack(message)
        meta = self.meta
        if meta is None or header.topic_id != meta["topic_id"]:
            return
        if data is None:
            assert counts is not None
            data = np.multiply(counts, np.asarray(meta.get("scale_uv") or 1.0), dtype=np.float64).astype(np.float32)
        if self._expected is not None and header.frame_index > self._expected + header.doubt:
            self.gaps.append(Gap(self._expected, header.frame_index - self._expected, self._reason))
        self._reason = "source"
        self._expected = header.next_index
        if header.n_frames:
            self._blocks.append((meta, header.frame_index, self._expected, data))
            self._held_s += header.n_frames / header.sps
        while self._held_s > self._buffer_s and len(self._blocks) > 1:
            its_meta, first, end, old = self._blocks.popleft()
            self._held_s -= len(old) / its_meta["sps"]
            self._note_unread(first, end - first)

    def _note_unread(self, first: int, frames: int) -> None:
        last = self.gaps[-1] if self.gaps else None
        if (last is not None and last.reason == "reader_slow" and last.frames is not None
                and last.frame_index + last.frames == first):
            self.gaps[-1] = Gap(last.frame_index, last.frames + frames, last.reason)
        else:
            self.gaps.append(Gap(first, frames, "reader_slow"))

    def take(self, seconds: float | None) -> tuple[dict[str, Any], np.ndarray] | None:
        """Return the description and the next frames; None if there are not enough yet.

        Shape ``(n_frames, n_channels)``, or ``(n_frames, n_bins, n_channels)`` for a spectrum. `seconds` None
        takes what there is. A block never mixes two descriptions: before a new one it is shorter.
        """
        if not self._blocks:
            return None
        meta = self._blocks[0][0]
        whole = [block for block in self._blocks if block[0] is meta]
        held = sum(len(block[3]) for block in whole)
        wanted = held if seconds is None else max(1, round(seconds * meta["sps"]))
        if held < wanted and len(whole) == len(self._blocks):
            return None
        parts: list[np.ndarray] = []
        left = min(wanted, held)
        while left:
            its_meta, first, end, data = self._blocks.popleft()
            parts.append(data[:left])
            if left < len(data):
                cut = first + round((end - first) * left / len(data))
                self._blocks.appendleft((its_meta, cut, end, data[left:]))
            left -= len(parts[-1])
        block = np.concatenate(parts)
        self._held_s = max(0.0, self._held_s - len(block) / meta["sps"])
        return meta, block


class _Stream:
    """What both kinds of stream share."""

    def __init__(self, url: str, topic: str, token: str | None, buffer_s: float) -> None:
        address = URL(url)
        if address.scheme not in ("ws", "wss", "http", "https") or not address.host:
            raise EegcoreError(f"connect: {url!r} is not an address. Give one like ws://pi.local:9000.",
                               code="bad_address")
        self.url = address.with_path("/ws/data") if address.path in ("", "/") else address
        self.topic = topic
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._assembler = Assembler(buffer_s)
        self._described: dict[str, Any] | None = None    # of the block read last
        self._failure: EegcoreError | None = None
        self._connected = False                          # once, at least
        self._ended = False

    # -- the description --------------------------------------------------------------------------------------

    @property
    def meta(self) -> dict[str, Any]:
        """Description of the block that was read last; before that, of what comes; empty if nothing runs."""
        return self._described or self._assembler.meta or {}

    @property
    def labels(self) -> list[str]:
        """Channel labels."""
        return list(self.meta.get("labels", []))

    @property
    def sps(self) -> float:
        """Frames per second, nominal; 0 if nothing runs."""
        return float(self.meta.get("sps", 0.0))

    @property
    def unit(self) -> str:
        """Unit of the samples."""
        unit = str(self.meta.get("unit", "uV"))
        return "uV" if unit == "counts" and self.meta.get("scale_uv") else unit

    @property
    def gaps(self) -> list[Gap]:
        """Every gap since the connection was made, oldest first."""
        return list(self._assembler.gaps)

    @property
    def flags(self) -> dict[str, list[str]]:
        """``lead_off saturated flatline blink muscle``: labels of those channels, at the newest frame that has come."""
        return dict(self._assembler.flags)

    # -- the connection ---------------------------------------------------------------------------------------

    async def _pump(self, changed: Callable[[], None]) -> None:
        """Receive for ever; `changed` is called after each message and at the end."""
        wait_s = FIRST_WAIT_S
        try:
            async with aiohttp.ClientSession(headers=self._headers) as session:
                while self._failure is None:
                    try:
                        if await self._receive(session, changed):
                            wait_s = FIRST_WAIT_S
                    except (aiohttp.ClientError, OSError, TimeoutError) as exc:
                        self._judge(exc)
                    changed()
                    self._assembler.disconnected()
                    if self._failure is None:
                        await asyncio.sleep(wait_s)
                        wait_s = min(LONGEST_WAIT_S, 2 * wait_s)
        except Exception as exc:
            self._failure = EegcoreError(f"{self.url}: {exc}", code="connection_failed")
        finally:
            self._ended = True
            changed()

    async def _receive(self, session: aiohttp.ClientSession, changed: Callable[[], None]) -> bool:
        """Serve one connection until it breaks; return whether the server said anything."""
        spoke = False
        async with session.ws_connect(self.url, heartbeat=PING_S, max_msg_size=MAX_MESSAGE_BYTES) as socket:
            await socket.send_str(json.dumps({"type": "subscribe", "topic": self.topic, "format": "binary"}))
            async for message in socket:
                spoke = True
                try:
                    if message.type is aiohttp.WSMsgType.BINARY:
                        self._assembler.on_binary(message.data)
                    elif message.type is aiohttp.WSMsgType.TEXT:
                        self._assembler.on_text(message.data)
                except (ProtocolError, ValueError, KeyError) as exc:
                    self._failure = EegcoreError(f"{self.url}: this is not the protocol of eegcore ({exc}).",
                                                 code="bad_protocol")
                self._check_topic()
                self._connected = True
                changed()
                if self._failure is not None:
                    break
        return spoke

    def _check_topic(self) -> None:
        problem, self._assembler.problem = self._assembler.problem, None
        if problem is None or (problem["code"] == "unknown_topic" and self._assembler.meta is not None):
            return                               # known before: the server waits for it to come back
        known = ", ".join(problem.get("details", {}).get("known", [])) or "none"
        if problem["code"] == "unknown_topic":
            self._failure = NotFound(f"{self.url}: no topic is called {self.topic!r}. Known: {known}.")
        else:
            self._failure = EegcoreError(f"{self.url}: {problem['message']}", code=problem["code"])

    def _judge(self, exc: Exception) -> None:
        """Decide whether trying again may help."""
        if isinstance(exc, aiohttp.WSServerHandshakeError) and exc.status in (400, 401, 403, 404):
            advice = "Give its token with connect(..., token=...)." if exc.status == 401 else "Check the address."
            self._failure = EegcoreError(f"{self.url}: the server refused with status {exc.status}. {advice}",
                                         code="refused")
        elif not self._connected:
            self._failure = Closed(f"{self.url}: nobody answers ({exc}). Start 'eegcore serve' there first, or check "
                                   "the address.")

    @property
    def _is_settled(self) -> bool:
        """True when it is known whether the topic is there."""
        topics = self._assembler.topics
        return (self._failure is not None or self._assembler.meta is not None
                or (self._connected and topics == []))

    def _take(self, seconds: float | None) -> np.ndarray | None:
        taken = self._assembler.take(seconds)
        if taken is None:
            if self._failure is not None:
                raise self._failure
            if self._ended:
                raise Closed(f"{self.url}: the connection is closed. Read inside the 'with' block.")
            return None
        self._described, block = taken
        return block

    def _late(self, seconds: float | None) -> TapTimeout:
        what = "any frames" if seconds is None else f"{seconds:g} s of frames"
        return TapTimeout(f"topic {self.topic}: {what} did not come in time. Is the pipeline running?")

    def _mne(self, block: np.ndarray) -> Any:
        import mne

        if block.ndim != 2:
            raise EegcoreError(f"topic {self.topic}: spectra are no Raw. Read the topic they are made from.",
                               code="bad_stream")
        info = mne.create_info(self.labels, self.sps, "eeg")
        return mne.io.RawArray(block.T.astype(np.float64) * 1e-6, info, verbose="error")


class SyncStream(_Stream):
    """A stream for a script or a notebook; a thread of its own receives."""

    _condition: threading.Condition
    _thread: threading.Thread

    def _open(self, timeout_s: float) -> None:
        self._condition = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._task: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._run, name="ec-connect", daemon=True)
        self._thread.start()
        with self._condition:
            settled = self._condition.wait_for(lambda: self._is_settled, timeout_s)
        if self._failure is not None or not settled:
            self.close()
            raise self._failure or Closed(f"{self.url}: no answer within {timeout_s:g} s.")

    def _run(self) -> None:
        try:
            with contextlib.suppress(asyncio.CancelledError):
                self._loop.run_until_complete(self._main())
        finally:
            self._loop.close()

    async def _main(self) -> None:
        self._task = asyncio.current_task()
        await self._pump(self._changed)

    def _changed(self) -> None:
        with self._condition:
            self._condition.notify_all()

    def close(self) -> None:
        """Disconnect; the thread ends."""
        def stop() -> None:
            if self._task is not None:
                self._task.cancel()

        with contextlib.suppress(RuntimeError):          # the loop has ended already
            self._loop.call_soon_threadsafe(stop)
        self._thread.join(5.0)

    def read(self, seconds: float | None = None, timeout_s: float | None = None) -> np.ndarray:
        """Return the next `seconds` of the stream, or with None what has come since the last read.

        Parameters
        ----------
        seconds : float, optional
        timeout_s : float, optional
            Longest wait; `seconds` and 10 more if absent.

        Returns
        -------
        ndarray of float32
            Shape ``(n_frames, n_channels)`` in uV; ``(n_frames, n_bins, n_channels)`` for a spectrum. Missing
            frames are not filled: see `gaps`. Shorter than asked only before the description changes.

        Raises
        ------
        TapTimeout
            If the frames do not come in time.
        EegcoreError
            If the server refused, or the connection was closed here.
        """
        block: np.ndarray | None = None

        def ready() -> bool:
            nonlocal block
            block = self._take(seconds)
            return block is not None

        with self._condition:
            if not self._condition.wait_for(ready, _patience(seconds, timeout_s)) or block is None:
                raise self._late(seconds)
        return block

    def to_mne(self, seconds: float, timeout_s: float | None = None) -> Any:
        """Read `seconds` and return them as an `mne.io.RawArray` (in volts)."""
        return self._mne(self.read(seconds, timeout_s))

    def __iter__(self) -> Iterator[np.ndarray]:
        while True:
            yield self.read()


class AsyncStream(_Stream):
    """A stream for asyncio programs; everything happens on the loop that opened it."""

    async def _open(self, timeout_s: float) -> None:
        self._news = asyncio.Event()
        self._pumping = asyncio.create_task(self._pump(self._news.set), name="ec-connect")
        try:
            async with asyncio.timeout(timeout_s):
                while not self._is_settled:
                    await self._next_news()
        except TimeoutError:
            self._failure = Closed(f"{self.url}: no answer within {timeout_s:g} s.")
        if self._failure is not None:
            await self.close()
            raise self._failure

    async def _next_news(self) -> None:
        await self._news.wait()
        self._news.clear()

    async def close(self) -> None:
        """Disconnect."""
        self._pumping.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._pumping

    async def read(self, seconds: float | None = None, timeout_s: float | None = None) -> np.ndarray:
        """Return the next `seconds` of the stream; as `SyncStream.read`."""
        try:
            async with asyncio.timeout(_patience(seconds, timeout_s)):
                while (block := self._take(seconds)) is None:
                    await self._next_news()
        except TimeoutError as exc:
            if isinstance(exc, TapTimeout):
                raise
            raise self._late(seconds) from None
        return block

    async def to_mne(self, seconds: float, timeout_s: float | None = None) -> Any:
        """Read `seconds` and return them as an `mne.io.RawArray` (in volts)."""
        return self._mne(await self.read(seconds, timeout_s))

    async def __aiter__(self) -> AsyncIterator[np.ndarray]:
        while True:
            yield await self.read()


class connect:
    """Connect to a topic of a running server; use it with ``with`` or ``async with``.

    Parameters
    ----------
    url : str
        ``ws://pi.local:9000``; the path ``/ws/data`` is added.
    topic : str
    token : str, optional
        What the server asks for beyond loopback.
    buffer_s : float
        What is not read is kept for so long.
    timeout_s : float
        Longest wait for the first answer.

    Raises
    ------
    Closed
        On entering, if nobody answers.
    NotFound
        On entering, if something runs and has no such topic; if nothing runs, the stream waits.
    """

    def __init__(self, url: str, topic: str, *, token: str | None = None, buffer_s: float = BUFFER_S,
                 timeout_s: float = PATIENCE_S) -> None:
        self._arguments = (url, topic, token, buffer_s)
        self._timeout_s = timeout_s
        self._stream: SyncStream | None = None
        self._async_stream: AsyncStream | None = None

    def __enter__(self) -> SyncStream:
        stream = SyncStream(*self._arguments)
        stream._open(self._timeout_s)
        self._stream = stream
        return stream

    def __exit__(self, *failure: object) -> None:
        if self._stream is not None:
            self._stream.close()

    async def __aenter__(self) -> AsyncStream:
        stream = AsyncStream(*self._arguments)
        await stream._open(self._timeout_s)
        self._async_stream = stream
        return stream

    async def __aexit__(self, *failure: object) -> None:
        if self._async_stream is not None:
            await self._async_stream.close()


def _patience(seconds: float | None, timeout_s: float | None) -> float:
    return timeout_s if timeout_s is not None else (seconds or 0.0) + PATIENCE_S

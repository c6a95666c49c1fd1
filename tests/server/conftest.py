"""A controller, outlets and packets that behave as the real ones do, made of a deque and an eventfd."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from fractions import Fraction
from typing import Any

import aiohttp
import numpy as np
import pytest

from eegcore.errors import ConfigError, StaleRevision, StateConflict
from eegcore.server import serve as serve_module
from eegcore.server.protocol import Header, pack_header
from eegcore.stages.stream import Kind, Stream

LABELS = ("Fp1", "Fp2", "C3", "C4")


class FakePacket:
    """What the compiled packet offers, over an array of shape (n_frames, n_channels) or (.., n_bins, ..)."""

    encodings = 0

    def __init__(self, data: np.ndarray, frame_index: int = 0, *, kind: Kind = Kind.VOLTAGE_F32, sps: float = 250.0,
                 step: Fraction = Fraction(1), flags: int = 0, lead_off: int = 0, saturated: int = 0,
                 flatline: int = 0, blink: int = 0, muscle: int = 0,
                 meta_rev: int = 1, t_ns: int | None = None, counts: np.ndarray | None = None) -> None:
        self.kind, self.flags, self.frame_index, self.sps = int(kind), flags, frame_index, sps
        self.data = data.astype(np.int32 if kind is Kind.RAW_I32 else np.float32)
        self.counts = counts
        self.n_frames, self.n_channels = data.shape[0], data.shape[-1]
        self.n_bins = data.shape[1] if kind is Kind.SPECTRUM_F32 else 0
        self.step_num, self.step_den = step.numerator, step.denominator
        self.device_frames = round(self.n_frames * step)
        self.lead_off, self.saturated = lead_off, saturated
        self.flatline, self.blink, self.muscle = flatline, blink, muscle
        self.meta_rev, self.config_rev = meta_rev, 1
        self.t_ns = time.monotonic_ns() if t_ns is None else t_ns
        self.released = 0

    def encode(self, topic_id: int) -> bytes:
        FakePacket.encodings += 1
        assert not self.released
        payload = (b"" if self.counts is None else self.counts.astype("<i4").tobytes()) + self.data.tobytes()
        flags = self.flags & 0x7F | (0x80 if self.flags > 0xFF else 0)
        return pack_header(Header(
            self.kind, flags, topic_id, self.n_frames, self.n_channels, self.frame_index, self.t_ns, self.sps,
            self.meta_rev, self.config_rev, len(payload), self.step_num, self.step_den, self.n_bins)) + payload

    def release(self) -> None:
        self.released += 1


class FakeOutlet:
    """The server's end of one websocket sink."""

    def __init__(self, topic: str = "eeg", *, sink_id: str = "websocket_sink", run_id: str = "run-1",
                 stream: Stream | None = None) -> None:
        self.sink_id, self.topic, self.run_id, self.meta_rev = sink_id, topic, run_id, 1
        self.stream = stream or Stream(Kind.VOLTAGE_F32, LABELS, 250.0, 16, sources=("acquire",))
        self.start_t_ns, self.start_unix_ns = 0, 1_795_234_320_000_000_000
        self.closed = False
        self._packets: deque[FakePacket] = deque()
        self._lock = threading.Lock()
        self._eventfd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._next_frame = 0

    def stream_of(self, meta_rev: int) -> Stream:
        return self.stream

    def fileno(self) -> int:
        return self._eventfd

    def take(self, max_packets: int) -> list[FakePacket]:
        with self._lock:
            taken = [self._packets.popleft() for _ in range(min(max_packets, len(self._packets)))]
            if not self._packets:
                with contextlib.suppress(BlockingIOError):
                    os.eventfd_read(self._eventfd)
        return taken

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            os.close(self._eventfd)

    def put(self, packet: FakePacket) -> FakePacket:
        with self._lock:
            self._packets.append(packet)
            os.eventfd_write(self._eventfd, 1)
        self._next_frame = packet.frame_index + packet.device_frames
        return packet

    def put_frames(self, n_frames: int, **fields: Any) -> FakePacket:
        """Put a packet that continues the last one; value of channel c in frame f is f + c / 10."""
        frames = self._next_frame + np.arange(n_frames)
        data = frames[:, None] + np.arange(self.stream.n_channels)[None, :] / 10
        return self.put(FakePacket(data, self._next_frame, sps=self.stream.sps, **fields))


class FakeController:
    """Answers as the real controller; `calls` says what was asked of it."""

    def __init__(self) -> None:
        self.state, self.since_unix_ns, self.last_error = "stopped", 1, None
        self.config_rev, self.run_id = 3, None
        self.client_ledger: Callable[[], dict[str, Any]] | None = None
        self.calls: list[tuple[Any, ...]] = []
        self.health_answer: tuple[bool, list[str], list[Any]] = (True, [], [])
        self.stats_answer: dict[str, Any] = {"event": "stats"}
        self.present: list[FakeOutlet] = []
        self._listeners: list[Callable[[dict[str, Any]], None]] = []
        self._made: list[FakeOutlet] = []

    def status(self) -> dict[str, Any]:
        return {"state": self.state, "since_unix_ns": 1, "last_error": None, "config_rev": self.config_rev,
                "run_id": self.run_id, "recording": None, "name": "fake"}

    def start(self, document: Any = None, preset: str | None = None) -> dict[str, Any]:
        self.calls.append(("start", document, preset))
        if self.state == "running":
            raise StateConflict("pipeline: is running. Shut it down first.")
        if isinstance(document, str) and "wrong" in document:
            raise ConfigError("request:1:1: stages: wrong.")
        self.move("running")
        return self.status()

    def shutdown(self) -> dict[str, Any]:
        self.calls.append(("shutdown",))
        self.set_outlets()
        self.move("stopped")
        return self.ledger()

    def update(self, stage_id: str, key: str, value: Any, if_rev: int | None = None,
               at_frame: int | None = None) -> int:
        self.calls.append(("update", stage_id, key, value, if_rev, at_frame))
        if if_rev not in (None, self.config_rev):
            raise StaleRevision("config_rev: not the present one.", config_rev=self.config_rev)
        self.config_rev += 1
        return self.config_rev

    def pause(self) -> None:
        self.calls.append(("pause",))
        self.move("paused")

    def resume(self) -> None:
        self.calls.append(("resume",))
        self.move("running")

    def config(self) -> dict[str, Any]:
        return {"version": 1, "name": "fake", "stages": {"acquire": {"type": "acquire", "sps": 250}}}

    def revision(self) -> tuple[int, dict[str, Any]]:
        return self.config_rev, self.config()

    def held(self) -> Any:
        raise StateConflict("pipeline: none was given yet.")

    def changed(self, *call: Any, if_rev: int | None) -> int:
        self.calls.append(call)
        if if_rev not in (None, self.config_rev):
            raise StaleRevision("config_rev: not the present one.", config_rev=self.config_rev)
        self.config_rev += 1
        return self.config_rev

    def patch(self, patch: Any, if_rev: int | None = None, at_frame: int | None = None) -> int:
        return self.changed("patch", patch, at_frame, if_rev=if_rev)

    def undo(self, if_rev: int | None = None, at_frame: int | None = None) -> int:
        return self.changed("undo", if_rev=if_rev)

    def add_stage(self, stage_id: str, stage: Any = None, *, if_rev: int | None = None, **said: Any) -> int:
        return self.changed("add_stage", stage_id, stage, said, if_rev=if_rev)

    def remove_stage(self, stage_id: str, *, if_rev: int | None = None, at_frame: int | None = None) -> int:
        return self.changed("remove_stage", stage_id, if_rev=if_rev)

    def replace_stage(self, stage_id: str, stage: Any, *, if_rev: int | None = None,
                      at_frame: int | None = None) -> int:
        return self.changed("replace_stage", stage_id, stage, if_rev=if_rev)

    def plan(self) -> dict[str, Any]:
        return {"name": "fake", "stages": [], "nan": float("nan")}

    def ledger(self) -> dict[str, Any]:
        ledger: dict[str, Any] = {"run_id": self.run_id, "balanced": True, "frames": 0, "lost": 0}
        if self.client_ledger is not None:
            ledger["clients"] = self.client_ledger()
        return ledger

    def stats(self) -> dict[str, Any]:
        return self.stats_answer

    def health(self) -> tuple[bool, list[str], list[Any]]:
        return self.health_answer

    def holders(self) -> list[str]:
        return []

    def catalogue(self) -> list[dict[str, Any]]:
        return [{"name": "notch", "role": "stage", "settings": {}}]

    def outlets(self) -> list[FakeOutlet]:
        return list(self.present)

    def subscribe(self, listener: Callable[[dict[str, Any]], None]) -> Callable[[], None]:
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def publish(self, event: dict[str, Any]) -> None:
        for listener in list(self._listeners):
            listener(event)

    def move(self, state: str) -> None:
        self.state = state
        self.publish({"event": "state", **self.status()})

    def set_outlets(self, *outlets: FakeOutlet) -> None:
        self.present = list(outlets)
        self._made += outlets
        self.publish({"event": "outlets"})

    def dispose(self) -> None:
        for outlet in self._made:
            outlet.close()


class Running:
    """A server that listens, its controller, and a session to talk to it."""

    def __init__(self, url: str, controller: FakeController, session: aiohttp.ClientSession, server: Any,
                 stop: Callable[[], None]) -> None:
        self.url, self.controller, self.session, self.server, self.stop = url, controller, session, server, stop
        self.port = int(url.rsplit(":", 1)[1])

    @property
    def ws_url(self) -> str:
        return self.url.replace("http", "ws")

    def get(self, path: str, **keywords: Any) -> Any:
        return self.session.get(self.url + path, **keywords)

    def post(self, path: str, **keywords: Any) -> Any:
        return self.session.post(self.url + path, **keywords)

    def data(self, query: str = "", **keywords: Any) -> Any:
        return self.session.ws_connect(self.url + "/ws/data" + query, **keywords)

    def control(self, **keywords: Any) -> Any:
        return self.session.ws_connect(self.url + "/ws/control", **keywords)

    async def until(self, condition: Callable[[], Any], seconds: float = 10.0) -> None:
        """Give the loop turns until `condition` holds."""
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.005)


@pytest.fixture
def controller() -> Iterator[FakeController]:
    fake = FakeController()
    yield fake
    fake.dispose()


@asynccontextmanager
async def running_server(controller: FakeController, host: str = "127.0.0.1",
                         **settings: Any) -> AsyncIterator[Running]:
    """Run `serve` on a free port for the time of the block."""
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    stop = asyncio.Event()
    kept: list[Any] = []

    class KeptServer(serve_module.Server):
        def __init__(self, *args: Any, **keywords: Any) -> None:
            super().__init__(*args, **keywords)
            kept.append(self)

    original, serve_module.Server = serve_module.Server, KeptServer  # type: ignore[misc]
    task = asyncio.create_task(serve_module.serve(controller, host, 0, ready_callback=ready.set_result,
                                                  stop_event=stop, **settings))
    try:
        await asyncio.wait([task, ready], return_when=asyncio.FIRST_COMPLETED)
        serve_module.Server = original           # type: ignore[misc]
        if task.done():
            await task
        async with aiohttp.ClientSession() as session:
            yield Running(ready.result(), controller, session, kept[0], stop.set)
    finally:
        serve_module.Server = original           # type: ignore[misc]
        stop.set()
        await task


@pytest.fixture
async def running(controller: FakeController) -> AsyncIterator[Running]:
    """A server on loopback, no token, nothing running."""
    async with running_server(controller) as server:
        yield server


async def receive(socket: Any, kind: str | None = None) -> Any:
    """Return the next message: bytes, or a dict; with `kind`, the next JSON message of that type."""
    while True:
        message = await socket.receive(timeout=10)
        if message.type is aiohttp.WSMsgType.BINARY:
            if kind in (None, "binary"):
                return message.data
        elif message.type is aiohttp.WSMsgType.TEXT:
            value = message.json()
            if kind is None and value.get("type") == "topics":
                continue                         # comes whenever the broker sees a new outlet
            if kind in (None, value.get("type"), value.get("event")):
                return value
        else:
            raise AssertionError(f"closed: {message}")

"""A small server that speaks the protocol of the page, with EEG made up on the spot.

It shares no code with eegcore: header and messages are written here from their
description, so that page and server are each held to the same words. It runs
in a thread of its own; the methods below may be called from any thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import struct
import threading
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import numpy as np
from aiohttp import WSMsgType, web
from stand_in_study import Study

WEB = Path(__file__).parents[2] / "eegcore" / "web"
CSP = ("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
       "base-uri 'none'; form-action 'self'; frame-ancestors 'none'")     # as strict as the page can bear
HEADER = struct.Struct("<4sBBHIIQqdIIIIII")
VOLTAGE, SPECTRUM = 2, 4
LABELS_8 = ["Fp1", "Fp2", "C3", "C4", "P7", "P8", "O1", "O2"]
MORE_LABELS = ["F7", "F3", "Fz", "F4", "F8", "FC5", "FC1", "FC2", "FC6", "T7", "Cz", "T8", "CP5", "CP1", "CP2", "CP6",
               "P3", "Pz", "P4", "PO9", "Oz", "PO10", "FT9", "FT10"]
ALPHA_HZ = 11.5
STAGE_TYPES = [{"name": "notch", "role": "stage", "doc": "Remove one narrow frequency.", "settings": {"properties": {
    "hz": {"type": "number", "description": "frequency to remove"},
    "family": {"type": "string", "enum": ["butterworth", "bessel"]}}}},
    {"name": "acquire", "role": "source", "inputs": [0, 0], "doc": "Frames.", "settings": {"properties": {}}},
    {"name": "gain", "role": "stage", "inputs": [1, 1], "doc": "Multiply samples by a factor.", "settings": {
        "properties": {"factor": {"anyOf": [{"type": "number"}, {"type": "array"}], "default": 1.0},
                       "labels": {"anyOf": [{"type": "array"}, {"type": "null"}], "default": None}}}},
    {"name": "zip", "role": "stage", "inputs": [2, 8], "doc": "Join.", "settings": {"properties": {}}},
    {"name": "websocket_sink", "role": "sink", "inputs": [1, 1], "doc": "To the page.", "settings": {"properties": {}}},
    {"name": "csv_sink", "role": "sink", "inputs": [1, 1], "doc": "Write a file.", "settings": {
        "required": ["path"], "properties": {"path": {"type": "string"}}}}]
TRACES_ID, SPECTRUM_ID, KOHM_ID, BANDS_ID = 1, 2, 3, 4
BANDS = {"delta": [1, 4], "theta": [4, 8], "alpha": [8, 13], "beta": [13, 30], "gamma": [30, 45]}
KOHM_S = 0.25                                # seconds between two impedances
TRUE_RATE_PPM = 30


def make_eeg(labels: list[str], sps: int, seconds: int = 32) -> np.ndarray:
    """Return float32 uV, shape (n_frames, n_channels): 1/f, alpha that comes and goes, blinks in front."""
    rng = np.random.default_rng(4)
    n = sps * seconds
    hz = np.fft.rfftfreq(n, 1 / sps)
    t = np.arange(n) / sps
    shape = np.zeros_like(hz)
    band = (hz > 0.5) & (hz < 45)
    shape[band] = 1 / np.sqrt(hz[band])
    alpha = np.sin(2 * np.pi * ALPHA_HZ * t) * (0.55 + 0.45 * np.sin(2 * np.pi * t / 8))
    blink = np.exp(-(((t % 8) - 3) / 0.12) ** 2)
    eeg = np.empty((n, len(labels)), np.float32)
    for c, label in enumerate(labels):
        noise = np.fft.irfft(shape * np.exp(2j * np.pi * rng.random(len(hz))), n)
        eeg[:, c] = 7 * noise / noise.std()
        eeg[:, c] += {"O": 12, "P": 7, "C": 2}.get(label[0], 0.5) * alpha
        if label.startswith("F"):
            eeg[:, c] += {"Fp": 80}.get(label[:2], 15) * blink
    return eeg


class StandIn:
    """One running pipeline of `n_channels` at `sps`, packets of `batch` frames; with `token`, only after a login.

    With `kohm` it measures impedances too; with `recording` it plays a file in uV that is `gain` times as large
    as EEG and names its channels as OpenBCI does. With `bands` it sends shares of bands, and its spectra in dB
    from 4 Hz on.
    """

    def __init__(self, n_channels: int = 8, sps: int = 1000, batch: int = 16, token: str | None = None,
                 kohm: list[float] | None = None, recording: bool = False, gain: float = 1.0,
                 bands: bool = False) -> None:
        self.token = token
        self.bands = bands
        self.kohm, self.recording = kohm, recording
        self.restarts = 0
        self.labels = (LABELS_8 + MORE_LABELS)[:n_channels]
        self.sps, self.batch = sps, batch
        self.settings: dict[str, Any] = {"hz": 50.0, "family": "butterworth"}     # of its notch
        self.added: dict[str, dict[str, Any]] = {}                                # stages behind the notch
        self.wishes: list[dict[str, Any]] = []                                    # of stages, and to undo
        self.config_rev = 3
        self.state = "running"
        self.commands: list[str] = []
        self.paths: list[str] = []
        self.frame = 0                       # device frame that comes next
        self.study = Study(self)
        self.lost = 0
        self.gap_before = False
        self.run = 1
        self._eeg = make_eeg(self.labels, sps) * np.float32(gain)
        if recording:
            self.labels = [f"EXG Channel {c}" for c in range(n_channels)]
        self.topics = [*(["impedance"] if kohm else []), "eeg_filtered", *(["bands"] if bands else []), "spectrum"]
        self._clients: dict[web.WebSocketResponse, set[str]] = {}
        self._controls: set[web.WebSocketResponse] = set()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._main, name="stand-in", daemon=True)

    # -- for the test ---------------------------------------------------------------------------------------

    def __enter__(self) -> StandIn:
        self._thread.start()
        assert self._ready.wait(10), "the stand-in server did not start"
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://127.0.0.1:{self.port}/"

    def lose(self, frames: int) -> None:
        """Miss frames at the source."""
        def miss() -> None:
            self.frame += frames
            self.lost += frames
            self.gap_before = True
        self._call(miss)

    def skip(self, frames: int) -> None:
        """Skip frames for the clients only."""
        def skip() -> None:
            self.frame += frames
            self._tell({"type": "gap", "topic_id": TRACES_ID, "frames": frames, "reason": "client_slow"})
        self._call(skip)

    def alarm(self, level: str, place: str, message: str) -> None:
        """Raise an alarm."""
        self._call(lambda: self.push({"event": "alarm", "level": level, "place": place, "message": message,
                                       "frame_index": self.frame, "t_unix_ns": time.time_ns()}))

    def push_safely(self, event: dict[str, Any]) -> None:
        """Tell every control socket, from any thread."""
        self._call(lambda: self.push(event))

    def place_safely(self, text: str, frame_index: int) -> None:
        """Place a marker, from any thread."""
        self._call(lambda: self.study.place(text, frame_index))

    def flag(self, lead_off: list[str], saturated: list[str], **artefacts: list[str]) -> None:
        """Change the state of channels."""
        self._call(lambda: self._tell({"type": "flags", "topic_id": TRACES_ID, "frame_index": self.frame,
                                       "lead_off": lead_off, "saturated": saturated, **artefacts}))

    def set_state(self, state: str, last_error: str | None = None) -> None:
        """Go to another state and say so."""
        def change() -> None:
            if state == "running" and self.state in ("stopped", "failed"):
                self.run += 1
                self.frame = self.lost = 0
                for client, topics in self._clients.items():
                    for topic in topics:
                        self._send(client, json.dumps(self._meta(topic)))
            self.state = state
            self.push(self._status(last_error))
        self._call(change)

    def hang_up(self) -> None:
        """Close every socket from the server's side."""
        def close() -> None:
            for client in [*self._clients, *self._controls]:
                self._spawn(client.close(code=1012))
        self._call(close)

    def _call(self, function: Any) -> None:
        done = threading.Event()
        self._loop.call_soon_threadsafe(lambda: (function(), done.set()))
        assert done.wait(5), "the stand-in server does not answer"

    # -- the server -----------------------------------------------------------------------------------------

    def _main(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        app = web.Application(middlewares=[self._guard])
        app.router.add_post("/api/login", self._login)
        app.router.add_get("/", self._page)
        app.router.add_get("/ws/data", self._data)
        app.router.add_get("/ws/control", self._control)
        for path, answer in [("/api/stages", lambda: {"stages": STAGE_TYPES}), ("/api/plan", self._plan),
                             ("/api/ledger", self._ledger), ("/health", self._health),
                             ("/api/state", lambda: self._status(None))]:
            app.router.add_get(path, self._json(answer))
        self.study.add_routes(app)
        app.router.add_static("/static/", WEB)
        app.on_response_prepare.append(self._headers)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.port = runner.addresses[0][1]
        work = [asyncio.ensure_future(job()) for job in (self._stream, self._spectra, self._impedances, self._stats)]
        self._ready.set()
        await self._stop.wait()
        for job in work:
            job.cancel()
        await asyncio.gather(*work, return_exceptions=True)
        for client in [*self._clients, *self._controls]:
            await client.close()
        await runner.cleanup()

    async def _headers(self, request: web.Request, response: web.StreamResponse) -> None:
        self.paths.append(request.path)
        response.headers["Content-Security-Policy"] = CSP

    @web.middleware
    async def _guard(self, request: web.Request, handler: Any) -> web.StreamResponse:
        is_open = request.path in ("/", "/api/login") or request.path.startswith("/static/")
        if self.token is None or is_open or request.cookies.get("session") == "granted":
            return await handler(request)
        return web.json_response({"error": {"code": "login_required", "message": "a token is needed"}}, status=401)

    async def _login(self, request: web.Request) -> web.Response:
        if (await request.json()).get("token") != self.token:
            return web.json_response({"error": {"code": "login_required", "message": "The token is not right."}},
                                     status=401)
        answer = web.json_response({"role": "operator"})
        answer.set_cookie("session", "granted", httponly=True, samesite="Strict")
        return answer

    async def _page(self, _: web.Request) -> web.FileResponse:
        return web.FileResponse(WEB / "index.html")

    def _json(self, answer: Any) -> Any:
        async def handler(_: web.Request) -> web.Response:
            return web.json_response(answer())
        return handler

    async def _data(self, request: web.Request) -> web.WebSocketResponse:
        client = web.WebSocketResponse(compress=False)
        await client.prepare(request)
        self._clients[client] = set()
        await client.send_json({"type": "hello", "protocol": 1, "topics": self.topics})
        async for message in client:
            if message.type is WSMsgType.TEXT:
                wish = json.loads(message.data)
                if wish["type"] == "subscribe":
                    self._send(client, json.dumps(self._meta(wish["topic"])))
                    self._clients[client].add(wish["topic"])
                else:
                    self._clients[client].discard(wish["topic"])
        del self._clients[client]
        return client

    async def _control(self, request: web.Request) -> web.WebSocketResponse:
        client = web.WebSocketResponse()
        await client.prepare(request)
        self._controls.add(client)
        await client.send_json({"event": "config", "config": self._config(), "config_rev": self.config_rev})
        await client.send_json(self._status(None))
        async for message in client:
            if message.type is WSMsgType.TEXT:
                wish = json.loads(message.data)
                self.commands.append(wish["cmd"])
                if wish["cmd"] == "UpdateParam":
                    await self._update(client, wish)
                    continue
                if wish["cmd"] in ("AddStage", "RemoveStage", "Undo"):
                    await self._edit(client, wish)
                    continue
                await client.send_json({"id": wish["id"], "ok": True, "config_rev": 3})
                state = {"Start": "running", "Shutdown": "stopped", "Pause": "paused", "Resume": "running"}[wish["cmd"]]
                self._loop.call_soon(lambda state=state: threading.Thread(target=self.set_state, args=(state,)).start())
        self._controls.discard(client)
        return client

    async def _update(self, client: web.WebSocketResponse, wish: dict[str, Any]) -> None:
        """Take over one setting, or refuse it; everybody hears of the new configuration."""
        if wish["key"] == "hz" and not 0 < wish["value"] < self.sps / 2:
            await client.send_json({"id": wish["id"], "ok": False, "error": {
                "code": "bad_config", "message": f"notch.hz: {wish['value']} Hz is above half the rate."}})
            return
        self.settings[wish["key"]] = wish["value"]
        self.config_rev += 1
        await client.send_json({"id": wish["id"], "ok": True, "config_rev": self.config_rev})
        self.push({"event": "config", "config": self._config(), "config_rev": self.config_rev})

    async def _edit(self, client: web.WebSocketResponse, wish: dict[str, Any]) -> None:
        """Add, remove or bring back a stage; a factor of 0 is refused as the real server refuses settings."""
        self.wishes.append({key: value for key, value in wish.items() if key != "id"})
        if wish.get("stage", {}).get("factor") == 0:
            await client.send_json({"id": wish["id"], "ok": False, "error": {
                "code": "bad_config", "message": "two mistakes", "details": {"problems": [
                    {"path": f"stages.{wish['stage_id']}.factor", "message": "0 leaves nothing", "allowed": "",
                     "hint": "Remove the stage"}]}}})
            return
        before = dict(self.added)
        if wish["cmd"] == "AddStage":
            self.added[wish["stage_id"]] = {"inputs": [wish["after"]], **wish["stage"]}
            self.added["ws_" + wish["stage_id"]] = {"type": "websocket_sink", "inputs": [wish["stage_id"]],
                                                    "topic": wish["stage_id"]}
        elif wish["cmd"] == "RemoveStage":
            self.added.clear()
        else:
            self.added = self._before
        self._before = before
        self.config_rev += 1
        self.push({"event": "config", "config": self._config(), "config_rev": self.config_rev})
        await client.send_json({"id": wish["id"], "ok": True, "config_rev": self.config_rev})

    # -- what it streams ------------------------------------------------------------------------------------

    async def _stream(self) -> None:
        due = time.monotonic()
        while True:
            due += self.batch / self.sps
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            if self.state != "running":
                continue
            at = np.arange(self.frame, self.frame + self.batch) % len(self._eeg)
            flags, self.gap_before = int(self.gap_before), False
            self._packet("eeg_filtered", TRACES_ID, VOLTAGE, self._eeg[at], self.batch, 0, flags)
            self.frame += self.batch

    async def _spectra(self) -> None:
        n = 2 * self.sps
        window = np.hanning(n)[:, None]
        while True:
            await asyncio.sleep(0.5)
            if self.state == "running":
                x = self._eeg[np.arange(self.frame - n, self.frame) % len(self._eeg)] * window
                psd = np.abs(np.fft.rfft(x, axis=0)) ** 2 * 2 / (self.sps * (window**2).sum())
                if self.bands:
                    powers = [psd[2 * low:2 * high].sum(axis=0) for low, high in BANDS.values()]
                    shares = (powers / np.sum(powers, axis=0)).astype(np.float32)
                    self._packet("bands", BANDS_ID, SPECTRUM, shares, 1, len(shares), 0)
                    psd = 10 * np.log10(psd[8:])
                self._packet("spectrum", SPECTRUM_ID, SPECTRUM, psd.astype(np.float32), 1, len(psd), 0)

    async def _impedances(self) -> None:
        while self.kohm:
            await asyncio.sleep(KOHM_S)
            if self.state == "running":
                self._packet("impedance", KOHM_ID, VOLTAGE, np.array(self.kohm, np.float32), 1, 0, 0)

    async def _stats(self) -> None:
        while True:
            await asyncio.sleep(0.5)
            if self.state == "running":
                self.push({"event": "stats", **self._counters()})

    def _packet(self, topic: str, topic_id: int, kind: int, data: np.ndarray, n: int, n_bins: int, flags: int) -> None:
        payload = data.tobytes()
        rate, step = {TRACES_ID: (self.sps, 1), SPECTRUM_ID: (2.0, self.sps // 2), BANDS_ID: (2.0, self.sps // 2),
                      KOHM_ID: (1 / KOHM_S, int(self.sps * KOHM_S))}[topic_id]
        header = HEADER.pack(b"EEG1", kind, flags, topic_id, n, len(self.labels), self.frame, time.monotonic_ns(),
                             rate, 1, 3, len(payload), step, 1, n_bins)
        for client, topics in self._clients.items():
            if topic in topics:
                self._send(client, header + payload)

    def _send(self, client: web.WebSocketResponse, message: str | bytes) -> None:
        if not client.closed:
            send = client.send_str if isinstance(message, str) else client.send_bytes
            self._spawn(send(message))

    def _spawn(self, sending: Coroutine[Any, Any, Any]) -> None:
        async def quietly() -> None:
            with contextlib.suppress(ConnectionError):        # the page went away meanwhile
                await sending
        task = self._loop.create_task(quietly())
        self._tasks.add(task)                                 # the loop itself keeps weak references only
        task.add_done_callback(self._tasks.discard)

    def _tell(self, message: dict[str, Any]) -> None:
        for client in self._clients:
            self._send(client, json.dumps(message))

    def push(self, event: dict[str, Any]) -> None:
        """Tell every control socket."""
        for client in self._controls:
            self._send(client, json.dumps(event))

    # -- what it says ---------------------------------------------------------------------------------------

    def _meta(self, topic: str) -> dict[str, Any]:
        shared = {"type": "meta", "topic": topic, "meta_rev": 1, "labels": self.labels, "t_unix_ns": time.time_ns(),
                  "t_ns": time.monotonic_ns(), "run_id": f"run-{self.run}"}
        if topic == "spectrum":
            axis_hz = np.fft.rfftfreq(2 * self.sps, 1 / self.sps).tolist()
            return {**shared, "topic_id": SPECTRUM_ID, "kind": "SPECTRUM_F32", "sps": 2.0, "bands": BANDS,
                    "unit": "dB" if self.bands else "uV^2/Hz", "axis_hz": axis_hz[8:] if self.bands else axis_hz}
        if topic == "bands":
            return {**shared, "topic_id": BANDS_ID, "kind": "SPECTRUM_F32", "unit": "1", "sps": 2.0, "bands": BANDS,
                    "axis_hz": [sum(edges) / 2 for edges in BANDS.values()]}
        if not self.recording:
            shared["lead_off"] = {"mode": "ac", "labels": self.labels}
        if topic == "impedance":
            return {**shared, "topic_id": KOHM_ID, "kind": "VOLTAGE_F32", "unit": "kOhm", "sps": 1 / KOHM_S}
        return {**shared, "topic_id": TRACES_ID, "kind": "VOLTAGE_F32", "unit": "uV", "sps": float(self.sps),
                "sps_true": float(self.sps)}

    def _status(self, last_error: str | None) -> dict[str, Any]:
        return {"event": "state", "state": self.state, "since_unix_ns": time.time_ns(), "last_error": last_error,
                "config_rev": 3, "run_id": f"run-{self.run}", "recording": self.study.recording, "name": "default",
                "holders": ["bdf_sink"] if self.study.recording else []}

    def _config(self) -> dict[str, Any]:
        source = {"type": "playback", "loop": False} if self.recording else {"type": "acquire", "board": "emulator"}
        kohm = {"impedance": {"type": "impedance", "inputs": ["acquire"]},
                "ws_impedance": {"type": "websocket_sink", "inputs": ["impedance"], "topic": "impedance"}}
        bands = {"bands": {"type": "bands", "inputs": ["spectrum"]},
                 "ws_bands": {"type": "websocket_sink", "inputs": ["bands"], "topic": "bands"}}
        return {"version": 1, "name": "default", "runtime": {}, "stages": {
            **(bands if self.bands else {}), "acquire": {**source, "inputs": [], "sps": self.sps},
            **(kohm if self.kohm else {}),
            "notch": {"type": "notch", "inputs": ["acquire"], **self.settings}, **self.added,
            "bandpass": {"type": "bandpass", "inputs": ["notch"], "low_hz": 0.5, "high_hz": 45},
            "spectrum": {"type": "fft", "inputs": ["bandpass"], "window_s": 2},
            "bdf_sink": {"type": "bdf_sink", "inputs": ["notch"]},
            "websocket_sink": {"type": "websocket_sink", "inputs": ["bandpass"], "topic": "eeg_filtered"},
            "ws_spectrum": {"type": "websocket_sink", "inputs": ["spectrum"], "topic": "spectrum"}}}

    def _plan(self) -> dict[str, Any]:
        return {"name": "default", "clock": "real", "stages": [
            {"id": "bandpass", "outputs": [{"port": "out", "kind": "VOLTAGE_F32"}], "inputs": ["acquire"]},
            {"id": "spectrum", "outputs": [{"port": "out", "kind": "SPECTRUM_F32"}], "inputs": ["bandpass"]},
            {"id": "bands", "type": "bands", "outputs": [{"port": "out", "kind": "SPECTRUM_F32", "unit": "1"}]},
            {"id": "ws_bands", "outputs": [], "inputs": ["bands"]},
            {"id": "websocket_sink", "outputs": [], "inputs": ["bandpass"]},
            {"id": "ws_spectrum", "outputs": [], "inputs": ["spectrum"]},
            {"id": "impedance", "outputs": [{"port": "out", "kind": "VOLTAGE_F32", "unit": "kOhm"}]},
            {"id": "ws_impedance", "outputs": [], "inputs": ["impedance"]}]}

    def _counters(self) -> dict[str, Any]:
        wave = int(3 + 2 * np.sin(time.monotonic()))
        edge = {"in": self.frame, "out": self.frame, "dropped": {}}
        return {"run_id": f"run-{self.run}", "frames": self.frame, "lost": self.lost, "stages": {},
                "edges": {"acquire->to_voltage": {**edge, "depth": wave, "capacity": 64, "high_water": 9,
                                                  "policy": "fail"},
                          "bandpass->websocket_sink": {**edge, "depth": 2 * wave, "capacity": 128, "high_water": 41,
                                                       "policy": "drop_oldest"},
                          "spectrum->ws_spectrum": {**edge, "depth": 0, "capacity": 8, "high_water": 1,
                                                    "policy": "drop_oldest"}},
                "pools": [], "threads": [], "clients": [], "sinks": {},
                "sources": {"acquire": {"edges": self.frame, "missed": self.lost, "bad_status": 0, "late": 0,
                                        "rate_sps": self.sps * (1 + TRUE_RATE_PPM * 1e-6), "paused": 0,
                                        "restarts": self.restarts}}}

    def _ledger(self) -> dict[str, Any]:
        return {"balanced": True, **self._counters(), "digest": {}}

    def _health(self) -> dict[str, Any]:
        return {"ok": True, "reasons": [], "threads": []}

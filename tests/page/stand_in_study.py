"""Recordings and markers of the stand-in server, as far as the page asks for them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from aiohttp import web

if TYPE_CHECKING:
    from stand_in import StandIn


class Study:
    """One recording at a time, a list of those that have ended, and the markers of the run."""

    def __init__(self, server: StandIn) -> None:
        self._server = server
        self.words: list[dict[str, Any]] = []            # of every start
        self.recording: dict[str, Any] | None = None
        self.sessions: list[dict[str, Any]] = []
        self.markers: list[dict[str, Any]] = []
        self.refusal: str | None = None                  # of the next start

    def add_routes(self, app: web.Application) -> None:
        """Add the addresses of the study API."""
        app.router.add_post("/api/markers", self._mark)
        app.router.add_get("/api/markers", self._markers)
        app.router.add_post("/api/recordings", self._start)
        app.router.add_post("/api/recordings/stop", self._stop)
        app.router.add_get("/api/recordings", self._sessions)
        app.router.add_delete("/api/recordings/{id}", self._delete)

    def place(self, text: str, frame_index: int) -> dict[str, Any]:
        """Place a marker and tell everybody."""
        marker = {"run_id": f"run-{self._server.run}", "frame_index": frame_index, "t_ns": 0, "text": text,
                  "t_unix_ns": time.time_ns(), "duration_s": 0.0, "origin": "api"}
        self.markers.append(marker)
        self._server.push({"event": "marker", **marker})
        return marker

    async def _mark(self, request: web.Request) -> web.Response:
        return web.json_response(self.place((await request.json())["text"], self._server.frame))

    async def _markers(self, _: web.Request) -> web.Response:
        return web.json_response({"run_id": f"run-{self._server.run}", "markers": self.markers})

    async def _start(self, request: web.Request) -> web.Response:
        if self.refusal is not None:
            return web.json_response({"error": {"code": "sink_failed", "message": self.refusal, "details": {}}},
                                     status=409)
        words = await request.json()
        self.words.append(words)
        self.recording = {"id": f"2026-11-21T14-45-12Z_{words['participant']}", "state": "recording", "seconds": 62.5,
                          "bytes": 13_400_000, "seconds_left": 5 * 3600, "stalled_s": 0.0, "error": None,
                          "participant": words["participant"]}
        self._server.push({"event": "recording", "change": "begun", **self.recording})
        return web.json_response(self.recording, status=201)

    async def _stop(self, _: web.Request) -> web.Response:
        assert self.recording is not None
        self.sessions.insert(0, {**self.recording, "state": "finished", "task": "rest",
                                 "created_unix_ns": time.time_ns()})
        ended, self.recording = self.recording, None
        self._server.push({"event": "recording", "change": "ended", **ended, "state": "finished"})
        return web.json_response(ended)

    async def _sessions(self, _: web.Request) -> web.Response:
        return web.json_response({"recordings": self.sessions})

    async def _delete(self, request: web.Request) -> web.Response:
        self.sessions = [entry for entry in self.sessions if entry["id"] != request.match_info["id"]]
        return web.json_response({"deleted": True})

"""Markers over HTTP and over /ws/control: the moment is the one at which the bytes came."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from aiohttp import web

from eegcore.server.answers import Refusal, json_answer
from eegcore.server.marker_words import checked_marker
from eegcore.server.routes import parse_json, read_text

if TYPE_CHECKING:
    from eegcore.server.app import Server


class MarkerRoutes:
    """Handlers by the names in `policy.py`."""

    def __init__(self, server: Server) -> None:
        self._door = server.door
        self._controller = server.controller

    async def add_marker(self, request: web.Request) -> web.StreamResponse:
        """Place a marker; answer its frame."""
        arrived_ns = time.monotonic_ns()                 # before anything is read: this is when it was
        body = parse_json(await read_text(request))
        if not isinstance(body, dict):
            raise Refusal(400, "bad_request", 'marker: not an object. Send for example {"text": "stimulus"}.')
        fields = checked_marker(body)
        # not in the line of commands: a shutdown that drains must not outlast the run the marker belongs to
        return json_answer(await self._door.look(
            lambda: self._controller.mark(**fields, origin="api", arrived_ns=arrived_ns)))

    async def list_markers(self, request: web.Request) -> web.StreamResponse:
        """The newest markers of the run."""
        return json_answer(await self._door.look(self._controller.markers))

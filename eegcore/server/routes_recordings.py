"""Recordings over HTTP: start, stop, list, download, delete what has ended.

For operators only: notes and participants are health data. A name in an
address is compared with what is there, and opened relative to the folder's
descriptor without following links (eegcore/recording/listing.py).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from aiohttp import web

from eegcore.errors import Locked
from eegcore.recording.info import session_info
from eegcore.recording.listing import open_file
from eegcore.recording.removing import remove_session
from eegcore.server.answers import Refusal, json_answer
from eegcore.server.downloads import Downloads
from eegcore.server.routes import parse_json, read_text

if TYPE_CHECKING:
    from eegcore.server.app import Server

ZIP = ".zip"


class RecordingRoutes:
    """Handlers by the names in `policy.py`."""

    def __init__(self, server: Server) -> None:
        self._door = server.door
        self._controller = server.controller
        self.downloads = Downloads()

    async def start_recording(self, request: web.Request) -> web.StreamResponse:
        """Begin a recording; answered once its files are on the disk."""
        text = await read_text(request)
        body = parse_json(text) if text.strip() else {}
        if not isinstance(body, dict):
            raise Refusal(400, "bad_request", 'recording: not an object. Send for example {"participant": "P01"}.')
        session_info(body)                               # before it becomes arguments of a call
        status = await self._door.command(partial(self._controller.start_recording, **body))
        return json_answer(status, 201, {"Location": f"/api/recordings/{status['id']}"})

    async def stop_recording(self, request: web.Request) -> web.StreamResponse:
        """End the recording; answered once its folder is finished."""
        return json_answer(await self._door.command(self._controller.stop_recording))

    async def list_recordings(self, request: web.Request) -> web.StreamResponse:
        """What there is, newest first."""
        return json_answer({"recordings": await self._read(self._controller.recordings)})

    async def recording(self, request: web.Request) -> web.StreamResponse:
        """One recording, or all its files as ``{id}.zip``."""
        session_id = request.match_info["id"]
        if not session_id.endswith(ZIP):
            return json_answer(await self._read(self._controller.recording.session, session_id))
        session_id = session_id.removesuffix(ZIP)
        entry = await self._read(self._controller.recording.session, session_id)
        root = self._controller.recording.root
        files = [(f"{entry['id']}/{name}", partial(open_file, root, session_id, name)) for name in entry["files"]]
        return await self.downloads.send_zip(request, f"{entry['id']}{ZIP}", files)

    async def recording_file(self, request: web.Request) -> web.StreamResponse:
        """One file of a recording."""
        session_id, name = request.match_info["id"], request.match_info["file"]
        file = await self._read(open_file, self._controller.recording.root, session_id, name)
        return await self.downloads.send_file(request, file, name)

    async def delete_recording(self, request: web.Request) -> web.StreamResponse:
        """Take a recording that has ended off the disk."""
        session_id = request.match_info["id"]
        return json_answer(await self._door.command(self._delete, session_id))

    def _delete(self, session_id: str) -> dict[str, Any]:
        if self._controller.recording.is_open(session_id):
            raise Locked(f"recording {session_id}: goes on. End it first.", holders=[session_id])
        return remove_session(self._controller.recording.root, session_id)

    async def _read(self, function: Any, *arguments: Any) -> Any:
        """Look at the disk, on the threads of downloads: a slow one must not hold up who looks at the state."""
        return await self.downloads.run(function, *arguments)

"""Handlers that change what runs: the configuration, single stages, and the pipelines kept by name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from aiohttp import web

from eegcore.config.problems import did_you_mean
from eegcore.control import presets
from eegcore.server import commands
from eegcore.server.answers import Refusal, json_answer
from eegcore.server.routes import parse_json, read_text

if TYPE_CHECKING:
    from eegcore.server.app import Server

WHEN = ("if_rev", "at_frame")
ACTIONS: dict[str, tuple[Any, tuple[str, ...]]] = {    # what carries it out, and the keys it knows
    "add": (commands.add_stage, ("stage", "after", "splice", "topic", *WHEN)),
    "remove": (commands.remove_stage, WHEN), "replace": (commands.replace_stage, ("stage", *WHEN))}

_IF_MATCH = re.compile(r'(?:W/)?"?(\d{1,18})"?')


class ConfigRoutes:
    """Handlers by the names in `policy.py`."""

    def __init__(self, server: Server) -> None:
        self._door = server.door
        self._controller = server.controller

    async def patch_config(self, request: web.Request) -> web.StreamResponse:
        """Carry out a JSON-Patch; answer the new revision."""
        body = parse_json(await read_text(request))
        return await self._change(commands.patch, request, {"patch": body})

    async def undo(self, request: web.Request) -> web.StreamResponse:
        """Take the last change back."""
        return await self._change(commands.undo, request, {})

    async def edit_stage(self, request: web.Request) -> web.StreamResponse:
        """Add, remove or replace a stage."""
        body = parse_json(await read_text(request))
        action = body.get("action") if isinstance(body, dict) else None
        if not isinstance(action, str) or action not in ACTIONS:
            raise Refusal(400, "bad_request", f"action: {str(action)[:60]!r} is not known. Allowed: "
                          f"{', '.join(ACTIONS)}. Send for example {{\"action\": \"add\", \"after\": \"notch\"}}.")
        prepare, known = ACTIONS[action]
        for key in body:
            if key not in ("action", *known):
                raise Refusal(400, "bad_request", f"{action}: {key[:60]!r} is not known. Known: {', '.join(known)}. "
                              f"{did_you_mean(key, known)}".rstrip())
        return await self._change(prepare, request, {**body, "stage_id": request.match_info["id"]})

    async def _change(self, prepare: Any, request: web.Request, said: dict[str, Any]) -> web.StreamResponse:
        if_rev = revision_of(request.headers.getall("If-Match", []))
        call = prepare(self._controller, {**said, **({} if if_rev is None else {"if_rev": if_rev})})
        answer = await self._door.command(call)
        return json_answer(answer, headers={"ETag": f'"{answer["config_rev"]}"'})

    async def presets(self, request: web.Request) -> web.StreamResponse:
        """Names of the pipelines that can be started."""
        return json_answer({"pipelines": await self._door.look(presets.listed)})

    async def preset(self, request: web.Request) -> web.StreamResponse:
        """One of them, as the text of its file."""
        text = await self._door.look(presets.read, request.match_info["name"])
        return web.Response(text=text, content_type="application/yaml", headers={"Cache-Control": "no-store"})

    async def save_preset(self, request: web.Request) -> web.StreamResponse:
        """Keep the pipeline in the body, or what is held now if it is empty, under a name."""
        text = await read_text(request)
        shadow = request.query.get("shadow", "false")
        if shadow not in ("true", "false"):
            raise Refusal(400, "bad_request", f"shadow: {shadow[:60]!r} is not true or false.")
        if not text.strip():
            text = await self._door.look(lambda: presets.as_yaml(self._controller.held().config))
        saved = await self._door.look(lambda: presets.save(request.match_info["name"], text,
                                                           shadow=shadow == "true"))
        return json_answer(saved)


def revision_of(headers: list[str]) -> int | None:
    """Return the revision ``If-Match`` asks for, quoted or not; None without one, and for ``*``."""
    if not headers or headers == ["*"]:
        return None
    match = _IF_MATCH.fullmatch(headers[0].strip()) if len(headers) == 1 else None
    if match is None:
        raise Refusal(400, "bad_request", f"If-Match: {', '.join(headers)[:60]!r} is no revision. Send the config_rev "
                      "that was read, for example If-Match: 12.")
    return int(match[1])

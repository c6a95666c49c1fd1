"""The handlers, one per row of the policy table. What they may do is decided before they run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from aiohttp import web

from eegcore.server import openapi, protocol
from eegcore.server.answers import Refusal, error_of, json_answer
from eegcore.server.broker import DataClient
from eegcore.server.guard import ROLE
from eegcore.server.metrics import scrape
from eegcore.server.peer import Peer
from eegcore.server.security import SESSION_S, TICKET_S

if TYPE_CHECKING:
    from eegcore.server.app import Server


class Routes:
    """Handlers by the names in `policy.py`."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._door = server.door
        self._controller = server.controller

    # -- the page --------------------------------------------------------------------------------------

    async def page(self, request: web.Request) -> web.StreamResponse:
        """The page itself."""
        return self._file("index.html")

    async def page_file(self, request: web.Request) -> web.StreamResponse:
        """One file of the page."""
        return self._file(request.match_info["name"])

    def _file(self, name: str) -> web.Response:
        found = self._server.files.read(name)
        if found is None:
            raise Refusal(404, "not_found", "static: the page has no such file.")
        body, media = found
        charset = "utf-8" if media.startswith("text/") else None
        return web.Response(body=body, content_type=media, charset=charset, headers={"Cache-Control": "no-cache"})

    # -- login -----------------------------------------------------------------------------------------

    async def login(self, request: web.Request) -> web.StreamResponse:
        """Exchange a token for a cookie."""
        guard = self._server.guard
        body = parse_json(await read_text(request))
        token = body.get("token") if isinstance(body, dict) else None
        if not isinstance(token, str):
            raise Refusal(400, "bad_request", 'login: no token. Send {"token": "..."}.')
        role = "operator" if guard.access.is_open else guard.check_token(request, token)
        if role is None:
            raise Refusal(401, "wrong_token", "login: this is not the token. It was printed when the server started.")
        answer = json_answer({"ok": True, "role": role})
        answer.set_cookie(guard.cookie, guard.access.new_session(role), max_age=int(SESSION_S), httponly=True,
                          samesite="Strict", path="/", secure=request.headers.get("X-Forwarded-Proto") == "https")
        return answer

    async def ticket(self, request: web.Request) -> web.StreamResponse:
        """A ticket for a socket."""
        ticket = self._server.guard.access.new_ticket(request[ROLE])
        return json_answer({"ticket": ticket, "expires_s": TICKET_S})

    # -- looking ---------------------------------------------------------------------------------------

    async def health(self, request: web.Request) -> web.StreamResponse:
        """200, or 503 with the reasons; a controller that does not answer is a reason."""
        try:
            ok, reasons, threads = await self._door.look(self._controller.health)
        except TimeoutError:
            ok, reasons, threads = False, ["controller: no answer within 5 s."], []
        body = {"ok": ok, "state": self._controller.state, "reasons": reasons, "threads": threads}
        return json_answer(body, 200 if ok else 503)

    async def state(self, request: web.Request) -> web.StreamResponse:
        """State of the run."""
        return json_answer(await self._door.look(
            lambda: {**self._controller.status(), "holders": self._controller.holders()}))

    async def config(self, request: web.Request) -> web.StreamResponse:
        """The merged configuration."""
        config_rev, config = await self._door.look(self._controller.revision)
        return json_answer(config, headers={"ETag": f'"{config_rev}"'})

    async def plan(self, request: web.Request) -> web.StreamResponse:
        """The plan."""
        return json_answer(await self._door.look(self._controller.plan))

    async def ledger(self, request: web.Request) -> web.StreamResponse:
        """The ledger."""
        return json_answer(await self._door.look(self._controller.ledger))

    async def stages(self, request: web.Request) -> web.StreamResponse:
        """The catalogue of stage types."""
        return json_answer({"stages": await self._door.look(self._controller.catalogue)})

    async def openapi(self, request: web.Request) -> web.StreamResponse:
        """Description of all routes."""
        return json_answer(openapi.document(self._server.version))

    async def metrics(self, request: web.Request) -> web.StreamResponse:
        """Prometheus text; read on a thread, so that a slow scrape costs no packet."""
        text = await self._door.look(scrape, self._controller, self._server.broker)
        return web.Response(body=text, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8",
                                                "Cache-Control": "no-store"})

    # -- changing --------------------------------------------------------------------------------------

    async def start(self, request: web.Request) -> web.StreamResponse:
        """Start the current pipeline, a preset, or the pipeline in the body."""
        document, preset = parse_start(await read_text(request))
        return json_answer(await self._door.command(self._controller.start, document, preset))

    async def shutdown(self, request: web.Request) -> web.StreamResponse:
        """Drain and stop."""
        ledger = await self._door.command(self._controller.shutdown)
        return json_answer({"state": self._controller.state, "ledger": ledger})

    async def pause(self, request: web.Request) -> web.StreamResponse:
        """Pause the run."""
        await self._door.command(self._controller.pause)
        return json_answer(await self._door.look(self._controller.status))

    async def resume(self, request: web.Request) -> web.StreamResponse:
        """Go on."""
        await self._door.command(self._controller.resume)
        return json_answer(await self._door.look(self._controller.status))

    # -- sockets ---------------------------------------------------------------------------------------

    async def ws_data(self, request: web.Request) -> web.StreamResponse:
        """Packets."""
        broker = self._server.broker
        query = request.query

        def joined(client: DataClient) -> None:
            broker.join(client)
            if "topic" in query:
                broker.subscribe(client, query["topic"], query.get("format", "binary"), query.get("max_hz"))

        def on_binary(client: DataClient) -> None:
            client.send_message(protocol.error("bad_message", "message: binary. Send JSON as text."))

        return await self._server.sockets.run(request, DataClient, joined, broker.leave, broker.on_text, on_binary)

    async def ws_control(self, request: web.Request) -> web.StreamResponse:
        """Events and commands."""
        hub, role = self._server.hub, request[ROLE]

        async def joined(peer: Peer) -> None:
            try:
                peer.send_message(await hub.greet())
            except Exception as exc:             # no pipeline yet: the state is told all the same
                _, error = error_of(exc)
                peer.send_message({"event": "state", **self._controller.status(), "error": error})
            hub.peers[peer.client_id] = peer

        def left(peer: Peer) -> None:
            hub.peers.pop(peer.client_id, None)
            peer.left()

        async def on_text(peer: Peer, text: str) -> None:
            peer.send_message(await hub.answer(text, role))

        def on_binary(peer: Peer) -> None:
            peer.send_message({"id": None, "ok": False, "error": {
                "code": "bad_message", "message": "message: binary. Send JSON as text.", "details": {}}})

        return await self._server.sockets.run(request, Peer, joined, left, on_text, on_binary)


async def read_text(request: web.Request) -> str:
    """Return the body as text; Refusal if it is not UTF-8."""
    try:
        return (await request.read()).decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise Refusal(400, "bad_request", f"body: not UTF-8 at byte {exc.start}.") from None


def parse_json(text: str) -> Any:
    """Return the JSON value in `text`; Refusal ``bad_json`` if there is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise Refusal(400, "bad_json", f"body: not JSON ({str(exc)[:80]}).") from None


def parse_start(text: str) -> tuple[str | None, str | None]:
    """Return ``(document, preset)`` of a start request; the document stays text, for lines and columns in errors."""
    if not text.strip():
        return None, None
    if text.lstrip().startswith("{"):
        try:
            body = json.loads(text)
        except (ValueError, RecursionError):
            return text, None                    # perhaps YAML in flow style; its reader says what is wrong
        if not body:
            return None, None
        if set(body) == {"preset"}:
            if not isinstance(body["preset"], str):
                raise Refusal(400, "bad_request", f"preset: {str(body['preset'])[:60]!r} is not a name.")
            return None, body["preset"]
    return text, None


"""/ws/control: what is told to everybody, and the commands.  [loop]"""

from __future__ import annotations

import json
import time
from typing import Any

from eegcore.server.answers import Refusal, error_of
from eegcore.server.broker import Broker
from eegcore.server.commands import ARRIVED, COMMANDS, get_config
from eegcore.server.door import Door
from eegcore.server.peer import Peer
from eegcore.server.protocol import INBOUND_BYTES, text_frame
from eegcore.server.security import RANK, Role


class Hub:
    """Control clients, the events pushed to them, and their requests."""

    def __init__(self, door: Door, broker: Broker) -> None:
        self.peers: dict[str, Peer] = {}
        self._door = door
        self._broker = broker

    # -- events ----------------------------------------------------------------------------------------

    def publish(self, event: dict[str, Any]) -> None:
        """Tell every control client; a client that is slow loses stats first, and is evicted like any other."""
        if event.get("event") == "stats":
            self._broker.note_rates(event)
            event = {**event, "clients": self._broker.client_stats()}
        if not self.peers:
            return
        frame = text_frame(event)
        for peer in self.peers.values():
            peer.send_message(frame, droppable=event.get("event") == "stats")

    async def greet(self) -> dict[str, Any]:
        """Return the first message of a connection: merged configuration and state."""
        return {"event": "config", **await self._door.look(get_config(self._door.controller, {}))}

    # -- commands --------------------------------------------------------------------------------------

    async def answer(self, text: str, role: Role) -> dict[str, Any]:
        """Carry out one request and return its answer; never raises for whatever `text` says."""
        arrived_ns = time.monotonic_ns()       # before anything is read; a message waits for the answers before it
        request_id: Any = None
        try:
            request = {**parse_request(text), ARRIVED: arrived_ns}
            request_id = request.get("id")
            return {"id": request_id, "ok": True, **await self._carry_out(request, role)}
        except Exception as exc:
            _, error = error_of(exc)
            return {"id": request_id, "ok": False, "error": error}

    async def _carry_out(self, request: dict[str, Any], role: Role) -> dict[str, Any]:
        command = request.get("cmd")
        if not isinstance(command, str) or command not in COMMANDS:
            raise Refusal(400, "unknown_command", f"cmd: {str(command)[:60]!r} is not known. "
                          f"Known: {', '.join(COMMANDS)}.", known=list(COMMANDS))
        row = COMMANDS[command]
        if RANK[role] < RANK[row.role]:
            raise Refusal(403, "forbidden", f"cmd: a {role} may not {command}. It takes the token of the {row.role}.",
                          role=role, needs=row.role)
        call = row.prepare(self._door.controller, request)
        answer: dict[str, Any] = await (self._door.look(call) if row.only_looks else self._door.command(call))
        return answer


def parse_request(text: str) -> dict[str, Any]:
    """Return the request object in `text`, for a bare JSON-Patch a ``Patch``; Refusal if there is none."""
    if len(text) > INBOUND_BYTES:
        raise Refusal(413, "too_large", f"message: {len(text)} characters. At most {INBOUND_BYTES} are read.")
    try:
        request = json.loads(text)
    except (ValueError, RecursionError):
        raise Refusal(400, "bad_json", "message: not JSON. Send one JSON object per message.") from None
    if isinstance(request, list):
        return {"cmd": "Patch", "patch": request}        # a bare JSON-Patch
    if not isinstance(request, dict):
        raise Refusal(400, "bad_message", 'message: not an object. Send for example {"id": 1, "cmd": "GetConfig"}.')
    if not isinstance(request.get("id"), (str, int, float, type(None))):
        request_id = request.pop("id")
        raise Refusal(400, "bad_message", f"id: {str(request_id)[:60]!r} is neither a number nor a text.")
    return request

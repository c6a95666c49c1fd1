"""/ws/control: what is told to everybody, and the commands.  [loop]"""

from __future__ import annotations

import json
from typing import Any

from eegcore.server.answers import Refusal, error_of
from eegcore.server.broker import Broker
from eegcore.server.door import Door
from eegcore.server.peer import Peer
from eegcore.server.protocol import INBOUND_BYTES, text_frame
from eegcore.server.security import RANK, Role

COMMANDS: dict[str, Role] = {
    "GetConfig": "viewer", "UpdateParam": "operator",
    "Start": "operator", "Shutdown": "operator", "Pause": "operator", "Resume": "operator",
}


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
        config, status = await self._look()
        return {"event": "config", "config_rev": status.get("config_rev"), "config": config, "state": status}

    async def _look(self) -> tuple[Any, dict[str, Any]]:
        controller = self._door.controller
        config, status = await self._door.look(lambda: (controller.config(), controller.status()))
        return config, status

    # -- commands --------------------------------------------------------------------------------------

    async def answer(self, text: str, role: Role) -> dict[str, Any]:
        """Carry out one request and return its answer; never raises for whatever `text` says."""
        request_id: Any = None
        try:
            request = parse_request(text)
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
        if RANK[role] < RANK[COMMANDS[command]]:
            raise Refusal(403, "forbidden", f"cmd: a {role} may not {command}. It takes the token of the operator.",
                          role=role, needs=COMMANDS[command])
        controller = self._door.controller
        if command == "GetConfig":
            config, status = await self._look()
            return {"config_rev": status.get("config_rev"), "config": config, "state": status}
        if command == "UpdateParam":
            return {"config_rev": await self._door.command(controller.update, *checked_update(request))}
        if command == "Start":
            document, preset = request.get("pipeline"), request.get("preset")
            if preset is not None and not isinstance(preset, str):
                raise Refusal(400, "bad_request", f"preset: {str(preset)[:60]!r} is not a name.")
            if document is not None and not isinstance(document, (dict, list, str)):
                raise Refusal(400, "bad_request", "pipeline: not one. Give an object, a list of stages, or YAML.")
            state = await self._door.command(controller.start, document, preset)
            return {"config_rev": controller.config_rev, "state": state}
        if command == "Shutdown":
            ledger = await self._door.command(controller.shutdown)
            return {"config_rev": controller.config_rev, "ledger": ledger}
        await self._door.command(controller.pause if command == "Pause" else controller.resume)
        return {"config_rev": controller.config_rev}


def checked_update(request: dict[str, Any]) -> tuple[str, str, Any, int | None, int | None]:
    """Return stage id, key, value, if_rev and at_frame of an ``UpdateParam``; Refusal if one is missing or none."""
    for name in ("stage_id", "key"):
        if not isinstance(request.get(name), str):
            raise Refusal(400, "bad_request", f"{name}: {str(request.get(name))[:60]!r} is not a name. Send for "
                          'example {"cmd": "UpdateParam", "stage_id": "notch", "key": "hz", "value": 50}.')
    if "value" not in request:
        raise Refusal(400, "bad_request", "value: missing. Send the new value of the setting; null for its default.")
    return (request["stage_id"], request["key"], request["value"], _whole_number(request, "if_rev"),
            _whole_number(request, "at_frame"))


def _whole_number(request: dict[str, Any], name: str) -> int | None:
    number = request.get(name)
    if number is not None and (type(number) is not int or not 0 <= number < 2**63):
        raise Refusal(400, "bad_request", f"{name}: {str(number)[:60]!r} is not a whole number from 0 on.")
    return number


def parse_request(text: str) -> dict[str, Any]:
    """Return the request object in `text`; Refusal if there is none."""
    if len(text) > INBOUND_BYTES:
        raise Refusal(413, "too_large", f"message: {len(text)} characters. At most {INBOUND_BYTES} are read.")
    try:
        request = json.loads(text)
    except (ValueError, RecursionError):
        raise Refusal(400, "bad_json", "message: not JSON. Send one JSON object per message.") from None
    if isinstance(request, list):
        raise Refusal(400, "unknown_command", f"message: a list is not a command. Known: {', '.join(COMMANDS)}.",
                      known=list(COMMANDS))
    if not isinstance(request, dict):
        raise Refusal(400, "bad_message", 'message: not an object. Send for example {"id": 1, "cmd": "GetConfig"}.')
    if not isinstance(request.get("id"), (str, int, float, type(None))):
        request_id = request.pop("id")
        raise Refusal(400, "bad_message", f"id: {str(request_id)[:60]!r} is neither a number nor a text.")
    return request

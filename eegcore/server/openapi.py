"""/api/openapi.json, made from the policy table."""

from __future__ import annotations

import re
from typing import Any

from eegcore.control.patching import MAX_OPERATIONS, MEMBERS
from eegcore.graph.marking import MAX_DURATION_S, MAX_TEXT
from eegcore.recording.info import MOST_NOTES, MOST_PRE_ROLL_S, MOST_WORDS
from eegcore.server.policy import POLICIES, Policy

ERROR = {
    "type": "object", "required": ["error"],
    "properties": {"error": {
        "type": "object", "required": ["code", "message", "details"],
        "properties": {"code": {"type": "string"}, "message": {"type": "string"}, "details": {"type": "object"}},
    }},
}
TEXTS = {400: "not understood", 401: "a token is needed", 403: "not allowed, or from another site",
         404: "no such thing", 409: "does not fit the present state, or is locked", 412: "somebody else was faster",
         413: "body over 256 KiB, or more than a patch may do",
         422: "the pipeline has mistakes", 429: "too many attempts or clients"}
CHANGES = ("patch_config", "undo", "edit_stage")       # they honour If-Match
PARAMETERS = {"id": "id of a stage, or of a recording", "file": "name of a file of it", "name": "a name",
              "shadow": "also in place of a preset that was not saved"}
BODIES: dict[str, Any] = {
    "start_recording": {"type": "object", "additionalProperties": False, "properties": {
        "participant": {"type": ["string", "null"], "maxLength": MOST_WORDS, "description": "a code, no name"},
        "task": {"type": ["string", "null"], "maxLength": MOST_WORDS},
        "session": {"type": ["string", "null"], "maxLength": MOST_WORDS, "description": "which visit it is"},
        "notes": {"type": ["string", "null"], "maxLength": MOST_NOTES},
        "pre_roll_s": {"type": ["number", "null"], "minimum": 0, "maximum": MOST_PRE_ROLL_S},
        "csv": {"type": ["boolean", "null"]}, "bids": {"type": ["boolean", "null"]},
        "segment_s": {"type": ["number", "null"]}, "segment_bytes": {"type": ["number", "null"]}}},
    "add_marker": {"type": "object", "required": ["text"], "additionalProperties": False, "properties": {
        "text": {"type": "string", "minLength": 1, "maxLength": MAX_TEXT},
        "t_ns": {"type": ["integer", "null"], "description": "when it was, CLOCK_MONOTONIC; else when it came"},
        "t_unix_ns": {"type": ["integer", "null"], "description": "when it was, Unix time"},
        "duration_s": {"type": ["number", "null"], "minimum": 0, "maximum": MAX_DURATION_S}}},
    "login": {"type": "object", "required": ["token"], "properties": {"token": {"type": "string"}}},
    "patch_config": {"type": "array", "maxItems": MAX_OPERATIONS, "items": {
        "type": "object", "required": ["op", "path"], "properties": {
            "op": {"enum": list(MEMBERS)}, "path": {"type": "string"}, "from": {"type": "string"}, "value": {}}}},
    "edit_stage": {"type": "object", "required": ["action"], "additionalProperties": False, "properties": {
        "action": {"enum": ["add", "remove", "replace"]},
        "stage": {"type": ["object", "null"], "description": "settings with their type"},
        "after": {"type": ["string", "null"], "description": "stage, or stage.port, that the new one reads"},
        "splice": {"type": "boolean", "description": "what read `after` reads the new stage"},
        "topic": {"type": ["string", "boolean", "null"], "description": "of its websocket sink; false for none"},
        "if_rev": {"type": ["integer", "null"], "description": "as If-Match"},
        "at_frame": {"type": ["integer", "null"], "description": "first frame of the change"}}},
}
CHANGED = {"type": "object", "required": ["config_rev"], "properties": {"config_rev": {"type": "integer"}}}
MEDIA = {"page": "text/html", "page_file": "application/octet-stream", "metrics": "text/plain",
         "preset": "application/yaml", "recording_file": "application/octet-stream"}


def document(version: str) -> dict[str, Any]:
    """Return the OpenAPI 3.1 description of all routes."""
    paths: dict[str, Any] = {}
    for policy in POLICIES:
        path = re.sub(r":[^}]*}", "}", policy.path)
        paths.setdefault(path, {})[policy.method.lower()] = _operation(policy)
    return {
        "openapi": "3.1.0",
        "info": {"title": "eegcore", "version": version,
                 "description": "Every error is {\"error\": {\"code\", \"message\", \"details\"}}; codes are stable."},
        "paths": paths,
        "components": {
            "schemas": {"Error": ERROR},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(policy: Policy) -> dict[str, Any]:
    statuses = {400, 403}
    if policy.role is not None or policy.handler == "login":
        statuses |= {401, 429}
    if policy.method != "GET":
        statuses |= {409, 413, 422}
    if policy.handler in CHANGES:
        statuses.add(412)
    if "{" in policy.path:
        statuses.add(404)
    if policy.handler in ("config", "plan", "ledger"):
        statuses.add(409)
    good = {"description": "switching to WebSocket"} if policy.socket else {
        "description": "done",
        "content": {MEDIA.get(policy.handler, "application/json"):
                    {"schema": CHANGED} if policy.handler in CHANGES else {}},
    }
    success = "101" if policy.socket else "201" if policy.handler == "start_recording" else "200"
    responses: dict[str, Any] = {success: good}
    if policy.handler == "health":
        responses["503"] = {"description": "not well; the reasons are listed", "content": {"application/json": {}}}
    for status in sorted(statuses):
        responses[str(status)] = {
            "description": TEXTS[status],
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
        }
    operation: dict[str, Any] = {"operationId": policy.handler, "summary": policy.summary, "responses": responses,
                                 "x-role": policy.role or "anybody"}
    if policy.role is not None:
        operation["security"] = [{"bearer": []}]
    parameters = [_parameter(name, "path") for name in re.findall(r"{(\w+)", policy.path)]
    if policy.handler == "save_preset":
        parameters.append(_parameter("shadow", "query", {"type": "boolean"}))
    if policy.handler in CHANGES:
        parameters.append({"name": "If-Match", "in": "header", "required": False, "schema": {"type": "string"},
                           "description": "config_rev that was read; 412 if it is not the present one"})
    if parameters:
        operation["parameters"] = parameters
    if policy.body is not None:
        schema = BODIES.get(policy.handler, {})
        operation["requestBody"] = {"required": policy.handler in BODIES and policy.handler != "start_recording",
                                    "content": {kind: {"schema": schema} for kind in policy.body.split(", ")}}
    return operation


def _parameter(name: str, place: str, schema: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"name": name, "in": place, "required": place == "path", "schema": schema or {"type": "string"},
            "description": PARAMETERS[name]}

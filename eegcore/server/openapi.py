"""/api/openapi.json, made from the policy table."""

from __future__ import annotations

import re
from typing import Any

from eegcore.server.policy import POLICIES, Policy

ERROR = {
    "type": "object", "required": ["error"],
    "properties": {"error": {
        "type": "object", "required": ["code", "message", "details"],
        "properties": {"code": {"type": "string"}, "message": {"type": "string"}, "details": {"type": "object"}},
    }},
}
TEXTS = {400: "not understood", 401: "a token is needed", 403: "not allowed, or from another site",
         404: "no such thing", 409: "does not fit the present state", 413: "body over 256 KiB",
         422: "the pipeline has mistakes", 429: "too many attempts or clients"}
MEDIA = {"page": "text/html", "page_file": "application/octet-stream", "metrics": "text/plain"}


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
    if policy.method == "POST":
        statuses |= {409, 413, 422}
    if "{" in policy.path:
        statuses.add(404)
    if policy.handler in ("config", "plan", "ledger"):
        statuses.add(409)
    good = {"description": "switching to WebSocket"} if policy.socket else {
        "description": "done",
        "content": {MEDIA.get(policy.handler, "application/json"): {}},
    }
    responses: dict[str, Any] = {"101" if policy.socket else "200": good}
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
    if "{name" in policy.path:
        operation["parameters"] = [{"name": "name", "in": "path", "required": True, "schema": {"type": "string"}}]
    if policy.body is not None:
        schema: dict[str, Any] = {}
        if policy.handler == "login":
            schema = {"type": "object", "required": ["token"], "properties": {"token": {"type": "string"}}}
        operation["requestBody"] = {"required": policy.handler == "login",
                                    "content": {kind: {"schema": schema} for kind in policy.body.split(", ")}}
    return operation

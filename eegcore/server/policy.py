"""Who may use which route: one row per route, and no route without a row.

`app.py` makes the router from this table, the guard looks every request up in
it, and a test enumerates the router against it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from eegcore.server.security import Role


@dataclass(frozen=True)
class Policy:
    """One route.

    Parameters
    ----------
    method, path : str
        As the router knows them.
    handler : str
        Name of the function in `routes.py` or one of its neighbours.
    role : str or None
        The least role that may use it; None: anybody, before any login.
    check_origin : bool
        Refuse requests that pages of other sites caused.
    socket : bool
        A WebSocket: a ticket in the address counts as a login.
    body : str or None
        Media types the body may have, for people and /api/openapi.json.
    summary : str
    """

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    handler: str
    role: Role | None
    summary: str
    check_origin: bool = True
    socket: bool = False
    body: str | None = None


POLICIES: tuple[Policy, ...] = (
    Policy("GET", "/", "page", None, "the page"),
    Policy("GET", "/static/{name:.+}", "page_file", None, "files of the page"),
    Policy("POST", "/api/login", "login", None, "exchange a token for a session cookie", body="application/json"),
    Policy("POST", "/api/ticket", "ticket", "viewer", "a ticket that opens one WebSocket within 30 seconds"),
    Policy("GET", "/health", "health", "viewer", "200 if all is well, 503 with the reasons otherwise"),
    Policy("GET", "/api/state", "state", "viewer", "state of the run, since when, last error"),
    Policy("GET", "/api/config", "config", "viewer", "the merged configuration"),
    Policy("GET", "/api/plan", "plan", "viewer", "the plan: shapes, rates, groups, edges, pools"),
    Policy("GET", "/api/ledger", "ledger", "viewer", "every frame accounted for"),
    Policy("GET", "/api/stages", "stages", "viewer", "catalogue of stage types with their settings"),
    Policy("GET", "/api/openapi.json", "openapi", "viewer", "description of all this"),
    Policy("GET", "/metrics", "metrics", "viewer", "figures for Prometheus"),
    Policy("POST", "/pipeline/start", "start", "operator", "start a pipeline: an empty body restarts the current one",
           body="application/json, application/yaml"),
    Policy("POST", "/pipeline/shutdown", "shutdown", "operator", "drain, finalise, stop; answers the ledger"),
    Policy("POST", "/pipeline/pause", "pause", "operator", "pause the run"),
    Policy("POST", "/pipeline/resume", "resume", "operator", "go on after a pause"),
    Policy("POST", "/pipeline/stage/{id}", "edit_stage", "operator", "add, remove or replace a stage, live if possible",
           body="application/json"),
    Policy("PATCH", "/api/config", "patch_config", "operator", "JSON-Patch on the merged configuration, all or nothing",
           body="application/json-patch+json, application/json"),
    Policy("POST", "/api/config/undo", "undo", "operator", "the previous configuration, as a new revision"),
    Policy("GET", "/api/pipelines", "presets", "viewer", "pipelines that can be started by name"),
    Policy("GET", "/api/pipelines/{name}", "preset", "viewer", "one of them, as YAML"),
    Policy("PUT", "/api/pipelines/{name}", "save_preset", "operator", "save a pipeline, or with an empty body the "
           "present one, under a name; checked first", body="application/yaml, application/json"),
    Policy("POST", "/api/markers", "add_marker", "operator", "a marker at its exact frame", body="application/json"),
    Policy("GET", "/api/markers", "list_markers", "viewer", "the newest markers of the run"),
    # notes and participants are health data: no part of this for viewers
    Policy("POST", "/api/recordings", "start_recording", "operator", "begin a recording", body="application/json"),
    Policy("POST", "/api/recordings/stop", "stop_recording", "operator", "end it and finish its folder"),
    Policy("GET", "/api/recordings", "list_recordings", "operator", "recordings, newest first"),
    Policy("GET", "/api/recordings/{id}", "recording", "operator", "one recording; as {id}.zip all its files"),
    Policy("DELETE", "/api/recordings/{id}", "delete_recording", "operator", "delete a recording that is finished"),
    Policy("GET", "/api/recordings/{id}/{file}", "recording_file", "operator", "one file of it, or a range of one"),
    Policy("GET", "/ws/data", "ws_data", "viewer", "packets", socket=True),
    Policy("GET", "/ws/control", "ws_control", "viewer", "state, configuration, alarms, commands", socket=True),
)

BY_ROUTE: dict[tuple[str, str], Policy] = {(policy.method, policy.path): policy for policy in POLICIES}

# What the router does not know is answered 404 or 405, to those who may look at all.
UNKNOWN = Policy("GET", "", "", "viewer", "no such route")

"""HTTP answers: JSON out, and one shape for everything that went wrong."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from eegcore.errors import Closed, ConfigError, EegcoreError, NotFound, StaleRevision, StateConflict, Stopped
from eegcore.server.protocol import dumps

log = logging.getLogger(__name__)

# Codes of answers that no exception class stands for; each is a stable word.
HTTP_CODES = {
    400: "bad_request", 401: "login_required", 403: "forbidden", 404: "not_found", 405: "method_not_allowed",
    409: "conflict", 412: "stale_revision", 413: "too_large", 415: "bad_request", 422: "bad_config",
    429: "too_many_requests",
}

# Requests that are no good in themselves, whatever the state (RFC 5789 section 2.2 for patches).
STATUS_OF_CODE = {"bad_patch": 400, "too_large": 413, "bad_name": 400}


class Refusal(Exception):
    """A request that is answered with an error.

    Parameters
    ----------
    status : int
        400, 401, 403, 404, 409, 412, 413, 422 or 429.
    code : str
        Stable word.
    message : str
    headers : mapping, optional
    **details
    """

    def __init__(self, status: int, code: str, message: str, *, headers: Mapping[str, str] | None = None,
                 **details: Any) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.details = details
        self.headers = dict(headers or {})


def json_answer(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return `body` as JSON (NaN as null); never kept by a cache."""
    return web.Response(text=dumps(body), status=status, content_type="application/json",
                        headers={"Cache-Control": "no-store", **(headers or {})})


def error_answer(status: int, code: str, message: str, details: Mapping[str, Any] | None = None,
                 headers: Mapping[str, str] | None = None) -> web.Response:
    """Return ``{"error": {"code", "message", "details"}}``."""
    return json_answer({"error": {"code": code, "message": message, "details": dict(details or {})}},
                       status, headers)


def status_of(error: EegcoreError) -> int:
    """Return the HTTP status for an error of eegcore.

    What cannot be understood is 422 and what does not exist 404; everything else (the state, a lock, a device
    that does not answer) is a conflict of the request with the world as it is.
    """
    if error.code in STATUS_OF_CODE:
        return STATUS_OF_CODE[error.code]
    if isinstance(error, NotFound):
        return 404
    if isinstance(error, StaleRevision):
        return 412
    if isinstance(error, (StateConflict, Stopped, Closed)):
        return 409
    if isinstance(error, (ConfigError, ValueError)):
        return 422
    return 409


def error_of(exc: BaseException) -> tuple[int, dict[str, Any]]:
    """Return status and error object for any exception; what is a mistake of ours is logged and says little."""
    if isinstance(exc, EegcoreError):
        return status_of(exc), {"code": exc.code, "message": str(exc), "details": dict(exc.details)}
    if isinstance(exc, TimeoutError):
        return 409, {"code": "busy", "message": "controller: no answer within 5 s. Try again.", "details": {}}
    if isinstance(exc, (OSError, MemoryError)):
        return 409, {"code": "system", "message": f"pipeline: the machine refused: {exc}.", "details": {}}
    if isinstance(exc, Refusal):
        return exc.status, {"code": exc.code, "message": str(exc), "details": exc.details}
    log.error("server: a request failed unexpectedly.", exc_info=exc)
    return 500, {"code": "internal_error", "details": {},
                 "message": "server: an error inside eegcore. Its log has the details."}


def answer_of(exc: BaseException) -> web.Response:
    """Return the HTTP answer for any exception but aiohttp's own."""
    status, error = error_of(exc)
    headers = exc.headers if isinstance(exc, Refusal) else {}
    return json_answer({"error": error}, status, headers)


def answer_of_http(exc: web.HTTPException, path: str) -> web.StreamResponse:
    """Return the JSON form of an error aiohttp raised (unknown path, wrong method, body too large)."""
    if exc.status < 400:
        return exc
    messages = {
        404: f"{path}: there is nothing here. GET /api/openapi.json lists what there is.",
        405: f"{path}: this method is not offered here. Offered: {exc.headers.get('Allow', 'none')}.",
        413: f"{path}: the body is larger than 256 KiB, the most that is read.",
    }
    headers = {"Allow": exc.headers["Allow"]} if "Allow" in exc.headers else {}
    return error_answer(exc.status, HTTP_CODES.get(exc.status, "bad_request"),
                        messages.get(exc.status, f"{path}: {exc.text or exc.reason}"), headers=headers)

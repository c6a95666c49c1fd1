"""The middleware every request passes: Host, Origin, role, and one shape for errors."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.typedefs import Middleware

from eegcore.server.answers import Refusal, answer_of, answer_of_http
from eegcore.server.hosts import HostRule, same_origin
from eegcore.server.policy import BY_ROUTE, UNKNOWN, Policy
from eegcore.server.security import RANK, Access, AttemptLimit, Role

HEADERS = {
    "Server": "eegcore",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
                               "font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; "
                               "form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
ROLE: web.RequestKey[Role] = web.RequestKey("role", str)     # type: ignore[arg-type]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Guard:
    """Decides about each request before its handler runs.

    `rule` is set when the port is known; until then nothing is answered.
    """

    def __init__(self, access: Access, attempts: AttemptLimit) -> None:
        self.access = access
        self.attempts = attempts
        self.rule: HostRule | None = None

    @property
    def cookie(self) -> str:
        """Name of the session cookie; cookies know no ports, so the name carries it."""
        return f"eegcore_session_{self.rule.port if self.rule else 0}"

    def admit(self, request: web.Request) -> Role | None:
        """Return the role of this request; Refusal if it may not be answered."""
        self._check_host(request)
        policy = policy_of(request)
        if policy.check_origin:
            self._check_origin(request)
        role = self._role(request, policy)
        if policy.role is None:
            return role
        if role is None:
            raise Refusal(401, "login_required", f"{request.path}: a token is needed here. Send it as "
                          "'Authorization: Bearer TOKEN', or log in on the page.",
                          headers={"WWW-Authenticate": 'Bearer realm="eegcore"'})
        if RANK[role] < RANK[policy.role]:
            raise Refusal(403, "forbidden", f"{request.path}: a {role} may not do this. It takes the token of "
                          f"the {policy.role}.", role=role, needs=policy.role)
        return role

    def _check_host(self, request: web.Request) -> None:
        values = request.headers.getall("Host", [])
        if len(values) != 1 or not values[0]:
            raise Refusal(400, "bad_host", f"Host: {len(values)} such headers. A request has exactly one.")
        local = request.transport.get_extra_info("sockname") if request.transport else None
        if self.rule is None or not self.rule.allows(values[0], local[0] if local else None):
            raise Refusal(403, "bad_host", f"Host: {values[0][:80]!r} is not a name of this server. "
                          "Start it with '--allow-host NAME' if it should be.")

    def _check_origin(self, request: web.Request) -> None:
        origins = request.headers.getall("Origin", [])
        if any(not same_origin(origin, request.headers["Host"]) for origin in origins) or len(origins) > 1:
            raise Refusal(403, "bad_origin", f"Origin: {origins[0][:80]!r} is another site. Only pages of this "
                          "server may talk to it.")
        # browsers leave Origin out of some requests but say where they come from
        if (request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin")
                and request.headers.get("Sec-Fetch-Mode") != "navigate"):
            raise Refusal(403, "bad_origin", "Sec-Fetch-Site: this request was caused by a page of another site. "
                          "Only pages of this server may talk to it.")

    def _role(self, request: web.Request, policy: Policy) -> Role | None:
        if self.access.is_open:
            return "operator"
        header = request.headers.get("Authorization")
        if header is not None:
            scheme, _, token = header.partition(" ")
            if scheme.lower() == "bearer":
                return self.check_token(request, token.strip())
        if policy.socket and "ticket" in request.query:
            return self.access.use_ticket(request.query["ticket"])
        session = request.cookies.get(self.cookie)
        return self.access.role_of_session(session) if session else None

    def check_token(self, request: web.Request, token: str) -> Role | None:
        """Return the role of `token`; counts wrong ones, and refuses (429) an address with too many."""
        address = request.remote or ""
        wait_s = self.attempts.wait_s(address)
        if wait_s > 0:
            raise Refusal(429, "too_many_attempts", f"token: too many wrong ones from {address}. Wait "
                          f"{wait_s:.0f} s.", headers={"Retry-After": str(int(wait_s) + 1)}, retry_after_s=wait_s)
        role = self.access.role_of_token(token)
        if role is None:
            self.attempts.failed(address)
        else:
            self.attempts.succeeded(address)
        return role


def policy_of(request: web.Request) -> Policy:
    """Return the row for this request; RuntimeError for a route somebody added without one."""
    if request.match_info.http_exception is not None:
        return UNKNOWN
    resource = request.match_info.route.resource
    key = (request.method, ("/static/{name:.+}" if resource is None else route_path(resource)))
    if key not in BY_ROUTE:
        raise RuntimeError(f"route {key[0]} {key[1]}: has no policy. Add a row to eegcore/server/policy.py.")
    return BY_ROUTE[key]


def route_path(resource: web.AbstractResource) -> str:
    """Return the path of a resource as it was written in the policy table."""
    info = resource.get_info()
    if "formatter" in info:
        return "/static/{name:.+}" if info["formatter"] == "/static/{name}" else info["formatter"]
    return info["path"]


def outermost(guard: Guard) -> Middleware:
    """Return the outermost middleware of the application."""

    @web.middleware
    async def answer_all(request: web.Request, handler: Handler) -> web.StreamResponse:
        answer: web.StreamResponse
        try:
            role = guard.admit(request)
            if role is not None:
                request[ROLE] = role
            answer = await handler(request)
        except web.HTTPException as exc:
            answer = answer_of_http(exc, request.path[:200])
        except (asyncio.CancelledError, ConnectionResetError):
            raise
        except Exception as exc:
            answer = answer_of(exc)
        if not answer.prepared:
            answer.headers.update(HEADERS)
            await _read_rest(request, answer)
        return answer

    return answer_all


async def _read_rest(request: web.Request, answer: web.StreamResponse) -> None:
    """Refused before its body was read: take a small rest, close the connection on a large one."""
    if request.body_exists and not request.content.is_eof() and answer.status >= 400:
        answer.force_close()
        with contextlib.suppress(Exception):
            async with asyncio.timeout(1.0):
                await request.read()

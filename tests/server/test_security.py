"""Who is let in: Host, Origin, tokens, tickets, attempts, numbers. Every route has a policy."""

from __future__ import annotations

import itertools
import re

import aiohttp
import pytest

from eegcore.server.app import Server
from eegcore.server.guard import HEADERS, route_path
from eegcore.server.hosts import HostRule, is_loopback, same_origin
from eegcore.server.policy import BY_ROUTE, POLICIES, Policy
from eegcore.server.security import Access, AttemptLimit, ClientLimit, new_token

from .conftest import FakeController, running_server

TOKEN, VIEWER = "operator-secret", "viewer-secret"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


# -- the table ----------------------------------------------------------------------------------------------


def test_every_route_has_a_policy_and_every_policy_a_route():
    server = Server(FakeController(), Access())
    routes = {(route.method, route_path(route.resource)) for route in server.app.router.routes()}
    assert routes == set(BY_ROUTE)
    assert len(POLICIES) == len(BY_ROUTE)
    server.door.close()


def test_only_page_files_and_login_are_open_to_anybody():
    assert {policy.path for policy in POLICIES if policy.role is None} == {"/", "/static/{name:.+}", "/api/login"}
    assert all(policy.check_origin for policy in POLICIES)
    assert all(policy.role == "operator" for policy in POLICIES if policy.path.startswith("/pipeline/"))


async def test_a_route_without_a_policy_answers_nobody(controller):
    async def forgotten(request):
        raise AssertionError("reached without a policy")

    async with running_server(controller) as server:
        server.server.app.router._frozen = False
        server.server.app.router.add_get("/forgotten", forgotten)
        async with server.get("/forgotten") as answer:
            assert answer.status == 500
            assert (await answer.json())["error"]["code"] == "internal_error"


# -- Host and Origin ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("header", "allowed"), [
    ("127.0.0.1:9000", True), ("localhost:9000", True), ("[::1]:9000", True), ("LOCALHOST:9000", True),
    ("pi.local:9000", True), ("pi.local", True), ("lab.example:8443", True), ("lab.example", False),
    ("lab.example:9000", False), ("127.0.0.1", False), ("127.0.0.1:80", False), ("localhost:9001", False),
    ("evil.example:9000", False), ("127.0.0.1.evil.example:9000", False), ("localhost.evil.example:9000", False),
    ("127.0.0.1:9000@evil.example", False), ("127.0.0.1:9000/", False), ("127.0.0.1 :9000", False), ("", False),
    ("127.0.0.1:09000x", False), ("[::1", False), ("0.0.0.0:9000", False), ("2130706433:9000", False),
    ("127.1:9000", False), ("localhost.:9000", False), ("127.0.0.1:99999", False), ("[fe80::zz]:9000", False)])
def test_host_header_is_one_of_ours_exactly(header, allowed):
    rule = HostRule("127.0.0.1", 9000, ["pi.local", "lab.example:8443"])
    assert rule.allows(header, "127.0.0.1") is allowed


def test_listening_everywhere_the_address_reached_is_a_name_of_ours():
    rule = HostRule("0.0.0.0", 9000)
    assert rule.allows("192.168.1.7:9000", "192.168.1.7")
    assert not rule.allows("192.168.1.8:9000", "192.168.1.7")
    assert not HostRule("192.168.1.7", 9000).allows("10.0.0.1:9000", "10.0.0.1")


def test_an_allowed_host_that_is_no_name_is_refused_at_start():
    with pytest.raises(ValueError, match=r"--allow-host: 'http://x' is not a host name"):
        HostRule("127.0.0.1", 9000, ["http://x"])


@pytest.mark.parametrize(("origin", "host", "same"), [
    ("http://localhost:9000", "localhost:9000", True), ("https://lab.example", "lab.example", True),
    ("http://lab.example", "lab.example:80", True), ("http://[::1]:9000", "[::1]:9000", True),
    ("http://127.0.0.1:9000", "localhost:9000", False), ("http://localhost:3000", "localhost:9000", False),
    ("null", "localhost:9000", False), ("", "localhost:9000", False), ("file://", "localhost:9000", False),
    ("http://evil.example", "localhost:9000", False), ("http://localhost:9000.evil.example", "localhost:9000", False),
    ("http://localhost:9000@evil.example", "localhost:9000", False), ("http://[", "localhost:9000", False),
    ("http://localhost:9000/", "localhost:9000", False), ("ftp://localhost:9000", "localhost:9000", False),
    ("chrome-extension://localhost:9000", "localhost:9000", False)])
def test_origin_is_the_same_site(origin, host, same):
    assert same_origin(origin, host) is same


ROUTES = [pytest.param(policy, id=f"{policy.method} {policy.path}") for policy in POLICIES]


def path_of(policy: Policy) -> str:
    return re.sub(r"{\w+}", "x", policy.path.replace("{name:.+}", "app.js"))


@pytest.mark.parametrize("policy", ROUTES)
async def test_host_and_origin_matrix_on_every_route(running, policy):
    hosts = {f"127.0.0.1:{running.port}": True, f"localhost:{running.port}": True, "evil.example": False,
             f"evil.example:{running.port}": False, "127.0.0.1": False}
    origins = {None: True, "http://evil.example": False, "null": False, "http://localhost:1": False, "same": True}
    for (host, host_ok), (origin, origin_ok) in itertools.product(hosts.items(), origins.items()):
        headers = {"Host": host}
        if origin is not None:
            headers["Origin"] = f"http://{host}" if origin == "same" else origin
        async with running.session.request(policy.method, running.url + path_of(policy), headers=headers) as answer:
            refused = answer.status == 403 and (await answer.json())["error"]["code"] in ("bad_host", "bad_origin")
            assert refused is not (host_ok and origin_ok), (host, origin, answer.status)
            assert "Access-Control-Allow-Origin" not in answer.headers
            assert answer.headers["Content-Security-Policy"] == HEADERS["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/ws/data", "/ws/control"])
async def test_a_page_of_another_site_cannot_open_a_socket(running, path):
    for headers in ({"Origin": "http://evil.example"}, {"Host": f"evil.example:{running.port}"}, {"Origin": "null"}):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await running.session.ws_connect(running.url + path, headers=headers)
        assert refused.value.status == 403
    async with running.session.ws_connect(running.url + path, headers={"Origin": running.url}):
        pass


async def test_a_request_caused_by_another_site_without_origin_is_refused(running):
    async with running.get("/api/state", headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}) as got:
        assert got.status == 403
    async with running.get("/", headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}) as got:
        assert got.status in (200, 404)


async def test_two_host_headers_or_none_are_refused(running):
    import asyncio

    for head in ("GET /health HTTP/1.1\r\nHost: 127.0.0.1:{0}\r\nHost: evil\r\n\r\n", "GET /health HTTP/1.0\r\n\r\n"):
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
        writer.write(head.format(running.port).encode())
        line = await reader.readline()
        assert b" 400 " in line
        writer.close()


# -- tokens -------------------------------------------------------------------------------------------------


@pytest.fixture
async def guarded(controller):
    async with running_server(controller, token=TOKEN, viewer_token=VIEWER) as server:
        yield server


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize("policy", ROUTES)
async def test_with_a_token_set_nothing_answers_without(guarded, policy):
    async with guarded.session.request(policy.method, guarded.url + path_of(policy)) as answer:
        if policy.role is None:
            assert answer.status != 401
        else:
            assert answer.status == 401
            assert (await answer.json())["error"]["code"] == "login_required"
    if policy.role is None:
        return
    async with guarded.session.request(policy.method, guarded.url + path_of(policy), headers=bearer(VIEWER)) as answer:
        assert (answer.status == 403) is (policy.role == "operator")
    async with guarded.session.request(policy.method, guarded.url + path_of(policy), headers=bearer(TOKEN)) as answer:
        assert answer.status not in (401, 403)


async def test_not_even_what_exists_is_told_without_a_token(guarded):
    async with guarded.get("/api/nothing") as answer:
        assert answer.status == 401
    async with guarded.get("/api/nothing", headers=bearer(VIEWER)) as answer:
        assert answer.status == 404


async def test_login_gives_a_cookie_that_scripts_cannot_read(guarded):
    async with guarded.post("/api/login", json={"token": VIEWER}) as answer:
        assert (answer.status, await answer.json()) == (200, {"ok": True, "role": "viewer"})
        cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert VIEWER not in cookie
    value = cookie.split(";")[0]
    async with aiohttp.ClientSession(headers={"Cookie": value}) as browser:
        async with browser.get(guarded.url + "/api/state") as answer:
            assert answer.status == 200
        async with browser.post(guarded.url + "/pipeline/start") as answer:
            assert answer.status == 403
        async with browser.ws_connect(guarded.url + "/ws/data", headers={"Origin": guarded.url}):
            pass


@pytest.mark.parametrize(("body", "status", "code"), [
    (b'{"token":"wrong"}', 401, "wrong_token"), (b"{}", 400, "bad_request"), (b"[1]", 400, "bad_request"),
    (b"{", 400, "bad_json"), (b"\xff\xfe", 400, "bad_request"), (b'{"token":7}', 400, "bad_request"),
    (b"", 400, "bad_json"), (b"[" * 100_000, 400, "bad_json")])
async def test_a_wrong_login_says_why(guarded, body, status, code):
    async with guarded.post("/api/login", data=body) as answer:
        assert (answer.status, (await answer.json())["error"]["code"]) == (status, code)


async def test_a_ticket_opens_one_socket_once(guarded):
    async with guarded.post("/api/ticket", headers=bearer(TOKEN)) as answer:
        ticket = (await answer.json())["ticket"]
    async with guarded.get(f"/api/state?ticket={ticket}") as answer:
        assert answer.status == 401                      # sockets only, and not used up by that
    async with guarded.session.ws_connect(f"{guarded.url}/ws/control?ticket={ticket}"):
        pass
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await guarded.session.ws_connect(f"{guarded.url}/ws/control?ticket={ticket}")
    assert refused.value.status == 401


async def test_the_eleventh_wrong_token_has_to_wait(guarded):
    for _ in range(10):
        async with guarded.get("/api/state", headers=bearer("guess")) as answer:
            assert answer.status == 401
    async with guarded.post("/api/login", json={"token": TOKEN}) as answer:
        assert answer.status == 429
        assert (await answer.json())["error"]["code"] == "too_many_attempts"
        assert int(answer.headers["Retry-After"]) >= 1


def test_attempts_double_the_delay_and_are_forgiven():
    clock = Clock()
    limit = AttemptLimit(clock)
    for _ in range(9):
        limit.failed("a")
    assert limit.wait_s("a") == 0
    delays = []
    for _ in range(6):
        limit.failed("a")
        delays.append(limit.wait_s("a"))
        clock.now += delays[-1]
    assert delays == [1, 2, 4, 8, 16, 32]
    assert limit.wait_s("b") == 0
    clock.now += 200
    limit.failed("a")
    assert limit.wait_s("a") == 0
    for _ in range(60):
        limit.failed("a")
    assert limit.wait_s("a") == 3600


def test_sessions_end_after_a_day_and_tickets_after_half_a_minute():
    clock = Clock()
    access = Access("t", clock=clock)
    session, ticket = access.new_session("viewer"), access.new_ticket("operator")
    clock.now += 29.9
    assert access.role_of_session(session) == "viewer"
    kept = access.new_ticket("operator")
    assert access.use_ticket(ticket) == "operator"
    assert access.use_ticket(ticket) is None
    clock.now += 30.1
    assert access.use_ticket(kept) is None
    clock.now += 24 * 3600
    assert access.role_of_session(session) is None
    assert access.role_of_session("made up") is None


def test_sessions_do_not_pile_up():
    access = Access("t")
    first = access.new_session("viewer")
    for _ in range(1100):
        access.new_session("viewer")
    assert access.role_of_session(first) is None


def test_a_new_token_has_192_bit():
    assert len(new_token()) == 32
    assert new_token() != new_token()


def test_there_may_be_64_clients_and_8_of_one_address_but_loopback():
    limit = ClientLimit()
    assert [limit.enter("10.0.0.1") for _ in range(8)] == [None] * 8
    assert "8 clients of 10.0.0.1" in limit.enter("10.0.0.1")
    assert [limit.enter("127.0.0.1") for _ in range(56)] == [None] * 56
    assert "64 clients are connected" in limit.enter("127.0.0.1")
    limit.leave("10.0.0.1")
    assert limit.enter("10.0.0.1") is None


async def test_the_65th_socket_is_refused_and_a_place_becomes_free(running):
    sockets = [await running.data() for _ in range(64)]
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await running.data()
    assert refused.value.status == 429
    await sockets.pop().close()
    await running.until(lambda: running.server.sockets.limit.total == 63)
    sockets.append(await running.data())
    for socket in sockets:
        await socket.close()


@pytest.mark.parametrize(("host", "loopback"), [
    ("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("::ffff:127.0.0.1", True),
    ("0.0.0.0", False), ("", False), ("192.168.1.1", False), ("pi.local", False), ("::", False)])
def test_what_counts_as_loopback(host, loopback):
    assert is_loopback(host) is loopback

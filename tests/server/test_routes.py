"""HTTP: what each address answers, how errors look, and that nothing outside the page can be read."""

from __future__ import annotations

import asyncio
import random
import socket
import threading
from urllib.parse import quote

import pytest

from eegcore.errors import EegcoreError, NotFound, SystemFailed
from eegcore.server.pagefiles import PageFiles
from eegcore.server.policy import POLICIES
from eegcore.server.serve import serve

from .conftest import FakeOutlet, receive, running_server


async def test_answers_of_the_controller_reach_the_client(running):
    for path, key in (("/api/state", "state"), ("/api/config", "stages"), ("/api/plan", "name"),
                      ("/api/ledger", "balanced"), ("/api/stages", "stages")):
        async with running.get(path) as answer:
            assert answer.status == 200
            assert answer.headers["Cache-Control"] == "no-store"
            assert key in await answer.json()


async def test_nan_in_a_plan_is_null(running):
    async with running.get("/api/plan") as answer:
        assert (await answer.json())["nan"] is None


async def test_health_is_200_or_503_with_reasons(running):
    async with running.get("/health") as answer:
        assert (answer.status, (await answer.json())["ok"]) == (200, True)
    running.controller.health_answer = (False, ["thread worker-dsp: no sign of life for 3 s"], [{"name": "worker-dsp"}])
    async with running.get("/health") as answer:
        body = await answer.json()
        assert (answer.status, body["ok"], body["reasons"]) == (503, False, running.controller.health_answer[1])


async def test_health_answers_while_a_shutdown_drains(running):
    release = threading.Event()
    running.controller.shutdown = lambda: release.wait(20)
    shutting = asyncio.create_task(running.post("/pipeline/shutdown").__aenter__())
    async with running.get("/health") as answer:
        assert answer.status == 200
    release.set()
    (await shutting).close()


@pytest.mark.parametrize(("body", "call"), [
    (b"", ("start", None, None)), (b"  \n", ("start", None, None)), (b"{}", ("start", None, None)),
    (b'{"preset": "eeg8_250"}', ("start", None, "eeg8_250")),
    (b"- acquire: {sps: 250}\n", ("start", "- acquire: {sps: 250}\n", None)),
    (b'[{"acquire": {}}]', ("start", '[{"acquire": {}}]', None)),
    (b'{"version": 1, "stages": []}', ("start", '{"version": 1, "stages": []}', None))])
async def test_start_takes_nothing_a_preset_or_a_pipeline(running, body, call):
    async with running.post("/pipeline/start", data=body) as answer:
        assert (answer.status, (await answer.json())["state"]) == (200, "running")
    assert running.controller.calls == [call]


async def test_errors_have_status_code_message_and_details(running):
    async with running.post("/pipeline/start", data=b"wrong: 1") as answer:
        error = (await answer.json())["error"]
        assert (answer.status, error["code"]) == (422, "bad_config")
        assert error["details"]["problems"][0]["message"].startswith("request:1:1")
    async with running.post("/pipeline/start") as answer:
        assert answer.status == 200
    async with running.post("/pipeline/start") as answer:
        error = (await answer.json())["error"]
        assert (answer.status, error["code"], error["message"]) == (
            409, "conflict", "pipeline: is running. Shut it down first.")
    async with running.post("/pipeline/start", data=b'{"preset": 5}') as answer:
        assert (answer.status, (await answer.json())["error"]["code"]) == (400, "bad_request")
    async with running.post("/pipeline/start", data=b"\xff") as answer:
        assert answer.status == 400
    async with running.post("/pipeline/start", data=bytes(256 * 1024 + 1)) as answer:
        assert (answer.status, (await answer.json())["error"]["code"]) == (413, "too_large")
    async with running.get("/nothing") as answer:
        assert (answer.status, (await answer.json())["error"]["code"]) == (404, "not_found")
    async with running.session.delete(running.url + "/api/state") as answer:
        assert (answer.status, (await answer.json())["error"]["code"]) == (405, "method_not_allowed")
        assert answer.headers["Allow"] == "GET"
    async with running.get("/ws/data") as answer:
        assert (answer.status, (await answer.json())["error"]["code"]) == (400, "websocket_only")


@pytest.mark.parametrize(("raised", "status", "code"), [
    (NotFound("preset: nothing is called 'x'."), 404, "not_found"), (SystemFailed("no.", errno=12), 409, "system"),
    (EegcoreError("x", code="locked"), 409, "locked"), (OSError("disk"), 409, "system"),
    (ZeroDivisionError("secret inside"), 500, "internal_error")])
async def test_every_exception_has_an_answer_and_mistakes_of_ours_say_little(running, raised, status, code):
    def fail(*arguments):
        raise raised

    running.controller.start = fail
    async with running.post("/pipeline/start") as answer:
        assert (answer.status, (await answer.json())["error"]["code"]) == (status, code)
        assert "secret" not in await answer.text()


async def test_an_event_that_is_on_its_way_while_the_server_ends_asks_for_nothing(controller, caplog):
    async with running_server(controller) as running:
        server = running.server
        close_all = server.sockets.close_all

        async def close_late() -> None:
            await close_all()
            server._on_event({"event": "outlets"})       # a thread had it in hand before it was told to stop

        server.sockets.close_all = close_late
    await asyncio.sleep(0.01)
    assert not [line for line in caplog.messages if "outlets of the run could not be read" in line]


async def test_pause_resume_and_shutdown(running):
    for command, state in (("start", "running"), ("pause", "paused"), ("resume", "running"), ("shutdown", "stopped")):
        async with running.post(f"/pipeline/{command}") as answer:
            body = await answer.json()
            assert (answer.status, body["state"]) == (200, state)
    assert body["ledger"]["balanced"]


async def test_ledger_carries_every_client(running):
    outlet = FakeOutlet("eeg")
    running.controller.set_outlets(outlet)
    async with running.data("?topic=eeg") as socket:
        await receive(socket, "meta")
        outlet.put_frames(16)
        await receive(socket, "binary")
        async with running.get("/api/ledger") as answer:
            clients = (await answer.json())["clients"]
            assert clients == {"c1": {"offered": 16, "sent": 16, "skipped": {}, "queued": 0}}
    await running.until(lambda: not running.server.broker.clients)
    assert running.controller.ledger()["clients"]["c1"]["closed"] == "disconnected"


async def test_openapi_describes_every_route(running):
    async with running.get("/api/openapi.json") as answer:
        document = await answer.json()
    described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert described == {(policy.method, policy.path.replace(":.+", "")) for policy in POLICIES}
    assert document["openapi"] == "3.1.0"


async def test_the_page_and_its_files(running):
    async with running.get("/") as answer:
        assert answer.status == 200
        assert answer.content_type == "text/html"
        assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    async with running.get("/static/app.js") as answer:
        assert (answer.status, answer.content_type) == (200, "text/javascript")


def traversals(n: int) -> list[str]:
    """Return `n` paths that try to get out of the page's folder, reproducible."""
    random_ = random.Random(7)
    parts = ["..", "%2e%2e", ".%2e", "..%2f", "%2f", "..\\", "%5c", "....//", "..;", "%00", "%c0%ae%c0%ae", "%252e",
             "app.js", "index.html", "~root", ".", "C:", "\u2025", "%ff", "web", "static", "-", "con", "%0d%0aX: y"]
    ends = ["/etc/passwd", "errors.py", "__init__.py", "server/security.py", ".git/config", "app.js/", "app.js%00.html",
            "/proc/self/environ", "pyproject.toml", "index.html/..", ""]
    return ["/".join([*random_.choices(parts, k=random_.randint(1, 8)), random_.choice(ends)]) for _ in range(n)]


async def test_no_name_escapes_from_the_folder_of_the_page(running):
    """1000 names over raw sockets, so that no client library tidies them up first."""
    reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
    answered = 0
    for name in traversals(1000):
        target = quote(name, safe="/%.;\\:~-")
        writer.write(f"GET /static/{target} HTTP/1.1\r\nHost: 127.0.0.1:{running.port}\r\n\r\n".encode())
        try:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
        except asyncio.IncompleteReadError:
            head = b"closed"
        status = head.split(b" ")[1:2]
        length = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), 0)
        body = await reader.readexactly(length) if head != b"closed" else b""
        answered += 1
        assert b"root:" not in body
        assert b"import " not in body
        if status != [b"404"] or b"close" in head.lower():
            assert status in ([b"404"], [b"400"], []), (name, head)
            writer.close()
            reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
    writer.close()
    assert answered == 1000


def test_links_hidden_and_strange_files_are_not_offered(tmp_path):
    (tmp_path / "secret.txt").write_text("secret")
    folder = tmp_path / "web"
    (folder / "sub").mkdir(parents=True)
    (folder / ".git").mkdir()
    for name in ("index.html", "sub/a.js", ".hidden.js", "notes.txt", ".git/config.json"):
        (folder / name).write_text(name)
    (folder / "link.js").symlink_to(tmp_path / "secret.txt")
    (folder / "linked").symlink_to(tmp_path)
    files = PageFiles(folder)
    assert files.names() == ["index.html", "sub/a.js"]
    assert files.read("sub/a.js") == (b"sub/a.js", "text/javascript")
    (folder / "sub" / "a.js").unlink()
    (folder / "sub" / "a.js").symlink_to(tmp_path / "secret.txt")
    assert files.read("sub/a.js") is None                # became a link after the start


# -- metrics ------------------------------------------------------------------------------------------------


STATS = {
    "event": "stats", "run_id": "r", "frames": 1000, "lost": 3,
    "stages": {"notch": {"packets": 5, "frames": 80, "errors": 0, "skipped": 0, "held": 0, "seconds": 0.5,
                         "p50_us": 4.0, "p99_us": 9.0},
               "zip": {"packets": 5, "inputs": {"b": {"used": 78, "repeated": 1, "skipped": 2, "filled": 3}}}},
    "edges": {"a->b": {"depth": 2, "capacity": 8, "high_water": 4, "policy": "fail", "in": 100, "out": 90,
                       "dropped": {"overflow": 10}}},
    "pools": {"raw": {"size": 64, "free": 60, "grown": 1, "exhausted": 0}},
    "sources": {"acquire": {"edges": 1000, "missed": 3, "bad_status": 0, "late": 0, "rate_sps": 250.01, "paused": 0}},
    "sinks": {"csv": {"in": 90, "written": 88, "queued": 2, "refused": {"disk_full": 1}, "latency_p50_us": 100,
                      "latency_p99_us": 200, "latency_max_us": 300}},
    "threads": [{"name": "acquire", "heartbeat_age_s": 0.01, "cpu_s": 1.5, "realtime": True, "cores": [0]}],
}


async def test_metrics_are_prometheus_text_with_the_names_of_the_contract(running):
    from prometheus_client.parser import text_string_to_metric_families

    running.controller.stats_answer = STATS
    outlet = FakeOutlet("eeg")
    running.controller.set_outlets(outlet)
    async with running.data("?topic=eeg") as socket:
        await receive(socket, "meta")
        outlet.put_frames(16)
        await receive(socket, "binary")
        async with running.get("/metrics") as answer:
            assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
            text = await answer.text()
    samples = {(sample.name, *sample.labels.values()): sample.value
               for family in text_string_to_metric_families(text) for sample in family.samples}
    expected = {
        ("eegcore_state", "stopped"): 1, ("eegcore_frames_total",): 1000, ("eegcore_lost_frames_total",): 3,
        ("eegcore_stage_packets_total", "notch"): 5, ("eegcore_stage_process_seconds_total", "notch"): 0.5,
        ("eegcore_stage_process_p99_seconds", "notch"): 9e-6, ("eegcore_edge_depth_packets", "a->b"): 2,
        ("eegcore_edge_dropped_frames_total", "a->b", "overflow"): 10, ("eegcore_pool_free_slots", "raw"): 60,
        ("eegcore_source_missed_frames_total", "acquire"): 3, ("eegcore_source_rate_sps", "acquire"): 250.01,
        ("eegcore_stage_input_filled_frames_total", "b", "zip"): 3,
        ("eegcore_sink_refused_frames_total", "disk_full", "csv"): 1,
        ("eegcore_sink_latency_seconds", "0.99", "csv"): 200e-6, ("eegcore_thread_realtime", "acquire"): 1,
        ("eegcore_client_sent_frames_total", "c1"): 16, ("eegcore_clients",): 1, ("eegcore_encodings_total",): 1,
    }
    assert {name: samples[name] for name in expected} == pytest.approx(expected)
    assert 0 <= samples["eegcore_client_newest_age_seconds", "c1"] < 60


async def test_a_slow_scrape_does_not_hold_up_packets(running):
    release = threading.Event()

    def slow_stats():
        release.wait(20)
        return {}

    running.controller.stats = slow_stats
    outlet = FakeOutlet("eeg")
    running.controller.set_outlets(outlet)
    async with running.data("?topic=eeg") as socket:
        await receive(socket, "meta")
        scrape = asyncio.create_task(running.get("/metrics").__aenter__())
        for _ in range(50):
            outlet.put_frames(16)
            await receive(socket, "binary")
        assert not scrape.done()
        release.set()
        (await scrape).close()


# -- from the outside ---------------------------------------------------------------------------------------


async def test_a_taken_port_says_which_and_what_to_do(controller):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SystemFailed) as refused:
            await serve(controller, "127.0.0.1", port)
    assert refused.value.code == "port_taken"
    assert str(refused.value) == (f"127.0.0.1:{port}: the port is taken by another program. Stop it, or choose another "
                                  "with '--port N'. [EADDRINUSE 98]")


@pytest.mark.parametrize(("host", "settings", "code"), [
    ("0.0.0.0", {}, "token_required"), ("", {}, "token_required"), ("192.0.2.1", {"token": "x"}, "cannot_listen"),
    ("127.0.0.1", {"viewer_token": "v"}, "token_required"), ("127.0.0.1", {"token": ""}, "token_required"),
    ("127.0.0.1", {"allow_hosts": ["a b"]}, "bad_host"), ("no.such.host.invalid", {"token": "x"}, "bad_host")])
async def test_a_server_that_would_be_open_or_unreachable_does_not_start(controller, host, settings, code):
    with pytest.raises(EegcoreError) as refused:
        await serve(controller, host, 0, **settings)
    assert refused.value.code == code


async def test_stopping_drains_the_run_delivers_the_rest_and_says_1001(controller):
    outlet = FakeOutlet("eeg")
    async with running_server(controller) as server:
        await server.post("/pipeline/start")
        controller.set_outlets(outlet)
        data = await server.data("?topic=eeg")
        control = await server.control()
        await receive(data, "meta")
        for _ in range(40):
            outlet.put_frames(16)

        async def read_all():
            packets = 0
            while True:
                message = await data.receive(timeout=10)
                if message.type.name == "BINARY":
                    packets += 1
                elif message.type.name.startswith("CLOS"):
                    return packets, data.close_code

        async def read_control():
            async for _ in control:
                pass
            return control.close_code

        reading = asyncio.gather(read_all(), read_control())
        server.stop()
        assert await reading == [(40, 1001), 1001]
    assert ("shutdown",) in controller.calls

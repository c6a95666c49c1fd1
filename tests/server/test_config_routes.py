"""The routes that change what runs, over a real server and a real controller."""

from __future__ import annotations

import asyncio
import json
import random

import pytest
import yaml

from eegcore.control.controller import Controller
from eegcore.control.patching import MAX_OPERATIONS
from eegcore.server.answers import Refusal
from eegcore.server.routes_config import revision_of

from .conftest import receive, running_server

STAGES = [{"acquire": {"board": "emulator", "sps": 250, "channels": 4}}, {"to_voltage": {}}, {"gain": {"factor": 1}},
          {"websocket_sink": {"topic": "eeg"}}]


@pytest.fixture
async def served(tmp_path, monkeypatch):
    """A server over a real controller, nothing running; what is saved lies in `tmp_path`."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    controller = Controller(STAGES)
    async with running_server(controller) as server:
        yield server
    controller.shutdown(20)


def patch_of(value, path="/stages/gain/factor", op="replace"):
    return [{"op": op, "path": path, "value": value}]


def send(server, patch, method="PATCH", path="/api/config", **keywords):
    data = patch if isinstance(patch, str) else json.dumps(patch)
    return server.session.request(method, server.url + path, data=data, **keywords)


async def error(answer):
    return answer.status, (await answer.json())["error"]["code"]


async def test_a_patch_answers_its_revision_and_is_told_to_everybody(served):
    async with served.control() as socket:
        greeting = await receive(socket)
        async with send(served, patch_of(2), headers={"If-Match": str(greeting["config_rev"])}) as answer:
            assert (answer.status, await answer.json()) == (200, {"config_rev": 2})
            assert answer.headers["ETag"] == '"2"'
        told = await receive(socket, "config")
    async with served.get("/api/config") as answer:
        stored = await answer.json()
        assert answer.headers["ETag"] == '"2"'
    assert told == {"event": "config", "config_rev": 2, "config": stored}
    assert stored["stages"]["gain"]["factor"] == 2


@pytest.mark.parametrize(("header", "status"), [
    (None, 200), ("1", 200), ('"1"', 200), ('W/"1"', 200), ("*", 200), ("0", 412), ('"2"', 412), ("x", 400),
    ('"1", "2"', 400), ("", 400), ("-1", 400), ("1e3", 400), ("9" * 40, 400)])
async def test_if_match_is_honoured(served, header, status):
    async with send(served, patch_of(2), headers={} if header is None else {"If-Match": header}) as answer:
        assert answer.status == status
        body = await answer.json()
    if status == 412:
        assert (body["error"]["code"], body["error"]["details"]) == ("stale_revision", {"config_rev": 1})
    assert served.controller.config_rev == (2 if status == 200 else 1)


def test_two_headers_are_no_revision():
    with pytest.raises(Refusal):
        revision_of(["1", "2"])


@pytest.mark.parametrize(("body", "status", "code"), [
    ("{", 400, "bad_json"), ("", 400, "bad_json"), ("5", 400, "bad_patch"), ('{"op": "add"}', 400, "bad_patch"),
    ('[{"op": "append", "path": "/name", "value": "x"}]', 400, "bad_patch"),
    (json.dumps(patch_of(1) * (MAX_OPERATIONS + 1)), 413, "too_large"),
    (json.dumps(patch_of([0] * 20_000, op="add")), 413, "too_large"), ("[" * 100_000, 400, "bad_json"),
    (" " * (256 * 1024 + 1), 413, "too_large"),
    (json.dumps(patch_of(7, op="test")), 409, "test_failed"), (json.dumps(patch_of(7, "/stages/x/y")), 409,
                                                              "patch_conflict"),
    (json.dumps(patch_of("x")), 422, "bad_config"), (json.dumps(patch_of(None, "", "add")), 422, "bad_config")])
async def test_every_refusal_has_its_status_and_word(served, body, status, code):
    async with send(served, body) as answer:
        assert await error(answer) == (status, code)
    assert served.controller.config_rev == 1


async def test_all_mistakes_come_in_one_answer(served):
    async with send(served, [*patch_of("x"), *patch_of({"type": "ntch"}, "/stages/a", "add")]) as answer:
        problems = (await answer.json())["error"]["details"]["problems"]
    assert {problem["path"] for problem in problems} == {"stages.gain.factor", "stages.a.type"}


async def test_what_runs_is_what_is_stored_and_told(served):
    async with served.post("/pipeline/start") as answer:
        assert answer.status == 200
    async with served.control() as socket, send(served, patch_of(3)) as answer:
        assert await answer.json() == {"config_rev": 2}
        assert (await receive(socket, "config"))["config_rev"] in (1, 2)
    run = served.controller.run
    assert run.live.config_rev == served.controller.config_rev == 2
    async with send(served, patch_of(500, "/stages/acquire/sps")) as answer:
        assert await error(answer) == (409, "needs_stop")
        reasons = (await answer.json())["error"]["details"]["reasons"]
        assert any("acquire" in reason for reason in reasons)
    assert run.live.config_rev == served.controller.config_rev == 2


async def test_a_stage_that_would_read_a_spectrum_is_told_to_name_its_input(served):
    patch = [{"op": "add", "path": "/stages/fft", "value": {"type": "fft", "inputs": "gain"}},
             {"op": "add", "path": "/stages/bands", "value": {"type": "bands", "inputs": "fft"}},
             {"op": "add", "path": "/stages/notch", "value": {"type": "notch", "hz": 50}}]
    async with send(served, patch) as answer:
        assert (await answer.json())["error"]["message"].endswith(
            "Take its input from before the fft. It reads 'bands', the nearest above: write inputs: gain to read "
            "another.")
    patch[2]["value"]["inputs"] = "bands"
    async with send(served, patch) as answer:
        assert (await answer.json())["error"]["message"].endswith("Take its input from before the fft.")


async def test_an_empty_patch_is_no_revision(served):
    async with send(served, [], headers={"If-Match": "0"}) as answer:
        assert await error(answer) == (412, "stale_revision")
    async with send(served, []) as answer:
        assert (await answer.json(), answer.headers["ETag"]) == ({"config_rev": 1}, '"1"')
    async with served.post("/api/config/undo") as answer:
        assert await error(answer) == (409, "nothing_to_undo")


async def test_stages_by_route_and_undo(served):
    async with send(served, {"action": "add", "after": "gain"}, "POST", "/pipeline/stage/fft") as answer:
        assert await answer.json() == {"config_rev": 2}
    assert list(served.controller.config()["stages"])[-3:] == ["fft", "ws_fft", "websocket_sink"]
    async with send(served, {"action": "replace", "stage": {"fft": {"window_s": 1}}}, "POST",
                    "/pipeline/stage/fft", headers={"If-Match": "2"}) as answer:
        assert await answer.json() == {"config_rev": 3}
    async with send(served, {"action": "remove"}, "POST", "/pipeline/stage/fft", headers={"If-Match": "2"}) as answer:
        assert await error(answer) == (412, "stale_revision")
    async with send(served, {"action": "remove"}, "POST", "/pipeline/stage/fft") as answer:
        assert await answer.json() == {"config_rev": 4}
    async with served.post("/api/config/undo") as answer:
        assert await answer.json() == {"config_rev": 5}
    async with served.post("/api/config/undo", headers={"If-Match": "1"}) as answer:
        assert await error(answer) == (412, "stale_revision")
    assert served.controller.config()["stages"]["fft"]["window_s"] == 1
    for _ in range(2):
        async with served.post("/api/config/undo") as answer:
            assert answer.status == 200
    async with served.post("/api/config/undo") as answer:
        assert await error(answer) == (409, "nothing_to_undo")


@pytest.mark.parametrize(("stage", "body", "status", "code"), [
    ("gain", {"action": "add", "after": "gain"}, 409, "conflict"), ("nope", {"action": "remove"}, 404, "not_found"),
    ("fft", {"action": "add", "after": "nope"}, 404, "not_found"), ("fft", {"action": "jump"}, 400, "bad_request"),
    ("fft", [], 400, "bad_request"), ("fft", {}, 400, "bad_request"), ("fft", {"action": ["add"]}, 400, "bad_request"),
    ("fft", {"action": "add", "after": 5}, 400, "bad_request"),
    ("fft", {"action": "add", "splice": "yes"}, 400, "bad_request"),
    ("fft", {"action": "add", "stage": 5}, 422, "bad_argument"), ("gain", {"action": "replace"}, 422, "bad_argument"),
    ("A%20b", {"action": "add", "stage": {"fft": {}}, "after": "gain"}, 422, "bad_config"),
    ("acquire", {"action": "remove"}, 409, "conflict"), ("fft", {"action": "add", "at_frame": 7}, 409, "conflict")])
async def test_what_a_stage_route_refuses(served, stage, body, status, code):
    async with send(served, body, "POST", f"/pipeline/stage/{stage}") as answer:
        assert await error(answer) == (status, code)
    assert served.controller.config_rev == 1


@pytest.mark.parametrize(("body", "why"), [
    ({"action": "add", "aftr": "gain"}, "add: 'aftr' is not known. Known: stage, after, splice, topic, if_rev, "
     "at_frame. Did you mean 'after'?"),
    ({"action": "remove", "after": "gain"}, "remove: 'after' is not known. Known: if_rev, at_frame."),
    ({"action": "replace", "settings": {}}, "replace: 'settings' is not known. Known: stage, if_rev, at_frame.")])
async def test_a_key_that_is_not_known_is_refused_and_the_nearest_named(served, body, why):
    async with send(served, body, "POST", "/pipeline/stage/fft") as answer:
        assert (answer.status, (await answer.json())["error"]["message"]) == (400, why)
    assert served.controller.config_rev == 1


async def test_twenty_editors_lose_no_update(served):
    """Each adds one to a number it has read, again and again until nobody was faster."""
    async def editor(n_edits: int) -> int:
        refused = 0
        while n_edits:
            async with served.get("/api/config") as answer:
                etag, config = answer.headers["ETag"], await answer.json()
            factor = config["stages"]["gain"]["factor"]
            async with send(served, patch_of(factor + 1), headers={"If-Match": etag}) as answer:
                assert answer.status in (200, 412)
                n_edits -= answer.status == 200
                refused += answer.status == 412
        return refused

    async def socket_editor(n_edits: int) -> int:
        refused = 0
        async with served.control() as socket:
            while n_edits:
                await socket.send_json({"id": 1, "cmd": "GetConfig"})
                while (found := await receive(socket)).get("id") != 1:
                    pass
                factor = found["config"]["stages"]["gain"]["factor"]
                await socket.send_json({"id": 2, "cmd": "Patch", "patch": patch_of(factor + 1),
                                        "if_rev": found["config_rev"]})
                while (done := await receive(socket)).get("id") != 2:
                    pass
                n_edits -= done["ok"]
                refused += not done["ok"]
        return refused

    async with served.post("/pipeline/start") as answer:
        assert answer.status == 200
    refused = await asyncio.gather(*(editor(2) for _ in range(10)), *(socket_editor(2) for _ in range(10)))
    assert served.controller.config()["stages"]["gain"]["factor"] == 1 + 20 * 2
    assert served.controller.config_rev == served.controller.run.live.config_rev == 1 + 20 * 2
    assert sum(refused) > 0                              # they were in each other's way


def odd(draw: random.Random, depth: int = 0):
    """Return any JSON value, words of the interface among it."""
    words = ["add", "remove", "replace", "/stages/gain/factor", "/stages", "gain", "notch", "op", "", "\u2028", "x" * 9]
    if depth > 3 or draw.random() < 0.6:
        return draw.choice([None, True, 0, -1, 1.5, 10**30, draw.choice(words), draw.choice(words)])
    if draw.random() < 0.4:
        return [odd(draw, depth + 1) for _ in range(draw.randint(0, 4))]
    keys = ["op", "path", "from", "value", "action", "stage", "after", "splice", "topic", "at_frame", "type", "inputs"]
    return {draw.choice(keys): odd(draw, depth + 1) for _ in range(draw.randint(0, 5))}


async def send_odd_requests(server, n: int, seed: int) -> dict[int, int]:
    """Send `n` odd requests to every route that changes something; count the answers by status."""
    draw = random.Random(seed)
    seen: dict[int, int] = {}
    for number in range(n):
        body = json.dumps(odd(draw))
        actions = {"action": draw.choice(["add", "remove", "replace"]), "stage": odd(draw), "after": odd(draw)}
        name = draw.choice(["gain", "fft", "a", "%20", "..%2f", "nope"])
        for method, path, data in (("PATCH", "/api/config", body), ("POST", f"/pipeline/stage/{name}", body),
                                   ("POST", f"/pipeline/stage/{name}", json.dumps(actions)),
                                   ("PUT", f"/api/pipelines/{name}{number}", body),
                                   ("POST", "/api/config/undo", body), ("GET", f"/api/pipelines/{name}", "")):
            headers = draw.choice([{}, {}, {"If-Match": draw.choice(["1", "x", '"2"', "*"])}])
            async with send(server, data, method, path, headers=headers) as answer:
                seen[answer.status] = seen.get(answer.status, 0) + 1
                assert answer.status < 500, (method, path, data)
                if answer.status >= 400:
                    assert set((await answer.json())["error"]) == {"code", "message", "details"}
    return seen


async def test_whatever_is_sent_is_answered_and_never_by_a_mistake_of_ours(served):
    seen = await send_odd_requests(served, 60, seed=4)
    assert {200, 400, 404, 409, 412, 422} <= set(seen)


@pytest.mark.deep
async def test_ten_thousand_odd_requests(served):
    await send_odd_requests(served, 1700, seed=5)


# -- presets ------------------------------------------------------------------------------------------------


async def put(server, name, text, query=""):
    async with send(server, text, "PUT", f"/api/pipelines/{name}{query}") as answer:
        return answer.status, await answer.json()


async def test_a_pipeline_is_saved_listed_read_and_started(served, tmp_path):
    text = "# slow waves\nstages:\n  - acquire: {sps: 500, channels: 4}\n  - to_voltage: {}\n  - null_sink: {}\n"
    status, answer = await put(served, "mine", text)
    assert (status, answer["name"], answer["shadows"]) == (200, "mine", None)
    assert (tmp_path / "eegcore" / "pipelines" / "mine.yaml").read_text() == text
    async with served.get("/api/pipelines") as found:
        rows = {row["name"]: row for row in (await found.json())["pipelines"]}
    assert rows["mine"] == {"name": "mine", "about": "slow waves", "saved": True}
    assert not rows["eeg8_250"]["saved"]
    async with served.get("/api/pipelines/mine") as found:
        assert (found.content_type, await found.text()) == ("application/yaml", text)
    async with send(served, {"preset": "mine"}, "POST", "/pipeline/start") as started:
        assert started.status == 200
    assert served.controller.config()["stages"]["acquire"]["sps"] == 500
    assert [path.name for path in (tmp_path / "eegcore" / "pipelines").iterdir()] == ["mine.yaml"]


async def test_an_empty_body_saves_what_is_held(served):
    async with send(served, patch_of(4)) as answer:
        assert answer.status == 200
    assert (await put(served, "now", ""))[0] == 200
    async with served.get("/api/pipelines/now") as found:
        document = yaml.safe_load(await found.text())
    assert document["stages"][2] == {"gain": {"id": "gain", "inputs": ["to_voltage"], "factor": 4.0}}
    before = served.controller.config()["stages"]
    async with send(served, {"preset": "now"}, "POST", "/pipeline/start") as started:
        assert started.status == 200
    assert served.controller.config()["stages"] == before


@pytest.mark.parametrize("name", ["a%20b", "%2e%2e%2fx", "x" * 65, "-x", ".hidden", "a.b", "%00", "x%2fy", "%C3%A4"])
async def test_a_name_is_a_plain_word(served, tmp_path, name):
    status, answer = await put(served, name, "- acquire: {}\n")
    assert status in (400, 404)
    assert answer["error"]["code"] in ("bad_name", "not_found")
    assert list(tmp_path.rglob("*")) == []
    async with served.get(f"/api/pipelines/{name}") as found:
        assert found.status in (400, 404)


async def test_mistakes_are_told_and_nothing_is_saved(served, tmp_path):
    status, answer = await put(served, "mine", "- acquire: {}\n- ntch: {}\n")
    assert (status, answer["error"]["code"]) == (422, "bad_config")
    assert answer["error"]["details"]["problems"][0]["path"] == "stages[1].ntch"
    assert list(tmp_path.rglob("*")) == []


async def test_a_shipped_preset_is_not_covered_up_by_accident(served):
    text = "- acquire: {channels: 4}\n"
    status, answer = await put(served, "eeg8_250", text)
    assert (status, answer["error"]["code"]) == (409, "name_taken")
    assert "?shadow=true" in answer["error"]["message"]
    assert (await put(served, "eeg8_250", text, "?shadow=maybe"))[0] == 400
    status, answer = await put(served, "eeg8_250", text, "?shadow=true")
    assert status == 200
    assert answer["shadows"].endswith("eeg8_250.yaml")
    assert (await put(served, "eeg8_250", text))[0] == 200        # now it is the user's own
    async with served.get("/api/pipelines/eeg8_250") as found:
        assert await found.text() == text


async def test_a_folder_that_cannot_be_written_is_said(served, tmp_path):
    (tmp_path / "eegcore").write_text("in the way")
    status, answer = await put(served, "mine", "- acquire: {channels: 4}\n")
    assert (status, answer["error"]["code"]) == (409, "system")


async def test_openapi_says_what_changes_take(served):
    async with served.get("/api/openapi.json") as answer:
        paths = (await answer.json())["paths"]
    patch = paths["/api/config"]["patch"]
    assert {"200", "400", "401", "403", "409", "412", "413", "422"} <= set(patch["responses"])
    assert patch["requestBody"]["content"]["application/json-patch+json"]["schema"]["maxItems"] == MAX_OPERATIONS
    stage, saving = paths["/pipeline/stage/{id}"]["post"], paths["/api/pipelines/{name}"]["put"]
    assert [parameter["name"] for parameter in stage["parameters"]] == ["id", "If-Match"]
    assert [parameter["name"] for parameter in saving["parameters"]] == ["name", "shadow"]
    assert paths["/api/pipelines/{name}"]["get"]["responses"]["200"]["content"] == {"application/yaml": {}}

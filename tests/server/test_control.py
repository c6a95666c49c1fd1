"""/ws/control: what is told to everybody, and the commands."""

from __future__ import annotations

import asyncio
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eegcore.server.answers import Refusal
from eegcore.server.hub import COMMANDS, parse_request

from .conftest import receive, running_server


async def ask(socket, **request):
    await socket.send_json(request)
    while True:
        message = await receive(socket)
        if "ok" in message:
            return message


async def test_the_first_message_is_configuration_and_state(running):
    async with running.control() as socket:
        message = await receive(socket)
        assert message["config"]["stages"]["acquire"]["sps"] == 250
        assert message["state"]["state"] == "stopped"
        assert message["config_rev"] == 3


async def test_commands_are_answered_by_their_id(running):
    async with running.control() as socket:
        assert await ask(socket, id=7, cmd="GetConfig") == {
            "id": 7, "ok": True, "config_rev": 3, "config": running.controller.config(),
            "state": running.controller.status()}
        answer = await ask(socket, id="a", cmd="Start", preset="eeg8_250")
        assert (answer["id"], answer["ok"], answer["state"]["state"]) == ("a", True, "running")
        assert await ask(socket, id=2.5, cmd="Pause") == {"id": 2.5, "ok": True, "config_rev": 3}
        assert (await ask(socket, id=None, cmd="Resume"))["ok"]
        assert (await ask(socket, cmd="Shutdown", id=0))["ledger"]["balanced"]
    assert running.controller.calls == [("start", None, "eeg8_250"), ("pause",), ("resume",), ("shutdown",)]


async def test_a_setting_may_be_changed_from_the_socket(running):
    async with running.control() as socket:
        answer = await ask(socket, id=1, stage_id="notch", cmd="UpdateParam", key="hz", value=50)
        assert answer == {"id": 1, "ok": True, "config_rev": 4}
        answer = await ask(socket, id=2, stage_id="notch", cmd="UpdateParam", key="hz", value=[1], if_rev=4, at_frame=9)
        assert answer == {"id": 2, "ok": True, "config_rev": 5}
        answer = await ask(socket, id=3, stage_id="notch", cmd="UpdateParam", key="hz", value=None, if_rev=4)
        assert (answer["ok"], answer["error"]["code"]) == (False, "stale_revision")
        assert answer["error"]["details"]["config_rev"] == 5
    assert running.controller.calls == [("update", "notch", "hz", 50, None, None),
                                        ("update", "notch", "hz", [1], 4, 9), ("update", "notch", "hz", None, 4, None)]


@pytest.mark.parametrize("broken", [
    {"stage_id": 5}, {"stage_id": None}, {"key": ["hz"]}, {"if_rev": 1.5}, {"if_rev": -1}, {"if_rev": True},
    {"at_frame": 2**63}, {"at_frame": "7"}])
async def test_an_update_that_is_none_is_refused_before_it_reaches_the_controller(running, broken):
    async with running.control() as socket:
        request = {"id": 1, "stage_id": "notch", "cmd": "UpdateParam", "key": "hz", "value": 50, **broken}
        answer = await ask(socket, **request)
        assert (answer["ok"], answer["error"]["code"]) == (False, "bad_request")
        answer = await ask(socket, id=2, cmd="UpdateParam", stage_id="notch", key="hz")
        assert answer["error"]["message"].startswith("value: missing")
    assert running.controller.calls == []


async def test_patches_stages_and_undo_from_the_socket(running):
    patch = [{"op": "replace", "path": "/stages/notch/hz", "value": 50}]
    async with running.control() as socket:
        assert await ask(socket, id=1, cmd="Patch", patch=patch, if_rev=3) == {"id": 1, "ok": True, "config_rev": 4}
        answer = await ask(socket, id=2, cmd="Patch", patch=patch, if_rev=3)
        assert (answer["error"]["code"], answer["error"]["details"]) == ("stale_revision", {"config_rev": 4})
        await socket.send_json(patch)
        assert (await receive(socket)) == {"id": None, "ok": True, "config_rev": 5}
        assert (await ask(socket, id=3, cmd="AddStage", stage_id="fft", after="notch"))["config_rev"] == 6
        assert (await ask(socket, id=4, cmd="RemoveStage", stage_id="fft", if_rev=6))["config_rev"] == 7
        assert (await ask(socket, id=5, cmd="ReplaceStage", stage_id="fft", stage={"fft": {}}))["config_rev"] == 8
        assert (await ask(socket, id=6, cmd="Undo"))["config_rev"] == 9
    assert running.controller.calls[2:] == [
        ("patch", patch, None),
        ("add_stage", "fft", None, {"after": "notch", "splice": False, "topic": None, "at_frame": None}),
        ("remove_stage", "fft"), ("replace_stage", "fft", {"fft": {}}), ("undo",)]


@pytest.mark.parametrize("request_", [
    {"cmd": "Patch"}, {"cmd": "Patch", "patch": [], "if_rev": "3"}, {"cmd": "AddStage"}, {"cmd": "AddStage",
     "stage_id": "x", "after": 5}, {"cmd": "AddStage", "stage_id": "x", "splice": 1}, {"cmd": "AddStage", "stage_id":
     "x", "topic": 5}, {"cmd": "RemoveStage", "stage_id": ["x"]}, {"cmd": "ReplaceStage"}, {"cmd": "Undo", "if_rev":
     -1}])
async def test_a_change_that_is_none_is_refused_before_it_reaches_the_controller(running, request_):
    async with running.control() as socket:
        answer = await ask(socket, id=1, **request_)
        assert (answer["ok"], answer["error"]["code"]) == (False, "bad_request")
    assert running.controller.calls == []


async def test_a_pipeline_may_be_started_from_the_socket(running):
    async with running.control() as socket:
        assert (await ask(socket, id=1, cmd="Start", pipeline=[{"acquire": {}}]))["ok"]
        answer = await ask(socket, id=2, cmd="Start")
        assert answer["error"]["code"] == "conflict"
    assert running.controller.calls[0] == ("start", [{"acquire": {}}], None)


@pytest.mark.parametrize(("text", "code"), [
    ("{", "bad_json"), ("7", "bad_message"),
    ("{}", "unknown_command"), ('{"id":1,"cmd":"Reboot"}', "unknown_command"), ('{"id":1,"cmd":7}', "unknown_command"),
    ('{"id":[],"cmd":"Start"}', "bad_message"), ('{"id":1,"cmd":"Start","preset":5}', "bad_request"),
    ('{"id":1,"cmd":"Start","pipeline":5}', "bad_request"), ("[" * 20_000, "bad_json")])
async def test_what_is_not_understood_is_answered_with_a_word(running, text, code):
    async with running.control() as socket:
        await receive(socket)
        await socket.send_str(text)
        answer = await receive(socket)
        assert (answer["ok"], answer["error"]["code"]) == (False, code)
        if code == "unknown_command":
            assert answer["error"]["details"]["known"] == list(COMMANDS)


@settings(max_examples=60)
@given(st.text(max_size=200))
def test_no_text_breaks_the_reader_of_requests(text):
    code = ""
    try:
        parse_request(text)
    except Refusal as refusal:
        code = refusal.code
    assert code in ("", "bad_json", "bad_message", "unknown_command")


async def test_a_viewer_may_look_and_not_touch(controller):
    async with (running_server(controller, token="o", viewer_token="v") as server,
                server.control(headers={"Authorization": "Bearer v"}) as socket):
        assert (await ask(socket, id=1, cmd="GetConfig"))["ok"]
        for command in (name for name, row in COMMANDS.items() if row.role == "operator"):
            answer = await ask(socket, id=1, cmd=command)
            assert answer["error"]["code"] == "forbidden"
    assert ("start", None, None) not in controller.calls


async def test_events_reach_everybody_from_any_thread(running):
    sockets = [await running.control() for _ in range(3)]
    for socket in sockets:
        await receive(socket)
    event = {"event": "alarm", "level": "error", "place": "csv_sink", "message": "disk full", "t_unix_ns": 1}
    await asyncio.get_running_loop().run_in_executor(None, running.controller.publish, event)
    for socket in sockets:
        assert await receive(socket, "alarm") == event
    await asyncio.get_running_loop().run_in_executor(
        None, running.controller.publish, {"event": "stats", "frames": 5, "x": float("nan")})
    for socket in sockets:
        assert await receive(socket, "stats") == {"event": "stats", "frames": 5, "x": None, "clients": []}
        await socket.close()


async def test_outlet_events_are_not_for_clients(running):
    async with running.control() as socket:
        await receive(socket)
        running.controller.set_outlets()
        running.controller.move("running")
        assert (await receive(socket))["event"] == "state"


async def test_a_control_client_that_never_reads_costs_at_most_its_outbox(running):
    socket = await running.control()
    await receive(socket)
    peer = next(iter(running.server.hub.peers.values()))
    socket._response.connection.transport.pause_reading()
    event = {"event": "stats", "filling": "x" * 50_000}
    for _ in range(400):
        running.controller.publish(event)
        await asyncio.sleep(0)
    assert peer.outbox.queued_bytes <= 2 * 1024 * 1024
    assert peer.closed_because is None                   # stats are dropped, not the client
    running.controller.publish({"event": "alarm", "message": "kept"})
    socket._response.connection.transport.resume_reading()
    assert (await receive(socket, "alarm"))["message"] == "kept"
    await socket.close()


async def test_a_binary_message_is_answered_and_the_connection_stays(running):
    async with running.control() as socket:
        await receive(socket)
        await socket.send_bytes(b"\x00")
        assert (await receive(socket))["error"]["code"] == "bad_message"
        assert (await ask(socket, id=1, cmd="GetConfig"))["ok"]


async def test_too_long_a_message_closes_the_socket_with_1009(running):
    async with running.control() as socket:
        await receive(socket)
        await socket.send_str(json.dumps({"id": 1, "cmd": "x" * 70_000}))
        async for _ in socket:
            pass
        assert socket.close_code == 1009

"""StartRecording and StopRecording of /ws/control: the same words, answers and refusals as everywhere."""

from __future__ import annotations

import asyncio
import json

import pytest
from session_folder import SPS

from eegcore.control.controller import Controller
from eegcore.server.door import Door
from eegcore.server.hub import Hub

STAGES = [{"acquire": {"board": "emulator", "sps": SPS, "channels": 4}},
          {"bdf_sink": {"armed": True, "keep_free_bytes": 0, "keep_free_s": 0}}]


@pytest.fixture
def controller(tmp_path):
    made = Controller(STAGES, recordings=str(tmp_path))
    yield made
    made.shutdown(20)


async def test_a_recording_is_started_and_stopped_by_a_client(controller):
    door = Door(controller)
    hub = Hub(door, None)                              # nobody is told anything here

    async def ask(**request):
        return await hub.answer(json.dumps(request), "operator")

    refused = await ask(id=1, cmd="StartRecording")
    assert refused["error"]["code"] == "conflict"
    await asyncio.to_thread(controller.start)
    answer = await ask(id=2, cmd="StartRecording", participant="P01", notes="hallo", task="rest", csv=True)
    assert (answer["id"], answer["ok"], answer["config_rev"]) == (2, True, controller.config_rev)
    assert answer["recording"]["participant"] == "P01"
    assert (await ask(id=3, cmd="StartRecording"))["error"]["code"] == "conflict"
    paused = await ask(id=4, cmd="Pause")
    assert (paused["error"]["code"], paused["error"]["details"]["holders"]) == ("locked", ["bdf_sink"])
    locked = await ask(id=5, cmd="UpdateParam", stage_id="acquire", key="batch", value=3)
    assert locked["error"]["details"]["holders"] == ["bdf_sink"]
    state = (await ask(id=6, cmd="GetConfig"))["state"]
    assert state["recording"]["id"] == answer["recording"]["id"]
    while not controller.status()["recording"]["frames"]:
        await asyncio.sleep(0.02)
    ended = await ask(id=7, cmd="StopRecording")
    assert ended["recording"]["state"] == "finished"
    assert json.dumps(ended)
    assert (await ask(id=8, cmd="StopRecording"))["error"]["code"] == "conflict"
    door.close()


@pytest.mark.parametrize(("given", "code"), [
    ({"participant": 5}, "bad_argument"), ({"participant": "a\tb"}, "bad_argument"), ({"folder": "x"}, "bad_argument"),
    ({"csv": 1}, "bad_argument"), ({"pre_roll_s": "9"}, "bad_argument"), ({"self": 1}, "bad_argument")])
async def test_what_is_not_understood_is_refused_and_nothing_is_made(controller, tmp_path, given, code):
    await asyncio.to_thread(controller.start)
    door = Door(controller)
    answer = await Hub(door, None).answer(json.dumps({"id": 1, "cmd": "StartRecording", **given}), "operator")
    assert (answer["ok"], answer["error"]["code"]) == (False, code)
    assert list(tmp_path.iterdir()) == []
    door.close()

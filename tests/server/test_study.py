"""A study from the outside: the real controller, a recording with markers, its files, its end."""

from __future__ import annotations

import asyncio
import io
import os
import zipfile

import edfio
import pytest

from eegcore.control.controller import Controller

from .conftest import receive, running_server

SPS = 250


@pytest.fixture
def controller(tmp_path):
    made = Controller([{"acquire": {"board": "emulator", "sps": SPS, "channels": 4}}, {"bdf_sink": {"armed": True}},
                       {"to_voltage": {"inputs": "acquire"}}, {"notch": {"hz": 50}}, {"null_sink": {}}],
                      recordings=str(tmp_path / "recordings"))
    made.start()
    yield made
    made.shutdown()


async def test_a_recording_with_markers_from_start_to_download_and_delete(controller):
    async with running_server(controller) as server, server.control() as socket:
        await receive(socket)
        async with server.post("/api/recordings", json={"participant": "P01", "task": "rest", "csv": True}) as answer:
            started = await answer.json()
            assert (answer.status, started["state"]) == (201, "recording"), started
        path = f"/api/recordings/{started['id']}"
        assert (await receive(socket, "recording"))["id"] == started["id"]
        async with server.get("/api/state") as answer:
            state = await answer.json()
            assert (state["recording"]["participant"], state["holders"]) == ("P01", ["bdf_sink"])
        async with server.session.delete(server.url + path) as answer:
            assert (answer.status, (await answer.json())["error"]["code"]) == (409, "locked")
        async with server.post("/pipeline/pause") as answer:
            assert (answer.status, (await answer.json())["error"]["code"]) == (409, "locked")
        await asyncio.sleep(0.4)
        async with server.post("/api/markers", json={"text": "eyes open", "duration_s": 0.1}) as answer:
            marker = await answer.json()
            assert answer.status == 200, marker
        assert (await receive(socket, "marker"))["frame_index"] == marker["frame_index"]
        await asyncio.sleep(0.6)
        async with server.post("/api/recordings/stop") as answer:
            ended = await answer.json()
            assert (answer.status, ended["state"]) == (200, "finished"), ended

        async with server.get(path + ".zip") as answer:
            archive = zipfile.ZipFile(io.BytesIO(await answer.read()))
        async with server.get(path + "/eeg.bdf") as answer:
            bdf = await answer.read()
        assert archive.read(f"{started['id']}/eeg.bdf") == bdf
        sample = marker["frame_index"] - ended["first_frame"]
        (annotation,) = (a for a in edfio.read_bdf(io.BytesIO(bdf)).annotations if a.text == "eyes open")
        assert annotation.onset == pytest.approx(sample / SPS, abs=1e-6)
        assert annotation.duration == pytest.approx(0.1)
        async with server.get(path + "/events.tsv") as answer:
            assert f"\t{sample}\teyes open\t" in await answer.text()
        async with server.session.delete(server.url + path) as answer:
            assert (await answer.json())["deleted"]
        async with server.get("/api/recordings") as answer:
            assert await answer.json() == {"recordings": []}
    assert os.listdir(controller.recording.root) == []

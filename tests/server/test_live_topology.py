"""A graph rewired while it streams, over a real server: new topics appear, old ones miss no frame."""

from __future__ import annotations

import asyncio
import json

import pytest
import scipy.signal  # noqa: F401 -- filters are designed in this process, not in a child for each

from eegcore.control.controller import Controller
from eegcore.server.protocol import unpack

from .conftest import receive, running_server

STAGES = [{"acquire": {"board": "emulator", "sps": 250, "channels": 4, "batch": 5}},
          {"bdf_sink": {"armed": True, "keep_free_bytes": 0, "keep_free_s": 0}}, {"to_voltage": {"inputs": "acquire"}},
          {"notch": {"hz": 60}}, {"websocket_sink": {"topic": "eeg"}},
          {"websocket_sink": {"id": "raw", "topic": "raw", "inputs": "to_voltage"}}]


@pytest.fixture
async def served(tmp_path):
    """A server whose pipeline runs."""
    controller = Controller(STAGES, recordings=str(tmp_path))
    async with running_server(controller) as server:
        async with server.post("/pipeline/start") as answer:
            assert answer.status == 200
        yield server
    controller.shutdown(20)


async def asked(server, method, path, body=None):
    """Send a request and return the status and what was answered."""
    data = None if body is None else json.dumps(body)
    async with server.session.request(method, server.url + path, data=data) as answer:
        return answer.status, await answer.json()


async def made(server, method, path, body=None):
    """Make a change and return its revision."""
    status, found = await asked(server, method, path, body)
    assert status == 200, found
    return found["config_rev"]


def stage(server, stage_id, **body):
    return made(server, "POST", f"/pipeline/stage/{stage_id}", body)


class Listener:
    """Reads a topic to the end; every packet has to follow the one before."""

    def __init__(self, socket) -> None:
        self.socket, self.next_index, self.revs = socket, None, []

    async def read(self, until) -> None:
        """Read until a packet of revision `until` has come, and some more."""
        more = 5
        while more:
            message = await receive(self.socket)
            if isinstance(message, dict):
                assert message["type"] in ("hello", "meta", "flags"), message
                continue
            header, _, _ = unpack(message)
            assert self.next_index in (None, header.frame_index), "frames are missing or come twice"
            self.next_index = header.next_index
            self.revs.append(header.config_rev)
            more -= header.config_rev >= until


async def all_read(listeners, rev):
    await asyncio.gather(*(listener.read(rev) for listener in listeners))


async def test_stages_come_and_go_and_the_old_topics_miss_no_frame(served):
    async with served.data("?topic=eeg") as eeg, served.data("?topic=raw") as raw, served.data() as third:
        old = [Listener(eeg), Listener(raw)]
        await all_read(old, 1)
        rev = await stage(served, "fft", action="add", after="notch")
        await all_read(old, rev)
        await third.send_json({"type": "subscribe", "topic": "fft"})
        meta = await receive(third, "meta")
        assert (meta["topic"], meta["kind"]) == ("fft", "SPECTRUM_F32")
        header, _, _ = unpack(await receive(third, "binary"))
        assert header.config_rev == rev
        half = {"gain": {"factor": 0.5}}
        await all_read(old, await stage(served, "half", action="add", stage=half, after="to_voltage", splice=True))
        bandstop = {"bandstop": {"low_hz": 48, "high_hz": 52}}
        await all_read(old, await stage(served, "notch", action="replace", stage=bandstop))
        await all_read(old, await stage(served, "half", action="remove"))
        await all_read(old, await stage(served, "fft", action="remove"))
        await served.until(lambda: served.server.broker.running_topics == ["eeg", "raw"])
        for listener in old:
            assert listener.revs == sorted(listener.revs)
    assert set(served.controller.config()["stages"]) == {"acquire", "bdf_sink", "to_voltage", "notch",
                                                         "websocket_sink", "raw"}
    assert served.controller.config_rev == served.controller.run.live.config_rev
    ledger = (await asked(served, "POST", "/pipeline/shutdown"))[1]["ledger"]
    assert ledger["balanced"]
    assert ledger["lost"] == 0


async def test_a_topic_goes_on_whatever_becomes_of_what_it_reads(served):
    async with served.data("?topic=eeg") as eeg:
        listener = Listener(eeg)
        await listener.read(1)
        await listener.read(await stage(served, "notch", action="remove"))
        await listener.read(await made(served, "POST", "/api/config/undo"))
        assert "notch" in served.controller.config()["stages"]
        for value in ("apart", "dsp"):
            patch = [{"op": "add", "path": "/stages/notch/group", "value": value}]
            await listener.read(await made(served, "PATCH", "/api/config", patch))
        patch = [{"op": "remove", "path": "/stages/notch"},
                 {"op": "replace", "path": "/stages/websocket_sink/inputs", "value": ["to_voltage"]}]
        await listener.read(await made(served, "PATCH", "/api/config", patch))


async def test_while_a_recording_goes_on_only_what_it_does_not_reach_is_rewired(served):
    assert (await asked(served, "POST", "/api/recordings", {}))[0] == 201
    async with served.data("?topic=eeg") as eeg:
        listener = Listener(eeg)
        await listener.read(await stage(served, "slow", action="add", stage={"lowpass": {"hz": 5}}, after="notch"))
        few = {"action": "add", "stage": {"select": {"channels": [1, 2]}}, "after": "acquire", "splice": True}
        status, answer = await asked(served, "POST", "/pipeline/stage/few", few)
        assert (status, answer["error"]["code"], answer["error"]["details"]) == (409, "locked",
                                                                                {"holders": ["bdf_sink"]})
        assert (await asked(served, "POST", "/api/recordings/stop"))[0] == 200
        await listener.read(await stage(served, "few", **few))

"""A topic that is added and removed faster than anybody looks is there in the end; nothing is left of the others."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Any

from eegcore.control.controller import Controller
from eegcore.server.broker import Broker

STAGES: list[dict[str, Any]] = [
    {"acquire": {"board": "emulator", "sps": 250}}, {"to_voltage": {}}, {"notch": {"hz": 50}}, {"null_sink": {}}]
TOPIC = "ws_gain->server"


async def until(what: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not what():
            await asyncio.sleep(0.02)


async def added_and_removed(controller: Controller, times: int) -> None:
    loop, broker = asyncio.get_running_loop(), Broker()
    broker.start()
    forget = controller.subscribe(lambda event: event["event"] != "outlets" or loop.call_soon_threadsafe(
        lambda: broker.adopt(controller.outlets())) is None)
    try:
        await asyncio.to_thread(controller.start)
        files = len(os.listdir("/proc/self/fd"))
        for _ in range(times):
            await asyncio.to_thread(controller.add_stage, "gain", {"type": "gain"}, after="notch")
            await asyncio.to_thread(controller.remove_stage, "gain")
        await asyncio.to_thread(controller.add_stage, "gain", {"type": "gain"}, after="notch")
        run = controller.run
        assert run is not None
        await until(lambda: not run.live.books.outlets and len(controller.outlets()) == 1)
        await until(lambda: len(os.listdir("/proc/self/fd")) < files + 4)
        before = controller.ledger()["edges"][TOPIC]["out"]
        await until(lambda: controller.ledger()["edges"][TOPIC]["out"] > before + 50)
        assert broker.running_topics == ["gain"]
    finally:
        await asyncio.to_thread(controller.shutdown, 20)
        forget()
        broker.stop()


def test_a_topic_is_there_however_often_it_came_and_went():
    asyncio.run(added_and_removed(Controller(STAGES), 12))

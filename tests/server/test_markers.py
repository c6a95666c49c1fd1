"""Markers over HTTP and over the socket: the time at which they came, and what is no marker."""

from __future__ import annotations

import asyncio
import time

import pytest

from .conftest import receive


@pytest.fixture
def marked(running):
    """The server, with a controller that takes markers."""
    running.marks = []

    def mark(text, **more):
        running.marks.append((text, more))
        marker = {"run_id": "r", "frame_index": 7, "t_ns": 28_000_000, "text": text, "duration_s": 0.0, "origin": "x"}
        running.controller.publish({"event": "marker", **marker})
        return marker

    running.controller.mark = mark
    running.controller.markers = lambda: {"run_id": "r", "markers": [{"text": text} for text, _ in running.marks]}
    return running


async def test_a_posted_marker_is_answered_with_its_frame_and_told_to_everybody(marked):
    async with marked.control() as socket:
        await receive(socket)
        before_ns = time.monotonic_ns()
        async with marked.post("/api/markers", json={"text": "stimulus", "t_ns": 5, "duration_s": 1}) as answer:
            body = await answer.json()
            assert (answer.status, body["frame_index"], body["t_ns"], body["text"]) == (200, 7, 28_000_000, "stimulus")
        assert (await receive(socket, "marker"))["frame_index"] == 7
    (text, more), = marked.marks
    assert (text, more["t_ns"], more["duration_s"], more["origin"]) == ("stimulus", 5, 1, "api")
    assert before_ns <= more["arrived_ns"] <= time.monotonic_ns()
    async with marked.get("/api/markers") as answer:
        assert (await answer.json())["markers"] == [{"text": "stimulus"}]


async def test_the_moment_is_when_the_request_came_and_not_when_the_controller_had_time(marked):
    """Every thread for looking is busy for a while; a shutdown drains: neither moves the marker."""
    marked.controller.shutdown = lambda: time.sleep(0.3)
    shutting = asyncio.create_task(marked.post("/pipeline/shutdown").__aenter__())
    marked.controller.plan = lambda: time.sleep(0.3) or {}
    looking = [asyncio.create_task(marked.get("/api/plan").__aenter__()) for _ in range(4)]
    await asyncio.sleep(0.1)
    before_ns = time.monotonic_ns()
    async with marked.post("/api/markers", json={"text": "x"}) as answer:
        assert answer.status == 200
    assert marked.marks[0][1]["arrived_ns"] - before_ns < 150_000_000
    assert time.monotonic_ns() - before_ns > 150_000_000
    for task in [shutting, *looking]:
        (await task).close()


@pytest.mark.parametrize("body", [
    b"", b"[]", b'"x"', b"{", b"{}", b'{"txt": "x"}', b'{"text": "x", "arrived_ns": 1}',
    b'{"text": "x", "origin": "y"}', b'{"text": "x", "self": 1}'])
async def test_what_is_no_marker_is_refused_before_it_reaches_the_controller(marked, body):
    async with marked.post("/api/markers", data=body) as answer:
        assert answer.status == 400
        assert (await answer.json())["error"]["code"] in ("bad_json", "bad_request")
    assert marked.marks == []


async def test_the_socket_takes_markers_too_and_nobody_sets_the_time_of_arrival(marked):
    async with marked.control() as socket:
        await receive(socket)
        before_ns = time.monotonic_ns()
        await socket.send_json({"id": 1, "cmd": "Marker", "text": "key", "arrived_ns": 5})
        answer = await receive(socket)
        while "ok" not in answer:
            answer = await receive(socket)
        assert answer["ok"]
        assert answer["marker"]["frame_index"] == 7
        assert before_ns <= marked.marks[0][1]["arrived_ns"] <= time.monotonic_ns()
        assert marked.marks[0][1]["origin"] == "socket"
        await socket.send_json({"id": 2, "cmd": "Marker"})
        answer = await receive(socket)
        while "ok" not in answer:
            answer = await receive(socket)
        assert (answer["ok"], answer["error"]["code"]) == (False, "bad_request")

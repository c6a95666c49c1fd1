"""Starts that go wrong half-way, and commands that come while something else is under way."""

from __future__ import annotations

import threading
import time

import pytest

from eegcore.control import controller as control
from eegcore.control import machine
from eegcore.control.controller import Controller
from eegcore.errors import FileRefused, StateConflict
from eegcore.graph.run import GraphRun
from eegcore.graph.supervisor import Supervisor

STAGES = [{"acquire": {"board": "emulator", "sps": 1000}}, {"to_voltage": {}}, {"null_sink": {}}]


@pytest.fixture
def controller():
    made = Controller(STAGES)
    yield made
    made.shutdown(20)


def test_shutdown_after_a_start_that_was_refused(controller, tmp_path):
    path = tmp_path / "there.csv"
    path.write_text("x")
    with pytest.raises(FileRefused):
        controller.start([*STAGES[:2], {"csv_sink": {"path": str(path)}}])
    controller.shutdown(5)
    assert controller.state == "failed"
    assert controller.start(STAGES)["state"] == "running"


@pytest.mark.parametrize("where", ["prepare", "launch"])
def test_a_start_that_breaks_unexpectedly_can_be_tried_again(controller, monkeypatch, where):
    def broken(*args, **kwargs):
        raise TypeError("not today")

    with monkeypatch.context() as patch:
        if where == "prepare":
            patch.setattr(control, "prepare", broken)
        else:
            patch.setattr(machine, "GraphRun", broken)
        with pytest.raises(TypeError):
            controller.start(STAGES)
    assert controller.state in ("stopped", "failed")
    assert controller.start()["state"] == "running"


def test_a_run_that_nobody_can_watch_is_not_left_running(controller, monkeypatch):
    runs = []

    def broken(self):
        runs.append(self._run)
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(Supervisor, "start", broken)
        with pytest.raises(RuntimeError):
            controller.start()
    assert controller.state == "failed"
    assert len(runs) == 1
    assert not runs[0].is_alive
    assert controller.outlets() == []


def test_shutdown_waits_for_a_start_that_is_under_way(controller, monkeypatch):
    inside, go_on = threading.Event(), threading.Event()
    start = GraphRun.start

    def slow(self):
        inside.set()
        assert go_on.wait(20)
        start(self)

    monkeypatch.setattr(GraphRun, "start", slow)
    starter = threading.Thread(target=controller.start)
    starter.start()
    assert inside.wait(20)
    with pytest.raises(StateConflict, match="is starting"):
        controller.shutdown(0.05)
    done = []
    stopper = threading.Thread(target=lambda: done.append(controller.shutdown(20)))
    stopper.start()
    time.sleep(0.1)
    go_on.set()
    starter.join(20)
    stopper.join(20)
    assert done[0]["final"]
    assert controller.state == "stopped"


def test_a_listener_may_shut_down_from_the_thread_that_tells_it(controller):
    asked = threading.Event()

    def listen(event):
        if event["event"] == "stats" and not asked.is_set():
            asked.set()
            controller.shutdown()

    controller.subscribe(listen)
    controller.start()
    assert controller.wait_stopped(20)
    assert controller.state == "stopped"
    assert controller.ledger()["final"]


def test_states_are_told_in_order_also_when_runs_follow_each_other_at_once(shared_data):
    path = shared_data / "openbci_gui_v6_blinks_jaw_alpha.txt.xz"
    controller = Controller([{"playback": {"path": str(path), "speed": "max"}}, {"null_sink": {}}])
    seen = []
    controller.subscribe(lambda event: seen.append(event["state"]) if event["event"] == "state" else None)
    for _ in range(5):
        controller.start()
        assert controller.wait_stopped(30)
    until = time.monotonic() + 5
    while len(seen) < 15 and time.monotonic() < until:
        time.sleep(0.01)
    assert seen == ["starting", "running", "stopped"] * 5

"""A recording of a pipeline that has no recorder: one is put into the graph that runs, and nothing else notices."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from session_folder import SPS

import eegcore as ec
from eegcore.control.controller import Controller
from eegcore.errors import Locked

STAGES = [{"acquire": {"board": "emulator", "sps": SPS, "channels": 4}}, {"to_voltage": {}}, {"gain": {}},
          {"null_sink": {}}]


@pytest.fixture
def controller(tmp_path):
    made = Controller(STAGES, recordings=str(tmp_path))
    made.start()
    yield made
    made.shutdown(20)


def until(condition, timeout_s=10.0):
    end = time.monotonic() + timeout_s
    while not (found := condition()):
        assert time.monotonic() < end, "it did not come to it"
        time.sleep(0.02)
    return found


def frames(controller):
    return (controller.status()["recording"] or {}).get("frames", 0)


def test_a_recorder_is_added_at_the_first_counts_and_stays_for_the_next_recording(controller):
    until(lambda: controller.ledger()["frames"] > SPS)
    begun = controller.start_recording(participant="P01")
    assert begun["sink"] == "bdf_sink"
    assert controller.config()["stages"]["bdf_sink"]["inputs"] == ["acquire"]
    assert controller.config()["stages"]["bdf_sink"]["armed"] is True
    until(lambda: frames(controller) > SPS // 4)
    first = controller.stop_recording()
    recording = ec.read(begun["folder"])
    assert abs(recording.start_unix_ns - begun["since"]) < 0.5e9, "the run began a second earlier"
    controller.mark("between")
    begun = controller.start_recording(pre_roll_s=0)
    controller.mark("inside")
    until(lambda: "inside" in (Path(begun["folder"]) / "events.tsv").read_text())
    assert "between" not in (Path(begun["folder"]) / "events.tsv").read_text()
    until(lambda: frames(controller) > SPS // 8)
    second = controller.stop_recording()
    assert second["first_frame"] >= first["first_frame"] + first["frames"]
    ledger = controller.shutdown(20)
    assert (ledger["lost"], ledger["balanced"]) == (0, True)
    assert ledger["sinks"]["bdf_sink"]["written"] == first["frames"] + second["frames"]
    assert ledger["sinks"]["null_sink"]["written"] == ledger["frames"]


def test_a_recorder_that_is_not_armed_records_from_its_first_packet_and_goes_when_it_has_ended(controller):
    controller.add_stage("bdf_sink", {"type": "bdf_sink", "inputs": ["acquire"], "participant": "late",
                                      "keep_free_bytes": 0, "keep_free_s": 0})
    status = until(lambda: controller.status()["recording"])
    assert status["participant"] == "late"
    until(lambda: frames(controller) > SPS // 8)
    with pytest.raises(Locked):
        controller.remove_stage("bdf_sink")
    ended = controller.stop_recording()
    controller.remove_stage("bdf_sink")
    ledger = controller.shutdown(20)
    assert (ledger["lost"], ledger["balanced"]) == (0, True)
    assert [session["frames"] for session in controller.recordings()] == [ended["frames"]]


def test_less_pre_roll_than_was_asked_for_is_said(controller):
    told = []
    controller.subscribe(told.append)
    controller.start_recording(pre_roll_s=20)
    until(lambda: any("pre_roll_s of this recording is 20, and the stage keeps 10 s" in event.get("message", "")
                      for event in told))

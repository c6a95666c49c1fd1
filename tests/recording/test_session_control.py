"""Recordings of a pipeline that runs: one at a time, locked, told to everybody, finished whatever happens."""

from __future__ import annotations

import re
import threading
import time
from pathlib import Path

import pytest
from session_folder import SPS, read_json

from eegcore.control.controller import Controller
from eegcore.errors import BadArgument, Locked, SinkFailed, StateConflict
from eegcore.graph.journal import JournalEvent

ARMED = {"armed": True, "keep_free_bytes": 0, "keep_free_s": 0}
STAGES = [{"acquire": {"board": "emulator", "sps": SPS, "channels": 4}}, {"bdf_sink": {**ARMED, "pre_roll_s": 0.4}},
          {"to_voltage": {"inputs": "acquire"}}, {"gain": {}}, {"null_sink": {}}]


def until(condition, timeout_s=10.0):
    end = time.monotonic() + timeout_s
    while not (found := condition()):
        assert time.monotonic() < end, "it did not come to it"
        time.sleep(0.02)
    return found


@pytest.fixture
def controller(tmp_path):
    made = Controller(STAGES, recordings=str(tmp_path / "recordings"))
    yield made
    made.shutdown(20)


def frames(controller):
    return (controller.status()["recording"] or {}).get("frames", 0)


def test_one_recording_from_start_to_stop(controller):
    told = []
    controller.subscribe(lambda event: told.append(event) if event["event"] == "recording" else None)
    controller.start()
    until(lambda: controller.ledger()["frames"] > SPS // 2)
    assert controller.status()["recording"] is None
    begun = controller.start_recording(participant="P01", notes="hallo", task="rest", csv=True)
    assert begun["participant"] == "P01"
    with pytest.raises(StateConflict, match=f"recording: {begun['id']} goes on"):
        controller.start_recording()
    with pytest.raises(Locked, match="a pause would leave a hole"):
        controller.pause()
    with pytest.raises(Locked, match="acquire: locked, because bdf_sink records"):
        controller.update("acquire", "batch", 7)
    controller.update("gain", "factor", 2.0)           # a branch that does not reach the recorder
    controller.run.journal.add(JournalEvent("marker", controller.ledger()["frames"] + 5, 0, "stim", 0.25, "api"))
    until(lambda: frames(controller) > SPS)
    assert controller.run.live.holders() == ["bdf_sink"]
    ended = controller.stop_recording()
    assert controller.run.live.holders() == []
    assert controller.status()["recording"] is None
    folder = Path(ended["folder"])
    meta = read_json(folder / "session_meta.json")
    assert (ended["state"], ended["participant"], meta["task"]) == ("finished", "P01", "rest")
    assert ended["ledger"]["sinks"]["bdf_sink"]["written"] == ended["frames"] == meta["frames"]
    assert ended["files"].keys() >= {"eeg.bdf", "eeg.csv", "events.tsv", "pipeline.yaml", "eeg.bdf.ledger.json"}
    assert [entry["config_rev"] for entry in meta["revisions"]] == [controller.config_rev]
    assert f"pipeline_rev_{controller.config_rev}.yaml" in ended["files"]
    rows = (folder / "events.tsv").read_text()
    assert "\tstim\tstim\tapi\n" in rows
    assert "\tconfig\tgain.factor=2" in rows
    assert "change" in told[0]
    assert told[-1]["change"] == "ended"
    assert [session["state"] for session in controller.recordings()] == ["finished"]
    controller.update("gain", "factor", 3.0)


def test_the_pre_roll_belongs_to_the_recording_and_the_lock_is_a_revision(controller):
    controller.start()
    until(lambda: controller.ledger()["frames"] > SPS // 2)
    rev = controller.config_rev
    controller.start_recording()
    assert controller.config_rev == rev + 1
    until(lambda: frames(controller) > SPS // 2)
    ended = controller.stop_recording()
    first = ended["first_frame"]
    csv = controller.start_recording(pre_roll_s=0, csv=True)
    until(lambda: frames(controller) > SPS // 8)
    without = controller.stop_recording()
    rows = [line for line in Path(csv["folder"], "eeg.csv").read_text().splitlines() if line[0].isdigit()]
    assert len(rows) == without["frames"]
    assert int(rows[0].split(",")[0]) == without["first_frame"]
    assert first > 0
    assert without["first_frame"] >= first + ended["frames"]
    ledger = controller.shutdown(20)
    sink = ledger["sinks"]["bdf_sink"]
    assert sink["written"] == ended["frames"] + without["frames"]
    assert sink["refused"] == {"idle": ledger["frames"] - sink["written"]}
    assert (ledger["lost"], ledger["balanced"]) == (0, True)


def test_a_shutdown_finishes_the_recording_and_says_so(controller):
    told = []
    controller.subscribe(lambda event: told.append(event) if event["event"] == "recording" else None)
    controller.start()
    begun = controller.start_recording(bids=True, participant="P02")
    until(lambda: frames(controller) > 10)
    ledger = controller.shutdown(20)
    meta = read_json(Path(begun["folder"], "session_meta.json"))
    assert meta["state"] == "finished"
    assert meta["ledger"]["sinks"] == ledger["sinks"]
    assert len(meta["bids"]["files"]) == 1
    assert told[-1]["state"] == "finished"
    with pytest.raises(StateConflict, match="the pipeline is stopped"):
        controller.start_recording()
    with pytest.raises(StateConflict, match="none goes on"):
        controller.stop_recording()


def test_of_many_starts_at_once_one_succeeds(controller):
    controller.start()
    answers = []

    def start():
        try:
            answers.append(controller.start_recording()["id"])
        except StateConflict as error:
            answers.append(error)

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(isinstance(answer, str) for answer in answers) == 1
    assert len(controller.recordings()) == 1


def test_what_is_refused_leaves_nothing_and_no_lock(controller, tmp_path):
    controller.start()
    with pytest.raises(BadArgument, match="participant"):
        controller.start_recording(participant="a\nb")
    (tmp_path / "recordings").write_text("no folder")
    with pytest.raises(SinkFailed, match="making the folder of the session"):
        controller.start_recording()
    assert controller.run.live.holders() == []
    (tmp_path / "recordings").unlink()
    controller.start_recording()


def test_what_does_not_reach_the_disk_at_the_end_is_counted_and_told(controller):
    controller.start()
    begun = controller.start_recording()
    until(lambda: frames(controller) > 50)
    recorder = controller.run.sink("bdf_sink").writer
    real = recorder.end

    def end():
        real()
        raise SinkFailed("eeg.bdf: the disk is full.", frames_lost=5)

    recorder.end = end
    with pytest.raises(SinkFailed, match="the disk is full"):
        controller.stop_recording()
    assert read_json(Path(begun["folder"], "session_meta.json"))["state"] == "failed"
    assert controller.run.live.holders() == []
    recorder.end = real
    controller.start_recording()                       # the next one may go elsewhere
    until(lambda: frames(controller) > 20)
    assert controller.stop_recording()["state"] == "finished"
    ledger = controller.shutdown(20)
    refused = ledger["sinks"]["bdf_sink"]["refused"]
    assert refused == {"failed": 5, "idle": refused["idle"]}
    assert refused["idle"] >= 0
    assert (ledger["lost"], ledger["balanced"]) == (5, True)
    assert controller.broken_sinks() == ["eeg.bdf: the disk is full."]


def test_a_disk_without_room_refuses_the_start_and_leaves_nothing(tmp_path):
    stages = [STAGES[0], {"bdf_sink": {"armed": True, "keep_free_bytes": 1 << 50}}]
    controller = Controller(stages, recordings=str(tmp_path))
    controller.start()
    with pytest.raises(SinkFailed, match="are free; below") as error:
        controller.start_recording(csv=True)
    assert error.value.code == "disk_low"
    assert list(tmp_path.iterdir()) == []
    assert controller.status()["recording"] is None
    assert controller.run.live.holders() == []
    controller.shutdown(20)


@pytest.mark.parametrize("n", [8, pytest.param(200, marks=pytest.mark.deep)])
def test_starts_and_stops_race_with_editors_of_other_branches(controller, n):
    controller.start()
    revisions, failures, over = [], [], threading.Event()

    def edit():
        value = 0
        while not over.is_set():
            value += 1
            try:
                revisions.append(controller.update("gain", "factor", value % 7 + 1.0))
            except Exception as error:
                failures.append(error)
                return
            time.sleep(0.04)

    editors = [threading.Thread(target=edit) for _ in range(2)]
    for editor in editors:
        editor.start()
    made = []
    for _ in range(n):
        controller.start_recording()
        with pytest.raises(Locked):
            controller.update("acquire", "batch", 7)
        made.append(controller.stop_recording())
    over.set()
    for editor in editors:
        editor.join()
    assert failures == []
    assert len(set(revisions)) == len(revisions)
    assert len({session["id"] for session in made}) == len(controller.recordings()) == n
    ledger = controller.shutdown(20)
    assert (ledger["lost"], ledger["balanced"]) == (0, True)
    assert ledger["sinks"]["bdf_sink"]["written"] == sum(session["frames"] for session in made)


def test_a_disk_that_does_not_answer_is_an_alarm_within_a_second_and_costs_nothing(controller):
    alarms = []
    controller.subscribe(lambda event: alarms.append((time.monotonic(), event)) if event["event"] == "alarm" else None)
    controller.start()
    controller.start_recording()
    until(lambda: frames(controller) > 10)
    recorder, hung = controller.run.sink("bdf_sink").writer, threading.Event()
    real = recorder.write

    def hang(packets):
        hung.wait(20)
        return real(packets)

    recorder.write = hang
    began = time.monotonic()
    at, event = until(lambda: next((alarm for alarm in alarms if "has not answered" in alarm[1]["message"]), None))
    assert at - began < 2.0                            # 1 s, and this machine's own delays
    assert event["place"] == "bdf_sink.disk"
    before = controller.ledger()["sinks"]["null_sink"]["written"]
    until(lambda: controller.ledger()["sinks"]["null_sink"]["written"] > before + 50)
    assert controller.status()["recording"]["stalled_s"] > 0.5
    recorder.write = real
    hung.set()
    until(lambda: [alarm for _, alarm in alarms if re.search(r"bdf_sink: its disk answers again, after [0-9.]+ s\.",
                                                              alarm["message"])])
    ended = controller.stop_recording()
    assert (ended["state"], ended["ledger"]["lost"]) == ("finished", 0)


def test_a_pipeline_without_counts_says_what_it_needs(tmp_path):
    (tmp_path / "eeg.csv").write_text("A,B\n" + "1.5,2.5\n" * 500)
    controller = Controller([{"playback": {"path": str(tmp_path / "eeg.csv"), "sps": 100, "loop": True}},
                             {"null_sink": {}}], recordings=str(tmp_path))
    controller.start()
    with pytest.raises(StateConflict, match=r"nothing in this pipeline carries counts") as error:
        controller.start_recording()
    assert error.value.code == "no_raw_source"
    controller.shutdown(20)


def test_a_recorder_that_is_not_armed_records_from_the_first_frame(tmp_path):
    stages = [STAGES[0], {"bdf_sink": {**ARMED, "armed": False, "folder": str(tmp_path / "own")}}]
    controller = Controller(stages, recordings=str(tmp_path / "not_this"))
    controller.start()
    status = until(lambda: controller.status()["recording"])
    assert status["folder"].startswith(str(tmp_path / "own"))
    with pytest.raises(Locked):
        controller.update("acquire", "batch", 7)
    until(lambda: frames(controller) > 50)
    ended = controller.stop_recording()
    assert ended["first_frame"] == 0
    controller.shutdown(20)


def test_a_disk_that_fails_ends_the_recording_with_an_alarm_and_nothing_else(controller):
    told = []
    controller.subscribe(told.append)
    controller.start()
    begun = controller.start_recording()
    until(lambda: frames(controller) > SPS // 4)
    recorder = controller.run.sink("bdf_sink").writer
    real = recorder.write

    def fail(packets):
        real(packets)
        raise SinkFailed("eeg.bdf: the disk reported an input/output error.", frames_written=0)

    recorder.write = fail
    until(lambda: any(event["event"] == "alarm" and "input/output" in event["message"] for event in told), 2.0)
    until(lambda: (controller.status()["recording"] or {}).get("state") == "failed")
    until(lambda: read_json(Path(begun["folder"], "session_meta.json"))["state"] == "failed")
    assert "input/output" in controller.status()["recording"]["error"]
    until(lambda: [session["state"] for session in controller.recordings()] == ["broken"])
    recorder.write = real
    before = controller.ledger()["sinks"]["null_sink"]["written"]
    until(lambda: controller.ledger()["sinks"]["null_sink"]["written"] > before)
    assert controller.run.live.holders() == []

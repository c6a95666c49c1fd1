"""Histories of runs whose stages come, go and change, and their replays."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from history_runs import board

import eegcore as ec
from eegcore.graph.run import GraphRun
from eegcore.offline.replay import Replay
from eegcore.offline.replay_report import ReplayReport
from eegcore.pipeline import Pipeline, Run
from eegcore.sinks.history_read import History

STAGES = [board(faults=[]), {"to_voltage": {}}, {"notch": {"hz": 50}}, {"null_sink": {}}]
FIRST_WAY, CHANGE, SECOND_WAY, THIRD_WAY = (200, 350), 450, (500, 650), (800, 950)


def compared(report: ReplayReport) -> dict[str, int]:
    return {stream.stage: stream.compared for stream in report.streams}


def frames(folder: Any, stage: str) -> dict[int, list[int]]:
    """First and last device frame of a stage, by the revision that made its packets."""
    history = History(folder)
    (number,) = [stream.number for stream in history.streams.values() if stream.stage == stage]
    found: dict[int, list[int]] = {}
    for packet in history.records({number}):
        found.setdefault(packet.config_rev, [packet.frame_index, 0])[1] = packet.end_frame - 1
    return found


def come_and_go(run: Run) -> None:
    """A filter comes twice, with other settings, and once there is a spectrum of its name; and before all of it, one
    setting changes ahead of the first frame."""
    run.update("notch", q=20, at_frame=0)
    run.add("smooth", {"lowpass": {"hz": 60}}, after="notch", at_frame=FIRST_WAY[0])
    run.remove("smooth", at_frame=FIRST_WAY[1])
    run.update("notch", hz=60, at_frame=CHANGE)
    run.add("smooth", {"lowpass": {"hz": 40}}, after="notch", at_frame=SECOND_WAY[0])
    run.remove("smooth", at_frame=SECOND_WAY[1])
    run.add("smooth", {"fft": {"window_s": 0.05}}, after="notch", at_frame=THIRD_WAY[0])
    run.remove("smooth", at_frame=THIRD_WAY[1])


def test_stages_that_come_and_go_are_part_of_the_history(record):
    folder = record(STAGES, edit=come_and_go)
    history = History(folder)
    made = frames(folder, "smooth")
    assert made.keys() == {3, 6, 8}
    assert (made[3], made[6]) == ([200, 349], [500, 649])
    assert THIRD_WAY[0] < made[8][0] < THIRD_WAY[1], "the spectrum has windows of its own frames"
    assert {rev: "smooth" in document["config"]["stages"] for rev, document in history.configs.items()} == {
        1: False, 2: False, 3: True, 4: False, 5: False, 6: True, 7: False, 8: True, 9: False}
    report = ec.replay(folder)
    assert report.equal
    assert report.exact
    assert compared(report) == {stream.stage: stream.packets for stream in history.streams.values()}
    whole = sum(len(step.outputs) for step in Replay(folder, start=340, stop=520).steps())
    assert whole > 3 * (520 - 340) // 5, "steps go over the changes too"


def test_an_edited_parameter_is_found_where_its_stage_has_come(record):
    folder = record(STAGES, edit=come_and_go)
    first = ec.replay(folder, settings={"smooth": {"hz": 50}}, stop=780).first
    assert (first.stage, first.frame_index, first.config_rev) == ("smooth", 200, 3)
    again = ec.replay(folder, settings={"smooth": {"hz": 50}}, start=360, stop=780).first
    assert (again.stage, again.frame_index, again.config_rev) == ("smooth", 500, 6)
    last = ec.replay(folder, settings={"notch": {"hz": 60}}).first
    assert (last.stage, last.config_rev) == ("notch", 2)


def rebuild(run: Run) -> None:
    """Into the path and out of it, to another thread and back, another type under the same name."""
    run.add("clean", {"hampel": {}}, after="to_voltage", splice=True, at_frame=200)
    run.replace("notch", {"bandstop": {"low_hz": 48, "high_hz": 52, "group": "apart"}}, at_frame=400)
    run.remove("clean", at_frame=600)
    run.add("third", {"decimate": {"to_sps": 250, "group": "apart"}}, after="notch", at_frame=600)
    run.replace("notch", {"notch": {"hz": 50}}, at_frame=800)


def test_any_change_of_the_graph_is_replayed(record):
    folder = record(STAGES, edit=rebuild)
    history = History(folder)
    assert {rev: at[0] for rev, at in frames(folder, "notch").items()} == {1: 0, 2: 200, 3: 400, 5: 600, 6: 800}
    report = ec.replay(folder)
    assert report.equal
    assert report.exact
    assert compared(report) == {stream.stage: stream.packets for stream in history.streams.values()}
    first = ec.replay(folder, settings={"notch": {"high_hz": 53}}).first
    assert (first.stage, first.frame_index, first.config_rev) == ("notch", 400, 3)


class Said:
    """A packet sink that keeps what it was told, in words."""

    def __init__(self) -> None:
        self.names: dict[int, str] = {}
        self.told: list[str] = []

    def open(self, run_info: Any, run: dict[str, Any]) -> None:
        self.told.append("open")

    def config(self, document: dict[str, Any], max_bytes: int) -> None:
        self.names |= {int(number): stream["stage"] for number, stream in document["streams"].items()}
        self.told.append(f"revision {document['config_rev']}")

    def packets(self, stream: int, packets: Sequence[Any]) -> None:
        self.told += [self.names[stream]] * (self.told[-1] != self.names[stream])

    def ended(self, stream: int) -> None:
        self.told.append(f"{self.names[stream]} has ended")

    def close(self, ledger: dict[str, Any] | None) -> None:
        self.told.append("close")


def test_a_writer_is_told_of_a_stream_before_its_packets_and_when_it_has_ended():
    stages = [*STAGES, {"history_sink": {"path": "unused"}}]
    said = Said()
    pipe = Pipeline(stages, clock="virtual")
    more = Pipeline([*stages, {"lowpass": {"id": "smooth", "inputs": "notch"}}], clock="virtual")
    run = GraphRun(pipe.plan, seconds=0.5, packet_sinks={"history_sink": said})
    run.change(more.plan, at_frame=100)
    run.change(pipe.plan, at_frame=200)
    run.change(more.plan, at_frame=300)
    run.change(pipe.plan, at_frame=400)
    run.start()
    assert run.join(30)
    run.finish()
    assert said.told[:6] == ["open", "revision 1", "revision 2", "revision 3", "revision 4", "revision 5"]
    smooth = [word for word in said.told if word.startswith("smooth")]
    assert smooth[0] == "smooth"
    assert smooth[-1] == "smooth has ended"
    assert 1 <= smooth.count("smooth has ended") <= 2, "once, if it came back before its first packets were read"
    assert said.told[-1] == "close"


def test_a_history_goes_on_while_stages_come_and_go(tmp_path):
    """Asked for in the midst of a run, and a history that comes late beside the one that was there."""
    folder, late = tmp_path / "h", tmp_path / "late"
    stages = [board(faults=[], sps=250, batch=2), *STAGES[1:],
              {"history_sink": {"path": str(folder), "payloads": "all"}}]
    run = Pipeline(stages, clock="real").run()
    with run:
        time.sleep(0.15)
        run.add("smooth", {"lowpass": {"hz": 60}}, after="notch")
        run.add("late", {"history_sink": {"path": str(late), "payloads": "all"}})
        time.sleep(0.2)
        run.remove("smooth")
        time.sleep(0.1)
        run.add("louder", {"gain": {"factor": 2.0}}, after="to_voltage")
        time.sleep(0.2)
    assert run.ledger()["balanced"]
    for path, is_whole in ((folder, True), (late, False)):
        history = History(path)
        assert (history.has_begin, history.has_end) == (is_whole, True)
        held = {stream.stage: stream.packets for stream in history.streams.values()}
        assert all(10 < held[stage] < held["notch"] for stage in ("smooth", "louder"))
        assert all(stream.has_payload for stream in history.streams.values())
        report = ec.replay(path)
        assert report.equal
        assert report.exact == is_whole
        assert compared(report)["louder"] == held["louder"]
        assert compared(report)["smooth"] == (held["smooth"] if is_whole else 0)

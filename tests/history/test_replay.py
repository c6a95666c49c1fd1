"""A run and its replay: equal when nothing was edited, and the right place named when something was."""

from __future__ import annotations

import json
import re
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from history_runs import board, chain, writer

import eegcore as ec
from eegcore.errors import BadArgument, ConfigError
from eegcore.graph import history_thread, plan_edges
from eegcore.offline.replay import Replay
from eegcore.offline.replay_compare import Difference, StreamReport
from eegcore.offline.replay_report import ReplayReport, first_cause
from eegcore.pipeline import Pipeline
from eegcore.sinks.base import RunInfo
from eegcore.sinks.history_file import HistoryWriter
from eegcore.sinks.history_format import PacketRecord
from eegcore.sinks.history_read import History

GAP, SATURATED, LEAD_OFF, SETTLING = 1, 2, 4, 8
CLEAN = [board(faults=[]), {"to_voltage": {}}, {"notch": {"hz": 50}}, {"lowpass": {"hz": 60}},
         {"decimate": {"to_sps": 250}}]
QUICK = [board(faults=[]), {"to_voltage": {}}, {"notch": {"hz": 50, "q": 2}}, {"lowpass": {"hz": 60}},
         {"decimate": {"to_sps": 250}}, {"fft": {"window_s": 0.05, "inputs": "lowpass"}}]


def sent(folder: Path, stage: str = "acquire") -> list[PacketRecord]:
    history = History(folder)
    (stream,) = [stream for stream in history.streams.values() if stream.stage == stage]
    return list(history.records({stream.number}))


def by_name(report: ReplayReport) -> dict[str, Any]:
    return {stream.stage if stream.port == "out" else f"{stream.stage}.{stream.port}": stream
            for stream in report.streams}


def test_a_replay_gives_the_recorded_hashes_with_gaps_flags_and_live_changes(record):
    folder = record(chain(), changes=[(400, "notch", {"hz": 60}), (702, "bandpass", {"low_hz": 2.0}),
                                      (702, "notch", {"q": 20.0})])
    seen = {flag for packet in sent(folder) for flag in (GAP, SATURATED, LEAD_OFF) if packet.flags & flag}
    assert seen == {GAP, SATURATED, LEAD_OFF}, "the run had no trouble"
    assert {packet.config_rev for packet in sent(folder)} == {1, 2, 4}
    report = ec.replay(folder)
    assert report.equal
    assert report.exact
    assert (report.first, report.notes, report.new, report.gone) == (None, [], [], [])
    history = History(folder)
    assert {name: stream.compared for name, stream in by_name(report).items()} == {
        stream.name: stream.packets for stream in history.streams.values()}
    assert history.first_frames[2] == {"acquire": 400}


def test_two_sources_that_are_joined_replay_exactly(record):
    stages = [board(), {"to_voltage": {}}, {"acquire": {
        "id": "second", "board": "emulator", "sps": 1000, "channels": 4, "batch": 7, "drift_ppm": 400, "seed": 9}},
        {"to_voltage": {"id": "uv", "inputs": "second"}},
        {"align_and_zip": {"inputs": ["to_voltage", "uv"], "prefix": True}}, {"notch": {"hz": 50}}]
    folder = record(stages, changes=[(500, "notch", {"hz": 60})])
    report = ec.replay(folder)
    assert report.equal
    assert by_name(report)["notch"].compared > 200
    edited = ec.replay(folder, settings={"uv": {"keep_raw": False}, "notch": {"hz": 50}})
    assert (edited.first.stage, edited.first.config_rev) == ("notch", 2)


def test_an_edit_of_what_was_changed_live_differs_from_that_frame_on(record):
    folder = record(chain(), changes=[(702, "notch", {"hz": 60})])
    report = ec.replay(folder, settings={"notch": {"hz": 50}})
    assert (report.first.stage, report.first.frame_index, report.first.config_rev) == ("notch", 702, 2)
    assert by_name(report)["to_voltage"].equal == by_name(report)["to_voltage"].compared
    assert by_name(report)["notch"].equal == sum(1 for packet in sent(folder, "notch") if packet.frame_index < 702)


def test_the_first_packet_that_differs_is_the_one_two_offline_runs_differ_in(record):
    folder = record(CLEAN, payloads="all")
    packets = sent(folder)
    counts = np.concatenate([np.frombuffer(packet.payload, np.int32).reshape(packet.n_frames, -1)
                             for packet in packets])
    scale = History(folder).streams[0].description["scale_uv"][0]

    def notched(q: float) -> np.ndarray:
        return ec.process(counts, sps=1000, scale_uv=scale, stages=[{"to_voltage": {}}, {"notch": {"hz": 50, "q": q}}])

    apart = np.abs(notched(30.0).astype(float) - notched(30.00001))
    frame = int(np.flatnonzero(apart.any(axis=1))[0])
    report = ec.replay(folder, settings={"notch": {"q": 30.00001}})
    first = report.first
    (wanted,) = [packet for packet in sent(folder, "notch") if packet.frame_index <= frame < packet.end_frame]
    assert (first.stage, first.frame_index, first.t_ns) == ("notch", wanted.frame_index, wanted.t_ns)
    inside = slice(wanted.frame_index, wanted.frame_index + wanted.n_frames)
    assert first.largest == apart[inside].max()
    assert by_name(report)["to_voltage"].different == 0


def test_frames_that_are_only_cut_elsewhere_are_equal(record):
    """A filter that settles at another frame cuts the packets of its whole cascade there."""
    folder = record(CLEAN)
    report = ec.replay(folder, settings={"lowpass": {"hz": 45}})
    assert {name for name, stream in by_name(report).items() if stream.different} == {"lowpass", "decimate"}
    assert report.first.stage == "lowpass"


def test_an_output_of_the_last_stage_alone_is_named_with_its_largest_difference(record):
    folder = record([*CLEAN, {"gain": {"factor": 2.0}}], payloads="all")
    report = ec.replay(folder, settings={"gain": {"factor": 2.5}})
    largest = max(np.abs(np.frombuffer(packet.payload, np.float32).astype(float) * 0.25).max()
                  for packet in sent(folder, "gain"))
    assert {name for name, stream in by_name(report).items() if stream.different} == {"gain"}
    assert by_name(report)["gain"].largest == pytest.approx(largest, rel=1e-6)
    assert "uV" in str(report)


def test_a_stretch_compares_its_own_packets_only(record):
    folder = record(CLEAN)
    report = ec.replay(folder, start=0.3, stop=0.6)
    notch = by_name(report)["notch"]
    zero = History(folder).run["start_t_ns"]
    assert report.equal
    assert notch.compared == sum(0.3e9 <= packet.t_ns - zero < 0.6e9 for packet in sent(folder, "notch"))
    frames = by_name(ec.replay(folder, start=300, stop=600))["acquire"]
    assert frames.compared == 60


def test_without_its_beginning_a_run_is_compared_once_it_has_settled(record):
    folder = record(QUICK, seconds=4.0, minutes=0.02)
    history = History(folder)
    assert not history.has_begin
    report = ec.replay(folder)
    assert report.equal
    assert not report.exact
    assert "no longer held" in report.notes[0]
    notch = by_name(report)["notch"]
    (held,) = [stream for stream in history.streams.values() if stream.stage == "notch"]
    settling_s = held.description["settling_s"]
    assert notch.settled_ns == history.sources[0].first_t_ns + round(8 * settling_s * 1e9)
    assert notch.left_out > 0
    assert notch.compared > 50


def test_missing_packets_of_a_source_are_waited_out(record, tmp_path):
    """As if the disk had been slow: a stretch of the source's packets was dropped and told as a hole."""
    folder = record(QUICK, seconds=2.0, payloads="all")
    history = History(folder)
    made = writer(tmp_path / "holed", minutes=5, payloads="all")
    made.open(RunInfo("r1"), {key: value for key, value in history.run.items() if key not in ("minutes", "payloads")})
    made.config(history.configs[1])
    for stream in history.streams.values():
        for number, packet in enumerate(history.records({stream.number})):
            if stream.role == "source" and 40 <= number < 60:
                if number == 40:
                    made.hole(stream.number, packet.frame_index, packet.t_ns, 20)
                continue
            made.packets(stream.number, [AsWritten(packet)])
    made.close({"edges": {}})
    report = ec.replay(tmp_path / "holed")
    assert not report.exact
    assert report.equal
    assert by_name(report)["notch"].left_out > 20
    assert by_name(report)["notch"].compared > 200


class AsWritten(bytes):
    """A packet of a history for a writer."""

    def __new__(cls, packet: PacketRecord) -> AsWritten:
        made = super().__new__(cls, packet.payload or b"")
        made.head, made.t_ns, made.config_rev = packet.head, packet.t_ns, packet.config_rev
        return made


def test_another_pipeline_runs_on_the_recorded_sources(record, tmp_path):
    folder = record(CLEAN)
    other = {"stages": [CLEAN[0], {"to_voltage": {}}, {"notch": {"hz": 60}}, {"envelope": {}}]}
    report = ec.replay(folder, pipeline=other)
    assert report.first.stage == "notch"
    assert (report.new, report.gone) == (["envelope"], ["lowpass", "decimate"])
    with pytest.raises(BadArgument, match="its sources are sine"):
        ec.replay(folder, pipeline=[{"acquire": {"id": "sine", "board": "emulator"}}])


def test_an_edit_that_cannot_work_is_refused(record):
    folder = record(CLEAN, seconds=0.2)
    with pytest.raises(ConfigError, match=r"notch\.hz"):
        ec.replay(folder, settings={"notch": {"hz": 900}})
    with pytest.raises(BadArgument, match="holds no packet"):
        ec.replay(folder, start=30.0)


def test_steps_tell_what_every_packet_of_the_source_brought_about(record):
    folder = record(CLEAN, seconds=0.3)
    steps = list(Replay(folder).steps())
    packets = sent(folder)
    assert [step.packet.frame_index for step in steps] == [packet.frame_index for packet in packets]
    notch = [played for step in steps for (stage, _), played in step.outputs if stage == "notch"]
    assert [played.digest for played in notch] == [packet.digest for packet in sent(folder, "notch")]
    assert all(step.packet.frame_index <= played.frame_index < step.packet.end_frame
               for step in steps for (stage, _), played in step.outputs if stage == "notch")
    assert not any(step.different for step in steps)


def test_a_history_of_a_run_that_goes_on_replays_as_far_as_it_goes(record, tmp_path):
    """Cut anywhere, as a copy of a living history is."""
    folder = record(CLEAN)
    whole = (folder / "history_000001.seg").read_bytes()
    for share in (0.4, 0.7):
        copy = tmp_path / f"copy_{share}"
        shutil.copytree(folder, copy)
        (copy / "history_000001.seg").write_bytes(whole[:int(len(whole) * share)])
        report = ec.replay(copy)
        assert report.equal
        assert report.compared > 100
        assert any("middle of the run" in note for note in report.notes)


def test_the_command_says_what_differs(record, cli):
    folder = record(CLEAN, seconds=0.4, changes=[(200, "notch", {"hz": 60})])
    same = cli("replay", folder)
    assert same.status == 0
    assert "packets compared are equal" in same.out
    edited = cli("replay", folder, "--set", "notch.hz=50", "--json")
    assert edited.status == 1
    assert json.loads(edited.out)["first"]["stage"] == "notch"
    assert json.loads(edited.out)["first"]["frame_index"] == 200
    steps = cli("replay", folder, "--step", "--count", "2", "--from", "200")
    assert steps.status == 0
    assert steps.out.count("acquire: frames") == 2
    assert "notch: frame 200" in steps.out
    assert all(int(frame) >= 200 for frame in re.findall(r"notch: frame (\d+)", steps.out))
    assert cli("replay", folder.parent).status == 2
    assert cli("replay", folder, "--from", "noon").status == 2
    assert cli("replay", folder, "--count", "2").status == 2


def test_the_merged_configuration_of_a_history_reads_whatever_there_is():
    pipe = Pipeline([*CLEAN, {"history_sink": {"path": "unused_{start}"}}], clock="virtual")
    merged = pipe.config.merged()
    assert merged["stages"]["history_sink"]["inputs"] == []
    merged["stages"]["gain"] = {"type": "gain", "inputs": ["notch"]}
    again = Pipeline(merged, clock="virtual")
    assert [ref[0] for ref in again.plan.stage("history_sink").inputs] == [
        "acquire", "to_voltage", "notch", "lowpass", "decimate", "gain"]
    only = Pipeline([*CLEAN, {"history_sink": {"path": "unused_{start}", "inputs": ["acquire", "notch"]}}])
    assert [ref[0] for ref in only.plan.stage("history_sink").inputs] == ["acquire", "notch"]
    assert {edge.policy for edge in only.plan.edges if edge.to_stage == "history_sink"} == {"drop_oldest"}


def test_in_real_time_a_slow_disk_costs_holes_and_nothing_else(tmp_path, monkeypatch):
    """The disk stands still for longer than the rings in front of the history hold."""
    naps = iter([0.0] * 75 + [0.9])         # behind 25 packets of each stream at least
    monkeypatch.setattr(history_thread, "BATCH", 8)
    real = HistoryWriter.packets

    def slow(self: HistoryWriter, stream: int, packets: list[Any]) -> None:
        time.sleep(next(naps, 0.0))
        real(self, stream, packets)

    monkeypatch.setattr(HistoryWriter, "packets", slow)
    monkeypatch.setattr(plan_edges, "HISTORY_S", 0.2)
    stages = [board(faults=[], sps=250, batch=2), {"to_voltage": {}}, {"notch": {"hz": 50, "q": 2}}, {"null_sink": {}},
              {"history_sink": {"path": str(tmp_path / "h")}}]
    run = Pipeline(stages, clock="real").run(seconds=2.5)
    with run:
        assert run.wait(30)
    ledger = run.ledger()
    assert ledger["balanced"]
    assert ledger["edges"]["notch->null_sink"]["dropped"] == {}
    history = History(tmp_path / "h")
    assert all(stream.holes for stream in history.streams.values())
    report = ec.replay(tmp_path / "h")
    assert report.equal
    assert not report.exact
    assert by_name(report)["notch"].compared > 20


def test_a_window_that_began_earlier_is_not_the_cause():
    plan = Pipeline([*CLEAN, {"fft": {"window_s": 1.0, "inputs": "notch"}}], clock="virtual").plan

    def first(stage: str, t_ns: int, end_ns: int) -> StreamReport:
        return StreamReport(stage, "out", first=Difference(stage, "out", 0, t_ns, end_ns, 1, "samples"))

    window = first("fft", 1_000, 2_000)
    assert first_cause([window, first("notch", 1_500, 1_504)], [plan]).stage == "notch"
    assert first_cause([window, first("lowpass", 1_500, 1_504)], [plan]).stage == "fft", "it does not read the lowpass"
    assert first_cause([window, first("notch", 2_500, 2_504)], [plan]).stage == "fft", "the notch differs only later"
    assert first_cause([], [plan]) is None

"""Locks: what is recorded does not change, everything else may."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from eegcore.errors import Locked, NotFound, StateConflict
from eegcore.graph.plan_types import Plan
from eegcore.graph.run import GraphRun
from eegcore.pipeline import Pipeline
from eegcore.recording import Keeper
from eegcore.sinks.ledger_file import check_ledger

BOARD: dict[str, Any] = {"acquire": {"board": "emulator", "sps": 1000, "channels": 4}}
CHAIN: list[dict[str, Any]] = [BOARD, {"to_voltage": {}}, {"notch": {"hz": 60}},
                               {"bandpass": {"low_hz": 1, "high_hz": 45}},
                               {"null_sink": {}}, {"lowpass": {"hz": 30, "inputs": "notch"}},
                               {"null_sink": {"id": "low"}}]


def test_a_lock_names_its_holders_and_holds_only_what_reaches_them():
    run = Pipeline(CHAIN, clock="virtual").run(seconds=1)
    live = run._graph.live
    assert live.lock("null_sink") == 2
    assert live.lock("low") == 3
    for stage, settings, holders in [("notch", {"hz": 50}, ["null_sink", "low"]), ("lowpass", {"hz": 20}, ["low"]),
                                     ("bandpass", {"high_hz": 40}, ["null_sink"])]:
        with pytest.raises(Locked) as caught:
            run.update(stage, **settings)
        assert caught.value.holders == caught.value.details["holders"] == holders
        assert caught.value.code == "locked"
        assert str(caught.value).startswith(f"{stage}: locked, because {' and '.join(holders)} record")
    live.unlock("low")
    live.unlock("low")
    assert run.update("lowpass", hz=20) == 4
    assert live.holders() == ["null_sink"]
    with pytest.raises(StateConflict, match="since revision 2"):
        live.lock("null_sink")
    with pytest.raises(NotFound, match="Known: acquire, to_voltage"):
        live.lock("csv_sink")
    live.unlock("null_sink")
    assert run.update("notch", hz=50) == 5


def test_what_does_not_differ_is_no_change_of_what_is_recorded():
    run = Pipeline(CHAIN, clock="virtual").run(seconds=1)
    run._graph.live.lock("null_sink")
    assert run.update("notch", hz=60) == 3


def test_an_open_file_holds_a_lock_until_its_run_ends(tmp_path):
    stages = [*CHAIN, {"csv_sink": {"path": str(tmp_path / "a.csv"), "inputs": "bandpass"}}]
    run = Pipeline(stages).run()
    assert run.update("notch", hz=50) == 2               # nothing is open yet
    run.update("lowpass", hz=25, at_frame=10**6)         # reaches no file
    with run:
        for stage, settings in (("notch", {"hz": 55}), ("csv_sink", {"decimals": 1}), ("acquire", {"seed": 3})):
            with pytest.raises(Locked) as caught:
                run.update(stage, **settings)
            assert caught.value.holders == ["csv_sink"]
        assert run.update("lowpass", hz=20) == 4
    assert run.ledger()["lost"] == 0
    assert check_ledger(run.ledger()) == []


def test_a_word_that_alters_no_sample_does_not_end_what_is_recorded(tmp_path):
    """A recorder whose node is made anew has its file closed: whatever is said of it, it is locked."""
    recorder = {"bdf_sink": {"inputs": "acquire", "armed": True, "keep_free_bytes": 0, "keep_free_s": 0}}
    run = Pipeline([*CHAIN, recorder, {"csv_sink": {"path": str(tmp_path / "a.csv"), "inputs": "bandpass"}}]).run()
    keeper = Keeper(str(tmp_path))
    with run:
        keeper.begin(run._graph, "bdf_sink")
        for stage, settings, holders in [("bdf_sink", {"budget_us": 1e6}, ["bdf_sink"]),
                                         ("bdf_sink", {"participant": "P02"}, ["bdf_sink"]),
                                         ("csv_sink", {"budget_us": 1e6}, ["csv_sink"]),
                                         ("notch", {"budget_us": 1e6}, ["csv_sink"]),
                                         ("bdf_sink", {"queue": 1024}, ["bdf_sink"])]:
            with pytest.raises(Locked) as caught:
                run.update(stage, **settings)
            assert caught.value.holders == holders
        assert run.update("low", budget_us=1e6) > 1
        assert keeper.end("bdf_sink")["state"] == "finished"
        run.update("bdf_sink", participant="P02")
        assert keeper.begin(run._graph, "bdf_sink").session.info.participant == "P02"
        keeper.end("bdf_sink")


def test_what_is_said_of_a_recorder_before_the_start_holds_from_the_start(tmp_path):
    run = Pipeline([BOARD, {"bdf_sink": {"armed": False, "keep_free_bytes": 0, "keep_free_s": 0,
                                         "folder": str(tmp_path)}}], clock="virtual").run(seconds=1)
    run.update("bdf_sink", participant="P03")
    with run:
        run.wait(60)
    assert [folder.name.endswith("_P03") for folder in tmp_path.iterdir()] == [True]


@pytest.mark.parametrize("change", [
    lambda run: run.replace("gain", {"bandpass": {"low_hz": 1, "high_hz": 45}}, at_frame=300),
    lambda run: run.remove("gain", at_frame=300),
    lambda run: run.add("twice", {"gain": {"factor": 3}}, after="notch.out", at_frame=300)], ids=[
        "replaced", "removed", "added"])
def test_neighbours_that_come_and_go_move_no_bit_of_what_is_recorded(tmp_path, change):
    """Stages that are compiled together are taken apart, and each keeps its past."""
    def rows(name: str, *, changed: bool) -> list[str]:
        path = tmp_path / f"{name}.csv"
        stages = [BOARD, {"to_voltage": {"keep_raw": True}}, {"csv_sink": {"path": str(path)}},
                  {"notch": {"hz": 60, "inputs": "to_voltage"}},
                  {"csv_sink": {"id": "filtered", "path": str(path) + "2", "inputs": "notch"}},
                  {"gain": {"factor": 2, "inputs": "notch"}}, {"lowpass": {"hz": 30}}, {"null_sink": {}}]
        run = Pipeline(stages, clock="virtual").run(seconds=1)
        if changed:
            change(run)
        with run:
            run.wait(60)
        return [line for end in ("", "2") for line in Path(f"{path}{end}").read_text().splitlines()
                if line[:1].isdigit()]

    assert rows("changed", changed=True) == rows("plain", changed=False)


def test_a_recorder_that_waits_hears_whoever_comes_in_the_place_of_what_it_has_read(tmp_path):
    calm = {"acquire": {"board": "emulator", "sps": 250, "channels": 4}}
    run = Pipeline([calm, {"select": {"channels": [1, 2]}}, {"bdf_sink": {
        "armed": True, "keep_free_bytes": 0, "keep_free_s": 0}}]).run()
    keeper = Keeper(str(tmp_path))
    with run:
        run.add("few", {"select": {"channels": [1, 2, 3]}}, after="acquire", splice=True)
        keeper.begin(run._graph, "bdf_sink")
        end = time.monotonic() + 20
        while not keeper.status("bdf_sink")["frames"]:
            assert time.monotonic() < end
            time.sleep(0.01)
        assert keeper.end("bdf_sink")["frames"] > 0


def test_no_recording_begins_while_a_change_waits_for_its_frame(tmp_path):
    run = Pipeline(CHAIN, clock="virtual").run(seconds=1)
    run.update("lowpass", hz=20, at_frame=500)
    with pytest.raises(StateConflict, match=r"revision 2 \(lowpass.hz=20\) waits for frame 500"):
        run._graph.live.lock("null_sink")
    with run:
        run.wait(60)
    assert run._graph.live._revisions.oldest_waiting() is None

    path = tmp_path / "a.csv"
    run = Pipeline([*CHAIN, {"csv_sink": {"path": str(path), "inputs": "bandpass"}}], clock="virtual").run(seconds=1)
    run.update("notch", hz=50, at_frame=500)
    with pytest.raises(StateConflict, match="csv_sink: cannot begin to record"):
        run.__enter__()
    assert not path.exists()


def test_changes_stand_in_the_journal_with_their_first_frame():
    run = Pipeline(CHAIN, clock="virtual").run(seconds=1)
    run.update("notch", hz=50, q=12, at_frame=300)
    run.update("bandpass", high_hz=40, at_frame=301)
    run.update("bandpass", high_hz=40, at_frame=310)     # nothing is changed: nothing is said
    run.update("notch", hz=55, at_frame=10**9)           # never comes
    times: dict[int, int] = {}
    heard = run.tap("acquire", timeout_s=60)
    with run:
        for packet in heard:
            times.setdefault(packet.config_rev, packet.t_ns)
    said = [event for event in run._graph.journal.events() if event.kind == "config"]
    assert [(event.frame_index, event.text, event.config_rev, event.t_ns) for event in said] == [
        (300, "notch.hz=50; notch.q=12", 2, times[2]), (301, "bandpass.high_hz=40", 3, times[3])]


def race(graph: GraphRun, plans: list[Plan], rounds: int) -> None:
    """Change a setting and begin a recording from two threads at once, again and again; look at what was accepted."""
    meet = threading.Barrier(2, timeout=20)
    accepted: list[int] = []
    n_accepted = 0
    refused: list[list[str]] = []

    def edit() -> None:
        for _ in range(rounds):
            meet.wait()
            try:
                while True:
                    other = graph.plan.stage("gain").settings == plans[0].stage("gain").settings
                    accepted.append(graph.change(plans[other])[0])
            except Locked as error:
                refused.append(error.holders)
            meet.wait()

    editor = threading.Thread(target=edit)
    editor.start()
    for k in range(rounds):
        meet.wait()
        time.sleep(2e-5 * (k % 16))
        locked = graph.live.lock("null_sink")
        meet.wait()
        assert not [rev for rev in accepted if rev >= locked]
        assert graph.live.config_rev == locked
        graph.live.unlock("null_sink")
        n_accepted += len(accepted)
        accepted.clear()
        while graph.live.collect() > 500:
            time.sleep(1e-3)                             # frames have to come for them
    editor.join()
    assert n_accepted
    assert refused == [["null_sink"]] * rounds


@pytest.mark.parametrize("rounds", [100, pytest.param(10_000, marks=pytest.mark.deep)])
def test_no_change_takes_effect_at_or_after_the_first_frame_of_a_lock(rounds):
    plans = [Pipeline([BOARD, {"to_voltage": {}}, {"gain": {"factor": factor}}, {"null_sink": {}}]).plan
             for factor in (1, 2)]
    graph = GraphRun(plans[0], config_rev=1)
    graph.start()
    try:
        while graph.stats()["frames"] == 0:
            time.sleep(0.01)
        race(graph, plans, rounds)
    finally:
        graph.finish()

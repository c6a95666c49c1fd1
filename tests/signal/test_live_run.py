"""Settings that change while a run goes on: which packets have them, what is refused, and what is left behind."""

from __future__ import annotations

import logging
import threading
from typing import Any

import numpy as np
import pytest

from eegcore.control.controller import Controller
from eegcore.errors import BadArgument, ConfigError, EegcoreError, NeedsStop, StaleRevision, StateConflict
from eegcore.pipeline import Pipeline, Run
from eegcore.sinks.ledger_file import check_ledger
from eegcore.stages import catalogue

CHAIN: list[dict[str, Any]] = [
    {"to_voltage": {}}, {"notch": {"hz": 60}}, {"bandpass": {"low_hz": 0.5, "high_hz": 45}}]


def emulator(**settings: Any) -> dict[str, Any]:
    return {"acquire": {"board": "emulator", "sps": 1000, "channels": 8, **settings}}


def heard(run: Run, stage: str) -> list[dict[str, Any]]:
    """Run to the end; return what a tap on a stage got."""
    packets: list[dict[str, Any]] = []
    tap = run.tap(stage, timeout_s=30)

    def listen() -> None:
        packets.extend({"at": p.frame_index, "n": p.n_frames, "rev": p.config_rev, "meta_rev": p.meta_rev,
                        "flags": p.flags, "data": np.array(p.data)} for p in tap)

    reader = threading.Thread(target=listen)
    reader.start()
    with run:
        assert run.wait(120)
        reader.join()
    assert check_ledger(run.ledger()) == []
    assert run.ledger()["balanced"]
    return packets


def revisions(packets: list[dict[str, Any]]) -> list[tuple[int, int]]:
    """Return (frame, revision) of every first packet of a revision; no frame is missing."""
    at = 0
    found: list[tuple[int, int]] = []
    for packet in packets:
        assert packet["at"] == at
        at += packet["n"]
        if not found or found[-1][1] != packet["rev"]:
            found.append((packet["at"], packet["rev"]))
    return found


@pytest.mark.parametrize("batch", [1, 7, 16, 250])
def test_a_revision_begins_at_its_frame_whatever_the_packing(batch):
    def run_with(batch: int) -> list[dict[str, Any]]:
        run = Pipeline([emulator(batch=batch), *CHAIN, {"null_sink": {}}], clock="virtual").run(seconds=2)
        assert run.update("notch", hz=50, at_frame=700) == 2
        assert run.update("bandpass", high_hz=40, low_hz=1.0, at_frame=701) == 3
        assert run.update("notch", q=12, at_frame=701) == 4              # two revisions at one frame: the later one
        assert run.update("notch", q=20, at_frame=0) == 5                # revisions come in order
        return heard(run, "bandpass")

    packets = run_with(batch)
    assert revisions(packets) == [(0, 1), (700, 2), (701, 5)]
    wanted = run_with(64)
    assert np.array_equal(np.concatenate([p["data"] for p in packets]), np.concatenate([p["data"] for p in wanted]))


def test_changes_at_their_frames_give_the_same_bytes_again_and_others_do_not():
    def digest(*changes: tuple[int, float]) -> str:
        run = Pipeline([emulator(), *CHAIN, {"null_sink": {}}], clock="virtual").run(seconds=1)
        for frame, hz in changes:
            run.update("notch", hz=hz, at_frame=frame)
        heard(run, "notch")
        return run.ledger()["digest"]["null_sink"]

    assert digest((300, 50), (301, 55)) == digest((300, 50), (301, 55))
    assert len({digest((300, 50)), digest((301, 50)), digest((300, 51)), digest()}) == 4


def test_every_branch_and_every_source_takes_part():
    stages = [emulator(), emulator(id="second", seed=4), {"align_and_zip": {"inputs": ["acquire", "second"],
              "prefix": True}}, {"to_voltage": {}}, {"notch": {"hz": 60, "group": "far"}}, {"null_sink": {}},
              {"null_sink": {"id": "raw", "inputs": "acquire"}}]
    for stage in ("acquire", "second", "align_and_zip", "notch"):
        run = Pipeline(stages, clock="virtual").run(seconds=1)
        run.update("notch", hz=50, at_frame=333)
        assert revisions(heard(run, stage)) == [(0, 1), (333, 2)]


def test_a_gain_changes_at_once_and_everything_behind_it_goes_on():
    stages = [emulator(signal="sine"), {"to_voltage": {}}, {"gain": {"factor": 1}}, {"null_sink": {}}]
    plain = np.concatenate([p["data"] for p in heard(Pipeline(stages, clock="virtual").run(seconds=1), "gain")])
    run = Pipeline(stages, clock="virtual").run(seconds=1)
    run.update("gain", factor=3, at_frame=500)
    louder = np.concatenate([p["data"] for p in heard(run, "gain")])
    assert np.array_equal(louder[:500], plain[:500])
    np.testing.assert_allclose(louder[600:], 3 * plain[600:], rtol=1e-6)
    between = (louder - plain)[500:600] * (3 * plain - louder)[500:600]
    assert between.min() > -1e-2                                       # rounding of float32, squared


def test_what_is_said_of_a_stream_changes_with_its_first_packet():
    run = Pipeline([emulator(), *CHAIN, {"null_sink": {}}], clock="virtual").run(seconds=1)
    before = run.stream("bandpass")
    run.update("bandpass", low_hz=2.0, at_frame=400)
    run.update("notch", hz=60, at_frame=600)                             # nothing new is said
    packets = heard(run, "bandpass")
    assert {(p["rev"], p["meta_rev"]) for p in packets} == {(1, 1), (2, 2), (3, 2)}
    assert run.stream("bandpass").settling_s < before.settling_s


@pytest.mark.parametrize(("stage", "settings", "error", "says"), [
    ("nothc", {"hz": 50}, ConfigError, "Did you mean 'notch'"), ("notch", {"hs": 50}, ConfigError, "Known keys: hz"),
    ("notch", {"hz": 1000}, ConfigError, "above half the data rate"),
    ("notch", {"hz": "x"}, ConfigError, "stages.notch.hz"),
    ("acquire", {"sps": 500}, NeedsStop, "rate (sps) of its output would change from 1000.0 to 500.0"),
    ("acquire", {"seed": 5}, NeedsStop, "a source keeps its settings for a whole run. Stop the pipeline first")])
def test_what_cannot_change_is_refused_with_the_reason_and_changes_nothing(stage, settings, error, says):
    stages = [emulator(), *CHAIN, {"decimate": {"to_sps": 250}}, {"null_sink": {}}]
    run = Pipeline(stages, clock="virtual").run(seconds=1)
    with pytest.raises(error) as caught:
        run.update(stage, **settings)
    assert says in str(caught.value)
    if error is NeedsStop:
        assert caught.value.code == "needs_stop"
        assert caught.value.reasons
    assert run.update("notch", hz=50, at_frame=100) == 2
    assert revisions(heard(run, "notch")) == [(0, 1), (100, 2)]


@pytest.mark.parametrize(("stage", "settings"), [
    ("decimate", {"to_sps": 125}), ("bandpass", {"inputs": ["to_voltage"]}), ("decimate", {"group": "far"})])
def test_a_rate_an_input_and_a_group_change_while_a_tap_listens(stage, settings):
    stages = [emulator(), *CHAIN, {"decimate": {"to_sps": 250}}, {"null_sink": {}}]
    run = Pipeline(stages, clock="virtual").run(seconds=1)
    tap = run.tap(stage, timeout_s=30)
    assert run.update(stage, **settings, at_frame=400) == 2
    with run:
        packets = [(p.frame_index, p.n_frames * p.step_num / p.step_den, p.config_rev, p.meta_rev) for p in tap]
    assert check_ledger(run.ledger()) == []
    assert run.ledger()["balanced"]
    ends = np.cumsum([n for _, n, _, _ in packets])
    assert [at for at, _, _, _ in packets] == [0, *ends[:-1]]
    assert ends[-1] == 1000
    assert {(rev, meta) for at, _, rev, meta in packets if at >= 400} == {(2, 2)}
    assert {(rev, meta) for at, _, rev, meta in packets if at < 400} == {(1, 1)}


def test_if_one_stage_refuses_none_changes(monkeypatch):
    run = Pipeline([emulator(), *CHAIN, {"decimate": {"to_sps": 250}}, {"lowpass": {"hz": 40}}, {"null_sink": {}}],
                   clock="virtual").run(seconds=1)
    graph = run._graph
    plan = Pipeline([emulator(), *CHAIN[:1], {"notch": {"hz": 50}}, *CHAIN[2:], {"decimate": {"to_sps": 250}},
                     {"lowpass": {"hz": 30}}, {"null_sink": {}}], clock="virtual").plan
    last = plan.stage("lowpass").native
    last["ops"][0]["sos"] = [["0x1p+0", "nan", "0x0p+0", "0x1p+0", "0x0p+0", "0x0p+0"]]
    with pytest.raises(EegcoreError):
        graph.change(plan)
    assert graph.live.config_rev == 1
    assert graph.plan is not plan
    assert {p["rev"] for p in heard(run, "lowpass")} == {1}


def test_a_run_that_has_ended_and_one_of_a_plan_have_nothing_to_change():
    pipe = Pipeline([emulator(), *CHAIN, {"null_sink": {}}], clock="virtual")
    with pipe.run(seconds=0.1) as run:
        run.wait(60)
    with pytest.raises(StateConflict, match="has ended"):
        run.update("notch", hz=50)
    with pytest.raises(StateConflict, match="made from a plan"):
        Pipeline.from_plan(pipe.plan).run().update("notch", hz=50)
    for frame in (-1, 2**63, True, 1.5):
        with pytest.raises(BadArgument, match="at_frame"):
            pipe.run().update("notch", hz=50, at_frame=frame)  # type: ignore[arg-type]


def test_changes_that_never_came_due_are_forgotten():
    run = Pipeline([emulator(), *CHAIN, {"null_sink": {}}], clock="virtual").run(seconds=0.2)
    for frame in (150, 10_000, 20_000):
        run.update("notch", hz=50, at_frame=frame)
    assert revisions(heard(run, "notch")) == [(0, 1), (150, 2)]
    assert run._graph.live.collect() > 0


def test_no_setting_is_called_as_the_words_of_update():
    for stage in catalogue().values():
        assert not {"at_frame", "if_rev", "stage_id"} & set(stage.Settings.model_fields), stage.name


# ---- through the controller ----

def test_the_revision_that_is_told_is_the_one_that_packets_carry():
    controller = Controller([emulator(), *CHAIN, {"websocket_sink": {"topic": "eeg"}}])
    told: list[tuple[int, Any]] = []
    controller.subscribe(lambda event: told.append((event["config_rev"], event["config"]["stages"]["notch"]["hz"]))
                         if event["event"] == "config" else None)
    assert controller.update("notch", "hz", 55) == 2                     # stopped: what is held changes
    controller.start()
    outlet, = controller.outlets()
    try:
        assert controller.update("notch", "hz", 50, if_rev=2) == 3
        with pytest.raises(StaleRevision) as caught:
            controller.update("notch", "hz", 40, if_rev=2)
        assert caught.value.details["config_rev"] == 3
        revs: list[int] = []
        while not revs or revs[-1] != 3:
            for packet in outlet.take(8):
                revs.append(packet.config_rev)
                assert outlet.stream_of(packet.meta_rev).labels == outlet.stream.labels
                packet.release()
        assert set(revs) <= {2, 3}
        assert sorted(revs) == revs
        assert controller.status()["config_rev"] == 3
        assert controller.config()["stages"]["notch"]["hz"] == 50
        assert controller.plan()["stages"][2]["settings"]["hz"] == 50
    finally:
        controller.shutdown()
        outlet.close()
    assert told == [(2, 55), (3, 50)]
    with pytest.raises(StateConflict, match="at_frame"):
        controller.update("notch", "hz", 50, at_frame=10)


def test_twenty_editors_lose_no_update():
    stages = [emulator(), {"to_voltage": {}}, *({"gain": {"id": f"n{k}", "factor": 1.0}} for k in range(20)),
              {"null_sink": {}}]
    controller = Controller(stages)
    controller.start()
    revs: list[int] = []

    def edit(k: int) -> None:
        revs.extend(controller.update(f"n{k}", "factor", 5.0 + i) for i in range(2))

    editors = [threading.Thread(target=edit, args=(k,)) for k in range(20)]
    for editor in editors:
        editor.start()
    for editor in editors:
        editor.join()
    config = controller.config()["stages"]
    controller.shutdown()
    assert sorted(revs) == list(range(2, 42))
    assert [config[f"n{k}"]["factor"] for k in range(20)] == [6.0] * 20
    assert controller.ledger()["balanced"]


def test_several_settings_change_as_one_or_not_at_all():
    controller = Controller([emulator(), *CHAIN, {"null_sink": {}}])
    with pytest.raises(ConfigError) as caught:
        controller.change([("notch", "hz", 50), ("bandpass", "hihg_hz", 40), ("bandpass", "low_hz", 0.1)])
    assert "Did you mean 'high_hz'" in str(caught.value)
    assert controller.config()["stages"]["notch"]["hz"] == 60
    assert controller.change({"notch": {"hz": 50}, "bandpass": {"high_hz": 40}}) == 2
    assert controller.update("notch", "q", 7) == 3
    assert controller.update("notch", "q", None) == 4                    # back to the default
    assert controller.config()["stages"]["notch"]["q"] == 30


def test_a_real_board_can_be_held_and_changed():
    board = {"acquire": {"board": "pieeg", "sps": 250}}
    controller = Controller([board, *CHAIN, {"null_sink": {}}])
    assert controller.update("notch", "hz", 50) == 2
    assert controller.update("bandpass", "high_hz", 30) == 3
    stages = controller.config()["stages"]
    assert (stages["notch"]["hz"], stages["bandpass"]["high_hz"]) == (50, 30)


def test_a_change_is_in_the_log_with_its_first_frame(caplog):
    caplog.set_level(logging.INFO, logger="eegcore")
    run = Pipeline([emulator(), *CHAIN, {"null_sink": {}}], clock="virtual").run(seconds=1)
    run.update("notch", hz=50, at_frame=100)
    heard(run, "notch")
    assert "revision 2 from frame 100 on: notch.hz=50" in [record.getMessage() for record in caplog.records]

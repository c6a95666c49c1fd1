"""What was changed live and what becomes of it: restarts, presets, other graphs, broken state files, fallbacks."""

from __future__ import annotations

import json
import logging
import os
import stat
import threading

import pytest
from pipeline_file import PIPELINE

from eegcore.control import files
from eegcore.control.controller import Controller
from eegcore.control.keeping import keep, take_up
from eegcore.control.state_store import MAX_BYTES, Saved, StateStore, default_folder
from eegcore.errors import ConfigError, EegcoreError, FileRefused


@pytest.fixture
def store(tmp_path):
    return StateStore(tmp_path / "state")


@pytest.fixture
def said(caplog):
    """The log lines so far."""
    caplog.set_level(logging.INFO, logger="eegcore")
    return lambda: "\n".join(record.getMessage() for record in caplog.records)


def serve_again(pipeline, store, *, overrides=(), fresh=False):
    controller = Controller(pipeline, overrides=overrides)
    take_up(controller, store, pipeline, fresh=fresh)
    return controller


def factor(controller):
    return controller.config()["stages"]["gain"]["factor"]


def test_changes_are_there_again_after_an_end_in_order(pipeline, store, said):
    controller = Controller(pipeline)
    controller.update("gain", "factor", 3)
    controller.add_stage("fft", after="gain")
    controller.remove_stage("null_sink")
    before = controller.config()
    keep(controller, store, pipeline)
    again = serve_again(pipeline, store)
    assert again.config() == before
    line = said().splitlines()[-1]
    assert "with what was changed live last time: null_sink removed, gain.factor=3, fft added, ws_fft added" in line
    assert "--fresh" in line
    again.undo()
    assert factor(again) == 2


def test_fresh_leaves_them_out_and_says_so(pipeline, store, said):
    controller = Controller(pipeline)
    controller.update("gain", "factor", 3)
    keep(controller, store, pipeline)
    again = serve_again(pipeline, store, fresh=True)
    assert factor(again) == 2
    assert "(--fresh). Not taken up: gain.factor=3" in said()
    keep(again, store, pipeline)
    assert factor(serve_again(pipeline, store)) == 2


def test_nothing_changed_keeps_nothing(pipeline, store, said):
    controller = Controller(pipeline)
    keep(controller, store, pipeline)
    assert not store.folder.exists()
    controller.update("gain", "factor", 3)
    keep(controller, store, pipeline)
    controller.undo()
    keep(controller, store, pipeline)
    assert list(store.folder.iterdir()) == []
    assert factor(serve_again(pipeline, store)) == 2


@pytest.mark.parametrize("what", ["file", "options"])
def test_a_changed_file_counts_and_what_is_dropped_is_named(pipeline, store, said, what):
    controller = Controller(pipeline)
    controller.update("gain", "factor", 3)
    keep(controller, store, pipeline)
    if what == "file":
        pipeline.write_text(PIPELINE.replace("factor: 2", "factor: 5"))
    again = serve_again(pipeline, store, overrides=["gain.factor=5"] if what == "options" else [])
    assert factor(again) == 5
    assert "Discarded changes of last time: gain.factor=3" in said()


def test_changes_that_do_not_fit_any_more_are_dropped(pipeline, store, said):
    digest = Controller(pipeline).held().base.digest
    store.save(pipeline, Saved(digest, {"stages": {"gain": {"no_such": 1}}}, ["gain.no_such=1"]))
    assert factor(serve_again(pipeline, store)) == 2
    assert "do not fit any more" in said()
    assert "Discarded: gain.no_such=1" in said()


@pytest.mark.parametrize("content", [
    b"", b"{", b"\xff\xfe", b"null", b"[]", b'{"version": 2}', b'{"version": 1}', b"[" * 100_000,
    b'{"version": 1, "digest": 5, "overrides": {}, "listed": []}',
    b'{"version": 1, "digest": "x", "overrides": [], "listed": []}',
    b'{"version": 1, "digest": "x", "listed": [], "overrides": {"a": ' + b"[" * 40 + b"]" * 40 + b"}}",
    b'{"version": 1, "digest": "x", "listed": [], "overrides": {"a": ' + b"1" * 5000 + b"}}",
    b" " * (MAX_BYTES + 1)])
def test_a_state_file_that_cannot_be_understood_is_put_aside_with_a_warning(pipeline, store, said, content):
    path = store.path(pipeline)
    for number in (1, 2):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        controller = serve_again(pipeline, store)
        assert factor(controller) == 2
        assert not path.exists()
        assert path.with_suffix(f".unreadable-{number}").read_bytes() == content
    assert "is not what it should be" in said()
    controller.update("gain", "factor", 3)
    keep(controller, store, pipeline)
    assert factor(serve_again(pipeline, store)) == 3


def test_a_state_file_that_cannot_be_read_or_written_is_a_warning(pipeline, store, said, tmp_path):
    store.path(pipeline).mkdir(parents=True)
    assert factor(serve_again(pipeline, store)) == 2
    assert "cannot be read" in said()
    in_the_way = StateStore(tmp_path / "p.yaml" / "state")
    controller = Controller(pipeline)
    controller.update("gain", "factor", 3)
    keep(controller, in_the_way, pipeline)
    assert "changes are not kept" in said()
    assert said().endswith("gain.factor=3.")


def test_files_of_one_name_in_two_folders_are_two(tmp_path, store):
    one, other = tmp_path / "a" / "p.yaml", tmp_path / "b" / "p.yaml"
    assert store.path(one) != store.path(other)
    assert store.path(one).name.startswith("p-")
    (tmp_path / "a").mkdir()
    one.write_text(PIPELINE)
    controller = Controller(one)
    controller.update("gain", "factor", 3)
    keep(controller, store, one)
    kept = store.path(one)
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert json.loads(kept.read_text())["overrides"] == {"stages": {"gain": {"factor": 3.0}}}


def test_the_state_directory_is_where_the_desktop_says():
    assert str(default_folder({"XDG_STATE_HOME": "/x"})) == "/x/eegcore"
    assert default_folder({"XDG_STATE_HOME": "relative"}) == default_folder({})
    assert str(default_folder({})).endswith(".local/state/eegcore")


@pytest.mark.parametrize("call", ["open", "fsync", "rename"])
def test_a_file_is_there_whole_or_as_it_was(tmp_path, monkeypatch, call):
    path = tmp_path / "f"
    files.write_whole(path, b"before")
    real, calls = getattr(os, call), []

    def failing(*arguments, **keywords):
        calls.append(arguments)
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(files.os, call, failing)
        with pytest.raises(OSError, match="No space"):
            files.write_whole(path, b"after")
    assert calls
    assert getattr(os, call) is real
    assert path.read_bytes() == b"before"
    assert os.listdir(tmp_path) == ["f"]


def test_two_writers_at_once_leave_one_whole_file(tmp_path):
    path = tmp_path / "f"
    threads = [threading.Thread(target=lambda text=text: [files.write_whole(path, text * 1000) for _ in range(20)])
               for text in (b"a", b"b", b"c")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(path.read_bytes()) == 1000
    assert len(set(path.read_bytes())) == 1


# -- restarts, presets, other graphs ------------------------------------------------------------------------


@pytest.fixture
def controller(pipeline, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    made = Controller(pipeline)
    yield made
    made.shutdown(20)


def preset(tmp_path, name, text):
    folder = tmp_path / "config" / "eegcore" / "pipelines"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.yaml").write_text(text)


def test_an_empty_start_keeps_what_was_changed_and_a_preset_discards_it(controller, store, pipeline, tmp_path, said):
    controller.update("gain", "factor", 3)
    controller.start()
    controller.update("gain", "factor", 4)
    controller.shutdown(20)
    controller.start()
    assert (factor(controller), controller.status()["changed"]) == (4, ["gain.factor=4"])
    controller.shutdown(20)
    preset(tmp_path, "mine", PIPELINE)
    controller.start(preset="mine")
    assert (factor(controller), controller.status()["changed"]) == (2, [])
    assert "preset mine: changes of the pipeline before are discarded: gain.factor=4. Undo" in said()
    assert controller.status()["base"] == {"origin": "preset", "name": "mine"}
    controller.update("gain", "factor", 7)
    keep(controller, store, pipeline)                    # of the preset: not of the file that `serve` was given
    assert factor(serve_again(pipeline, store)) == 2
    controller.shutdown(20)
    controller.start({"stages": [{"acquire": {"channels": 4}}, {"null_sink": {}}]})
    assert controller.status()["changed"] == []


def test_sensor_settings_that_a_preset_leaves_open_are_taken_over(controller, tmp_path, said):
    controller.change({"acquire": {"labels": ["F3", "F4", "C3", "C4"], "gain": 12, "sps": 500, "input": "shorted",
                                   "seed": 9, "lead_off": {"mode": "dc"}}})
    preset(tmp_path, "mine", "- acquire: {sps: 1000, bias: false}\n- to_voltage: {}\n- null_sink: {}\n")
    controller.start(preset="mine")
    acquire = controller.config()["stages"]["acquire"]
    assert (acquire["labels"], acquire["gain"], acquire["channels"]) == (["F3", "F4", "C3", "C4"], 12, 4)
    assert (acquire["sps"], acquire["bias"]) == (1000, False)                    # what the preset writes wins
    assert (acquire["input"], acquire["lead_off"]["mode"], acquire["seed"]) == ("normal", "off", 1)
    assert "acquire.labels, acquire.channels, acquire.gain taken over" in said()
    assert controller.status()["changed"] == []


@pytest.mark.parametrize("text", [
    "- acquire: {id: other}\n- null_sink: {}\n",
    "- acquire: {board: ads1299, drdy: GPIO25, start: GPIO22, reset: GPIO23}\n- null_sink: {}\n"])
def test_another_sensor_takes_nothing_over(controller, tmp_path, text):
    from eegcore.control.presets import preset_file
    from eegcore.control.sensors import prepare_preset

    controller.update("acquire", "gain", 12)
    preset(tmp_path, "mine", text)
    config, _ = prepare_preset(preset_file("mine"), controller.held().config)
    assert config.stages[0].settings.gain == 24


def test_a_preset_that_does_not_work_with_them_is_loaded_as_it_is_written(controller, tmp_path, said):
    controller.update("acquire", "labels", ["F3", "F4", "C3", "C4"])
    preset(tmp_path, "mine", "- acquire: {}\n- select: {labels: [Fp1]}\n- null_sink: {}\n")
    controller.start(preset="mine")
    assert controller.config()["stages"]["acquire"]["labels"] is None
    assert "does not work with acquire.labels" in said()


def test_a_pipeline_that_is_sent_means_what_it_says(controller):
    controller.update("acquire", "gain", 12)
    controller.start([{"acquire": {}}, {"null_sink": {}}])
    assert controller.config()["stages"]["acquire"]["gain"] == 24


def refused_start(tmp_path, fallback=None):
    taken = tmp_path / "there.csv"
    taken.write_text("x")
    stages = [{"acquire": {"channels": 4}}, {"to_voltage": {}}, {"gain": {}}, {"csv_sink": {"path": str(taken)}}]
    return {"runtime": {"fallback": fallback} if fallback else {}, "stages": stages}


def test_a_graph_that_cannot_start_leaves_an_error_and_nothing_running(controller, tmp_path):
    with pytest.raises(FileRefused):
        controller.start(refused_start(tmp_path))
    assert controller.state == "failed"
    assert "there.csv" in controller.last_error
    assert controller.outlets() == []
    assert not controller.run.is_alive
    (tmp_path / "there.csv").unlink()
    assert controller.start()["state"] == "running"


def test_a_fallback_runs_is_told_and_leads_back(controller, tmp_path):
    preset(tmp_path, "safe", PIPELINE)
    heard = []
    controller.subscribe(heard.append)
    assert controller.start(refused_start(tmp_path, "safe"))["state"] == "running"
    assert controller.status()["base"] == {"origin": "fallback", "name": "safe"}
    configs = [event for event in heard if event["event"] == "config"]
    assert configs[-1]["config"] == controller.config()
    assert configs[-1]["config_rev"] == controller.run.live.config_rev
    controller.shutdown(20)
    controller.undo()
    assert "csv_sink" in controller.config()["stages"]


@pytest.mark.parametrize(("fallback", "words"), [("no_such", "no preset is called 'no_such'"), ("bad", "ntch")])
def test_a_fallback_that_cannot_start_either_is_a_failure(controller, tmp_path, fallback, words):
    preset(tmp_path, "bad", "- acquire: {}\n- ntch: {}\n")
    with pytest.raises(EegcoreError):
        controller.start(refused_start(tmp_path, fallback))
    assert controller.state == "failed"
    assert "could not start either" in controller.last_error
    assert words in controller.last_error
    assert not controller.run.is_alive


def test_a_fallback_does_not_cost_what_was_changed_in_the_file(pipeline, store, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    preset(tmp_path, "safe", PIPELINE)
    taken = tmp_path / "there.csv"
    taken.write_text("x")
    pipeline.write_text(f"runtime: {{fallback: safe}}\n{PIPELINE}  - csv_sink: {{path: {taken}, inputs: gain}}\n")
    controller = Controller(pipeline)
    controller.update("gain", "factor", 3)
    try:
        controller.start()
        assert factor(controller) == 2                   # that of the fallback
        keep(controller, store, pipeline)
    finally:
        controller.shutdown(20)
    assert factor(serve_again(pipeline, store)) == 3


def test_a_wrong_pipeline_changes_nothing(controller, store, pipeline):
    controller.update("gain", "factor", 3)
    with pytest.raises(ConfigError):
        controller.start([{"ntch": {}}])
    assert controller.status()["changed"] == ["gain.factor=3"]

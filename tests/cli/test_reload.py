"""SIGHUP reads the pipeline file again, and the service manager hears of it."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from eegcore.cli import main, service
from eegcore.control.controller import Controller
from eegcore.doctor import System
from eegcore.errors import ConfigError, EegcoreError
from eegcore.sinks.ledger_file import check_ledger

ROOT = Path(__file__).resolve().parents[2]
PIPELINE = """\
name: {name}
stages:
  - acquire: {{board: emulator, sps: 1000}}
  - to_voltage: {{}}
  - {last}: {{}}
"""


class Served:
    """A `serve` of its own, its log in a file."""

    def __init__(self, folder: Path, *arguments: str, **options) -> None:
        self.pipeline, self.log = folder / "p.yaml", folder / "log"
        self.write("first")
        environment = {**os.environ, "PYTHONPATH": str(ROOT), **options.pop("env", {})}
        with self.log.open("w") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "eegcore", "serve", str(self.pipeline), "--port", "0", *arguments],
                stdout=subprocess.PIPE, stderr=stderr, text=True, cwd=folder, env=environment,
                **{"stdin": subprocess.DEVNULL, **options})
        assert self.process.stdout is not None
        found = re.search(r"http://127\.0\.0\.1:\d+", self.process.stdout.readline())
        assert found, self.log.read_text()
        self.url = found[0]

    def write(self, name: str, last: str = "null_sink") -> None:
        self.pipeline.write_text(PIPELINE.format(name=name, last=last))

    def get(self, what: str) -> dict:
        with urllib.request.urlopen(f"{self.url}/api/{what}", timeout=20) as answer:
            return dict(json.loads(answer.read()))

    def wait_for(self, seen) -> dict:
        deadline = time.monotonic() + 30
        while not seen(state := self.get("state")):
            assert time.monotonic() < deadline, (state, self.log.read_text())
            time.sleep(0.02)
        return state

    def wait_for_line(self, text: str, times: int = 1) -> None:
        deadline = time.monotonic() + 30
        while self.log.read_text().count(text) < times:
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.02)

    def hang_up(self) -> None:
        self.process.send_signal(signal.SIGHUP)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        self.out, _ = self.process.communicate(timeout=30)
        return self.process.returncode


@pytest.fixture
def start(tmp_path):
    started: list[Served] = []

    def start(*arguments, **options):
        started.append(Served(tmp_path, *arguments, **options))
        return started[-1]

    yield start
    for served in started:
        served.process.kill()
        served.process.communicate()


def test_a_changed_file_becomes_a_new_run_and_a_bad_one_changes_nothing(start):
    served = start()
    first = served.wait_for(lambda state: state["state"] == "running")
    served.write("second")
    served.hang_up()
    second = served.wait_for(lambda state: state["name"] == "second" and state["state"] == "running")
    assert second["run_id"] != first["run_id"]
    assert second["config_rev"] == first["config_rev"] + 1
    served.write("third", last="nul_sink")
    served.hang_up()
    served.wait_for_line("is refused. What ran before goes on.")
    assert f"{served.pipeline}:5:5: stages[2].nul_sink: no stage type is called 'nul_sink'" in served.log.read_text()
    after = served.get("state")
    assert (after["run_id"], after["state"], after["name"]) == (second["run_id"], "running", "second")
    served.pipeline.unlink()
    served.hang_up()
    served.wait_for_line("is refused. What ran before goes on.", times=2)
    assert served.get("state")["run_id"] == second["run_id"]
    assert served.stop() == 0
    assert "balanced" in served.out
    assert "Traceback" not in served.log.read_text()


def test_hang_ups_in_a_burst_end_in_the_last_file(start):
    served = start()
    served.wait_for(lambda state: state["state"] == "running")
    for name in ("second", "third", "fourth"):
        served.write(name)
        served.hang_up()
    served.wait_for(lambda state: state["name"] == "fourth" and state["state"] == "running")
    assert served.stop() == 0
    assert "Traceback" not in served.log.read_text()


def test_a_stopped_pipeline_is_replaced_and_stays_stopped(start):
    served = start("--no-start")
    served.write("second")
    served.hang_up()
    state = served.wait_for(lambda state: state["name"] == "second")
    assert state["state"] == "stopped"
    assert state["run_id"] is None
    assert served.stop() == 0


def test_a_watched_file_is_taken_up_live_and_live_changes_are_kept_for_the_next_start(start, tmp_path):
    state = ("--state-dir", str(tmp_path / "state"))
    served = start("--watch", *state)
    first = served.wait_for(lambda state: state["state"] == "running")
    served.write("second")
    second = served.wait_for(lambda state: state["name"] == "second")
    assert (second["run_id"], second["state"]) == (first["run_id"], "running")
    served.write("third", last="nul_sink")
    served.wait_for_line("stages[2].nul_sink: no stage type is called 'nul_sink'")
    assert served.get("state")["run_id"] == first["run_id"]
    served.write("first")
    served.wait_for(lambda state: state["name"] == "first")
    patch = urllib.request.Request(f"{served.url}/api/config", method="PATCH", data=json.dumps(
        [{"op": "replace", "path": "/runtime/summary_s", "value": 7}]).encode())
    with urllib.request.urlopen(patch, timeout=20) as answer:
        assert json.loads(answer.read())["config_rev"] > second["config_rev"]
    assert served.stop() == 0
    assert "Traceback" not in served.log.read_text()
    again = start("--no-start", *state)
    assert again.get("config")["runtime"]["summary_s"] == 7
    assert "starts with what was changed live last time: runtime.summary_s=7" in again.log.read_text()
    assert again.stop() == 0


def test_the_service_manager_is_told_of_every_step(start, tmp_path):
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(str(tmp_path / "notify"))
    manager.settimeout(30)
    with manager:
        served = start(env={"NOTIFY_SOCKET": str(tmp_path / "notify")})
        assert manager.recv(4096) == b"READY=1"
        assert served.get("state")["state"] == "running"          # ready: the first start is done
        served.hang_up()
        assert re.fullmatch(rb"RELOADING=1\nMONOTONIC_USEC=\d+", manager.recv(4096))
        assert manager.recv(4096) == b"READY=1"
        assert served.stop() == 0
        assert manager.recv(4096) == b"STOPPING=1"


def test_the_token_may_come_from_the_environment(start):
    served = start("--no-start", env={"EEGCORE_TOKEN": "a-token-of-the-unit-file"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        served.get("state")
    assert refused.value.code == 401
    refused.value.close()
    request = urllib.request.Request(f"{served.url}/api/state",
                                     headers={"Authorization": "Bearer a-token-of-the-unit-file"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert json.loads(answer.read())["state"] == "stopped"
    port = int(served.url.rpartition(":")[2])
    assert System().eegcore_answers(port)               # the doctor knows its own, token or not
    assert served.stop() == 0
    assert not System().eegcore_answers(port)


def test_an_empty_token_is_refused_wherever_it_comes_from(capsys, monkeypatch):
    words = ["serve", str(ROOT / "pipelines/default.yaml"), "--port", "0"]
    assert main([*words, "--token", ""]) != 0
    monkeypatch.setenv("EEGCORE_TOKEN", "")
    assert main(words) != 0
    assert capsys.readouterr().err.count("an empty token protects nothing") == 2


def test_under_nohup_a_hang_up_means_nothing(start):
    served = start("--no-start", preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    served.write("second")
    served.hang_up()
    time.sleep(0.5)
    assert served.get("state")["name"] == "first"
    assert served.stop() == 0


def test_a_terminal_that_goes_away_drains_and_stops(start):
    main_fd, child_fd = pty.openpty()
    served = start(stdin=child_fd, start_new_session=True)
    os.close(child_fd)
    served.wait_for(lambda state: state["state"] == "running")
    served.hang_up()                                    # with the terminal still there: a reload
    served.wait_for_line("reload: ")
    assert served.process.poll() is None
    os.close(main_fd)
    served.hang_up()
    served.out, _ = served.process.communicate(timeout=30)
    assert served.process.returncode == 0
    assert "balanced" in served.out


def test_nobody_to_tell_is_no_error(monkeypatch, tmp_path):
    for address in ("", "relative", str(tmp_path / "nobody"), "@nobody-listens-here-eegcore"):
        monkeypatch.setenv("NOTIFY_SOCKET", address)
        assert not service.notify(service.READY)
    monkeypatch.delenv("NOTIFY_SOCKET")
    assert not service.notify(service.READY)


def test_an_abstract_socket_is_reached(monkeypatch):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f"\0eegcore-test-{os.getpid()}")
        manager.settimeout(10)
        monkeypatch.setenv("NOTIFY_SOCKET", f"@eegcore-test-{os.getpid()}")
        assert service.notify(service.READY)
        assert manager.recv(100) == b"READY=1"


STAGES = [{"acquire": {"board": "emulator", "sps": 1000}}, {"to_voltage": {}}, {"null_sink": {}}]


def test_reload_checks_before_it_touches_what_runs():
    controller = Controller(STAGES)
    try:
        first = controller.start()
        with pytest.raises(ConfigError, match="ntoch"):
            controller.reload([{"acquire": {}}, {"ntoch": {}}])
        assert controller.status()["run_id"] == first["run_id"]
        controller.pause()
        second = controller.reload({"name": "other", "stages": STAGES}, overrides=["acquire.sps=500"])
        assert (second["state"], second["name"]) == ("running", "other")
        assert controller.config()["stages"]["acquire"]["sps"] == 500
    finally:
        assert check_ledger(controller.shutdown(20)) == []


def test_every_run_has_files_of_its_own_and_whole_ones(tmp_path):
    stages = [*STAGES[:2], {"csv_sink": {"path": f"{tmp_path}/eeg_{{start}}.csv"}}]
    controller = Controller(stages)
    try:
        controller.start()
        controller.reload(stages)                       # within the second that names the first file
        assert controller.state == "running"
    finally:
        controller.shutdown(20)
    assert len(list(tmp_path.glob("eeg_*.csv"))) == 2
    for path in tmp_path.glob("*.ledger.json"):
        assert check_ledger(json.loads(path.read_text())) == []
    assert len(list(tmp_path.glob("*.ledger.json"))) == 2


def test_a_failed_pipeline_is_tried_again(tmp_path):
    taken = tmp_path / "there.csv"
    taken.write_text("do not touch")
    controller = Controller([*STAGES[:2], {"csv_sink": {"path": str(taken)}}])
    try:
        with pytest.raises(EegcoreError, match=r"there\.csv"):
            controller.start()
        assert controller.reload(STAGES)["state"] == "running"
        with pytest.raises(EegcoreError, match=r"there\.csv"):
            controller.reload([*STAGES[:2], {"csv_sink": {"path": str(taken)}}])
        assert controller.state == "failed"
    finally:
        controller.shutdown(20)
    assert taken.read_text() == "do not touch"

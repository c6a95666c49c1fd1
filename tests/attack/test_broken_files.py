"""A file that breaks off while the run goes on is said everywhere: health, exit status."""

from __future__ import annotations

import signal
import time

import pytest

from eegcore.cli import main
from eegcore.control.controller import Controller
from eegcore.errors import SinkFailed
from eegcore.sinks.csv_file import CsvWriter

STAGES = [{"acquire": {"board": "emulator", "sps": 1000}}, {"to_voltage": {}}, {"null_sink": {}}]


@pytest.fixture
def full_disk(monkeypatch):
    def write(self, packets):
        raise SinkFailed("x.csv: the disk is full [ENOSPC 28].", frames_written=0)

    monkeypatch.setattr(CsvWriter, "write", write)


def until(what):
    deadline = time.monotonic() + 20
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_health_names_a_file_that_broke_off_until_the_run_ends(full_disk, tmp_path):
    controller = Controller([*STAGES, {"csv_sink": {"path": str(tmp_path / "x.csv"), "inputs": "to_voltage"}}])
    controller.start()
    until(lambda: not controller.health()[0])
    assert controller.health()[1] == ["x.csv: the disk is full [ENOSPC 28]."]
    assert controller.state == "running"                   # the other branch goes on
    controller.shutdown(20)
    assert controller.broken_sinks() == ["x.csv: the disk is full [ENOSPC 28]."]
    assert controller.health()[0]


def test_serve_ends_with_status_1_after_a_file_broke_off(monkeypatch, tmp_path, capsys):
    def write(self, packets):
        signal.raise_signal(signal.SIGTERM)
        raise SinkFailed("x.csv: the disk is full [ENOSPC 28].", frames_written=0)

    monkeypatch.setattr(CsvWriter, "write", write)
    pipeline = tmp_path / "p.yaml"
    pipeline.write_text(f"stages: [acquire: {{}}, to_voltage: {{}}, csv_sink: {{path: {tmp_path / 'x.csv'}}}]")
    assert main(["serve", str(pipeline), "--port", "0"]) == 1
    assert "the disk is full" in capsys.readouterr().err


def test_a_signal_before_the_first_start_has_begun_leaves_nothing_running(monkeypatch, tmp_path, capsys):
    began = Controller.start

    def late(self, *args):
        signal.raise_signal(signal.SIGTERM)
        time.sleep(0.3)                                    # the server has gone by now
        return began(self, *args)

    monkeypatch.setattr(Controller, "start", late)
    pipeline = tmp_path / "p.yaml"
    pipeline.write_text(f"stages: [acquire: {{}}, to_voltage: {{}}, csv_sink: {{path: {tmp_path / 'x.csv'}}}]")
    assert main(["serve", str(pipeline), "--port", "0"]) == 0
    assert (tmp_path / "x.csv.ledger.json").exists()
    assert "balanced" in capsys.readouterr().out

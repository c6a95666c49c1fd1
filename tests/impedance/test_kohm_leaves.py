"""kOhm on the way out: to files and to clients, under their own name."""

from __future__ import annotations

import numpy as np
import pytest

from eegcore.devices.readers_base import RecordingRefused
from eegcore.devices.recording_files import read_recording
from eegcore.pipeline import Pipeline
from eegcore.server import protocol
from eegcore.sinks.base import RunInfo
from eegcore.sinks.csv_header import header_bytes
from eegcore.stages.stream import Kind, Stream


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A file of kOhm, and the stream it was made of."""
    path = tmp_path_factory.mktemp("kohm") / "z.csv"
    stages = [{"acquire": {"sps": 250, "channels": 4, "signal": "sine", "sine_hz": 31.25, "sine_uv": 100}},
              {"to_voltage": {}}, {"impedance": {"mode": "ac", "hz": 31.25, "current_na": 6, "labels": ["ch1", "ch3"]}},
              {"csv_sink": {"path": str(path), "decimals": 2}}]
    with Pipeline(stages, clock="virtual").run(seconds=4) as run:
        assert run.wait(60)
        return path, run.stream("impedance")


def test_the_file_says_kohm_in_its_head_and_in_its_columns(written):
    path, stream = written
    lines = path.read_text().splitlines()
    labels = list(stream.labels)
    assert "# unit: kOhm" in lines
    head = next(number for number, line in enumerate(lines) if not line.startswith("#"))
    assert lines[head] == ",".join(["frame_index", "time_s", *[f"{label}_kOhm" for label in labels]])
    rows = np.array([[float(cell or "nan") for cell in line.split(",")] for line in lines[head + 1:]])
    assert rows[:, 0].tolist() == [247, 495, 743, 991]
    with_current = [label in ("ch1", "ch3") for label in labels]
    assert np.isnan(rows[:, 2:]).all(axis=0).tolist() == [not on for on in with_current]
    expected = 100 * np.pi / (4 * 6 * 0.9254)                     # a sine is all fundamental
    assert rows[:, 2:][:, with_current] == pytest.approx(expected, rel=0.02)
    assert "uV" not in lines[head]


def test_a_file_of_kohm_is_no_recording(written):
    with pytest.raises(RecordingRefused, match="the file holds impedances in kOhm, not samples"):
        read_recording(str(written[0]))


def test_clients_are_told_the_unit(written):
    stream = written[1]
    message = protocol.meta("impedance", 1, 1, stream, "run", t_ns=0, t_unix_ns=0)
    assert (message["unit"], message["labels"], message["kind"]) == ("kOhm", list(stream.labels), "VOLTAGE_F32")
    assert message["sps"] == 250 / 248
    assert "scale_uv" not in message


def test_files_and_clients_are_told_of_the_current_that_was_on():
    said = {"mode": "ac", "hz": 31.25, "current_a": 6e-9, "inputs": "p", "labels": ["a"]}
    quiet = Stream(Kind.VOLTAGE_F32, ("a",), 250.0, 8, meta={"lead_off": {"mode": "off"}})
    marked = quiet.replace(meta={"lead_off": said})
    line = '# lead_off: {"mode": "ac", "hz": 31.25, "current_a": 6e-09, "inputs": "p", "labels": ["a"]}'
    assert line in header_bytes(marked, "uv", RunInfo("r")).decode().splitlines()
    assert "lead_off" not in header_bytes(quiet, "uv", RunInfo("r")).decode()
    assert protocol.meta("eeg", 1, 1, marked, "r", t_ns=0, t_unix_ns=0)["lead_off"] == said
    assert "lead_off" not in protocol.meta("eeg", 1, 1, quiet, "r", t_ns=0, t_unix_ns=0)

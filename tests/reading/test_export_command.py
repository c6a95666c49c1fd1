"""`eegcore export`, and what the documentation shows."""

from __future__ import annotations

import doctest
import json

import numpy as np
import pytest

import eegcore as ec
from eegcore.cli import main
from eegcore.reading import opening


@pytest.fixture
def csv(tmp_path):
    path = tmp_path / "in.csv"
    rows = "".join(f"{i / 250:.3f},{i % 7},{i % 11}\n" for i in range(600))
    path.write_text("time,Fp1,Fp2\n" + rows)
    return path


@pytest.mark.parametrize("name", ["edf", "xdf", "csv"])
def test_export_writes_what_read_reads(csv, tmp_path, capsys, name):
    if name == "xdf":
        pytest.importorskip("pyxdf")
    out = tmp_path / f"out.{name}"
    assert main(["export", str(csv), "--format", name, "--out", str(out), "--json"]) == 0
    said = capsys.readouterr()
    told = json.loads(said.out)
    assert told["bytes"] == out.stat().st_size
    assert ("16 bits" in said.err) == (name == "edf") == bool(told["warnings"])
    back, rec = ec.read(out), ec.read(csv)
    np.testing.assert_allclose(back.data, rec.data, atol=told.get("largest_error", 0) * 1.01)
    assert back.labels == rec.labels
    assert main(["export", str(csv), "--format", name, "--out", str(out)]) == 2
    assert "exists already" in capsys.readouterr().err


def test_export_says_what_is_left_out(tmp_path, capsys, shared_data):
    out = tmp_path / "a.csv"
    assert main(["export", str(shared_data / "sleep_psg_300s.edf"), "--format", "csv", "--out", str(out)]) == 0
    said = capsys.readouterr()
    assert "4 channels of other rates or units are left out: EMG submental, Resp oro-nasal" in said.err
    assert said.out.startswith(f"{out}: ")
    assert "writing CSV: 27 %" in said.err


@pytest.mark.parametrize(("content", "status"), [(b"", 2), (b"XDF:\x01\x05\x03\x00zz", 2), (b"\xffBIOSEMI", 2)])
def test_what_cannot_be_read_is_said_in_one_sentence(tmp_path, capsys, content, status):
    path = tmp_path / "bad"
    path.write_bytes(content)
    assert main(["export", str(path), "--format", "csv", "--out", str(tmp_path / "out.csv")]) == status
    said = capsys.readouterr().err
    assert said.startswith(f"{path}: ")
    assert "Traceback" not in said
    assert not (tmp_path / "out.csv").exists()


def test_the_examples_of_the_documentation_run():
    assert doctest.testmod(opening).failed == 0
    assert doctest.testmod(opening).attempted >= 5

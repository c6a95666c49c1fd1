"""Filter design: in a child, from the cache, or directly; always the same bits."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from scipy import signal

from eegcore.stages import design
from eegcore.stages.design import Designer, DesignError, cache_folder, sos_from_hex, sos_to_hex

NOTCH = {"design": "notch", "hz": 60, "q": 30, "sps": 4000.0}
BAND = {"design": "butter", "order": 4, "edges_hz": [0.5, 45], "btype": "bandpass", "sps": 4000.0}


@pytest.fixture
def without_scipy(monkeypatch):
    """Make the designer believe that scipy.signal is not imported here."""
    monkeypatch.setattr(design, "sys", type("sys", (), {"modules": {}, "executable": sys.executable}))


def test_the_child_gives_scipys_sections_bit_for_bit(tmp_path, without_scipy):
    with Designer(tmp_path) as designer:
        assert np.array_equal(designer.sos(**BAND), signal.butter(4, [0.5, 45], "bandpass", fs=4000, output="sos"))
        child = designer._child
        assert np.array_equal(designer.sos(**NOTCH), signal.tf2sos(*signal.iirnotch(60, 30, 4000)))
        assert designer._child is child                       # one child for a whole plan
    assert child.returncode == 0


def test_what_the_cache_knows_starts_no_child(tmp_path, without_scipy):
    with Designer(tmp_path) as designer:
        made = designer.sos(**NOTCH)
    with Designer(tmp_path) as designer:
        assert designer.sos(**NOTCH) == made
        assert designer._child is None


@pytest.mark.parametrize("damage", ["", "{}", "[]", '{"spec": "other", "sos": []}', "\xff"])
def test_a_damaged_cache_file_is_designed_again(tmp_path, damage):
    with Designer(tmp_path) as designer:
        made = designer.sos(**NOTCH)
    (path,) = tmp_path.iterdir()
    path.write_text(damage)
    with Designer(tmp_path) as designer:
        assert designer.sos(**NOTCH) == made
    assert json.loads(path.read_text())["sos"] == sos_to_hex(made)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]      # no temporary file stays


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path):
    (tmp_path / "file").write_text("")
    with Designer(tmp_path / "file" / "below") as designer:
        assert len(designer.sos(**NOTCH)) == 1


def test_another_scipy_is_another_design(tmp_path, monkeypatch):
    with Designer(tmp_path) as designer:
        designer.sos(**NOTCH)
    monkeypatch.setattr(design, "_scipy_version", lambda: "0.0")
    with Designer(tmp_path) as designer:
        designer.sos(**NOTCH)
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("direct", [True, False])
def test_what_scipy_refuses_is_a_design_error_and_the_child_goes_on(tmp_path, direct, request):
    if not direct:
        request.getfixturevalue("without_scipy")
    with Designer(tmp_path) as designer:
        with pytest.raises(DesignError, match="ValueError: "):
            designer.sos(**{**BAND, "edges_hz": [0.5, 4500]})
        with pytest.raises(DesignError, match="no filter design is called 'magic'"):
            designer.sos(design="magic")
        assert len(designer.sos(**BAND)) == 4


def test_a_child_that_dies_is_named_with_its_last_words(tmp_path, without_scipy, monkeypatch):
    script = tmp_path / "dies.py"
    script.write_text("raise SystemExit('out of luck')\n")
    monkeypatch.setattr(design.design_child, "__file__", str(script))
    with Designer(tmp_path / "cache") as designer, pytest.raises(DesignError, match=r"filters ended: out of luck$"):
        designer.sos(**NOTCH)


def test_a_child_that_cannot_start_is_a_design_error(tmp_path, monkeypatch):
    monkeypatch.setattr(design, "sys", type("sys", (), {"modules": {}, "executable": "/nowhere/python"}))
    with Designer(tmp_path) as designer, pytest.raises(DesignError, match="did not start"):
        designer.sos(**NOTCH)


def test_the_cache_folder_follows_xdg(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "eegcore" / "filters"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "eegcore" / "filters"


@pytest.mark.parametrize("rows", [[], [["0x1p0"] * 5], [["0x1p0"] * 5 + ["nan"]], [["0x1p0"] * 5 + ["inf"]]])
def test_rows_that_are_no_sections_are_refused(rows):
    with pytest.raises(ValueError, match="coefficient"):
        sos_from_hex(rows)


def test_hexadecimal_floats_come_back_exactly():
    sos = [[0.1, 1 / 3, -1e-300, 1.0, 5e-324, np.pi]]
    assert sos_from_hex(sos_to_hex(sos)) == sos


def test_planning_does_not_import_scipy_signal(tmp_path):
    """The serving process must not pay the 100 MB."""
    script = ("import sys\nfrom eegcore.stages import catalogue\nfrom eegcore.stages.design import Designer\n"
              f"catalogue()\nwith Designer() as d: d.sos(**{BAND!r})\n"
              "assert not any(m.startswith('scipy') for m in sys.modules), 'scipy is imported'\n")
    env = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", script], check=True, env=env, timeout=60)
    assert len(list((tmp_path / "eegcore" / "filters").iterdir())) == 1

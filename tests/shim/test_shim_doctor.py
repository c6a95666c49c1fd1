"""The doctor before device nodes as the kernel has them: real ioctls, real chips' bring-up, real runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WIRES = "selects=1 drdy=25 start=22 reset=23 pwdn=24 label=pinctrl-rp1"


@pytest.fixture
def doctor(shim_library, tmp_path):
    """Run ``doctor --json`` below the shim for TI's evaluation board, wired as the words say."""
    pipeline = tmp_path / "evm.yaml"
    pipeline.write_text("stages:\n  - acquire: {board: evm, sps: 250}\n  - to_voltage: {}\n  - null_sink: {}\n")

    def run(words: str = "", *options: str) -> tuple[int, dict[str, dict[str, str]]]:
        command = [sys.executable, "-m", "eegcore", "doctor", "--json", "--port", "0"]
        done = subprocess.run(
            [*command, *(options or ("--pipeline", str(pipeline)))], capture_output=True, text=True, check=False,
            cwd=ROOT, timeout=60, env={**os.environ, "PYTHONPATH": str(ROOT), "LD_PRELOAD": str(shim_library),
                                  "EEGCORE_SHIM": f"{WIRES} seed=7 {words}"})
        assert done.stderr == ""
        return done.returncode, {check["name"]: check for check in json.loads(done.stdout)["checks"]}

    return run


def test_a_board_is_found_brought_up_and_measured(doctor):
    status, checks = doctor()
    assert checks["spidev0.0"]["state"] == checks["gpio"]["state"] == checks["DRDY GPIO25"]["state"] == "ok"
    assert checks["gpio"]["seen"].startswith("/dev/gpiochip0, pinctrl-rp1, ")
    assert checks["chips acquire"]["seen"] == "ADS1299 (ID 0x3E), registers as written"
    assert checks["data-ready acquire"]["state"] in ("ok", "warn")       # a busy machine may miss edges
    assert (checks["noise acquire"]["state"], checks["test signal acquire"]["state"]) == ("ok", "ok")
    assert status == 0


def test_the_header_chip_is_found_whatever_its_number(doctor):
    status, checks = doctor("gpiochip=4 busy=25:lirc")
    assert checks["gpio"]["seen"].startswith("/dev/gpiochip4, pinctrl-rp1, ")
    assert checks["DRDY GPIO25"]["seen"] == "/dev/gpiochip4 line 25, held by 'lirc'"
    assert "chips acquire" not in checks
    assert status == 1


def test_a_wrong_chip_fails_with_its_id(doctor):
    status, checks = doctor("id=32")
    assert checks["chips acquire"]["state"] == "fail"
    assert "ID register reads 20h" in checks["chips acquire"]["seen"]
    assert status == 1


@pytest.mark.parametrize(("fault", "said"), [
    pytest.param("drdy:0:1:1000000:1", "the data-ready line is silent", marks=pytest.mark.deep),
    ("miso_stuck:0:1:1000000:0", "the bus is stuck")])
def test_a_board_without_frames_fails_with_the_reason(doctor, fault, said):
    status, checks = doctor(f"fault={fault}")
    assert checks["chips acquire"]["state"] == "ok"
    assert checks["data-ready acquire"]["state"] == "fail"
    assert said in checks["data-ready acquire"]["seen"]
    assert "DRDY and MISO wires" in checks["data-ready acquire"]["fix"]
    assert status == 1


def test_nodes_that_are_closed_or_absent(doctor):
    status, checks = doctor("deny=/dev/spidev0.0")
    assert checks["spidev0.0"]["state"] == "fail"
    assert "may not be opened" in checks["spidev0.0"]["seen"]
    assert status == 1
    status, checks = doctor("absent=/dev/spidev0.0")
    assert checks["spidev0.0"]["state"] == "missing"
    assert status == 1


def test_without_a_pipeline_nothing_is_brought_up(doctor):
    status, checks = doctor("", "--recordings", "recordings")
    assert checks["spi"]["seen"] == "/dev/spidev0.0"
    assert checks["chips"]["state"] == "skipped"
    assert status == 0

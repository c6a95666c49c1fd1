"""Requests for marker lines before device nodes that check them as the kernel does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import sys
from eegcore.devices.gpio_edges import EdgeLine
from eegcore.errors import DeviceError
for pull in ("none", "up", "down"):
    for edge in ("rising", "falling", "both"):
        line = EdgeLine("GPIO17", edge, pull)
        assert line.read() == []
        try:
            EdgeLine("GPIO17", edge)
        except DeviceError as error:
            assert "is taken by 'eegcore marker'" in str(error), error
        else:
            raise AssertionError("a line was given twice")
        line.close()
try:
    EdgeLine(sys.argv[1], "falling")
except DeviceError as error:
    print(error)
"""


@pytest.mark.parametrize(("line", "words", "said"), [
    ("GPIO25", "busy=25:lirc", "GPIO line 'GPIO25' of /dev/gpiochip4: is taken by 'lirc'. End that program"),
    ("button", "", "GPIO line 'button': /dev/gpiochip4 (pinctrl-rp1) has none of that name.")])
def test_a_line_is_requested_as_the_kernel_wants_it(shim_library, line, words, said):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, line], capture_output=True, text=True, check=False, cwd=ROOT, timeout=60,
        env={**os.environ, "PYTHONPATH": str(ROOT), "LD_PRELOAD": str(shim_library),
             "EEGCORE_SHIM": f"selects=1 drdy=24 start=22 reset=23 label=pinctrl-rp1 gpiochip=4 {words}"})
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(said)

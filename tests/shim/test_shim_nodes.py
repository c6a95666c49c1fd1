"""The fake nodes refuse what the kernel refuses: numbers, checks and errors of spidev and of GPIO version 2."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def test_nodes_behave_as_the_kernel_says(shim_library):
    environment = {**os.environ, "LD_PRELOAD": str(shim_library),
                   "EEGCORE_SHIM": "selects=1,1 busy=5:somebody dr=4 deny=/dev/spidev0.1"}
    done = subprocess.run([sys.executable, "-I", str(HERE / "nodes.py")], capture_output=True, text=True, check=False,
                          timeout=60, env=environment)
    assert (done.returncode, done.stdout) == (0, "every check passed\n"), done.stderr


def test_words_that_are_not_understood_end_the_program(shim_library):
    done = subprocess.run([sys.executable, "-I", "-c", "open('/dev/gpiochip0')"], capture_output=True, text=True,
                          check=False, env={**os.environ, "LD_PRELOAD": str(shim_library), "EEGCORE_SHIM": "chip=2"})
    assert done.returncode == 97
    assert "chip" in done.stderr


def test_without_settings_everything_is_real(shim_library):
    environment = {key: value for key, value in os.environ.items() if key != "EEGCORE_SHIM"}
    code = "import os\ntry: os.open('/dev/spidev0.0', os.O_RDWR)\nexcept FileNotFoundError: print('absent')"
    if Path("/dev/spidev0.0").exists():
        pytest.skip("this machine has a spidev0.0")
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False,
                          env={**environment, "LD_PRELOAD": str(shim_library)})
    assert done.stdout == "absent\n", done.stderr

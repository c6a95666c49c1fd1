"""A run that is refused gives its device back, so that the next one can have it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def test_a_refused_run_keeps_no_node_and_no_line(shim_library, tmp_path):
    done = subprocess.run([sys.executable, str(HERE / "refused.py"), str(tmp_path / "taken.csv")], capture_output=True,
                          text=True, check=False, timeout=60,
                          env={**os.environ, "PYTHONPATH": str(HERE.parents[1]), "LD_PRELOAD": str(shim_library),
                               "EEGCORE_SHIM": "drdy=25 start=22 reset=23"})
    assert done.returncode == 0, done.stderr
    wrong_chip, taken, *_, last = done.stdout.splitlines()
    assert "the ID register reads 3Eh" in wrong_chip
    assert "taken.csv" in taken
    assert last == "3 refused, 50 frames"

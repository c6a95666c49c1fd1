"""The scripts of tests/stress run: small here, large by hand."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from source import ROOT

SCRIPTS = {
    "overload.py": (["--seconds", "1.2"], "both ledgers balance"),
    "slow_clients.py": (["--clients", "6", "--seconds", "2", "--pipeline", "pipelines/default.yaml"],
                        "0 missing in all"),
    "long_run.py": (["--hours", "0.02", "--every", "0.05"], "the books balance"),
}


def test_every_script_is_run_here():
    assert {path.name for path in (ROOT / "tests/stress").glob("*.py")} == set(SCRIPTS)


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_stress_script_runs(name):
    arguments, said = SCRIPTS[name]
    script = ROOT / "tests/stress" / name
    done = subprocess.run([sys.executable, str(script), *arguments], cwd=ROOT, capture_output=True, text=True,
                          timeout=120, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert said in done.stdout
    assert f"python tests/stress/{name}" in script.read_text()     # the header says how to start it

"""The product on a Pi-like kernel with real spidev and GPIO devices, in a virtual machine. See vm.py."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SKIPPED = 77


@pytest.mark.deep
@pytest.mark.timeout(900)
def test_the_virtual_machine(repository: Path, tmp_path: Path) -> None:
    command = [sys.executable, str(repository / "tests/vm/vm.py"), "--build", "--work", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=880)
    print(done.stdout, done.stderr)
    if done.returncode == SKIPPED:
        pytest.skip(done.stdout.strip().splitlines()[-1].removeprefix("SKIP: "))
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]

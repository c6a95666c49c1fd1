"""The kernels take no more instructions than when the baseline was recorded (10 % is allowed)."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from eegcore.bench import instructions
from eegcore.bench.line import QUICK

BASELINE = Path(__file__).with_name("instructions.json")
ALLOWED = 1.10


def too_dear(counts: dict[str, float], baseline: dict[str, float]) -> dict[str, tuple[float, float]]:
    """Return the kernels that take more than they may: (now, then), instructions per frame and channel."""
    return {name: (value, baseline[name]) for name, value in counts.items()
            if name in baseline and value > ALLOWED * baseline[name]}


@pytest.fixture(scope="module")
def baseline() -> dict[str, float]:
    known = json.loads(BASELINE.read_text())
    if shutil.which("valgrind") is None:
        pytest.skip("valgrind is not installed")
    if instructions.key() not in known:
        pytest.skip(f"no baseline was recorded for {instructions.key()}, but for {', '.join(known)}")
    return dict(known[instructions.key()])


def test_no_kernel_takes_a_tenth_more_than_recorded(baseline):
    counts = instructions.count()
    assert set(counts) == set(baseline), "record the baseline again: see eegcore/bench/instructions.py"
    assert not too_dear(counts, baseline)


def test_a_tenth_more_is_noticed(baseline):
    worse = {name: 1.11 * value for name, value in baseline.items()}
    assert set(too_dear(worse, baseline)) == set(baseline)
    assert not too_dear({name: 1.09 * value for name, value in baseline.items()}, baseline)


def test_without_valgrind_the_line_says_so(monkeypatch):
    monkeypatch.setattr(instructions.shutil, "which", lambda name: None)
    (line,) = instructions.instructions(QUICK)
    assert line.measured == "not measured"
    assert "valgrind" in line.note

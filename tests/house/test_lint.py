"""ruff and mypy find nothing. Their rules are in pyproject.toml."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest
from source import ROOT


def tool(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed: pip install -e '.[test]'")
    command = [sys.executable, "-m", name, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=200)


def test_ruff_finds_nothing():
    done = tool("ruff", "check", "--output-format", "concise", ".")
    assert done.returncode == 0, done.stdout + done.stderr


def test_mypy_finds_nothing():
    done = tool("mypy")
    assert done.returncode == 0, done.stdout + done.stderr

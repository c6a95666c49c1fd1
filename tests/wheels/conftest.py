"""Tools of this folder: the programs beside the wheels as modules, and a small module packed as a wheel."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


def program(path: Path) -> ModuleType:
    """A program of wheels/, loaded under a name nothing else has."""
    name = f"wheels_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)      # dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def wheels(repository):
    """The folder of the scripts; a source distribution has none."""
    folder = repository / "wheels"
    if not folder.is_dir():
        pytest.skip("no folder wheels/ beside these tests")
    return folder


@pytest.fixture(scope="session")
def check(wheels):
    """wheels/check.py as a module."""
    pytest.importorskip("elftools", reason="pyelftools reads the modules of wheels")
    return program(wheels / "check.py")


@pytest.fixture(scope="session")
def same_run(wheels):
    """wheels/same_run.py as a module."""
    return program(wheels / "same_run.py")

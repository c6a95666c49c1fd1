"""Fixtures of the emulator's tests: the library built once, emulators that are closed again."""

from __future__ import annotations

import pytest
from emulator_driver import Emulator, build, compiler, load
from made_once import made_once


@pytest.fixture(scope="session")
def cc():
    """The C compiler; skip where there is none."""
    found = compiler()
    if found is None:
        pytest.skip("no C compiler on this machine")
    return found


@pytest.fixture(scope="session")
def library(cc, tmp_path_factory):
    """Emulator and harness as a shared library."""
    return load(made_once(tmp_path_factory, "libemulator.so",
                          lambda output: build([cc], output, "-O3", "-fPIC", "-shared")))


@pytest.fixture
def emulator(library):
    """Make emulators: ``emulator(signal="sine", gain=24, ...)``; closed after the test."""
    made = []

    def make(**settings):
        made.append(Emulator(library, **settings))
        return made[-1]
    yield make
    for one in made:
        one.close()

"""The DSP kernels as shared libraries, built once per session."""

from __future__ import annotations

import ctypes
import shutil
from pathlib import Path

import dsp_library
import numpy as np
import pytest
from made_once import made_once


@pytest.fixture(scope="session")
def gcc() -> list[str]:
    """The C compiler; without one these tests are skipped."""
    found = shutil.which("gcc")
    if found is None:
        pytest.skip("no gcc to compile csrc/dsp with")
    return [found]


def build(gcc: list[str], factory: pytest.TempPathFactory, name: str, *flags: str) -> Path:
    """Compile with the flags of the product and `flags`."""
    sources = [*dsp_library.SOURCES, dsp_library.HERE / "probe.c"]
    return made_once(factory, f"lib{name}.so", lambda output: dsp_library.compile_shared(
        gcc, output, sources, "-O3", "-fPIC", *flags))


@pytest.fixture(scope="session")
def dsp_path(gcc: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library of the kernels as they are shipped."""
    return build(gcc, tmp_path_factory, "dsp")


@pytest.fixture(scope="session")
def dsp(dsp_path: Path) -> ctypes.CDLL:
    """The kernels as they are shipped."""
    return dsp_library.load(dsp_path)


@pytest.fixture(scope="session")
def dsp_baseline(gcc: list[str], tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """The kernels without any instruction set beyond the architecture's own."""
    return dsp_library.load(build(gcc, tmp_path_factory, "dsp_baseline", "-DEC_NO_CLONES"))


@pytest.fixture(scope="session")
def simd(dsp: ctypes.CDLL) -> range:
    """The vector levels this machine can run: 0, or 0..1, or 0..2."""
    sizes = np.zeros(14, np.uint64)
    dsp.probe_sizes(dsp_library.at(sizes))
    return range(int(sizes[12]) + 1)

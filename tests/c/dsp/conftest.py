"""The DSP kernels as shared libraries, built once per session."""

from __future__ import annotations

import ctypes
import fcntl
import os
import shutil

import dsp_library
import numpy as np
import pytest


@pytest.fixture(scope="session")
def gcc() -> list[str]:
    """The C compiler; without one these tests are skipped."""
    found = shutil.which("gcc")
    if found is None:
        pytest.skip("no gcc to compile csrc/dsp with")
    return [found]


def build(gcc: list[str], factory: pytest.TempPathFactory, name: str, *flags: str) -> ctypes.CDLL:
    """Compile once for all workers: the first to come does it, the others wait for it."""
    base = factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    library = shared / f"lib{name}.so"
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not library.exists():
            sources = [*dsp_library.SOURCES, dsp_library.HERE / "probe.c"]
            made = dsp_library.compile_c(gcc, shared / f"{name}.part", sources, "-O3", "-fPIC", "-shared", *flags)
            made.rename(library)
    return dsp_library.load(library)


@pytest.fixture(scope="session")
def dsp(gcc: list[str], tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """The kernels as they are shipped."""
    return build(gcc, tmp_path_factory, "dsp")


@pytest.fixture(scope="session")
def dsp_baseline(gcc: list[str], tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """The kernels without any instruction set beyond the architecture's own."""
    return build(gcc, tmp_path_factory, "dsp_baseline", "-DEC_NO_CLONES")


@pytest.fixture(scope="session")
def simd(dsp: ctypes.CDLL) -> range:
    """The vector levels this machine can run: 0, or 0..1, or 0..2."""
    sizes = np.zeros(14, np.uint64)
    dsp.probe_sizes(dsp_library.at(sizes))
    return range(int(sizes[12]) + 1)

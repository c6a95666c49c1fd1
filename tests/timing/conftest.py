"""Fixtures of the timing tests: the sample clock built once."""

from __future__ import annotations

import pytest
from edge_simulation import SampleClock, build, compiler, load


@pytest.fixture(scope="session")
def cc():
    """The C compiler; skip where there is none."""
    found = compiler()
    if found is None:
        pytest.skip("no C compiler on this machine")
    return found


@pytest.fixture(scope="session")
def clock(cc, tmp_path_factory):
    """Make sample clocks: ``clock(sps)``."""
    library = load(build(cc, tmp_path_factory.mktemp("timing") / "libclock.so", "-fPIC", "-shared"))
    return lambda sps, first_due_ns=0: SampleClock(library, sps, first_due_ns)

"""What tests of signal processing share."""

from __future__ import annotations

import pytest
from stage_bench import Bench


@pytest.fixture(scope="session")
def bench() -> Bench:
    """Probes of stages; see `Bench`."""
    return Bench()

"""Twenty recordings, and pipelines for them."""

from __future__ import annotations

from pathlib import Path

import pytest
from twenty import PIPELINE, SLOW, N, write_edf


@pytest.fixture(scope="session")
def recordings(tmp_path_factory) -> Path:
    """A folder of twenty recordings; nobody writes into it."""
    folder = tmp_path_factory.mktemp("recordings")
    for n in range(N):
        write_edf(folder / f"r{n:02d}.edf", n)
    return folder


@pytest.fixture
def pipelines(tmp_path) -> Path:
    """A folder with ``fast.yaml`` and ``slow.yaml``."""
    (tmp_path / "fast.yaml").write_text(PIPELINE)
    (tmp_path / "slow.yaml").write_text(SLOW)
    return tmp_path

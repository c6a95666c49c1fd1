"""What tests of signal processing share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from stage_bench import Bench


@pytest.fixture(scope="session")
def bench() -> Bench:
    """Probes of stages; see `Bench`."""
    return Bench()


@pytest.fixture(scope="session", autouse=True)
def designs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the many filters that are drawn here out of the cache of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("designs")))
        yield

"""Shared by all tests: the recorded data, and how hypothesis behaves."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

REPOSITORY = Path(__file__).resolve().parent.parent
SHARED_DATA = REPOSITORY.parent / "shared" / "data"

# No example database: a test must not depend on what an earlier run left on this machine.
# CI draws the same examples every time, so that a red run can be repeated.
_common = settings(database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.register_profile("local", parent=_common, max_examples=60)
settings.register_profile("ci", parent=_common, max_examples=60, derandomize=True)
settings.register_profile("deep", parent=_common, max_examples=10_000)


def pytest_configure(config: pytest.Config) -> None:
    """Choose the hypothesis profile: HYPOTHESIS_PROFILE, else deep for ``-m deep``, else ci where CI is set."""
    deep = config.getoption("markexpr", "") == "deep"
    default = "deep" if deep else "ci" if os.environ.get("CI") else "local"
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", default))


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the repository."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of recorded data beside the repository; the test is skipped where it is absent."""
    if not (SHARED_DATA / "README.md").is_file():
        pytest.skip(f"no recorded data at {SHARED_DATA}")
    return SHARED_DATA

"""Fixtures of the zip's tests: the library built once, zips that are freed again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from zip_driver import Zip, load


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Zip and harness as a shared library."""
    found = load(tmp_path_factory.mktemp("zip"))
    if found is None:
        pytest.skip("no C compiler on this machine")
    return found


@pytest.fixture(scope="session")
def make_zip(library: Any) -> Callable[..., Zip]:
    """Make zips: ``make_zip(inputs, skip=True, ...)``; freed by the caller's ``close``."""
    def make(inputs: Any, **settings: Any) -> Zip:
        return Zip(library, inputs, **settings)
    return make

"""Loading with a small catalogue, for every test of this folder."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from small_catalogue import CATALOGUE

from eegcore.config import PipelineConfig, Problems, load


@pytest.fixture(scope="session")
def catalogue() -> dict[str, Any]:
    """Stage types by name."""
    return CATALOGUE


@pytest.fixture(scope="session")
def read() -> Callable[..., tuple[PipelineConfig | None, Problems]]:
    """Load with the small catalogue, under the name ``my.yaml``."""
    def read(source: Any, *overrides: str) -> tuple[PipelineConfig | None, Problems]:
        return load(source, catalogue=CATALOGUE, overrides=overrides, name="my.yaml")
    return read


@pytest.fixture(scope="session")
def accepted(read: Callable[..., Any]) -> Callable[..., PipelineConfig]:
    """Load what must be good."""
    def accepted(source: Any, *overrides: str) -> PipelineConfig:
        config, problems = read(source, *overrides)
        assert [str(problem) for problem in problems] == []
        assert config is not None
        assert config.left_out == frozenset()
        return config
    return accepted


@pytest.fixture(scope="session")
def refused(read: Callable[..., Any]) -> Callable[..., list[str]]:
    """Return the messages of what must be refused."""
    def refused(source: Any, *overrides: str) -> list[str]:
        _, problems = read(source, *overrides)
        assert len(problems) > 0
        assert all(problem.hint or problem.allowed for problem in problems)
        return [str(problem) for problem in problems]
    return refused

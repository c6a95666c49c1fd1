"""Fixtures of the plan tests: from stages as a file would hold them to a plan or its problems."""

from __future__ import annotations

import pytest

from eegcore.config import load
from eegcore.graph.plan import make_plan
from eegcore.stages import catalogue


@pytest.fixture(scope="session")
def designs(tmp_path_factory):
    """The cache of filter designs of these tests."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch, designs):
    monkeypatch.setenv("XDG_CACHE_HOME", str(designs))


@pytest.fixture(scope="session")
def attempt():
    """Plan ``stages``; keywords are those of ``runtime``; return (plan or None, problems)."""
    def make(stages, overrides=(), **runtime):
        source = stages if not isinstance(stages, list) else {"name": "test", "runtime": runtime, "stages": stages}
        config, problems = load(source, catalogue=catalogue(), overrides=list(overrides))
        plan = make_plan(config, problems) if config is not None else None
        return plan, list(problems)
    return make


@pytest.fixture
def plan(attempt):
    """Plan ``stages``, which must be sound."""
    def make(stages, overrides=(), **runtime):
        made, problems = attempt(stages, overrides, **runtime)
        assert problems == []
        return made
    return make


@pytest.fixture
def refused(attempt):
    """Plan ``stages``, which must not be; return every problem as ``path: message | allowed | hint``."""
    def make(stages, overrides=(), **runtime):
        made, problems = attempt(stages, overrides, **runtime)
        assert made is None
        assert problems
        return [" | ".join([f"{problem.path}: {problem.message}", problem.allowed, problem.hint])
                for problem in problems]
    return make

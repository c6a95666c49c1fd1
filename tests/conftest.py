"""Shared by all tests: the recorded data, and how hypothesis behaves."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

REPOSITORY = Path(__file__).resolve().parent.parent
SHARED_DATA = REPOSITORY.parent / "shared" / "data"

# Files that take longest begin first, the others follow in random order: so the workers end together.
LONGEST = tuple(f"tests/{name}.py" for name in (
    "c/dsp/test_psd", "page/test_page_browser", "house/test_lint", "batch/test_batch_command", "concurrency/test_model",
    "house/test_rt_trap", "shim/test_shim_product", "batch/test_batch_pool", "batch/test_batch_cluster",
    "zip/test_zip_run", "house/test_readme", "bench/test_benchmarks", "sanitized/test_exercise",
    "graph/test_run_teardown", "cli/test_reload", "cli/test_commands", "emulator/test_emulator_build"))

# No example database: a test must not depend on what an earlier run left on this machine.
# CI draws the same examples every time, so that a red run can be repeated.
_common = settings(database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.register_profile("local", parent=_common, max_examples=40)
settings.register_profile("ci", parent=_common, max_examples=40, derandomize=True)
settings.register_profile("deep", parent=_common, max_examples=10_000)


def pytest_configure(config: pytest.Config) -> None:
    """Choose the hypothesis profile: HYPOTHESIS_PROFILE, else deep for ``-m deep``, else ci where CI is set."""
    deep = config.getoption("markexpr", "") == "deep"
    default = "deep" if deep else "ci" if os.environ.get("CI") else "local"
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", default))
    if sys.dont_write_bytecode and not hasattr(config, "workerinput"):
        _compile_once(config)


def _compile_once(config: pytest.Config) -> None:
    """Where Python may keep no bytecode, keep that of this session, for its workers and the commands that tests start.

    Hundreds of commands are started; compiling the modules is a third of what a short one costs.
    """
    folder = tempfile.mkdtemp(prefix="eegcore-bytecode-")
    config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
    os.environ["PYTHONPYCACHEPREFIX"] = folder
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of the longest files first."""
    rank = {name: n for n, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.nodeid.partition("::")[0], len(rank)))


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

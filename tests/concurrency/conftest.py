"""Tools of this folder, and the compiled checker."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))


@pytest.fixture(scope="session")
def checker(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Object files of the model checker."""
    if shutil.which("gcc") is None:
        pytest.skip("gcc is needed to compile the concurrency tests")
    import build_c

    return build_c.compile_checker(tmp_path_factory.mktemp("checker"))

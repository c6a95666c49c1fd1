"""Fixtures of the tests of the control room."""

import pytest
from pipeline_file import PIPELINE


@pytest.fixture
def pipeline(tmp_path):
    """A pipeline file."""
    path = tmp_path / "p.yaml"
    path.write_text(PIPELINE)
    return path

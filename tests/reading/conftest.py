"""Recordings made in memory, for tests of one."""

from __future__ import annotations

import pytest
from made_recordings import recording_of


@pytest.fixture
def make():
    """Return the maker of recordings."""
    return recording_of

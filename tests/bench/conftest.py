"""A very short measurement: what is tested is that figures come, not what they are."""

from __future__ import annotations

import pytest

from eegcore.bench.line import Effort


@pytest.fixture
def short() -> Effort:
    return Effort(1 / 40)

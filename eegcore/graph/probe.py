"""Chips brought up and let go again, without a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eegcore import _rt


def probe(native: Mapping[str, Any]) -> list[bytes]:
    """Bring the chips of a planned `acquire` up, let them go, and return the registers of each, 24 bytes.

    Parameters
    ----------
    native : mapping
        What the plan says of the stage, `StagePlan.native`.

    Raises
    ------
    DeviceError
        With what is missing, or what was seen and expected.
    """
    return _rt.probe_chips(dict(native))

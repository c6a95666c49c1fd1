"""What the program holds: one checked configuration, its plan and its revision, always together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eegcore.config import PipelineConfig
    from eegcore.graph.plan_types import Plan


@dataclass(frozen=True)
class Held:
    """One revision. It is replaced as a whole, so that whoever reads it never sees half of two.

    Parameters
    ----------
    config : PipelineConfig
    plan : Plan
        Made from `config`.
    config_rev : int
        Rises by one with every change; packets of the run carry it.
    """

    config: PipelineConfig
    plan: Plan
    config_rev: int

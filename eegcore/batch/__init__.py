"""One pipeline over many recordings: processes of this machine, or a cluster."""

from __future__ import annotations

from eegcore.batch.outcome import Outcome
from eegcore.batch.pool import PipelinePool

__all__ = ["Outcome", "PipelinePool"]

"""Configuration: a pipeline file becomes checked declarations, or one error with all its mistakes."""

from __future__ import annotations

from eegcore.config.load import load
from eegcore.config.model import (
    COMMON_KEYS,
    RESERVED_KEYS,
    Catalogue,
    CommonKeys,
    GroupConfig,
    PipelineConfig,
    RuntimeConfig,
    StageConfig,
)
from eegcore.config.problems import Problems
from eegcore.config.schema import pipeline_schema

__all__ = [
    "COMMON_KEYS",
    "RESERVED_KEYS",
    "Catalogue",
    "CommonKeys",
    "GroupConfig",
    "PipelineConfig",
    "Problems",
    "RuntimeConfig",
    "StageConfig",
    "load",
    "pipeline_schema",
]

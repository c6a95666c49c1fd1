"""EEG acquisition core: ADS1299 chips, packets, rings, a DSP graph, a recorder and a live server.

    import eegcore as ec
    y = ec.process(x, sps=4000, stages=[{"notch": {"hz": 60}}, {"decimate": {"to_sps": 250}}])
    pipe = ec.Pipeline.from_yaml("pipelines/default.yaml")

Names are imported when they are first used, so that ``import eegcore`` stays quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOME = {
    "Pipeline": "eegcore.pipeline", "Run": "eegcore.pipeline", "process": "eegcore.pipeline",
    "Processed": "eegcore.offline", "PipelinePool": "eegcore.batch",
    "connect": "eegcore.client", "ConfigError": "eegcore.errors", "EegcoreError": "eegcore.errors",
    "EdgeOverflow": "eegcore.errors", "StageError": "eegcore.errors", "TapTimeout": "eegcore.errors",
    "get_include": "eegcore.include_dir", "read": "eegcore.reading", "Recording": "eegcore.reading",
    "replay": "eegcore.offline.replay",
}
__all__ = [
    "ConfigError", "EdgeOverflow", "EegcoreError", "Pipeline", "PipelinePool", "Processed", "Recording", "Run",
    "StageError", "TapTimeout", "connect", "get_include", "process", "read", "replay",
]

if TYPE_CHECKING:
    from eegcore.batch import PipelinePool
    from eegcore.client import connect
    from eegcore.errors import ConfigError, EdgeOverflow, EegcoreError, StageError, TapTimeout
    from eegcore.include_dir import get_include
    from eegcore.offline import Processed
    from eegcore.offline.replay import replay
    from eegcore.pipeline import Pipeline, Run, process
    from eegcore.reading import Recording, read


def __getattr__(name: str) -> Any:
    try:
        home = _HOME[name]
    except KeyError:
        raise AttributeError(f"module 'eegcore' has no attribute {name!r}") from None
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])

"""From what a user wrote to a plan, with every mistake in one error."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from eegcore.config import PipelineConfig, load
from eegcore.devices.recording_files import looks_like_recording
from eegcore.errors import ConfigError, Problem
from eegcore.graph.plan import make_plan
from eegcore.graph.plan_types import Plan
from eegcore.stages import catalogue

Source = Path | str | dict[str, Any] | list[Any]


def prepare(source: Source, *, overrides: Sequence[str] = (), clock: Literal["real", "virtual"] | None = None,
            name: str | None = None) -> tuple[PipelineConfig, Plan]:
    """Read, check and plan a pipeline.

    Parameters
    ----------
    source : Path, str, dict or list
        A file, YAML text, or the parsed document.
    overrides : sequence of str
        ``ID.KEY=VALUE``, as after ``--set``.
    clock : {"real", "virtual"}, optional
        Overrides the file.
    name : str, optional
        What messages call a source that is no file.

    Raises
    ------
    ConfigError
        With all problems, each with file, line, column and hint.
    """
    if isinstance(source, Path) and looks_like_recording(source):
        raise ConfigError([Problem(str(source), message="this is a recording, not a pipeline",
                                   hint="To play it: python -m eegcore serve pipelines/replay.yaml "
                                        f"--set playback.path={source}")])
    config, problems = load(source, catalogue=catalogue(), overrides=list(overrides), name=name)
    plan = make_plan(config, problems, clock) if config is not None else None
    problems.raise_if_any()
    if config is None or plan is None:
        raise ConfigError("pipeline: nothing to run. Give at least one source and one sink.")
    return config, plan

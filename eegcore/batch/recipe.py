"""A pipeline made ready for many recordings: where they go in, and what makes it fast when nobody waits."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eegcore.batch.outcome import Task
from eegcore.config import PipelineConfig, load
from eegcore.control.preparing import prepare
from eegcore.devices.recording_files import looks_like_recording
from eegcore.errors import BadArgument, ConfigError
from eegcore.graph.plan_types import Plan
from eegcore.stages import catalogue
from eegcore.stages.playback import forget_recording

BATCH = 256                                            # frames per packet: nobody waits for the first of them
SOURCE_GROUP = "acquire"


@dataclass(frozen=True)
class Recipe:
    """A pipeline, and what it is given beside each recording.

    Parameters
    ----------
    text, label : str
        The pipeline, and what messages call it.
    source : str
        Id of the playback.
    overrides : tuple of str
    """

    text: str
    label: str
    source: str
    overrides: tuple[str, ...]


def read_recipe(pipeline: str | Path | dict[str, Any] | list[Any], overrides: Sequence[str] = ()) -> Recipe:
    """Read a pipeline whose recordings are given later.

    Stages that name no group run on the thread of the playback, and packets are large: a recording in a worker
    should cost one core, and no samples depend on it.

    Raises
    ------
    ConfigError
        With every mistake that shows without a recording.
    BadArgument
        If it does not have one playback as its source, or never ends.
    """
    text, label = _text(pipeline)
    config, problems = load(text, catalogue=catalogue(), overrides=list(overrides), name=label)
    if config is None:
        problems.raise_if_any()
        raise ConfigError(f"{label}: nothing to run. Give a playback and at least one sink.")
    types = catalogue()
    sources = [stage for stage in config.stages if types[stage.type].role == "source"]
    if [stage.type for stage in sources] != ["playback"]:
        problems.raise_if_any()
        found = ", ".join(f"{stage.id} ({stage.type})" for stage in sources) or "none"
        raise BadArgument(f"{label}: its sources are: {found}. A pipeline for many recordings has one source, a "
                          "playback: each recording becomes its path. Begin with pipelines/offline.yaml.")
    settings = sources[0].settings
    if getattr(settings, "loop", False):
        raise BadArgument(f"{label}: {sources[0].id}.loop is true, so it never ends. Remove loop.")
    return Recipe(text, label, sources[0].id, (*overrides, *_for_one_core(config, sources[0].id)))


def _for_one_core(config: PipelineConfig, source: str) -> list[str]:
    types = catalogue()
    found = []
    for stage in config.stages:
        if stage.id == source:
            group = stage.common.group or SOURCE_GROUP
            if getattr(stage.settings, "batch", None) is None:
                found.append(f"{source}.batch={BATCH}")
    for stage in config.stages:
        common = stage.common
        crosses = common.queue is not None or common.overflow is not None        # settings of an edge: it must be one
        if (stage.id != source and common.group is None and not crosses
                and types[stage.type].default_group is not None):
            found.append(f"{stage.id}.group={group}")
    return found


def _text(pipeline: str | Path | dict[str, Any] | list[Any]) -> tuple[str, str]:
    if isinstance(pipeline, dict | list):
        return json.dumps(pipeline), "pipeline"
    path = Path(pipeline).expanduser()
    try:
        if looks_like_recording(path):
            prepare(path)
        return path.read_text(encoding="utf-8"), str(path)
    except OSError:
        prepare(path)                                  # says what is wrong with it
        raise
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not text ({error.reason}). Give a pipeline file in YAML.") from None


def plan_for(recipe: Recipe, recording: str) -> Plan:
    """Return the plan of a pipeline for one recording, which is read; ConfigError if they do not fit."""
    path = f"{recipe.source}.path={json.dumps(recording, ensure_ascii=False)}"      # JSON is YAML
    return prepare(recipe.text, overrides=[*recipe.overrides, path], clock="virtual", name=recipe.label)[1]


def plan_task(task: Task) -> Plan:
    """Return the plan of a task."""
    return plan_for(Recipe(task.pipeline, task.label, task.source, task.overrides), task.input)


def check_against(recipe: Recipe, recordings: Sequence[str]) -> None:
    """Check a pipeline against the first recording that can be read.

    A recording that cannot be read costs only itself, later.

    Raises
    ------
    ConfigError
        If the pipeline does not fit, or if none of the recordings can be read: then what is wrong with the first.
    """
    first: ConfigError | None = None
    place = f".{recipe.source}.path"
    for recording in recordings:
        try:
            plan_for(recipe, recording)
            return
        except ConfigError as error:
            if not all(f"{problem.path}".endswith((place, ".playback.path")) for problem in error.problems):
                raise
            first = first or error
        finally:
            forget_recording()
    if first is not None:
        raise first

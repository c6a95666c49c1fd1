"""From a configuration and a few settings to the configuration that has them, checked as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from eegcore.config import PipelineConfig
from eegcore.config.problems import did_you_mean, listing
from eegcore.control.preparing import prepare
from eegcore.errors import ConfigError, Problem
from eegcore.graph.plan_types import Plan

Setting = tuple[str, str, Any]
Settings = Mapping[str, Mapping[str, Any]] | Iterable[Setting]


def change_settings(config: PipelineConfig, settings: Settings,
                    clock: Literal["real", "virtual"] | None = None) -> tuple[PipelineConfig, Plan]:
    """Return the configuration with other settings, and its plan.

    Parameters
    ----------
    config : PipelineConfig
    settings : mapping or iterable
        ``{"notch": {"hz": 50}}`` or ``[("notch", "hz", 50)]``; None for the default of a setting.
    clock : {"real", "virtual"}, optional
        Overrides that of the configuration.

    Raises
    ------
    ConfigError
        With all mistakes, as for a file: unknown stages and settings, values that do not fit, graphs that cannot be.
    """
    document = config.merged(defaults=False)
    stages: dict[str, Any] = document["stages"]
    unknown: list[str] = []
    for stage_id, key, value in _each(settings):
        if not isinstance(stage_id, str):
            unknown.append(repr(stage_id))
        elif stage_id in stages and value is None:
            stages[stage_id].pop(key, None)            # back to its default
        elif stage_id in stages:
            stages[stage_id][key] = value
        else:
            unknown.append(stage_id)
    if unknown:
        raise ConfigError([Problem("<change>", path=f"stages.{name}", message=f"no stage is called {name!r}",
                                   allowed=f"Known: {listing(stages)}",
                                   hint=did_you_mean(name, stages, "Give the id of a stage, not its type"))
                           for name in dict.fromkeys(unknown)])
    return prepare(document, clock=clock, name="<change>")


def _each(settings: Settings) -> Iterable[Setting]:
    if isinstance(settings, Mapping):
        return [(stage_id, key, value) for stage_id, keys in settings.items() for key, value in keys.items()]
    return settings

"""Configurations as documents: what was written without the defaults, and the difference between two.

Clients see the merged configuration, with every default. What is checked, kept
for undo and stored is the written one: a default that nobody touched stays a
default.
"""

from __future__ import annotations

from typing import Any

from eegcore.config import PipelineConfig
from eegcore.stages import catalogue

MISSING: Any = object()
Document = dict[str, Any]


def written(config: PipelineConfig) -> Document:
    """Return the configuration without defaults that nobody has set; loading it gives the same one again."""
    return config.merged(defaults=False)


def without_defaults(edited: Any, config: PipelineConfig) -> Any:
    """Return an edited merged configuration without the defaults the edit left as they were.

    Parameters
    ----------
    edited : dict
        Was made from ``config.merged()``. What is no configuration at all is returned as it is.
    """
    if not isinstance(edited, dict) or not isinstance(edited.get("stages"), dict):
        return edited
    full, kept = config.merged(), written(config)
    stages: dict[str, Any] = {}
    for stage_id, stage in edited["stages"].items():
        before = full["stages"].get(stage_id)
        if before is not None and isinstance(stage, dict) and stage.get("type") == before["type"]:
            stages[stage_id] = _untouched_left_out(stage, before, kept["stages"][stage_id])
        elif isinstance(stage, dict):                  # copied or renamed, with all its defaults
            stages[stage_id] = _untouched_left_out(stage, _defaults(stage.get("type")), {})
        else:
            stages[stage_id] = stage
    rest = {key: value for key, value in edited.items() if key != "stages"}
    return {**rest, "stages": stages}


def difference(before: Any, after: Any) -> Any:
    """Return the JSON merge patch (RFC 7396) from one document to another: ``{"stages": {"notch": {"hz": 50}}}``.

    What is gone is None. Documents hold no None of their own that would mean anything but the default.
    """
    if not isinstance(before, dict) or not isinstance(after, dict):
        return after
    changed = {key: difference(before.get(key), value) for key, value in after.items()
               if key not in before or not same(before[key], value)}
    return {**{key: None for key in before if key not in after}, **changed}


def merged_with(document: Any, patch: Any) -> Any:
    """Return a document with a JSON merge patch carried out (RFC 7396 section 2); both stay as they are."""
    if not isinstance(patch, dict):
        return patch
    result = dict(document) if isinstance(document, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged_with(result.get(key), value)
    return result


def listed(patch: Document, before: Document) -> list[str]:
    """Return a difference from `before` as people read it: ``notch.hz=50``, ``fft added``, ``gain removed``."""
    lines: list[str] = []
    for key, value in patch.items():
        if key != "stages" or not isinstance(value, dict):
            lines += _leaves((key,), value)
            continue
        for stage_id, stage in value.items():
            if stage is None:
                lines.append(f"{stage_id} removed")
            elif stage_id not in before.get("stages", {}):
                lines.append(f"{stage_id} added")
            else:
                lines += _leaves((stage_id,), stage)
    return lines


def same(one: Any, other: Any) -> bool:
    """Return whether two JSON values are the same; true is not 1, and 1 is 1.0."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def _untouched_left_out(edited: Any, full: Any, kept: Any) -> Any:
    """Return `edited` without what is the same in `full` and absent from `kept`."""
    if same(edited, full):
        return kept
    if not isinstance(edited, dict) or not isinstance(full, dict):
        return edited
    known = kept if isinstance(kept, dict) else {}
    parts = {key: _untouched_left_out(value, full.get(key, MISSING), known.get(key, MISSING))
             for key, value in edited.items()}
    return {key: value for key, value in parts.items() if value is not MISSING}


def _defaults(stage_type: Any) -> Document:
    known = catalogue()
    if not isinstance(stage_type, str) or stage_type not in known:
        return {}
    settings: Document = known[stage_type].Settings.model_construct().model_dump(mode="json", by_alias=True,
                                                                                round_trip=True)
    return settings


def _leaves(path: tuple[str, ...], value: Any) -> list[str]:
    if isinstance(value, dict) and value:
        return [line for key, part in value.items() for line in _leaves((*path, str(key)), part)]
    text = "default" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
    return [f"{'.'.join(path)}={text if len(text) <= 60 else text[:57] + '...'}"]

"""JSON Schema of a whole pipeline file, for editors and for ``eegcore schema``."""

from __future__ import annotations

import re
from typing import Any

from eegcore.config.model import ID_PATTERN, MAX_STAGES, VERSION, Catalogue, CommonKeys, RuntimeConfig

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_LIMITS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}


def pipeline_schema(catalogue: Catalogue) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a pipeline file.

    Parameters
    ----------
    catalogue : mapping
        Stage types by name.

    Returns
    -------
    dict
        It accepts every form a file may have: the full document, a bare list of stages, and
        stages keyed by id. What lies between stages (inputs, rates, shapes) it cannot say.
    """
    defs: dict[str, Any] = {}
    common = _lifted(CommonKeys, "common", defs)["properties"]
    listed: dict[str, Any] = {}
    keyed: list[dict[str, Any]] = []
    for name, stage_type in catalogue.items():
        slug = re.sub(r"\W", "_", name)
        own = _lifted(stage_type.Settings, slug, defs)
        settings = {**own, "title": name, "description": stage_type.doc, "type": "object",
                    "properties": {**own.get("properties", {}), **common}, "additionalProperties": False}
        defs[f"stage_{slug}"] = settings
        required = own.get("required", [])
        listed[name] = {"description": stage_type.doc, "anyOf": [{"$ref": f"#/$defs/stage_{slug}"}] + (
            [] if required else [{"type": "null"}])}
        keyed.append({**settings, "properties": {"type": {"const": name}, **settings["properties"]},
                      "required": ["type", *required]})
    defs["runtime"] = _lifted(RuntimeConfig, "runtime", defs)
    defs["entry"] = {"type": "object", "description": "stage type -> settings", "properties": listed,
                     "minProperties": 1, "maxProperties": 1, "additionalProperties": False}
    defs["stage_list"] = {"type": "array", "items": {"$ref": "#/$defs/entry"}, "minItems": 1,
                          "maxItems": MAX_STAGES}
    defs["stage_object"] = {"type": "object", "description": "stages keyed by id", "minProperties": 1,
                            "maxProperties": MAX_STAGES, "propertyNames": {"pattern": ID_PATTERN},
                            "additionalProperties": {"oneOf": keyed}}
    defs["pipeline"] = {
        "type": "object",
        "properties": {
            "version": {"const": VERSION, "description": "version of this schema"},
            "name": {"type": "string", "minLength": 1, "maxLength": 100},
            "runtime": {"anyOf": [{"$ref": "#/$defs/runtime"}, {"type": "null"}]},
            "stages": {"anyOf": [{"$ref": "#/$defs/stage_list"}, {"$ref": "#/$defs/stage_object"}]},
        },
        "required": ["stages"],
        "additionalProperties": False,
    }
    return {"$schema": DIALECT, "title": "eegcore pipeline",
            "anyOf": [{"$ref": "#/$defs/pipeline"}, {"$ref": "#/$defs/stage_list"}], "$defs": defs}


def _lifted(model: Any, prefix: str, defs: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a model, with the definitions it needs moved into `defs` under names of its own."""
    schema: dict[str, Any] = _standard(model.model_json_schema(ref_template=f"#/$defs/{prefix}_{{model}}"))
    for name, part in schema.pop("$defs", {}).items():
        defs[f"{prefix}_{name}"] = part
    return schema


def _standard(schema: Any) -> Any:
    """Return a schema in words of JSON Schema only.

    Pydantic writes limits behind a validator as ``ge`` and ``le``, a title for every field, and
    OpenAPI's ``discriminator``.
    """
    if isinstance(schema, list):
        return [_standard(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    names = {"properties", "$defs", "patternProperties"}
    kept: dict[str, Any] = {}
    for key, value in schema.items():
        if key == "discriminator" or (key == "title" and isinstance(value, str)):
            continue
        if key in names and isinstance(value, dict):
            kept[key] = {name: _standard(part) for name, part in value.items()}
        elif key in ("default", "enum", "const", "examples"):
            kept[key] = value
        else:
            kept[_LIMITS.get(str(key), str(key))] = _standard(value)
    return kept

"""What a JSON Schema allows, said in words, and how a value could be mended to fit."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from eegcore.config.model import ID_PATTERN
from eegcore.config.nodes import Node, Path, shown
from eegcore.config.problems import MAX_WORD, did_you_mean, listing

NAME_RULE = "letters a-z, digits and _, a letter first"

Schema = dict[str, Any]

_YAML_11 = {"yes": "true", "on": "true", "no": "false", "off": "false"}


def advice(node: Node, schema: Schema | None, root: Schema) -> str:
    """Return how to mend a value of the wrong type, where it can be seen."""
    value = node.value
    forms = branches(schema or {}, root)
    kinds = {branch.get("type") for branch in forms}
    choices = [word for branch in forms for word in words(branch)]
    if isinstance(value, str):
        near = did_you_mean(value, [word for word in choices if isinstance(word, str)])
        if near:
            return near
        if "boolean" in kinds and value.lower() in _YAML_11:
            return f"Write {_YAML_11[value.lower()]}: YAML 1.2 has no yes, no, on and off"
        if kinds & {"integer", "number"} and len(value) <= MAX_WORD and _is_number(value):
            return f"Write it without quotes: {value}"
    elif isinstance(value, bool):
        if "string" in kinds and not choices:
            return f'Put it in quotes: "{shown(value)}"'
    elif isinstance(value, float) and "integer" in kinds and value.is_integer():
        return f"Write {int(value)}"
    if isinstance(value, int | float) and not isinstance(value, bool) and "string" in kinds and not choices:
        return f'Put it in quotes: "{shown(node)}"'
    if "array" in kinds and not isinstance(value, list | dict) and value is not None and kinds <= {"array", "null"}:
        return f"Write a list: [{node.text}]" if 0 < len(node.text) <= MAX_WORD else "Write a list: [first, second]"
    return ""


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def json_schema(model: type[BaseModel]) -> Schema:
    """Return the JSON Schema of a model, or an empty one if some type of it has none."""
    try:
        return model.model_json_schema()
    except Exception:                          # a schema only adorns messages: its absence must not hide them
        return {}


def at_path(root: Schema, where: Path) -> Schema | None:
    """Return the part of a JSON Schema that describes the value at a path."""
    at: Schema | None = root or None
    about = ""
    for part in where:
        below: Schema | None = None
        for branch in branches(at or {}, root):
            if isinstance(part, int):
                below = branch.get("items")
            else:
                extra = branch.get("additionalProperties")
                patterns = list(branch.get("patternProperties", {}).values())
                below = branch.get("properties", {}).get(part) or (extra if isinstance(extra, dict) else None) or (
                    patterns[0] if patterns else None)
            if below:
                break
        if not below:
            return None
        about = below.get("description", "") or (about if isinstance(part, int) else "")
        at = below
    if at is not None and about and "description" not in at:
        return {**at, "description": about}
    return at


def branches(schema: Schema, root: Schema) -> list[Schema]:
    """Return the alternatives of a schema, references followed, null left out."""
    if "$ref" in schema:
        name = str(schema["$ref"]).rsplit("/", 1)[-1]
        return branches(root.get("$defs", {}).get(name, {}), root)
    for word in ("anyOf", "oneOf"):
        if word in schema:
            return [found for branch in schema[word] for found in branches(branch, root)]
    return [] if schema.get("type") == "null" else [schema]


def words(schema: Schema) -> list[Any]:
    """Return the only values a schema without alternatives allows; empty if it has no such list."""
    return list(schema.get("enum", [schema["const"]] if "const" in schema else []))


def noun(schema: Schema | None) -> str:
    """Return the type of a schema with one form as a noun, else nothing."""
    schema = schema or {}
    forms = [form for form in schema.get("anyOf", [schema]) if form.get("type") != "null"]
    if len(forms) != 1 or words(forms[0]):
        return ""
    return {"integer": "a whole number", "number": "a number", "string": "a text", "boolean": "true or false",
            "array": "a list", "object": "a mapping"}.get(str(forms[0].get("type")), "")


def describe(schema: Schema, root: Schema) -> str:
    """Return in words what a schema allows: ``auto or a whole number from 1 to 64``."""
    parts = [_describe_one(branch, root) for branch in branches(schema, root)]
    different = list(dict.fromkeys(part for part in parts if part))
    return (", or " if any("," in part for part in different) else " or ").join(different) or "another value"


def _describe_one(schema: Schema, root: Schema) -> str:
    choices = words(schema)
    if choices:
        names = [word if isinstance(word, str) else shown(word) for word in choices]
        return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
    kind = schema.get("type")
    if kind in ("integer", "number"):
        return ("a whole number" if kind == "integer" else "a number") + _range(schema)
    if kind == "string":
        text = "a text"
        if schema.get("pattern") == ID_PATTERN:
            return NAME_RULE
        if "pattern" in schema:
            text += f" that matches {schema['pattern']}"
        if "maxLength" in schema:
            text += f" of at most {schema['maxLength']} characters"
        return text
    if kind == "boolean":
        return "true or false"
    if kind == "array":
        items = schema.get("items")
        least, most = schema.get("minItems"), schema.get("maxItems")
        count = f"{least or 0} to {most} " if most is not None else f"at least {least} " if least else ""
        return f"a list of {count}values" + (f", each {describe(items, root)}" if items else "")
    if kind == "object":
        keys = schema.get("properties")
        return f"a mapping with {listing(keys)}" if keys else "a mapping"
    return ""


def _range(schema: Schema) -> str:
    """Return the limits of a number in words."""
    low, high = schema.get("minimum", schema.get("ge")), schema.get("maximum", schema.get("le"))
    above, below = schema.get("exclusiveMinimum", schema.get("gt")), schema.get("exclusiveMaximum", schema.get("lt"))
    if low is not None and high is not None:
        return f" from {_plain(low)} to {_plain(high)}"
    parts = [f"{word} {_plain(limit)}" for word, limit in (
        ("at least", low), ("above", above), ("at most", high), ("below", below)) if limit is not None]
    return f" {' and '.join(parts)}" if parts else ""


def _plain(limit: float) -> str:
    return str(int(limit)) if float(limit).is_integer() else f"{limit:g}"

"""Pydantic's findings in the grammar of our messages, each with the place it was written at."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError

from eegcore.config.nodes import Node, Part, Path, find, shown
from eegcore.config.problems import Problems, closest, did_you_mean, listing
from eegcore.config.schema_words import NAME_RULE, advice, at_path, branches, describe, json_schema, noun

MAX_FINDINGS = 200
MAX_VALUES = 4096
"""In the settings of one stage: 256 channels need a few lists of 256."""

_RANGE = {"greater_than_equal": ("ge", "is below"), "greater_than": ("gt", "is not above"),
          "less_than_equal": ("le", "is above"), "less_than": ("lt", "is not below")}
_LENGTH = {"too_short": "min_length", "too_long": "max_length",
           "string_too_short": "min_length", "string_too_long": "max_length"}
_SPECIFIC = {"value_error", "assertion_error", "missing", "extra_forbidden", "union_tag_not_found",
             "union_tag_invalid", "multiple_of", "string_pattern_mismatch", *_RANGE, *_LENGTH}


class Checked(NamedTuple):
    """Settings that could be built, and how far they are what was written."""

    model: BaseModel | None
    refused: bool              # something was wrong, and has been reported
    guessed: bool              # a default stands where a value was refused


def check(model: type[BaseModel], node: Node, keys: Iterable[str], path: Path, problems: Problems, *,
          known: Sequence[str], see: str, quiet: bool = False) -> Checked:
    """Validate some keys of a mapping, reporting everything that is wrong with them.

    Parameters
    ----------
    model : type of BaseModel
        What the keys must be. They are read as strict JSON: true is no number, 24.9 no whole number.
    node : Node
        The mapping.
    keys : iterable of str
        The keys of it that belong to `model`.
    path : tuple
        Path of the mapping in the document.
    known : sequence of str
        Every key allowed in the mapping, for messages about unknown ones.
    see : str
        Hint for an unknown key that resembles none.
    quiet : bool
        Report nothing.

    Returns
    -------
    Checked
        When something was refused, the model is mended if it can be, so that more mistakes can be
        found: misspelt keys are read as what they resemble, refused values replaced by defaults.
    """
    parts = {key: child for key in keys if (child := node.get(key)) is not None}
    if not _fits(parts.values(), MAX_VALUES):
        if not quiet:
            problems.add(path, f"more than {MAX_VALUES} values", f"Allowed: {MAX_VALUES}", "Write shorter lists")
        return Checked(None, True, False)
    endless = {key for key, child in parts.items() if not _all_finite(child, (*path, key), None if quiet else problems)}
    data = {key: child.plain() for key, child in parts.items() if key not in endless}
    try:
        return Checked(_validate(model, data, strict=True), bool(endless), bool(endless))
    except ValidationError as error:
        findings = [finding for finding in error.errors(include_url=False, include_input=False)[:MAX_FINDINGS]
                    if not finding["loc"] or finding["loc"][0] not in endless]
    if not findings:
        return Checked(None, True, False)
    if not quiet:
        _Reporter(model, node, path, problems, known, see).report(findings)
    return _mended(model, data, findings, known)


def _all_finite(node: Node, path: Path, problems: Problems | None) -> bool:
    """Report every .inf and .nan in a tree: the merged configuration is JSON, which has no such numbers."""
    if isinstance(node.value, dict | list):
        inner = node.value.items() if isinstance(node.value, dict) else enumerate(node.value)
        good = True
        for part, child in inner:
            good &= _all_finite(child, (*path, part), problems)
        return good
    if not isinstance(node.value, float) or math.isfinite(node.value):
        return True
    if problems is not None:
        problems.add(path, f"{shown(node)} is not a finite number", "Allowed: finite numbers",
                     "Leave the key out where there is no limit")
    return False


def _fits(nodes: Iterable[Node], limit: int) -> bool:
    """Tell whether there are at most `limit` values in these trees; what lies beyond is not looked at."""
    waiting, seen = list(nodes), 0
    while waiting and seen <= limit:
        node = waiting.pop()
        seen += 1
        if isinstance(node.value, dict | list):
            waiting.extend(node.value.values() if isinstance(node.value, dict) else node.value)
    return seen <= limit


def _validate(model: type[BaseModel], data: dict[str, Any], *, strict: bool) -> BaseModel:
    # As JSON, because strict Python input would want tuples, enums and Path objects, which no file can hold.
    return model.model_validate_json(json.dumps(data), strict=strict)


def _mended(model: type[BaseModel], data: dict[str, Any], findings: Sequence[Any],
            known: Sequence[str]) -> Checked:
    """Build what can be built of settings with mistakes."""
    mended = dict(data)
    wrong: set[str] = set()
    for finding in findings:
        key = str(finding["loc"][0]) if finding["loc"] else ""
        if finding["type"] == "extra_forbidden" and len(finding["loc"]) == 1:
            value = mended.pop(key, None)
            meant = closest(key, known)
            if meant is not None and meant in model.model_fields and meant not in mended:
                mended[meant] = value
        elif key not in mended:
            return Checked(None, True, False)
        else:
            wrong.add(key)
    try:
        return Checked(_validate(model, mended, strict=False), True, False)     # "250" for 250
    except ValidationError as error:
        wrong.update(str(finding["loc"][0]) for finding in error.errors(include_url=False, include_input=False)
                     if finding["loc"])
    try:
        return Checked(_validate(model, {k: v for k, v in mended.items() if k not in wrong}, strict=True), True, True)
    except ValidationError:
        return Checked(None, True, False)




class _Reporter:
    """Turns the findings about one mapping into problems."""

    def __init__(self, model: type[BaseModel], node: Node, path: Path, problems: Problems,
                 known: Sequence[str], see: str) -> None:
        self.node, self.path, self.problems, self.known, self.see = node, path, problems, known, see
        self.schema = json_schema(model)

    def report(self, findings: Sequence[Any]) -> None:
        """Add one problem for every place at which something was found."""
        places: dict[Path, list[Any]] = {}
        for finding in findings:
            places.setdefault(self._written(finding), []).append(finding)
        for where, found in places.items():
            if self.problems.full:
                return
            inside = any(len(other) > len(where) and other[:len(where)] == where for other in places)
            specific = [finding for finding in found if finding["type"] in _SPECIFIC]
            if specific:
                self._add(where, specific[0])
            elif not inside:                   # else: another form of the value fits better, and has its own mistake
                self._add(where, found[0] if len(found) == 1 else None)

    def _written(self, finding: Any) -> Path:
        """Return the path of a finding in the document: without the union branches pydantic names."""
        at: Node | None = self.node
        where: list[Part] = []
        loc = finding["loc"]
        for number, part in enumerate(loc):
            child: Node | None = None
            if at is not None and isinstance(part, str):
                child = at.get(part)
            elif at is not None and isinstance(at.value, list) and isinstance(part, int) and part < len(at.value):
                child = at.value[part]
            if child is not None:
                where.append(part)
                at = child
            elif finding["type"] == "missing" and number == len(loc) - 1:
                where.append(part)
        return tuple(where)

    def _add(self, where: Path, finding: Any | None) -> None:
        kind = finding["type"] if finding else ""
        context = finding.get("ctx", {}) if finding else {}
        found = find(self.node, where)
        node = found.node
        path = (*self.path, *where)
        schema = at_path(self.schema, where)
        key = str(next((part for part in reversed(where) if isinstance(part, str)), ""))
        about = (schema or {}).get("description", "")
        fits = f"Allowed: {describe(schema, self.schema)}" if schema else ""
        if kind == "extra_forbidden":
            known = self.known if len(where) == 1 else self._keys_of(where[:-1])
            self.problems.add(path, f"unknown key {shown(key)}", f"Known keys: {listing(known)}",
                              did_you_mean(key, known, self.see), on_key=True)
        elif kind == "missing":
            self.problems.add(path, f"the key {key!r} is missing", fits,
                              f"Add '{key}: ...'" + (f" ({about})" if about else ""))
        elif kind in ("union_tag_not_found", "union_tag_invalid"):
            tag = context.get("discriminator", "").strip("'")
            seen = f"the key {tag!r} is missing" if kind == "union_tag_not_found" else (
                f"{context.get('tag', '')!r} is not allowed")
            allowed = context.get("expected_tags", "").replace("'", "") or describe(schema or {}, self.schema)
            self.problems.add((*path, tag), seen, f"Allowed: {allowed}", f"Give {tag} one of them")
        elif loc_is_key(finding):
            self.problems.add(path, f"{shown(key)} is no name", f"Allowed: {NAME_RULE}",
                              "Choose another name", on_key=True)
        else:
            message = self._message(kind, finding, context, node, schema)
            self.problems.add(path, message, fits, advice(node, schema, self.schema) or (
                f"{key}: {about}" if about and key else self.see))

    def _message(self, kind: str, finding: Any | None, context: dict[str, Any], node: Node,
                 schema: dict[str, Any] | None) -> str:
        """Say what is wrong with the value of `node`."""
        seen = shown(node)
        if kind in _RANGE:
            limit, relation = _RANGE[kind]
            return f"{seen} {relation} {shown(context[limit])}"
        if kind in _LENGTH:
            unit = "characters" if kind.startswith("string") else "values"
            n = len(node.value) if isinstance(node.value, str | list | dict) else 0
            return f"{n} {unit} are too {'few' if 'short' in kind else 'many'}"
        if kind in ("value_error", "assertion_error") and "error" in context:
            said = str(context["error"]) or "it was refused"
            return f"{seen}: {said}"
        if kind == "string_pattern_mismatch":
            return f"{seen} is not of the right form"
        wanted = noun(schema) if finding is not None else ""
        if kind in ("model_type", "model_attributes_type", "dict_type"):
            return f"{seen} is not a mapping"
        if wanted:
            return f"{seen} is not {wanted}"
        if kind in ("", "literal_error", "enum"):
            return f"{seen} is not allowed"
        said = str(finding["msg"] if finding else "it was refused")
        return f"{seen}: {said[:1].lower()}{said[1:]}"

    def _keys_of(self, where: Path) -> list[str]:
        """Return the keys of every form an inner mapping may have, given what it says of its form."""
        node = find(self.node, where).node
        keys: dict[str, None] = {}
        for branch in branches(at_path(self.schema, where) or {}, self.schema):
            properties = branch.get("properties", {})
            tags = {key: part["const"] for key, part in properties.items() if "const" in part}
            if all(tag.value == tags[key] for key in tags if (tag := node.get(key)) is not None):
                keys.update(dict.fromkeys(properties))
        return list(keys)


def loc_is_key(finding: Any | None) -> bool:
    """True if a finding is about the key itself, not about its value."""
    return bool(finding and finding["loc"] and finding["loc"][-1] == "[key]")

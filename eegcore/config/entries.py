"""The stages as written: a list of ``type: settings``, or an object keyed by id."""

from __future__ import annotations

import re
from dataclasses import dataclass

from eegcore.config.model import ID_PATTERN, MAX_STAGES
from eegcore.config.nodes import Node, Path, format_path, shown
from eegcore.config.problems import Problems, closest, listing
from eegcore.config.schema_words import NAME_RULE

_ONE_MAPPING = "Allowed: one mapping, stage type -> settings"
_ONE_KEY = "Write '- notch: {hz: 60}': a dash, the stage type, a colon, its settings"


@dataclass
class Entry:
    """One stage as written.

    `type` is empty if the entry could not be read; it still stands for a stage whose output
    others may want.
    """

    id: str
    type: str
    path: Path                 # to its settings
    type_path: Path            # to where its type is written
    node: Node                 # its settings, a mapping
    keyed: bool = False        # in an object keyed by id, with the type inside
    spoilt: bool = False       # refused already, kept for what depends on it

    @property
    def label(self) -> str:
        """The path as people read it."""
        return format_path(self.path)

    @property
    def id_path(self) -> Path:
        """Path to where the id is written; the stage itself if it is the default."""
        return (*self.path, "id") if not self.keyed and self.node.get("id") is not None else self.path


def read_entries(root: Node, problems: Problems, known_types: list[str]) -> list[Entry]:
    """Return every stage of the document; none if there are more than `MAX_STAGES`, which nobody wants to hear of."""
    stages = root.get("stages")
    if stages is None:
        if closest("stages", list(root.keys or ())) is None:
            problems.add((), "the key 'stages' is missing", "Allowed: version, name, runtime, stages",
                         "Add 'stages:' with a source, stages and sinks under it", at=root.place)
        return []
    if stages.bad:
        return []
    if isinstance(stages.value, dict | list) and len(stages.value) > MAX_STAGES:
        problems.add(("stages",), f"{len(stages.value)} stages", f"Allowed: at most {MAX_STAGES}",
                     "Split the pipeline")
        return []
    if isinstance(stages.value, list):
        entries = [_listed(item, number, problems, known_types) for number, item in enumerate(stages.value)]
    elif isinstance(stages.value, dict):
        entries = [_keyed(key, item, problems, known_types) for key, item in stages.value.items()]
    else:
        problems.add(("stages",), f"{shown(stages)} is not a list of stages",
                     "Allowed: a list, or an object keyed by id", _ONE_KEY)
        return []
    if not entries:
        problems.add(("stages",), "there are no stages", "Allowed: at least one source", _ONE_KEY)
    return entries


def _listed(item: Node, number: int, problems: Problems, known_types: list[str]) -> Entry:
    """Read ``- notch: {hz: 60}``."""
    path: Path = ("stages", number)
    lost = Entry("", "", path, path, Node({}, item.line, item.col), spoilt=True)
    if isinstance(item.value, str) and not item.bad:
        problems.add(path, f"{shown(item)} has no settings", _ONE_MAPPING,
                     f"Write '- {item.value[:40]}: {{}}'" if item.value in known_types else _ONE_KEY)
        lost.type, lost.id, lost.spoilt = item.value, default_id(item.value), item.value not in known_types
        return lost
    if not isinstance(item.value, dict):
        problems.add(path, f"{shown(item)} is not a stage", _ONE_MAPPING, _ONE_KEY)
        return lost
    if not item.value:
        problems.add(path, "an empty mapping is not a stage", _ONE_MAPPING, _ONE_KEY)
        return lost
    stage_type, settings = next(iter(item.value.items()))
    beside = list(item.value)[1:]
    if "type" in item.value and stage_type not in known_types:
        name = item.value["type"].value
        lost.type = name if isinstance(name, str) else ""
        problems.add((*path, "type"), "the type is written as a key", _ONE_MAPPING,
                     f"Write '- {lost.type[:40] or 'notch'}: {{...}}'", on_key=True)
        lost.id = default_id(lost.type)
        return lost
    at = (*path, stage_type)
    node = _mapping(settings, at, problems)
    spoilt = settings.bad or not (settings.value is None or isinstance(settings.value, dict))
    entry = Entry(default_id(stage_type), stage_type, at, at, node, spoilt=spoilt)
    if beside:
        entry.spoilt = entry.spoilt or settings.value is not None
        _not_indented(entry, item, beside, problems, known_types)
    entry.id = _id_in(entry.node) or entry.id
    return entry


def _not_indented(entry: Entry, item: Node, beside: list[str], problems: Problems, known_types: list[str]) -> None:
    """Report a second key beside the stage type; if it is a setting, read it as one."""
    types = [key for key in beside if key in known_types]
    hint = (f"Begin a new entry: '- {types[0]}: ...'" if types else
            f"Indent {beside[0][:40]!r} further than {entry.type[:40]!r}")
    problems.add((*entry.path[:-1], beside[0]), f"{listing(repr(key[:40]) for key in beside[:4])} "
                 f"stand{'s' if len(beside) == 1 else ''} beside {entry.type[:40]!r}",
                 _ONE_MAPPING, hint, on_key=True)
    if not types and not entry.spoilt and item.keys is not None and isinstance(item.value, dict):
        for key in beside:
            entry.node.put(key, item.value[key], item.keys[key])


def _keyed(stage_id: str, item: Node, problems: Problems, known_types: list[str]) -> Entry:
    """Read ``notch: {type: notch, hz: 60}``, the form of the merged configuration."""
    path: Path = ("stages", stage_id)
    node = _mapping(item, path, problems)
    spoilt = item.bad or not (item.value is None or isinstance(item.value, dict))
    entry = Entry(stage_id, "", path, (*path, "type"), node, keyed=True, spoilt=spoilt)
    if not re.fullmatch(ID_PATTERN, stage_id):
        problems.add(path, f"{shown(stage_id)} is no id", f"Allowed: {NAME_RULE}",
                     "Choose another id", on_key=True)
        entry.spoilt = True
    written = node.get("type")
    if written is None:
        if not spoilt:
            problems.add(entry.type_path, "the key 'type' is missing", f"Allowed: {listing(known_types)}",
                         f"Add 'type: {closest(stage_id, known_types) or 'TYPE'}'")
        entry.spoilt = True
    elif isinstance(written.value, str):
        entry.type = written.value
    else:
        problems.add(entry.type_path, f"{shown(written)} is not a stage type", f"Allowed: {listing(known_types)}",
                     "Give the name of a stage type")
        entry.spoilt = True
    inner = node.get("id")
    if inner is not None and inner.value != stage_id:
        problems.add((*path, "id"), f"{shown(inner)} is not the key of this stage, {shown(stage_id)}",
                     hint="Remove id")
    return entry


def _mapping(settings: Node, path: Path, problems: Problems) -> Node:
    """Return settings as a mapping; nothing at all is an empty one."""
    if isinstance(settings.value, dict):
        return settings
    if settings.value is not None:
        problems.add(path, f"{shown(settings)} is not a mapping of settings", "Allowed: 'key: value' pairs, or {}",
                     "Write the settings as {key: value}")
    return Node({}, settings.line, settings.col, origin=settings.origin)


def _id_in(node: Node) -> str | None:
    written = node.get("id")
    return written.value if written is not None and isinstance(written.value, str) else None


def default_id(stage_type: str) -> str:
    """Return the id of a stage that gives none: the last part of its type."""
    return stage_type.rsplit(".", 1)[-1]

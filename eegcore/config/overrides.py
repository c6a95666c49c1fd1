"""``--set ID.KEY=VALUE``: single settings given beside the document."""

from __future__ import annotations

import re
from collections.abc import Iterable

from eegcore.config.entries import read_entries
from eegcore.config.nodes import Node, Part, Path, find, format_path, shown, with_value
from eegcore.config.problems import Problems, did_you_mean, listing
from eegcore.config.yaml_nodes import parse

MAX_OVERRIDES = 256
_LEFT = re.compile(r"[A-Za-z_][\w\-]*(\.[\w\-]+)+")
_FORM = "Allowed: ID.KEY=VALUE, with the id of a stage or 'runtime'"


def apply_overrides(root: Node, overrides: Iterable[str], problems: Problems, known_types: list[str]) -> Node:
    """Return `root` with every override in its place, in their order.

    A value is one YAML value (``50``, ``[1, 2]``, ``"x y"``). Keys may be nested with dots and
    number the values of a list from 0. Values that do not fit are found later, with everything
    else; their place is then ``--set ...``.
    """
    places: dict[str, Path] | None = None
    for number, text in enumerate(overrides):
        if number >= MAX_OVERRIDES:
            problems.add((), f"more than {MAX_OVERRIDES} options --set", f"Allowed: {MAX_OVERRIDES}",
                         "Write them into the file", at=(None, 0, 0))
            break
        if places is None:
            # What is wrong with the entries is reported once all overrides are in.
            entries = read_entries(root, Problems(), known_types)
            places = {entry.id: entry.path for entry in reversed(entries) if entry.id}
        root = _apply(root, text, problems, places)
        if ".id=" in text:
            places = None
    return root


def _apply(root: Node, text: str, problems: Problems, places: dict[str, Path]) -> Node:
    origin = f"--set {text if len(text) <= 200 else text[:200] + '...'}"
    left, equals, right = text.partition("=")
    left = left.strip()
    if not equals or not _LEFT.fullmatch(left):
        problems.add((), f"{shown(left)} is not ID.KEY" if equals else "no '=' in it", _FORM,
                     "Write for example --set acquire.sps=1000", at=(origin, 0, 0))
        return root
    target, *keys = left.split(".")
    base = _target(target, places, problems, origin)
    if base is None:
        return root
    path: Path = (*base, *_parts(root, base, keys))
    value = parse(right, problems, prefix=path, origin=origin) if right.strip() else Node(None, origin=origin)
    if value is None:
        return root
    try:
        return with_value(root, path, value)
    except KeyError as error:
        holder = error.args[0]
        held = find(root, holder).node.value
        problems.add(path, f"{format_path(holder)} " + (
            f"has {len(held)} values" if isinstance(held, list) else "holds no further keys"),
            "Allowed: keys of mappings, and numbers of values of a list, from 0", "Set the whole value",
            at=(origin, 0, 0))
        return root


def _target(target: str, places: dict[str, Path], problems: Problems, origin: str) -> Path | None:
    """Return the path of what `target` names."""
    if target == "runtime":
        return ("runtime",)
    if target in places:
        return places[target]
    known = [*reversed(places), "runtime"]
    problems.add((), f"no stage is called {target[:40]!r}", f"Known: {listing(known)}",
                 did_you_mean(target, known, "Give the id of a stage, not its type"), at=(origin, 0, 0))
    return None


def _parts(root: Node, base: Path, keys: list[str]) -> list[Part]:
    """Return keys as path parts: a number where the document has a list, else a word."""
    parts: list[Part] = []
    node: Node | None = root
    for part in base:
        node = _child(node, part)
    for key in keys:
        part = int(key) if node is not None and isinstance(node.value, list) and key.isdecimal() else key
        parts.append(part)
        node = _child(node, part)
    return parts


def _child(node: Node | None, part: Part) -> Node | None:
    if node is None:
        return None
    if isinstance(part, int):
        return node.value[part] if isinstance(node.value, list) and part < len(node.value) else None
    return node.get(part)

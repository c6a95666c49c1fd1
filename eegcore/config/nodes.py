"""A document as a tree of values that remember where they were written.

A `Node` is what a YAML file, a JSON body, a Python object and a ``--set`` option
all become before anything is checked, so that every problem can name its place.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from eegcore.config.scalars import Scalar

MAX_DEPTH = 32
MAX_NODES = 32_768
TEXT_PER_NODE = 64
"""A text weighs one node more per so many characters, so that repeated aliases of it count."""

Part = str | int
Path = tuple[Part, ...]
Place = tuple[str | None, int, int]
"""(file or None for the main one, line, col), counted from 1; line 0 where there is none."""

_WORD = re.compile(r"[\w.\-<]{1,64}")
_PART = re.compile(r"\[(\d{1,9})\]|([^.\[\]]+)")


class TooBig(ValueError):
    """A document is larger or deeper than the limits allow."""


class Node:
    """One value of a document: scalar, list of nodes, or mapping of nodes.

    Parameters
    ----------
    value : scalar, list of Node or dict of Node
    line, col : int
        Where the value begins, counted from 1.
    keys : dict
        For a mapping, where each key is written.
    text : str
        For a scalar, how it is written.
    """

    __slots__ = ("bad", "col", "keys", "line", "origin", "text", "value", "weight")

    def __init__(self, value: Scalar | list[Node] | dict[str, Node], line: int = 0, col: int = 0, *,
                 text: str = "", origin: str | None = None) -> None:
        self.value = value
        self.line = line
        self.col = col
        self.text = text
        self.origin = origin                 # the --set option it came from
        self.keys: dict[str, Place] | None = {} if isinstance(value, dict) else None
        self.weight = 1 + len(text) // TEXT_PER_NODE       # nodes it has when every alias is written out
        self.bad = False                     # reported already: say nothing more about it

    @property
    def place(self) -> Place:
        """Where the value begins."""
        return self.origin, self.line, self.col

    @property
    def is_empty(self) -> bool:
        """True for ``null`` and for nothing at all."""
        return self.value is None and not self.bad

    def get(self, key: str) -> Node | None:
        """Return the value of `key` if this is a mapping that has it."""
        return self.value.get(key) if isinstance(self.value, dict) else None

    def put(self, key: str, child: Node, place: Place) -> None:
        """Add one pair to a mapping."""
        if not isinstance(self.value, dict) or self.keys is None:
            raise TypeError("put() is for mappings")
        self.value[key] = child
        self.keys[key] = place

    def plain(self) -> Any:
        """Return the value as Python dicts, lists and scalars."""
        if isinstance(self.value, dict):
            return {key: child.plain() for key, child in self.value.items()}
        if isinstance(self.value, list):
            return [child.plain() for child in self.value]
        return self.value

    def copied(self) -> Node:
        """Return a node of its own with the same children."""
        value = self.value.copy() if isinstance(self.value, dict | list) else self.value
        twin = Node(value, self.line, self.col, text=self.text, origin=self.origin)
        twin.weight, twin.bad = self.weight, self.bad
        if self.keys is not None:
            twin.keys = dict(self.keys)
        return twin


class Found(NamedTuple):
    """Where a path leads."""

    node: Node                 # the deepest there is
    key_place: Place           # where the key of that node is written
    complete: bool             # the whole path exists
    bad: bool                  # something on the way was reported already


def find(root: Node, path: Path) -> Found:
    """Follow `path` from `root` as far as it goes. Neighbouring words may be one dotted key."""
    node, key_place, bad = root, root.place, root.bad
    i = 0
    while i < len(path):
        part, taken = path[i], 1
        child: Node | None = None
        if isinstance(node.value, list) and isinstance(part, int) and 0 <= part < len(node.value):
            child = node.value[part]
            key_place = child.place
        elif isinstance(node.value, dict) and node.keys is not None:
            key = str(part)
            child = node.value.get(key)
            while child is None and i + taken < len(path) and isinstance(path[i + taken], str):
                key, taken = f"{key}.{path[i + taken]}", taken + 1
                child = node.value.get(key)
            if child is not None:
                key_place = node.keys[key]
        if child is None:
            return Found(node, key_place, False, bad)
        node, bad = child, bad or child.bad
        i += taken
    return Found(node, key_place, True, bad)


def with_value(root: Node, path: Path, value: Node) -> Node:
    """Return `root` with `value` at `path`; nodes beside the path are shared, those on it are copied.

    Absent mappings on the way are made. Copies matter because an alias makes one node
    appear in several places, and an override names only one of them.

    Raises
    ------
    KeyError
        If something on the way is neither a mapping nor a list that is long enough; its
        only argument is the path up to there.
    """
    if not path:
        return value
    top = root.copied()
    node, depth = top, 0
    for part in path[:-1]:
        children = node.value
        if isinstance(children, list) and isinstance(part, int) and part < len(children):
            child = children[part].copied()
            children[part] = child
        elif isinstance(children, dict):
            child = children[str(part)].copied() if str(part) in children else Node(None, origin=value.origin)
            key_place = node.keys[str(part)] if node.keys and str(part) in node.keys else value.place
            node.put(str(part), child, key_place)
        else:
            raise KeyError(path[:depth])
        if child.is_empty:
            child.value, child.keys = {}, {}
        node, depth = child, depth + 1
    last = path[-1]
    if isinstance(node.value, list) and isinstance(last, int) and last < len(node.value):
        node.value[last] = value
    elif isinstance(node.value, dict):
        node.put(str(last), value, value.place)
    else:
        raise KeyError(path[:-1])
    return top


def from_data(data: Any) -> Node:
    """Return Python data (JSON-like; NumPy scalars, arrays and paths too) as nodes without places.

    Raises
    ------
    TooBig
        If it is deeper than `MAX_DEPTH` or has more than `MAX_NODES` values.
    TypeError
        If a value or key has a type that no YAML file could give.
    """
    budget = MAX_NODES

    def convert(value: Any, depth: int) -> Node:
        nonlocal budget
        if depth > MAX_DEPTH:
            raise TooBig(f"deeper than {MAX_DEPTH} levels")
        if hasattr(value, "tolist"):
            value = value.tolist()
        elif isinstance(value, os.PathLike):
            value = os.fspath(value)
        budget -= 1 + (len(value) // TEXT_PER_NODE if isinstance(value, str) else 0)
        if budget < 0:
            raise TooBig(f"more than {MAX_NODES} values")
        if isinstance(value, Mapping):
            node = Node({})
            for key, child in value.items():
                if not isinstance(key, str):
                    raise TypeError(f"the key {key!r} is not a text")
                node.put(_encodable(key), convert(child, depth + 1), (None, 0, 0))
            return node
        if isinstance(value, list | tuple):
            return Node([convert(child, depth + 1) for child in value])
        if isinstance(value, bool) or value is None:
            return Node(value)
        if isinstance(value, int):
            if value.bit_length() > 200:
                raise TooBig(f"a number of {value.bit_length()} bits")
            return Node(int(value))
        if isinstance(value, float):
            return Node(float(value))
        if isinstance(value, str):
            return Node(_encodable(value), text=value)
        raise TypeError(f"a value of type {type(value).__name__} has no place in a pipeline")

    return convert(data, 1)


def _encodable(text: str) -> str:
    """Return `text`; TypeError if it holds half of a surrogate pair, which no file can."""
    if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
        raise TypeError(f"the text {text[:40]!a} holds half of a surrogate pair")
    return str(text)


def parse_path(path: str) -> Path:
    """Return ``stages[4].bandpass.low_hz`` as ``("stages", 4, "bandpass", "low_hz")``."""
    return tuple(int(match[1]) if match[1] else match[2] for match in _PART.finditer(path))


def format_path(path: Path) -> str:
    """Return a path as people read it; the inverse of `parse_path` for ordinary keys."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            word = part if _WORD.fullmatch(part) else shown(part)
            text += f".{word}" if text else word
    return text


def shown(value: Any, limit: int = 40) -> str:
    """Return a value as a message shows it: words in quotes, long ones cut, YAML's own true and null."""
    if isinstance(value, Node):
        if isinstance(value.value, int | float) and not isinstance(value.value, bool) and value.text:
            return value.text
        value = value.value
    if isinstance(value, str):
        return repr(value if len(value) <= limit else value[:limit] + "...")
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, float) and not math.isfinite(value):
        return ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"
    return f"{value:g}" if isinstance(value, float) else str(value)

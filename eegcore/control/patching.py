"""JSON-Patch (RFC 6902), bounded before it runs.

A hundred kilobytes of patch can ask for gigabytes: ``copy`` doubles what is
there, and values nest. So nothing is carried out that is not measured first.
The operations themselves are those of the library `jsonpatch`, one at a time.
Answers are those RFC 5789 section 2.2 recommends: a patch that is none is
malformed (``bad_patch``), one beyond the limits ``too_large``, and one that does
not fit the document as it is a conflict (``test_failed``, ``patch_conflict``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from eegcore.config.nodes import TEXT_PER_NODE, shown
from eegcore.config.problems import did_you_mean
from eegcore.errors import BadArgument, StateConflict

MAX_OPERATIONS = 256
MAX_DEPTH = 32
MAX_NODES = 10_000
MAX_POINTER = 1024                                     # characters
MAX_BITS = 200                                         # of a whole number, as in pipeline files

MEMBERS = {"add": ("path", "value"), "remove": ("path",), "replace": ("path", "value"), "move": ("from", "path"),
           "copy": ("from", "path"), "test": ("path", "value")}
MISSING: Any = object()

_ESCAPE = re.compile(r"~(?![01])")
_FORM = 'Send for example [{"op": "replace", "path": "/stages/notch/hz", "value": 50}].'


class Size(NamedTuple):
    """Of a JSON value: how many values it is made of, and how deep they nest (a scalar is one level)."""

    nodes: int
    depth: int


class Operation(NamedTuple):
    """One checked operation: what it says, and where it points, as keys."""

    said: dict[str, Any]
    path: tuple[str, ...]
    source: tuple[str, ...]
    size: Size                                         # of its value; nothing if it has none


def apply_patch(document: dict[str, Any], patch: Any) -> Any:
    """Carry a patch out on a document of the caller's own, which is spent afterwards; return the result.

    Parameters
    ----------
    document : dict
        At most `MAX_NODES` values. After an error it may be half patched: throw it away.
    patch : list of dict
        At most `MAX_OPERATIONS`, with at most `MAX_NODES` values that they bring, copy or move in all.

    Raises
    ------
    BadArgument
        ``bad_patch`` if it is no JSON-Patch, ``too_large`` beyond a limit.
    StateConflict
        ``test_failed``, or ``patch_conflict`` if something is not where an operation looks for it.
    """
    operations = checked(patch)
    nodes = measure(document, "the document").nodes
    moved = sum(operation.size.nodes for operation in operations)
    for number, operation in enumerate(operations):
        place = f"patch[{number}]"
        kind, size = operation.said["op"], operation.size
        if kind in ("move", "copy"):
            size = measure(_at(document, operation.source), f"{place}: what is at {_shown(operation.said['from'])}")
            moved += size.nodes
            if moved > MAX_NODES:
                raise _too_large(f"{place}: the patch brings, copies and moves more than {MAX_NODES} values")
        if kind in ("remove", "replace", "add", "copy"):
            nodes -= _replaced(document, operation)
        if kind in ("add", "replace", "copy"):
            nodes += size.nodes
        if nodes > MAX_NODES:
            raise _too_large(f"{place}: the document would have more than {MAX_NODES} values")
        if kind != "test" and len(operation.path) + size.depth > MAX_DEPTH:
            raise _too_large(f"{place}: the document would be deeper than {MAX_DEPTH} levels")
        document = _carry_out(document, operation, place)
    return document


def checked(patch: Any) -> list[Operation]:
    """Return the operations of a patch, every one of them well formed; nothing has been carried out then."""
    if not isinstance(patch, list):
        raise _bad(f"patch: {shown(patch)} is not a list of operations")
    if len(patch) > MAX_OPERATIONS:
        raise _too_large(f"patch: {len(patch)} operations. Allowed: {MAX_OPERATIONS}")
    left = MAX_NODES
    operations = []
    for number, said in enumerate(patch):
        operation = _checked_one(said, f"patch[{number}]")
        left -= operation.size.nodes
        if left < 0:
            raise _too_large(f"patch[{number}]: the patch brings more than {MAX_NODES} values")
        operations.append(operation)
    return operations


def measure(value: Any, what: str) -> Size:
    """Return the size of a JSON value; refuse one beyond the limits as soon as that is seen.

    A text counts one more for every `TEXT_PER_NODE` characters, so that copies of long ones count.
    """
    if value is MISSING:
        return Size(0, 0)
    nodes, depth = 0, 0
    level = [value]
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise _too_large(f"{what} is deeper than {MAX_DEPTH} levels")
        below: list[Any] = []
        for item in level:
            nodes += 1
            if isinstance(item, dict):
                below.extend(item.values())
                nodes += sum(_text_nodes(key, what) for key in item)
            elif isinstance(item, list):
                below.extend(item)
            elif isinstance(item, str):
                nodes += _text_nodes(item, what)
            elif isinstance(item, int) and item.bit_length() > MAX_BITS:
                raise _too_large(f"{what} has a number of {item.bit_length()} bits. Allowed: {MAX_BITS}")
            elif item is not None and not isinstance(item, int | float):
                raise _bad(f"{what} has a value of type {type(item).__name__}")
        if nodes + len(below) > MAX_NODES:
            raise _too_large(f"{what} has more than {MAX_NODES} values")
        level = below
    return Size(nodes, depth)


def _text_nodes(text: Any, what: str) -> int:
    if not isinstance(text, str):
        raise _bad(f"{what} has the key {text!r}, which is not a text")
    return len(text) // TEXT_PER_NODE


def _checked_one(said: Any, place: str) -> Operation:
    if not isinstance(said, Mapping):
        raise _bad(f"{place}: {shown(said)} is not an operation")
    kind = said.get("op")
    if not isinstance(kind, str) or kind not in MEMBERS:
        raise _bad(f"{place}: op {shown(kind)} is not known. Allowed: {', '.join(MEMBERS)}")
    missing = [name for name in MEMBERS[kind] if name not in said]
    if missing:
        raise _bad(f"{place}: {kind} needs {missing[0]!r}, which is missing")
    kept = {"op": kind, **{name: said[name] for name in MEMBERS[kind]}}      # RFC 6902 section 4: others are ignored
    size = measure(kept.get("value", MISSING), f"{place}: the value")
    source = _keys(said["from"], place, "from") if "from" in kept else ()
    return Operation(kept, _keys(said["path"], place, "path"), source, size)


def _keys(pointer: Any, place: str, member: str) -> tuple[str, ...]:
    """Return the keys of a JSON pointer (RFC 6901)."""
    if not isinstance(pointer, str) or (pointer and not pointer.startswith("/")) or _ESCAPE.search(pointer):
        raise _bad(f"{place}: {member} {shown(pointer)} is no JSON pointer. Allowed: /stages/notch/hz")
    if len(pointer) > MAX_POINTER or pointer.count("/") > MAX_DEPTH:
        raise _too_large(f"{place}: {member} has {len(pointer)} characters. Allowed: {MAX_POINTER}, and {MAX_DEPTH} "
                         "levels")
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:])


def _at(document: Any, keys: tuple[str, ...]) -> Any:
    """Return what a pointer leads to, `MISSING` if nothing is there."""
    for key in keys:
        if isinstance(document, dict):
            document = document.get(key, MISSING)
        elif isinstance(document, list) and key.isdecimal() and len(key) < 7 and int(key) < len(document):
            document = document[int(key)]
        else:
            return MISSING
    return document


def _replaced(document: Any, operation: Operation) -> int:
    """Return how many values go when the operation is carried out."""
    inserts = operation.said["op"] in ("add", "copy") and operation.path
    if inserts and isinstance(_at(document, operation.path[:-1]), list):
        return 0
    return measure(_at(document, operation.path), "what is replaced").nodes


def _carry_out(document: Any, operation: Operation, place: str) -> Any:
    import jsonpatch

    said = operation.said
    where = f"{place}: {said['op']} {_shown(said['path'])}"
    try:
        return jsonpatch.JsonPatch([said]).apply(document, in_place=True)
    except jsonpatch.JsonPatchTestFailed:
        found = _at(document, operation.path)
        seen = "nothing is there" if found is MISSING else f"it is {shown(found)}"
        raise StateConflict(f"{where}: {seen}, not {shown(said['value'])}. Nothing was changed. Read the "
                            "configuration again.", code="test_failed", path=said["path"]) from None
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException, LookupError, TypeError, ValueError):
        raise StateConflict(f"{where}: {_why(document, operation)} Nothing was changed.",
                            code="patch_conflict", path=said["path"]) from None


def _why(document: Any, operation: Operation) -> str:
    """Say which part of which pointer leads nowhere."""
    for member, keys in (("from", operation.source), ("path", operation.path)):
        for depth, key in enumerate(keys):
            holder = _at(document, keys[:depth])
            if _at(document, keys[:depth + 1]) is not MISSING:
                continue
            above = _shown("/" + "/".join(keys[:depth])) if depth else "the document"
            if isinstance(holder, list):
                return f"{member}: {above} has {len(holder)} values, and no place {shown(key)}."
            if isinstance(holder, dict):
                hint = did_you_mean(key, [name for name in holder if isinstance(name, str)])
                return f"{member}: {above} has no {shown(key)}. {hint}".rstrip()
            return f"{member}: {above} is {shown(holder)} and holds nothing."
    return "this cannot be done there."


def _shown(pointer: str) -> str:
    return "the document" if not pointer else pointer if len(pointer) <= 80 else pointer[:77] + "..."


def _bad(message: str) -> BadArgument:
    return BadArgument(f"{message}. {_FORM}", code="bad_patch")


def _too_large(message: str) -> BadArgument:
    return BadArgument(f"{message}. Nothing was changed. Send less.", code="too_large")

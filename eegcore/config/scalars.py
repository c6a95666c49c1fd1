"""Plain YAML scalars, read as YAML 1.2 (core schema) says.

PyYAML reads YAML 1.1, where ``on`` is true, ``010`` is 8, ``22:30`` is 1350 and
``1e3`` is a string. Here ``on`` and ``22:30`` are strings, ``010`` is ten,
``0o10`` is eight and ``1e3`` is a thousand.
"""

from __future__ import annotations

import math
import re

Scalar = str | int | float | bool | None

MAX_DIGITS = 64

_NULL = frozenset(("", "~", "null", "Null", "NULL"))
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?[0-9]+")
_OCT = re.compile(r"0o[0-7]+")
_HEX = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INF = re.compile(r"[-+]?\.(inf|Inf|INF)")
_NAN = frozenset((".nan", ".NaN", ".NAN"))
_FIRST_OF_NUMBER = frozenset("+-.0123456789")


def read_plain(text: str) -> Scalar:
    """Return the value of an unquoted scalar.

    Raises
    ------
    ValueError
        If the text is a number of more than `MAX_DIGITS` characters: converting it costs
        quadratic time, and no setting needs it.
    """
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if text[0] not in _FIRST_OF_NUMBER:
        return text
    if len(text) > MAX_DIGITS:
        if _FLOAT.fullmatch(text) or _HEX.fullmatch(text) or _OCT.fullmatch(text):
            raise ValueError(f"a number of {len(text)} characters")
        return text
    if _INT.fullmatch(text):
        return int(text)
    if _OCT.fullmatch(text):
        return int(text[2:], 8)
    if _HEX.fullmatch(text):
        return int(text[2:], 16)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _INF.fullmatch(text):
        return -math.inf if text[0] == "-" else math.inf
    return math.nan if text in _NAN else text


def read_tagged(tag: str, text: str) -> Scalar:
    """Return the value of a scalar with an explicit core tag (``!!str 12``).

    Raises
    ------
    ValueError
        If the tag is not one of the core schema, or the text is not of that type.
    """
    name = tag.removeprefix("tag:yaml.org,2002:")
    if name in ("str", "!"):
        return text
    value = read_plain(text)
    if name == "float" and type(value) is int:
        return float(value)
    fits = {"null": value is None, "bool": isinstance(value, bool), "int": type(value) is int,
            "float": type(value) is float}
    if name not in fits:
        raise ValueError(f"the tag {tag[:40]!r} is not allowed")
    if not fits[name]:
        raise ValueError(f"{text[:40]!r} is not of type {name}")
    return value

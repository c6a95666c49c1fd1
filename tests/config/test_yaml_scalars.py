"""Scalars are YAML 1.2, not 1.1."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eegcore.config.problems import Problems
from eegcore.config.scalars import MAX_DIGITS, read_plain
from eegcore.config.yaml_nodes import parse

TABLE = [
    ("1e3", 1000.0), ("1E+3", 1000.0), ("1.", 1.0), (".5", 0.5), ("-.5e-2", -0.005), ("+12", 12), ("010", 10),
    ("0o10", 8), ("0x1F", 31), ("0o8", "0o8"), ("0b11", "0b11"), ("1_000", "1_000"), ("22:30", "22:30"),
    ("1:30:00", "1:30:00"), ("on", "on"), ("off", "off"), ("yes", "yes"), ("No", "No"), ("y", "y"),
    ("true", True), ("True", True), ("TRUE", True), ("tRUE", "tRUE"), ("false", False), ("null", None), ("~", None),
    ("Null", None), ("nULL", "nULL"), ("", None), (".inf", math.inf), ("-.INF", -math.inf), ("+.Inf", math.inf),
    ("inf", "inf"), ("nan", "nan"), ("-", "-"), (".", "."), ("e3", "e3"), ("1e", "1e"), ("2001-12-14", "2001-12-14"),
    ("=", "="), ("<<", "<<"), ("0.1.2", "0.1.2"), ("1,5", "1,5"), ("٣", "٣"),
]


@pytest.mark.parametrize(("text", "value"), TABLE)
def test_plain_scalar(text: str, value: Any) -> None:
    found = read_plain(text)
    assert found == value
    assert type(found) is type(value)


def test_not_a_number() -> None:
    assert math.isnan(read_plain(".nan"))  # type: ignore[arg-type]


def test_very_long_numbers_are_refused_and_long_texts_are_not() -> None:
    with pytest.raises(ValueError, match="a number of 100 characters"):
        read_plain("9" * 100)
    assert read_plain("9" * MAX_DIGITS) == int("9" * MAX_DIGITS)
    assert read_plain("1-2-" * 100) == "1-2-" * 100


@pytest.mark.parametrize(("text", "value"), [
    ("'on'", "on"), ('"1"', "1"), ("! 12", "12"), ("!!str 12", "12"), ("!!int 12", 12), ("!!float 3", 3.0),
    ("!!bool true", True), ("!!null ''", None), ("|\n  a\n  b\n", "a\nb\n"), (">-\n  a\n  b\n", "a b"),
])
def test_quotes_and_core_tags(text: str, value: Any) -> None:
    problems = Problems("f")
    node = parse(f"key: {text}", problems)
    assert len(problems) == 0
    assert node is not None
    assert node.plain() == {"key": value}
    assert type(node.plain()["key"]) is type(value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2**63, 2**63) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=20),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.text("abcdef_\"\\é😀", max_size=8), inner, max_size=4),
    max_leaves=20)


@given(JSON, st.booleans(), st.sampled_from([None, 2, "\t"]))
def test_json_is_read_as_json(value: Any, ascii_only: bool, indent: Any) -> None:
    text = json.dumps({"root": value}, ensure_ascii=ascii_only, indent=indent)
    problems = Problems("f")
    node = parse(text, problems)
    if any("\x7f" <= char <= "\x9f" or char in "\ufffe\uffff" for char in text):
        return                                 # JSON may write these as they are, YAML needs an escape
    assert [str(problem) for problem in problems] == []
    assert node is not None
    assert node.plain() == {"root": value}

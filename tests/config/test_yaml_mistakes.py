"""Text that is not YAML, or not the YAML we allow: exact messages with line and column."""

from __future__ import annotations

import pytest

from eegcore.config.problems import Problems
from eegcore.config.yaml_nodes import parse

TABLE = [
    ("stages:\n\t- notch: {}", "2:1: stages: a tab is used to indent. Allowed: spaces. "
     "Replace every tab at the beginning of the lines by spaces."),
    ("a: {b: 1\nc: 2\n", "2:2: a: not YAML: did not find expected ',' or '}' while parsing a flow mapping, begun in "
     "line 1. Close the bracket that was opened there, or put a comma between the values."),
    ("a: b: c", "1:5: not YAML: mapping values are not allowed in this context. "
     "Write one 'key: value' on a line, and put a text that contains ': ' in quotes."),
    ('a: "x\nb: 3', "2:5: a: not YAML: found unexpected end of stream while scanning a quoted scalar, begun in line 1. "
     "Close the quote that was opened there."),
    ("a: @foo", "1:4: a: not YAML: found character that cannot start any token. "
     "Put a text that begins with one of @ ` % in quotes."),
    ("a: 1\nfoo\n", "3:1: not YAML: could not find expected ':' while scanning a simple key, begun in line 2. "
     "Write a colon and a space after the key."),
    ("- a\nb: 2", "2:1: stages[1]: not YAML: did not find expected '-' indicator while parsing a block collection, "
     "begun in line 1. Indent every entry of the list by the same number of spaces."),
    ("path: {start}.csv", "1:14: not YAML: did not find expected key. "
     "Indent the keys of a mapping alike, and put a text that begins with { or [ in quotes."),
    ('a: "\\q"', "1:5: a: not YAML: found unknown escape character. "
     "Write \\\\ for a backslash, or put the text in single quotes."),
    ("", "1:1: the document is empty. Write at least 'stages:' with one source under it."),
    ("# nothing\n", "1:1: the document is empty. Write at least 'stages:' with one source under it."),
    ("a: 1\n---\nb: 2", "2:1: a second document begins here. Allowed: one document in a file. "
     "Remove the line '---', or save the second pipeline in a file of its own."),
    ("? [a]\n: b", "1:3: a key must be a word, not a list or a mapping. Allowed: 'key: value'. "
     "Put a text that begins with { or [ in quotes."),
    ("a: *b", "1:4: a: no anchor is called 'b'. Allowed: '*name' after '&name'. "
     "Put a text that begins with * in quotes."),
    ("a: &b [*b]", "1:8: a[0]: '*b' stands inside the value it stands for. Write the value out."),
    ("a: !!python/object/apply:os.system [ls]", "1:4: a: the tag 'tag:yaml.org,2002:python/object/apply:os' is not "
     "allowed. Allowed: plain YAML 1.2 values. Remove the tag."),
    ("a: !secret x", "1:4: a: the tag '!secret' is not allowed. Allowed: plain YAML 1.2 values. Remove the tag."),
    ("a: !!int x", "1:4: a: 'x' is not of type int. Allowed: plain YAML 1.2 values. Remove the tag."),
    ("a: !!set {x}", "1:4: a: the tag 'tag:yaml.org,2002:set' is not allowed. Allowed: plain YAML 1.2 values. "
     "Remove the tag."),
    ("a: 1\nb: {x: 1, x: 2}", "2:11: b.x: the key 'x' is written twice, first in line 2. Keep one of the two."),
    ("- n: {x: 1}\n  n: 2", "2:3: stages[0].n: the key 'n' is written twice, first in line 1. Keep one of the two."),
    (b"a: \xff", "1:4: byte 0xff is not UTF-8. Allowed: text in UTF-8. Save the file as UTF-8."),
    (b"a: 1\n\xe9: 2", "2:1: byte 0xe9 is not UTF-8. Allowed: text in UTF-8. Save the file as UTF-8."),
    ("a: 1\nb: \x07", "2:4: the character U+0007 may not stand in YAML. Allowed: printable text. "
     "Remove it, or write it as an escape in double quotes."),
    ("a: \ud800", "1:4: the character U+D800 may not stand in YAML. Allowed: printable text. "
     "Remove it, or write it as an escape in double quotes."),
    ("a: " + "9" * 70, "1:4: a: a number of 70 characters. Allowed: plain YAML 1.2 values. "
     "Write at most 64 digits, or put a text in quotes."),
]


@pytest.mark.parametrize(("text", "message"), TABLE)
def test_message(text: str | bytes, message: str) -> None:
    problems = Problems("f.yaml")
    parse(text, problems)
    assert [str(problem) for problem in problems] == [f"f.yaml:{message}"]


def test_several_mistakes_of_one_text_come_out_together() -> None:
    problems = Problems("f.yaml")
    node = parse("a: 1\na: 2\nb: *nowhere\nc: !tag 3\n", problems)
    assert [problem.line for problem in problems] == [2, 3, 4]
    assert node is not None


def test_the_first_of_two_equal_keys_counts() -> None:
    node = parse("a: 1\na: 2", Problems("f"))
    assert node is not None
    assert node.plain() == {"a": 1}


def test_a_byte_order_mark_is_no_mistake() -> None:
    problems = Problems("f")
    node = parse("\ufeffa: 1".encode(), problems)
    assert node is not None
    assert node.plain() == {"a": 1}
    assert len(problems) == 0


def test_aliases_share_what_they_stand_for() -> None:
    node = parse("a: &x {hz: 50}\nb: *x", Problems("f"))
    assert node is not None
    assert node.plain() == {"a": {"hz": 50}, "b": {"hz": 50}}

"""YAML text to nodes: safe, bounded, YAML 1.2 scalars, every mistake with its place.

Only PyYAML's event parser is used (libyaml when it is there). Nothing is constructed from
tags, and every limit is checked while the events arrive, before the tree can grow: a file
that would expand to gigabytes is refused after a few milliseconds.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from eegcore.config.nodes import MAX_DEPTH, MAX_NODES, Node, Path, Place, TooBig
from eegcore.config.problems import Problems
from eegcore.config.scalars import read_plain, read_tagged

MAX_BYTES = 1 << 20
MAX_ALIASES = 1000

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NOT_TEXT = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_JSON_PAIR = re.compile(r"\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")
_TABBED = re.compile(r"[ ]*\t")
_COLLECTION_TAGS = {"tag:yaml.org,2002:map", "tag:yaml.org,2002:seq", "!"}

_SPLIT_UP = "Split the file, or remove what is repeated in it"
_HINTS = (
    ("mapping values are not allowed",
     "Write one 'key: value' on a line, and put a text that contains ': ' in quotes"),
    ("expected ',' or", "Close the bracket that was opened there, or put a comma between the values"),
    ("unexpected end of stream", "Close the quote that was opened there"),
    ("expected ':'", "Write a colon and a space after the key"),
    ("'-' indicator", "Indent every entry of the list by the same number of spaces"),
    ("expected key", "Indent the keys of a mapping alike, and put a text that begins with { or [ in quotes"),
    ("expected <block end>", "Indent entries that belong together by the same number of spaces"),
    ("cannot start any token", "Put a text that begins with one of @ ` % in quotes"),
    ("escape", "Write \\\\ for a backslash, or put the text in single quotes"),
)


class _GiveUp(Exception):
    """The document cannot be read further; the reason has been added to the problems."""


def parse(text: str | bytes, problems: Problems, *, prefix: Path = (),
          origin: str | None = None) -> Node | None:
    """Return the tree of one YAML document, or None if it cannot be read at all.

    Parameters
    ----------
    text : str or bytes
        At most `MAX_BYTES` as UTF-8.
    problems : Problems
        Gets every mistake.
    prefix : tuple
        Path of the root, for messages.
    origin : str, optional
        The ``--set`` option the text came from; it then stands for file, line and column.
    """
    try:
        return _Composer(problems, prefix, origin).compose(_readable(text, problems, prefix, origin))
    except _GiveUp:
        return None


def _readable(text: str | bytes, problems: Problems, prefix: Path, origin: str | None) -> str:
    """Return `text` decoded, if it is short enough and made of characters YAML allows."""
    def refuse(message: str, allowed: str, hint: str, before: str = "") -> _GiveUp:
        line = before.count("\n") + 1
        problems.add(prefix, message, allowed, hint, at=(origin, line, len(before) - before.rfind("\n")))
        return _GiveUp()

    if len(text) > MAX_BYTES or (isinstance(text, str) and not text.isascii()
                                 and len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES):
        raise refuse("the document is larger than 1 MiB", "Allowed: up to 1 048 576 bytes", _SPLIT_UP)
    if isinstance(text, bytes):
        try:
            decoded = text.decode("utf-8")
        except UnicodeDecodeError as error:
            raise refuse(f"byte 0x{text[error.start]:02x} is not UTF-8", "Allowed: text in UTF-8",
                         "Save the file as UTF-8", text[:error.start].decode("utf-8", "replace")) from None
    else:
        decoded = text
    return _clean(decoded.removeprefix("\ufeff"), refuse)


def _clean(text: str, refuse: Any) -> str:
    """Return `text` if every character of it may stand in YAML."""
    strange = _NOT_TEXT.search(text)
    if strange:
        raise refuse(f"the character U+{ord(strange[0]):04X} may not stand in YAML",
                     "Allowed: printable text",
                     "Remove it, or write it as an escape in double quotes", text[:strange.start()])
    if text.lstrip()[:1] in ("{", "["):
        # JSON writes characters beyond U+FFFF as two escapes; YAML has one escape for them.
        text = _JSON_PAIR.sub(lambda m: bytes.fromhex(m[1] + m[2]).decode("utf-16-be"), text)
    return text


class _Open:
    """A collection that is being read."""

    __slots__ = ("anchor", "key", "key_place", "node", "waits_for_key")

    def __init__(self, node: Node, anchor: str | None) -> None:
        self.node = node
        self.anchor = anchor
        self.key = ""
        self.key_place: Place = node.place
        self.waits_for_key = isinstance(node.value, dict)


class _Composer:
    """Builds the tree from events, with its own stack: depth costs no recursion."""

    def __init__(self, problems: Problems, prefix: Path, origin: str | None) -> None:
        self.problems = problems
        self.prefix = prefix
        self.origin = origin
        self.root: Node | None = None
        self.open: list[_Open] = []
        self.anchors: dict[str, Node | None] = {}       # None while the node is still open
        self.n_nodes = 0
        self.n_aliases = 0

    def compose(self, text: str) -> Node | None:
        """Return the root of the only document in `text`."""
        try:
            for event in yaml.parse(text, Loader=_Loader):
                self._take(event)
        except yaml.MarkedYAMLError as error:
            self._syntax_error(error, text)
        except yaml.YAMLError as error:
            raise self._refuse(f"not YAML: {error}", hint="Save the file as plain UTF-8 text",
                               at=(1, 1)) from None
        except TooBig as error:
            raise self._refuse(f"the document has {error}", hint=_SPLIT_UP) from None
        if self.root is None:
            raise self._refuse("the document is empty", at=(1, 1),
                               hint="Write at least 'stages:' with one source under it")
        return self.root

    def _take(self, event: Any) -> None:
        mark = event.start_mark
        self.at = (mark.line + 1, mark.column + 1)
        kind = type(event)
        if kind is yaml.ScalarEvent:
            self._attach(self._scalar(event), event.anchor)
        elif kind is yaml.MappingStartEvent:
            self._enter(Node({}, *self.at, origin=self.origin), event)
        elif kind is yaml.SequenceStartEvent:
            self._enter(Node([], *self.at, origin=self.origin), event)
        elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
            done = self.open.pop()
            self._attach(done.node, done.anchor, opened=True)
        elif kind is yaml.AliasEvent:
            self._attach(self._aliased(event.anchor), None)
        elif kind is yaml.DocumentStartEvent and self.root is not None:
            raise self._refuse("a second document begins here", "Allowed: one document in a file",
                               "Remove the line '---', or save the second pipeline in a file of its own")

    def _scalar(self, event: Any) -> Node:
        text = event.value
        self._count()
        node = Node(text, *self.at, text=text, origin=self.origin)
        try:
            if event.tag is not None:
                node.value = read_tagged(event.tag, text)
            elif event.implicit[0]:
                node.value = read_plain(text)
        except ValueError as error:
            node.value, node.bad = None, True
            self._add(str(error), "Allowed: plain YAML 1.2 values",
                      "Remove the tag" if event.tag else "Write at most 64 digits, or put a text in quotes")
        return node

    def _enter(self, node: Node, event: Any) -> None:
        self._count()
        if len(self.open) >= MAX_DEPTH:
            raise self._refuse(f"nested deeper than {MAX_DEPTH} levels", f"Allowed: {MAX_DEPTH} levels",
                               "Close the brackets, or write the lists flat")
        if self.open and self.open[-1].waits_for_key:
            raise self._refuse("a key must be a word, not a list or a mapping", "Allowed: 'key: value'",
                               "Put a text that begins with { or [ in quotes")
        if event.tag is not None and event.tag not in _COLLECTION_TAGS:
            node.bad = True
            self._add(f"the tag {event.tag[:40]!r} is not allowed", "Allowed: plain YAML 1.2 values",
                      "Remove the tag")
        if event.anchor is not None:
            self.anchors[event.anchor] = None
        self.open.append(_Open(node, event.anchor))

    def _aliased(self, name: str) -> Node:
        self.n_aliases += 1
        if self.n_aliases > MAX_ALIASES:
            raise self._refuse(f"more than {MAX_ALIASES} aliases", f"Allowed: {MAX_ALIASES} aliases",
                               "Write the values out")
        node = self.anchors.get(name)
        if node is not None:
            return node
        if name in self.anchors:
            raise self._refuse(f"'*{name[:40]}' stands inside the value it stands for",
                               hint="Write the value out")
        missing = Node(None, *self.at, origin=self.origin)
        missing.bad = True
        self._add(f"no anchor is called {name[:40]!r}", "Allowed: '*name' after '&name'",
                  "Put a text that begins with * in quotes")
        return missing

    def _attach(self, node: Node, anchor: str | None, *, opened: bool = False) -> None:
        """Give a finished node to the collection it stands in."""
        if anchor is not None:
            self.anchors[anchor] = node
        if not self.open:
            self.root = node
            return
        top = self.open[-1]
        holder = top.node
        if top.waits_for_key:
            self._key(top, node)
            return
        holder.weight += node.weight
        if holder.weight > MAX_NODES:
            raise TooBig(f"more than {MAX_NODES} values when its aliases are written out")
        if isinstance(holder.value, list):
            holder.value.append(node)
            return
        top.waits_for_key = True
        if holder.keys is not None and top.key in holder.keys:
            first = holder.keys[top.key][1]
            self._add(f"the key {top.key[:40]!r} is written twice, first in line {first}",
                      hint="Keep one of the two", at=top.key_place[1:], path=(*self._path(), top.key))
            return
        holder.put(top.key, node, top.key_place)

    def _key(self, top: _Open, node: Node) -> None:
        if isinstance(node.value, dict | list):
            raise self._refuse("a key must be a word, not a list or a mapping", "Allowed: 'key: value'",
                               "Write the key out")
        top.key = node.text                              # a number or null as key is an unknown key later on
        top.key_place = (self.origin, *self.at)
        top.waits_for_key = False

    def _count(self) -> None:
        self.n_nodes += 1
        if self.n_nodes > MAX_NODES:
            raise TooBig(f"more than {MAX_NODES} values")

    def _path(self) -> Path:
        """Return the path of the collection that is open now."""
        path: list[str | int] = list(self.prefix)
        if self.open and isinstance(self.open[0].node.value, list) and not self.prefix:
            path.append("stages")                       # a bare list is the list of stages
        for holder in self.open[:-1]:
            value = holder.node.value
            path.append(len(value) if isinstance(value, list) else holder.key)
        return tuple(path)

    def _here(self) -> Path:
        """Return the path of the value that comes next."""
        if not self.open:
            return self.prefix
        top = self.open[-1]
        if isinstance(top.node.value, list):
            return (*self._path(), len(top.node.value))
        return self._path() if top.waits_for_key else (*self._path(), top.key)

    def _add(self, message: str, allowed: str = "", hint: str = "", *, at: tuple[int, int] | None = None,
             path: Path | None = None) -> None:
        self.problems.add(self._here() if path is None else path, message, allowed, hint,
                          at=(self.origin, *(at or self.at)))

    def _refuse(self, message: str, allowed: str = "", hint: str = "", *,
                at: tuple[int, int] | None = None) -> _GiveUp:
        self._add(message, allowed, hint, at=at)
        return _GiveUp()

    def _syntax_error(self, error: yaml.MarkedYAMLError, text: str) -> None:
        """Add what libyaml says, in our words, and give up."""
        said = error.problem or "cannot be read"
        mark, begun = error.problem_mark, error.context_mark
        at = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        lines = text.splitlines() or [""]
        here = lines[min(at[0], len(lines)) - 1]
        if _TABBED.match(here) and ("token" in said or "tab" in said):
            raise self._refuse("a tab is used to indent", "Allowed: spaces",
                               "Replace every tab at the beginning of the lines by spaces", at=at) from None
        message = f"not YAML: {said}"
        if error.context and begun and begun.line + 1 != at[0] and self.origin is None:
            message += f" {error.context}, begun in line {begun.line + 1}"
        hint = next((hint for words, hint in _HINTS if words in said),
                    "Check brackets, quotes and indentation near this place")
        raise self._refuse(message, hint=hint, at=at) from None

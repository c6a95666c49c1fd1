"""The collector of mistakes: it finds the place of each, and raises all of them together."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator

from eegcore.config.nodes import Node, Path, Place, find, format_path, parse_path
from eegcore.errors import ConfigError, Problem

MAX_PROBLEMS = 100
MAX_LISTED = 40
MAX_COMPARED = 128
MAX_WORD = 64
MAX_TEXT = 1000

SEE_STAGES = "Run 'python -m eegcore stages' to see the stages and their settings"


class Problems:
    """All mistakes found in one document.

    Parameters
    ----------
    file : str
        Name of the document in messages.

    Notes
    -----
    The same collector goes from the reader to the loader and on to the plan, so that mistakes
    of every sort come out together. At most `MAX_PROBLEMS` are kept; the rest are counted.
    """

    def __init__(self, file: str = "") -> None:
        self.file = file
        self.root: Node | None = None
        self.uncounted = 0
        self._found: dict[tuple[Place, str, str], Problem] = {}

    def add(self, path: Path | str, message: str, allowed: str = "", hint: str = "", *,
            on_key: bool = False, at: Place | None = None) -> None:
        """Add one mistake.

        Parameters
        ----------
        path : tuple or str
            Place in the document: ``("stages", 4, "bandpass", "low_hz")`` or
            ``"stages[4].bandpass.low_hz"``. Line and column are those of the value there; if the
            path leads to something that is not written (a default), those of what holds it.
        message, allowed, hint : str
            What is wrong, with the value seen; what is allowed; what to do.
        on_key : bool
            Point to the key in place of its value.
        at : tuple, optional
            (file or None, line, col) if known better.
        """
        parts = parse_path(path) if isinstance(path, str) else path
        if at is None:
            at = self._place(parts, on_key)
            if at is None:
                return
        if not allowed and not hint:
            hint = SEE_STAGES
        message, allowed, hint = (text if len(text) <= MAX_TEXT else text[:MAX_TEXT] + "..."
                                  for text in (message, allowed, hint))
        origin, line, col = at
        where = format_path(parts)
        if len(self._found) >= MAX_PROBLEMS:
            self.uncounted += (at, where, message) not in self._found
            return
        self._found.setdefault((at, where, message), Problem(
            origin or self.file, 0 if origin else line, 0 if origin else col, where, message, allowed, hint))

    def _place(self, path: Path, on_key: bool) -> Place | None:
        """Return where `path` is written; None if what stands there was reported already."""
        if self.root is None:
            return None, 1, 1
        found = find(self.root, path)
        if found.bad:
            return None
        return found.node.place if found.complete and not on_key else found.key_place

    @property
    def full(self) -> bool:
        """True if more would only be counted: stop looking for them."""
        return len(self._found) >= MAX_PROBLEMS

    def __len__(self) -> int:
        return len(self._found)

    def __iter__(self) -> Iterator[Problem]:
        return iter(self.sorted())

    def sorted(self) -> list[Problem]:
        """Return the mistakes in the order of the file, those of ``--set`` options last."""
        def place(problem: Problem) -> tuple[bool, str, int, int, str]:
            return problem.file != self.file, problem.file, problem.line, problem.col, problem.path

        found = sorted(self._found.values(), key=place)
        if self.uncounted:
            found.append(Problem(self.file, message=f"{self.uncounted} more problems are not shown",
                                 hint="Mend these first"))
        return found

    def raise_if_any(self) -> None:
        """Raise one `ConfigError` with every mistake, if there are any."""
        if self._found:
            raise ConfigError(self.sorted())


def closest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that `word` was probably meant to be."""
    words = list(known)[:MAX_COMPARED]
    lower = {name.lower(): name for name in reversed(words) if len(name) <= 2 * MAX_WORD}
    match = difflib.get_close_matches(word[:MAX_WORD].lower(), lower, n=1, cutoff=0.6)
    return lower[match[0]] if match else None


def did_you_mean(word: str, known: Iterable[str], otherwise: str = "") -> str:
    """Return ``Did you mean 'x'?`` or, if nothing known is near, `otherwise`."""
    match = closest(word, known)
    return f"Did you mean {match!r}?" if match else otherwise


def listing(words: Iterable[str]) -> str:
    """Return words separated by commas, at most `MAX_LISTED` of them, long ones cut."""
    known = list(words)
    more = f", ... ({len(known)} in all)" if len(known) > MAX_LISTED else ""
    return ", ".join(name if len(name) <= MAX_WORD else name[:MAX_WORD] + "..." for name in known[:MAX_LISTED]) + more

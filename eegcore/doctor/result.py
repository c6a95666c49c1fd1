"""What one check found."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

State = Literal["ok", "warn", "missing", "fail", "skipped"]
BAD: tuple[State, ...] = ("missing", "fail")


@dataclass(frozen=True)
class Result:
    """One line of the report.

    Parameters
    ----------
    name : str
        What was looked at, in one to three words.
    state : {"ok", "warn", "missing", "fail", "skipped"}
        ``missing``: needed and not there. ``fail``: there and not usable.
        ``warn``: works, but not as well as it could. ``skipped``: does not
        apply here, `seen` says why.
    seen : str
        What is there, in one sentence or less.
    wanted : str
        What would be good; empty if that is what was seen.
    fix : str
        What to do, as sentences; a line that begins with ``$ `` is a command.
    """

    name: str
    state: State
    seen: str
    wanted: str = ""
    fix: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return asdict(self)

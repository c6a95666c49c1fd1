"""What a benchmark says: one line of the table."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Effort:
    """How long to measure.

    Parameters
    ----------
    share : float
        Of the repetitions and seconds of a full measurement; below 1 it is a first impression.
    """

    share: float = 1.0

    @property
    def quick(self) -> bool:
        """True for a first impression."""
        return self.share < 1.0

    def rounds(self, full: int) -> int:
        """Return how often to repeat something that a full measurement repeats `full` times; at least 3 (or `full`)."""
        return max(min(3, full), round(full * self.share))

    def seconds(self, full: float) -> float:
        """Return how long to run something that runs `full` seconds in a full measurement."""
        return full * self.share


FULL = Effort()
QUICK = Effort(1 / 8)


@dataclass
class Line:
    """One measured thing.

    Parameters
    ----------
    bench : str
        The benchmark it belongs to.
    what : str
    measured : str
        For people, with unit; p50 and p99 where it is a latency.
    ok : bool or None
        Whether the goal is met; None if there is none, or if it could not be measured.
    goal : str
        From the promises of the project; empty if there is none.
    peer : str
        What it is compared with, or why it is not.
    ratio : float or None
        How many times better than the peer: above 1 is better for us.
    n_frames, n_channels : int or None
        Of the packets.
    values : dict
        The numbers behind `measured`, unit in the name.
    note : str
    """

    bench: str
    what: str
    measured: str
    ok: bool | None = None
    goal: str = ""
    peer: str = ""
    ratio: float | None = None
    n_frames: int | None = None
    n_channels: int | None = None
    values: dict[str, Any] = field(default_factory=dict)
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the line as ``bench --json`` prints it."""
        return {"bench": self.bench, "what": self.what, "measured": self.measured, "ok": self.ok, "goal": self.goal,
                "peer": self.peer, "ratio": self.ratio, "packet": {"n_frames": self.n_frames,
                                                                   "n_channels": self.n_channels},
                "values": self.values, "note": self.note}


def missing(bench: str, what: str, why: str, goal: str = "") -> Line:
    """Return the line of something that cannot be measured here."""
    return Line(bench, what, "not measured", None, goal, note=why)

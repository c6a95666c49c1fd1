"""What a benchmark says: one line of the table."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Effort:
    """How long to measure.

    Parameters
    ----------
    quick : bool
        A first impression: few repetitions, short runs.
    """

    quick: bool = False

    def rounds(self, full: int) -> int:
        """Return how often to repeat something that is repeated `full` times without ``--quick``."""
        return max(3, full // 8) if self.quick else full

    def seconds(self, full: float) -> float:
        """Return how long to run something that runs `full` seconds without ``--quick``."""
        return full / 8 if self.quick else full


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

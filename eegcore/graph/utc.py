"""Sample time to wall time, without letting the wall clock touch sample time.

Samples carry CLOCK_MONOTONIC. What that is in UTC was noted once, when the run
began, and stays: a recording whose wall clock is set in the middle keeps one
time axis. Later readings of both clocks only tell how far the wall clock has
gone its own way since, and whether it was stepped.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

EVERY_S = 5.0
TRIES = 5
STEPS_KEPT = 100
STEP_NS = 50_000_000            # a slew of 500 ppm makes 2.5 ms in 5 s: more than this was a step


@dataclass(frozen=True)
class ClockPair:
    """One instant on both clocks."""

    t_ns: int                   # CLOCK_MONOTONIC
    unix_ns: int                # CLOCK_REALTIME
    width_ns: int               # the reading of unix_ns lies within this of t_ns

    @property
    def offset_ns(self) -> int:
        """Unix time minus monotonic time."""
        return self.unix_ns - self.t_ns


@dataclass(frozen=True)
class WallStep:
    """The wall clock was set, between two looks at it."""

    t_ns: int                   # CLOCK_MONOTONIC when it was noticed
    step_ns: int                # positive: set forward


class UtcMap:
    """Monotonic nanoseconds to Unix nanoseconds, as they were related when the run began.

    Parameters
    ----------
    monotonic_ns, realtime_ns : callable
        The two clocks, nanoseconds.
    every_s : float
        Shortest time between two looks at the clocks.

    Examples
    --------
    >>> from eegcore.graph.utc import UtcMap
    >>> utc = UtcMap(monotonic_ns=lambda: 5, realtime_ns=lambda: 1_700_000_000_000_000_005)
    >>> utc.to_unix_ns(1_000_000_000)
    1700000001000000000
    """

    def __init__(self, *, monotonic_ns: Callable[[], int] = time.monotonic_ns,
                 realtime_ns: Callable[[], int] = time.time_ns, every_s: float = EVERY_S) -> None:
        self._monotonic_ns = monotonic_ns
        self._realtime_ns = realtime_ns
        self._every_ns = int(every_s * 1e9)
        self.anchor = self.last = self._read()
        self.steps: deque[WallStep] = deque(maxlen=STEPS_KEPT)
        self.n_steps = 0
        self.n_pairs = 1

    def _read(self) -> ClockPair:
        """Take the tightest of a few readings: an interrupt between the clocks must not count as an offset."""
        pairs = []
        for _ in range(TRIES):
            before = self._monotonic_ns()
            unix_ns = self._realtime_ns()
            after = self._monotonic_ns()
            pairs.append(ClockPair((before + after) // 2, unix_ns, (after - before + 1) // 2))
        return min(pairs, key=lambda pair: pair.width_ns)

    def look(self) -> WallStep | None:
        """Compare the clocks, if the last time was long enough ago, and return the step that was found.

        For the control thread, as often as it likes.
        """
        if self._monotonic_ns() - self.last.t_ns < self._every_ns:
            return None
        before, self.last = self.last, self._read()
        self.n_pairs += 1
        moved_ns = self.last.offset_ns - before.offset_ns
        passed_ns = self.last.t_ns - before.t_ns
        if abs(moved_ns) <= max(STEP_NS, passed_ns // 1000) + before.width_ns + self.last.width_ns:
            return None
        step = WallStep(self.last.t_ns, moved_ns)
        self.steps.append(step)
        self.n_steps += 1
        return step

    def to_unix_ns(self, t_ns: int) -> int:
        """Unix time of a sample time, ns; the same answer for the whole run."""
        return t_ns + self.anchor.offset_ns

    @property
    def wander_ns(self) -> int:
        """How far the wall clock has gone from the anchor, steps included, as of the last look."""
        return self.last.offset_ns - self.anchor.offset_ns

    def as_dict(self) -> dict[str, object]:
        """Anchor, wander and steps, for metadata and metrics."""
        return {
            "anchor": {"t_ns": self.anchor.t_ns, "unix_ns": self.anchor.unix_ns, "width_ns": self.anchor.width_ns},
            "wander_ns": self.wander_ns,
            "n_pairs": self.n_pairs,
            "n_steps": self.n_steps,
            "steps": [{"t_ns": step.t_ns, "step_ns": step.step_ns} for step in self.steps],
        }

"""Which frame of a source a moment belongs to.

A source publishes points of its time as it goes (csrc/device/ec_time_points.h);
between two of them time runs straight, behind the newest one at its rate. A
moment belongs to the frame whose time is nearest; right in the middle between
two, to the earlier one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

KEPT = 4096                                            # EC_TIME_POINTS of csrc/device/ec_time_points.h

Point = tuple[int, int, float, bool]                   # frame_index, t_ns, ns per frame, time stood still before it


@dataclass(frozen=True)
class FrameClock:
    """The points of one source.

    Parameters
    ----------
    count : callable
        How many points there were so far.
    read : callable
        Point of a number from 0 on; None if it is kept no more.
    """

    count: Callable[[], int]
    read: Callable[[int], Point | None]

    def newest(self) -> Point | None:
        """The newest point; None before the first frame."""
        while count := self.count():
            found = self.read(count - 1)
            if found is not None:
                return found
        return None

    def earliest_ns(self) -> int | None:
        """Time of the first frame of the run, of the oldest point in a run too long for that; None before it."""
        found = self._oldest()
        if found is None:
            return None
        number, (frame, t_ns, period_ns, _) = found
        return t_ns - round(frame * period_ns) if number == 0 else t_ns

    def nearest(self, t_ns: int) -> tuple[int, int] | None:
        """Return (frame_index, its t_ns) of the frame nearest to a moment; None before the first frame.

        Frames to come are told by the newest rate. Before the first frame it is the first.
        """
        oldest, newest = self._oldest(), self.newest()
        if oldest is None or newest is None:
            return None
        if t_ns >= newest[1]:
            return _beside(newest, t_ns)
        low, below = oldest
        if t_ns <= below[1]:
            return _beside(below, t_ns)
        above = newest                                 # below is not after the moment, above is
        high = self.count()
        while high - low > 1:
            middle = (low + high) // 2
            found = self.read(middle)
            if found is None or found[1] > t_ns:       # None: the newest, being written
                high, above = middle, found or above
            else:
                low, below = middle, found
        return _between(below, above, t_ns)

    def _oldest(self) -> tuple[int, Point] | None:
        while count := self.count():
            number = max(0, count - KEPT)
            found = self.read(number)
            if found is not None:
                return number, found
        return None


def _beside(point: Point, t_ns: int) -> tuple[int, int]:
    frame, at_ns, period_ns, _ = point
    step = max(-frame, math.ceil((t_ns - at_ns) / period_ns - 0.5))
    return frame + step, at_ns + round(step * period_ns)


def _between(below: Point, above: Point, t_ns: int) -> tuple[int, int]:
    frames, passed_ns = above[0] - below[0], above[1] - below[1]
    if not above[3]:
        return _beside((below[0], below[1], passed_ns / frames, False), t_ns)
    # time stood still in between: the frames before it end, those after it begin
    last = min(frames - 1, math.ceil((t_ns - below[1]) / below[2] - 0.5))
    last_ns = below[1] + round(last * below[2])
    return (below[0] + last, last_ns) if t_ns - last_ns <= above[1] - t_ns else (above[0], above[1])

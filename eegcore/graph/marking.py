"""Markers: what may stand in one, and the frame it belongs to."""

from __future__ import annotations

import math
import time
import unicodedata
from functools import partial
from typing import TYPE_CHECKING, Any

from eegcore import _rt
from eegcore.errors import BadArgument, NotFound, StateConflict
from eegcore.graph.frame_clock import FrameClock
from eegcore.graph.journal import JournalEvent

if TYPE_CHECKING:
    from eegcore.graph.run import GraphRun

MAX_TEXT = 256                                         # characters
MAX_DURATION_S = 86_400.0
AHEAD_NS = 1_000_000_000
# Cc: control characters, among them the separators 0x00, 0x14 and 0x15 of EDF+ annotation lists (EDF+ 2.2.2);
# Cs: halves of surrogate pairs, which UTF-8 does not have; Zl, Zp: ends of lines in a table of events
FORBIDDEN = ("Cc", "Cs", "Zl", "Zp")


def checked_text(text: object) -> str:
    """Return the text of a marker without spaces around it.

    Raises
    ------
    BadArgument
        If it is no text, empty, longer than 256 characters, or has control characters.
    """
    if not isinstance(text, str):
        raise BadArgument(f"text: {str(text)[:60]!r} is not a text. Give what the marker should say.")
    text = text.strip(" ")
    if not text:
        raise BadArgument("text: empty. Give what the marker should say.")
    if len(text) > MAX_TEXT:
        raise BadArgument(f"text: {len(text)} characters. At most {MAX_TEXT}. Keep the rest in your notes.")
    for place, character in enumerate(text):
        if unicodedata.category(character) in FORBIDDEN:
            raise BadArgument(f"text: U+{ord(character):04X} at character {place + 1}. Control characters and line "
                              "ends cannot stand in an annotation. Leave it out.")
    return text


def checked_duration(duration_s: object) -> float:
    """Return a duration in seconds; BadArgument if it is none."""
    if (isinstance(duration_s, bool) or not isinstance(duration_s, (int, float)) or not math.isfinite(duration_s)
            or not 0 <= duration_s <= MAX_DURATION_S):
        raise BadArgument(f"duration_s: {str(duration_s)[:60]!r} is no duration. Allowed: 0 (a moment) to "
                          f"{MAX_DURATION_S:g} s.")
    return float(duration_s)


def checked_time(name: str, t_ns: object) -> int:
    """Return a time in nanoseconds; BadArgument if it is not a whole number of 64 bits."""
    if isinstance(t_ns, bool) or not isinstance(t_ns, int) or not -2**63 <= t_ns < 2**63:
        raise BadArgument(f"{name}: {str(t_ns)[:60]!r} is no time. Allowed: whole nanoseconds.")
    return t_ns


def frame_clock(run: GraphRun, source: str | None) -> tuple[FrameClock, bool]:
    """Return the points of a source (the first of the plan if None), and whether its time is CLOCK_MONOTONIC."""
    stages = [stage for stage in run.plan.stages if stage.role == "source"]
    found = next((stage for stage in stages if source in (None, stage.id)), None)
    if found is None:
        raise NotFound(f"source: none is called {source!r}. Known: {', '.join(stage.id for stage in stages)}.")
    group, graph = run.built.sources[found.id], run.built.graph
    clock = FrameClock(partial(_rt.time_points, graph, group), partial(_rt.time_point, graph, group))
    # a playback at another speed has frames that are not due, or long gone by, on the clock of the machine
    return clock, run.plan.clock == "real" and found.native.get("speed", 1.0) == 1.0


def frame_at(run: GraphRun, t_ns: int, source: str | None = None) -> tuple[int, int]:
    """Return (frame_index, its t_ns) of the frame nearest to a moment on the clock of the run.

    From the fit of the source's edges as it was published (of a recording: exactly nominal). Right in the middle
    between two frames it is the earlier one.

    Parameters
    ----------
    t_ns : int
        CLOCK_MONOTONIC, ns; in virtual time, ns since the start.
    source : str, optional
        Default: the first source of the plan.

    Raises
    ------
    BadArgument
        If it is before the first frame or more than a second ahead; the message and ``details["allowed"]`` have
        the range.
    NotFound
        If there is no such source.
    StateConflict
        If no frame has come yet.
    """
    checked_time("t_ns", t_ns)
    clock, is_monotonic = frame_clock(run, source)
    earliest_ns, newest = clock.earliest_ns(), clock.newest()
    if earliest_ns is None or newest is None:
        raise StateConflict(f"frame: run {run.run_id} has no frame yet. Wait until data flow.")
    latest_ns = (max(time.monotonic_ns(), newest[1]) if is_monotonic else newest[1]) + AHEAD_NS
    if not earliest_ns - math.ceil(newest[2] / 2) <= t_ns <= latest_ns:
        where = "before the first frame" if t_ns < earliest_ns else "more than a second ahead"
        raise BadArgument(f"t_ns: {t_ns} is {where}. Allowed: {earliest_ns} to {latest_ns}, on the clock of run "
                          f"{run.run_id}. Leave it out for now.", allowed=[earliest_ns, latest_ns])
    found = clock.nearest(t_ns)
    assert found is not None     # there is a newest point
    return found


def mark(run: GraphRun, text: str, t_ns: int | None = None, duration_s: float = 0.0, *, origin: str = "",
         t_unix_ns: int | None = None, arrived_ns: int | None = None) -> JournalEvent:
    """Put a marker at its frame into the journal, and return it.

    Parameters
    ----------
    text : str
        1 to 256 characters, no control characters or line ends.
    t_ns : int, optional
        When it was, on the clock of the run. Without: `arrived_ns`; in virtual time and for a playback at another
        speed, which have no common clock with the world, the newest frame.
    duration_s : float
        0 to 86 400; 0: a moment.
    origin : str
        Where it came from.
    t_unix_ns : int, optional
        When it was, in Unix time as it was related to the clock of the run when that began.
    arrived_ns : int, optional
        CLOCK_MONOTONIC when its bytes came, ns. Default: now.

    Raises
    ------
    BadArgument
        If one of them is not as said, or out of the range of `frame_at`.
    StateConflict
        If no frame has come yet.
    """
    text, duration_s = checked_text(text), checked_duration(duration_s)
    if t_unix_ns is not None:
        if t_ns is not None:
            raise BadArgument("t_ns: given together with t_unix_ns. Give one of them.")
        t_ns = checked_time("t_unix_ns", t_unix_ns) - run.start_unix_ns + run.start_t_ns
    if t_ns is None:
        clock, is_monotonic = frame_clock(run, None)
        newest = clock.newest()
        if is_monotonic and newest is not None:
            arrived_ns = time.monotonic_ns() if arrived_ns is None else arrived_ns
            earliest_ns = clock.earliest_ns()
            t_ns = arrived_ns if earliest_ns is None else max(arrived_ns, earliest_ns)
        else:
            t_ns = newest[1] if newest is not None else 0
    frame_index, frame_ns = frame_at(run, t_ns)
    event = JournalEvent("marker", frame_index, frame_ns, text, duration_s, origin, run.live.config_rev)
    run.journal.add(event)
    return event


def marker_json(run: GraphRun, event: JournalEvent) -> dict[str, Any]:
    """Return a marker as the API and the page show it."""
    return {"run_id": run.run_id, "frame_index": event.frame_index, "t_ns": event.t_ns,
            "t_unix_ns": event.t_ns - run.start_t_ns + run.start_unix_ns, "text": event.text,
            "duration_s": event.duration_s, "origin": event.origin}

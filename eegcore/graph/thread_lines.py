"""The threads of a run as stats and health show them."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from eegcore import _rt

if TYPE_CHECKING:
    from eegcore.graph.build import Built
    from eegcore.graph.crew import Crew, Member
    from eegcore.graph.realtime import Granted


def thread_lines(built: Built, crew: Crew, granted: Mapping[str, Granted]) -> list[dict[str, Any]]:
    """Return name, heartbeat, processor time and real-time state of every thread, readers before sources.

    Nobody may take members off meanwhile: the group of one that has left may be forgotten.
    """
    return [_line(built, member, granted) for member in crew.in_order() if member.thread is not None]


def _line(built: Built, member: Member, granted: Mapping[str, Granted]) -> dict[str, Any]:
    thread, sink = member.thread, member.sink
    assert thread is not None
    age: float | None = None
    if sink is not None:
        age = (time.monotonic_ns() - sink.beat_ns) * 1e-9 if sink.beat_ns else None
    elif member.number is not None:
        beat = _rt.group_stats(built.graph, member.number)["beat_age_ns"]
        age = None if beat is None else max(0.0, beat * 1e-9)
    has = granted.get(thread.name)
    return {"name": thread.name, "alive": thread.is_alive(), "heartbeat_age_s": age,
            "cpu_s": cpu_seconds(thread.native_id) if thread.is_alive() else None,
            "realtime": has.priority if has else None, "cores": has.cores if has else []}


def cpu_seconds(thread_id: int | None) -> float | None:
    """Return the processor time of one thread, None if it has gone."""
    try:
        with open(f"/proc/self/task/{thread_id}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

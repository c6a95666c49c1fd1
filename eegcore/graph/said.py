"""What packets are, by their `meta_rev`: as long as packets of it may still be on their way.

A `meta_rev` is the config_rev with which something else was said of an output, 1 at the start of a run. So it only
grows, also from one output to another that a reader turns to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from eegcore.graph.plan_types import Plan
    from eegcore.stages.stream import Stream

PortRef = tuple[str, str]

T = TypeVar("T")

FIRST = 1
KEPT = 512             # of one output, those that began: each has a packet at least, and screens' rings hold few


class Said:
    """The descriptions of all outputs, and what outlets read. Of one thread at a time; reading is any thread's."""

    def __init__(self, plan: Plan) -> None:
        self._streams: dict[PortRef, tuple[tuple[int, Stream], ...]] = {
            (stage.id, port.name): ((FIRST, port.stream),) for stage in plan.stages for port in stage.outputs}
        self._readers: dict[str, tuple[tuple[int, PortRef], ...]] = {
            sink: ((FIRST, ref),) for sink, ref in outlets(plan).items()}

    def add(self, streams: Mapping[PortRef, Stream], plan: Plan, config_rev: int) -> None:
        """Say something else of outputs from a revision on."""
        for ref, stream in streams.items():
            before = self._streams.get(ref, ())
            self._streams[ref] = (*before, (config_rev, shared(stream, before[-1][1]) if before else stream))
        for sink, ref in outlets(plan).items():
            known = self._readers.get(sink, ())
            if not known or known[-1][1] != ref:
                self._readers[sink] = (*known, (config_rev, ref))

    def forget(self, oldest_waiting: int | None) -> None:
        """Drop what no packet can carry any more."""
        for ref, said in self._streams.items():
            if len(said) > KEPT:
                self._streams[ref] = newest_of(said, oldest_waiting)
        for sink, known in self._readers.items():
            if len(known) > KEPT:
                self._readers[sink] = newest_of(known, oldest_waiting)

    def stream(self, ref: PortRef, meta_rev: int) -> Stream:
        """Return the description in force at a revision; the oldest one that is known if it is older."""
        return at_revision(self._streams[ref], meta_rev)

    def newest(self, ref: PortRef) -> int:
        """Return the `meta_rev` of the newest description."""
        return self._streams[ref][-1][0]

    def read_by(self, sink_id: str, meta_rev: int | None) -> PortRef:
        """Return what an outlet reads, or read at a revision."""
        known = self._readers[sink_id]
        return known[-1][1] if meta_rev is None else at_revision(known, meta_rev)


def outlets(plan: Plan) -> dict[str, PortRef]:
    """Return what every websocket sink reads."""
    return {stage.id: stage.inputs[0] for stage in plan.stages if stage.native["node"] == "websocket_sink"}


def at_revision(entries: tuple[tuple[int, T], ...], config_rev: int) -> T:
    """Return the newest entry that is not younger than a revision, else the oldest."""
    return next((value for rev, value in reversed(entries) if rev <= config_rev), entries[0][1])


def newest_of(entries: tuple[tuple[int, T], ...], oldest_waiting: int | None) -> tuple[tuple[int, T], ...]:
    """Keep the newest that began, and all that wait."""
    waiting = sum(1 for rev, _ in entries if oldest_waiting is not None and rev >= oldest_waiting)
    return entries[-(KEPT + waiting):]


def shared(stream: Stream, before: Stream) -> Stream:
    """Return an equal stream that shares with another one what is equal: a change is some numbers, not labels."""
    same = {name: getattr(before, name) for name in ("labels", "scale_uv", "axis_hz", "meta", "sources")
            if getattr(stream, name) == getattr(before, name)}
    return replace(stream, **same)

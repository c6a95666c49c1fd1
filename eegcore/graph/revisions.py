"""Revisions on their way to the frame at which they begin, and what the journal says of them then."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from eegcore import _rt
from eegcore.errors import StateConflict
from eegcore.graph.journal import Journal, JournalEvent

if TYPE_CHECKING:
    from eegcore.graph.build import Built
    from eegcore.graph.plan_types import Plan

MOST_WAITING = 4096                                    # changes that wait for a frame: each keeps its instances
NS_PER_S = 10**9


@dataclass
class Waiting:
    """One revision that not every source has reached."""

    config_rev: int
    at_frame: int                                      # 0: the next one
    text: str
    reached: frozenset[str]                            # stages that get other packets with it
    taken: dict[int, int] = field(default_factory=dict)    # group of a source -> first frame of the revision


class Revisions:
    """What was handed over and has not begun everywhere. Of one thread at a time."""

    def __init__(self, built: Built, plan: Plan, journal: Journal) -> None:
        self._built, self._journal = built, journal
        self._sps = {source: plan.stage(source).outputs[0].stream.sps for source in built.sources}
        self._waiting: deque[Waiting] = deque()

    def add(self, config_rev: int, at_frame: int, text: str, reached: Iterable[str]) -> None:
        """Wait for a revision that was handed over."""
        self._waiting.append(Waiting(config_rev, at_frame, text, frozenset(reached)))

    def look(self) -> None:
        """Find the revisions that have begun, and tell the journal."""
        if not self._waiting:
            return
        waiting = {entry.config_rev: entry for entry in self._waiting}
        ended = {group for group in self._built.sources.values()           # before what they have taken
                 if _rt.group_stats(self._built.graph, group)["ended"]}
        for group, revisions in _rt.taken_revisions(self._built.graph).items():
            for config_rev, frame in revisions:
                entry = waiting.get(config_rev)
                if entry is not None and group not in entry.taken:
                    entry.taken[group] = frame
                    self._tell(entry, group, frame)
        while self._waiting and self._is_over(self._waiting[0], ended):
            self._waiting.popleft()

    def oldest_waiting(self) -> int | None:
        """Return the oldest revision that a source still has to begin, None if there is none."""
        return self._waiting[0].config_rev if self._waiting else None

    def need_room(self) -> None:
        """Refuse a change if too many wait.

        Raises
        ------
        StateConflict
        """
        if len(self._waiting) >= MOST_WAITING:
            raise StateConflict(f"pipeline: {len(self._waiting)} changes wait for the frame at which they begin. At "
                                f"most {MOST_WAITING}. Resume the pipeline if it is paused, or wait.")

    def refuse_scheduled(self, stage_id: str, *, only_reaching: bool = False) -> None:
        """Refuse to begin a file while a change waits for its frame.

        Raises
        ------
        StateConflict
        """
        for entry in self._waiting:
            if entry.at_frame and not entry.taken and (stage_id in entry.reached or not only_reaching):
                raise StateConflict(f"{stage_id}: cannot begin to record: revision {entry.config_rev} ({entry.text}) "
                                    f"waits for frame {entry.at_frame}. Wait until it has begun.")

    def _is_over(self, entry: Waiting, ended: set[int]) -> bool:
        return all(group in entry.taken or group in ended for group in self._built.sources.values())

    def _tell(self, entry: Waiting, group: int, frame: int) -> None:
        """The frames of one source are those of the journal: of the first one of the plan."""
        source, first = next(iter(self._built.sources.items()))
        if group != first or not entry.text:
            return
        self._journal.add(JournalEvent("config", frame, self._time_ns(group, source, frame), entry.text,
                                       config_rev=entry.config_rev))

    def _time_ns(self, group: int, source: str, frame: int) -> int:
        """When a frame of a source was, on the clock of the run: from its newest edge and its rate."""
        stats = _rt.source_stats(self._built.graph, group)
        sps = stats["rate_sps"] or self._sps[source]
        newest = max(0, stats["edges"] - 1)
        return int(stats["last_edge_ns"] - (newest - frame) * NS_PER_S / sps)

"""Changes of a running graph: prepared aside, handed over all at once, at one frame of every source.

The compiled side (csrc/graph/ec_change.h) carries them to the threads. What is kept here is which revision says what
of a stream, for those who tell clients.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from eegcore import _rt
from eegcore.errors import BadArgument, NotFound, StateConflict
from eegcore.graph.books import Books
from eegcore.graph.build import Built
from eegcore.graph.change_words import change_text
from eegcore.graph.locks import refuse_locked
from eegcore.graph.plan_change import PlanChange, PortRef, compare_plans
from eegcore.graph.plan_nodes import regrouped
from eegcore.graph.plan_types import Plan
from eegcore.graph.revisions import Revisions
from eegcore.graph.rewire import Rewiring
from eegcore.graph.said import Said

if TYPE_CHECKING:
    from eegcore.graph.journal import Journal
    from eegcore.stages.stream import Stream

MOST_FRAME = 2**63


class Staff(Protocol):
    """Who works the threads, files and listeners of a graph."""

    def hire(self, rewiring: Rewiring) -> None:
        """Get everything ready that a change needs beside the graph, or raise."""

    def send_away(self) -> None:
        """Undo `hire`: the change is not made."""

    def settle(self, rewiring: Rewiring) -> None:
        """The change is made: let the new ones begin. Names still mean what they meant before."""

    def tidy(self) -> None:
        """Let go of what has come to its end."""

    def open_files(self) -> Iterable[str]:
        """Return the stages that have a file open; each holds a lock as long as it has."""
        ...


class LiveChanges:
    """Puts one plan in the place of another while its graph runs; one change at a time, from any thread.

    Parameters
    ----------
    plan : Plan
    built : Built
        The graph that was made from it.
    journal : Journal
        Gets a ``config`` event with the first frame of every change, as soon as it has come.
    staff : Staff
    """

    def __init__(self, plan: Plan, built: Built, journal: Journal, staff: Staff) -> None:
        self.plan = plan
        self.books = Books(built)
        self.mutex = threading.RLock()                 # one change, lock or collection at a time
        self._built, self._staff = built, staff
        self._holders: dict[str, int] = {}             # stage -> revision its lock began with
        self._revisions = Revisions(built, plan, journal)
        self._said = Said(plan)

    @property
    def config_rev(self) -> int:
        """Newest revision that was given to the graph."""
        return self._built.graph.config_rev

    def change(self, plan: Plan, at_frame: int | None = None, config_rev: int | None = None) -> tuple[int, PlanChange]:
        """Go on with another plan; return its revision and what changed.

        Every new instance is made and started before any of them is handed over: if one refuses, nothing changes.

        Parameters
        ----------
        plan : Plan
        at_frame : int, optional
            The revision begins at the first frame of every source that is not before this one. Default: the next.
        config_rev : int, optional
            Default: the next.

        Raises
        ------
        Locked
            If the change reaches a stage that records.
        NeedsStop
            If a source would be another one, or the clock of the run.
        StateConflict
            If too many changes wait for their frame.
        EegcoreError
            If a stage refuses its new settings, a file cannot be made, or the machine cannot hold what is new.
        """
        if at_frame is not None and (isinstance(at_frame, bool) or not isinstance(at_frame, int)
                                     or not 0 <= at_frame < MOST_FRAME):
            raise BadArgument(f"at_frame: {at_frame!r} is no index of a frame. Allowed: an integer from 0 on.")
        with self.mutex:
            self.collect()
            plan = regrouped(self.plan, plan)
            reached = refuse_locked(self.plan, plan, self.holders())
            self._revisions.need_room()
            found = compare_plans(self.plan, plan, _rt.stage_can_change)
            rev = self.config_rev + 1 if config_rev is None else config_rev
            self._make(Rewiring(self._built, self.plan, plan, found, rev, self.books.retired_rings()), at_frame or 0)
            self._said.add(found.streams, plan, rev)
            self._revisions.add(rev, at_frame or 0, change_text(self.plan, plan), reached)
            self.plan = plan
            self.collect()
            return rev, found

    def _make(self, rewiring: Rewiring, at_frame: int) -> None:
        """Make everything aside, hand it over, and let names mean the new things; or leave nothing behind."""
        try:
            rewiring.prepare(_rt.stage_can_change)
            self._staff.hire(rewiring)
            rewiring.hand_over(at_frame)
        except BaseException:
            self._staff.send_away()
            rewiring.undo()
            raise
        rewiring.retire_into(self.books)
        self._staff.settle(rewiring)
        rewiring.commit()

    def collect(self) -> int:
        """Forget what is not used any more; return how many changes have not been made yet or still fade."""
        with self.mutex:
            self._revisions.look()                     # first: what is collected cannot be asked any more
            waiting = _rt.collect_changes(self._built.graph)
            self._said.forget(self._revisions.oldest_waiting())
            self._staff.tidy()
            self.books.tidy()
            return waiting

    # ---- locks ----

    def holders(self) -> list[str]:
        """Return the stages of which nothing that they get may change now, in the order of the plan."""
        with self.mutex:
            numbers = set(_rt.locked_nodes(self._built.graph))
            native = {stage for stage, number in self._built.nodes.items() if number in numbers}
            held = {*self._holders, *self._staff.open_files(), *native}
            return [stage.id for stage in self.plan.stages if stage.id in held]

    def lock(self, stage_id: str) -> int:
        """Forbid changes of whatever reaches a stage, and return the revision from which on they are.

        The lock is a revision itself: every change that was accepted before it is in an earlier one, and none comes
        later. A recording that begins with the first packet of this revision, or of a later one, is of one
        configuration.

        Raises
        ------
        NotFound
            If no stage has this id.
        StateConflict
            If it holds a lock already, or a change waits for a frame that has not come: revisions come in order, and
            this one could not begin before.
        """
        with self.mutex:
            self._need_stage(stage_id)
            if stage_id in self._holders:
                raise StateConflict(f"{stage_id}: holds a lock since revision {self._holders[stage_id]}. Unlock it "
                                    "first.")
            self.collect()
            self._revisions.refuse_scheduled(stage_id)
            rev = self.config_rev + 1
            _rt.hand_over(self._built.graph, [], rev, 0)
            self._revisions.add(rev, 0, "", [])
            self._holders[stage_id] = rev
            return rev

    def unlock(self, stage_id: str) -> None:
        """Allow changes again; nothing happens if the stage holds no lock."""
        with self.mutex:
            self._holders.pop(stage_id, None)

    @contextmanager
    def opening(self, stage_ids: Iterable[str]) -> Iterator[None]:
        """Keep changes away while files are opened before anything runs.

        Raises
        ------
        StateConflict
            If a change that reaches one of them waits for a frame.
        """
        with self.mutex:
            for stage_id in stage_ids:
                self._revisions.refuse_scheduled(stage_id, only_reaching=True)
            yield

    def _need_stage(self, stage_id: str) -> None:
        """NotFound if no stage that runs has this id."""
        if all(stage.id != stage_id for stage in self.plan.stages):
            raise NotFound(f"lock: no stage is called {stage_id!r}. Known: "
                           f"{', '.join(stage.id for stage in self.plan.stages)}.")

    # ---- streams ----

    def stream(self, ref: PortRef, meta_rev: int) -> Stream:
        """Return what packets with this `meta_rev` of an output are; the nearest that is known if that is forgotten."""
        return self._said.stream(ref, meta_rev)

    def meta_rev(self, ref: PortRef) -> int:
        """Return the newest `meta_rev` of an output."""
        return self._said.newest(ref)

    def read_by(self, sink_id: str, meta_rev: int | None = None) -> PortRef:
        """Return the output that an outlet reads, or read when packets had this `meta_rev`."""
        return self._said.read_by(sink_id, meta_rev)

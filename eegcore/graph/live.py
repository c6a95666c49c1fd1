"""Changes of a running graph: prepared aside, handed over all at once, at one frame of every source.

The compiled side (csrc/graph/ec_change.h) carries them to the threads. What is kept here is which revision says what
of a stream, for those who tell clients.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from eegcore import _rt
from eegcore.errors import BadArgument, NeedsStop, NotFound, StateConflict
from eegcore.graph.build import Built, node_streams
from eegcore.graph.change_words import change_text
from eegcore.graph.locks import refuse_locked
from eegcore.graph.plan_change import PlanChange, PortRef, compare_plans
from eegcore.graph.plan_types import NodePlan, Plan
from eegcore.graph.revisions import Revisions

if TYPE_CHECKING:
    from eegcore.graph.journal import Journal
    from eegcore.stages.stream import Stream

MOST_FRAME = 2**63
MOST_SAID = 512                                        # descriptions of one output: packets under way have fewer


class LiveChanges:
    """Puts one plan in the place of another while its graph runs; one change at a time, from any thread.

    Parameters
    ----------
    plan : Plan
    built : Built
        The graph that was made from it.
    journal : Journal
        Gets a ``config`` event with the first frame of every change, as soon as it has come.
    open_files : callable
        Returns the stages that have a file open: each holds a lock as long as it has.
    """

    def __init__(self, plan: Plan, built: Built, journal: Journal, open_files: Callable[[], Iterable[str]]) -> None:
        self.plan = plan
        self._built = built
        self._open_files = open_files
        self._lock = threading.RLock()                 # one change, lock or collection at a time
        self._holders: dict[str, int] = {}             # stage -> revision its lock began with
        self._revisions = Revisions(built, plan, journal)
        self._said: dict[PortRef, deque[tuple[int, Stream]]] = {
            (stage.id, port.name): deque([(1, port.stream)], MOST_SAID) for stage in plan.stages
            for port in stage.outputs}

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
            If the new plan is another graph.
        StateConflict
            If too many changes wait for their frame.
        EegcoreError
            If a stage refuses its new settings.
        """
        if at_frame is not None and (isinstance(at_frame, bool) or not isinstance(at_frame, int)
                                     or not 0 <= at_frame < MOST_FRAME):
            raise BadArgument(f"at_frame: {at_frame!r} is no index of a frame. Allowed: an integer from 0 on.")
        with self._lock:
            graph = self._built.graph
            self.collect()
            reached = refuse_locked(self.plan, plan, self.holders())
            self._revisions.need_room()
            found = compare_plans(self.plan, plan)
            self._check_types(found, plan)
            rev = graph.config_rev + 1 if config_rev is None else config_rev
            changes = [self._prepare(plan, node, found) for node in found.nodes]
            members = {member for node in found.nodes for member in node.members}
            changes += [self._prepare_meta(number, ports) for number, ports in self._told(found, members).items()]
            _rt.hand_over(graph, changes, rev, at_frame or 0)
            for ref, stream in found.streams.items():
                self._said[ref].append((self.meta_rev(ref) + 1, stream))
            self._revisions.add(rev, at_frame or 0, change_text(self.plan, plan), reached)
            self.plan = plan
            self.collect()
            return rev, found

    def collect(self) -> int:
        """Destroy what is not used any more; return how many changes have not been made yet or still fade."""
        with self._lock:
            self._revisions.look()                     # first: what is collected cannot be asked any more
            return _rt.collect_changes(self._built.graph)

    # ---- locks ----

    def holders(self) -> list[str]:
        """Return the stages of which nothing that they get may change now, in the order of the plan."""
        with self._lock:
            numbers = set(_rt.locked_nodes(self._built.graph))
            native = {stage for stage, number in self._built.nodes.items() if number in numbers}
            held = {*self._holders, *self._open_files(), *native}
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
        with self._lock:
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
        with self._lock:
            self._holders.pop(stage_id, None)

    @contextmanager
    def opening(self, stage_ids: Iterable[str]) -> Iterator[None]:
        """Keep changes away while files are opened before anything runs.

        Raises
        ------
        StateConflict
            If a change that reaches one of them waits for a frame.
        """
        with self._lock:
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
        """Return what packets with this `meta_rev` of an output are; the newest if the number is not known any more."""
        said = list(self._said[ref])
        return next((stream for rev, stream in said if rev == meta_rev), said[-1][1])

    def meta_rev(self, ref: PortRef) -> int:
        """Return the newest `meta_rev` of an output."""
        return self._said[ref][-1][0]

    def _check_types(self, found: PlanChange, plan: Plan) -> None:
        fixed = [node.members[0] for node in found.nodes if not _rt.stage_can_change(node.params["node"])]
        if fixed:
            reasons = [f"{name} ({plan.stage(name).type}): it holds what new settings could not take over."
                       for name in fixed]
            raise NeedsStop(f"pipeline: this cannot change while it runs. {' '.join(reasons)} Stop the pipeline "
                            "first, then change it.", reasons=reasons)

    def _next_rev(self, ref: PortRef, found: PlanChange) -> int:
        return self.meta_rev(ref) + 1 if ref in found.streams else 0

    def _prepare(self, plan: Plan, node: NodePlan, found: PlanChange) -> Any:
        return _rt.prepare_change(
            self._built.graph, self._built.nodes[node.members[0]], node_type=node.params["node"], params=node.params,
            **node_streams(self._built, plan, node), meta_revs=[self._next_rev(ref, found) for ref in node.outputs])

    def _told(self, found: PlanChange, members: set[str]) -> dict[int, dict[int, int]]:
        """Return {node: {port: meta_rev}} of streams of which something else is said, and whose nodes stay."""
        told: dict[int, dict[int, int]] = {}
        for ref in found.streams:
            if ref[0] not in members:
                node, port = self._built.ports[ref]
                told.setdefault(node, {})[port] = self._next_rev(ref, found)
        return told

    def _prepare_meta(self, node: int, ports: dict[int, int]) -> Any:
        return _rt.prepare_meta(self._built.graph, node, [ports.get(port, 0) for port in range(max(ports) + 1)])

"""The threads of a run: one per group, one per file writer, and more of both while it runs.

A thread that a change needs is there before the change is handed over, and waits for its word: what the system
refuses is refused before anything has changed. One whose inputs have ended leaves by itself.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from eegcore.errors import SystemFailed

if TYPE_CHECKING:
    from eegcore import _rt
    from eegcore.graph.plan_types import GroupPlan, Plan
    from eegcore.graph.sink_thread import SinkThread

PortRef = tuple[str, str]

STACK_BYTES = 1 << 20                                  # worker threads hold no deep stacks, and locked memory is dear


@dataclass
class Member:
    """One thread, that of a group of the core (`number`) or that of a file writer."""

    group: GroupPlan
    number: int | None = None
    plan: Plan | None = None                           # of a file writer: what its stream is described in
    taps: list[tuple[PortRef, _rt.Tap]] = field(default_factory=list)      # what it reads, in the order of its inputs
    sink: SinkThread | None = None                     # once it is open
    thread: threading.Thread | None = None
    is_left: bool = False                              # no part of the plan any more
    is_wanted: bool = True                             # False: it ends without having begun
    word: threading.Event = field(default_factory=threading.Event)

    @property
    def is_alive(self) -> bool:
        """True while its thread lives."""
        return self.thread is not None and self.thread.is_alive()


class Crew:
    """All members of a run. Changed by one thread at a time, read by any.

    Parameters
    ----------
    body : callable
        What a thread does, called with its member.
    """

    def __init__(self, body: Callable[[Member], None]) -> None:
        self._body = body
        self.members: list[Member] = []
        self.has_started = False

    @property
    def is_alive(self) -> bool:
        """True while any thread lives."""
        return any(member.is_alive for member in list(self.members))

    def add(self, members: Iterable[Member]) -> None:
        """Let threads wait for their word; before the start nothing waits.

        Raises
        ------
        SystemFailed
            If the system gives no more threads; none of these waits then.
        """
        fresh = list(members)
        if self.has_started:
            try:
                for member in fresh:
                    self._start(member)
            except RuntimeError as error:
                self.dismiss(fresh)
                raise SystemFailed(f"run: the system gives no more threads [{error}]. Nothing was changed. End other "
                                   "programs, or put stages into fewer groups.") from error
        self.members = [*self.members, *fresh]

    def begin(self) -> None:
        """Start all threads, readers before sources. RuntimeError if the system gives no more."""
        self.has_started = True
        for member in self.in_order():
            self._start(member)
            member.word.set()

    def dismiss(self, members: Iterable[Member]) -> None:
        """Let members go that have not got their word."""
        gone = list(members)
        for member in gone:
            member.is_wanted = False
            member.word.set()
            if member.thread is not None:
                member.thread.join()
        self.members = [member for member in self.members if member not in gone]

    def join(self, timeout_s: float | None = None) -> bool:
        """Wait until every thread has ended; False if the time has passed."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while (member := next((member for member in self.members if member.is_alive), None)) is not None:
            assert member.thread is not None
            member.thread.join(None if deadline is None else max(0.0, deadline - time.monotonic()))
            if deadline is not None and time.monotonic() >= deadline:
                return not self.is_alive
        return True

    def left(self) -> list[Member]:
        """Take members off whose thread has ended and which are no part of the plan any more; return them."""
        gone = [member for member in self.members if member.is_left and not member.is_alive and self.has_started]
        self.members = [member for member in self.members if member not in gone]
        return gone

    def in_order(self) -> list[Member]:
        """Return all members, readers before sources."""
        return sorted(self.members, key=lambda member: member.group.kind == "source")

    def _start(self, member: Member) -> None:
        previous = threading.stack_size(STACK_BYTES)
        try:
            thread = threading.Thread(target=self._run, args=(member,), name=member.group.thread, daemon=True)
            thread.start()
            member.thread = thread
        finally:
            threading.stack_size(previous)

    def _run(self, member: Member) -> None:
        member.word.wait()
        if member.is_wanted:
            self._body(member)


def taps_of(group: GroupPlan, plan: Plan, taps: Mapping[str, _rt.Tap]) -> list[tuple[PortRef, _rt.Tap]]:
    """Return what a file writer reads; `taps` are the ends of edges by name."""
    return [((edge.from_stage, edge.from_port), taps[edge.name]) for edge in plan.edges
            if edge.to_stage == group.nodes[0].members[0] and edge.name in taps]

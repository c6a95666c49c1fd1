"""Threads, files and listeners of a graph that changes: ready before the hand-over, or nothing has happened."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from eegcore.graph.crew import Crew, Member, taps_of
from eegcore.graph.history_thread import HistoryThread
from eegcore.graph.locks import is_file
from eegcore.graph.sink_thread import FILE_SILENT_S

if TYPE_CHECKING:
    from eegcore import _rt
    from eegcore.graph.listeners import Listeners
    from eegcore.graph.rewire import Rewiring
    from eegcore.graph.run import GraphRun
    from eegcore.graph.sink_thread import SinkThread


class RunStaff:
    """Gets a run's threads, files and listeners ready for a change; one change at a time.

    Parameters
    ----------
    run : GraphRun
    crew : Crew
    listeners : Listeners
    """

    def __init__(self, run: GraphRun, crew: Crew, listeners: Listeners) -> None:
        self._run, self.crew, self._listeners = run, crew, listeners
        self._hired: list[Member] = []
        self._done: list[SinkThread] = []              # writers that have left and whose threads have ended
        self._gone: list[tuple[str, int, _rt.Tap]] = []        # outlets that left the plan and hold packets

    # ---- for LiveChanges ----

    def hire(self, rewiring: Rewiring) -> None:
        """Open files, start threads that wait for their word, and let listeners follow their outputs."""
        self._hired = []
        for sink in self._histories():
            sink.expect()
        self._hired = [Member(group, number=rewiring.new_groups[group.name]) for group in rewiring.wanted.groups
                       if group.name in rewiring.new_groups]
        self._hired += [Member(group, plan=rewiring.wanted, taps=taps_of(group, rewiring.wanted, rewiring.new_taps))
                        for group in rewiring.wanted.groups
                        if is_file(group) and (group.name, group.nodes[0].name) in rewiring.change.fresh]
        if self.crew.has_started and any(member.plan is not None for member in self._hired):
            with self._told_if_slow():
                self.open_writers(self._hired, late_rev=rewiring.rev)
        self.crew.add(self._hired)
        self._listeners.follow(rewiring.moved_ports())

    @contextmanager
    def _told_if_slow(self) -> Iterator[None]:
        """Say within a second that a disk is waited for: whoever watches the run may wait for us."""
        clock = threading.Timer(FILE_SILENT_S, self._run.alarm, (
            "change", f"change: one has been under way for more than {FILE_SILENT_S:g} s, as a disk makes its file. "
            "What runs goes on; statistics and further changes wait for it. Check the disk."))
        clock.daemon = True
        clock.start()
        try:
            yield
        finally:
            clock.cancel()

    def open_writers(self, members: Iterable[Member], *, late_rev: int | None = None) -> None:
        """Make the files of those members that write one; `late_rev` is that of the change that brings them."""
        for member in members:
            if member.plan is not None:
                member.sink = self._run.files.open(member.group, member.plan, member.taps, late_rev=late_rev)
                if member.is_left:                     # by a change that was made before the start
                    self._run.live.books.retire_writer(member.sink)
                elif late_rev is None:
                    self._run.files.put(member.sink)

    def send_away(self) -> None:
        """Close what was opened: the change is not made."""
        for sink in self._histories():
            sink.expect_nothing()
        self._listeners.forget()
        self.crew.dismiss(self._hired)
        for member in self._hired:
            if member.sink is not None:
                self._run.files.close_one(member.sink, None)
        self._hired = []

    def settle(self, rewiring: Rewiring) -> None:
        """Let the new ones begin, and those that are not needed any more end by themselves."""
        for member in self._hired:                     # first: nobody finds a name without a writer
            if member.sink is not None:
                self._run.files.put(member.sink)
        gone = {node.members[0] for node in rewiring.change.gone.values()}
        present = {group.name for group in rewiring.wanted.groups}
        for member in self.crew.members:
            if member in self._hired or member.is_left:
                continue
            if is_file(member.group):
                member.is_left = member.group.nodes[0].members[0] in gone
                if not member.is_left:
                    self._follow_plan(member, rewiring)
                if member.is_left and member.sink is not None:
                    self._run.files.take_off(member.sink)
                    self._run.live.books.retire_writer(member.sink)
                elif not member.is_left:               # its next recording goes by the new words
                    member.plan = rewiring.wanted
                    if member.sink is not None:
                        member.sink.declared_as(member.plan.stage(member.sink.sink_id))
            elif member.group.name not in present:
                member.is_left = True
        built, stay = self._run.built, set(rewiring.edges.values())
        self._gone += [(edge.from_stage, built.edges[edge.name], built.taps[edge.name])
                       for edge in rewiring.running.edges if edge.to_group == "loop" and edge.name in built.taps
                       and built.edges[edge.name] not in stay]
        self._listeners.settle()
        for member in self._hired:
            if self.crew.has_started:
                member.word.set()
        self._hired = []

    def _histories(self) -> list[HistoryThread]:
        """Return the sinks that go on when what they read comes and goes."""
        return [member.sink for member in self.crew.members
                if isinstance(member.sink, HistoryThread) and not member.is_left]

    def _follow_plan(self, member: Member, rewiring: Rewiring) -> None:
        """Let a file writer that stays have the edges it gets; before the start beside those it has."""
        fresh = taps_of(member.group, rewiring.wanted, rewiring.new_taps)
        if member.sink is None:
            member.plan, member.taps = rewiring.wanted, [*member.taps, *fresh]
        elif isinstance(member.sink, HistoryThread):
            member.sink.follow(rewiring.rev, rewiring.wanted, fresh)

    def tidy(self) -> None:
        """Let go of what listeners have heard to the end, and of threads that have ended. Under the lock of changes."""
        self._listeners.tidy()
        for member in self.crew.left():
            if member.sink is not None:
                self._done.append(member.sink)
            elif member.number is not None:
                self._run.built.left.append(member.number)

    def outlets(self) -> list[tuple[str, int, _rt.Tap]]:
        """Return (sink id, number, server's end) of the outlets of the plan, then of those that go, oldest last."""
        live, built = self._run.live, self._run.built
        with live.mutex:
            there = [(edge.from_stage, built.edges[edge.name], built.taps[edge.name]) for edge in live.plan.edges
                     if edge.to_group == "loop" and edge.name in built.taps]
            return [*there, *reversed(self._gone)]

    def outlets_have_gone(self) -> bool:
        """Whether outlets that left the plan are empty now: nobody has to look at them any more."""
        live = self._run.live
        with live.mutex:
            there = len(self._gone)
            self._gone = [entry for entry in self._gone if not live.books.is_over(entry[1])]
            return len(self._gone) < there

    def open_files(self) -> list[str]:
        """Return the stages that have a file open which takes every packet."""
        return self._run.files.open_files()

    def see_off(self) -> None:
        """Finish the files of writers that have left the plan and are done."""
        with self._run.live.mutex:
            self.tidy()
            done, self._done = self._done, []
        for sink in done:
            self._run.files.see_off(sink, self._run.ledger())


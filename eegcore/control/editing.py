"""Every change of the configuration, by one door: made whole, checked whole, handed to the graph, then held and told.

What runs, what is held and what is told to everybody is the same revision; a change that fails anywhere leaves all
three as they were.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from eegcore.control.changing import Settings, change_settings
from eegcore.control.documents import without_defaults, written
from eegcore.control.held import Base, Held
from eegcore.control.machine import Machine
from eegcore.control.patching import apply_patch
from eegcore.control.preparing import prepare
from eegcore.control.stage_edits import stage_added, stage_removed, stage_replaced
from eegcore.control.undo import History
from eegcore.errors import StaleRevision, StateConflict

if TYPE_CHECKING:
    from eegcore.config import PipelineConfig
    from eegcore.graph.plan_types import Plan

Prepared = tuple["PipelineConfig", "Plan"]

CHANGE = "<change>"                                    # what messages call a configuration that was changed live


class Editing:
    """The changing side of the controller. Editors come one after the other. [any-thread]"""

    publish: Callable[[dict[str, Any]], None]
    _machine: Machine
    _held: Held | None
    _editing: threading.RLock                          # held while a configuration is put in place of another
    _history: History

    def edit(self, make: Callable[[Held], Prepared], *, if_rev: int | None = None, at_frame: int | None = None,
             base: Base | None = None, remember: bool = True) -> int:
        """Put what `make` makes in place of what is held, and in the graph if it runs; return the new config_rev.

        All of it takes effect at one frame of every source, or nothing does.

        Parameters
        ----------
        make : callable
            From what is held to a checked configuration and its plan.
        if_rev : int, optional
            Refuse if the configuration is not of this revision any more.
        at_frame : int, optional
            First frame of the new configuration; one that has gone by already is the next one.
        base : Base, optional
            What later changes are counted from. Default: as before.
        remember : bool
            Make it a step that `undo` takes back.

        Raises
        ------
        ConfigError
            With every mistake, as for a file.
        NeedsStop
            If the change cannot be made while the graph runs.
        Locked
            If a stage that records is touched.
        StaleRevision
            If somebody changed the configuration since `if_rev`.
        StateConflict
            If no pipeline is held, or it is just being stopped.
        """
        with self._editing:
            held = self.held()
            self._check_revision(held, if_rev)
            state = self._machine.state
            if state == "draining":
                raise StateConflict("pipeline: is draining. Change it when it has stopped.")
            running = self._machine.active_run()
            if at_frame is not None and running is None:
                raise StateConflict(f"at_frame: {at_frame}, and the pipeline is {state}: it has no frames. Leave it "
                                    "out.")
            config, plan = make(held)
            # the graph numbers its revisions itself: a recording that began has taken one for its lock
            taken = running.change(plan, at_frame)[0] if running is not None else None
            plan = running.plan if running is not None else plan       # what runs stays compiled together as it is
            config_rev = self._hold(config, plan, base or held.base, config_rev=taken, remember=remember).config_rev
            if running is not None:
                self._machine.refresh_outlets()
            return config_rev

    def update(self, stage_id: str, key: str, value: Any, if_rev: int | None = None,
               at_frame: int | None = None) -> int:
        """Change one setting, None for its default; see `edit`."""
        return self.change([(stage_id, key, value)], if_rev=if_rev, at_frame=at_frame)

    def change(self, settings: Settings, *, if_rev: int | None = None, at_frame: int | None = None) -> int:
        """Change settings, ``{"notch": {"hz": 50}}`` or ``[("notch", "hz", 50)]``; see `edit`."""
        return self.edit(lambda held: change_settings(held.config, settings), if_rev=if_rev, at_frame=at_frame)

    def patch(self, patch: Any, if_rev: int | None = None, at_frame: int | None = None) -> int:
        """Carry out a JSON-Patch on the merged configuration; see `edit` and `apply_patch`.

        A stage that is added comes last, and one without inputs reads the nearest above with an output. The patch
        works on values, so one that names no stage and no setting is refused as a pipeline file would be. An empty
        one changes nothing, and answers the revision there is.

        Raises
        ------
        BadArgument
            ``bad_patch`` if it is no JSON-Patch, ``too_large`` beyond the limits.
        StateConflict
            ``test_failed`` or ``patch_conflict``.
        """
        def make(held: Held) -> Prepared:
            patched = apply_patch(held.config.merged(), patch)
            return prepare(without_defaults(patched, held.config), name=CHANGE)

        if patch == []:                                # nothing to do is no revision, and no step of `undo`
            with self._editing:
                held = self.held()
                self._check_revision(held, if_rev)
                return held.config_rev
        return self.edit(make, if_rev=if_rev, at_frame=at_frame)

    def add_stage(self, stage_id: str, stage: Any = None, *, after: str | None = None, splice: bool = False,
                  topic: str | bool | None = None, if_rev: int | None = None, at_frame: int | None = None) -> int:
        """Add a stage; see `stage_added` and `edit`."""
        return self.edit(lambda held: prepare(stage_added(held, stage_id, stage, after=after, splice=splice,
                                                          topic=topic), name=CHANGE),
                         if_rev=if_rev, at_frame=at_frame)

    def remove_stage(self, stage_id: str, *, if_rev: int | None = None, at_frame: int | None = None) -> int:
        """Remove a stage; see `stage_removed` and `edit`."""
        return self.edit(lambda held: prepare(stage_removed(held, stage_id), name=CHANGE), if_rev=if_rev,
                         at_frame=at_frame)

    def replace_stage(self, stage_id: str, stage: Any, *, if_rev: int | None = None,
                      at_frame: int | None = None) -> int:
        """Give a stage other settings or another type; see `stage_replaced` and `edit`."""
        return self.edit(lambda held: prepare(stage_replaced(held, stage_id, stage), name=CHANGE), if_rev=if_rev,
                         at_frame=at_frame)

    def undo(self, if_rev: int | None = None, at_frame: int | None = None) -> int:
        """Hold the previous configuration again, as a new revision; see `edit`. Again: the one before that.

        Raises
        ------
        StateConflict
            ``nothing_to_undo``.
        """
        with self._editing:
            self._check_revision(self.held(), if_rev)  # said first: whoever is late has not seen what he would undo
            before = self._history.newest()
            config_rev = self.edit(lambda _: prepare(written(before.config), name=CHANGE), at_frame=at_frame,
                                   base=before.base, remember=False)
            self._history.forget_newest()
            return config_rev

    def add_recorder(self, stage_id: str, declaration: dict[str, Any]) -> None:
        """Put a sink into the pipeline that runs, as a change like any other but no step of `undo`."""
        def make(held: Held) -> Prepared:
            document = written(held.config)
            document["stages"][stage_id] = declaration
            return prepare(document, name=CHANGE)

        self.edit(make, remember=False)

    def lock_stage(self, stage_id: str) -> int:
        """Lock what is above a stage of the graph that runs; return the revision the lock is.

        It is a revision of the configuration too: whoever edits the one before it learns that it is stale.

        Raises
        ------
        StateConflict
            If nothing runs, it is locked already, or a change waits for its frame.
        """
        with self._editing:
            held, run = self.held(), self._machine.active_run()
            if run is None:
                raise StateConflict(f"{stage_id}: nothing runs. Start the pipeline first.")
            config_rev = run.live.lock(stage_id)
            with self._machine.lock:
                self._held = replace(held, config_rev=config_rev)
            self.publish({"event": "config", "config_rev": config_rev, "config": held.config.merged()})
            return config_rev

    def held(self) -> Held:
        """Return what is held.

        Raises
        ------
        StateConflict
            If no pipeline was given yet.
        """
        held = self._held
        if held is None:
            raise StateConflict("pipeline: none was given yet. Send one, or name a preset.")
        return held

    def _check_revision(self, held: Held, if_rev: int | None) -> None:
        if if_rev is not None and if_rev != held.config_rev:
            raise StaleRevision(f"config_rev: {if_rev} is not the present one, {held.config_rev}. Somebody else "
                                "changed the configuration. Read it again.", config_rev=held.config_rev)

    def _hold(self, config: PipelineConfig, plan: Plan, base: Base, *, config_rev: int | None = None,
              remember: bool = True) -> Held:
        """Hold something else and tell everybody; `config_rev` is that of the graph if it runs."""
        before = self._held
        if before is not None and remember:
            self._history.remember(before)
        with self._machine.lock:
            next_rev = before.config_rev + 1 if before is not None else 1
            self._held = held = Held(config, plan, next_rev if config_rev is None else config_rev, base)
        self.publish({"event": "config", "config_rev": held.config_rev, "config": config.merged()})
        return held

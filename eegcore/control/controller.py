"""The one door to a running graph: start, shutdown, pause, resume, change, and what is known about it.

Thread safe; calls may block, so a server calls them on a worker thread. What
runs, what is held and what is told to everybody is the same revision: it is
replaced as a whole, by one editor at a time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from eegcore.control.changing import Settings, change_settings
from eegcore.control.events import Events, Listener
from eegcore.control.held import Held
from eegcore.control.looking import Looking
from eegcore.control.machine import Machine
from eegcore.control.markers import Markers
from eegcore.control.preparing import Source, prepare
from eegcore.control.presets import preset_file
from eegcore.errors import EegcoreError, StaleRevision, StateConflict
from eegcore.logs import get_logger

if TYPE_CHECKING:
    from eegcore.config import PipelineConfig
    from eegcore.graph.plan_types import Plan

Prepared = tuple["PipelineConfig", "Plan"]

log = get_logger("control")


class Controller(Looking):
    """Holds one pipeline at a time: its configuration, its plan and, while it runs, its graph.

    Parameters
    ----------
    source : Path, str, dict or list, optional
        The pipeline to hold; it is not started.
    overrides : sequence of str, optional
        ``ID.KEY=VALUE`` settings that win over the file.

    Raises
    ------
    ConfigError
        If the pipeline has mistakes.
    """

    def __init__(self, source: Source | None = None, *, overrides: Sequence[str] = ()) -> None:
        self.client_ledger: Callable[[], dict[str, Any]] | None = None
        self._events = Events()
        self._machine = Machine(self.publish, self.status)
        self._markers = Markers(self._machine)
        self._editing = threading.RLock()              # held while a configuration is put in place of another
        self._held: Held | None = None
        if source is not None:
            self._hold(*prepare(source, overrides=overrides))

    # ---- who listens ----

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with every event, from any thread; the returned function ends that."""
        return self._events.subscribe(listener)

    def publish(self, event: dict[str, Any]) -> None:
        """Tell every listener."""
        self._events.publish(event)

    # ---- runs ----

    def start(self, document: str | dict[str, Any] | list[Any] | None = None,
              preset: str | None = None) -> dict[str, Any]:
        """Start the held pipeline, a preset, or a document; return the status.

        Raises
        ------
        StateConflict
            If one runs already, or none is held.
        ConfigError
            With every mistake; the pipeline held before stays.
        EegcoreError
            If the machine cannot run it; the state is then failed.
        """
        def choose() -> Held:
            if preset is not None:
                return self._hold(*prepare(preset_file(preset)))
            if document is not None:
                return self._hold(*prepare(document, name="request"))
            return self._held_one()

        return self._start(choose)

    def reload(self, source: Source, *, overrides: Sequence[str] = ()) -> dict[str, Any]:
        """Put a pipeline in place of the one held; return the status.

        It is checked first. What runs is then drained and finalised, and the
        new one started; a stopped pipeline is only replaced, a failed one is
        tried again.

        Raises
        ------
        ConfigError
            With every mistake; what runs goes on untouched.
        StateConflict
            If somebody else starts a pipeline in between.
        EegcoreError
            If the machine cannot run the new one; the state is then failed.
        """
        config, plan = prepare(source, overrides=overrides)
        was_stopped = self.state == "stopped"
        self.shutdown()
        if was_stopped and self.state == "stopped":
            with self._editing:
                self._hold(config, plan)
            return self.status()
        self._machine.wait_for_another_second()
        return self._start(lambda: self._hold(config, plan))

    def shutdown(self, timeout_s: float | None = None) -> dict[str, Any]:
        """Stop the sources, drain, finalise; return the ledger. A stopped pipeline answers with its last ledger.

        A start that is under way is waited for, and what it started is stopped.

        Raises
        ------
        StateConflict
            If the pipeline was still starting after `timeout_s`, or is being started by this very thread.
        """
        self._machine.shutdown(timeout_s)
        return self.ledger()

    def abort(self) -> None:
        """Stop at once; what waits in edges is counted as dropped[stopped]."""
        self._machine.abort()

    def pause(self) -> dict[str, Any]:
        """Go on reading the device, count its frames as paused; StateConflict unless running."""
        self._machine.pause(True)
        return self.status()

    def resume(self) -> dict[str, Any]:
        """Hand frames on again; StateConflict unless paused."""
        self._machine.pause(False)
        return self.status()

    def wait_stopped(self, timeout_s: float | None = None) -> bool:
        """Wait until no run goes on."""
        return self._machine.wait_stopped(timeout_s)

    # ---- markers ----

    def mark(self, text: str, t_ns: int | None = None, duration_s: float = 0.0, *, origin: str = "api",
             t_unix_ns: int | None = None, arrived_ns: int | None = None) -> dict[str, Any]:
        """Place a marker at its exact frame and return it; see `Markers.mark`."""
        return self._markers.mark(text, t_ns, duration_s, origin=origin, t_unix_ns=t_unix_ns, arrived_ns=arrived_ns)

    def markers(self) -> dict[str, Any]:
        """Return the newest markers of the run that goes on, or of the last one."""
        return self._markers.listed()

    # ---- changes ----

    def update(self, stage_id: str, key: str, value: Any, if_rev: int | None = None,
               at_frame: int | None = None) -> int:
        """Change one setting; see `change`."""
        return self.change([(stage_id, key, value)], if_rev=if_rev, at_frame=at_frame)

    def change(self, settings: Settings, *, if_rev: int | None = None, at_frame: int | None = None) -> int:
        """Change settings of the held pipeline, and of its graph if it runs; return the new config_rev.

        Parameters
        ----------
        settings : mapping or iterable
            ``{"notch": {"hz": 50}}`` or ``[("notch", "hz", 50)]``.
        if_rev, at_frame
            See `edit`.
        """
        return self.edit(lambda config: change_settings(config, settings), if_rev=if_rev, at_frame=at_frame)

    def edit(self, make: Callable[[PipelineConfig], Prepared], *, if_rev: int | None = None,
             at_frame: int | None = None) -> int:
        """Put what `make` makes of the configuration in its place, and in the graph if it runs; return the config_rev.

        All of it takes effect at one frame of every source, or nothing does. Editors come one after the other.

        Parameters
        ----------
        make : callable
            From the present configuration to the new one and its plan.
        if_rev : int, optional
            Refuse if the configuration is not of this revision any more.
        at_frame : int, optional
            First frame of the new configuration; one that has gone by already is the next one.

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
            held = self._held_one()
            if if_rev is not None and if_rev != held.config_rev:
                raise StaleRevision(f"config_rev: {if_rev} is not the present one, {held.config_rev}. Somebody else "
                                    "changed the configuration. Read it again.", config_rev=held.config_rev)
            if self.state == "draining":
                raise StateConflict("pipeline: is draining. Change it when it has stopped.")
            running = self._machine.active_run()
            if at_frame is not None and running is None:
                raise StateConflict(f"at_frame: {at_frame}, and the pipeline is {self.state}: it has no frames. Leave "
                                    "it out.")
            config, plan = make(held.config)
            if running is not None:
                running.change(plan, at_frame, held.config_rev + 1)
            config_rev = self._hold(config, plan).config_rev
            if running is not None:
                self._machine.refresh_outlets()
            return config_rev

    # ---- inside ----

    def _held_one(self) -> Held:
        held = self._held
        if held is None:
            raise StateConflict("pipeline: none was given yet. Send one, or name a preset.")
        return held

    def _start(self, choose: Callable[[], Held]) -> dict[str, Any]:
        """Start what `choose` holds; the state before comes back if it refuses."""
        with self._editing:
            before = self._machine.enter_start()
            try:
                held = choose()
            except BaseException:
                self._machine.restore(before)
                raise
            try:
                self._machine.launch(held)
            except (EegcoreError, OSError, MemoryError) as error:
                self._fall_back(held, error)
            except BaseException as error:             # a bug of ours must not leave a door that never opens again
                self._machine.move("failed", f"{type(error).__name__}: {error}")
                raise
            return self.status()

    def _fall_back(self, held: Held, error: Exception) -> None:
        """Run the preset the configuration names for this case; without one, fail with what went wrong."""
        name = held.config.runtime.fallback
        if name is None:
            self._machine.move("failed", str(error))
            raise error
        log.error("start: %s. The fallback %r runs instead.", error, name)
        self.publish({"event": "alarm", "level": "error", "place": "start", "t_unix_ns": time.time_ns(),
                      "message": f"{error} The fallback {name!r} runs instead."})
        try:
            self._machine.launch(self._hold(*prepare(preset_file(name))))
        except BaseException as second:
            self._machine.move("failed", f"{error} The fallback {name!r} could not start either: {second}")
            raise

    def _hold(self, config: PipelineConfig, plan: Plan) -> Held:
        with self._machine.lock:
            self._held = held = Held(config, plan, self.config_rev + 1)
        self.publish({"event": "config", "config_rev": held.config_rev, "config": config.merged()})
        return held

"""The one door to a running graph: start, shutdown, pause, resume, change, and what is known about it.

Thread safe; calls may block, so a server calls them on a worker thread.

What is held has a base, the pipeline as it was loaded, and everything changed since counts as overrides of it. A
start of what is held keeps them, loading a preset or a document discards them (`undo` brings them back).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eegcore.config import PipelineConfig
from eegcore.control.editing import Editing
from eegcore.control.events import Events, Listener
from eegcore.control.held import Base, Held, base_of, file_digest
from eegcore.control.looking import Looking
from eegcore.control.machine import Machine
from eegcore.control.markers import Markers
from eegcore.control.preparing import Source, prepare
from eegcore.control.presets import preset_file
from eegcore.control.recording import Recordings
from eegcore.control.sensors import prepare_preset
from eegcore.control.undo import History
from eegcore.errors import EegcoreError
from eegcore.logs import get_logger
from eegcore.recording.keeper import RECORDINGS

if TYPE_CHECKING:
    from eegcore.graph.plan_types import Plan

log = get_logger("control")


class Controller(Looking, Editing):
    """Holds one pipeline at a time: its configuration, its plan and, while it runs, its graph.

    Parameters
    ----------
    source : Path, str, dict or list, optional
        The pipeline to hold; it is not started.
    overrides : sequence of str, optional
        ``ID.KEY=VALUE`` settings that win over the file.
    recordings : str, optional
        Folder of recordings.

    Raises
    ------
    ConfigError
        If the pipeline has mistakes.
    """

    def __init__(self, source: Source | None = None, *, overrides: Sequence[str] = (),
                 recordings: str = RECORDINGS) -> None:
        self.client_ledger: Callable[[], dict[str, Any]] | None = None
        self._events = Events()
        self._machine = Machine(self.publish, self.status)
        self._markers = Markers(self._machine)
        self._editing = threading.RLock()              # held while a configuration is put in place of another
        self._held: Held | None = None
        self._history = History()
        self.recording = Recordings(self, recordings)
        self._machine.keeper = self.recording.keeper
        if source is not None:
            config, plan = prepare(source, overrides=overrides)
            self._hold(config, plan, loaded_from(source, overrides, config))

    # ---- who listens ----

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with every event, from any thread; the returned function ends that."""
        return self._events.subscribe(listener)

    def publish(self, event: dict[str, Any]) -> None:
        """Tell every listener."""
        self._events.publish(event)

    def alarm(self, level: str, place: str, message: str, **facts: Any) -> None:
        """Tell every listener of an alarm."""
        self.publish({"event": "alarm", "level": level, "place": place, "message": message,
                      "t_unix_ns": time.time_ns(), **facts})

    # ---- runs ----

    def start(self, document: str | dict[str, Any] | list[Any] | None = None,
              preset: str | None = None) -> dict[str, Any]:
        """Start what is held, changes included; or a preset or a document, which come without them. Return the status.

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
                held = self._held
                config, plan = prepare_preset(preset_file(preset), held.config if held is not None else None)
                return self._load(config, plan, base_of("preset", preset, config))
            if document is not None:
                config, plan = prepare(document, name="request")
                return self._load(config, plan, base_of("request", config.name, config))
            return self.held()

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
        base = loaded_from(source, overrides, config)
        was_stopped = self.state == "stopped"
        self.shutdown()
        if was_stopped and self.state == "stopped":
            with self._editing:
                self._load(config, plan, base)
            return self.status()
        self._machine.wait_for_another_second()
        return self._start(lambda: self._load(config, plan, base))

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
        """Go on reading the device, count its frames as paused; StateConflict unless running, Locked if it records."""
        self.recording.refuse_pause()
        self._machine.pause(True)
        return self.status()

    def resume(self) -> dict[str, Any]:
        """Hand frames on again; StateConflict unless paused."""
        self._machine.pause(False)
        return self.status()

    def wait_stopped(self, timeout_s: float | None = None) -> bool:
        """Wait until no run goes on."""
        return self._machine.wait_stopped(timeout_s)

    # ---- recordings ----

    def start_recording(self, /, **given: Any) -> dict[str, Any]:
        """Begin a recording; see `Recordings.start`."""
        return self.recording.start(**given)

    def stop_recording(self) -> dict[str, Any]:
        """End it; see `Recordings.stop`."""
        return self.recording.stop()

    def recordings(self) -> list[dict[str, Any]]:
        """Return the sessions in the folder of recordings, newest first."""
        return self.recording.sessions()

    # ---- markers ----

    def mark(self, text: str, t_ns: int | None = None, duration_s: float = 0.0, *, origin: str = "api",
             t_unix_ns: int | None = None, arrived_ns: int | None = None) -> dict[str, Any]:
        """Place a marker at its exact frame and return it; see `Markers.mark`."""
        return self._markers.mark(text, t_ns, duration_s, origin=origin, t_unix_ns=t_unix_ns, arrived_ns=arrived_ns)

    def markers(self) -> dict[str, Any]:
        """Return the newest markers of the run that goes on, or of the last one."""
        return self._markers.listed()

    # ---- inside ----

    def _load(self, config: PipelineConfig, plan: Plan, base: Base) -> Held:
        """Hold another pipeline; what was changed live goes with the one before, and the log says what that was."""
        before = self._held
        if before is not None and before.overrides:
            log.info("%s %s: changes of the pipeline before are discarded: %s. Undo brings them back.", base.origin,
                     base.name, ", ".join(before.overrides_listed))
        return self._hold(config, plan, base)

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
        self.alarm("error", "start", f"{error} The fallback {name!r} runs instead.")
        try:
            config, plan = prepare(preset_file(name))
            self._machine.launch(self._hold(config, plan, base_of("fallback", name, config, instead_of=held)))
        except BaseException as second:
            self._machine.move("failed", f"{error} The fallback {name!r} could not start either: {second}")
            raise


def loaded_from(source: Source, overrides: Sequence[str], config: PipelineConfig) -> Base:
    """Return the base of what was read from `source`."""
    if isinstance(source, Path):
        return base_of("file", str(source), config, digest=file_digest(source, overrides))
    return base_of("request", config.name, config)

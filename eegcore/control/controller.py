"""The one door to a running graph: start, shutdown, pause, resume, and what is known about it.

States: stopped -> starting -> running <-> paused, -> draining -> stopped, and
failed after a run that ended by a failure. Thread safe; calls may block, so a
server calls them on a worker thread.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from eegcore.control.changing import Settings, change_settings
from eegcore.control.events import Events, Listener
from eegcore.control.outlet import Outlet
from eegcore.control.preparing import Source, prepare, preset_file
from eegcore.errors import EegcoreError, StaleRevision, StateConflict
from eegcore.graph.plan_json import plan_json
from eegcore.graph.run import GraphRun
from eegcore.graph.supervisor import Supervisor
from eegcore.logs import get_logger, set_run

if TYPE_CHECKING:
    from eegcore.config import PipelineConfig
    from eegcore.graph.plan_types import Plan

HEARTBEAT_S = 1.0                                      # a thread silent for longer is reported by `health`
ACTIVE = ("running", "paused")
NS_PER_S = 10**9

log = get_logger("control")


class Controller:
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
        self.state = "stopped"
        self.since_unix_ns = time.time_ns()
        self.last_error: str | None = None
        self.config_rev = 0
        self.client_ledger: Callable[[], dict[str, Any]] | None = None
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._editing = threading.RLock()              # held while a configuration is put in place of another
        self._events = Events()
        self._config: PipelineConfig | None = None
        self._plan: Plan | None = None
        self._run: GraphRun | None = None
        self._supervisor: Supervisor | None = None
        self._outlets: list[Outlet] = []
        self._starter: int | None = None               # the thread that is inside `start`
        if source is not None:
            self._hold(*prepare(source, overrides=overrides))

    # ---- what is known ----

    @property
    def run_id(self) -> str | None:
        """The run that goes on, or the last one."""
        return self._run.run_id if self._run is not None else None

    def status(self) -> dict[str, Any]:
        """Return the state as the API shows it."""
        with self._lock:
            return {
                "state": self.state, "since_unix_ns": self.since_unix_ns, "last_error": self.last_error,
                "config_rev": self.config_rev, "run_id": self.run_id, "recording": None,
                "name": self._plan.name if self._plan is not None else None,
                "started_unix_ns": self._run.start_unix_ns if self._run is not None else None,
            }

    def config(self) -> dict[str, Any]:
        """Return the merged configuration; empty stages before the first pipeline."""
        return self._config.merged() if self._config is not None else {"version": 1, "name": None, "stages": {}}

    def plan(self) -> dict[str, Any]:
        """Return the plan with live depths."""
        with self._lock:
            plan, run = self._plan, self._run
        if plan is None:
            return {"name": None, "stages": [], "groups": [], "edges": [], "pools": [], "paths": []}
        document = plan_json(plan)
        if run is not None and run.plan is plan:
            stats = run.stats()
            for edge in document["edges"]:
                live = stats["edges"].get(edge["name"])
                edge |= {"depth": live["depth"], "high_water": live["high_water"]} if live else {}
            for pool in document["pools"]:
                pool["free"] = stats["pools"][pool["name"]]["free"]
        return document

    def ledger(self) -> dict[str, Any]:
        """Return the ledger of the run that goes on, or of the last one."""
        with self._lock:
            run = self._run
        if run is None:
            return {"run_id": None, "balanced": True, "final": True, "frames": 0, "lost": 0, "sources": {},
                    "edges": {}, "sinks": {}, "clients": {}, "stages": {}, "digest": {}}
        ledger = dict(run.ledger())
        if self.client_ledger is not None:
            ledger["clients"] = self.client_ledger()
        return ledger

    def stats(self) -> dict[str, Any]:
        """Return the ``stats`` event of this moment; without a run only its name and zeros."""
        with self._lock:
            run = self._run
        if run is None:
            return {"event": "stats", "run_id": None, "frames": 0, "lost": 0, "stages": {}, "edges": {}, "sinks": {},
                    "pools": {}, "sources": {}, "threads": []}
        return run.stats()

    def health(self) -> tuple[bool, list[str], list[dict[str, Any]]]:
        """Return (ok, reasons, threads): not ok when failed, when a file broke off, or when a thread is silent."""
        with self._lock:
            state, run, error = self.state, self._run, self.last_error
        threads = run.threads() if run is not None else []
        reasons = [f"failed: {error}"] if state == "failed" else []
        if state in ACTIVE:
            reasons += self.broken_sinks()
            for thread in threads:
                age = thread["heartbeat_age_s"]
                if thread["alive"] and age is not None and age > HEARTBEAT_S:
                    reasons.append(f"thread {thread['name']}: no sign of life for {age:.1f} s")
        return not reasons, reasons, threads

    def broken_sinks(self) -> list[str]:
        """Say which file sinks of the run that goes on, or of the last one, do not have everything, and why."""
        with self._lock:
            run = self._run
        return [] if run is None else run.broken_sinks()

    def catalogue(self) -> list[dict[str, Any]]:
        """Return every stage type with its settings as JSON Schema."""
        from eegcore.stages import catalogue

        return [{"name": stage.name, "role": stage.role, "doc": stage.doc, "inputs": list(stage.inputs_allowed),
                 "group": stage.default_group, "settings": stage.Settings.model_json_schema()}
                for stage in catalogue().values()]

    def outlets(self) -> list[Outlet]:
        """Return one outlet per websocket sink of the running graph."""
        with self._lock:
            return list(self._outlets)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with every event, from any thread; the returned function ends that."""
        return self._events.subscribe(listener)

    # ---- what can be done ----

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
        def choose() -> None:
            if preset is not None:
                self._hold(*prepare(preset_file(preset)))
            elif document is not None:
                self._hold(*prepare(document, name="request"))
            elif self._plan is None:
                raise StateConflict("pipeline: none was given yet. Send one, or name a preset.")

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
        self._wait_for_another_second()
        return self._start(lambda: self._hold(config, plan))

    def _wait_for_another_second(self) -> None:
        """Sleep until ``{start}`` in a file name, which has whole seconds, differs from that of the last run."""
        last_s = self._run.start_unix_ns // NS_PER_S if self._run is not None else 0
        now_ns = time.time_ns()
        if now_ns // NS_PER_S == last_s:
            time.sleep(1 - now_ns % NS_PER_S / NS_PER_S)

    def _start(self, choose: Callable[[], object]) -> dict[str, Any]:
        """Start what `choose` makes the held pipeline; the state before comes back if it refuses."""
        with self._editing:
            return self._start_alone(choose)

    def _start_alone(self, choose: Callable[[], object]) -> dict[str, Any]:
        with self._lock:
            if self.state not in ("stopped", "failed"):
                raise StateConflict(f"pipeline: is {self.state}. Only a stopped one can start. Shut it down first.")
            before = self.state, self.last_error
            self._starter = threading.get_ident()
            self._move("starting")
        try:
            choose()
        except BaseException:
            self._move(before[0], before[1])
            raise
        try:
            self._launch()
        except (EegcoreError, OSError, MemoryError) as error:
            self._fall_back(error)
        except BaseException as error:                 # a bug of ours must not leave a door that never opens again
            self._move("failed", f"{type(error).__name__}: {error}")
            raise
        return self.status()

    def update(self, stage_id: str, key: str, value: Any, if_rev: int | None = None,
               at_frame: int | None = None) -> int:
        """Change one setting; see `change`."""
        return self.change([(stage_id, key, value)], if_rev=if_rev, at_frame=at_frame)

    def change(self, settings: Settings, *, if_rev: int | None = None, at_frame: int | None = None) -> int:
        """Change settings of the held pipeline, and of its graph if it runs; return the new config_rev.

        All of them take effect at one frame of every source, or none does. Editors come one after the other.

        Parameters
        ----------
        settings : mapping or iterable
            ``{"notch": {"hz": 50}}`` or ``[("notch", "hz", 50)]``.
        if_rev : int, optional
            Refuse if the configuration is not of this revision any more.
        at_frame : int, optional
            First frame of the new settings; one that has gone by already is the next one.

        Raises
        ------
        ConfigError
            With every mistake, as for a file.
        NeedsStop
            If the graph that runs would be another one.
        StaleRevision
            If somebody changed the configuration since `if_rev`.
        StateConflict
            If no pipeline is held, or it is just being stopped.
        """
        with self._editing:
            with self._lock:
                config, run, state = self._config, self._run, self.state
            if config is None:
                raise StateConflict("pipeline: none was given yet. Send one, or name a preset.")
            if if_rev is not None and if_rev != self.config_rev:
                raise StaleRevision(f"config_rev: {if_rev} is not the present one, {self.config_rev}. Somebody else "
                                    "changed the configuration. Read it again.", config_rev=self.config_rev)
            if state == "draining":
                raise StateConflict("pipeline: is draining. Change it when it has stopped.")
            running = run if state in ACTIVE else None
            if at_frame is not None and running is None:
                raise StateConflict(f"at_frame: {at_frame}, and the pipeline is {state}: it has no frames. Leave it "
                                    "out.")
            changed, plan = change_settings(config, settings)
            if running is not None:
                running.change(plan, at_frame, self.config_rev + 1)
            return self._hold(changed, plan)

    def shutdown(self, timeout_s: float | None = None) -> dict[str, Any]:
        """Stop the sources, drain, finalise; return the ledger. A stopped pipeline answers with its last ledger.

        A start that is under way is waited for, and what it started is stopped.

        Raises
        ------
        StateConflict
            If the pipeline was still starting after `timeout_s`, or is being started by this very thread.
        """
        with self._changed:
            here = self._starter == threading.get_ident()
            if self.state == "starting" and (here or not self._changed.wait_for(
                    lambda: self.state != "starting", timeout_s)):
                raise StateConflict("pipeline: is starting. Shut it down when it runs.")
            supervisor, run = self._supervisor, self._run
            if run is None or supervisor is None:
                return self.ledger()
            if self.state in ACTIVE:
                self._move("draining")
        run.request_stop()
        supervisor.wake()
        supervisor.join(timeout_s)
        return self.ledger()

    def abort(self) -> None:
        """Stop at once; what waits in edges is counted as dropped[stopped]."""
        with self._lock:
            run = self._run
        if run is not None:
            run.abort()

    def pause(self) -> dict[str, Any]:
        """Go on reading the device, count its frames as paused; StateConflict unless running."""
        return self._set_paused(True, "running", "paused")

    def resume(self) -> dict[str, Any]:
        """Hand frames on again; StateConflict unless paused."""
        return self._set_paused(False, "paused", "running")

    def wait_stopped(self, timeout_s: float | None = None) -> bool:
        """Wait until no run goes on."""
        with self._changed:
            return self._changed.wait_for(lambda: self.state in ("stopped", "failed"), timeout_s)

    # ---- inside ----

    def _set_paused(self, paused: bool, needed: str, after: str) -> dict[str, Any]:
        with self._lock:
            if self.state != needed or self._run is None:
                raise StateConflict(f"pipeline: is {self.state}. Only a {needed} one can be "
                                    f"{'paused' if paused else 'resumed'}.")
            self._run.pause(paused)
            self._move(after)
        return self.status()

    def _fall_back(self, error: Exception) -> None:
        """Run the preset the configuration names for this case; without one, fail with what went wrong."""
        name = self._config.runtime.fallback if self._config is not None else None
        if name is None:
            self._move("failed", str(error))
            raise error
        log.error("start: %s. The fallback %r runs instead.", error, name)
        self._events.publish({"event": "alarm", "level": "error", "place": "start", "t_unix_ns": time.time_ns(),
                              "message": f"{error} The fallback {name!r} runs instead."})
        try:
            self._hold(*prepare(preset_file(name)))
            self._launch()
        except BaseException as second:
            self._move("failed", f"{error} The fallback {name!r} could not start either: {second}")
            raise

    def _hold(self, config: PipelineConfig, plan: Plan) -> int:
        with self._lock:
            self._config, self._plan = config, plan
            self.config_rev += 1
            config_rev = self.config_rev
        self._events.publish({"event": "config", "config_rev": config_rev, "config": config.merged()})
        return config_rev

    def _launch(self) -> None:
        plan = self._plan
        assert plan is not None      # `start` has checked
        run = GraphRun(plan, with_server=True, config_rev=self.config_rev,
                       on_alarm=lambda *alarm: supervisor.alarm(*alarm))
        supervisor = Supervisor(run, self._events.publish, self._ended)
        with self._lock:
            self._run, self._supervisor = run, supervisor
        run.start()
        try:
            with self._lock:
                self._outlets = [Outlet(run, sink_id, tap) for sink_id, tap in run.outlets().items()]
            self._events.publish({"event": "outlets"})
            set_run(run.run_id)
            with self._lock:                           # who sees "running" finds a supervisor that can be joined
                self._move("running")
                supervisor.start()
        except BaseException:
            run.abort()                                # nobody watches it: it must not go on
            set_run(None)
            with self._lock:
                self._outlets = []
            run.finish(0.0)
            raise

    def _ended(self, ledger: dict[str, Any], failure: EegcoreError | None) -> None:
        with self._lock:
            self._outlets = []               # the server empties and closes what it has adopted
        self._events.publish({"event": "outlets"})
        log.info("run %s ended: %d frames, lost %d, ledger %s", ledger["run_id"], ledger["frames"], ledger["lost"],
                 "balanced" if ledger["balanced"] else "NOT BALANCED")
        set_run(None)
        self._move("failed" if failure is not None else "stopped", str(failure) if failure is not None else None)

    def _move(self, state: str, error: str | None = None) -> None:
        with self._changed:
            self.state, self.since_unix_ns, self.last_error = state, time.time_ns(), error
            self._changed.notify_all()
            # inside the lock: listeners hear of states in the order in which they were
            self._events.publish({"event": "state", **self.status()})

"""What is known about the pipeline that is held and about its run. Nothing here changes anything."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from eegcore.control.machine import ACTIVE, Machine
from eegcore.control.outlet import Outlet
from eegcore.graph.plan_json import plan_json

if TYPE_CHECKING:
    from eegcore.control.held import Held
    from eegcore.control.recording import Recordings
    from eegcore.graph.run import GraphRun

HEARTBEAT_S = 1.0                                      # a thread silent for longer is reported by `health`


class Looking:
    """The reading side of the controller; every call answers at once. [any-thread]"""

    client_ledger: Callable[[], dict[str, Any]] | None
    recording: Recordings
    _machine: Machine
    _held: Held | None

    @property
    def state(self) -> str:
        """``stopped starting running paused draining`` or ``failed``."""
        return self._machine.state

    @property
    def since_unix_ns(self) -> int:
        """When this state began."""
        return self._machine.since_unix_ns

    @property
    def last_error(self) -> str | None:
        """Why the last run failed or did not start."""
        return self._machine.last_error

    @property
    def run(self) -> GraphRun | None:
        """The run that goes on, or the last one."""
        return self._machine.run

    @property
    def run_id(self) -> str | None:
        """The run that goes on, or the last one."""
        run = self._machine.run
        return run.run_id if run is not None else None

    @property
    def config_rev(self) -> int:
        """Revision of the configuration; 0 before the first pipeline."""
        held = self._held
        return held.config_rev if held is not None else 0

    def status(self) -> dict[str, Any]:
        """Return the state as the API shows it."""
        machine = self._machine
        with machine.lock:
            held, run = self._held, machine.run
            return {
                "state": machine.state, "since_unix_ns": machine.since_unix_ns, "last_error": machine.last_error,
                "config_rev": self.config_rev, "run_id": self.run_id, "recording": self.recording_status(),
                "name": held.plan.name if held is not None else None,
                "started_unix_ns": run.start_unix_ns if run is not None else None,
                "base": {"origin": held.base.origin, "name": held.base.name} if held is not None else None,
                "changed": held.overrides_listed if held is not None else [],
            }

    def recording_status(self) -> dict[str, Any] | None:
        """Return what is being recorded, None if nothing is; see `Recordings.status`."""
        return self.recording.status()

    def holders(self) -> list[str]:
        """Return the stages that record and lock what reaches them; not to be asked while a listener is told."""
        run = self._machine.active_run()
        return run.live.holders() if run is not None else []

    def config(self) -> dict[str, Any]:
        """Return the merged configuration; empty stages before the first pipeline."""
        return self.revision()[1]

    def revision(self) -> tuple[int, dict[str, Any]]:
        """Return (config_rev, merged configuration) of one moment: what an editor needs for ``if_rev``."""
        held = self._held
        if held is None:
            return 0, {"version": 1, "name": None, "stages": {}}
        return held.config_rev, held.config.merged()

    def plan(self) -> dict[str, Any]:
        """Return the plan with live depths."""
        with self._machine.lock:
            held, run = self._held, self._machine.run
        if held is None:
            return {"name": None, "stages": [], "groups": [], "edges": [], "pools": [], "paths": []}
        document = plan_json(held.plan)
        if run is not None and run.plan is held.plan:
            stats = run.stats()
            for edge in document["edges"]:
                live = stats["edges"].get(edge["name"])
                edge |= {"depth": live["depth"], "high_water": live["high_water"]} if live else {}
            for pool in document["pools"]:
                live = stats["pools"].get(pool["name"])
                pool |= {"free": live["free"]} if live else {}
        return document

    def ledger(self) -> dict[str, Any]:
        """Return the ledger of the run that goes on, or of the last one."""
        run = self._machine.run
        if run is None:
            return {"run_id": None, "balanced": True, "final": True, "frames": 0, "lost": 0, "sources": {},
                    "edges": {}, "sinks": {}, "clients": {}, "stages": {}, "digest": {}}
        ledger = dict(run.ledger())
        if self.client_ledger is not None:
            ledger["clients"] = self.client_ledger()
        return ledger

    def stats(self) -> dict[str, Any]:
        """Return the ``stats`` event of this moment; without a run only its name and zeros."""
        run = self._machine.run
        if run is None:
            return {"event": "stats", "run_id": None, "frames": 0, "lost": 0, "stages": {}, "edges": {}, "sinks": {},
                    "pools": {}, "sources": {}, "threads": []}
        return run.stats()

    def health(self) -> tuple[bool, list[str], list[dict[str, Any]]]:
        """Return (ok, reasons, threads): not ok when failed, when a file broke off, or when a thread is silent."""
        with self._machine.lock:
            state, run, error = self.state, self.run, self.last_error
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
        run = self._machine.run
        return [] if run is None else run.broken_sinks()

    def catalogue(self) -> list[dict[str, Any]]:
        """Return every stage type with its settings as JSON Schema."""
        from eegcore.stages import catalogue

        return [{"name": stage.name, "role": stage.role, "doc": stage.doc, "inputs": list(stage.inputs_allowed),
                 "group": stage.default_group, "settings": stage.Settings.model_json_schema()}
                for stage in catalogue().values()]

    def outlets(self) -> list[Outlet]:
        """Return one outlet per websocket sink of the running graph."""
        with self._machine.lock:
            return list(self._machine.outlets)

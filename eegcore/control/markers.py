"""Markers by name of the controller: into the run that goes on, and back out for those who come later."""

from __future__ import annotations

from typing import Any

from eegcore.control.machine import Machine
from eegcore.errors import StateConflict
from eegcore.graph.marking import marker_json

LISTED = 1000                                          # the newest, in one answer


class Markers:
    """Places markers in the run of a machine. [any-thread]"""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def mark(self, text: str, t_ns: int | None = None, duration_s: float = 0.0, *, origin: str = "api",
             t_unix_ns: int | None = None, arrived_ns: int | None = None) -> dict[str, Any]:
        """Place a marker; see `GraphRun.mark`. It is told to everybody as a ``marker`` event.

        Raises
        ------
        StateConflict
            If nothing runs, or no frame has come yet.
        BadArgument
            If text, time or duration are not allowed.
        """
        run = self._machine.active_run()
        if run is None:
            raise StateConflict(f"marker: the pipeline is {self._machine.state}, there is no frame it could belong to. "
                                "Start the pipeline first.")
        return marker_json(run, run.mark(text, t_ns, duration_s, origin=origin, t_unix_ns=t_unix_ns,
                                         arrived_ns=arrived_ns))

    def listed(self) -> dict[str, Any]:
        """Return the newest markers of the run that goes on, or of the last one, oldest first."""
        run = self._machine.run
        events = [event for event in run.journal.events() if event.kind == "marker"] if run is not None else []
        return {"run_id": run.run_id if run is not None else None,
                "markers": [marker_json(run, event) for event in events[-LISTED:]] if run is not None else []}

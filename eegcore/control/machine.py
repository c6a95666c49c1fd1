"""The life of runs, one at a time.

States: stopped -> starting -> running <-> paused, -> draining -> stopped, and
failed after a run that ended by a failure.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from eegcore.control.events import Listener
from eegcore.control.outlet import Outlet
from eegcore.errors import EegcoreError, StateConflict
from eegcore.graph.run import GraphRun
from eegcore.graph.supervisor import Supervisor
from eegcore.logs import get_logger, set_run

if TYPE_CHECKING:
    from eegcore.control.held import Held
    from eegcore.graph.sink_thread import SinkKeeper

ACTIVE = ("running", "paused")
ENDED = ("stopped", "failed")
NS_PER_S = 10**9

State = tuple[str, str | None]                         # the state, and the error behind it

log = get_logger("control")


class Machine:
    """The state, and the run that goes on or was the last. [any-thread]

    Parameters
    ----------
    publish : callable
        Takes every event.
    describe : callable
        What a ``state`` event says; called while `lock` is held.
    """

    def __init__(self, publish: Listener, describe: Callable[[], dict[str, Any]]) -> None:
        self.state = "stopped"
        self.since_unix_ns = time.time_ns()
        self.last_error: str | None = None
        self.run: GraphRun | None = None
        self.outlets: list[Outlet] = []
        self.lock = threading.RLock()
        self._changed = threading.Condition(self.lock)
        self._publish, self._describe = publish, describe
        self._supervisor: Supervisor | None = None
        self.keeper: SinkKeeper | None = None          # makes sessions of what recorders write
        self._starter: int | None = None               # the thread that is inside a start

    def active_run(self) -> GraphRun | None:
        """Return the run that goes on, None if none does."""
        with self.lock:
            return self.run if self.state in ACTIVE else None

    def enter_start(self) -> State:
        """Begin a start; return the state to `restore` if there is nothing to start after all.

        Raises
        ------
        StateConflict
            Unless stopped or failed.
        """
        with self.lock:
            if self.state not in ENDED:
                raise StateConflict(f"pipeline: is {self.state}. Only a stopped one can start. Shut it down first.")
            before = self.state, self.last_error
            self._starter = threading.get_ident()
            self.move("starting")
        return before

    def restore(self, before: State) -> None:
        """Give a start up before anything was made."""
        self.move(*before)

    def launch(self, held: Held) -> None:
        """Make the run of what is held and start it.

        Raises
        ------
        EegcoreError
            If the machine cannot hold it. Nothing of it goes on then; the state is still ``starting``.
        """
        run = GraphRun(held.plan, with_server=True, config_rev=held.config_rev, keeper=self.keeper,
                       on_alarm=lambda *alarm: supervisor.alarm(*alarm))
        supervisor = Supervisor(run, self._on_event, self._ended)
        with self.lock:
            self.run, self._supervisor = run, supervisor
        run.start()
        try:
            self.refresh_outlets()
            set_run(run.run_id)
            with self.lock:                            # who sees "running" finds a supervisor that can be joined
                self.move("running")
                supervisor.start()
        except BaseException:
            run.abort()                                # nobody watches it: it must not go on
            set_run(None)
            with self.lock:
                self.outlets = []
            run.finish(0.0)
            raise

    def refresh_outlets(self) -> None:
        """Make one outlet per websocket sink of the run; those that were there stay the same ones."""
        with self.lock:
            run = self.run
            if run is None:
                return
            before, self.outlets = self.outlets, []
            present = {stage.id for stage in run.plan.stages}
            for sink_id, number, tap in run.outlets():
                outlet = next((found for found in before if found.is_of(tap)), None)
                if outlet is None and sink_id not in present:      # it came and went between two looks
                    run.live.books.outlets.discard(number)
                    continue
                self.outlets.append(outlet or Outlet(run, sink_id, number, tap))
            for outlet in before:
                if outlet not in self.outlets:
                    outlet.close_unread()
        self._publish({"event": "outlets"})

    def _on_event(self, event: dict[str, Any]) -> None:
        if event["event"] == "outlets":
            self.refresh_outlets()
        else:
            self._publish(event)

    def shutdown(self, timeout_s: float | None = None) -> None:
        """Stop the sources, drain, finalise; at once if nothing runs. A start that is under way is waited for.

        Raises
        ------
        StateConflict
            If it was still starting after `timeout_s`, or is being started by this very thread.
        """
        with self._changed:
            here = self._starter == threading.get_ident()
            if self.state == "starting" and (here or not self._changed.wait_for(
                    lambda: self.state != "starting", timeout_s)):
                raise StateConflict("pipeline: is starting. Shut it down when it runs.")
            supervisor, run = self._supervisor, self.run
            if run is None or supervisor is None:
                return
            if self.state in ACTIVE:
                self.move("draining")
        run.request_stop()
        supervisor.wake()
        supervisor.join(timeout_s)

    def abort(self) -> None:
        """Stop at once; what waits in edges is counted as dropped[stopped]."""
        with self.lock:
            run = self.run
        if run is not None:
            run.abort()

    def pause(self, paused: bool) -> None:
        """Pause or go on; StateConflict unless running, or paused."""
        needed, after = ("running", "paused") if paused else ("paused", "running")
        with self.lock:
            if self.state != needed or self.run is None:
                raise StateConflict(f"pipeline: is {self.state}. Only a {needed} one can be "
                                    f"{'paused' if paused else 'resumed'}.")
            self.run.pause(paused)
            self.move(after)

    def wait_stopped(self, timeout_s: float | None = None) -> bool:
        """Wait until no run goes on."""
        with self._changed:
            return self._changed.wait_for(lambda: self.state in ENDED, timeout_s)

    def wait_for_another_second(self) -> None:
        """Sleep until ``{start}`` in a file name, which has whole seconds, differs from that of the last run."""
        last_s = self.run.start_unix_ns // NS_PER_S if self.run is not None else 0
        now_ns = time.time_ns()
        if now_ns // NS_PER_S == last_s:
            time.sleep(1 - now_ns % NS_PER_S / NS_PER_S)

    def move(self, state: str, error: str | None = None) -> None:
        """Take another state and tell everybody."""
        with self._changed:
            self.state, self.since_unix_ns, self.last_error = state, time.time_ns(), error
            self._changed.notify_all()
            # inside the lock: listeners hear of states in the order in which they were
            self._publish({"event": "state", **self._describe()})

    def _ended(self, ledger: dict[str, Any], failure: EegcoreError | None) -> None:
        with self.lock:
            self.outlets = []                # the server empties and closes what it has adopted
        self._publish({"event": "outlets"})
        log.info("run %s ended: %d frames, lost %d, ledger %s", ledger["run_id"], ledger["frames"], ledger["lost"],
                 "balanced" if ledger["balanced"] else "NOT BALANCED")
        set_run(None)
        self.move("failed" if failure is not None else "stopped", str(failure) if failure is not None else None)

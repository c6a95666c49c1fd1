"""Starting and stopping recordings of the pipeline that runs: one at a time, told to everybody.

Every state is told by a ``recording`` event: when it changes, and once a second while a recording goes on.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from eegcore.control.aside import Aside
from eegcore.errors import Locked, StateConflict
from eegcore.graph.journal import JournalEvent
from eegcore.recording.adding import new_recorder, recorders
from eegcore.recording.info import session_info
from eegcore.recording.keeper import RECORDINGS, Active, Keeper
from eegcore.recording.listing import list_sessions, session_entry

if TYPE_CHECKING:
    from eegcore.graph.run import GraphRun

ENDED = ("id", "folder", "state", "participant", "task", "session", "frames", "seconds", "first_frame", "events",
         "files", "ledger", "error", "bids")


class Host(Protocol):
    """What a controller offers to its recordings."""

    @property
    def state(self) -> str:
        """State of the pipeline."""
        ...

    @property
    def run(self) -> GraphRun | None:
        """The run that goes on, or the last one."""
        ...

    @property
    def config_rev(self) -> int:
        """Revision of the configuration."""
        ...

    def revision(self) -> tuple[int, dict[str, Any]]:
        """Return (config_rev, merged configuration) of one moment."""
        ...

    def publish(self, event: dict[str, Any]) -> None:
        """Tell every listener."""
        ...

    def subscribe(self, listener: Callable[[dict[str, Any]], None]) -> Callable[[], None]:
        """Call `listener` with every event."""
        ...

    def lock_stage(self, stage_id: str) -> int:
        """Lock what is above a stage; return the revision the lock is."""
        ...

    def add_recorder(self, stage_id: str, declaration: dict[str, Any]) -> None:
        """Put a sink into the graph that runs."""
        ...


class Recordings:
    """What a controller knows of recordings. [any-thread]

    Parameters
    ----------
    host : Host
    root : str
        Folder of recordings.
    """

    def __init__(self, host: Host, root: str = RECORDINGS) -> None:
        self.keeper = Keeper(root, host.revision, self._on_ended)
        self._host = host
        self._starting = threading.Lock()
        self._aside = Aside("recording")
        host.subscribe(self._on_event)

    @property
    def root(self) -> str:
        """Folder of recordings."""
        return self.keeper.root

    def status(self) -> dict[str, Any] | None:
        """Return the recording that goes on, or the one that failed last in this run; None otherwise.

        ``id state sink participant task session since frames seconds bytes durable_frames seconds_left fsync_s
        stalled_s error folder``; ``since`` is Unix time in ns, ``seconds_left`` what the disk has room for.
        """
        for active in self.keeper.active():
            if (status := self.keeper.status(active.sink.sink_id)) is not None:
                return status
        last, run = self.keeper.last, self._host.run
        if last is not None and last["state"] == "failed" and run is not None and last["run_id"] == run.run_id:
            return {"id": last["id"], "state": "failed", "sink": last["sink"], "participant": last["participant"],
                    "since": last["created_unix_ns"], "frames": last.get("frames", 0),
                    "seconds": last.get("seconds", 0),
                    "bytes": (last.get("summary") or {}).get("bytes", 0), "seconds_left": None,
                    "error": last.get("error"), "folder": last["folder"]}
        return None

    @property
    def is_recording(self) -> bool:
        """Whether one goes on."""
        return bool(self.keeper.active())

    def start(self, /, **given: Any) -> dict[str, Any]:
        """Begin a recording; return its status once its files are on the disk.

        Parameters
        ----------
        **given
            ``participant notes task session pre_roll_s csv bids segment_s segment_bytes``, see `SessionInfo`.

        Raises
        ------
        BadArgument
            If one of them is not allowed.
        StateConflict
            If the pipeline does not run, one goes on or is being started; ``no_raw_source``: nothing carries counts.
        SinkFailed
            If the disk refuses; nothing is left then.
        """
        session_info(given)
        if not self._starting.acquire(blocking=False):
            raise StateConflict("recording: another one is just being started. End it first.")
        try:
            active = self._start(given)
        finally:
            self._starting.release()
        status = self.status()
        self._tell(active, "begun")
        return status if status is not None else {"id": active.session.id, "state": "recording"}

    def _start(self, given: dict[str, Any]) -> Active:
        run = self._host.run
        if run is None or self._host.state != "running":
            raise StateConflict(f"recording: the pipeline is {self._host.state}. Start it, or resume it, first.")
        for active in self.keeper.active():
            raise StateConflict(f"recording: {active.session.id} goes on. End it first.", recording=active.session.id)
        found = recorders(run.plan)
        if found:
            sink_id = found[0].id
        else:
            sink_id, declaration = new_recorder(run.plan)
            self._host.add_recorder(sink_id, declaration)
        return self.keeper.begin(run, sink_id, given, lock=lambda: self._host.lock_stage(sink_id))

    def stop(self) -> dict[str, Any]:
        """End what goes on, finish its folder and return what became of it.

        Raises
        ------
        StateConflict
            If none goes on.
        SinkFailed
            If something did not reach the disk; the recording has ended all the same.
        """
        going = self.keeper.active()
        if not going:
            raise StateConflict("recording: none goes on. Start one first.")
        ended = [self.keeper.end(active.sink.sink_id) for active in going]
        return {name: ended[0][name] for name in ENDED if name in ended[0]}

    def refuse_pause(self) -> None:
        """Refuse a pause while a recording goes on; Locked names its sink."""
        holders = [active.sink.sink_id for active in self.keeper.active()]
        if holders:
            raise Locked("pipeline: a recording goes on, and a pause would leave a hole in it. End the recording "
                         "first.", holders=holders)

    def sessions(self) -> list[dict[str, Any]]:
        """Return the sessions in the folder of recordings, newest first; see `session_entry`."""
        return list_sessions(self.root)

    def session(self, session_id: str) -> dict[str, Any]:
        """Return one session; NotFound if there is none."""
        return session_entry(self.root, session_id)

    def is_open(self, session_id: str) -> bool:
        """Whether this controller records into a session just now."""
        return any(active.session.id == session_id for active in self.keeper.active())

    # ---- events ----

    def _tell(self, active: Active, word: str) -> None:
        """Tell everybody, and the journal of the run, which other recorders and the page follow."""
        status = self.keeper.status(active.sink.sink_id) or {"id": active.session.id, "state": word}
        self._host.publish({"event": "recording", "change": word, **status})
        self._note(active.run, f"{word} {active.session.id}", active.sink.sink_id)

    @staticmethod
    def _note(run: GraphRun, text: str, sink_id: str) -> None:
        sources = run.stats()["sources"]
        frame = max((int(entry["edges"]) for entry in sources.values()), default=0)
        run.journal.add(JournalEvent("recording", frame, 0, text, origin=sink_id))

    def _on_ended(self, last: dict[str, Any]) -> None:
        """Tell everybody that a recording has ended, whoever ended it."""
        status = {name: last.get(name) for name in ("id", "state", "participant", "frames", "seconds", "error")}
        self._host.publish({"event": "recording", "change": "ended", **status})

    def _on_event(self, event: dict[str, Any]) -> None:
        """Once a second, with the statistics, say how it stands; keep every configuration that comes meanwhile."""
        if event["event"] == "config" and self.keeper.note_revision(event["config_rev"], event["config"]):
            self._aside.do(self.keeper.keep_revisions)
        if event["event"] != "stats" or not self.is_recording:
            return
        status = self.status()
        if status is None:
            return
        self._aside.do(self.keeper.keep_revisions)
        if any(active.session.needs_first_frame for active in self.keeper.active()):
            self._aside.do(self.keeper.place_events)
        self._host.publish({"event": "recording", **status})
        if status["state"] == "failed":
            self._aside.do(self.keeper.end_failed)

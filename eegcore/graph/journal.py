"""What happened during a run, each thing at its frame: markers, changes of the configuration, recordings.

Whoever makes something happen adds an event; whoever writes it down, a recorder
or the server, subscribes. Control-side only: no real-time thread comes here.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from eegcore.logs import get_logger

MAX_EVENTS = 65_536            # some 10 MiB; at 1000 markers a second the last minute

Kind = Literal["marker", "config", "recording"]

log = get_logger("journal")


@dataclass(frozen=True)
class JournalEvent:
    """Something that happened at one frame of a run.

    Parameters
    ----------
    kind : {"marker", "config", "recording"}
    frame_index : int
        Device frame it belongs to: of a marker the nearest one, of a change the first one behind it.
    t_ns : int
        Time of that frame on the clock of the run, ns.
    text : str
        What an annotation of it says, such as ``stimulus 3`` or ``notch.hz=50``.
    duration_s : float
        0: a point in time.
    origin : str
        Where it came from: ``api``, ``udp``, ``gpio``, ``page`` ...
    config_rev : int
        Revision of the configuration that was in force, or that began there; 0: not said.
    """

    kind: Kind
    frame_index: int
    t_ns: int
    text: str
    duration_s: float = 0.0
    origin: str = ""
    config_rev: int = 0


Callback = Callable[[JournalEvent], None]


class Journal:
    """The events of one run, in the order in which they became known. Thread safe.

    The newest `max_events` are kept; subscribers hear of every one.

    Examples
    --------
    >>> from eegcore.graph.journal import Journal, JournalEvent
    >>> journal = Journal()
    >>> heard = []
    >>> forget = journal.subscribe(heard.append)
    >>> journal.add(JournalEvent("marker", 500, 2_000_000_000, "stimulus"))
    0
    >>> [event.text for event in heard]
    ['stimulus']
    """

    def __init__(self, max_events: int = MAX_EVENTS) -> None:
        self._events: deque[JournalEvent] = deque(maxlen=max_events)
        self._lock = threading.RLock()
        self._subscribers: list[Callback] = []
        self._n_added = 0

    @property
    def n_added(self) -> int:
        """Events since the run began, those included that are kept no more."""
        return self._n_added

    def add(self, event: JournalEvent) -> int:
        """Keep an event, tell every subscriber, and return its number, counted from 0.

        A subscriber that raises is logged; the others are told all the same.
        """
        with self._lock:
            number = self._n_added
            self._n_added += 1
            self._events.append(event)
            # inside the lock: everybody hears of events in one order
            for subscriber in list(self._subscribers):
                tell(subscriber, event)
            return number

    def events(self, since: int = 0) -> list[JournalEvent]:
        """Return the events from number `since` on that are still kept, oldest first."""
        with self._lock:
            first_kept = self._n_added - len(self._events)
            return list(self._events)[max(0, since - first_kept):]

    def subscribe(self, callback: Callback, since: int | None = None) -> Callable[[], None]:
        """Call `callback` with every event from now on; the returned function ends that.

        Parameters
        ----------
        callback : callable
            Called with a `JournalEvent` by the thread that adds it, while the journal is locked: it must hand the
            event on and return, and wait for nothing.
        since : int, optional
            Tell it the kept events from this number on first. None is missed or told twice in between.
        """
        with self._lock:
            if since is not None:
                for event in self.events(since):
                    tell(callback, event)
            self._subscribers.append(callback)

        def unsubscribe() -> None:
            with self._lock:
                if callback in self._subscribers:
                    self._subscribers.remove(callback)

        return unsubscribe


def tell(subscriber: Callback, event: JournalEvent) -> None:
    """Call a subscriber; what it raises is logged."""
    try:
        subscriber(event)
    except Exception:
        log.exception("journal: a subscriber failed on %r", event)

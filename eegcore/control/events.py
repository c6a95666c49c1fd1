"""Who wants to know: callbacks for events, called from any thread, none of which can break another."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from eegcore.logs import get_logger

Listener = Callable[[dict[str, Any]], None]

log = get_logger("control")


class Events:
    """A list of listeners that may change while it is used.

    A listener must not wait for another thread: states are told while the controller is locked.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: list[Listener] = []

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Add a listener; the returned function takes it off again."""
        with self._lock:
            self._listeners.append(listener)

        def unsubscribe() -> None:
            with self._lock:
                if listener in self._listeners:
                    self._listeners.remove(listener)

        return unsubscribe

    def publish(self, event: dict[str, Any]) -> None:
        """Call every listener. One that raises is logged, the others are called all the same."""
        with self._lock:
            listeners = list(self._listeners)
        for listener in listeners:
            try:
                listener(event)
            except Exception:
                log.exception("control: a listener failed on a %s event", event.get("event"))

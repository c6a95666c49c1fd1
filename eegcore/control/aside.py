"""Work that waits for a disk, done in its order on one thread: who tells events must not wait."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

from eegcore.logs import get_logger

MOST_WAITING = 1000
IDLE_S = 5.0                                           # after that the thread ends; the next work makes another

log = get_logger("control")


class Aside:
    """A queue and, while there is something in it, a thread.

    Parameters
    ----------
    name : str
        Of the thread, and in the log.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._work: queue.Queue[Callable[[], None]] = queue.Queue(MOST_WAITING)
        self._lock = threading.Lock()
        self._is_running = False

    def do(self, work: Callable[[], None]) -> None:
        """Have something done soon; what it raises is logged. [any-thread]"""
        try:
            self._work.put_nowait(work)
        except queue.Full:
            log.error("%s: %d pieces of work wait for the disk already; one is left out. Check the disk.", self._name,
                      MOST_WAITING)
            return
        with self._lock:
            if self._is_running:
                return
            self._is_running = True
        threading.Thread(target=self._run, name=self._name, daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                work = self._work.get(timeout=IDLE_S)
            except queue.Empty:
                with self._lock:
                    if self._work.empty():
                        self._is_running = False
                        return
                continue
            try:
                work()
            except Exception as error:
                log.error("%s: %s", self._name, error)

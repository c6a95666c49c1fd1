"""Logging that never waits: who logs hands a record to a bounded queue, one thread writes.

Importing this module changes nothing. `setup` puts one handler on the logger
``eegcore``; `shutdown` writes what is queued and takes it away again. A full
queue drops the line and counts it; the loss is logged when there is room.

Every module logs through ``get_logger("room")``. Facts go into `extra`::

    log.warning("edge full", extra={"edge": "eeg->live", "frame_index": 81204})

The thread, the run (`set_run`) and the correlation id of the request being
served (`correlation`) are added by themselves.
"""

from __future__ import annotations

import contextlib
import copy
import logging
import logging.handlers
import queue
import sys
import threading
from collections.abc import Iterator
from contextvars import ContextVar
from typing import IO, Any

from eegcore.log_formats import HumanFormatter, JsonFormatter
from eegcore.log_throttle import ThrottledLogger

__all__ = ["ThrottledLogger", "correlation", "correlation_id", "dropped_lines", "get_logger", "set_run", "setup",
           "shutdown"]

ROOT = "eegcore"
CAPACITY = 8192
SHUTDOWN_S = 2.0
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")

correlation_id: ContextVar[str | None] = ContextVar("eegcore_correlation_id", default=None)


def get_logger(room: str) -> logging.Logger:
    """Return the logger of a room (``graph``, ``server``...); no side effect."""
    return logging.getLogger(f"{ROOT}.{room}")


def set_run(run_id: str | None) -> None:
    """Name the run that lines without a `run_id` of their own belong to; None after its end."""
    _state.run_id = run_id


@contextlib.contextmanager
def correlation(value: str) -> Iterator[str]:
    """Give every line logged inside (same thread or task) one correlation id."""
    token = correlation_id.set(value)
    try:
        yield value
    finally:
        correlation_id.reset(token)


def setup(json: bool = False, level: str | int = "INFO", stream: IO[str] | None = None,
          capacity: int = CAPACITY) -> None:
    """Start logging; called again, it first ends what the last call began.

    Parameters
    ----------
    json : bool
        True: one JSON object a line; otherwise lines for people.
    level : str or int
        Lowest level written. DEBUG also shows tracebacks to people.
    stream : text file, optional
        Where lines go; default ``sys.stderr`` as it is now.
    capacity : int
        Lines the queue holds.

    Raises
    ------
    ValueError
        If `level` is unknown.
    """
    number = logging.getLevelName(level.upper()) if isinstance(level, str) else level
    if not isinstance(number, int):
        raise ValueError(f"log level: {level!r} is unknown. Allowed: {', '.join(LEVELS)}.")
    shutdown()
    with _state.lock:
        target = _Target(sys.stderr if stream is None else stream)
        target.setFormatter(JsonFormatter() if json else HumanFormatter(tracebacks=number <= logging.DEBUG))
        handler = _BoundedHandler(queue.Queue(capacity))
        listener = _Listener(handler, target)
        listener.start()
        logger = logging.getLogger(ROOT)
        logger.addHandler(handler)
        logger.setLevel(number)
        logger.propagate = False
        _state.handler, _state.listener = handler, listener


def shutdown(timeout_s: float = SHUTDOWN_S) -> bool:
    """Write what is queued and stop; safe without `setup`, and twice.

    Returns
    -------
    bool
        False if the stream did not take everything within `timeout_s` seconds:
        a terminal nobody reads must not keep the process alive.
    """
    with _state.lock:
        handler, listener = _state.handler, _state.listener
        _state.handler = _state.listener = None
        if handler is None or listener is None:
            return True
        logger = logging.getLogger(ROOT)
        logger.removeHandler(handler)
        logger.propagate = True
        logger.setLevel(logging.NOTSET)
        return listener.finish(timeout_s)


def dropped_lines() -> int:
    """Lines lost since `setup`: the queue was full, or the stream refused them."""
    handler, listener = _state.handler, _state.listener
    return 0 if handler is None or listener is None else handler.dropped + listener.target.refused


class _BoundedHandler(logging.handlers.QueueHandler):
    """Completes a record on the thread that logs, and queues it; drops and counts when full."""

    def __init__(self, records: queue.Queue[Any]) -> None:
        super().__init__(records)
        self.records = records
        self.dropped = 0                             # written under the lock of the handler

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        """Return a copy with text and facts fixed now: the arguments may change before it is written."""
        prepared = copy.copy(record)
        prepared.msg = prepared.message = record.getMessage()
        prepared.args = None
        if record.exc_info:
            prepared.exc_text = logging.Formatter().formatException(record.exc_info)
            prepared.exc_info = None
        for name, value in (("run_id", _state.run_id), ("correlation_id", correlation_id.get())):
            if getattr(prepared, name, None) is None:
                setattr(prepared, name, value)
        return prepared

    def enqueue(self, record: logging.LogRecord) -> None:
        """Queue a record, or drop it; never waits for room."""
        try:
            self.records.put_nowait(record)
        except queue.Full:
            self.dropped += 1

    def handleError(self, record: logging.LogRecord) -> None:
        """Count a record whose message does not fit its arguments: logging never raises into its caller."""
        self.dropped += 1


class _Target(logging.StreamHandler[IO[str]]):
    """Writes lines; a closed or broken stream is counted, never raised."""

    refused = 0

    def handleError(self, record: logging.LogRecord) -> None:
        """Count a line the stream did not take."""
        self.refused += 1


class _Listener(logging.handlers.QueueListener):
    """Writes queued records, and says how many were dropped as soon as it has caught up."""

    def __init__(self, source: _BoundedHandler, target: _Target) -> None:
        super().__init__(source.records, target)
        self.source = source
        self.target = target
        self._told = 0

    def handle(self, record: logging.LogRecord) -> None:
        """Write one record."""
        self.target.handle(record)
        if self.source.records.empty():
            self.tell_drops()

    def tell_drops(self) -> None:
        """Write one line if lines were dropped since the last one."""
        dropped, self._told = self.source.dropped - self._told, self.source.dropped
        if dropped:
            text = (f"log: {dropped} lines dropped, the queue of {self.source.records.maxsize} was full. "
                    "Raise the log level, or make what reads the log faster.")
            record = logging.LogRecord(f"{ROOT}.log", logging.WARNING, __file__, 0, text, None, None)
            self.target.handle(record)

    def finish(self, timeout_s: float) -> bool:
        """Let the thread write the rest and end; False if it did not within `timeout_s`."""
        thread: threading.Thread | None = self._thread
        if thread is None:
            return True
        try:
            self.source.records.put(self._sentinel, timeout=timeout_s)  # type: ignore[attr-defined]
        except queue.Full:
            return False
        thread.join(timeout_s)
        if thread.is_alive():
            return False
        self._thread = None
        self.tell_drops()
        with contextlib.suppress(OSError, ValueError):
            self.target.flush()
        return True


class _State:
    """What `setup` made; one per process, as the logger ``eegcore`` is."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.run_id: str | None = None
        self.handler: _BoundedHandler | None = None
        self.listener: _Listener | None = None


_state = _State()

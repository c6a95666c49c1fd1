"""Repeated lines: the first is written, the next ones of the same key are counted and told once per period."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

PERIOD_S = 10.0
MAX_KEYS = 1024


class ThrottledLogger:
    """At most one line per key and period; the next one, or `write_due`, tells how many were suppressed.

    Thread safe. Memory is bounded: of more than `MAX_KEYS` keys the one that
    was silent longest is forgotten, after its count has been written.

    Parameters
    ----------
    logger : logging.Logger
    period_s : float
        Time between two lines of one key.
    clock : callable
        Returns seconds; tests give their own.

    Examples
    --------
    >>> import logging
    >>> log = ThrottledLogger(logging.getLogger("eegcore.graph"))
    >>> log.warning("eeg->live", "edge eeg -> live: full, dropped %d frames", 32)
    True
    >>> log.warning("eeg->live", "edge eeg -> live: full, dropped %d frames", 32)
    False
    """

    def __init__(self, logger: logging.Logger, period_s: float = PERIOD_S,
                 clock: Callable[[], float] = time.monotonic) -> None:
        self.logger = logger
        self.period_s = period_s
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: OrderedDict[Hashable, _Repeat] = OrderedDict()

    def log(self, level: int, key: Hashable, message: str, *args: Any, **kwargs: Any) -> bool:
        """Write the line, or count it. True if it was written."""
        forgotten: list[_Repeat] = []
        with self._lock:
            now = self._clock()
            repeat = self._keys.get(key)
            if repeat is not None and now - repeat.written_s < self.period_s:
                repeat.suppressed += 1
                repeat.latest = (level, message, args, kwargs)
                return False
            suppressed = repeat.suppressed if repeat is not None else 0
            elapsed_s = now - repeat.written_s if repeat is not None else 0.0
            self._keys[key] = _Repeat(now)
            self._keys.move_to_end(key)
            while len(self._keys) > MAX_KEYS:
                forgotten.append(self._keys.popitem(last=False)[1])
        for old in forgotten:
            self._write_rest(old)
        if suppressed:
            message += f" ({suppressed} more like this in the last {elapsed_s:.0f} s)"
        self.logger.log(level, message, *args, **kwargs)
        return True

    def debug(self, key: Hashable, message: str, *args: Any, **kwargs: Any) -> bool:
        """`log` at DEBUG."""
        return self.log(logging.DEBUG, key, message, *args, **kwargs)

    def info(self, key: Hashable, message: str, *args: Any, **kwargs: Any) -> bool:
        """`log` at INFO."""
        return self.log(logging.INFO, key, message, *args, **kwargs)

    def warning(self, key: Hashable, message: str, *args: Any, **kwargs: Any) -> bool:
        """`log` at WARNING."""
        return self.log(logging.WARNING, key, message, *args, **kwargs)

    def error(self, key: Hashable, message: str, *args: Any, **kwargs: Any) -> bool:
        """`log` at ERROR."""
        return self.log(logging.ERROR, key, message, *args, **kwargs)

    def write_due(self) -> None:
        """Write what was suppressed in periods that are over: call it now and then, or it waits for the next line."""
        due: list[_Repeat] = []
        with self._lock:
            now = self._clock()
            for key, repeat in list(self._keys.items()):
                if now - repeat.written_s >= self.period_s:
                    if repeat.latest is None:
                        del self._keys[key]
                    else:
                        due.append(repeat)
                        self._keys[key] = _Repeat(now)   # it counts as a line: the next one waits a period
        for repeat in due:
            self._write_rest(repeat)

    def flush(self) -> None:
        """Write the newest suppressed line of every key with its count: at the end of a run nothing is hidden."""
        with self._lock:
            repeats = list(self._keys.values())
            self._keys.clear()
        for repeat in repeats:
            self._write_rest(repeat)

    def _write_rest(self, repeat: _Repeat) -> None:
        if repeat.latest is not None:
            level, message, args, kwargs = repeat.latest
            self.logger.log(level, f"{message} (suppressed {repeat.suppressed} times, this was the last)",
                            *args, **kwargs)


class _Repeat:
    """What is known of one key since its last written line."""

    __slots__ = ("latest", "suppressed", "written_s")

    def __init__(self, written_s: float) -> None:
        self.written_s = written_s
        self.suppressed = 0
        self.latest: tuple[int, str, tuple[Any, ...], dict[str, Any]] | None = None

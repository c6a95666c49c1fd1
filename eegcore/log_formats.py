"""How a log line looks: one readable line for people, one JSON object for programs."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Any

FACTS = ("run_id", "correlation_id", "stage", "edge", "frame_index")
"""Attributes a record may carry (`extra=`), in the order in which they are shown."""

SHORT = {"run_id": "run", "correlation_id": "request", "frame_index": "frame"}


def utc(seconds: float) -> str:
    """Return a Unix time as ISO 8601 UTC with milliseconds."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{int(seconds * 1000) % 1000:03d}Z"


def room_of(name: str) -> str:
    """Return the room of a logger name: ``eegcore.graph.plan`` is ``graph``."""
    parts = name.split(".")
    return parts[1] if parts[0] == "eegcore" and len(parts) > 1 else parts[0]


def printable(text: str) -> str:
    """Replace control characters by their escapes: a client's text cannot forge lines or move the cursor."""
    return "".join(c if c.isprintable() or c == "\t" else c.encode("unicode_escape").decode() for c in text)


class HumanFormatter(logging.Formatter):
    """``time LEVEL room: message  (run=... stage=... edge=... frame=...)``.

    Parameters
    ----------
    tracebacks : bool
        True: show the traceback below the line. People get them with ``--debug`` only.
    """

    def __init__(self, tracebacks: bool = False) -> None:
        super().__init__()
        self.tracebacks = tracebacks

    def format(self, record: logging.LogRecord) -> str:
        """Return one line, and the traceback below it if there is one to show."""
        facts = [f"{SHORT.get(name, name)}={printable(str(value))}" for name in FACTS
                 if (value := getattr(record, name, None)) is not None]
        line = (f"{utc(record.created)} {record.levelname:<7} {room_of(record.name)}: "
                f"{printable(record.getMessage())}")
        if facts:
            line += f"  ({' '.join(facts)})"
        traceback = exception_text(record)
        if traceback:
            last = traceback.rstrip().rsplit("\n", 1)[-1]
            line += "\n" + traceback if self.tracebacks else f"  [{printable(last)}]"
        return line


class JsonFormatter(logging.Formatter):
    """One JSON object a line; keys that do not apply are left out, except the first five."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the object: time, level, room, message, thread, then the facts."""
        line: dict[str, Any] = {"time": utc(record.created), "level": record.levelname.lower(),
                                "room": room_of(record.name), "message": record.getMessage(),
                                "thread": record.threadName}
        for name in FACTS:
            value = getattr(record, name, None)
            if value is not None:
                line[name] = value
        traceback = exception_text(record)
        if traceback:
            line["traceback"] = traceback
        return json.dumps(line, ensure_ascii=False, default=str)


def exception_text(record: logging.LogRecord) -> str:
    """Return the traceback of a record as text; empty if it has none."""
    if record.exc_text:
        return record.exc_text
    return logging.Formatter().formatException(record.exc_info) if record.exc_info else ""

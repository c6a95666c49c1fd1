"""When something ends the process that nobody expected: one readable block, with the place in the data.

`install` hooks the main thread, other threads, exceptions nobody can catch
(`sys.unraisablehook`) and hard faults (`faulthandler`); `install_asyncio`
hooks one event loop. The block names stage, edge, frame index, run and
configuration revision, as far as the context provider knows them. The
traceback goes to a file in the state folder, or to the terminal with ``--debug``.
"""

from __future__ import annotations

import contextlib
import faulthandler
import io
import itertools
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any

from eegcore.errors import EegcoreError
from eegcore.log_formats import printable

if TYPE_CHECKING:
    import asyncio

CONTEXT_KEYS = ("run_id", "config_rev", "stage", "edge", "frame_index")
MAX_FILES = 20
"""Crash files one process writes; a crash in a loop must not fill the disk."""

Context = Callable[[], Mapping[str, Any]]


@dataclass
class CrashHook:
    """The installed hooks; `uninstall` puts the former ones back.

    Parameters
    ----------
    context : callable
        Returns what the process was doing: keys of `CONTEXT_KEYS` and any other.
        Called while something is broken: it should only read.
    state_dir : str or None
        Folder for crash files; it is not created. None: no files.
    debug : bool
        True: the traceback is part of the block.
    stream : text file or None
        Default: ``sys.stderr`` at the time of the crash.
    """

    context: Context = dict
    state_dir: str | None = None
    debug: bool = False
    stream: IO[str] | None = None
    _former: tuple[Any, Any, Any] | None = None
    _faults: bool = False
    _numbers: itertools.count[int] = field(default_factory=itertools.count)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def install(self) -> CrashHook:
        """Put the hooks in place; returns itself."""
        if self._former is None:
            self._former = (sys.excepthook, threading.excepthook, sys.unraisablehook)
            sys.excepthook = self._main
            threading.excepthook = self._thread
            sys.unraisablehook = self._unraisable
            # faulthandler needs a descriptor; a stream made of memory (notebooks, tests) has none.
            with contextlib.suppress(io.UnsupportedOperation, AttributeError, ValueError, OSError):
                if not faulthandler.is_enabled():
                    faulthandler.enable(self.stream or sys.stderr)
                    self._faults = True
        return self

    def uninstall(self) -> None:
        """Put the former hooks back."""
        if self._former is not None:
            sys.excepthook, threading.excepthook, sys.unraisablehook = self._former
            self._former = None
            if self._faults:
                faulthandler.disable()
                self._faults = False

    def install_asyncio(self, loop: asyncio.AbstractEventLoop) -> None:
        """Report exceptions of tasks and callbacks of `loop` in the same form; the loop goes on."""
        loop.set_exception_handler(self._asyncio)

    def report(self, error: BaseException, where: str) -> str:
        """Print the block for `error`, write its crash file, and return the block.

        Never raises: what fails while reporting is said in the block.
        """
        with self._lock:                             # two threads crash together: two whole blocks
            path = self._write_file(error, where)
            block = format_block(error, where, self._facts(), self.debug, path)
            stream = self.stream or sys.stderr
            with contextlib.suppress(OSError, ValueError, AttributeError):
                stream.write(block)
                stream.flush()
            return block

    def _main(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            with contextlib.suppress(OSError, ValueError, AttributeError):
                (self.stream or sys.stderr).write("eegcore: interrupted\n")
            return
        self.report(error.with_traceback(trace), "main thread")

    def _thread(self, args: threading.ExceptHookArgs) -> None:
        if args.exc_value is None or issubclass(args.exc_type, SystemExit):
            return
        name = args.thread.name if args.thread is not None else "unknown"
        self.report(args.exc_value, f"thread {name}")

    def _unraisable(self, args: Any) -> None:
        if args.exc_value is not None:
            self.report(args.exc_value, args.err_msg or f"clean-up of {type(args.object).__name__}")

    def _asyncio(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception") or RuntimeError(context.get("message", "unknown"))
        task = context.get("task") or context.get("future")
        name = task.get_name() if task is not None and hasattr(task, "get_name") else "a callback"
        self.report(error, f"event loop, {name}")

    def _facts(self) -> dict[str, Any]:
        try:
            return dict(self.context())
        except Exception as error:
            return {"context": f"not available ({type(error).__name__}: {error})"}

    def _write_file(self, error: BaseException, where: str) -> str | None:
        """Write the traceback to a new file readable by its owner only; None if there is no file."""
        if self.state_dir is None or next(self._numbers) >= MAX_FILES:
            return None
        start = time.strftime("%Y-%m-%dT%H-%M-%SZ", time.gmtime())
        for number in range(MAX_FILES):
            path = os.path.join(self.state_dir, f"crash-{start}-{os.getpid()}-{number}.txt")
            try:
                fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            except FileExistsError:
                continue
            except OSError:
                return None
            with contextlib.suppress(OSError), os.fdopen(fd, "w", encoding="utf-8", errors="replace") as file:
                file.write(format_block(error, where, self._facts(), True, None))
                return path
        return None


def install(context: Context = dict, state_dir: str | None = None, debug: bool = False,
            stream: IO[str] | None = None) -> CrashHook:
    """Make a `CrashHook` and install it; see there for the parameters."""
    return CrashHook(context, state_dir, debug, stream).install()


def format_block(error: BaseException, where: str, facts: Mapping[str, Any], debug: bool,
                 path: str | None) -> str:
    """Return the block for one failure.

    Parameters
    ----------
    error : BaseException
    where : str
        ``main thread``, ``thread sink-csv_sink``, ``event loop, client 3``.
    facts : mapping
        What the process was doing; empty values are left out.
    debug : bool
        True: the traceback is part of the block.
    path : str or None
        The crash file that holds the traceback.
    """
    details = error.details if isinstance(error, EegcoreError) else {}
    shown: dict[str, Any] = {}
    for key in (*CONTEXT_KEYS, *facts):              # the error knows its own place better than the context
        value = details.get(key, facts.get(key)) if key in CONTEXT_KEYS else facts.get(key)
        if value not in (None, "") and key not in shown:
            shown[key] = value
    text = [printable(line) for line in (_safe_str(error) or "(no message)").splitlines()]
    rows = [("what", f"{type(error).__name__}: {text[0]}")]
    rows.extend(("", line) for line in text[1:])
    rows.extend((key.replace("_", " "), printable(str(value))) for key, value in shown.items())
    frames = traceback.extract_tb(error.__traceback__)
    if frames:
        rows.append(("at", f"{frames[-1].filename}:{frames[-1].lineno} in {frames[-1].name}"))
    if path is not None:
        rows.append(("details", path))
    elif not debug:
        rows.append(("details", "run again with --debug for the traceback"))
    width = max(len(name) for name, _ in rows)
    lines = [f"eegcore stopped unexpectedly in {where}:" if where == "main thread"
             else f"eegcore: unexpected failure in {where}:"]
    lines.extend(f"  {name:<{width}}  {value}" for name, value in rows)
    if debug:
        lines.extend(("  traceback", *("    " + line for line in _traceback(error))))
    return "\n".join(lines) + "\n"


def _safe_str(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:
        return "(its message cannot be shown)"


def _traceback(error: BaseException) -> list[str]:
    try:
        return "".join(traceback.format_exception(error)).splitlines()
    except Exception as failure:
        return [f"not available ({type(failure).__name__})"]

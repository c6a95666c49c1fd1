"""The same work done by the workers of a dask cluster (extra ``[batch]``).

The scheduler gives a task of a killed worker to another one; `attempt` finds
what the killed one left and goes on from there, and gives up by itself when it
has been tried too often. Before anything is begun a probe runs on every worker:
has it this eegcore, and does it reach the folder of the outputs?
"""

from __future__ import annotations

import contextlib
import importlib
import os
import re
import uuid
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from eegcore import __version__
from eegcore.batch.attempt import attempt
from eegcore.batch.outcome import Outcome, Task, not_done
from eegcore.errors import BadArgument, SystemFailed

CONNECT_S = 10.0
PROBE_S = 60.0


class ClusterWorkers:
    """The workers behind a dask scheduler.

    Parameters
    ----------
    address : str
        ``tcp://host:8786``.

    Raises
    ------
    BadArgument
        If dask.distributed is not installed, or nobody answers there.
    """

    def __init__(self, address: str) -> None:
        try:
            client = importlib.import_module("distributed").Client
        except ImportError:
            raise BadArgument("--scheduler: dask.distributed is not installed here. It is an extra: "
                              "pip install 'eegcore[batch]'. Leave --scheduler out to use this machine.") from None
        if not re.fullmatch(r"[a-z]+://\S+:\d+", address):    # a Client that refused one complains again when it goes
            raise BadArgument(f"--scheduler: {address}: no dask scheduler answers, this is no address. Allowed: an "
                              "address such as tcp://host:8786. Leave --scheduler out to use this machine.")
        try:
            self._client: Any = client(address, timeout=CONNECT_S, set_as_default=False)
        except (OSError, ValueError, TypeError) as error:
            raise BadArgument(f"--scheduler: {address}: no dask scheduler answers [{type(error).__name__}]. "
                              "Allowed: an address such as tcp://host:8786. Start one there with: dask scheduler."
                              ) from None
        self._address = address
        self._futures: dict[Any, tuple[Task, Future[Outcome]]] = {}
        self._pool = uuid.uuid4().hex[:12]

    def probe(self, home: str, recordings: list[str]) -> None:
        """Ask every worker whether it can do the work.

        Parameters
        ----------
        home : str
            Work folder of the pool.
        recordings : list of str
            Absolute paths.

        Raises
        ------
        SystemFailed
            If there is no worker, or one of them lacks something; the message names it.
        """
        if not self._client.scheduler_info()["workers"]:
            raise SystemFailed(f"{self._address}: the scheduler has no workers. Start some: dask worker "
                               f"{self._address}")
        token = Path(home, "probe")
        token.write_text(self._pool)
        answers = self._client.run(probe_worker, home, self._pool, recordings, on_error="return")
        for worker, answer in answers.items():
            problem = (f"eegcore cannot be imported there [{type(answer).__name__}: {answer}]. Install eegcore "
                       f"{__version__} on it") if isinstance(answer, BaseException) else problem_of(answer, home)
            if problem:
                raise SystemFailed(f"{worker}: this worker cannot do the work: {problem}. Every worker must have the "
                                   "same eegcore, and reach recordings and outputs under the same paths.")

    def submit(self, task: Task) -> Future[Outcome]:
        """Begin with a task as soon as a worker is free."""
        future: Future[Outcome] = Future()
        far = self._client.submit(attempt, task, key=f"eegcore-{self._pool}-{task.key}", retries=task.retries,
                                  pure=False)
        self._futures[far.key] = (task, future)        # also keeps `far` wanted
        future.far = far                               # type: ignore[attr-defined]
        far.add_done_callback(self._answer)
        return future

    def working(self) -> list[str]:
        """Return nothing: the scheduler decides, and does not say without being asked."""
        return []

    def stop(self, at_once: bool) -> None:
        """Begin nothing more: waiting tasks see the mark in the work folder. `at_once`: wait for nobody."""
        if at_once:
            for task, future in list(self._futures.values()):
                if not future.done():
                    _set(future, not_done(task, "stopped before it was finished.", stopped=True))
            with contextlib.suppress(Exception):       # the scheduler may be what went away
                self._client.cancel([future.far for _, future in self._futures.values()], force=True)  # type: ignore[attr-defined]

    def close(self) -> None:
        """Wait for what was begun, then leave the cluster as it was."""
        for _, future in list(self._futures.values()):
            future.result()
        self._client.close()

    def _answer(self, far: Any) -> None:
        task, future = self._futures[far.key]
        try:
            _set(future, far.result())
        except BaseException as error:                 # KilledWorker, CancelledError, a lost scheduler...
            _set(future, not_done(task, f"{task.input}: the cluster gave it up [{type(error).__name__}: {error}]. "
                                  "Look into the logs of its workers."))


def _set(future: Future[Outcome], outcome: Outcome) -> None:
    if not future.done():
        future.set_result(outcome)


def probe_worker(home: str, token: str, recordings: list[str]) -> dict[str, Any]:
    """Return what a worker is and what it reaches; runs there."""
    import eegcore.graph.run  # noqa: F401  (with the compiled core)

    found: dict[str, Any] = {"version": __version__, "host": os.uname().nodename, "writes": "", "sees": True}
    try:
        found["sees"] = Path(home, "probe").read_text() == token
        mine = Path(home, f"probe-{uuid.uuid4().hex}")
        mine.touch()
        mine.unlink()
    except OSError as error:
        found["writes"] = str(error.strerror)
    found["missing"] = [path for path in recordings if not os.access(path, os.R_OK)][:3]
    return found


def problem_of(answer: dict[str, Any], home: str) -> str:
    """Say what a worker lacks by its answer; empty if nothing."""
    if answer["version"] != __version__:
        return f"it has eegcore {answer['version']}, and here is {__version__}"
    if answer["writes"] or not answer["sees"]:
        return f"it does not reach {os.path.dirname(home)} [{answer['writes'] or 'another folder of that name'}]"
    if answer["missing"]:
        return f"it cannot read {answer['missing'][0]}"
    return ""

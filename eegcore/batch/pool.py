"""`PipelinePool`: recordings in, outcomes out."""

from __future__ import annotations

import contextlib
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

from eegcore.batch.inputs import NAMES, is_name, refuse_braces
from eegcore.batch.outcome import Outcome, Task
from eegcore.batch.placing import STOP
from eegcore.batch.recipe import check_against, read_recipe
from eegcore.batch.workers import LocalWorkers
from eegcore.errors import BadArgument, Stopped

if TYPE_CHECKING:
    from eegcore.batch.cluster import ClusterWorkers

MOST_WORKERS = 256
RETRIES = 2


class Workers(Protocol):
    """Those who do the work: processes of this machine, or a cluster."""

    def submit(self, task: Task) -> Future[Outcome]:
        """Begin with a task as soon as somebody is free."""
        ...

    def working(self) -> list[str]:
        """Return the names of the recordings being worked on, as far as known."""
        ...

    def stop(self, at_once: bool) -> None:
        """Begin nothing more; `at_once`: give up what is being worked on."""
        ...

    def close(self) -> None:
        """Wait for what was begun, then let everybody go."""
        ...


class PipelinePool:
    """One pipeline over many recordings, several at a time.

    Every recording is played by the pipeline's `playback` in virtual time, in a process of its own kind: a recording
    that cannot be processed, or a process that is killed, costs nothing of the others. A killed process is replaced
    and its recording tried again. Outputs come into place when they are whole, and never over a file that is there.

    Parameters
    ----------
    pipeline : path-like, dict or list
        A pipeline file, or a document. Its only source is a `playback`; each recording becomes its ``path``.
        ``{input}`` in the path of a sink becomes the name of the recording; a path without it gets that name in front.
    max_concurrent : int, optional
        Recordings at once. Default: the processor cores this process may use.
    out : path-like
        Folder that relative paths of sinks start at; made if it is not there.
    overrides : sequence of str
        ``ID.KEY=VALUE``, as after ``--set``.
    retries : int
        How often a recording is tried again when its process was killed.
    scheduler : str, optional
        Address of a dask scheduler, ``tcp://host:8786``: its workers do the work. They must have this eegcore, and
        reach recordings and `out` under the same paths. Needs ``pip install eegcore[batch]``.

    Raises
    ------
    ConfigError
        If the pipeline has mistakes that show without a recording.
    BadArgument
        If it is no pipeline for many recordings, or an argument is out of range.
    SystemFailed
        If a worker of the cluster cannot do the work.

    Notes
    -----
    Processes are spawned. In a script, what makes the pool stands under ``if __name__ == "__main__":``, as with every
    spawned process in Python.

    Examples
    --------
    >>> import eegcore as ec
    >>> with ec.PipelinePool("pipelines/offline.yaml", max_concurrent=2, out="filtered") as pool:
    ...     future = pool.execute("recording.edf")
    ...     others = list(pool.map(["one.edf", "two.edf"]))
    ...     outcome = future.result()
    >>> outcome.ok, outcome.frames, outcome.outputs
    (True, 5000, ('...filtered/recording_filtered.csv',))
    >>> [one.error for one in others]
    [None, None]
    """

    def __init__(self, pipeline: str | Path | dict[str, Any] | list[Any], *, max_concurrent: int | None = None,
                 out: str | os.PathLike[str] = ".", overrides: Sequence[str] = (), retries: int = RETRIES,
                 scheduler: str | None = None) -> None:
        n_workers = max_concurrent if max_concurrent is not None else len(os.sched_getaffinity(0))
        if not 1 <= n_workers <= MOST_WORKERS:
            raise BadArgument(f"PipelinePool: max_concurrent is {n_workers}. 1 to {MOST_WORKERS} are allowed. "
                              "Leave it out for one per core.")
        if not 0 <= retries <= 100:
            raise BadArgument(f"PipelinePool: retries is {retries}. 0 to 100 are allowed. 2 suits most machines.")
        self.recipe = read_recipe(pipeline, overrides)
        self._out = os.path.abspath(os.path.expanduser(os.fspath(out)))
        refuse_braces(self._out)
        self._work = f".eegcore-{uuid.uuid4().hex[:12]}"
        self._home = Path(self._out, self._work)
        self._retries = retries
        self._names: dict[str, str] = {}               # name -> recording
        self._n = 0
        self._closed = False
        self._cluster: ClusterWorkers | None = None
        try:
            self._home.mkdir(parents=True)
        except OSError as error:
            raise BadArgument(f"{self._out}: no folder for outputs ({error.strerror}). Choose another one with out "
                              "(--out).") from None
        try:
            self._workers: Workers = LocalWorkers(n_workers) if scheduler is None else self._join(scheduler)
        except BaseException:
            self._clear()
            raise

    def check(self, recordings: Sequence[str | os.PathLike[str]]) -> None:
        """Find out whether recordings can be processed before any of them is.

        Raises
        ------
        ConfigError
            If the pipeline does not fit the first recording that can be read.
        SystemFailed
            If a worker of the cluster cannot do the work.
        """
        paths = [os.path.abspath(os.path.expanduser(os.fspath(recording))) for recording in recordings]
        check_against(self.recipe, paths)
        if self._cluster is not None:
            self._cluster.probe(str(self._home), paths)

    def execute(self, recording: str | os.PathLike[str], *, name: str | None = None) -> Future[Outcome]:
        """Begin with a recording as soon as a worker is free.

        Parameters
        ----------
        recording : path-like
        name : str, optional
            What ``{input}`` becomes. Default: the file name without its ending; if another recording of this pool
            has it, with the names of its folders in front.

        Returns
        -------
        Future
            Of an `Outcome`; what goes wrong with the recording is its ``error``, and raises nothing.
        """
        if self._closed:
            raise Stopped("PipelinePool: it is closed. Make a new one.")
        path = os.path.abspath(os.path.expanduser(os.fspath(recording)))
        self._n += 1
        recipe = self.recipe
        task = Task(f"{self._n:06d}", self._name(path, name), path, recipe.text, recipe.label, recipe.overrides,
                    recipe.source, self._out, self._work, self._retries)
        return self._workers.submit(task)

    def map(self, recordings: Iterable[str | os.PathLike[str]]) -> Iterator[Outcome]:
        """Process recordings and yield their outcomes, in the order given."""
        futures = [self.execute(recording) for recording in recordings]
        for future in futures:
            yield future.result()

    def working(self) -> list[str]:
        """Return the names of the recordings being worked on; empty where a cluster decides."""
        return self._workers.working()

    def stop(self, *, at_once: bool = False) -> None:
        """Begin with nothing more: what waits is ``stopped``. What is being worked on is finished.

        Parameters
        ----------
        at_once : bool
            Give that up too; what is in place stays.
        """
        with contextlib.suppress(OSError):
            (self._home / STOP).touch()
        self._workers.stop(at_once)

    def close(self) -> None:
        """Wait for everything that was begun, and let the workers go."""
        if not self._closed:
            self._closed = True
            self._workers.close()
            self._clear()

    def __enter__(self) -> PipelinePool:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        if error is not None:
            self.stop(at_once=True)
        self.close()

    def _clear(self) -> None:
        shutil.rmtree(self._home, ignore_errors=True)

    def _name(self, path: str, name: str | None) -> str:
        if name is not None and not is_name(name):
            raise BadArgument(f"PipelinePool: name is {name!r}. It becomes a part of file names: no '/', no braces, "
                              "not empty.")
        for candidate in [name] if name is not None else [make(path) for make in NAMES]:
            if self._names.setdefault(candidate, path) == path:
                return candidate
        raise BadArgument(f"PipelinePool: {self._names[candidate]} is called {candidate!r} already, as {path} would "
                          "be. Give a name.")

    def _join(self, address: str) -> Workers:
        from eegcore.batch.cluster import ClusterWorkers

        cluster = ClusterWorkers(address)
        try:
            cluster.probe(str(self._home), [])
        except BaseException:
            cluster.close()
            raise
        self._cluster = cluster
        return cluster

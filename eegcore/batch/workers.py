"""Worker processes of this machine, each with one recording at a time.

Every worker is a pool of one process: when it is killed, exactly the recording
it held is tried again, in a new process, and the others are not touched.
Processes are spawned, never forked: the parent has threads. They ignore Ctrl-C,
which is the parent's to decide, and leave when the parent is gone.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import multiprocessing
import os
import queue
import signal
import threading
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import resource_tracker
from multiprocessing.connection import wait

from eegcore.batch.attempt import attempt, killed_too_often
from eegcore.batch.outcome import Outcome, Task, not_done
from eegcore.batch.placing import discard

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4                  # of mallopt(3)
MOST_KEPT = 2**31 - 1


class Worker:
    """One process, started when it is needed and again when it was killed. Used by one thread at a time."""

    def __init__(self) -> None:
        self._executor: ProcessPoolExecutor | None = None
        self.pid: int | None = None
        self.name = ""                                 # of the recording in it

    def run(self, task: Task) -> Outcome:
        """Return the outcome of an attempt; BrokenProcessPool if the process was killed meanwhile."""
        try:
            if self._executor is None:
                self._executor = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), _begin)
                self.pid = self._executor.submit(os.getpid).result()
            return self._executor.submit(_work, task).result()
        except BrokenProcessPool:
            self.close()
            raise

    def close(self) -> None:
        """Let the process end, and wait for it."""
        executor, self._executor, self.pid = self._executor, None, None
        if executor is not None:
            executor.shutdown(wait=True)

    def kill(self) -> None:
        """End the process at once. [any-thread]"""
        pid = self.pid
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


class LocalWorkers:
    """At most `n_workers` recordings at once, each in a process of its own."""

    def __init__(self, n_workers: int) -> None:
        self._threads = ThreadPoolExecutor(n_workers, "batch", _without_interrupts)
        self._free: queue.SimpleQueue[Worker] = queue.SimpleQueue()
        self._all = [Worker() for _ in range(n_workers)]
        for worker in self._all:
            self._free.put(worker)
        self._stopping = False

    def submit(self, task: Task) -> Future[Outcome]:
        """Begin with a task as soon as a worker is free."""
        return self._threads.submit(self._carry_out, task)

    def working(self) -> list[str]:
        """Return the names of the recordings being worked on."""
        return [worker.name for worker in self._all if worker.name]

    @property
    def pids(self) -> list[int]:
        """Return the processes that are there now."""
        return [worker.pid for worker in self._all if worker.pid is not None]

    def stop(self, at_once: bool) -> None:
        """Begin nothing more; `at_once`: give up what is being worked on."""
        self._stopping = True
        if at_once:
            for worker in self._all:
                worker.kill()

    def close(self) -> None:
        """Wait for what was begun, and end the processes."""
        self._threads.shutdown(wait=True)
        for worker in self._all:
            worker.close()

    def _carry_out(self, task: Task) -> Outcome:
        if self._stopping:
            return not_done(task, "stopped before it was begun.", stopped=True)
        worker = self._free.get()
        worker.name = task.name
        try:
            for _ in range(task.retries + 1):
                if self._stopping:
                    break
                try:
                    return worker.run(task)
                except BrokenProcessPool:
                    continue
            if self._stopping:
                return not_done(task, "stopped before it was finished.", stopped=True)
            return killed_too_often(task, task.retries + 1)
        finally:
            worker.name = ""
            discard(task)
            self._free.put(worker)


def _without_interrupts() -> None:
    """Block SIGINT in this thread: the processes it starts inherit that, from their first instruction."""
    resource_tracker.ensure_running()                  # when it is started it unblocks SIGINT where it is asked for
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


def _begin() -> None:
    """First thing in a worker: keep memory for the next recording, and leave with the parent, however that ends."""
    _keep_memory()
    parent = multiprocessing.parent_process()

    def watch() -> None:
        wait([parent.sentinel])                        # type: ignore[union-attr]
        os._exit(1)

    if parent is not None:
        threading.Thread(target=watch, name="parent", daemon=True).start()


def _work(task: Task) -> Outcome:
    """Attempt a recording and let go of it: `_keep_memory` is worth it if its memory is free before the next begins.

    What has run is held in circles. Modules are looked through once, by the first; the others take 0.1 ms.
    """
    outcome = attempt(task)
    gc.collect()
    if gc.get_freeze_count() == 0:
        gc.freeze()
    return outcome


def _keep_memory() -> None:
    """Let the C library keep what was freed: the memory of one recording is that of the next.

    Given back and asked for again, each of its pages would be cleared by the kernel once more, and memory is what
    workers share. Other C libraries than glibc go on as they do.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_MAX, 0)
        mallopt(M_TRIM_THRESHOLD, MOST_KEPT)

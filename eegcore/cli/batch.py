"""``batch``: one pipeline over many recordings, on this machine or on a cluster."""

from __future__ import annotations

import argparse
import json
import queue
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

from eegcore.batch.inputs import find_recordings, name_all
from eegcore.batch.outcome import Outcome
from eegcore.batch.pool import PipelinePool
from eegcore.cli.batch_table import one_line, print_table
from eegcore.errors import BadArgument

LOOK_S = 0.2


def batch(arguments: argparse.Namespace) -> int:
    """Process every recording; status 1 if one has no result, 130 if it was stopped."""
    if arguments.scheduler is not None and arguments.jobs is not None:
        raise BadArgument("--jobs: it goes with this machine, and --scheduler is given. The cluster has the workers it "
                          "has. Leave one of them out.")
    recordings = find_recordings(arguments.inputs)
    names = name_all(recordings)
    began = time.monotonic()
    stops = {"n": 0}
    with PipelinePool(arguments.file, max_concurrent=arguments.jobs, out=arguments.out, retries=arguments.retries,
                      overrides=arguments.overrides, scheduler=arguments.scheduler) as pool:
        pool.check(recordings)
        with _counting_signals(stops), _progress(len(recordings)) as say:
            outcomes = dict(_outcomes(pool, {path: names[path] for path in recordings}, stops, say))
    found = [outcomes[path] for path in recordings]
    failed = [outcome for outcome in found if not outcome.ok]
    elapsed = time.monotonic() - began
    if arguments.json:
        print(json.dumps({"outcomes": [outcome.as_dict() for outcome in found], "failed": len(failed),
                          "stopped": sum(outcome.stopped for outcome in found), "elapsed_s": round(elapsed, 3)},
                         indent=2))
    else:
        print_table(found, names, elapsed)
    return 130 if stops["n"] else 1 if failed else 0


def _outcomes(pool: PipelinePool, names: dict[str, str], stops: dict[str, int],
              say: Say) -> Iterator[tuple[str, Outcome]]:
    """Yield (recording, outcome) as they come; a signal lets begun ones finish, a second one does not."""
    done: queue.SimpleQueue[Future[Outcome]] = queue.SimpleQueue()
    futures: dict[Future[Outcome], str] = {}
    for path, name in names.items():
        future = pool.execute(path, name=name)
        futures[future] = path
        future.add_done_callback(done.put)
    answered = 0
    left, obeyed = len(futures), 0
    while left:
        if stops["n"] > obeyed:
            obeyed = stops["n"]
            say.line("Stopping: what was begun is finished; Ctrl-C again gives it up." if obeyed == 1
                     else "Stopping at once.")
            pool.stop(at_once=obeyed > 1)
        try:
            future = done.get(timeout=LOOK_S)
        except queue.Empty:
            continue
        outcome = future.result()
        left -= 1
        answered += 1
        say.done(answered, names[futures[future]], outcome, pool.working())
        yield futures[future], outcome


class Say:
    """Tells people how far it is: a bar where they look on, a line for each recording elsewhere."""

    def __init__(self, total: int, bar: Any = None) -> None:
        self._total, self._bar = total, bar
        self._task = bar.add_task("batch", total=total, current="") if bar is not None else None

    def done(self, n: int, name: str, outcome: Outcome, working: Sequence[str]) -> None:
        """Say that one more recording is done, and which are being worked on."""
        if self._bar is None:
            self.line(f"{n}/{self._total} {one_line(name, outcome)}")
            return
        if not outcome.ok:
            self._bar.console.print(one_line(name, outcome), markup=False, highlight=False)
        self._bar.update(self._task, completed=n, current=", ".join(working))

    def line(self, text: str) -> None:
        """Say something else."""
        if self._bar is None:
            print(text, file=sys.stderr, flush=True)
        else:
            self._bar.console.print(text, markup=False, highlight=False)


@contextmanager
def _progress(total: int) -> Iterator[Say]:
    if not sys.stderr.isatty():
        yield Say(total)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (MofNCompleteColumn(), BarColumn(), TimeRemainingColumn(),
               TextColumn("{task.fields[current]}", markup=False))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        yield Say(total, bar)


@contextmanager
def _counting_signals(stops: dict[str, int]) -> Iterator[None]:
    """Count Ctrl-C and SIGTERM instead of being ended by them."""
    def stop(number: int, frame: object) -> None:
        stops["n"] += 1

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

"""``run``: a pipeline without a server. Prints the ledger; Ctrl-C drains and finalises."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from eegcore import logs
from eegcore.config import PipelineConfig
from eegcore.control.preparing import prepare
from eegcore.errors import BadArgument, EegcoreError
from eegcore.graph.plan_json import plan_load
from eegcore.graph.plan_types import Plan
from eegcore.graph.run import GraphRun
from eegcore.graph.supervisor import Supervisor
from eegcore.recording.keeper import Keeper
from eegcore.sinks.ledger_file import format_ledger

PROGRESS_S = 0.5
MOST_SECONDS = 1e9


def run(arguments: argparse.Namespace) -> int:
    """Run until the sources end, ``--seconds`` have passed, or a signal comes."""
    if arguments.seconds is not None and not 0 < arguments.seconds <= MOST_SECONDS:
        raise BadArgument(f"--seconds: {arguments.seconds:g} is no duration. Above 0, up to {MOST_SECONDS:g}. "
                          "Leave it out to run until Ctrl-C.")
    config, plan = _plan(arguments)
    logs.setup(json=arguments.log_json, level="DEBUG" if arguments.debug else arguments.log_level)
    try:
        return _run(config, plan, arguments)
    finally:
        logs.shutdown()


def _plan(arguments: argparse.Namespace) -> tuple[PipelineConfig | None, Plan]:
    if (arguments.file is None) == (arguments.plan is None):
        raise BadArgument("run: give either a pipeline FILE or --plan PLAN.json.")
    if arguments.plan is not None:
        if arguments.overrides:
            raise BadArgument("--plan: a plan runs as it is. --set needs a pipeline FILE. Leave one of them out.")
        try:
            return None, plan_load(Path(arguments.plan).read_text())
        except OSError as error:
            raise BadArgument(f"{arguments.plan}: cannot be read [{error.strerror}]. Give the output of "
                              "validate --json.") from None
        except ValueError as error:
            raise BadArgument(f"{arguments.plan}: {error}") from None
    return prepare(Path(arguments.file), overrides=arguments.overrides,
                   clock="virtual" if arguments.virtual else None)


def _run(config: PipelineConfig | None, plan: Plan, arguments: argparse.Namespace) -> int:
    ended = threading.Event()
    result: dict[str, Any] = {}

    def on_end(ledger: dict[str, Any], failure: EegcoreError | None) -> None:
        result.update(ledger=ledger, failure=failure)
        ended.set()

    supervisor: list[Supervisor] = []
    try:
        keeper = Keeper(document=lambda: (1, config.merged() if config is not None else {}))
        graph = GraphRun(plan, seconds=arguments.seconds, keeper=keeper,
                         on_alarm=lambda *alarm: supervisor[0].alarm(*alarm) if supervisor else None)
    except (LookupError, TypeError, ValueError, ArithmeticError) as error:
        if arguments.plan is None or isinstance(error, EegcoreError):
            raise
        raise BadArgument(f"{arguments.plan}: plan: cannot be built ({type(error).__name__}: {error}). Make the plan "
                          "again with this version.") from error
    supervisor.append(Supervisor(graph, lambda event: None, on_end))
    stops = stop_on_signals(graph)
    started = time.monotonic()
    graph.start()
    supervisor[0].start()
    _wait(ended, graph, plan, arguments)
    elapsed = time.monotonic() - started
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    ledger, failure = result["ledger"], result["failure"]
    stats = graph.stats()
    if arguments.json:
        sinks = {sink: str(error) for sink, error in graph.sink_failures().items()}
        print(json.dumps({**ledger, "elapsed_s": round(elapsed, 3), "signals": stops["n"],
                          "truth": {source: graph.truth(source) for source in ledger["sources"]},
                          "stats": {"sources": stats["sources"], "sinks": stats["sinks"]},
                          "failure": str(failure) if failure else None, "sink_failures": sinks}, indent=2))
    else:
        print(format_ledger(ledger))
        for source, figures in stats["sources"].items():
            if figures["read_p50_us"] and plan.clock == "real":
                print(f"{source}: {figures['rate_sps'] or 0:.3f} SPS; from edge to frame p50 "
                      f"{figures['read_p50_us']:.0f} us, p99 {figures['read_p99_us']:.0f} us, "
                      f"max {figures['read_max_us']:.0f} us")
        seconds = _signal_seconds(plan, ledger)
        if seconds and elapsed > 0:
            print(f"{seconds:.1f} s of signal in {elapsed:.2f} s: {seconds / elapsed:.1f} x real time")
    return exit_status(graph, ledger, failure)


def exit_status(graph: GraphRun, ledger: dict[str, Any], failure: EegcoreError | None) -> int:
    """Return 1 for a failure, a file that is not whole, or a ledger that does not balance; else 0."""
    if failure is not None:
        print(failure, file=sys.stderr)
        return 1
    broken = graph.broken_sinks()
    for problem in broken:
        print(problem, file=sys.stderr)
    return 1 if broken or not ledger["balanced"] else 0


def _signal_seconds(plan: Plan, ledger: dict[str, Any]) -> float:
    return max((entry["edges"] / plan.stage(source).outputs[0].stream.sps
                for source, entry in ledger["sources"].items()), default=0.0)


def stop_on_signals(graph: GraphRun) -> dict[str, int]:
    """First Ctrl-C or SIGTERM: drain. Second: stop at once. Returns the count."""
    seen = {"n": 0}

    def stop(number: int, frame: object) -> None:
        seen["n"] += 1
        if seen["n"] == 1:
            graph.request_stop()
        else:
            graph.abort()

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    return seen


def _wait(ended: threading.Event, graph: GraphRun, plan: Plan, arguments: argparse.Namespace) -> None:
    """Wait, with a progress bar on a terminal when the end is known."""
    total = _total_frames(plan, arguments.seconds)
    if total is None or arguments.json or not sys.stderr.isatty():
        while not ended.wait(PROGRESS_S):
            pass
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.completed:.0f} of {task.total:.0f} frames"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, transient=True) as progress:
        task = progress.add_task("run", total=total)
        while not ended.wait(PROGRESS_S):
            progress.update(task, completed=graph.ledger()["frames"])


def _total_frames(plan: Plan, seconds: float | None) -> float | None:
    totals = []
    for stage in plan.stages:
        if stage.role == "source":
            stream = stage.outputs[0].stream
            known = stream.meta.get("n_frames") if not stage.settings.get("loop") else None
            limits = [limit for limit in (known, seconds * stream.sps if seconds else None) if limit]
            totals.append(min(limits) if limits else None)
    return None if None in totals or not totals else sum(total for total in totals if total is not None)

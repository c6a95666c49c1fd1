"""``record``: record a pipeline without a server. Ctrl-C finalises; prints the folder and the ledger."""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from pathlib import Path
from typing import Any, Literal

from eegcore import logs
from eegcore.cli.run import MOST_SECONDS, PROGRESS_S, exit_status, stop_on_signals
from eegcore.config import PipelineConfig
from eegcore.control.preparing import prepare
from eegcore.errors import BadArgument, EegcoreError, StateConflict
from eegcore.graph.plan_types import Plan
from eegcore.graph.run import GraphRun
from eegcore.graph.supervisor import Supervisor
from eegcore.recording.adding import new_recorder, recorders
from eegcore.recording.info import session_info
from eegcore.recording.keeper import Keeper
from eegcore.sinks.ledger_file import format_ledger

WORDS = ("participant", "notes", "task", "session")


def record(arguments: argparse.Namespace) -> int:
    """Record until the source ends, ``--seconds`` have passed, or a signal comes."""
    if arguments.seconds is not None and not 0 < arguments.seconds <= MOST_SECONDS:
        raise BadArgument(f"--seconds: {arguments.seconds:g} is no duration. Above 0, up to {MOST_SECONDS:g}. "
                          "Leave it out to record until Ctrl-C.")
    config, plan = _prepared(arguments)
    logs.setup(json=arguments.log_json, level="DEBUG" if arguments.debug else arguments.log_level)
    try:
        return _record(config, plan, arguments)
    finally:
        logs.shutdown()


def _prepared(arguments: argparse.Namespace) -> tuple[PipelineConfig, Plan]:
    """Return the pipeline with a recorder that records from the start, and says what the arguments say."""
    clock: Literal["virtual"] | None = "virtual" if arguments.virtual else None
    config, plan = prepare(Path(arguments.file), overrides=arguments.overrides, clock=clock)
    document = config.merged(defaults=False)
    found = [stage.id for stage in recorders(plan)]
    if not found:
        try:
            stage_id, declaration = new_recorder(plan)
        except StateConflict as error:
            raise BadArgument(f"{arguments.file}: {error}", code=error.code) from None
        document["stages"][stage_id] = declaration
        found = [stage_id]
    given: dict[str, Any] = {word: value for word in WORDS if (value := getattr(arguments, word)) is not None}
    given |= {word: True for word in ("bids", "csv") if getattr(arguments, word)}
    session_info(given)                                # a mistake in an argument is told as one
    for stage_id in found:
        document["stages"][stage_id] |= {"armed": False, "folder": arguments.out, **given}
    return prepare(document, clock=clock, name=str(arguments.file))


def _record(config: PipelineConfig, plan: Plan, arguments: argparse.Namespace) -> int:
    ended = threading.Event()
    result: dict[str, Any] = {}
    folders: list[str] = []

    def on_end(ledger: dict[str, Any], failure: EegcoreError | None) -> None:
        result.update(ledger=ledger, failure=failure)
        ended.set()

    keeper = Keeper(arguments.out, lambda: (1, config.merged()), lambda last: folders.append(last["folder"]))
    supervisor: list[Supervisor] = []
    graph = GraphRun(plan, seconds=arguments.seconds, keeper=keeper,
                     on_alarm=lambda *alarm: supervisor[0].alarm(*alarm) if supervisor else None)
    supervisor.append(Supervisor(graph, lambda event: None, on_end))
    stop_on_signals(graph)
    graph.start()
    for active in keeper.active():
        print(f"recording: {active.session.folder}", file=sys.stderr, flush=True)
    supervisor[0].start()
    _watch(ended, keeper)
    ledger, failure = result["ledger"], result["failure"]
    if arguments.json:
        print(json.dumps({**ledger, "folders": folders}, indent=2))
    else:
        print(format_ledger(ledger))
        for folder in folders:
            print(f"recorded: {folder}")
    return exit_status(graph, ledger, failure)


def _watch(ended: threading.Event, keeper: Keeper) -> None:
    """Wait for the end; say how it stands, on one line of a terminal, or as a line a minute."""
    on_terminal = sys.stderr.isatty()
    next_line = time.monotonic() + (0 if on_terminal else 60)
    while not ended.wait(PROGRESS_S):
        if time.monotonic() < next_line:
            continue
        next_line = time.monotonic() + (0 if on_terminal else 60)
        for active in keeper.active()[:1]:
            status = keeper.status(active.sink.sink_id)
            if status is not None:
                print(_line(status), end="\r" if on_terminal else "\n", file=sys.stderr, flush=True)
    if on_terminal:
        print(" " * 78, end="\r", file=sys.stderr, flush=True)


def _line(status: dict[str, Any]) -> str:
    left = status["seconds_left"]
    room = "" if left is None else f", room for {left / 3600:.1f} h"
    return (f"recording {status['seconds']:.1f} s, {status['frames']} frames, {status['bytes'] / 2**20:.1f} MiB{room}"
            .ljust(78)[:78])

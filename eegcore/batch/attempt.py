"""One attempt at one recording, in a worker: plan, run, put the files into place."""

from __future__ import annotations

import os
import threading
import time
from typing import Any

from eegcore.batch.outcome import Outcome, Task, not_done
from eegcore.batch.placing import Attempt, exists, is_stopping
from eegcore.batch.recipe import plan_task
from eegcore.errors import EegcoreError
from eegcore.graph.plan_types import Plan
from eegcore.graph.run import GraphRun
from eegcore.graph.supervisor import Supervisor
from eegcore.recording.keeper import Keeper

MOST_WARNINGS = 20


def attempt(task: Task) -> Outcome:
    """Process one recording and return what came of it; whatever goes wrong with it is in the outcome.

    Called in a worker process, on this machine or another; for a task whose worker was killed it is called again.
    """
    began = time.monotonic()
    try:
        return _attempt(task, began)
    except EegcoreError as error:
        return not_done(task, str(error), seconds=time.monotonic() - began)
    except OSError as error:
        return not_done(task, f"{error.filename or task.out}: {error.strerror or error} [errno {error.errno}]. "
                        "Check the folder of the outputs.", seconds=time.monotonic() - began)
    except Exception as error:                         # one recording must not cost the others
        return not_done(task, f"{task.input}: {type(error).__name__}: {error}. Report this with the recording.",
                        seconds=time.monotonic() - began)


def _attempt(task: Task, began: float) -> Outcome:
    if is_stopping(task):
        return not_done(task, "stopped before it was begun.", stopped=True)
    files = Attempt(task)
    found = files.earlier()
    if found is not None:
        return found
    if files.number > task.retries + 1:
        return killed_too_often(task, files.number - 1)
    files.begin([])                                    # from here on a killed worker has cost an attempt
    try:
        plan = plan_task(task)
        targets = redirect(plan, task, files)
        for target in targets:
            if "{start}" not in target and os.path.lexists(target):
                raise exists(target)
        outcome = _run(plan, task, files.number, began)
        return files.commit(outcome) if outcome.ok else outcome
    finally:
        files.clear()


def killed_too_often(task: Task, attempts: int) -> Outcome:
    """Return the outcome of a recording whose worker never comes back."""
    return not_done(task, f"{task.input}: its worker process was killed {attempts} times (out of memory, or by "
                    "somebody). Use fewer jobs, or look into the system log.", attempts=attempts)


def redirect(plan: Plan, task: Task, files: Attempt) -> list[str]:
    """Let the file sinks of a plan write aside; return where their files belong.

    ``{input}`` is the name of the task. A path without it gets it in front of its file name: otherwise all recordings
    would have one file.
    """
    sinks = {stage.id for stage in plan.stages if stage.role == "sink"}
    nodes = [node for group in plan.groups for node in group.nodes
             if node.members[0] in sinks and node.params.get("path")]
    targets = {node.members[0]: target_of(node.params["path"], task) for node in nodes}
    twice = [target for target in targets.values() if list(targets.values()).count(target) > 1]
    if twice:
        raise exists(twice[0])
    files.begin({os.path.dirname(target) for target in targets.values()})
    for node in nodes:
        folder, name = os.path.split(targets[node.members[0]])
        node.params["path"] = os.path.join(files.aside(folder), name)
    return list(targets.values())


def target_of(template: str, task: Task) -> str:
    """Return the path of an output, absolute; ``{start}`` may be left in it."""
    folder, name = os.path.split(template)
    if "{input}" not in template:
        name = f"{task.name}_{name}"
    return os.path.normpath(os.path.join(task.out, folder, name).replace("{input}", task.name))


def _run(plan: Plan, task: Task, number: int, began: float) -> Outcome:
    """Run a plan to its end."""
    ended = threading.Event()
    result: dict[str, Any] = {}
    warnings: list[str] = [f"{task.input}: left out: {name!r} ({why})"
                           for name, why in plan.stage(task.source).outputs[0].stream.meta.get("left_out", {}).items()]

    def on_event(event: dict[str, Any]) -> None:
        if event["event"] == "alarm" and len(warnings) < MOST_WARNINGS:
            warnings.append(event["message"])

    def on_end(ledger: dict[str, Any], failure: EegcoreError | None) -> None:
        result.update(ledger=ledger, failure=failure)
        ended.set()

    graph = GraphRun(plan, keeper=Keeper())
    supervisor = Supervisor(graph, on_event, on_end)
    graph.start()
    supervisor.start()
    graph.join()
    supervisor.wake()                                  # it looks ten times a second; a short recording is done by then
    ended.wait()
    ledger, failure = result["ledger"], result["failure"]
    stream = plan.stage(task.source).outputs[0].stream
    problems = [str(failure)] if failure is not None else []
    problems += graph.broken_sinks()
    if not problems and not ledger["balanced"]:
        problems.append("ledger: an identity does not hold. This is a bug in eegcore: report it with the recording.")
    return Outcome(task.input, (), ledger["frames"], ledger["lost"], ledger["frames"] / stream.sps,
                   time.monotonic() - began, number, " ".join(problems) or None, False, tuple(warnings), ledger)


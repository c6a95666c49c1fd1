"""Changes while a run begins, ends, is stopped, aborted or finished, and taps come and go: the books are right."""

from __future__ import annotations

import copy
import random
import threading
import time
from typing import Any

import pytest
from topology_patches import Editor

from eegcore.errors import ConfigError, EegcoreError, StateConflict
from eegcore.graph.plan_types import Plan
from eegcore.graph.run import GraphRun
from eegcore.pipeline import Pipeline
from eegcore.sinks.ledger_file import check_ledger

BOARD: dict[str, Any] = {"board": "emulator", "sps": 16_000, "channels": 8, "batch": 16}
ENDS = ["natural", "stop", "abort", "finish"]


def plans_of(seed: int, n_plans: int) -> list[Plan]:
    """Plans each of which is one random change away from the one before."""
    editor, plans = Editor(seed, BOARD), []
    while len(plans) < n_plans:
        before = copy.deepcopy(editor.stages)
        try:
            plans.append(Pipeline(editor.document(), clock="virtual").plan)
        except ConfigError:                            # such a pipeline cannot be
            editor.stages = before
        editor.change()
    return plans


class Crowd:
    """One thread that changes a run as fast as it can, and some that listen for a while, over and over."""

    def __init__(self, run: GraphRun, plans: list[Plan], seed: int) -> None:
        self.run, self.plans, self.random = run, plans, random.Random(seed)
        self.over = threading.Event()
        self.trouble: list[BaseException] = []
        bodies = [self.edit, *[lambda stage=stage: self.listen(stage) for stage in ("kept", "kept_far", "tail")]]
        self.threads = [threading.Thread(target=self.guarded, args=(body,)) for body in bodies]
        for thread in self.threads:
            thread.start()

    def guarded(self, body: Any) -> None:
        try:
            body()
        except BaseException as error:
            self.trouble.append(error)

    def edit(self) -> None:
        for number, plan in enumerate(self.plans):
            if self.over.is_set():
                return
            try:
                self.run.change(plan, at_frame=self.random.choice([None, None, None, 500 * number]))
            except StateConflict:                      # it has ended, or a part of it
                if not self.run.is_alive:
                    return

    def listen(self, stage: str) -> None:
        while not self.over.is_set():
            try:
                number, tap = self.run.open_tap(stage)
            except EegcoreError:                       # more than two, one of which is being closed
                continue
            until = time.monotonic() + self.random.choice([0.002, 0.02, 5.0])
            while time.monotonic() < until and not self.over.is_set() and (packets := tap.wait(0.2)) is not None:
                for p in packets:
                    p.release()
            self.run.close_tap(number)
            if not self.run.is_alive:
                return

    def join(self) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join(30)
            assert not thread.is_alive()
        assert self.trouble == []


@pytest.mark.parametrize("n_runs", [8, pytest.param(400, marks=pytest.mark.deep)])
def test_whatever_ends_a_run_the_books_are_right(n_runs):
    plans = plans_of(3, 24 if n_runs < 100 else 300)
    for seed in range(n_runs):
        chance = random.Random(seed)
        run = GraphRun(plans[0], seconds=chance.choice([0.02, 0.1, 0.4, 2.0]), config_rev=1)
        starts_late = chance.random() < 0.3
        if not starts_late:
            run.start()
        crowd = Crowd(run, plans[1:], seed)
        try:
            if starts_late:
                run.start()
            time.sleep(chance.random() * 0.1)
            end = ENDS[seed % len(ENDS)]
            if end == "natural":
                assert run.join(30)
            elif end == "stop":
                run.request_stop()
            elif end == "abort":
                run.abort()
        finally:
            ledger = run.finish()
            crowd.join()
        assert check_ledger(ledger) == []
        assert ledger["balanced"], (seed, ledger)
        assert run.failure() is None

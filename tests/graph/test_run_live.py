"""Settings that change on the real clock, while taps, pauses, stops and failures happen beside them."""

from __future__ import annotations

import gc
import threading
import time
from typing import Any

import numpy as np
import pytest
import scipy.signal  # noqa: F401  (designs are made in this process then, and not in a child)

from eegcore.errors import StateConflict
from eegcore.pipeline import Pipeline, Run
from eegcore.sinks.ledger_file import check_ledger

BOARD = {"acquire": {"board": "emulator", "sps": 2000, "channels": 8}}
CHAIN: list[dict[str, Any]] = [{"to_voltage": {}}, {"notch": {"hz": 60}}, {"bandpass": {"low_hz": 1, "high_hz": 45}}]
BEHIND: list[dict[str, Any]] = [
    {"null_sink": {}}, {"select": {"labels": ["Fp1"], "inputs": "notch", "group": "far"}},
    {"null_sink": {"id": "one", "inputs": "select"}}]


def edit(run: Run, until: threading.Event, rng: np.random.Generator, made: list[int]) -> None:
    while not until.is_set():
        stage, settings = [("notch", {"hz": float(rng.choice([50, 60])), "q": float(rng.choice([10, 20, 30]))}),
                           ("bandpass", {"low_hz": float(rng.choice([0.5, 1, 2])), "order": int(rng.integers(1, 5))}),
                           ][rng.integers(2)]
        try:
            made.append(run.update(stage, **settings))
        except StateConflict:
            return
        time.sleep(float(rng.uniform(0, 0.02)))


def balanced(run: Run) -> dict[str, Any]:
    ledger = run.ledger()
    assert check_ledger(ledger) == []
    assert ledger["balanced"]
    return ledger


@pytest.mark.parametrize("clock", ["real", "virtual"])
def test_changes_from_two_threads_while_the_run_is_looked_at_paused_and_resumed(clock):
    made: list[int] = []
    until = threading.Event()
    seconds = 1.5 if clock == "real" else 400.0
    with Pipeline([BOARD, *CHAIN, *BEHIND], clock=clock).run(seconds=seconds) as run:
        editors = [threading.Thread(target=edit, args=(run, until, np.random.default_rng(k), made)) for k in range(2)]
        for editor in editors:
            editor.start()
        for _ in range(3):
            packets = [(p.config_rev, np.isfinite(p.data).all()) for p in run.tap("bandpass", seconds=0.05)]
            revs = [rev for rev, _ in packets]
            assert revs == sorted(revs)
            assert all(finite for _, finite in packets)
            run.stats()
            run.pause()
            run.resume()
        time.sleep(0.3)
        until.set()
        for editor in editors:
            editor.join()
    ledger = balanced(run)
    assert ledger["lost"] == 0
    assert sorted(made) == list(range(2, len(made) + 2))
    assert len(made) > 3


def test_a_paused_run_changes_when_it_goes_on():
    with Pipeline([BOARD, *CHAIN, *BEHIND]).run() as run:
        next(run.tap("bandpass", timeout_s=60))
        run.pause()
        time.sleep(0.05)
        assert [run.update("notch", hz=50), run.update("notch", hz=55)] == [2, 3]
        time.sleep(0.15)
        assert run._graph.live.collect() > 0               # they wait for a frame
        heard = run.tap("notch", timeout_s=60)
        run.resume()
        while next(heard).config_rev != 3:
            pass
        run.stop()
    balanced(run)


@pytest.mark.parametrize("end", ["stop", "abort", "never started"])
def test_changes_on_their_way_are_not_left_behind_by_any_end(end):
    pipe = Pipeline([BOARD, *CHAIN, *BEHIND])
    run = pipe.run()
    for frame in (10, 10**9, 10**9 + 1):
        run.update("notch", hz=50, at_frame=frame)
    if end != "never started":
        with run:
            next(run.tap("bandpass", timeout_s=60))
            run.update("notch", q=10)
            if end == "abort":
                run._graph.abort()
        balanced(run)
        with pytest.raises(StateConflict, match="has ended"):
            run.update("notch", hz=50)
    del run
    gc.collect()

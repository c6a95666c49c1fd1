"""Any change of a running graph: untouched branches do not notice, every packet is of one revision."""

from __future__ import annotations

import copy
import threading
from typing import Any

import numpy as np
import pytest
from topology_patches import Editor

from eegcore.errors import ConfigError
from eegcore.graph.run import GraphRun
from eegcore.pipeline import Pipeline
from eegcore.sinks.ledger_file import check_ledger

BOARD: dict[str, Any] = {"board": "emulator", "sps": 16_000, "channels": 8, "batch": 16}


class Ears:
    """Taps on some outputs of a run, each read by a thread of its own."""

    def __init__(self, run: GraphRun, *stages: str) -> None:
        self.heard: dict[str, list[tuple[int, int, float, int, Any]]] = {stage: [] for stage in stages}
        self.reached = dict.fromkeys(stages, -1)       # frame of the newest packet that each has in its hands
        self._threads = []
        self.allowed = 1 << 60                         # nobody reads on from a packet behind this frame
        self.more = threading.Condition()
        for stage in stages:
            _, tap = run.open_tap(stage)
            self._threads.append(threading.Thread(target=self._read, args=(stage, tap), daemon=True))
            self._threads[-1].start()

    def _read(self, stage: str, tap: Any) -> None:
        while (packets := tap.wait(20.0)) is not None:
            assert packets, f"{stage}: nothing came for 20 s"
            for p in packets:
                with self.more:
                    self.reached[stage] = p.frame_index
                    self.more.notify_all()
                    assert self.more.wait_for(lambda at=p.frame_index: at <= self.allowed, 30)
                self.heard[stage].append((p.frame_index, p.n_frames, p.step_num / p.step_den, p.config_rev,
                                          np.array(p.data) if stage.startswith("kept") else None))
                p.release()

    def read_on(self, frame: int, *, wait: bool = False) -> None:
        """Let readers come so far, which lets the run come a little further; and see them there if told to."""
        with self.more:
            self.allowed = frame
            self.more.notify_all()
            if wait:
                assert self.more.wait_for(lambda: min(self.reached.values()) > frame, 30), self.reached

    def join(self) -> None:
        for thread in self._threads:
            thread.join(30.0)
            assert not thread.is_alive()


def changed_run(seed: int, n_patches: int, apart: int = 300, frames: int = 0) -> tuple[Ears, GraphRun]:
    """Run with a change every so many frames that were heard; return what was heard."""
    editor = Editor(seed, BOARD)
    plan = Pipeline(editor.document(), clock="virtual").plan
    run = GraphRun(plan, seconds=max(frames, n_patches * apart + 4000) / BOARD["sps"], config_rev=1)
    ears = Ears(run, "kept", "kept_far", "tail")
    ears.read_on(0 if n_patches else 1 << 60)
    run.start()
    try:
        for k in range(n_patches):
            before, plan = copy.deepcopy(editor.stages), None
            while plan is None or editor.stages == before:
                editor.change()
                try:
                    plan = Pipeline(editor.document(), clock="virtual").plan
                except ConfigError:                    # such a pipeline cannot be
                    editor.stages = copy.deepcopy(before)
            assert run.change(plan)[0] == k + 2
            ears.read_on((k + 1) * apart, wait=k % 4 != 0)         # else the next change overtakes this one
        ears.read_on(1 << 60)
        assert run.join(120)
    finally:
        ears.read_on(1 << 60)
        ledger = run.finish()
        ears.join()
    assert run.failure() is None
    assert check_ledger(ledger) == []
    assert ledger["balanced"]
    assert ledger["lost"] == 0
    return ears, run


def check_contiguous(packets: list[tuple[int, int, float, int, Any]]) -> None:
    at = 0.0
    for frame, n_frames, step, _, _ in packets:
        assert frame == at
        at = frame + n_frames * step


def check_revisions(packets: list[tuple[int, int, float, int, Any]], begins: list[tuple[int, int]]) -> None:
    """Every packet has the revision of its frame, and none has frames of two."""
    starts = np.array([0, *(frame for _, frame in begins)])
    revs = np.array([1, *(rev for rev, _ in begins)])
    for frame, n_frames, step, rev, _ in packets:
        first, last = np.searchsorted(starts, [frame, frame + (n_frames - 1) * step], side="right") - 1
        assert revs[first] == rev
        assert revs[last] == rev or step > 1


@pytest.mark.parametrize(("seed", "n_patches"), [
    (1, 60), *(pytest.param(seed, 1000, marks=pytest.mark.deep) for seed in range(3))])
def test_random_changes_touch_no_other_branch(seed, n_patches):
    ears, run = changed_run(seed, n_patches)
    begins = [(event.config_rev, event.frame_index) for event in run.journal.events() if event.kind == "config"]
    assert [rev for rev, _ in begins] == list(range(2, n_patches + 2))
    frames = [frame for _, frame in begins]
    assert frames == sorted(frames)
    assert len(set(frames)) > n_patches // 2
    graph = run.built.graph
    assert max(graph.n_nodes, graph.n_edges, graph.n_groups) < 50, "what has left is forgotten"
    for stage in ("kept", "kept_far"):
        check_contiguous(ears.heard[stage])
        check_revisions(ears.heard[stage], begins)
    plain, _ = changed_run(seed, 0, frames=n_patches * 300 + 4000)
    for stage in ("kept", "kept_far"):
        mine, theirs = (np.concatenate([part[4] for part in found.heard[stage]]) for found in (ears, plain))
        assert len(mine) == len(theirs)
        assert np.array_equal(mine, theirs), stage

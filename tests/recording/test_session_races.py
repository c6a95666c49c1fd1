"""Changes race with the beginnings of recordings: what is recorded is of one configuration, whoever was first."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
import scipy.signal  # noqa: F401 -- filters are designed in this process, not in a child for each
from session_folder import SPS

from eegcore.control.controller import Controller
from eegcore.errors import Locked
from eegcore.sinks.bdf_recording import Recording

# the rings are long: a machine that is busy with other things must not end a run here
PIPELINE = {"version": 1, "runtime": {"queue": 4096}, "stages": [
    {"acquire": {"board": "emulator", "sps": SPS, "channels": 4, "batch": 1}}, {"select": {"channels": [1, 2]}},
    {"bdf_sink": {"armed": True, "keep_free_bytes": 0, "keep_free_s": 0}},
    {"to_voltage": {"inputs": "acquire"}}, {"gain": {}}, {"null_sink": {}}]}


class Editor(threading.Thread):
    """Changes what is recorded, and what is not, until a lock is in the way."""

    def __init__(self, controller: Controller, random: Random) -> None:
        super().__init__()
        self._controller, self._random = controller, random
        self.made: list[int] = []                      # revisions that reach the recorder
        self.beside: list[int] = []                    # and those that do not
        self.refused: list[str] = []
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            while not self.refused:
                if self._random.random() < 0.3:
                    self.beside.append(self._controller.update("gain", "factor", self._random.random()))
                    continue
                try:
                    self.made.append(self._way()())
                except Locked as error:
                    self.refused = list(error.holders)
        except BaseException as error:
            self.failure = error

    def _way(self) -> Callable[[], int]:
        """Another order of channels, another stage in front of the recorder, one more or one less above it."""
        controller, held = self._controller, self._controller.config()["stages"]
        first = "more" if "more" in held else "acquire"
        other = [2, 1] if held["select"]["channels"] == [1, 2] else [1, 2]
        ways: list[Callable[[], int]]
        if held["bdf_sink"]["inputs"] == ["select"]:
            ways = [lambda: controller.update("select", "channels", other),
                    lambda: controller.update("bdf_sink", "inputs", [first])]
        else:
            ways = [lambda: controller.update("bdf_sink", "inputs", ["select"])]
        if "more" in held:
            ways.append(lambda: controller.remove_stage("more"))
        else:
            ways.append(lambda: controller.add_stage("more", {"select": {"channels": [3, 1, 2]}}, after="acquire",
                                                     splice=True))
        return self._random.choice(ways)


def spied(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, tuple[str, ...], int]]:
    """Return a list that gets the revision, the labels and the channels of every piece that is recorded."""
    taken: list[tuple[int, tuple[str, ...], int]] = []
    real = Recording.take

    def take(self: Recording, piece: Any) -> None:
        taken.append((piece.config_rev, self._stream.labels, piece.counts.shape[1]))
        real(self, piece)

    monkeypatch.setattr(Recording, "take", take)
    return taken


@pytest.mark.parametrize("runs", [1, pytest.param(100, marks=[pytest.mark.deep, pytest.mark.timeout(3600)])])
def test_no_change_comes_between_the_lock_and_the_end_of_a_recording(tmp_path, monkeypatch, runs):
    taken = spied(monkeypatch)
    for run in range(runs):
        controller = Controller(PIPELINE, recordings=str(tmp_path))
        controller.start()
        try:
            n_made = sum(race(controller, taken, Random(f"{run}.{k}")) for k in range(15 if runs == 1 else 100))
        finally:
            ledger = controller.shutdown(20)
        assert n_made > 3
        assert (ledger["lost"], ledger["balanced"]) == (0, True)


def race(controller: Controller, taken: list[tuple[int, tuple[str, ...], int]], random: Random) -> int:
    """Begin a recording while somebody changes things, and look at what was recorded; return how many changes were."""
    editor = Editor(controller, random)
    editor.start()
    time.sleep(random.random() * 0.03)
    locked: list[int] = []
    lock = controller.lock_stage
    controller.lock_stage = lambda stage_id: locked.append(lock(stage_id)) or locked[-1]  # type: ignore[method-assign]
    begun = controller.start_recording()
    controller.lock_stage = lock  # type: ignore[method-assign]
    editor.join(60)
    if editor.failure is not None:
        raise editor.failure
    assert editor.refused == ["bdf_sink"]
    first = locked.pop()
    assert all(rev < first for rev in editor.made)
    end = time.monotonic() + 20
    while not taken:
        assert time.monotonic() < end, "nothing is recorded"
        time.sleep(2e-3)
    ended = controller.stop_recording()
    plan = controller.run.plan
    source, = plan.stage("bdf_sink").inputs
    labels = plan.stage(source[0]).outputs[0].stream.labels
    assert ended["frames"] == len(taken)
    assert {(entry[1], entry[2]) for entry in taken} == {(labels, len(labels))}
    assert min(entry[0] for entry in taken) >= first
    assert {entry[0] for entry in taken} <= {first, *editor.beside}
    taken.clear()
    shutil.rmtree(begun["folder"])
    return len(editor.made)

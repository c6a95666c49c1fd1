"""For any pipeline and any change: refused by name if it reaches what is recorded, made otherwise."""

from __future__ import annotations

import copy
import itertools
from pathlib import Path
from random import Random
from typing import Any

import pytest
import scipy.signal  # noqa: F401 -- filters are designed in this process, not in a child for each
from hypothesis import given, settings
from hypothesis import strategies as st
from lock_graphs import RECORDERS, Editor, Stages, reached, sources

from eegcore.errors import ConfigError, Locked, NeedsStop
from eegcore.graph.run import GraphRun
from eegcore.pipeline import Pipeline
from eegcore.recording import Keeper

CHANGES = 6
SECONDS = 2.0                                          # of a run that was held up long enough to be changed


class Locking:
    """One graph whose recorders are open or locked, and what becomes of changes of it."""

    def __init__(self, random: Random, folder: Path, *, runs: bool) -> None:
        self.random, self.runs = random, runs
        self.clock = "virtual" if runs else "real"
        pipeline = None
        while pipeline is None:
            self.editor = Editor(random, folder)
            self.first = self.editor.document(self.clock)
            pipeline = self.checked()
        self.stages: Stages = pipeline.config.merged()["stages"]
        self.graph = GraphRun(pipeline.plan, config_rev=1, seconds=SECONDS if runs else None)
        self.keeper = Keeper(str(folder))
        self.locked: set[str] = set()
        self.n = {"locked": 0, "made": 0, "stop": 0}

    def checked(self) -> Pipeline | None:
        """Return the pipeline that the editor has now; None if it cannot be."""
        try:
            return Pipeline(self.editor.document(self.clock))
        except ConfigError:
            return None

    def recorders(self, *types: str) -> list[str]:
        return [name for name, stage in self.stages.items() if stage["type"] in types]

    def hold(self) -> None:
        """Begin some recordings, or lock as a recording does."""
        for name in self.recorders(*(RECORDERS[1:] if self.runs else RECORDERS)):
            if self.random.random() < 0.8:
                if self.runs:
                    self.keeper.begin(self.graph, name)
                else:
                    self.graph.live.lock(name)
                self.locked.add(name)

    def holders(self) -> list[str]:
        """A csv_sink has its file open as long as its graph runs."""
        return [name for name in self.recorders(*RECORDERS)
                if name in self.locked or (self.runs and self.stages[name]["type"] == "csv_sink")]

    def change(self) -> None:
        """Try one change, and compare with what has to become of it."""
        before = copy.deepcopy(self.editor.stages)
        for _ in range(self.random.randint(1, 2)):
            self.editor.change()
        pipeline = self.checked()
        if pipeline is None:
            self.editor.stages = before
            return
        after: Stages = pipeline.config.merged()["stages"]
        hit, revision = reached(self.stages, after, set(self.holders())), self.graph.live.config_rev
        try:
            if hit:
                with pytest.raises(Locked) as caught:
                    self.graph.change(pipeline.plan)
                assert set(caught.value.holders) == hit
                assert caught.value.details["holders"] == caught.value.holders
                assert all(name in str(caught.value) for name in hit)
                self.n["locked"] += 1
            elif sources(self.stages) != sources(after):
                with pytest.raises(NeedsStop):
                    self.graph.change(pipeline.plan)
                self.n["stop"] += 1
            else:
                assert self.graph.change(pipeline.plan)[0] == revision + 1
                self.n["made"] += 1
                self.stages, before = after, copy.deepcopy(self.editor.stages)
                return
            assert self.graph.live.config_rev == revision
        finally:
            self.editor.stages = before
        assert sorted(self.graph.live.holders()) == sorted(self.holders())


def changed(random: Random, folder: Path, *, runs: bool) -> dict[str, int]:
    """Hold recorders and try changes; in a run, see that what is recorded is what is without them."""
    case = Locking(random, folder, runs=runs)
    if not runs:
        case.hold()
        for _ in range(CHANGES):
            case.change()
        return case.n
    graph, taps = case.graph, []
    for name in sources(case.stages):                  # the graph waits for them
        taps.append(graph.open_tap(name)[0])
    graph.start()
    try:
        case.hold()
        for _ in range(CHANGES):
            case.change()
        for tap in taps:
            graph.close_tap(tap)
        assert graph.join(30)
    finally:
        ledger = graph.finish()
    assert (graph.failure(), graph.broken_sinks()) == (None, [])
    assert (ledger["lost"], ledger["balanced"]) == (0, True)
    written = {name: rows(stage["path"]) for name, stage in case.first["stages"].items() if "path" in stage}
    assert written == plain_rows(case.first, folder / "plain")
    return case.n


def plain_rows(document: dict[str, Any], folder: Path) -> dict[str, list[str]]:
    """Run a pipeline that nobody changes; return what its files hold."""
    folder.mkdir()
    names = [name for name, stage in document["stages"].items() if "path" in stage]
    if not names:
        return {}
    for name in names:
        document["stages"][name]["path"] = str(folder / f"{name}.csv")
    graph = GraphRun(Pipeline(document).plan, seconds=SECONDS)
    graph.start()
    assert graph.join(30)
    graph.finish()
    return {name: rows(document["stages"][name]["path"]) for name in names}


def rows(path: str) -> list[str]:
    """Return the lines of samples of a file."""
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    found = [line for line in lines if line[:1].isdigit()]
    assert found
    return found


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    numbers = itertools.count()
    root = tmp_path_factory.mktemp("locks")

    def fresh() -> Path:
        folder = root / str(next(numbers))
        folder.mkdir()
        return folder

    return fresh


SEEDS = st.integers(0, 2**32 - 1)


@settings(max_examples=60)
@given(seed=SEEDS)
def test_a_change_is_refused_exactly_if_it_reaches_a_lock(folders, seed):
    changed(Random(seed), folders(), runs=False)


@settings(max_examples=20)
@given(seed=SEEDS)
def test_a_change_of_a_run_is_refused_exactly_if_it_reaches_an_open_file(folders, seed):
    changed(Random(seed), folders(), runs=True)


@pytest.mark.deep
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("runs", "n"), [(False, 10_000), (True, 3000)])
def test_of_many_changes_exactly_those_that_reach_a_lock_are_refused(folders, runs, n):
    made = {"locked": 0, "made": 0, "stop": 0}
    for seed in range(n):
        for answer, count in changed(Random(seed), folders(), runs=runs).items():
            made[answer] += count
    assert min(made.values()) > n // 10

"""Files come into place whole, once, and over nothing (P1 to P3 of `placing`), wherever the worker is killed."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from eegcore.batch.outcome import Outcome, Task
from eegcore.batch.placing import Attempt, discard, is_stopping, move
from eegcore.errors import FileRefused


class Killed(BaseException):
    """The process is gone: nothing after it runs."""


class Mortal:
    """Counts the system calls of `placing` and dies before, or after, the one chosen."""

    NAMES = ("link", "unlink", "replace", "makedirs", "rename")

    def __init__(self, monkeypatch, at: int | None, after: bool) -> None:
        self.count, self.at, self.after = 0, at, after
        for name in self.NAMES:
            monkeypatch.setattr(os, name, self._watched(getattr(os, name)))

    def _watched(self, call):
        def watched(*arguments, **options):
            self.count += 1
            is_last = self.count == self.at              # calls may hold calls
            if is_last and not self.after:
                raise Killed
            result = call(*arguments, **options)
            if is_last and self.after:
                raise Killed
            return result

        return watched


@pytest.fixture
def task(tmp_path) -> Task:
    (tmp_path / "out/.eegcore-w").mkdir(parents=True)
    return Task("000001", "r", "/r.edf", "", "", (), "playback", str(tmp_path / "out"), ".eegcore-w", 2)


def try_it(task: Task, elsewhere: Path) -> Outcome:
    """What `attempt` does, with two files in two folders in place of a run."""
    files = Attempt(task)
    if (found := files.earlier()) is not None:
        return found
    files.begin([])
    files.begin([str(elsewhere)])
    for folder, name in ((task.out, "a.csv"), (str(elsewhere), "b.csv")):
        for suffix in ("", ".ledger.json"):
            Path(files.aside(folder), name + suffix).write_text(f"{name} of attempt {files.number}")
    found = files.commit(Outcome(task.input, attempts=files.number))
    files.clear()
    return found


def visible(*folders: Path) -> dict[str, str]:
    return {path.name: path.read_text() for folder in folders if folder.exists() for path in folder.iterdir()
            if path.is_file()}


@pytest.mark.parametrize("after", [False, True])
def test_killed_at_any_call_the_next_attempt_leaves_one_set(tmp_path, task, after):
    elsewhere, n = tmp_path / "elsewhere", 0
    while True:
        n += 1
        out = tmp_path / f"out{n}"
        (out / ".eegcore-w").mkdir(parents=True)
        there = tmp_path / f"elsewhere{n}"
        one = Task(**{**task.__dict__, "out": str(out)})
        with pytest.MonkeyPatch.context() as patch:
            mortal = Mortal(patch, n, after)
            try:
                try_it(one, there)
            except Killed:
                pass
            else:
                assert mortal.count < n
                break
        for text in visible(out, there).values():        # P1: what has its name is whole
            assert text.endswith("of attempt 1")
        outcome = try_it(one, there)
        assert outcome.outputs == (str(there / "b.csv"), str(out / "a.csv"))
        found = visible(out, there)
        assert sorted(found) == ["a.csv", "a.csv.ledger.json", "b.csv", "b.csv.ledger.json"]
        assert len({text.partition(" of ")[2] for text in found.values()}) == 1          # P3: of one attempt
        discard(one)
        assert not list(out.glob(".eegcore-w/000001.[0-9]*"))
        assert not list(there.glob(".eegcore-w/*"))
    assert n > 10
    assert not elsewhere.exists()


def test_a_result_that_was_not_told_is_not_made_again(tmp_path, task):
    first = try_it(task, tmp_path / "elsewhere")
    assert try_it(task, tmp_path / "elsewhere").outputs == first.outputs
    assert visible(tmp_path / "out")["a.csv"].endswith("attempt 1")


def test_a_file_that_is_there_is_kept_and_nothing_else_comes(tmp_path, task):
    (tmp_path / "out/a.csv").write_text("mine")
    with pytest.raises(FileRefused, match=r"a\.csv: exists already"):
        try_it(task, tmp_path / "elsewhere")
    assert visible(tmp_path / "out", tmp_path / "elsewhere") == {"a.csv": "mine"}


def test_a_file_that_comes_at_the_last_moment_is_kept_too(tmp_path, task, monkeypatch):
    link = os.link

    def late(source, target):
        if target.endswith("out/a.csv"):
            Path(target).write_text("mine")
        link(source, target)

    monkeypatch.setattr(os, "link", late)
    with pytest.raises(FileRefused):
        try_it(task, tmp_path / "elsewhere")
    assert visible(tmp_path / "out", tmp_path / "elsewhere") == {"a.csv": "mine"}


@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP])
def test_file_systems_without_links(tmp_path, monkeypatch, number):
    def refuses(source, target):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", refuses)
    source, target = tmp_path / "s", tmp_path / "t"
    source.write_text("new")
    move(str(source), str(target))
    assert (source.exists(), target.read_text()) == (False, "new")
    source.write_text("newer")
    with pytest.raises(FileRefused):
        move(str(source), str(target))
    assert target.read_text() == "new"


def test_the_mark_of_a_stopped_pool(tmp_path, task):
    assert not is_stopping(task)
    (tmp_path / "out/.eegcore-w/stop").touch()
    assert is_stopping(task)
    (tmp_path / "out/.eegcore-w/stop").unlink()
    (tmp_path / "out/.eegcore-w").rmdir()
    assert is_stopping(task)                             # the pool has gone

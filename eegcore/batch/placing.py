"""Files of one attempt: written aside, moved into place when all of them are whole.

An attempt writes into ``FOLDER/WORK/KEY.N`` beside where its files belong, so
that moving is renaming inside one file system. When the run has ended well it
writes ``OUT/WORK/KEY.json``: the moves and the outcome. From there on the result
stands: whoever tries the task again, because the worker was killed while moving
or before it could answer, finishes the moves and returns that outcome.

Invariants (tests/batch/test_placing.py)
  P1  a name in its final place is a whole file
  P2  a file that was there before is never replaced
  P3  killed at any point, the next attempt leaves one set of files
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from eegcore.batch.outcome import Outcome, Task, from_dict
from eegcore.errors import FileRefused
from eegcore.sinks.ledger_file import SUFFIX

STOP = "stop"                                          # of the work folder: begin nothing more
NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EACCES)   # of FAT, of some shares


class Attempt:
    """The folders of one attempt at a task.

    Parameters
    ----------
    task : Task
    """

    def __init__(self, task: Task) -> None:
        self.task = task
        self.home = Path(task.out) / task.work
        before = [int(path.suffix[1:]) for path in self.home.glob(f"{task.key}.*") if path.suffix[1:].isdigit()]
        self.number = 1 + max(before, default=0)
        self._record = self.home / f"{task.key}.json"
        self._folders: set[str] = set()

    def earlier(self) -> Outcome | None:
        """Return the outcome of an attempt that had a result, its files in place; None if there was none."""
        try:
            record = json.loads(self._record.read_text())
        except OSError:
            return None
        for source, target in record["moves"]:
            move(source, target)
        discard(self.task)
        return from_dict({**record["outcome"], "attempts": self.number})

    def begin(self, folders: Iterable[str]) -> None:
        """Remove what killed attempts left, and make the folders of this one.

        Parameters
        ----------
        folders : iterable of str
            Where files will belong.
        """
        self._folders = {self.task.out, *folders}
        (self.home / f"{self.task.key}.{self.number}").mkdir(exist_ok=True)
        discard(self.task, keep=self.number)
        listed = self.home / f"{self.task.key}.{self.number}.folders"
        listed.write_text(json.dumps(sorted(self._folders)))
        for folder in self._folders:
            os.makedirs(self.aside(folder), exist_ok=True)

    def aside(self, folder: str) -> str:
        """Return the folder in which files that belong into `folder` are written."""
        return os.path.join(folder, self.task.work, f"{self.task.key}.{self.number}")

    def commit(self, outcome: Outcome) -> Outcome:
        """Put every file into its place and return the outcome with their names.

        Raises
        ------
        FileRefused
            If a file of one of these names exists: then none is put there.
        OSError
            If the disk refuses.
        """
        moves = [(os.path.join(self.aside(folder), name), os.path.join(folder, name))
                 for folder in sorted(self._folders) for name in sorted(os.listdir(self.aside(folder)))]
        for _, target in moves:
            if os.path.lexists(target):
                raise exists(target)
        found = Outcome(**{**outcome.__dict__, "outputs": tuple(
            target for _, target in moves if not target.endswith(SUFFIX))})
        write_whole(self._record, {"outcome": found.as_dict(), "moves": moves})
        done: list[str] = []
        try:
            for source, target in moves:
                move(source, target)
                done.append(target)
        except OSError:
            self._record.unlink()
            for target in done:                        # ours, made a moment ago
                os.unlink(target)
            raise
        return found

    def clear(self) -> None:
        """Remove the folders of this attempt; the record of its result stays."""
        for folder in self._folders:
            shutil.rmtree(self.aside(folder), ignore_errors=True)
            if folder != self.task.out:
                with contextlib.suppress(OSError):     # others are in it still
                    os.rmdir(os.path.join(folder, self.task.work))


def discard(task: Task, keep: int = 0) -> None:
    """Remove what attempts left that had no result, except those of attempt `keep`."""
    home = Path(task.out) / task.work
    for listed in home.glob(f"{task.key}.*.folders"):
        number = listed.name.split(".")[-2]
        if number != str(keep):
            with contextlib.suppress(OSError, ValueError):
                for folder in json.loads(listed.read_text()):
                    shutil.rmtree(os.path.join(folder, task.work, f"{task.key}.{number}"), ignore_errors=True)
            with contextlib.suppress(OSError):
                listed.unlink()
    for folder in home.glob(f"{task.key}.*"):
        if folder.suffix[1:].isdigit() and folder.suffix[1:] != str(keep):
            shutil.rmtree(folder, ignore_errors=True)


def is_stopping(task: Task) -> bool:
    """Tell whether the pool was stopped, on whatever machine, or has gone."""
    home = os.path.join(task.out, task.work)
    return os.path.exists(os.path.join(home, STOP)) or not os.path.isdir(home)


def move(source: str, target: str) -> None:
    """Give a file its final name: all of it at once, and never in place of another. Again is harmless.

    Raises
    ------
    FileRefused
        If there is another file of this name.
    """
    if not os.path.lexists(source):
        return                                         # moved by an attempt that was killed afterwards
    try:
        os.link(source, target)
    except FileExistsError:
        if not os.path.samefile(source, target):
            raise exists(target) from None
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        try:                                           # the name is ours from here on; the content comes at once
            os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC))
        except FileExistsError:
            raise exists(target) from None
        os.replace(source, target)
        return
    os.unlink(source)


def write_whole(path: Path, value: Any) -> None:
    """Write JSON so that a reader sees all of it or no file."""
    part = path.with_name(f"{path.name}.part")
    with open(part, "w", encoding="utf-8") as file:
        json.dump(value, file, default=str)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)


def exists(path: str) -> FileRefused:
    """Return the error for a name that is taken."""
    return FileRefused(f"{path}: exists already [EEXIST 17]. Files are never overwritten. Move it away, or write into "
                       "another folder with --out.", path=path)

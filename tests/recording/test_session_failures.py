"""Every system call around a session failed in turn: a refusal, or an alarm; never silence, never half a session."""

from __future__ import annotations

import errno
import os
from dataclasses import fields

import pytest

from eegcore.control.preparing import prepare
from eegcore.errors import SinkFailed
from eegcore.graph.journal import JournalEvent
from eegcore.graph.run import GraphRun
from eegcore.recording import Keeper, list_sessions
from eegcore.sinks.file_operations import REAL, FileOperations


class Disk:
    """The real system calls, counted; number `at`, and if `for_good` all after it, fail."""

    def __init__(self, at, number, for_good):
        self.at, self.number, self.for_good = at, number, for_good
        self.n = -1
        self.failed = []

    def table(self):
        return FileOperations(**{entry.name: self._wrapped(entry.name) for entry in fields(FileOperations)})

    def _wrapped(self, name):
        real = getattr(REAL, name)

        def call(*arguments):
            self.n += 1
            if self.n == self.at or (self.for_good and self.n > self.at >= 0):
                self.failed.append(name)
                if name == "close":
                    real(*arguments)                   # close(2) frees the descriptor whatever it says
                raise OSError(self.number, os.strerror(self.number))
            return real(*arguments)

        return call


def record(root, disk):
    """Record a second with an event; return (refusal or None, what was told, what the list says)."""
    told = []
    config, plan = prepare([{"acquire": {"board": "emulator", "sps": 250, "channels": 4}},
                            {"bdf_sink": {"keep_free_bytes": 0, "keep_free_s": 0}}], clock="virtual")
    keeper = Keeper(str(root), lambda: (1, config.merged()), operations=disk.table())
    run = GraphRun(plan, seconds=1, keeper=keeper, on_alarm=lambda *alarm: told.append(alarm))
    run.journal.add(JournalEvent("marker", 100, 0, "stim"))
    try:
        run.start()
    except SinkFailed as error:
        return error, told, list_sessions(str(root))
    for active in keeper.active():
        active.session.begin_at(0, 250.0)
        active.session.revise([(2, config.merged())])
    run.join(20)
    run.finish()
    return None, told + run.broken_sinks(), list_sessions(str(root))


def count(tmp_path):
    disk = Disk(-1, 0, False)
    assert record(tmp_path / "good", disk)[:2] == (None, [])
    return disk.n + 1


@pytest.mark.parametrize("step", [13, pytest.param(1, marks=pytest.mark.deep)])
@pytest.mark.parametrize(("number", "for_good"), [(errno.EIO, False), (errno.ENOSPC, True)])
def test_no_system_call_fails_in_silence(tmp_path, step, number, for_good):
    n_calls = count(tmp_path)
    assert n_calls > 40
    for at in range(step // 2, n_calls, step):
        disk = Disk(at, number, for_good)
        root = tmp_path / str(at)
        try:
            refusal, told, sessions = record(root, disk)
        except SinkFailed as error:                    # of a call this test made itself, as a thread of ours would
            refusal, told, sessions = None, [error], []
        assert disk.failed, at
        if refusal is not None:
            assert sessions == [], at
            assert for_good or os.listdir(root) == [], at      # a disk that is gone lets nothing be taken away
            continue
        if "close" in disk.failed[:1] and not told:
            continue                                   # after fsync nothing hangs on it
        assert told, (at, disk.failed)
        assert all(session["state"] != "recording" for session in sessions), at

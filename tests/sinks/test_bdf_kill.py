"""kill -9 at random instants: the file opens as it is in three readers, is an exact prefix, and misses little."""

from __future__ import annotations

import mmap
import os
import random
import signal
import time
import warnings

import numpy as np
import pytest
from bdf_feed import Event, Feed, make_writer, names, target, with_edfio, with_mne, with_pyedflib

from eegcore.sinks.bdf_recover import recover
from eegcore.sinks.bdf_verify import verify

FEED = Feed(4, 1000.0)
SIZE = 100                                           # frames of a packet, a tenth of a second
SEGMENT_S = 40.0
PERIOD = 1 << 16                                     # frames after which the counts repeat: made once, before the fork
COUNTS = FEED.counts(0, PERIOD)


def expected(first, n_frames):
    return COUNTS[np.arange(first, first + n_frames) % PERIOD]


def record_until_killed(folder, taken):
    """The child: record as fast as the disk allows, and say before each write what the writer is given."""
    writer = make_writer(FEED)
    writer.begin(target(folder, segment_s=SEGMENT_S))
    at = 0
    while True:
        packet = FEED.packet(at, 0)
        first = at % PERIOD
        packet.counts = COUNTS[first:first + SIZE] if first + SIZE <= PERIOD else expected(at, SIZE)
        at += SIZE
        taken[:8] = at.to_bytes(8, "little")
        writer.write([packet])
        if at % 1000 == 0:
            writer.note(Event("marker", at - 50, f"marker {at}"))


def kill_one(folder, choices):
    """Fork, let it record, kill it; return the frames in the files and those the writer had been given."""
    shared = mmap.mmap(-1, 8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")              # a fork beside threads: the child touches none of them
        pid = os.fork()
    if pid == 0:
        try:
            record_until_killed(folder, shared)
        finally:
            os._exit(3)
    deadline = time.monotonic() + 10.0
    while choices.random() < 0.999 and not any(shared[:8]) and time.monotonic() < deadline:
        time.sleep(0.0005)                           # some die before their first frame, most long after it
    time.sleep(0.08 * choices.random())
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    assert os.WIFSIGNALED(status), "the recorder ended by itself"
    taken = int.from_bytes(shared[:8], "little")
    return check(folder, is_mended=False), taken


def check(folder, is_mended):
    at = 0
    for name in [name for name in names(folder) if name.endswith(".bdf")]:
        path = folder / name
        theirs, other, raw = with_pyedflib(path), with_edfio(path, quiet=True), with_mne(path)
        np.testing.assert_array_equal(other["counts"], expected(at, len(other["counts"])))
        np.testing.assert_array_equal(theirs["counts"], other["counts"][:len(theirs["counts"])])
        assert raw.n_times == len(other["counts"])
        at += len(theirs["counts"])                  # what is counted
        for onset, _, text in theirs["annotations"]:
            frame = round(onset * 1000) + at - len(theirs["counts"])
            assert text.endswith(" s)") or text == f"marker {frame + 50}"
        if is_mended:
            assert len(theirs["counts"]) == len(other["counts"])
            assert verify(str(path)).problems == []
    return at


def kill_many(tmp_path, seeds):
    missed, sizes = [], []
    for seed in seeds:
        folder = tmp_path / str(seed)
        folder.mkdir()
        at, taken = kill_one(folder, random.Random(seed))
        assert taken - at <= 1000, f"{taken} frames were taken, {at} are in the file: more than a second is missing"
        for name in names(folder):
            recover(str(folder / name))
        assert check(folder, is_mended=True) >= at
        missed.append(taken - at)
        sizes.append(at)
        for name in names(folder):
            (folder / name).unlink()
    return missed, sizes


def test_kill_at_random_instants(tmp_path):
    pytest.importorskip("mne")
    missed, sizes = kill_many(tmp_path, range(20))
    assert max(missed) > 0
    assert sum(size > 0 for size in sizes) >= 3, "no recorder came far enough for its death to mean something"


@pytest.mark.deep
@pytest.mark.timeout(1800)
def test_kill_a_thousand_times(tmp_path):
    pytest.importorskip("mne")
    _, sizes = kill_many(tmp_path, range(100, 1100))
    assert sum(size > 0 for size in sizes) > 300

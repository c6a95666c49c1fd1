"""A power cut at any moment of a recording: after `recover`, an exact prefix with everything that was synced."""

from __future__ import annotations

import os
import random

import numpy as np
import pytest
from bdf_feed import LEDGER, Event, Feed, make_writer, names, target, with_edfio
from crash_disk import CrashDisk, Inode, PowerCut
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eegcore.sinks.bdf_format import make_layout
from eegcore.sinks.bdf_recover import bdf_files, recover
from eegcore.sinks.bdf_verify import verify

FEED = Feed(3, 250.0)
N_FRAMES = 700
FOLDER = "/recordings/session"


class Watched(CrashDisk):
    """Knows how many frames are in whole data records that were synced, counted or not."""

    def synced_frames(self):
        layout = make_layout(FEED.sps, FEED.n_channels)
        inodes = {id(inode): inode for path, inode in self.names.items() if ".bdf" in path and "json" not in path}
        return sum(max(0, len(inode.durable) - layout.header_bytes) // layout.record_bytes * layout.frames
                   for inode in inodes.values())


def run(disk):
    """One recording in three segments, cut off wherever the disk says so; frames that were durable then."""
    assert not os.path.lexists(FOLDER)               # lexists looks at the real disk: no name is taken there
    taken = 0
    writer = make_writer(FEED, disk.operations())
    events = [Event("marker", at, f"marker at {at} " + "." * 100) for at in range(0, N_FRAMES, 90)]
    durable = 0
    try:
        writer.begin(target(FOLDER, segment_s=1.0))
        for packet in FEED.run(0, N_FRAMES):
            for event in [event for event in events if event.frame_index <= packet.frame_index]:
                writer.note(event)
                events.remove(event)
            writer.write([packet])
            taken += packet.n_frames
            durable = writer.status()["durable_frames"]
        durable = writer.end()["frames"]
        writer.close(LEDGER)
    except PowerCut:
        durable = max(durable, min(taken, disk.synced_frames()))
        return taken, durable, False
    return taken, durable, True


def check(folder, taken, durable):
    """Recover twice, then compare every sample."""
    for path in list(bdf_files(str(folder))) if any(".bdf" in name for name in names(folder)) else []:
        if os.path.exists(path):
            recover(path)
    for path in [folder / name for name in names(folder) if ".bdf" in name and ".json" not in name]:
        before = path.read_bytes()
        assert recover(str(path)).did == []                                 # again: nothing
        assert path.read_bytes() == before
    at = 0
    for name in [name for name in names(folder) if name.endswith(".bdf")]:
        assert verify(str(folder / name)).problems == []
        read = with_edfio(folder / name)
        counts, n_frames = read["counts"], len(read["counts"])
        for onset, _, text in read["annotations"]:
            if text.startswith("BAD_ACQ_SKIP padding"):
                n_frames = min(n_frames, round(onset * 250))
        np.testing.assert_array_equal(counts[:n_frames], FEED.counts(at, n_frames))
        at += n_frames
    assert at >= durable, f"{durable} frames were on the disk, {at} are in the files"
    assert taken - at <= 2 * 250, "a power cut costs at most 2 s"
    return at


@pytest.fixture(scope="module")
def n_calls():
    disk = Watched()
    taken, durable, ended = run(disk)
    assert ended
    assert taken == durable == N_FRAMES
    return len(disk.calls)


def power_cut(folder, seed, n_calls):
    choices = random.Random(seed)
    disk = Watched(choices.randrange(n_calls), choices)
    taken, durable, _ = run(disk)
    disk.put_down(folder, choices)
    return check(folder, taken, durable)


def test_power_cuts(tmp_path, n_calls):
    kept = set()
    for seed in range(150):
        folder = tmp_path / str(seed)
        folder.mkdir()
        kept.add(power_cut(folder, seed, n_calls))
    assert {0, 125, 250, 375, 500} <= kept


@pytest.mark.deep
def test_many_power_cuts(tmp_path, n_calls):
    for seed in range(10_000, 15_000):
        folder = tmp_path / str(seed)
        folder.mkdir()
        power_cut(folder, seed, n_calls)
        for path in folder.iterdir():
            path.unlink()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.randoms(use_true_random=False), where=st.integers(0, 10_000))
def test_any_power_cut(tmp_path_factory, n_calls, seed, where):
    folder = tmp_path_factory.mktemp("cut")
    disk = Watched(where % n_calls, seed)
    taken, durable, _ = run(disk)
    disk.put_down(folder, seed)
    check(folder, taken, durable)


def test_the_model_drops_tears_and_reorders():
    """What the tests above rest on: unsynced sectors come and go independently, synced ones stay."""
    seen = set()
    for seed in range(200):
        inode = Inode()
        inode.change(0, b"a" * 2048)
        inode.sync()
        inode.change(0, b"b" * 1024)
        inode.change(1536, b"c" * 1024)
        after = inode.after_cut(random.Random(seed))
        assert after[1024:1536] == b"a" * 512
        seen.add((len(after) > 2048, *(after[i:i + 1] for i in (0, 512, 1536))))
    assert (False, b"a", b"b", b"c") in seen                                # torn, and reordered
    assert (False, b"a", b"a", b"a") in seen
    assert len(seen) > 10


def test_what_is_promised_is_on_the_disk():
    """The header before `begin` returns, a data record and its count before `write` does."""
    disk = CrashDisk()
    writer = make_writer(FEED, disk.operations())
    writer.begin(target(FOLDER))
    layout = make_layout(FEED.sps, FEED.n_channels)
    inode = disk.durable_names[f"{FOLDER}/eeg.bdf.part"]
    assert len(inode.durable) == layout.header_bytes
    for number, packet in enumerate(FEED.run(0, 625, size=125)):
        writer.write([packet])
        assert int(inode.durable[236:244]) == number + 1
        assert len(inode.durable) == layout.header_bytes + (number + 1) * layout.record_bytes
    assert disk.durable_names[f"{FOLDER}/eeg.bdf"] is inode

"""Every system call of the BDF recorder failed in turn: success, or an alarm and a valid file, never silence."""

from __future__ import annotations

import errno
import os
import resource
import subprocess

import numpy as np
import pytest
from bdf_feed import LEDGER, NO_LIMITS, Event, Feed, make_writer, names, record, target, with_edfio

from eegcore.errors import EegcoreError, FileRefused, SinkFailed, StateConflict
from eegcore.sinks.bdf_recover import bdf_files, recover
from eegcore.sinks.bdf_sink import BdfWriter
from eegcore.sinks.bdf_verify import verify
from eegcore.sinks.disk import DiskLimits
from eegcore.sinks.file_operations import FileOperations

FEED = Feed(2, 250.0)
SEGMENT = 250                                        # frames; a second


def packets():
    """Gap, saturation, three segments, the last one cut short."""
    made = FEED.run(0, 300) + FEED.run(310, 300)
    made[2].flags, made[2].saturated = 2, 1
    return made


def events():
    """More text than one data record has room for, one event of them after the end."""
    return [Event("marker", 60 * i, f"event {i} " + "x" * 60, 0.1) for i in range(11)]


def one_recording(folder, disk):
    return record(folder, FEED, packets(), events(), operations=disk.operations(), ledger=LEDGER, batch=2,
                  segment_s=1.0)


def expected(first, n_frames):
    """Counts of file frames: what was fed, the gap held at its last value."""
    index = np.arange(first, first + n_frames)
    index = np.where((index >= 300) & (index < 310), 299, index)
    index = np.minimum(index, 609)                   # padding
    return np.stack([FEED.counts(int(i), 1)[0] for i in index]) if n_frames else np.zeros((0, 2), np.int32)


def frames_in(folder, told):
    """Every file of a folder is sound; return how many fed frames are in them, an exact prefix."""
    total, before = 0, names(folder)
    for name in before:
        path = folder / name
        if name.endswith((".ledger.json", ".json.part")) or ".ledger.json." in name:
            continue
        if told:                                     # the alarm said that the disk would not have the file mended
            recover(str(path))
        final = folder / name.removesuffix(".part")
        if path != final and final.name in before:   # two names of one file
            assert not path.exists() or path.samefile(final)
            continue
        path = path if path.exists() else final
        found = verify(str(path))
        if found.records == 0:
            assert path.name.endswith(".part")
            continue
        assert not [problem for problem in found.problems if "final name" not in problem], found
        read = with_edfio(path)
        counts, n_frames = read["counts"], len(read["counts"])
        np.testing.assert_array_equal(counts, expected(total, len(counts)))
        for onset, _, text in read["annotations"]:
            if text.startswith("BAD_ACQ_SKIP padding"):
                n_frames = round(onset * 250)
        total += n_frames
    return total


@pytest.fixture
def calls(tmp_path, failing_disk):
    disk = failing_disk()
    folder = tmp_path / "count"
    folder.mkdir()
    _, summary, errors = one_recording(folder, disk)
    assert not errors
    assert summary["frames"] == 610
    assert len(summary["segments"]) == 3
    return disk.calls


def sweep(tmp_path, calls, failing_disk, number, sticky, short, every=1):
    for n in range(0, len(calls), every):
        folder = tmp_path / str(n)
        folder.mkdir()
        disk = failing_disk(fail_at=n, number=number, short=short, sticky=sticky)
        _, summary, errors = one_recording(folder, disk)
        assert not disk.open_descriptors, "a descriptor was left open"
        what = f"{n}: {disk.failed}, {[str(error) for error in errors]}"
        told = any("run 'eegcore recover'" in str(error) or "could not be removed" in str(error)
                   or "it kept its first name" in str(error) for error in errors)
        kept = frames_in(folder, told)
        if errors:
            assert all(f"[{errno.errorcode[error.errno]} {error.errno}]" in str(error) for error in errors), what
        else:
            assert kept == 610, what
        if summary is not None:
            assert summary["frames"] <= kept, what                          # nothing is claimed that is not there
            if not sticky:
                assert kept == summary["frames"], what
        details = errors[0].details if errors else {}
        assert details.get("frames_lost", 0) <= 125 + 2 * 50, what


@pytest.mark.parametrize(("number", "sticky", "short"), [
    (errno.EIO, False, None), (errno.ENOSPC, True, 13), (errno.EIO, True, None), (errno.ENOSPC, False, 0)])
def test_nth_call_fails(tmp_path, calls, failing_disk, number, sticky, short):
    assert {"open", "pwrite", "fsync", "fdatasync", "close", "link", "unlink", "statvfs", "rename"} <= set(calls)
    sweep(tmp_path, calls, failing_disk, number, sticky, short, every=2 if short is None else 3)


@pytest.mark.deep
@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EROFS])
@pytest.mark.parametrize("sticky", [False, True])
@pytest.mark.parametrize("short", [None, 0, 1, 7, 13, 300])
def test_every_nth_call_fails(tmp_path, calls, failing_disk, number, sticky, short):
    sweep(tmp_path, calls, failing_disk, number, sticky, short)


def test_an_interrupted_call_is_no_failure(tmp_path, calls, failing_disk):
    for n in range(0, len(calls), 4):
        folder = tmp_path / str(n)
        folder.mkdir()
        disk = failing_disk(fail_at=n, number=errno.EINTR)
        _, summary, errors = one_recording(folder, disk)
        assert errors == []
        assert len(disk.failed) == 1
        assert frames_in(folder, False) == summary["frames"] == 610


def test_a_failure_says_what_is_left_and_what_is_lost(tmp_path, failing_disk):
    folder = tmp_path / "a"
    folder.mkdir()
    disk = failing_disk()
    writer = make_writer(FEED, disk.operations())
    writer.begin(target(folder))
    assert writer.status()["state"] == "waiting"
    assert writer.write(FEED.run(0, 200)) == 200
    disk.fail_at, disk.number = len(disk.calls) + 1, errno.ENOSPC
    with pytest.raises(SinkFailed) as caught:
        writer.write(FEED.run(200, 150))
    assert str(caught.value) == (
        f"{folder}/eeg.bdf: the disk is full, while writing a data record [ENOSPC 28]. The file is closed and holds 1 "
        "whole data records. Free space or choose another disk, then start again.")
    assert caught.value.details["frames_written"] == 0
    assert caught.value.details["frames_lost"] == 75
    status = writer.status()
    assert (status["state"], status["durable_frames"]) == ("failed", 125)
    assert status["error"]["code"] == "sink_failed"
    assert writer.write(FEED.run(350, 50)) == 0                             # armed again, nothing is recorded
    other = tmp_path / "b"
    other.mkdir()
    writer.begin(target(other))
    assert writer.write(FEED.run(400, 125)) == 125
    assert writer.end()["frames"] == 125


def test_names_that_are_taken_are_left_alone(tmp_path):
    for taken in ("eeg.bdf", "eeg.bdf.part"):
        folder = tmp_path / taken
        folder.mkdir()
        (folder / taken).write_text("theirs")
        writer = make_writer(FEED)
        with pytest.raises(FileRefused, match="never overwritten"):
            writer.begin(target(folder))
        assert (folder / taken).read_text() == "theirs"
        assert names(folder) == [taken]
    folder = tmp_path / "late"
    folder.mkdir()
    writer = make_writer(FEED)
    writer.begin(target(folder))
    (folder / "eeg.bdf").write_text("theirs")
    with pytest.raises(SinkFailed, match="it kept its first name"):
        writer.write(FEED.run(0, 125))
    assert (folder / "eeg.bdf").read_text() == "theirs"
    assert verify(str(folder / "eeg.bdf.part")).records == 1


def test_somebody_else_makes_the_file_first(tmp_path):
    def race(path, flags, *mode):
        if flags & os.O_CREAT:
            with open(path, "x") as file:
                file.write("theirs")
        return os.open(path, flags, *mode)

    writer = make_writer(FEED, FileOperations(open=race))
    with pytest.raises(FileRefused, match="never overwritten"):
        writer.begin(target(tmp_path))
    assert (tmp_path / "eeg.bdf.part").read_text() == "theirs"


def test_a_disk_without_hard_links(tmp_path):
    def refuse(old, new):
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    _, _, errors = record(tmp_path, FEED, packets(), operations=FileOperations(link=refuse), segment_s=1.0)
    assert errors == []
    assert names(tmp_path) == ["eeg.bdf", "eeg_002.bdf", "eeg_003.bdf"]


def test_calls_out_of_order(tmp_path):
    writer = BdfWriter()
    with pytest.raises(StateConflict, match="no run is open"):
        writer.begin(target(tmp_path))
    writer = make_writer(FEED)
    with pytest.raises(StateConflict, match="nothing is being recorded"):
        writer.end()
    writer.begin(target(tmp_path))
    with pytest.raises(StateConflict, match="a recording is going on"):
        writer.begin(target(tmp_path, basename="other"))
    assert writer.end() == writer.last_summary
    assert writer.last_summary["segments"] == []
    assert names(tmp_path) == []                                            # nothing came, nothing is left
    writer.begin(target(tmp_path))
    writer.write(FEED.run(0, 10))
    writer.close(LEDGER)
    assert names(tmp_path) == ["eeg.bdf", "eeg.bdf.ledger.json"]


def test_frames_that_go_back_end_the_recording(tmp_path):
    writer = make_writer(FEED)
    writer.begin(target(tmp_path))
    writer.write(FEED.run(100, 130))
    with pytest.raises(SinkFailed, match="frame 50 comes where frame 230 was expected"):
        writer.write(FEED.run(50, 10))
    assert writer.last_summary["frames"] == 125
    assert verify(str(tmp_path / "eeg.bdf")).problems == []


@pytest.mark.parametrize(("free", "refused"), [(0, True), (200 << 20, True), (300 << 20, False), (1 << 40, False)])
def test_room_is_asked_for_before_a_recording(tmp_path, free, refused):
    asked = os.statvfs(tmp_path)
    said = []

    def statvfs(path):
        return os.statvfs_result((1, 1, *asked[2:4], free, *asked[5:10], asked.f_fsid))

    writer = make_writer(FEED, FileOperations(statvfs=statvfs), DiskLimits(), alarm=said.append)
    if refused:
        with pytest.raises(SinkFailed, match=r"256\.0 MiB are kept free") as caught:
            writer.begin(target(tmp_path))
        assert caught.value.code == "disk_low"
        assert names(tmp_path) == []
    else:
        writer.begin(target(tmp_path))
        writer.write(FEED.run(0, 125))
        rate = writer._recording.layout.bytes_per_s
        assert writer.status()["seconds_left"] == pytest.approx((free - (256 << 20)) / rate)
        writer.end()
    assert said == []


def test_a_disk_that_runs_low_warns_then_the_recording_ends_in_order(tmp_path):
    asked = os.statvfs(tmp_path)
    free = [100 << 20]
    said = []
    operations = FileOperations(statvfs=lambda path: os.statvfs_result(
        (1, 1, *asked[2:4], free[0], *asked[5:10], asked.f_fsid)))
    writer = make_writer(FEED, operations, DiskLimits(3600, 300, 1 << 20), alarm=said.append)
    writer.begin(target(tmp_path))
    writer.write(FEED.run(0, 125))
    assert said == []
    free[0] = 5 << 20                                                       # 50 min at 1.7 kB/s
    writer.write(FEED.run(125, 250))
    assert len(said) == 1
    assert "min of recording (5.0 MiB free" in said[0]
    free[0] = 1 << 19
    with pytest.raises(SinkFailed, match="The recording was finished in order, with 625 frames") as caught:
        writer.write(FEED.run(375, 250, size=250))
    assert caught.value.code == "disk_low"
    assert caught.value.details["frames_written"] == 250
    assert writer.status()["state"] == "failed"
    assert verify(str(tmp_path / "eeg.bdf")).problems == []


def test_a_limit_on_the_size_of_files(tmp_path):
    """What a full disk does, without a disk: the kernel refuses to let the file grow (EFBIG)."""
    pid = os.fork()
    if pid == 0:
        code = 9
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
            _, summary, errors = record(tmp_path, FEED, FEED.run(0, 20_000))
            code = 0 if len(errors) == 1 and errors[0].errno == errno.EFBIG and summary["frames"] > 1000 else 1
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    found = verify(str(tmp_path / "eeg.bdf"))
    assert found.problems == []
    counts = with_edfio(tmp_path / "eeg.bdf")["counts"]
    np.testing.assert_array_equal(counts, FEED.counts(0, len(counts)))
    assert 20_000 - (tmp_path / "eeg.bdf").stat().st_size < 125 * 6 + 256 + 64


def test_a_real_full_disk(tmp_path):
    mount = tmp_path / "small"
    mount.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "eegcore-test", str(mount)],
                          capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"mounting a small tmpfs is not permitted here: {done.stderr.strip()}")
    try:
        feed = Feed(32, 4000.0)
        writer, summary, errors = record(mount, feed, feed.run(0, 200_000, size=500), limits=NO_LIMITS)
        assert [error.errno for error in errors] == [errno.ENOSPC]
        assert writer.status()["state"] == "failed"
        path = next(bdf_files(str(mount)))
        found = verify(path)
        assert found.problems == []
        assert found.frames == summary["frames"]
        assert recover(path).did == []
        counts = with_edfio(path)["counts"]
        np.testing.assert_array_equal(counts, feed.counts(0, len(counts)))
        assert os.path.getsize(path) > (8 << 20) - 600_000
    finally:
        subprocess.run(["umount", str(mount)], check=True)


def test_every_failure_is_one_of_ours(tmp_path, failing_disk):
    """A stream without counts, too many channels: refused with words, before anything is made."""
    for feed in (Feed(257, 250.0), Feed(2, float("nan"))):
        with pytest.raises(EegcoreError, match="bdf_sink: "):
            BdfWriter().open(feed.stream, None)

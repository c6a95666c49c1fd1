"""Every system call of the CSV sink failed in turn: success, or a loud SinkFailed, never silence."""

from __future__ import annotations

import errno
import os
import subprocess

import pytest

from eegcore.errors import FileRefused, SinkFailed
from eegcore.sinks.csv_file import CsvWriter
from eegcore.sinks.ledger_file import read_ledger

LEDGER = {"run_id": "r1", "balanced": True, "frames": 12, "lost": 0, "sources": {}, "edges": {}, "sinks": {},
          "clients": {}, "digest": {}}


def record(path, disk, stream, run_info, batches):
    """Run one writer as the runtime does; return it, the errors, and the frames it says are written."""
    writer = CsvWriter(str(path), "uv", 3, disk.operations())
    errors, frames = [], 0
    try:
        writer.open(stream, run_info)
        for batch in batches:
            frames += writer.write(batch)
    except SinkFailed as error:
        errors.append(error)
        frames += error.details.get("frames_written") or 0
    try:
        writer.close(LEDGER)
    except SinkFailed as error:
        errors.append(error)
    return writer, errors, frames


def rows_of(path, torn=False):
    """Rows in the file; every line must be whole, unless the disk refused to cut a torn one off."""
    if not path.exists():
        return []
    content = path.read_bytes()
    if torn:
        content = content[:content.rfind(b"\n") + 1]
    assert content == b"" or content.endswith(b"\n")
    lines = content.decode().splitlines()
    assert all(line.count(",") == 3 for line in lines if not line.startswith("#"))
    return [line for line in lines if not line.startswith(("#", "frame_index"))]


@pytest.fixture
def batches(packets):
    made = packets(6, 2)
    return [made[0:2], made[2:4], made[4:6]]


def count_calls(tmp_path, stream, run_info, batches, failing_disk):
    disk = failing_disk()
    record(tmp_path / "count.csv", disk, stream, run_info, batches)
    return disk.calls


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC])
@pytest.mark.parametrize("sticky", [False, True])
@pytest.mark.parametrize("short", [None, 0, 1, 13, 40])
def test_nth_call_fails(tmp_path, stream, run_info, batches, number, sticky, short, failing_disk):
    expected = b"".join(packet.format_csv("uv", 3) for batch in batches for packet in batch).decode().splitlines()
    calls = count_calls(tmp_path, stream, run_info, batches, failing_disk)
    assert {"open", "write", "fsync", "close", "rename"} <= set(calls)
    for n in range(len(calls)):
        path = tmp_path / f"{n}.csv"
        disk = failing_disk(fail_at=n, number=number, short=short, sticky=sticky)
        writer, errors, frames = record(path, disk, stream, run_info, batches)
        told = any("may be torn" in str(error) or "could not be removed" in str(error) for error in errors)
        assert sticky or not told
        rows = rows_of(path, torn=told)
        assert rows == expected[:len(rows)]
        assert frames == writer.frames == len(rows)                             # S2
        assert not disk.open_descriptors, "a descriptor was left open"
        recovered = short and not sticky and disk.failed == ["write"]           # a short write that went on
        assert bool(errors) is not bool(recovered)                              # S3
        if recovered:
            assert len(rows) == len(expected)
        for error in errors:
            assert errno.errorcode[error.errno] in str(error)
            assert str(error).startswith(str(tmp_path))
        assert not [name for name in os.listdir(tmp_path) if name.endswith(".part")] or sticky


def test_a_disk_that_refuses_the_cut_is_told(tmp_path, stream, run_info, packets, failing_disk):
    path = tmp_path / "a.csv"
    disk = failing_disk(fail_at=3, number=errno.EIO, short=5, sticky=True)
    writer = CsvWriter(str(path), operations=disk.operations())
    writer.open(stream, run_info)
    writer.write(packets(1, 2))
    with pytest.raises(SinkFailed) as caught:
        writer.write(packets(1, 2, first=2))
    assert "after 2 complete rows its last one may be torn" in str(caught.value)
    assert disk.failed == ["write", "write", "ftruncate", "fsync", "close"]
    assert not disk.open_descriptors


@pytest.mark.parametrize(("number", "text"), [
    (errno.ENOSPC, "the disk is full, while writing rows [ENOSPC 28]. The file is closed and ends on a complete row, "
                   "4 in all. Free space or choose another disk, then start again."),
    (errno.EDQUOT, "the disk quota is used up, while writing rows [EDQUOT 122]. "),
    (errno.EFBIG, "the file has reached the largest size this file system or user may have, "),
    (errno.EIO, "the disk reported an input/output error, while writing rows [EIO 5]. "),
    (errno.EROFS, "the file system is read-only, while writing rows [EROFS 30]. "),
    (errno.ENODEV, "the device is gone, "),
    (errno.ETIMEDOUT, "Connection timed out, while writing rows [ETIMEDOUT 110]. "),
])
def test_each_error_says_what_to_do(tmp_path, stream, run_info, packets, number, text, failing_disk):
    path = tmp_path / "a.csv"
    writer = CsvWriter(str(path), operations=failing_disk(fail_at=3, number=number).operations())
    writer.open(stream, run_info)
    writer.write(packets(2, 2))
    with pytest.raises(SinkFailed) as caught:
        writer.write(packets(1, 2, first=4))
    assert caught.value.errno == number
    assert str(caught.value).startswith(f"{path}: {text}")
    with pytest.raises(SinkFailed, match="closed after a failure"):
        writer.write(packets(1))


def test_a_write_of_nothing_is_a_failure_not_a_loop(tmp_path, stream, run_info, packets, failing_disk):
    disk = failing_disk(fail_at=2, short=0)
    writer = CsvWriter(str(tmp_path / "a.csv"), operations=disk.operations())
    writer.open(stream, run_info)
    with pytest.raises(SinkFailed, match="input/output error"):
        writer.write(packets(1))
    assert rows_of(tmp_path / "a.csv") == []


def test_a_header_that_does_not_fit_leaves_no_file(tmp_path, stream, run_info, failing_disk):
    disk = failing_disk(fail_at=1, number=errno.ENOSPC)
    with pytest.raises(SinkFailed, match=r"is full, while writing the header \[ENOSPC 28\]\. Nothing was recorded\."):
        CsvWriter(str(tmp_path / "a.csv"), operations=disk.operations()).open(stream, run_info)
    assert os.listdir(tmp_path) == []


def test_somebody_else_makes_the_file_first(tmp_path, stream, run_info):
    def race(path, *arguments):
        with open(path, "x") as file:
            file.write("theirs")
        return os.open(path, *arguments)

    from eegcore.sinks.file_operations import FileOperations

    path = tmp_path / "a.csv"
    with pytest.raises(FileRefused):
        CsvWriter(str(path), operations=FileOperations(open=race)).open(stream, run_info)
    assert path.read_text() == "theirs"


def test_ledger_that_cannot_be_written_is_loud_and_the_rows_stay(tmp_path, stream, run_info, batches, failing_disk):
    calls = count_calls(tmp_path, stream, run_info, batches, failing_disk)
    path = tmp_path / "a.csv"
    disk = failing_disk(fail_at=calls.index("rename"), number=errno.ENOSPC)
    _, errors, _ = record(path, disk, stream, run_info, batches)
    assert len(errors) == 1
    assert str(errors[0]) == (f"{path}.ledger.json: the disk is full, while naming the ledger [ENOSPC 28]. "
                              "The samples are not concerned. Free space or choose another disk, then start again.")
    assert len(rows_of(path)) == 12
    assert sorted(os.listdir(tmp_path)) == ["a.csv", "count.csv", "count.csv.ledger.json"]


def test_after_a_failure_close_still_writes_the_ledger(tmp_path, stream, run_info, packets, failing_disk):
    path = tmp_path / "a.csv"
    writer = CsvWriter(str(path), operations=failing_disk(fail_at=2).operations())
    writer.open(stream, run_info)
    with pytest.raises(SinkFailed):
        writer.write(packets(1))
    writer.close(LEDGER)
    assert read_ledger(path) == LEDGER


def test_a_real_full_disk(tmp_path, stream, run_info, packets):
    mount = tmp_path / "small"
    mount.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "eegcore-test", str(mount)],
                          capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"mounting a small tmpfs is not permitted here: {done.stderr.strip()}")
    try:
        path = mount / "a.csv"
        writer = CsvWriter(str(path))
        writer.open(stream, run_info)
        frames = 0
        failure = None
        for i in range(10_000):
            try:
                frames += writer.write(packets(1, 16, first=16 * i))
            except SinkFailed as error:
                failure = error
                break
        assert failure is not None
        frames += failure.details["frames_written"]
        assert failure.errno == errno.ENOSPC
        assert "the disk is full, while writing rows [ENOSPC 28]" in str(failure)
        assert len(rows_of(path)) == frames == writer.frames > 500
        with pytest.raises(SinkFailed, match="The samples are not concerned"):
            writer.close(LEDGER)
        assert os.listdir(mount) == ["a.csv"]
    finally:
        subprocess.run(["umount", str(mount)], check=True)

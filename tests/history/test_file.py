"""The ring of segments: what is held, what goes, what a killed or failing writer leaves."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest
from history_runs import CONFIG, RUN_INFO, Bare, Disk, bare_packets, begin, writer

from eegcore.devices.readers_base import RecordingRefused
from eegcore.errors import FileRefused, NotFound, SinkFailed
from eegcore.sinks.file_operations import FileOperations
from eegcore.sinks.history_file import SEGMENTS
from eegcore.sinks.history_format import packet_hash
from eegcore.sinks.history_read import History


def held(folder: Path) -> list[tuple[int, bytes | None]]:
    """Frame and payload of every packet of the source."""
    return [(packet.frame_index, packet.payload) for packet in History(folder).records({0})]


def given(packets: Sequence[Bare]) -> list[tuple[int, bytes]]:
    return [(packet.frame_index, bytes(packet)) for packet in packets]


def folder_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def test_what_was_written_reads_back_with_its_hash(tmp_path):
    packets = bare_packets(30)
    made = begin(writer(tmp_path / "h"))
    made.packets(0, packets)
    made.packets(1, packets[:10])
    made.close({"edges": {}})
    history = History(tmp_path / "h")
    assert held(tmp_path / "h") == given(packets)
    others = list(history.records({1}))
    assert [packet.digest for packet in others] == [packet_hash(packet.head, packet) for packet in packets[:10]]
    assert {packet.payload for packet in others} == {None}
    assert [packet.head for packet in others] == [packet.head for packet in packets[:10]]
    assert (history.has_begin, history.has_end, history.torn) == (True, True, [])


def test_the_ring_drops_the_oldest_and_stays_within_its_bytes(tmp_path):
    folder, most = tmp_path / "h", 60_000
    made = begin(writer(folder, max_bytes=most))
    packets = bare_packets(2000)
    for at in range(0, len(packets), 7):
        made.packets(0, packets[at:at + 7])
        assert folder_bytes(folder) == made.n_bytes <= most
    found = held(folder)
    assert found == given(packets)[-len(found):], "it holds the newest, without a hole"
    assert len(found) > 200
    assert not History(folder).has_begin


def test_the_ring_holds_the_minutes_asked_for_and_an_eighth_more(tmp_path):
    folder, minutes = tmp_path / "h", 0.05             # 3 s: 750 packets
    made = begin(writer(folder, minutes=minutes))
    packets = bare_packets(3000)
    for number, packet in enumerate(packets):
        made.packets(0, [packet])
        if number > 1500 and number % 100 == 0:
            span_s = (packet.t_ns - held(folder)[0][0] * 1_000_000) * 1e-9
            assert 60 * minutes - 0.01 <= span_s <= 60 * minutes * (1 + 2 / SEGMENTS)


def test_the_ring_grows_with_what_it_has_to_hold_and_never_shrinks(tmp_path):
    folder = tmp_path / "h"
    made = begin(writer(folder, max_bytes=40_000))
    for number, most in ((0, 40_000), (1, 80_000), (2, 80_000)):
        made.config({**CONFIG, "config_rev": 2 + number}, (0, 80_000, 1000)[number])
        for packet in bare_packets(400, 400 * number):
            made.packets(0, [packet])
        assert 0.7 * most < folder_bytes(folder) <= most


def test_a_stream_that_has_ended_keeps_no_configuration(tmp_path):
    """Each segment begins with all that its packets may be of: of those that come, not of those that are over."""
    folder = tmp_path / "h"
    made = begin(writer(folder, max_bytes=60_000))
    made.packets(1, bare_packets(1))
    for rev in range(2, 20):
        made.config({**CONFIG, "config_rev": rev})
        for packet in bare_packets(60, 60 * rev):
            packet.config_rev = rev
            made.packets(0, [packet])
        if rev == 10:
            assert min(History(folder).configs) == 1, "the other stream may go on"
            made.ended(1)
    made.close(None)
    assert min(History(folder).configs) > 10


def test_a_hole_is_between_what_came_before_and_the_next_packet(tmp_path):
    packets = bare_packets(30)
    made = begin(writer(tmp_path / "h"))
    made.packets(0, packets[:10])
    made.packets(0, packets[15:20])
    made.hole(0, 40, 40_000_000, 5)
    made.packets(0, packets[20:])
    made.close(None)
    (hole,) = History(tmp_path / "h").streams[0].holes
    assert (hole.from_frame, hole.to_frame, hole.from_ns, hole.to_ns) == (40, 80, 40_000_000, 80_000_000)


def test_a_killed_writer_leaves_a_prefix(tmp_path):
    folder, packets = tmp_path / "h", bare_packets(400)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        made = begin(writer(folder))
        for packet in packets:
            made.packets(0, [packet])
            os.write(writing, b".")
        os._exit(0)
    os.close(writing)
    taken = 0
    while taken < 150:
        taken += len(os.read(reading, 64))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    while more := os.read(reading, 4096):
        taken += len(more)
    os.close(reading)
    found = held(folder)
    assert found == given(packets)[:len(found)]
    assert taken <= len(found) <= taken + 1
    assert not History(folder).has_end


@pytest.mark.parametrize("cut", [1, 30, 100, 173])
def test_a_torn_end_is_left_out(tmp_path, cut):
    packets = bare_packets(20)
    made = begin(writer(tmp_path / "h"))
    made.packets(0, packets)
    made.close(None)
    path = tmp_path / "h" / "history_000001.seg"
    os.truncate(path, path.stat().st_size - cut - 40)
    found = held(tmp_path / "h")
    assert 17 <= len(found) < 20
    assert found == given(packets)[:len(found)]
    assert History(tmp_path / "h").torn == [path.name]


def drive(folder: Path, disk: Disk) -> tuple[list[Bare], SinkFailed | None]:
    """Write until it fails; return the packets that were taken without complaint, and the complaint."""
    packets, taken = bare_packets(110), []
    made = writer(folder, minutes=0.004, max_bytes=40_000, operations=disk.operations())
    try:
        begin(made)
        for at in range(0, len(packets), 5):
            made.packets(0, packets[at:at + 5])
            taken += packets[at:at + 5]
        made.close({"edges": {}})
    except SinkFailed as error:
        made.close(None)
        return taken, error
    assert made.failed is None
    return taken, None


@pytest.mark.parametrize(("number", "short"), [(errno.EIO, None), (errno.ENOSPC, 0), (errno.ENOSPC, 50)])
def test_every_system_call_failed_in_turn_is_told_and_leaves_a_history(tmp_path, number, short):
    counting = Disk()
    taken, error = drive(tmp_path / "count", counting)
    assert error is None
    assert {"mkdir", "statvfs", "open", "write", "fsync", "close", "unlink"} <= set(counting.calls)
    whole = given(bare_packets(110))
    for n in range(len(counting.calls)):
        folder, disk = tmp_path / str(n), Disk(n, number, short)
        taken, error = drive(folder, disk)
        assert error is not None, f"call {n}, {counting.calls[n]}: silence"
        assert not disk.open_descriptors
        if taken:
            found = held(folder)
            assert given(taken)[-1] in found
            first = whole.index(found[0])
            assert found == whole[first:first + len(found)]


def test_too_little_space_is_refused_at_the_start(tmp_path):
    small = os.statvfs_result((4096, 4096, 100, 10, 10, 0, 0, 0, 0, 255))
    made = writer(tmp_path / "h", operations=FileOperations(statvfs=lambda _: small))
    with pytest.raises(SinkFailed, match=r"16 MiB.*lower minutes"):
        made.open(RUN_INFO, {})


def test_a_folder_that_holds_something_is_refused(tmp_path):
    (tmp_path / "h").mkdir()
    (tmp_path / "h" / "x").touch()
    with pytest.raises(FileRefused, match="never overwritten"):
        begin(writer(tmp_path / "h"))


def test_what_is_no_history_is_refused(tmp_path):
    with pytest.raises(NotFound, match="history_sink"):
        History(tmp_path / "none")
    with pytest.raises(NotFound, match="history_sink"):
        History(tmp_path)
    (tmp_path / "history_000001.seg").write_bytes(b"EEGHIST1" + bytes(100))
    with pytest.raises(RecordingRefused, match="no packet"):
        History(tmp_path)

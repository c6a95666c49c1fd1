"""`eegcore recover` mends and never touches good data; `eegcore verify` finds what is wrong."""

from __future__ import annotations

import contextlib
import json
import os

import numpy as np
import pytest
from bdf_feed import LEDGER, Feed, make_writer, names, record, target, with_edfio, with_pyedflib

from eegcore.cli import main
from eegcore.errors import SinkFailed, StateConflict
from eegcore.sinks.bdf_check import BdfRefused
from eegcore.sinks.bdf_format import COUNT_OFFSET, make_layout
from eegcore.sinks.bdf_recover import bdf_files, recover
from eegcore.sinks.bdf_verify import verify

FEED = Feed(2, 250.0)
LAYOUT = make_layout(250.0, 2)


@pytest.fixture
def good(tmp_path):
    """A recording of four full data records."""
    _, summary, errors = record(tmp_path, FEED, FEED.run(0, 500), ledger=LEDGER)
    assert not errors
    (tmp_path / "session_meta.json").write_text(json.dumps({"state": "finished", "sps_in_file": 250.0,
                                                               "recording": summary}))
    return tmp_path / "eeg.bdf"


def set_count(path, text):
    with open(path, "r+b") as file:
        file.seek(COUNT_OFFSET)
        file.write(text.encode().ljust(8))


def run(capsys, *words):
    status = main([str(word) for word in words])
    said = capsys.readouterr()
    return status, said.out, said.err


def test_a_good_file_is_left_alone(capsys, good):
    before = (good.read_bytes(), os.stat(good).st_mtime_ns)
    assert recover(str(good)).did == []
    assert run(capsys, "recover", good) == (0, f"{good}: 4 data records (2 s): nothing to mend.\n", "")
    status, out, _ = run(capsys, "verify", good)
    assert status == 0
    assert out == (f"{good}: GOOD: 4 data records, 500 frames, 0 annotations; checked: structure, times, checksum, "
                   "sha256, frames, ledger\n")
    assert (good.read_bytes(), os.stat(good).st_mtime_ns) == before


@pytest.mark.parametrize(("count", "tail", "records", "did"), [
    ("3", b"", 4, ["the count of data records was 3, is 4"]),
    ("4", b"x" * 100, 4, ["100 bytes of an unfinished data record were cut off"]),
    ("4", b"\0" * LAYOUT.record_bytes, 4, ["of an unfinished data record were cut off (it was not written whole"]),
    ("0", b"", 4, ["the count of data records was 0, is 4"]),
    ("-1", b"y", 4, ["was -1, is 4", "1 bytes of an unfinished"]),
    ("9", b"", 4, ["the count of data records was 9, is 4"]),
])
def test_counts_and_torn_ends(good, count, tail, records, did):
    samples = good.read_bytes()[LAYOUT.header_bytes:]
    set_count(good, count)
    with open(good, "ab") as file:
        file.write(tail)
    if tail or count != "4":
        assert verify(str(good)).problems
    mended = recover(str(good))
    assert mended.records == records
    assert len(mended.did) == len(did)
    for said, wanted in zip(mended.did, did, strict=True):
        assert wanted in said
    assert good.read_bytes()[LAYOUT.header_bytes:] == samples
    assert recover(str(good)).did == []
    assert verify(str(good)).problems == []
    np.testing.assert_array_equal(with_pyedflib(good)["counts"], FEED.counts(0, 500))


def test_the_newest_data_record_behind_the_count_is_compared_with_its_checksum(good):
    set_count(good, "3")
    with open(good, "r+b") as file:
        file.seek(-LAYOUT.annotation_bytes - 5, os.SEEK_END)
        file.write(b"\0")
    mended = recover(str(good))
    assert mended.records == 3
    assert "checksum differs" in mended.did[0]
    np.testing.assert_array_equal(with_edfio(good)["counts"], FEED.counts(0, 375))


def test_a_file_that_never_got_its_name(capsys, tmp_path):
    record(tmp_path, FEED, FEED.run(0, 250))
    (tmp_path / "eeg.bdf").rename(tmp_path / "eeg.bdf.part")
    assert verify(str(tmp_path / "eeg.bdf.part")).problems == [
        "it has no final name yet: run 'eegcore recover'"]
    status, out, _ = run(capsys, "recover", tmp_path)
    assert (status, out) == (0, f"{tmp_path}/eeg.bdf: 2 data records (1 s): it is called eeg.bdf now.\n")
    assert names(tmp_path) == ["eeg.bdf"]
    os.link(tmp_path / "eeg.bdf", tmp_path / "eeg.bdf.part")                 # the power went between link and unlink
    assert recover(str(tmp_path / "eeg.bdf.part")).did == ["its second name eeg.bdf.part was removed"]
    assert names(tmp_path) == ["eeg.bdf"]
    (tmp_path / "eeg.bdf.part").write_bytes((tmp_path / "eeg.bdf").read_bytes())
    with pytest.raises(BdfRefused, match="exists and is another file"):
        recover(str(tmp_path / "eeg.bdf.part"))


def test_a_file_without_a_sample_is_told_and_kept(capsys, tmp_path):
    writer = make_writer(FEED)
    writer.begin(target(tmp_path))
    del writer                                                              # as if killed: the descriptor stays open
    part = tmp_path / "eeg.bdf.part"
    content = part.read_bytes()
    copy = tmp_path / "b" / "eeg.bdf.part"
    copy.parent.mkdir()
    for cut in (content, content[:600], content[:100], b"", bytes(len(content)), bytes(512) + content[512:]):
        copy.write_bytes(cut)
        status, out, _ = run(capsys, "recover", copy)
        assert status == 0
        assert "no sample is in it" in out
        assert copy.read_bytes() == cut
        assert run(capsys, "verify", copy)[0] == 1


def test_a_recording_that_goes_on_is_left_alone(capsys, tmp_path):
    writer = make_writer(FEED)
    writer.begin(target(tmp_path))
    writer.write(FEED.run(0, 200))
    with pytest.raises(StateConflict, match="is being recorded now"):
        recover(str(tmp_path / "eeg.bdf"))
    status, _, err = run(capsys, "recover", tmp_path)
    assert status == 1
    assert "is being recorded now" in err
    writer.end()
    assert recover(str(tmp_path / "eeg.bdf")).did == []


def test_a_failing_disk_is_told(good, failing_disk):
    for n in range(8):
        set_count(good, "3")
        disk = failing_disk(fail_at=n)
        with contextlib.suppress(SinkFailed):
            recover(str(good), disk.operations())
        assert disk.failed or n > 5
        assert not disk.open_descriptors
    assert recover(str(good)).records == 4
    assert verify(str(good)).problems == []


def test_what_is_no_bdf_file(capsys, tmp_path):
    for content, said in ((b"", "has 0 bytes"), (b"0       ", "is no BDF file"),
                          (b"\xffBIOSEMI" + b" " * 248, "number"), (b"\xffBIOSEMI" + b"7" * 300, "damaged")):
        path = tmp_path / "x.bdf"
        path.write_bytes(content)
        for command in ("recover", "verify"):
            status, _, err = run(capsys, command, path)
            assert status == 2
            assert said in err
            assert path.read_bytes() == content
    for path in (tmp_path / "none.bdf", tmp_path / "empty"):
        (tmp_path / "empty").mkdir(exist_ok=True)
        assert run(capsys, "verify", path)[0] == 2
    (tmp_path / "good").mkdir()
    record(tmp_path / "good", FEED, FEED.run(0, 250))
    status, out, err = run(capsys, "verify", tmp_path, "--json")
    assert status == 1
    answer = json.loads(out)
    assert [bool(entry.get("error")) for entry in answer] == [True, False]
    assert answer[1]["frames"] == 250
    assert "x.bdf" in err


def test_links_are_not_followed(tmp_path):
    (tmp_path / "real").mkdir()
    record(tmp_path / "real", FEED, FEED.run(0, 250))
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "eeg.bdf").symlink_to(tmp_path / "real" / "eeg.bdf")
    assert list(bdf_files(str(tmp_path))) == [str(tmp_path / "real" / "eeg.bdf")]
    with pytest.raises(SinkFailed):
        recover(str(tmp_path / "links" / "eeg.bdf"))
    with pytest.raises(BdfRefused):
        verify(str(tmp_path / "links" / "eeg.bdf"))


def test_files_of_other_programs(tmp_path):
    import edfio

    path = tmp_path / "theirs.bdf"
    signals = [edfio.BdfSignal(np.arange(1000) % 100 - 50.0, 100, label="a", physical_range=(-60, 60))]
    edfio.Bdf(signals, data_record_duration=1, annotations=[edfio.EdfAnnotation(1, None, "x")]).write(path)
    found = verify(str(path))
    assert found.problems == []
    assert found.annotations == 1
    content = path.read_bytes()
    set_count(path, "-1")                                                   # as programs leave it that were killed
    with open(path, "ab") as file:
        file.write(b"torn")
    assert recover(str(path)).records == 10
    assert path.read_bytes() == content


@pytest.mark.parametrize(("change", "said"), [
    ("sample", "its samples are not those that were recorded"),
    ("time", "follows"),
    ("annotation", "an annotation does not end"),
    ("checksum", "its checksum differs"),
    ("ledger", "ledger: "),
    ("cut", "data records are missing at its end"),
    ("frames", "says 400 and 0 of padding"),
])
def test_verify_finds(good, change, said):
    content = bytearray(good.read_bytes())
    times = LAYOUT.header_bytes + LAYOUT.record_bytes - LAYOUT.annotation_bytes
    if change == "sample":
        content[LAYOUT.header_bytes + 17] ^= 1
    elif change == "time":
        content[times + LAYOUT.record_bytes + 1] ^= 1
    elif change == "annotation":
        content[times + LAYOUT.record_bytes + 5:times + LAYOUT.record_bytes + 12] = b"\0" * 7
    elif change == "checksum":
        content[-LAYOUT.annotation_bytes - 1] ^= 1
    elif change == "cut":
        del content[LAYOUT.header_bytes + 2 * LAYOUT.record_bytes:]
        content[COUNT_OFFSET] = ord("2")
    good.write_bytes(content)
    if change == "ledger":
        broken = {**LEDGER, "sinks": {"x": {"in": 3, "written": 2, "refused": {}, "queued": 0}}}
        (good.parent / "eeg.bdf.ledger.json").write_text(json.dumps(broken))
    if change == "frames":
        meta = json.loads((good.parent / "session_meta.json").read_text())
        meta["recording"]["segments"][0]["n_frames"] = 400
        (good.parent / "session_meta.json").write_text(json.dumps(meta))
    problems = verify(str(good)).problems
    assert any(said in problem for problem in problems), problems


def test_ledger_of_a_session_folder(capsys, good):
    assert run(capsys, "ledger", good.parent)[0] == 0
    assert run(capsys, "ledger", good)[0] == 0

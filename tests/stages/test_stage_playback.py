"""`playback`: the stream of a file, read once, and files that cannot be played."""

from __future__ import annotations

import os

import pytest

from eegcore.stages import playback
from eegcore.stages.stream import Kind


@pytest.fixture
def csv(tmp_path):
    path = tmp_path / "two.csv"
    path.write_text("time,C3,C4\n" + "".join(f"{i / 250:.3f},{i},{-i}\n" for i in range(500)))
    return str(path)


def test_a_recording_becomes_uv_that_can_wait(describe, csv):
    description = describe("playback", path=csv, sps=250, columns=["C3", "C4"])
    stream = description.outputs[0].stream
    assert (stream.kind, stream.unit, stream.labels) == (Kind.VOLTAGE_F32, "uV", ("C3", "C4"))
    assert (stream.sps, stream.max_frames, stream.can_wait) == (250, 1, True)
    assert stream.meta["n_frames"] == 500
    assert description.native["node"] == "playback"
    assert description.native["sps"] == 250


def test_raw_gives_counts(describe, csv):
    stream = describe("playback", path=csv, sps=250, columns=["C3"], raw=True, batch=10).outputs[0].stream
    assert (stream.kind, stream.unit, stream.max_frames) == (Kind.RAW_I32, "counts", 10)


@pytest.mark.parametrize(("speed", "native"), [("max", 0.0), (1, 1.0), (2.5, 2.5)])
def test_speed_max_is_zero_for_the_core(describe, csv, speed, native):
    assert describe("playback", path=csv, sps=250, speed=speed).native["speed"] == native


@pytest.mark.parametrize("speed", [0, -1, 1e7])
def test_a_speed_that_is_none_is_refused(refusal, csv, speed):
    assert refusal("playback", path=csv, sps=250, speed=speed) == (
        f"speed: {speed:g} is no speed | 0.001 to 1e6, or max | ")


def test_without_a_path_the_hint_says_how_to_give_one(refusal):
    assert refusal("playback") == (
        "path: no recording is given |  | Add --set playback.path=FILE to the command, or path: FILE here")


def test_a_missing_file_is_a_problem_of_path(refusal, tmp_path):
    text = refusal("playback", path=str(tmp_path / "gone.csv"))
    assert text.startswith("path: ")
    assert "there is no such file" in text


def test_too_many_channels_are_refused(refusal, tmp_path):
    path = tmp_path / "wide.csv"
    row = ",".join(["1"] * 300) + "\n"
    path.write_text(",".join(f"c{i}" for i in range(300)) + "\n" + row * 10)
    assert "has 300 channels | 1 to 256 | Choose some with columns" in refusal("playback", path=str(path), sps=250)


def test_what_was_described_is_not_read_again_unless_the_file_changed(describe, csv, monkeypatch):
    from eegcore.devices import recording_files

    native = describe("playback", path=csv, sps=250).native
    reads = []
    read = recording_files.read_recording
    monkeypatch.setattr(recording_files, "read_recording", lambda *a, **k: reads.append(a) or read(*a, **k))
    assert playback.take_recording(native).n_frames == 500
    assert reads == []
    assert playback.take_recording(native).n_frames == 500          # taken: its memory is the run's
    assert len(reads) == 1
    describe("playback", path=csv, sps=250)
    assert len(reads) == 2
    status = os.stat(csv)
    os.utime(csv, ns=(status.st_atime_ns, status.st_mtime_ns + 10**9))
    playback.take_recording(native)
    assert len(reads) == 3


def test_the_openbci_recording_has_eight_channels_at_250(describe, shared_data):
    path = shared_data / "openbci_gui_v6_blinks_jaw_alpha.txt.xz"
    stream = describe("playback", path=str(path)).outputs[0].stream
    assert (stream.n_channels, stream.sps, stream.meta["n_frames"]) == (8, 250, 22490)

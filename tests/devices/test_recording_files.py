"""Which file is read how, which are not, and what is said then."""

from __future__ import annotations

import contextlib
import lzma
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eegcore.devices.readers_bytes import load_bytes
from eegcore.devices.recording_files import RecordingRefused, read_recording


def refusal(path, **options):
    with pytest.raises(RecordingRefused) as caught:
        read_recording(path, **{"sps": 250, **options})
    return str(caught.value)


def test_missing_file_names_its_neighbour(tmp_path):
    (tmp_path / "session_1.csv").write_text("a\n1\n")
    path = tmp_path / "sesion_1.csv"
    assert refusal(path) == (f"{path}: there is no such file [ENOENT 2]. "
                             f"Did you mean '{tmp_path / 'session_1.csv'}'?")
    path = tmp_path / "nothing" / "like.bdf"
    assert refusal(path) == (f"{path}: there is no such file [ENOENT 2]. "
                             f"The folder '{tmp_path / 'nothing'}' cannot be listed either. Check the path.")


def test_missing_file_has_its_own_code(tmp_path):
    with pytest.raises(RecordingRefused) as caught:
        read_recording(tmp_path / "x")
    assert caught.value.code == "not_found"


def test_empty_files_folders_and_pipes_are_refused(tmp_path):
    empty = tmp_path / "empty.csv"
    empty.touch()
    assert refusal(empty) == f"{empty}: the file is empty. A recording has at least one frame."
    assert refusal(tmp_path) == f"{tmp_path}: is a folder. Give the path of one recording file."
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert refusal(pipe) == f"{pipe}: is not a regular file. Give the path of one recording file."


def test_a_path_with_a_zero_byte_is_refused(tmp_path):
    assert "may not be opened" in refusal(str(tmp_path / "a\0b"))


@pytest.mark.parametrize(("content", "name"), [
    (b"XDF:\x10", "XDF"), (b"\x93NUMPY\x01", "a NumPy array"), (b"MATLAB 5.0", "a MATLAB file"),
    (b"PK\x03\x04", "a zip file"), (b"Brain Vision Data Exchange", "a BrainVision header")])
def test_known_foreign_formats_are_named(tmp_path, content, name):
    path = tmp_path / "file"
    path.write_bytes(content)
    assert refusal(path).startswith(f"{path}: is {name}. Readable: OpenBCI text, CSV, EDF, BDF, each also as .xz.")


def test_raw_spi_frames_are_sent_to_the_emulator(shared_data):
    assert "emulator: signal: file" in refusal(shared_data / "pieeg_spi_frames_77s.bin.xz")


def test_unknown_format_lists_the_known(tmp_path):
    assert refusal(tmp_path / "a", format="xdf") == (
        f"{tmp_path / 'a'}: format is 'xdf'. Allowed: auto, openbci, csv, edf, bdf.")


@pytest.mark.parametrize("wanted", ["openbci", "edf", "bdf"])
def test_a_forced_format_must_fit(tmp_path, wanted):
    path = tmp_path / "a.csv"
    path.write_text("a,b\n1,2\n")
    assert refusal(path, format=wanted).endswith("Use format: auto.")


def test_a_bomb_is_refused_before_it_unpacks(tmp_path):
    path = tmp_path / "bomb.csv.xz"
    path.write_bytes(lzma.compress(bytes(64 << 20)))
    assert path.stat().st_size < 1 << 20
    message = refusal(path, max_bytes=8 << 20)
    assert "the recording is too large" in message
    assert "Allowed: 8 388 608 bytes unpacked. Cut the recording into parts." in message


def test_a_large_plain_file_is_refused_by_its_size(tmp_path):
    path = tmp_path / "large.csv"
    path.write_bytes(b"1,2\n" * 100)
    assert "at least 400 bytes" in refusal(path, max_bytes=399)
    assert len(load_bytes(path, max_bytes=400)) == 400


def test_text_has_a_lower_limit_than_binary_files(tmp_path, monkeypatch):
    monkeypatch.setattr("eegcore.devices.recording_files.MAX_TEXT_BYTES", 1 << 20)
    path = tmp_path / "large.csv"
    path.write_bytes(b"1,2\n" * (1 << 18) + b"1,2\n")
    assert refusal(path) == (f"{path}: the text is too large: 1 048 580 bytes. Allowed: 1 MiB of text. "
                             "Cut the recording into parts or convert it to BDF.")


@given(content=st.binary(min_size=1, max_size=300), parts=st.integers(1, 3), padding=st.integers(0, 2))
def test_xz_streams_one_after_the_other_are_one_file(tmp_path_factory, content, parts, padding):
    path = tmp_path_factory.mktemp("xz") / "a.xz"
    path.write_bytes(b"".join(lzma.compress(content) + bytes(4 * padding) for _ in range(parts)))
    assert load_bytes(path) == content * parts


def test_cut_and_broken_xz_are_refused(tmp_path):
    packed = lzma.compress(os.urandom(5000))
    path = tmp_path / "a.csv.xz"
    path.write_bytes(packed[:-600])
    assert refusal(path) == f"{path}: the xz stream is cut short. Copy or download the file again."
    path.write_bytes(packed[:100] + b"\x55" * 40 + packed[140:])
    assert f"{path}: the xz stream is broken: " in refusal(path)
    path.write_bytes(lzma.compress(b""))
    assert "empty once unpacked" in refusal(path)


starts = st.sampled_from([b"", b"%", b"0       ", b"\xffBIOSEMI", b"# eegcore csv 1\n", b"a,b\n",
                          b"%Sample Rate = 250 Hz\nSample Index, EXG Channel 0\n",
                          b"# eegcore csv 1\n# sps: 250\nframe_index,time_s,Fp1_uV\n"])
texts = st.text("0123456789.,;|-+e#%\"\n\r\t anifx", max_size=200).map(str.encode)
contents = st.binary(min_size=1, max_size=600) | texts


@given(contents, starts)
def test_any_bytes_are_read_or_refused_never_worse(tmp_path_factory, content, start):
    path = tmp_path_factory.mktemp("fuzz") / "a"
    path.write_bytes(start + content)
    for raw in (False, True):
        recording = None
        with contextlib.suppress(RecordingRefused):
            recording = read_recording(path, sps=250, raw=raw)
        if recording is not None:
            assert recording.values.shape == (recording.n_frames, len(recording.labels))
            assert recording.n_frames > 0

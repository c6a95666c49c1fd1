"""Files that lie: read or refused with one sentence, in bounded memory, never worse."""

from __future__ import annotations

import contextlib
import json
import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import eegcore as ec
from eegcore.devices.readers_base import RecordingRefused

pytest.importorskip("pyxdf")

HEADER = (b'<?xml version="1.0"?><info><name>a</name><type>EEG</type><channel_count>%d</channel_count>'
          b"<nominal_srate>100</nominal_srate><channel_format>%s</channel_format><desc></desc></info>")


def part(tag, content):
    return b"\x04" + struct.pack("<IH", len(content) + 2, tag) + content


def xdf(*parts):
    return b"XDF:" + part(1, b'<?xml version="1.0"?><info><version>1.0</version></info>') + b"".join(parts)


def header(n=2, form=b"float32"):
    return part(2, struct.pack("<I", 1) + HEADER % (n, form))


def samples(n_said, n, n_channels=2):
    one = b"\x08" + struct.pack("<d", 1.0) + bytes(4 * n_channels)
    return part(3, struct.pack("<I", 1) + b"\x08" + struct.pack("<Q", n_said) + one * n)


@pytest.mark.parametrize(("data", "message"), [
    (xdf(header(), samples(2**40, 3)), "states 1099511627776 samples in 51 bytes"),
    (xdf(header(60_000_000), samples(1, 1)), "states 60000000 channels"),
    (xdf(samples(1, 1)), "samples of a stream without a header"),
    (xdf(header(2, b"float128")), "no usable channel_format"),
    (xdf(part(2, struct.pack("<I", 1) + b"<!DOCTYPE x [<!ENTITY a 'b'>]>" + HEADER % (1, b"int8"))),
     "declares entities"),
    (xdf() + b"\x07" + bytes(40), "a length of 7 bytes"),
    (xdf(part(99, b"abc")), "its tag is 99"),
    (xdf(), "cannot be read|markers only"),
    (b"XDF:", "cannot be read|markers only")])
def test_xdf_parts_that_lie_are_refused(tmp_path, data, message):
    path = tmp_path / "a.xdf"
    path.write_bytes(data)
    tracemalloc.start()
    try:
        with pytest.raises(RecordingRefused, match=message) as caught:
            ec.read(path)
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()
    assert str(caught.value).startswith(f"{path}: ")


def test_an_xdf_cut_short_is_read_up_to_there(tmp_path):
    data = xdf(header(), samples(3, 3), samples(3, 3))
    (tmp_path / "a.xdf").write_bytes(data[:-10])
    assert ec.read(tmp_path / "a.xdf").n_frames == 3


@given(st.lists(st.tuples(st.integers(4, 5000), st.binary(min_size=1, max_size=6)), max_size=5), st.integers(0, 4000))
def test_a_damaged_xdf_is_refused_or_read_never_worse(shared_data, tmp_path_factory, damage, cut):
    data = bytearray((shared_data / "xdf_minimal.xdf").read_bytes())
    for at, value in damage:
        data[at % len(data): at % len(data) + len(value)] = value
    path = tmp_path_factory.mktemp("xdf") / "a.xdf"
    path.write_bytes(b"XDF:" + data[4:max(8, len(data) - cut % len(data))])
    with contextlib.suppress(RecordingRefused):
        rec = ec.read(path)
        assert rec.data.shape == (rec.n_frames, rec.n_channels)
        assert all(0 <= event.frame <= max(0, rec.n_frames - 1) for event in rec.events)


def bids(folder, shared_data, **beside):
    stem = folder / "sub-01" / "eeg" / "sub-01_task-rest"
    stem.parent.mkdir(parents=True)
    data = (shared_data / "bdf_500hz_status_channel.bdf").read_bytes()
    (stem.parent / "sub-01_task-rest_eeg.bdf").write_bytes(data)
    for name, content in beside.items():
        (stem.parent / f"sub-01_task-rest_{name.replace('__', '.')}").write_bytes(content)
    return stem.parent / "sub-01_task-rest_eeg.bdf"


def test_a_bids_folder_has_events_types_and_metadata(tmp_path, shared_data):
    plain = ec.read(shared_data / "bdf_500hz_status_channel.bdf")
    path = bids(tmp_path, shared_data, eeg__json=json.dumps({"PowerLineFrequency": 50}).encode(),
                channels__tsv=f"name\ttype\tunits\tstatus\n{plain.labels[0]}\tEOG\tuV\tgood\n"
                              f"{plain.labels[1]}\tEEG\tuV\tbad\n".encode(),
                events__tsv=b"onset\tduration\tsample\ttrial_type\tvalue\n0.5\t0\t250\tgo\t7\n1.5\t0.2\tn/a\tn/a\t9\n")
    for place in (tmp_path, path):
        rec = ec.read(place)
        np.testing.assert_array_equal(rec.data, plain.data)
        assert [(event.onset_s, event.duration_s, event.text, event.frame) for event in rec.events] == [
            (0.5, 0.0, "go", 250), (1.5, 0.2, "9", 750)]
        assert rec.types[:2] == ("eog", "eeg")
        assert rec.meta["bad_channels"] == [plain.labels[1]]
        assert rec.meta["bids"] == {"PowerLineFrequency": 50}


@pytest.mark.parametrize("content", [
    b"", b"\x00\xff", b"onset\n", b"onset\tsample\nnan\t1\n1e400\t2\n\t\n", b"[" * 9999])
def test_broken_files_beside_a_recording_cost_only_themselves(tmp_path, shared_data, content):
    rec = ec.read(bids(tmp_path, shared_data, eeg__json=content, channels__tsv=content, events__tsv=content))
    assert rec.n_frames == 5000
    assert rec.events == []


@pytest.mark.parametrize("options", [{"sps": 250}, {"scale": 2.0}, {"raw": True}])
def test_options_of_text_files_do_not_go_with_others(shared_data, options):
    with pytest.raises(RecordingRefused, match="which states its own"):
        ec.read(shared_data / "sleep_psg_300s.edf", **options)


def test_what_is_not_installed_is_named(shared_data, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyxdf", None)
    with pytest.raises(RecordingRefused, match=r"pyxdf is not installed. pip install 'eegcore\[xdf\]'"):
        ec.read(shared_data / "xdf_minimal.xdf")
    monkeypatch.setitem(__import__("sys").modules, "mne", None)
    with pytest.raises(RecordingRefused, match="MNE is not installed"):
        ec.read(shared_data / "brainvision" / "test.vhdr")
    with pytest.raises(ec.EegcoreError, match="pip install mne"):
        ec.read(shared_data / "sleep_psg_300s.edf").to_mne()

"""Recordings that lie about themselves: refused with a sentence, never a traceback, never other numbers."""

from __future__ import annotations

import warnings

import pytest

from eegcore.devices.readers_base import RecordingRefused
from eegcore.devices.readers_bytes import load_bytes
from eegcore.devices.recording_files import read_recording

HEAD = "# eegcore csv 1\n# sps: 250\n# step: {step}\n# unit: uV\n# labels: [\"a\"]\nframe_index,time_s,a_uV\n"


def refused(path, data):
    path.write_bytes(data)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(RecordingRefused) as caught:
            read_recording(str(path))
    return str(caught.value)


def test_a_quote_that_is_never_closed(tmp_path):
    assert ":2: a quote is opened and not closed" in refused(tmp_path / "x.csv", b'time,a\n0,"1\n0.004,2\n0.008,3\n')


def test_a_quote_that_swallows_the_next_row(tmp_path):
    """Line by line both rows have two cells; read as one file they are a single row with the value 12."""
    assert ":3: a quote" in refused(tmp_path / "x.csv", b'time,a\n0,1\n0.004,"1\n2",5\n0.008,3\n')


@pytest.mark.parametrize("index", [
    "18446744073709551615", "99999999999999999999999999", "9000000000000000000", "-1e300"])
@pytest.mark.parametrize("step", ["1", "16", "1/3"])
def test_a_frame_index_no_recording_reaches(tmp_path, index, step):
    text = HEAD.format(step=step) + f"0,0,1\n1,0.004,2\n{index},0.008,3\n"
    assert ":9: frame_index jumps by" in refused(tmp_path / "x.csv", text.encode())


def test_an_edf_whose_records_last_no_number_of_seconds(tmp_path):
    fields = [("0", 8), ("X", 80), ("Y", 80), ("01.01.01", 8), ("01.01.01", 8), ("512", 8), ("", 44), ("1", 8),
              ("nan", 8), ("1", 4), ("EEG", 16), ("", 80), ("uV", 8), ("-100", 8), ("100", 8), ("-32768", 8),
              ("32767", 8), ("", 80), ("10", 8), ("", 32)]
    data = "".join(text.ljust(width) for text, width in fields).encode() + b"\0\0" * 10
    assert "the rate of the signals is nan" in refused(tmp_path / "x.edf", data)


def test_a_kernel_file_with_nothing_to_say(tmp_path, monkeypatch):
    path = tmp_path / "x.csv"
    path.write_bytes(b"1")

    class Silent:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

        def read(self, n):
            return None                        # what a regular file of /proc answers to O_NONBLOCK

    monkeypatch.setattr("eegcore.devices.readers_bytes.os.fdopen", lambda *_, **__: Silent())
    with pytest.raises(RecordingRefused, match="the file is empty"):
        load_bytes(path)

"""Samples decoded in pieces are those edfio decodes at once, wherever the pieces end."""

from __future__ import annotations

import io

import edfio
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eegcore.devices import edf_file
from eegcore.devices.edf_file import EdfFile
from eegcore.devices.edf_tals import split_tals
from eegcore.devices.readers_bytes import FileBytes
from eegcore.devices.readers_edf import counts_of, values_of
from eegcore.devices.recording_files import RecordingRefused, read_recording

WIDTH = {"edf": 2, "bdf": 3}
NAMES = {"edf": "EDF Annotations", "bdf": "BDF Annotations"}


def file_of(kind, signals, n_records, body, record_s=1.0, stated=None, reserved=""):
    """An EDF or BDF file, field by field (EDF specification, table of the header).

    `signals`: (label, unit, physical min, physical max, samples per record).
    """
    low, high = (-32768, 32767) if kind == "edf" else (-(2**23), 2**23 - 1)
    n = len(signals)
    head = b"0       " if kind == "edf" else b"\xffBIOSEMI"
    main = [("X X X X", 80), ("Startdate X X X X", 80), ("01.02.20", 8), ("03.04.05", 8), (256 * (n + 1), 8),
            (reserved, 44), (n_records if stated is None else stated, 8), (f"{record_s:g}", 8), (n, 4)]
    columns = [([s[0] for s in signals], 16), ([""] * n, 80), ([s[1] for s in signals], 8),
               ([s[2] for s in signals], 8), ([s[3] for s in signals], 8), ([low] * n, 8), ([high] * n, 8),
               ([""] * n, 80), ([s[4] for s in signals], 8), ([""] * n, 32)]
    fields = main + [(value, width) for values, width in columns for value in values]
    return head + b"".join(str(value).ljust(width).encode() for value, width in fields) + body


lengths = st.lists(st.tuples(st.sampled_from([1, 2, 7, 64]), st.sampled_from([True, True, True, False])),
                   min_size=1, max_size=6).filter(lambda rows: any(is_signal for _, is_signal in rows))


@given(st.sampled_from(["edf", "bdf"]), lengths, st.integers(1, 40), st.integers(1, 400), st.integers(0, 2**32 - 1),
       st.sampled_from([(-100, 100), (3000, -2999.5), (0, 1), (-1e-3, 7)]))
def test_counts_equal_edfio_and_values_its_counts_scaled_once(kind, rows, n_records, piece, seed, physical):
    signals = [(f"s{i}" if is_signal else NAMES[kind], "uV", *physical, n) for i, (n, is_signal) in enumerate(rows)]
    random = np.random.default_rng(seed)
    parts = []
    for _ in range(n_records):
        for n, is_signal in rows:
            parts.append(random.bytes(n * WIDTH[kind]) if is_signal else bytes(n * WIDTH[kind]))
    data = file_of(kind, signals, n_records, b"".join(parts))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(edf_file, "PIECE_SAMPLES", piece)
        file = EdfFile(in_memory(data), kind)
        reference = (edfio.read_edf if kind == "edf" else edfio.read_bdf)(io.BytesIO(data))
        assert len(file.signals) == len(reference.signals)
        for n in {signal.n_per_record for signal in file.signals}:
            picks = [i for i, signal in enumerate(file.signals) if signal.n_per_record == n]
            picks = [int(i) for i in random.permutation(picks)]
            chosen = [file.signals[i] for i in picks]
            expected = np.stack([reference.signals[i].digital for i in picks], axis=1).astype(np.int32)
            np.testing.assert_array_equal(counts_of(file, chosen), expected)
            scaled = expected * [signal.slope for signal in chosen] + [signal.intercept for signal in chosen]
            assert values_of("", file, chosen).tobytes() == scaled.astype(np.float32).tobytes()
            first = int(random.integers(n_records))
            np.testing.assert_array_equal(counts_of(file, chosen, range(first, n_records)), expected[first * n:])


def in_memory(data):
    file = object.__new__(FileBytes)
    file.path, file.size, file._in_memory = "memory", len(data), data
    return file


def test_a_large_file_is_decoded_without_holding_it(tmp_path):
    """What is allocated beside the result stays below a few pieces, whatever the file weighs."""
    import tracemalloc

    n_records, n_signals, n = 200, 8, 1000
    body = np.arange(n_records * n_signals * n * 3, dtype=np.uint32).astype(np.uint8).tobytes()
    path = tmp_path / "large.bdf"
    path.write_bytes(file_of("bdf", [(f"s{i}", "uV", -100, 100, n) for i in range(n_signals)], n_records, body))
    read_recording(path)                               # edfio is imported
    tracemalloc.start()
    try:
        values = read_recording(path).values
        peak = tracemalloc.get_traced_memory()[1] - values.nbytes
    finally:
        tracemalloc.stop()
    assert len(body) > 4_000_000
    assert peak < 1_500_000


def test_values_that_no_float_holds_name_frame_and_channel(tmp_path):
    body = b"\0\0\0" * 2 + b"\0\0\x7f" + b"\0\0\0"
    path = tmp_path / "huge.bdf"
    path.write_bytes(file_of("bdf", [("a", "V", "-9e37", "9e37", 1), ("b", "V", -1, 1, 1)], 2, body))
    with pytest.raises(RecordingRefused, match=r"frame 1, channel 0: .* is too large. Values must be finite"):
        read_recording(path)


def test_a_file_cut_while_it_is_read_is_refused(tmp_path):
    path = tmp_path / "cut.bdf"
    path.write_bytes(file_of("bdf", [("a", "uV", -1, 1, 10)], 5, bytes(150)))
    file = EdfFile(FileBytes(path), "bdf")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(RecordingRefused, match="it had 662 when it was opened"):
        counts_of(file, file.signals)


@pytest.mark.parametrize(("raw", "tals", "damaged"), [
    (b"+0\x14\x14\x00", [(0.0, None, ("",))], 0),
    (b"+1.5\x152.25\x14a\x14b\x14\x00\x00\x00", [(1.5, 2.25, ("a", "b"))], 0),
    ("-0.5\x14Öffnen\x14\x00".encode(), [(-0.5, None, ("Öffnen",))], 0),
    ("+0.5\x14Öffnen\x14\x00".encode("latin-1"), [(0.5, None, ("Öffnen",))], 0),
    (b"+1\x14cut", [], 1), (b"1\x14no sign\x14\x00", [], 1), (b"+1e9\x14x\x14\x00", [], 1),
    (b"+" + b"9" * 40 + b"\x14x\x14\x00+2\x14x\x14", [(2.0, None, ("x",))], 1), (b"", [], 0)])
def test_annotation_lists_by_the_grammar(raw, tals, damaged):
    assert split_tals(raw) == ([tuple(tal) for tal in tals], damaged)


def test_damaged_annotations_cost_only_themselves(tmp_path):
    tals = [b"+0\x14\x14\x00+0.5\x14eyes\x14\x00", b"+1\x14\x14\x00???", b"+2\x14\x14\x00+2.5\x14open\x14\x00"]
    body = b"".join(bytes(6) + part.ljust(45, b"\0") for part in tals)
    path = tmp_path / "a.bdf"
    path.write_bytes(file_of("bdf", [("a", "uV", -1, 1, 2), (NAMES["bdf"], "", -1, 1, 15)], 3, body, reserved="BDF+C"))
    recording = read_recording(path)
    assert [(event.onset_s, event.text) for event in recording.events] == [(0.5, "eyes"), (2.5, "open")]
    assert recording.meta["warnings"] == ["1 annotations cannot be read and are left out"]
    assert recording.gaps == []

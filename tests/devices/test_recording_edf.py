"""EDF and BDF against other readers and EEGLAB, and the files that are not as they should be."""

from __future__ import annotations

import contextlib
import lzma

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eegcore.devices.recording_files import RecordingRefused, read_recording

FILES = ["biosemi_72ch_1s.bdf", "bdf_500hz_status_channel.bdf", "bdfplus_subsecond_annotations.bdf",
         "edfplus_subsecond_annotations.edf", "edfplus_duplicate_labels.edf", "sleep_psg_300s.edf",
         "sleep_psg_300s.bdf", "bdfplus_generator_mixed_rates.bdf.xz"]


def header_fields(data):
    """The signal headers as dictionaries, straight from the EDF specification."""
    n = int(data[252:256])
    at, fields = 256, {}
    for name, width in (("label", 16), ("transducer", 80), ("unit", 8), ("pmin", 8), ("pmax", 8), ("dmin", 8),
                        ("dmax", 8), ("filter", 80), ("samples", 8), ("reserved", 32)):
        fields[name] = [data[at + i * width: at + (i + 1) * width].decode("latin-1").strip() for i in range(n)]
        at += n * width
    return fields, at


def plain_read(data):
    """Digital values of every signal, by the specification and NumPy alone."""
    fields, at = header_fields(data)
    width = 3 if data[0] == 0xFF else 2
    samples = [int(n) for n in fields["samples"]]
    body = np.frombuffer(data, np.uint8, offset=at).reshape(int(data[236:244]), sum(samples) * width)
    signals, begin = [], 0
    for n in samples:
        part = body[:, begin: begin + n * width].reshape(-1, width).astype(np.int32)
        begin += n * width
        value = part[:, 0] | part[:, 1] << 8 | (part[:, 2] << 16 if width == 3 else 0)
        signals.append((value << 32 - 8 * width) >> 32 - 8 * width)
    return fields, signals


@pytest.mark.parametrize("name", FILES)
def test_digital_and_physical_values_equal_the_specification(shared_data, name):
    path = shared_data / name
    data = path.read_bytes()
    if name.endswith(".xz"):
        data = lzma.decompress(data)
    fields, signals = plain_read(data)
    raw, recording = read_recording(path, raw=True), read_recording(path)
    assert raw.values.dtype == np.int32
    assert raw.labels == recording.labels
    for position, label in enumerate(raw.labels):
        i = fields["label"].index(label) if label in fields["label"] else fields["label"].index("EEG F1-Ref", 1)
        np.testing.assert_array_equal(raw.values[:, position], signals[i])
        pmin, pmax, dmin, dmax = (float(fields[key][i]) for key in ("pmin", "pmax", "dmin", "dmax"))
        physical = pmin + (signals[i] - dmin) * (pmax - pmin) / (dmax - dmin)
        np.testing.assert_allclose(recording.values[:, position], physical, rtol=2e-7, atol=1e-5)
        assert recording.scale_uv[position] == pytest.approx((pmax - pmin) / (dmax - dmin))
    assert recording.values.flags.c_contiguous


def test_biosemi_equals_eeglab_within_5_nanovolts(shared_data):
    scipy_io = pytest.importorskip("scipy.io")
    expected = scipy_io.loadmat(shared_data / "biosemi_72ch_1s_eeglab_values.mat")["data"]
    recording = read_recording(shared_data / "biosemi_72ch_1s.bdf")
    assert recording.values.shape == (2048, 72)
    assert (recording.sps, recording.labels[0], recording.meta["left_out"]) == (2048, "Fp1", {"Status": "status"})
    # EEGLAB stores single precision; rows beyond the 72 signals are the status channel.
    assert np.abs(recording.values.T - expected[:72]).max() <= 0.005


@pytest.mark.parametrize("name", [name for name in FILES if name not in ("biosemi_72ch_1s.bdf",) and ".xz" not in name])
def test_values_equal_pyedflib(shared_data, name):
    pyedflib = pytest.importorskip("pyedflib")
    try:
        file = pyedflib.EdfReader(str(shared_data / name))
    except OSError as error:
        pytest.skip(f"pyedflib does not read {name}: {error}")
    with file:
        labels = [label.strip() for label in file.getSignalLabels()]
        recording = read_recording(shared_data / name)
        for position, label in enumerate(recording.labels):
            i = labels.index(label) if label in labels else labels.index("EEG F1-Ref", 1)
            np.testing.assert_allclose(recording.values[:, position], file.readSignal(i), rtol=2e-7, atol=1e-5)


@pytest.mark.parametrize("name", ["edfplus_subsecond_annotations.edf", "bdfplus_subsecond_annotations.bdf"])
def test_annotations_are_events_and_a_swapped_physical_range_turns_the_sign(shared_data, name):
    recording = read_recording(shared_data / name)
    assert [(event.text, event.onset_s) for event in recording.events] == [
        ("XLSpike", pytest.approx(1.9511719)), ("Clip Note", pytest.approx(3.4921875)),
        ("XLEvent", pytest.approx(290.5019531)), ("XLSpike", pytest.approx(583.5722656))]
    assert (recording.labels, recording.sps, recording.n_frames) == (("Fp1",), 128, 698 * 128)
    assert recording.scale_uv[0] < 0


def test_the_rate_most_voltages_share_is_taken_and_the_rest_named(shared_data):
    recording = read_recording(shared_data / "sleep_psg_300s.edf")
    assert recording.labels == ("EEG Fpz-Cz", "EEG Pz-Oz", "EOG horizontal")
    assert (recording.sps, recording.n_frames) == (100, 30_000)
    assert recording.meta["left_out"]["EMG submental"] == "1 frames per second, not 100"
    assert len(recording.meta["left_out"]) == 4


def test_equally_common_rates_give_the_highest_and_columns_choose_another(shared_data):
    path = shared_data / "bdfplus_generator_mixed_rates.bdf.xz"
    recording = read_recording(path)
    assert (recording.labels, recording.sps, recording.n_frames) == (("sine 5Hz",), 1000, 30_000)
    assert np.sqrt(np.mean(recording.values.astype(float) ** 2)) == pytest.approx(707.107, abs=0.01)
    other = read_recording(path, columns=["square 13Hz"])
    assert (other.sps, other.n_frames) == (800, 24_000)
    assert np.abs(other.values).max() == pytest.approx(1000, abs=0.01)
    with pytest.raises(RecordingRefused) as caught:
        read_recording(path, columns=["sine 5Hz", "ramp 7Hz"])
    assert str(caught.value) == (f"{path}: the chosen columns have different rates: 500, 1000. "
                                 "A source has one rate. Choose columns that share one.")


def test_a_channel_that_is_no_voltage_can_be_asked_for(shared_data):
    recording = read_recording(shared_data / "sleep_psg_300s.edf", columns=["Temp rectal"])
    assert recording.sps == 1
    assert recording.meta["units"] == {"Temp rectal": "DegC"}
    assert 34 <= recording.values.min() <= recording.values.max() <= 40


def test_equal_labels_are_made_different(shared_data):
    recording = read_recording(shared_data / "edfplus_duplicate_labels.edf")
    assert recording.labels == ("EEG F1-Ref", "EEG F2-Ref", "EEG F1-Ref-1")
    assert recording.meta["renamed"] == {"EEG F1-Ref-1": "EEG F1-Ref"}


def test_another_rate_than_the_file_states_is_refused(shared_data):
    path = shared_data / "bdf_500hz_status_channel.bdf"
    assert read_recording(path, sps=500).sps == 500
    with pytest.raises(RecordingRefused) as caught:
        read_recording(path, sps=250)
    assert str(caught.value) == f"{path}: sps is 250, the file says 500. Leave sps out: the file has its own rate."


def patched(shared_data, tmp_path, changes, name="edfplus_subsecond_annotations.edf"):
    data = bytearray((shared_data / name).read_bytes())
    for at, value in changes.items():
        data[at: at + len(value)] = value
    path = tmp_path / "patched.edf"
    path.write_bytes(data)
    return path


def test_millivolts_become_microvolts(shared_data, tmp_path):
    name = "edfplus_subsecond_annotations.edf"
    unit_at = 256 + 2 * (16 + 80)
    path = patched(shared_data, tmp_path, {unit_at: b"mV      "})
    microvolts = read_recording(shared_data / name).values
    np.testing.assert_allclose(read_recording(path).values, microvolts * 1000.0, rtol=1e-6)


def test_an_unfinished_recording_is_read_and_said_so(shared_data, tmp_path):
    path = patched(shared_data, tmp_path, {236: b"-1      "})
    recording = read_recording(path)
    assert recording.n_frames == 698 * 128
    assert recording.meta["warnings"]


def test_a_cut_file_gives_its_whole_records(shared_data, tmp_path):
    data = (shared_data / "edfplus_subsecond_annotations.edf").read_bytes()
    path = tmp_path / "cut.edf"
    path.write_bytes(data[:768 + 296 * 10 + 100])
    recording = read_recording(path)
    assert recording.n_frames == 1280
    assert recording.meta["warnings"]


def test_holes_of_a_discontinuous_file_are_gaps(shared_data, tmp_path):
    """EDF+ section 2.2.4: every data record of EDF+D carries its start time."""
    source = (shared_data / "edfplus_subsecond_annotations.edf").read_bytes()
    record_bytes = (128 + 20) * 2
    data = bytearray(source[:768 + 6 * record_bytes])
    data[192:197], data[236:244] = b"EDF+D", b"6       "
    for record, onset in enumerate((0, 1, 2, 5.5, 6.5, 8.5)):
        at = 768 + record * record_bytes + 256
        data[at: at + 40] = f"+{onset}\x14\x14\x00".encode().ljust(40, b"\x00")
    path = tmp_path / "holes.edf"
    path.write_bytes(data)
    assert read_recording(path).gaps == [(3 * 128, 320), (5 * 128, 128)]


@pytest.mark.parametrize(("changes", "message"), [
    ({252: b"x   "}, "header or data cannot be read"), ({244: b"nothing "}, "header or data cannot be read"),
    ({256 + 2 * 104: b"nan     "}, "the physical range is not finite"), ({236: b"0       "}, "no data record|read")])
def test_broken_headers_are_refused(shared_data, tmp_path, changes, message):
    path = patched(shared_data, tmp_path, changes)
    if 236 in changes:
        path.write_bytes(path.read_bytes()[:768])
    with pytest.raises(RecordingRefused, match=message):
        read_recording(path)


def test_a_bare_magic_is_cut_short(tmp_path):
    path = tmp_path / "a.bdf"
    path.write_bytes(b"\xffBIOSEMI")
    with pytest.raises(RecordingRefused, match="has 8 bytes, the header alone has 256"):
        read_recording(path)


HEADER_TEXT = st.text("0123456789-+.eE naif,", min_size=1, max_size=8).map(lambda text: text.ljust(8).encode())


@given(st.sampled_from(["edfplus_duplicate_labels.edf", "bdf_500hz_status_channel.bdf"]),
       st.lists(st.tuples(st.integers(8, 1279), HEADER_TEXT | st.binary(min_size=1, max_size=8)),
                min_size=1, max_size=4),
       st.integers(0, 4000))
def test_a_damaged_header_is_refused_or_read_never_worse(shared_data, tmp_path_factory, name, damage, cut):
    data = bytearray((shared_data / name).read_bytes())
    for at, value in damage:
        data[at: at + len(value)] = value
    path = tmp_path_factory.mktemp("fuzz") / "a"
    path.write_bytes(data[: len(data) - cut])
    with contextlib.suppress(RecordingRefused):
        recording = read_recording(path)
        assert recording.values.shape == (recording.n_frames, len(recording.labels))
        assert np.isfinite(recording.values).all()

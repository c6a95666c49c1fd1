"""The virtual clock: nothing lost, the same bytes again, whatever the packing."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from eegcore.devices.recording_files import read_recording

CHAIN = [{"to_voltage": {}}, {"notch": {"hz": 60}}, {"bandpass": {"low_hz": 0.5, "high_hz": 45}}]
ALPHA = "openbci_gui_v6_blinks_jaw_alpha.txt.xz"


def emulator(**settings):
    return {"acquire": {"board": "emulator", "sps": 1000, "channels": 8, **settings}}


def test_a_seed_gives_the_same_digest_again_and_another_seed_another(virtual):
    def digest(seed):
        return virtual([emulator(seed=seed), *CHAIN, {"null_sink": {}}], seconds=3).ledger["digest"]["null_sink"]

    assert digest(1) == digest(1)
    assert digest(1) != digest(2)


def test_every_frame_reaches_every_sink(virtual):
    outcome = virtual([emulator(), *CHAIN, {"null_sink": {}}, {"null_sink": {"id": "raw", "inputs": "acquire"}},
                       {"null_sink": {"id": "middle", "inputs": "notch"}}], seconds=5)
    assert outcome.ledger["frames"] == 5000
    assert outcome.ledger["lost"] == 0
    assert {sink["written"] for sink in outcome.ledger["sinks"].values()} == {5000}
    assert outcome.truth["acquire"]["clean"] == 5000


def test_packets_are_numbered_without_a_hole_and_time_follows_the_rate(virtual):
    packets = virtual([emulator(), *CHAIN, {"null_sink": {}}], "bandpass", 2).packets
    at = 0
    for packet in packets:
        assert packet["frame_index"] == at
        # the first conversion is settled 4 tDR + 9 tCLK after START (data sheet table 7)
        assert packet["t_ns"] == pytest.approx(4_004_394 + 1_000_000 * at, abs=2)
        at += packet["n_frames"]
    assert at == 2000


@pytest.mark.parametrize("batch", [1, 7, 16, 250])
def test_samples_do_not_depend_on_how_frames_are_packed(virtual, batch):
    stages = [*CHAIN, {"decimate": {"to_sps": 250}}, {"null_sink": {}}]
    wanted = virtual([emulator(batch=64), *stages], "decimate", 3).samples
    assert np.array_equal(virtual([emulator(batch=batch), *stages], "decimate", 3).samples, wanted)


def test_a_cascade_equals_scipy_in_double_rounded_once(virtual, shared_data):
    path = shared_data / ALPHA
    outcome = virtual([{"playback": {"path": str(path)}}, {"notch": {"hz": 60}}, {"highpass": {"hz": 0.1, "order": 2}},
                       {"lowpass": {"hz": 45, "order": 4}}, {"null_sink": {}}], "lowpass")
    sos = np.vstack([signal.tf2sos(*signal.iirnotch(60, 30, 250)),
                     signal.butter(2, 0.1, "highpass", fs=250, output="sos"),
                     signal.butter(4, 45, "lowpass", fs=250, output="sos")])
    wanted = signal.sosfilt(sos, read_recording(path).values.astype(float), axis=0)
    half_ulp = np.spacing(np.abs(wanted).astype(np.float32)) / 2
    assert outcome.ledger["frames"] == 22490
    assert np.all(np.abs(outcome.samples - wanted) <= half_ulp + 1e-3)


def test_0_1_hz_highpass_at_16_ksps_keeps_a_nanovolt_beside_187_mv(virtual):
    stages = [emulator(sps=16000, channels=4, signal="sine", sine_hz=10, sine_uv=187_000, gain=24),
              {"to_voltage": {}}, {"notch": {"hz": 60}}, {"highpass": {"hz": 0.1, "order": 2}},
              {"lowpass": {"hz": 100, "order": 4}}, {"null_sink": {}}]
    taken = virtual(stages, "to_voltage", 5).samples.astype(float)
    given = virtual(stages, "acquire", 5).samples.astype(float) * (4.5e6 / 24 / 2**23)
    assert np.allclose(taken, given, rtol=1e-7)
    sos = np.vstack([signal.tf2sos(*signal.iirnotch(60, 30, 16000)),
                     signal.butter(2, 0.1, "highpass", fs=16000, output="sos"),
                     signal.butter(4, 100, "lowpass", fs=16000, output="sos")])
    wanted = signal.sosfilt(sos, given, axis=0)
    error = virtual(stages, "lowpass", 5).samples - wanted
    half_ulp = np.spacing(np.abs(wanted).astype(np.float32)) / 2
    assert np.all(np.abs(error) <= half_ulp * 1.0001 + 1e-3)


def test_decimate_keeps_the_frames_scipy_keeps(virtual):
    stages = [emulator(), {"to_voltage": {}}, {"decimate": {"to_sps": 125}}, {"null_sink": {}}]
    outcome = virtual(stages, "decimate", 4)
    given = virtual(stages, "to_voltage", 4).samples.astype(float)
    sos = signal.cheby1(8, 0.05, 0.8 / 8, output="sos")
    wanted = signal.sosfilt(sos, given, axis=0)[::8]
    assert outcome.samples.shape == wanted.shape == (500, 8)
    assert np.abs(outcome.samples - wanted).max() < 2e-2
    assert all(packet["frame_index"] % 8 == 0 for packet in outcome.packets)
    answered = sum(packet["device_frames"] for packet in outcome.packets)
    assert answered == outcome.ledger["stages"]["decimate"]["out"]
    assert 4000 - 8 < answered <= 4000                   # the rest is held: no output frame needed it yet
    assert {packet["step_num"] for packet in outcome.packets} == {8}


def test_spectrum_columns_equal_welch_and_find_alpha(virtual, shared_data):
    path = shared_data / ALPHA
    outcome = virtual([{"playback": {"path": str(path)}}, {"fft": {"window_s": 4, "overlap": 0.5}},
                       {"null_sink": {}}], "fft")
    values = read_recording(path).values.astype(float)
    columns = outcome.samples
    assert columns.shape == ((22490 - 1000) // 500 + 1, 501, 8)
    for number in (0, 7, 42):
        axis, wanted = signal.welch(values[number * 500: number * 500 + 1000], fs=250, nperseg=1000, axis=0)
        assert np.allclose(columns[number], wanted, rtol=2e-6)
    band = (axis > 8) & (axis < 13)
    peak = axis[band][columns[:, band, 6:8].mean(axis=(0, 2)).argmax()]
    assert abs(peak - 11.5) <= 0.5


def test_raw_and_voltage_carries_both_planes(virtual):
    from eegcore.pipeline import Pipeline

    run = Pipeline([emulator(), {"to_voltage": {"keep_raw": True}}, {"null_sink": {}}], clock="virtual").run(seconds=1)
    heard = run.tap("to_voltage")
    with run:
        packet = next(heard)
        assert packet.kind == 3
        assert np.allclose(packet.data, packet.counts * (4.5e6 / 24 / 2**23), rtol=1e-6)
        del packet
        heard.close()


def test_select_reorders_channels(virtual):
    stages = [emulator(), {"to_voltage": {}}, {"select": {"labels": ["O2", "Fp1"]}}, {"null_sink": {}}]
    given = virtual(stages, "to_voltage", 1).samples
    assert np.array_equal(virtual(stages, "select", 1).samples, given[:, [7, 0]])


def test_the_published_frames_of_a_real_chip_decode_to_the_published_counts(virtual, shared_data):
    import lzma

    path = shared_data / "pieeg_spi_frames_77s.bin.xz"
    outcome = virtual([{"acquire": {"board": "emulator", "sps": 250, "gain": 1, "signal": "file", "path": str(path)}},
                       {"null_sink": {}}], "acquire")
    with lzma.open(shared_data / "pieeg_spi_frames_77s.published_uV.csv.xz") as file:
        published = np.loadtxt(file, delimiter=",", skiprows=1)
    counts = outcome.samples
    assert counts.shape == (19250, 8)
    assert counts[0].tolist() == [128831, 179856, 119641, 253614, 207047, 264358, 213889, 215803]
    assert np.array_equal(counts, np.round(published / 0.2682209))
    assert outcome.ledger["lost"] == 0


def test_a_bad_status_word_is_a_gap_of_one_frame_not_a_sample(virtual, shared_data, tmp_path):
    import lzma

    with lzma.open(shared_data / "pieeg_spi_frames_77s.bin.xz") as file:
        data = bytearray(file.read(27 * 200))
    data[27 * 100] = 0x40
    path = tmp_path / "spoilt.bin"
    path.write_bytes(data)
    outcome = virtual([{"acquire": {"board": "emulator", "sps": 250, "gain": 1, "signal": "file", "path": str(path)}},
                       {"null_sink": {}}], "acquire")
    source = outcome.ledger["sources"]["acquire"]
    assert (source["edges"], source["delivered"], source["bad_status"]) == (200, 199, 1)
    gaps = [packet["frame_index"] for packet in outcome.packets if packet["flags"] & 1]
    assert gaps == [101]
    assert any("of frame 100 does not begin with 1100" in alarm["message"] for alarm in outcome.alarms)


def test_frames_a_recording_lost_become_a_gap_of_the_right_length(virtual, tmp_path):
    rows = [f"{i % 256},{i},{2 * i}" for i in range(100) if i not in (40, 41, 42)]
    path = tmp_path / "holes.txt"
    path.write_text("%OpenBCI Raw EXG Data\n%Number of channels = 2\n%Sample Rate = 250 Hz\n"
                    "Sample Index, EXG Channel 0, EXG Channel 1\n" + "\n".join(rows) + "\n")
    outcome = virtual([{"playback": {"path": str(path)}}, {"gain": {"factor": 2}}, {"null_sink": {}}], "gain")
    source = outcome.ledger["sources"]["playback"]
    assert (source["edges"], source["delivered"], source["missed"]) == (100, 97, 3)
    after = [packet for packet in outcome.packets if packet["flags"] & 1]
    assert [packet["frame_index"] for packet in after] == [43]
    assert after[0]["data"][0].tolist() == [86, 172]


def test_nan_in_one_channel_leaves_the_others_bit_identical():
    import eegcore

    x = np.random.default_rng(1).normal(0, 50, (2000, 6)).astype(np.float32)
    stages = [{"notch": {"hz": 50}}, {"bandpass": {}}]
    spoilt = x.copy()
    spoilt[500, 2] = np.nan
    clean, dirty = (eegcore.process(v, sps=250, stages=stages) for v in (x, spoilt))
    others = [0, 1, 3, 4, 5]
    assert np.array_equal(clean[:, others], dirty[:, others])
    assert np.isnan(dirty[501:, 2]).all()

"""`acquire`: chips, labels, gains, and every way to ask for what no chip can do."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from eegcore.devices.boards import boards, default_labels, lsb_uv, signal_weights, split_into_chips
from eegcore.stages.stream import Kind


def test_defaults_are_one_chip_of_eight_with_10_20_labels(describe):
    description = describe("acquire")
    stream = description.outputs[0].stream
    assert stream.kind is Kind.RAW_I32
    assert stream.unit == "counts"
    assert stream.labels == ("Fp1", "Fp2", "C3", "C4", "P7", "P8", "O1", "O2")
    assert (stream.sps, stream.max_frames, stream.step) == (250, 1, 1)
    assert stream.scale_uv == (1e6 * 4.5 / 24 / 2**23,) * 8
    assert stream.sources == ("acquire",)
    assert description.native["n_channels"] == [8]
    assert description.resolved["labels"] == list(stream.labels)


@pytest.mark.parametrize(("sps", "batch"), [(250, 1), (500, 2), (4000, 16), (16000, 64), (20000, 80), (100, 1)])
def test_batch_is_about_4_ms_if_not_given(describe, sps, batch):
    assert describe("acquire", sps=sps).outputs[0].stream.max_frames == batch


@pytest.mark.parametrize(("channels", "chips"), [
    (4, [4]), (6, [6]), (8, [8]), (10, [6, 4]), (12, [8, 4]), (14, [8, 6]), (16, [8, 8]), (18, [8, 6, 4]),
    (32, [8] * 4), (256, [8] * 32)])
def test_channels_become_chips_that_exist(describe, channels, chips):
    description = describe("acquire", channels=channels)
    assert description.native["n_channels"] == chips
    assert description.native["chips_in"] == [1] * len(chips)
    assert description.outputs[0].stream.n_channels == channels
    assert split_into_chips(channels) == chips


@pytest.mark.parametrize("channels", [1, 2, 3, 5, 7, 9, 255])
def test_a_channel_count_no_chain_has_is_refused(refusal, channels):
    assert refusal("acquire", channels=channels) == (
        f"channels: no chain of chips has {channels} channels | Chips have 4, 6, 8 channels: 4, 6, 8, 10, 12 and "
        "so on | Take the next even number, and a select behind it")


def test_chips_give_the_number_of_channels(describe, refusal):
    chips = [{"channels": 8}, {"channels": 6}]
    assert describe("acquire", chips=chips).outputs[0].stream.n_channels == 14
    assert describe("acquire", chips=chips, channels=14).native["n_channels"] == [8, 6]
    assert refusal("acquire", chips=chips, channels=16).startswith(
        "channels: 16 channels are asked for and the chips have 14 |")
    assert refusal("acquire", chips=[{}] * 33).startswith("chips: 33 chips have 264 channels in all | At most 256")


@pytest.mark.parametrize("n", [8, 16, 32])
def test_default_labels_are_electrodes_and_differ(n):
    labels = default_labels(n)
    assert len(set(labels)) == n
    assert {"Fp1", "O1", "O2"} <= set(labels)


def test_other_counts_get_numbered_labels(describe):
    assert describe("acquire", channels=4).outputs[0].stream.labels == ("ch1", "ch2", "ch3", "ch4")


def test_labels_are_checked(describe, refusal):
    names = ["a", "b", "c", "d"]
    assert describe("acquire", channels=4, labels=names).outputs[0].stream.labels == tuple(names)
    assert refusal("acquire", labels=names).startswith("labels: 4 labels for 8 channels |")
    assert refusal("acquire", channels=4, labels=["a", "b", "b", "d"]).startswith("labels: 'b' is given to two")
    assert refusal("acquire", channels=4, labels=["a", " ", "c", "d"]).startswith("labels: ' ' is no label | 1 to 64")


def test_gain_may_differ_by_channel(describe, refusal):
    description = describe("acquire", channels=4, gain=[1, 2, 12, 24])
    assert description.outputs[0].stream.meta["gain"] == [1, 2, 12, 24]
    assert description.native["registers"][0][10:18] == "00105060"
    assert description.outputs[0].stream.scale_uv == tuple(lsb_uv(4.5, gain) for gain in (1, 2, 12, 24))
    assert refusal("acquire", gain=[24, 24]).startswith("gain: 2 gains for 8 channels | One, or one per channel")


@pytest.mark.parametrize("settings", [
    {"gain": 24.9}, {"gain": 3}, {"gain": "24"}, {"gain": True}, {"sps": "250"}, {"sps": 0}, {"sps": 200_000},
    {"board": "ads1298"}, {"channels": 8.5}, {"batch": 0}, {"batch": 5000}, {"late": "never"}, {"faults": 1},
    {"signal": "noise"}, {"chips": []}, {"chips": [{"cs": ""}]}, {"chips": [{"channels": 5}]}, {"reference": "car"},
    {"seed": -1}, {"vref_v": 0}, {"sps": float("nan")}])
def test_values_out_of_range_and_unknown_keys_are_refused(describe, settings):
    with pytest.raises(ValidationError):
        describe("acquire", **settings)


def test_whole_numbers_may_be_written_as_floats(describe):
    assert describe("acquire", channels=16.0, batch=1e1).outputs[0].stream.max_frames == 10


def test_alpha_is_strong_at_the_back_and_blinks_at_the_front(describe):
    native = describe("acquire").native["world"]
    assert native["alpha_weight"][7] > native["alpha_weight"][2] > native["alpha_weight"][0]
    assert native["blink_weight"][0] > 10 * native["blink_weight"][7]
    assert signal_weights("Fp1") == signal_weights("FPZ") != signal_weights("F3")
    assert signal_weights("POz") != signal_weights("P3") == signal_weights("pz")
    assert signal_weights("ch1") == signal_weights("Photo") == signal_weights("")


def test_a_file_signal_needs_a_file_and_no_other_signal_takes_one(describe, refusal, tmp_path):
    path = tmp_path / "frames.bin"
    path.write_bytes(b"\xc0\x00\x00" + b"\x00" * 24)
    assert describe("acquire", signal="file", path=str(path)).native["world"]["path"] == str(path)
    assert refusal("acquire", signal="file").startswith("path: signal: file needs a path |")
    assert refusal("acquire", signal="file", path="/nowhere.bin").startswith("path: there is no file '/nowhere.bin'")
    assert refusal("acquire", path=str(path)).startswith("path: signal: eeg reads no file |")


def test_a_sine_must_be_below_half_the_rate_and_jitter_below_a_period(refusal):
    assert refusal("acquire", signal="sine", sine_hz=125) == (
        "sine_hz: 125 Hz is not below half the data rate (125 Hz at 250 SPS) |  | Lower sine_hz or raise sps")
    assert refusal("acquire", sps=4000, jitter_us=250).startswith(
        "jitter_us: 250 us is not below one period (250 us at 4000 SPS) |")


def test_a_real_device_cannot_wait_and_virtual_time_can(describe):
    assert not describe("acquire").outputs[0].stream.can_wait
    assert describe("acquire", clock="virtual").outputs[0].stream.can_wait


def test_boards_are_listed_with_their_wires():
    assert list(boards()) == ["emulator", "ads1299", "pieeg", "pieeg16", "elata", "evm"]
    assert [board.name for board in boards().values() if not board.hardware] == ["emulator"]

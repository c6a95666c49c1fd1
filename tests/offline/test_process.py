"""`process` over arrays, files and recordings: what goes in, what comes out, what is refused."""

from __future__ import annotations

import doctest

import numpy as np
import pytest

import eegcore as ec
import eegcore.offline
from eegcore.devices.recording_files import read_recording
from eegcore.errors import BadArgument

SPS = 250
FILTERS = [{"notch": {"hz": 50}}, {"bandpass": {"low_hz": 1, "high_hz": 40}}]


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(1).normal(0, 30, (1000, 3)).astype(np.float32)


def test_the_examples_of_the_docstrings_run():
    import eegcore.pipeline

    assert doctest.testmod(eegcore.pipeline, optionflags=doctest.ELLIPSIS) == (0, 12)


@pytest.mark.parametrize("name", ["sleep_psg_300s.edf", "biosemi_72ch_1s.bdf", "openbci_gui_v6_blinks_jaw_alpha.txt.xz",
                                  "pieeg_chew_blink_40s.csv.xz"])
def test_a_file_is_its_samples(shared_data, name):
    path, sps = shared_data / name, 250 if ".csv" in name else None
    recording = read_recording(path, sps=sps)
    stages = [{"highpass": {"hz": 1}}, {"gain": {"factor": 2}}]
    found = ec.process(path, sps=sps, stages=stages, full=True)
    assert (found.labels, found.sps, found.unit) == (recording.labels, recording.sps, "uV")
    for given in (ec.process(str(path), sps=sps, stages=stages), ec.process(recording, stages=stages),
                  ec.process(recording.values, sps=recording.sps, stages=stages)):
        assert np.array_equal(given, found.data)


def test_counts_of_a_file_are_scaled_by_its_own_factors(shared_data):
    path = shared_data / "biosemi_72ch_1s.bdf"
    # the header states an offset that counts do not have: it has passed by the end
    stages = [{"highpass": {"hz": 1}}]
    counts = ec.process(path, raw=True, stages=[{"to_voltage": {}}, *stages])
    volts = ec.process(path, stages=stages)
    assert counts.shape == volts.shape
    assert np.abs(counts - volts)[-200:].max() < 0.05
    assert ec.process(path, raw=True, stages=[{"select": {"channels": [1, 2]}}]).dtype == np.int32


def test_full_says_where_the_samples_stand(x):
    found = ec.process(x, sps=SPS, stages=[{"decimate": {"factor": 5}}], labels=["a", "b", "c"], full=True)
    assert isinstance(found, ec.Processed)
    assert (found.sps, found.labels, found.source_sps, found.output) == (50, ("a", "b", "c"), SPS, "decimate.out")
    assert np.array_equal(found.frame_index, np.arange(0, 1000, 5))
    assert np.allclose(found.time_s, np.arange(200) / 50)
    assert 0 < found.delay_s < found.settling_s
    settling = (found.flags & 8) != 0
    assert settling[0]
    assert not settling[-1]
    assert len(found.flags) == len(found.data) == 200
    # a burst in the middle of the pass band comes out `delay_s` later
    t = np.arange(1000) / SPS
    burst = (np.exp(-((t - 2) / 0.2) ** 2) * np.sin(2 * np.pi * 10 * t))[:, None]
    found = ec.process(burst, sps=SPS, stages=[{"lowpass": {"hz": 20}}], full=True)
    power = found.data[:, 0] ** 2
    assert abs((power @ found.time_s) / power.sum() - 2 - found.delay_s) < 0.002


def test_full_of_a_spectrum_has_its_axis(x):
    found = ec.process(x, sps=SPS, stages=[{"fft": {"window_s": 1, "overlap": 0.5}}], full=True)
    assert found.data.shape == (7, 126, 3)
    assert np.array_equal(found.axis_hz, np.arange(126))
    assert found.unit == "uV^2/Hz"
    assert len(found.frame_index) == len(found.flags) == 7
    assert (np.diff(found.frame_index) == 125).all()


def test_gaps_of_a_recording_are_jumps_of_the_index(x):
    recording = ec.offline.recording_of(x, sps=SPS, labels=None, scale_uv=None, raw=False)
    recording.gaps = [(400, 30), (700, 1)]
    found = ec.process(recording, stages=FILTERS, full=True)
    expected = np.arange(1000) + 30 * (np.arange(1000) >= 400) + (np.arange(1000) >= 700)
    assert np.array_equal(found.frame_index, expected)
    assert np.flatnonzero(found.flags & 1).tolist() == [400, 700] or (found.flags[[400, 700]] & 1).all()


def test_nothing_comes_of_a_window_that_never_fills(x):
    found = ec.process(x[:100], sps=SPS, stages=[{"fft": {"window_s": 2}}], full=True)
    assert found.data.shape == (0, 251, 3)
    assert found.frame_index.shape == found.flags.shape == (0,)


@pytest.mark.parametrize("batch", [1, 7, 256, 4096])
def test_the_samples_do_not_depend_on_the_packets(x, batch):
    stages = [*FILTERS, {"decimate": {"factor": 2}}]
    assert np.array_equal(ec.process(x, sps=SPS, stages=stages, batch=batch), ec.process(x, sps=SPS, stages=stages))


def test_branches_and_the_output_wanted(x):
    stages = [{"highpass": {"hz": 1}}, {"lowpass": {"id": "slow", "hz": 8}},
              {"bandpass": {"id": "alpha", "low_hz": 8, "high_hz": 12, "inputs": "highpass"}},
              {"gain": {"factor": 3, "inputs": "array"}}]
    assert np.allclose(ec.process(x, sps=SPS, stages=stages), 3 * x)              # the last one
    for name, alone in (("slow", stages[:2]), ("alpha", [stages[0], {"bandpass": {"low_hz": 8, "high_hz": 12}}]),
                        ("highpass.out", stages[:1])):
        found = ec.process(x, sps=SPS, stages=stages, output=name)
        # a stage that two others read is rounded to float32 on the way
        assert np.abs(found - ec.process(x, sps=SPS, stages=alone)).max() < 1e-4
    assert np.array_equal(ec.process(x, sps=SPS, stages=stages, output="array"), x)


def test_a_sink_on_the_way_writes_its_file(x, tmp_path):
    path = tmp_path / "x.csv"
    y = ec.process(x, sps=SPS, stages=[{"notch": {"hz": 50}}, {"csv_sink": {"path": str(path)}}])
    assert np.abs(read_recording(path).values - y).max() < 1e-3


@pytest.mark.parametrize(("arguments", "said"), [
    ({"sps": None}, "sps is None. Frames per second"),
    ({"raw": True}, "raw is given beside an array"),
    ({"batch": 0}, "batch is 0. 1 to 4096"),
    ({"output": "ntoch"}, "output is 'ntoch', and there is none of this name. Known: array, notch, bandpass."),
    ({"output": "notch.b"}, "output is 'notch.b'"),
    ({"stages": [{"sine": {}}]}, "no stage type is called 'sine'"),
    ({"stages": [{"acquire": {"board": "emulator"}}]}, "'acquire' is a source. The frames come from x"),
    ({"stages": [{"notch": {"hz": 200}}]}, "200 Hz is above half the data rate"),
    ({"labels": ["a", "a", "b"]}, "or a label twice"),
])
def test_what_an_array_cannot_be_given(x, arguments, said):
    with pytest.raises((BadArgument, ec.ConfigError)) as caught:
        ec.process(x, **{"sps": SPS, "stages": FILTERS, **arguments})
    assert said in str(caught.value)


@pytest.mark.parametrize(("arguments", "said"), [
    ({"labels": ["a"]}, "labels is given beside a recording"), ({"scale_uv": 1.0}, "scale_uv is given beside"),
    ({"sps": 200.0}, "sps is 200, the file says")])
def test_what_a_file_cannot_be_given(shared_data, arguments, said):
    with pytest.raises(ec.EegcoreError) as caught:
        ec.process(shared_data / "sleep_psg_300s.edf", stages=FILTERS, **arguments)
    assert said in str(caught.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ec.EegcoreError, match=r"none\.bdf: "):
        ec.process(tmp_path / "none.bdf", stages=FILTERS)
    with pytest.raises(BadArgument, match="x has shape"):
        ec.process(np.zeros(5), sps=SPS, stages=FILTERS)


def test_an_array_of_the_right_type_is_not_copied_and_not_changed(x):
    before = x.copy()
    assert ec.offline.recording_of(x, sps=SPS, labels=None, scale_uv=None, raw=False).values is x
    ec.process(x, sps=SPS, stages=FILTERS)
    ec.process(x, sps=SPS, stages=FILTERS, zero_phase=True)
    assert np.array_equal(x, before)


def test_memory_is_the_signal_and_the_result():
    # 64 MB in, 64 MB out; a list of packets put together at the end would make it three times that
    import tracemalloc

    x = np.zeros((2_000_000, 8), np.float32)
    tracemalloc.start()
    ec.process(x, sps=1000, stages=[{"gain": {"factor": 2}}], batch=4096)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.5 * x.nbytes

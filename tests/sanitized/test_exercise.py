"""Every way into the compiled core, short: run as it is by pytest, and by `.ci/run` in sanitizer builds.

    EEGCORE_BUILD=tsan python setup.py build_ext --inplace
    LD_PRELOAD=$(gcc -print-file-name=libtsan.so) TSAN_OPTIONS=exitcode=66:ignore_noninstrumented_modules=1 \
        python -m pytest tests/sanitized -p no:randomly
"""

from __future__ import annotations

import select
import threading
import time
from typing import Any

import numpy as np
import pytest

from eegcore.control.controller import Controller
from eegcore.errors import DeviceError, EdgeOverflow
from eegcore.pipeline import Pipeline, process
from eegcore.sinks.ledger_file import check_ledger

ACQUIRE = {"acquire": {"board": "emulator", "sps": 2000, "channels": 16}}
CHAIN: list[dict[str, Any]] = [
    {"to_voltage": {"keep_raw": True}}, {"notch": {"hz": 60}}, {"bandpass": {"low_hz": 0.5, "high_hz": 45}},
    {"decimate": {"to_sps": 250}}, {"fft": {"id": "spectrum", "window_s": 0.5, "overlap": 0.5, "inputs": "notch"}},
    {"fft": {"id": "middle", "window_s": 0.25, "overlap": 0.9, "average": 4, "average_by": "median", "unit": "dB",
             "detrend": "linear", "window": "kaiser", "kaiser_beta": 8, "inputs": "notch"}},
    {"bands": {"relative": True, "inputs": "spectrum"}}, {"mains": {"hz": 60, "inputs": "spectrum"}},
    {"select": {"id": "two", "labels": ["Fp1", "Fp2"], "inputs": "bandpass"}},
    {"lead_off": {"mode": "ac", "hz": 31.25, "inputs": "to_voltage"}},
    {"impedance": {"mode": "ac", "hz": "fdr/4", "current_na": 6, "window_s": 0.5, "inputs": "to_voltage"}}]
SINKS = [{"null_sink": {"id": "wide", "inputs": "bandpass"}}, {"null_sink": {"id": "narrow", "inputs": "decimate"}},
         {"null_sink": {"id": "bins", "inputs": "spectrum"}}, {"null_sink": {"id": "decibels", "inputs": "middle"}},
         {"null_sink": {"id": "powers", "inputs": "bands"}}, {"null_sink": {"id": "lines", "inputs": "mains"}},
         {"null_sink": {"id": "pair", "inputs": "two"}},
         {"null_sink": {"id": "clean", "inputs": "lead_off"}}, {"null_sink": {"id": "kohm", "inputs": "impedance"}}]

#: Every kind of fault that a run survives, each where the ones before it are over; 2000 SPS.
FAULTS = [{"kind": kind, "at": 100 + 60 * number, "n": 3, "chip": number % 2, "value": value}
          for number, (kind, value) in enumerate([
              ("drop_edge", 0), ("coalesce", 0), ("overflow", 0), ("spurious", 100_000), ("eio", 0), ("etimedout", 0),
              ("slow", 1_000_000), ("bit_flip", 30), ("bad_status", 1), ("bit_slip", 100), ("miso_stuck", 255),
              ("saturate", 0), ("electrode_off", 5)])]
#: What the chips have to be brought up again for.
TROUBLE = {"reset": {"kind": "reset", "at": 500, "chip": 1},
           "silent": {"kind": "drdy", "at": 500, "n": 900, "value": 1},
           "double": {"kind": "drdy", "at": 500, "n": 900, "value": 2}, "failing": {"kind": "eio", "at": 500, "n": 32},
           "stuck": {"kind": "miso_stuck", "at": 500, "n": 60, "value": 0}}
TWO_LINES = [{"drdy": "a"}, {"drdy": "b"}]
CHAIN_OF_TWO = [{}, {"chained": True}]


def balanced(ledger):
    assert check_ledger(ledger) == []
    assert ledger["balanced"]
    return ledger


@pytest.mark.parametrize("clock", ["virtual", "real"])
def test_a_run_from_start_to_drained_end(clock, tmp_path):
    csv = {"csv_sink": {"path": str(tmp_path / "out.csv"), "inputs": "to_voltage", "columns": "both"}}
    with Pipeline([ACQUIRE, *CHAIN, *SINKS, csv], clock=clock).run(seconds=1) as run:
        assert run.wait(100)
    ledger = balanced(run.ledger())
    assert ledger["frames"] == 2000
    if clock == "virtual":
        assert {entry["written"] for entry in ledger["sinks"].values()} == {2000}


@pytest.mark.parametrize("clock", ["virtual", "real"])
def test_streams_of_two_boards_and_of_two_branches_are_joined(clock):
    second = {"acquire": {**ACQUIRE["acquire"], "id": "second", "drift_ppm": 5000, "batch": 3}}
    stages = [ACQUIRE, second, {"align_and_zip": {"inputs": ["acquire", "second"], "prefix": True}},
              {"to_voltage": {}}, {"bandpass": {"low_hz": 0.5, "high_hz": 45, "group": "far"}},
              {"align_and_zip": {"id": "again", "inputs": ["to_voltage", "bandpass"], "prefix": True, "group": "last"}},
              {"null_sink": {}}]
    with Pipeline(stages, clock=clock).run(seconds=1) as run:
        while not run.wait(0.05):
            run.stats()
        assert run.wait(100)
    ledger = balanced(run.ledger())
    assert set(ledger["stages"]["again"]["inputs"]) == {"to_voltage", "bandpass"}
    if clock == "virtual":
        assert ledger["stages"]["align_and_zip"]["inputs"]["second"]["skipped"] >= 9
        assert ledger["sinks"]["null_sink"]["written"] == 2000


def run_board(clock, *behind, seconds=1.0, **board):
    """Run one board into whatever is behind it, looked at from another thread; return run and balanced ledger."""
    acquire = {"acquire": {"board": "emulator", "sps": 2000, **board}}
    with Pipeline([acquire, *behind, {"null_sink": {}}], clock=clock).run(seconds=seconds) as run:
        while not run.wait(0.05):
            run.stats()
            run.ledger()
        assert run.wait(100)
    return run, balanced(run.ledger())


def agrees(ledger, truth):
    """Hold the books against the emulator's own."""
    source = ledger["sources"]["acquire"]
    assert truth["conversions"] == sum(truth[key] for key in ("clean", "spoiled", "torn", "never_read"))
    assert (source["delivered"], source["bad_status"], source["late"]) == \
        (truth["clean"], truth["spoiled"], truth["torn"])


@pytest.mark.parametrize(("clock", "late", "chips"), [
    ("virtual", "buffer", [{}, {}]), ("virtual", "buffer", TWO_LINES), ("virtual", "buffer", CHAIN_OF_TWO),
    ("real", "buffer", CHAIN_OF_TWO), ("real", "lose", TWO_LINES)])
def test_faults_that_a_run_survives(clock, late, chips):
    run, ledger = run_board(clock, {"to_voltage": {}}, chips=chips, faults=FAULTS, late=late, lead_off={"mode": "dc"},
                            jitter_us=20, stamp_jitter_us=20)
    assert run.truth("acquire")["failed_transfers"] > 0
    assert ledger["lost"] > 0
    if clock == "virtual":
        agrees(ledger, run.truth("acquire"))
        assert ledger["sources"]["acquire"]["edges"] == 2000


@pytest.mark.parametrize(("clock", "trouble"), [*(("virtual", trouble) for trouble in TROUBLE), ("real", "reset")])
def test_chips_are_brought_up_again(clock, trouble):
    run, _ = run_board(clock, chips=TWO_LINES if trouble == "silent" else [{}, {}], faults=[TROUBLE[trouble]],
                       late="lose", check_s=0.1, seconds=1.5 if clock == "real" else 5)
    assert any(alarm["place"] == "acquire.recovered" for alarm in run.alarms)


@pytest.mark.parametrize("clock", ["virtual", "real"])
def test_a_device_that_vanishes(clock):
    with pytest.raises(DeviceError):
        run_board(clock, chips=[{}, {}], faults=[{"kind": "gone", "at": 500}])


@pytest.mark.parametrize("clock", ["virtual", "real"])
def test_four_chips_in_a_chain_play_a_file_of_frames(clock, tmp_path):
    frames = np.zeros((512, 4, 27), np.uint8)
    frames[..., 0] = 0xC0
    frames[..., 3:] = np.random.default_rng(3).integers(0, 256, (512, 4, 24))
    path = tmp_path / "frames.bin"
    path.write_bytes(frames.tobytes())
    chips = [{}, *[{"chained": True}] * 3]
    _, ledger = run_board(clock, {"to_voltage": {"keep_raw": True}}, chips=chips, signal="file", path=str(path),
                          loop=True, sps=4000, late="lose", seconds=0.5)
    assert ledger["frames"] >= 2000
    assert ledger["lost"] == 0 or clock == "real"


@pytest.mark.parametrize("clock", ["virtual", "real"])
def test_electrodes_are_measured_through_gaps(clock):
    behind = [{"to_voltage": {}}, {"impedance": {"window_s": 0.25, "mode": "ac", "hz": 31.25, "current_na": 24}},
              {"null_sink": {"id": "kohm", "inputs": "impedance"}},
              {"lead_off": {"mode": "ac", "hz": 31.25, "inputs": "to_voltage"}}]
    gaps = [{"kind": "drop_edge", "at": 300, "n": 7, "every": 400, "times": 4}]
    _, ledger = run_board(clock, *behind, sps=1000, electrode_kohm=20, lead_off={"mode": "ac", "current_na": 24},
                          faults=gaps, seconds=1.9, late="lose")
    assert ledger["lost"] >= 28
    assert ledger["sinks"]["kohm"]["written"] > 0 or clock == "real"      # a window needs half a second without a gap


def test_taps_come_and_go_while_the_graph_runs():
    kept = []

    def listen(run, stage):
        for _ in range(5):
            packets = list(run.tap(stage, seconds=0.02, timeout_s=60))
            kept.append((packets[0], np.array(packets[-1].data)))

    with Pipeline([ACQUIRE, *CHAIN, *SINKS]).run() as run:
        readers = [threading.Thread(target=listen, args=(run, stage))
                   for stage in ("acquire", "to_voltage", "bandpass", "decimate")]
        for reader in readers:
            reader.start()
        while any(reader.is_alive() for reader in readers):
            run.stats()
            run.ledger()
            time.sleep(0.01)
        ledger = run.stop()
    balanced(ledger)
    assert len(kept) == 20
    assert all(packet.data.shape[0] == packet.n_frames for packet, _ in kept)      # a packet outlives its run


def test_pause_and_resume():
    with Pipeline([ACQUIRE, *CHAIN, *SINKS]).run() as run:
        next(run.tap("bandpass", timeout_s=60))
        for _ in range(3):
            run.pause()
            time.sleep(0.05)
            run.resume()
            time.sleep(0.05)
        ledger = run.stop()
    assert balanced(ledger)["sources"]["acquire"]["paused"] > 0


def change_everything(run, number, at_frame=None):
    run.update("notch", hz=50 + 10 * (number % 2), at_frame=at_frame)
    run.update("bandpass", low_hz=0.5 + number % 2, order=1 + number, at_frame=at_frame)
    run.update("spectrum", window="hann" if number % 2 else "hamming", at_frame=at_frame)


def test_settings_change_at_their_frames():
    run = Pipeline([ACQUIRE, *CHAIN, *SINKS], clock="virtual").run(seconds=2)
    for number in range(4):
        change_everything(run, number, 300 + 400 * number)
    run.update("notch", hz=40, at_frame=10**9)             # never due: nothing of it may be left
    with run:
        assert run.wait(100)
    assert balanced(run.ledger())["lost"] == 0


def test_settings_change_while_data_flow():
    with Pipeline([ACQUIRE, *CHAIN, *SINKS]).run() as run:
        for number in range(4):
            change_everything(run, number)
            list(run.tap("bandpass", seconds=0.05, timeout_s=60))
            run.stats()
        ledger = run.stop()
    assert balanced(ledger)["lost"] == 0


def test_an_outlet_is_read_by_eventfd_through_starts_and_stops():
    outlet_sinks = [{"websocket_sink": {"topic": "eeg", "inputs": "bandpass"}}]
    controller = Controller([ACQUIRE, *CHAIN, *outlet_sinks])
    for _ in range(2):
        controller.start()
        outlet, = controller.outlets()
        frames = 0
        while frames < 400:
            assert select.select([outlet.fileno()], [], [], 60)[0]
            for packet in outlet.take(8):
                frames += packet.n_frames
                assert len(packet.encode(1)) == 64 + 4 * packet.n_frames * packet.n_channels
        ledger = controller.shutdown()
        outlet.close()
        balanced(ledger)


def test_overflow_drops_on_one_edge_and_stops_on_another():
    slow = {"stall_ms": 40, "queue": 8}
    with Pipeline([ACQUIRE, {"to_voltage": {}}, {"null_sink": slow}]).run(seconds=1.5) as run:
        assert run.wait(100)
    assert balanced(run.ledger())["lost"] > 0
    stages = [ACQUIRE, {"to_voltage": {}}, {"null_sink": {**slow, "overflow": "fail", "critical": True}}]
    with pytest.raises(EdgeOverflow), Pipeline(stages).run() as run:
        assert run.wait(100)
    balanced(run.ledger())


@pytest.mark.parametrize("clock", ["virtual", "real"])
def test_playback_of_a_table(clock, tmp_path):
    x = np.random.default_rng(1).normal(0, 50, (500, 4)).astype(np.float32)
    path = tmp_path / "table.csv"
    np.savetxt(path, x, delimiter=",", header="A,B,C,D", comments="")
    stages = [{"playback": {"path": str(path), "sps": 250, "speed": 4, "batch": 20}}, {"highpass": {"hz": 1}},
              {"null_sink": {}}]
    run = Pipeline(stages, clock=clock).run()
    heard = run.tap("playback", timeout_s=60)
    with run:
        seen = [np.array(packet.data) for packet in heard]
        assert run.wait(100)
    assert balanced(run.ledger())["frames"] == 500
    np.testing.assert_allclose(np.concatenate(seen), x, rtol=1e-6)


def test_an_array_through_a_chain():
    x = np.random.default_rng(2).integers(-2**20, 2**20, (1000, 7)).astype(np.int32)
    y = process(x, sps=1000, scale_uv=0.0223, stages=[{"to_voltage": {}}, {"lowpass": {"hz": 40}},
                                                      {"decimate": {"to_sps": 250}}])
    assert y.shape == (250, 7)
    assert np.isfinite(y).all()


def test_abort_in_the_middle():
    controller = Controller([ACQUIRE, *CHAIN, *SINKS])
    controller.start()
    time.sleep(0.2)
    controller.abort()
    assert controller.wait_stopped(100)
    balanced(controller.ledger())

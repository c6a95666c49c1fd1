"""Who the chips are, whether their edges come, and whether they measure what they make themselves."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from eegcore.doctor import Wanted, examine, wanted_by
from eegcore.doctor.self_test import Measured, measure, noise_rms_uv, square_uv
from eegcore.doctor.wanted import Line, WantedBoard
from eegcore.errors import DeviceError

LABELS = ("Fp1", "Fp2", "C3", "C4", "P7", "P8", "O1", "O2")
BOARD = WantedBoard("acquire", {"board": "pieeg"}, {"spi_hz": 6_000_000}, 250.0, 4.5, (24.0,) * 8, LABELS)
WANTED = Wanted(what="my.yaml", spi=("/dev/spidev0.0",), lines=(Line("GPIO26", "DRDY"),), boards=(BOARD,))


def noise(times: float = 1.0, channel: int | None = None, sps: float = 250.3, lost: int = 0) -> Measured:
    """Two seconds of shorted inputs; one channel, or all, so many times as noisy as the data sheet says."""
    uv = np.random.default_rng(5).normal(60.0, 0.14, (500, 8))
    if channel is None:
        uv = 60 + (uv - 60) * times
    else:
        uv[:, channel] = 60 + (uv[:, channel] - 60) * times
    return Measured(uv, sps, 500, lost, {"late": lost} if lost else {})


def square(amplitude_uv: float = 1875.0, channel: int | None = None) -> Measured:
    wave = np.where(np.arange(500) // 64 % 2, 1.0, -1.0)
    uv = np.repeat(wave[:, None] * 1875.0, 8, axis=1)
    if channel is None:
        uv *= amplitude_uv / 1875
    else:
        uv[:, channel] *= amplitude_uv / 1875
    return Measured(uv + 60, 250.0, 500, 0, {})


@pytest.fixture
def pi(pi5):
    pi5.measured = {"shorted": noise(), "test": square()}
    return pi5


def checked(system, wanted=WANTED):
    return {result.name: result for result in examine(system, wanted).results}


def test_a_good_board_passes(pi):
    report = examine(pi, WANTED)
    assert report.ok
    results = {result.name: result for result in report.results}
    assert results["spi clock"].seen == "6 MHz asked, 5.882 MHz given"
    assert results["chips acquire"].seen == "ADS1299 (ID 0x3E), registers as written"
    assert results["data-ready acquire"].seen == "250.30 SPS, lost 0 of 500 frames"
    assert results["noise acquire"].state == "ok"
    assert results["test signal acquire"].seen == "1875 to 1875 uV of 1875"


def test_chips_are_named_by_part_and_counted(pi):
    pi.registers = [bytes([0x3E]) + bytes(23)] * 4
    assert checked(pi)["chips acquire"].seen == "4 x ADS1299 (ID 0x3E), registers as written"
    pi.registers = [bytes([0x3C]) + bytes(23), bytes([0x5D]) + bytes(23)]
    assert checked(pi)["chips acquire"].seen == "ADS1299-4 (ID 0x3C), ADS1299-6 (ID 0x5D), registers as written"


def test_a_chip_that_does_not_answer_fails_with_the_drivers_words(pi):
    pi.registers = DeviceError("spidev0.0: the ADS1299 answered ID 0x00, expected 0x1E. All zeros mean no power.")
    results = checked(pi)
    assert results["chips acquire"].state == "fail"
    assert results["chips acquire"].seen == "spidev0.0: the ADS1299 answered ID 0x00, expected 0x1E"
    assert results["chips acquire"].fix == "All zeros mean no power."
    assert "noise acquire" not in results
    assert "port" in results


def test_a_silent_line_and_a_board_that_stops_fail(pi):
    pi.measured["shorted"] = DeviceError("acquire: the data-ready line is silent. Check the DRDY wire.")
    assert checked(pi)["data-ready acquire"].state == "fail"
    pi.measured = {"shorted": noise(), "test": DeviceError("acquire: gone. Check the cable.")}
    results = checked(pi)
    assert results["noise acquire"].state == "ok"
    assert results["test signal acquire"].state == "fail"


@pytest.mark.parametrize(("sps", "state"), [
    (250.0, "ok"), (243.8, "ok"), (256.2, "ok"), (125.1, "fail"), (500.3, "fail")])
def test_edges_at_the_wrong_rate_fail(pi, sps, state):
    pi.measured["shorted"] = noise(sps=sps)
    assert checked(pi)["data-ready acquire"].state == state


def test_lost_frames_are_a_warning_with_their_reason(pi):
    pi.measured["shorted"] = noise(lost=3)
    result = checked(pi)["data-ready acquire"]
    assert (result.state, result.seen) == ("warn", "250.30 SPS, lost 3 of 500 frames (late 3)")


@pytest.mark.parametrize(("times", "state"), [(1.5, "ok"), (4.0, "warn"), (20.0, "fail"), (0.0, "fail")])
@pytest.mark.parametrize("channel", [None, 3])
def test_noise_is_measured_against_the_data_sheet(pi, times, state, channel):
    pi.measured["shorted"] = noise(times, channel)
    result = checked(pi)["noise acquire"]
    assert result.state == state
    if state != "ok" and channel is not None:
        assert "C4" in result.seen
        assert "Fp1" not in result.seen


@pytest.mark.parametrize(("amplitude", "state"), [
    (1900.0, "ok"), (1700.0, "warn"), (937.5, "fail"), (15_000.0, "fail")])
def test_the_test_signal_proves_the_scale(pi, amplitude, state):
    pi.measured["test"] = square(amplitude, 3)
    result = checked(pi)["test signal acquire"]
    assert result.state == state
    assert state == "ok" or "C4 is off by" in result.seen


def test_chips_are_left_alone_while_bus_or_lines_are_not_ready(pi):
    pi.chips["/dev/gpiochip0"].consumers[26] = "lirc"
    assert not any(name.startswith("chips") for name in checked(pi))
    pi.chips["/dev/gpiochip0"].consumers[26] = "eegcore-drdy"
    result = checked(pi)["chips"]
    assert (result.state, result.seen) == ("skipped", "a running eegcore has them")
    assert checked(pi, Wanted())["chips"].state == "skipped"
    assert "--pipeline" in checked(pi, Wanted())["chips"].seen


def test_two_boards_are_tried_one_after_the_other(pi):
    wanted = dataclasses.replace(WANTED, boards=(BOARD, dataclasses.replace(BOARD, id="second")))
    names = [result.name for result in examine(pi, wanted).results]
    assert names.index("test signal acquire") + 1 == names.index("chips second")


def test_a_real_run_of_the_emulated_chip_measures_the_data_sheet():
    settings = {"board": "emulator", "sps": 500, "gain": 12, "mains_hz": 60}
    quiet = measure(settings, "shorted")
    assert quiet.sps == pytest.approx(500, rel=0.03)
    assert quiet.uv.shape[1] == 8
    assert noise_rms_uv(quiet) == pytest.approx(np.full(8, 0.23), rel=0.25)
    assert square_uv(measure(settings, "test")) == pytest.approx(np.full(8, 1875.0), rel=0.02)


def test_a_pipeline_for_a_board_names_its_nodes_lines_and_settings(tmp_path):
    path = tmp_path / "p.yaml"
    path.write_text("stages:\n  - acquire: {board: evm, sps: 500, gain: 12}\n  - to_voltage: {}\n  - null_sink: {}\n")
    wanted = wanted_by(path)
    assert wanted.hardware
    assert wanted.spi == ("/dev/spidev0.0",)
    assert [(line.role, line.name) for line in wanted.lines] == [
        ("DRDY", "GPIO25"), ("START", "GPIO22"), ("RESET", "GPIO23"), ("PWDN", "GPIO24")]
    assert {line.chip for line in wanted.lines} == {None}
    board, = wanted.boards
    assert board.settings == {"board": "evm", "sps": 500.0, "gain": 12}
    assert (board.sps, board.gains, len(board.labels)) == (500.0, (12,) * 8, 8)
    elsewhere = wanted_by(path, overrides=["acquire.gpiochip=ads1299-sim"])
    assert {line.chip for line in elsewhere.lines} == {"ads1299-sim"}


def test_both_boards_of_a_pipeline_are_wanted(repository):
    wanted = wanted_by(repository / "pipelines/pieeg16.yaml")
    assert wanted.spi == ("/dev/spidev0.0", "/dev/spidev0.1")
    lines = {(line.role, line.name) for line in wanted.lines}
    assert lines == {("DRDY", "GPIO26"), ("DRDY", "GPIO13"), ("CS", "GPIO19")}
    assert [board.id for board in wanted.boards] == ["first", "second"]

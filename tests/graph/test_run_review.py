"""What the loop of `acquire` must see through: edges stamped late or never, lines that lie, trouble that returns.

F-numbers are those of the reference's emulator checklist (section 18). Conversion k of the emulator is frame k - 1.
"""

from __future__ import annotations

import pytest

from eegcore.errors import DeviceError, EegcoreError
from eegcore.pipeline import Pipeline

SILENT_B = {"kind": "drdy", "n": 0, "value": 1, "chip": 1}
TWO_LINES = [{"drdy": "a"}, {"drdy": "b"}]


@pytest.fixture
def source_of(virtual):
    """Run a faulty board at 1 kSPS; return its ledger entry, the emulator's own count, and what was said by place."""

    def run_it(*faults, seconds=4.0, **settings):
        board = {"board": "emulator", "sps": 1000, "batch": 4, "faults": list(faults), **settings}
        outcome = virtual([{"acquire": board}, {"null_sink": {}}], seconds=seconds)
        said = {alarm["place"]: alarm["message"] for alarm in outcome.alarms}
        return outcome.ledger["sources"]["acquire"], outcome.truth["acquire"], said

    return run_it


def test_a_frame_read_across_an_edge_that_is_never_reported_is_not_believed(source_of):  # F-07 with F-01
    faults = [{"kind": "slow", "at": 1001, "value": 1_200_000}, {"kind": "drop_edge", "at": 1002}]
    source, truth, _ = source_of(*faults)
    assert source["late"] == truth["torn"] == 1
    assert source["missed"] == truth["never_read"] == 1
    assert source["delivered"] == truth["clean"]


def test_a_frame_read_across_an_edge_that_is_stamped_late_is_not_believed(source_of):  # F-07
    slow = {"kind": "slow", "at": 6001, "value": 1_100_000, "every": 10, "times": 300}
    source, truth, _ = source_of(slow, seconds=10, stamp_jitter_us=150)
    assert truth["torn"] == 300
    assert source["late"] == truth["torn"]
    assert source["delivered"] == truth["clean"]


@pytest.mark.parametrize(
    "fault",
    [{"kind": "reset", "at": 1500}, {"kind": "miso_stuck", "at": 1500, "n": 60}],
    ids=["chip falls back", "bus stuck"],
)
def test_trouble_that_returns_after_good_seconds_is_recovered_from_each_time(source_of, fault):  # F-11, F-13
    source, _, said = source_of({**fault, "every": 3000, "times": 5}, seconds=20)
    assert source["edges"] == 20_000
    assert "acquire.device" not in said
    assert source["missed"] < 5 * 600  # 0.1 s and a bring-up: the tries did not add up


@pytest.mark.parametrize("chip", [0, 1])
def test_edges_that_one_of_two_lines_loses_are_a_gap_and_no_clock_of_its_own(source_of, chip):  # F-01
    source, truth, said = source_of({"kind": "drop_edge", "at": 1501, "n": 37, "chip": chip}, chips=TWO_LINES)
    assert source["missed"] == truth["never_read"] == (37 if chip == 0 else 0)
    assert source["delivered"] == truth["clean"]
    assert "acquire.recovering" not in said


def test_a_second_line_that_falls_silent_is_noticed(source_of):  # F-14
    _, _, said = source_of({"kind": "drdy", "at": 1001, "n": 1500, "value": 1, "chip": 1}, chips=TWO_LINES, seconds=6)
    assert "silent" in said["acquire.recovering"]
    assert "acquire.recovered" in said


def test_a_bad_status_word_is_told_with_its_chip(source_of):  # F-12
    _, _, said = source_of({"kind": "bad_status", "at": 1001, "chip": 2}, chips=[{}, {}, {}])
    assert "status word 400000h of chip 3 of frame 1000 does not begin with 1100" in said["acquire.status"]


@pytest.mark.parametrize(
    ("fault", "board", "told"),
    [
        (SILENT_B, {"chips": TWO_LINES}, "chip 2: its data-ready line is silent"),
        ({"kind": "miso_stuck", "at": 500, "n": 0, "value": 255}, {}, "chip 1: the ID register reads FFh in 5 tries"),
    ],
    ids=["second line silent from the start", "bus stuck for good"],
)
def test_a_run_that_is_given_up_says_what_was_seen_of_which_chip(fault, board, told):
    stages = [{"acquire": {"board": "emulator", "sps": 1000, "faults": [fault], **board}}, {"null_sink": {}}]
    run = Pipeline(stages, clock="virtual").run(seconds=4)
    with pytest.raises(DeviceError, match=f"acquire: {told}"), run:
        assert run.wait(60)
    assert run.ledger()["balanced"]


def test_the_last_frame_of_a_slow_bus_is_no_more_late_than_the_device_says():
    board = {"board": "emulator", "sps": 16000, "spi_hz": 200_000, "late": "lose"}
    with Pipeline([{"acquire": board}, {"null_sink": {}}]).run(seconds=0.5) as run:
        assert run.wait(20)                            # it ends, though every frame is late
    source, truth = run.ledger()["sources"]["acquire"], run.truth("acquire")
    assert source["edges"] == truth["conversions"] == 8000
    assert source["late"] == truth["torn"] > 0
    assert source["delivered"] == truth["clean"]


def test_a_failure_that_cannot_be_said_does_not_keep_the_run_from_ending(monkeypatch):
    def broken(self):
        raise RuntimeError("no words")

    monkeypatch.setattr("eegcore.graph.run.GraphRun.failure", broken)
    run = Pipeline([{"acquire": {"board": "emulator"}}, {"null_sink": {}}], clock="virtual").run(seconds=0.1)
    with pytest.raises(EegcoreError, match=r"why cannot be said .RuntimeError: no words."), run:
        assert run.wait(30)

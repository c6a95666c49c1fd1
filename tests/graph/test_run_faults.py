"""Faults of chips, wires and kernel, injected at an exact conversion: counted exactly, flagged, told, recovered from.

F-numbers are those of the reference's emulator checklist (section 18). Conversion k of the emulator is frame k - 1.
"""

from __future__ import annotations

import numpy as np
import pytest

from eegcore.errors import DeviceError
from eegcore.pipeline import Pipeline

GAP, SATURATED, LEAD_OFF, LATE = 1, 2, 4, 32
N = 4000


def acquire(*faults, sps=1000, **settings):
    return {"acquire": {"board": "emulator", "sps": sps, "batch": 4, "faults": list(faults), **settings}}


@pytest.fixture
def faulty(virtual):
    """Run `N` frames of a faulty board; check its books against the emulator's own."""

    def run_it(*faults, frames=N, **settings):
        outcome = virtual(
            [acquire(*faults, **settings), {"null_sink": {}}],
            listen="acquire",
            seconds=frames / settings.get("sps", 1000),
        )
        outcome.source = outcome.ledger["sources"]["acquire"]
        outcome.truth = outcome.truth["acquire"]
        return outcome

    return run_it


def holes(packets):
    """[(first missing frame, how many)] between packets, and what is missing must be flagged behind it."""
    out, at = [], 0
    for packet in packets:
        if packet["frame_index"] != at:
            out.append((at, packet["frame_index"] - at))
            assert packet["flags"] & GAP
        else:
            assert not packet["flags"] & GAP
        at = packet["frame_index"] + packet["n_frames"]
    return out


def frames_with(packets, flag):
    return [
        packet["frame_index"] + i for packet in packets if packet["flags"] & flag for i in range(packet["n_frames"])
    ]


def places(outcome):
    return [alarm["place"] for alarm in outcome.alarms]


@pytest.mark.parametrize(
    ("fault", "missing"),
    [
        ({"kind": "drop_edge", "at": 1501, "n": 1}, [(1500, 1)]),  # F-01
        ({"kind": "drop_edge", "at": 1501, "n": 37}, [(1500, 37)]),
        ({"kind": "drop_edge", "at": 201, "n": 2, "every": 500, "times": 7}, [(200 + 500 * i, 2) for i in range(7)]),
        ({"kind": "coalesce", "at": 1501}, [(1500, 1)]),  # F-02
        ({"kind": "overflow", "at": 1501, "n": 64}, [(1500, 64)]),  # F-03
    ],
    ids=["one edge", "37 edges", "7 times 2 edges", "two edges in one event", "64 events lost from the queue"],
)
def test_edges_that_never_arrive_are_a_gap_of_exact_length(faulty, fault, missing):
    outcome = faulty(fault)
    assert holes(outcome.packets) == missing
    assert outcome.source["missed"] == outcome.truth["never_read"] == sum(n for _, n in missing)
    assert outcome.source["edges"] == outcome.truth["conversions"] == N
    assert outcome.source["delivered"] == outcome.truth["clean"]
    assert "acquire.missed" in places(outcome)
    # stamps stay right across the gap: 1 ms a frame
    stamps = np.array([packet["t_ns"] for packet in outcome.packets])
    indices = np.array([packet["frame_index"] for packet in outcome.packets])
    assert np.all(np.abs(stamps - stamps[0] - (indices - indices[0]) * 1_000_000) <= 2000)


def test_an_edge_that_is_none_yields_no_frame(faulty):  # F-04
    outcome = faulty({"kind": "spurious", "at": 1000, "value": 300_000, "every": 300, "times": 9})
    assert outcome.truth["spurious"] == 9
    assert outcome.source["delivered"] == outcome.source["edges"] == N
    assert holes(outcome.packets) == []
    assert outcome.source["missed"] == 0


@pytest.mark.parametrize("kind", ["eio", "etimedout"])  # F-05, F-06
def test_a_transfer_that_fails_once_is_repeated_in_time(faulty, kind):
    outcome = faulty({"kind": kind, "at": 1000, "n": 2, "every": 100, "times": 5})
    assert outcome.truth["failed_transfers"] == 10
    assert outcome.source["delivered"] == N
    assert holes(outcome.packets) == []


def test_transfers_that_go_on_failing_cost_frames_then_a_restart(faulty):  # F-05
    outcome = faulty({"kind": "eio", "at": 1001, "n": 32})  # 8 reads of 4 tries each
    assert "acquire.read" in places(outcome)
    assert "acquire.recovering" in places(outcome)
    assert "acquire.recovered" in places(outcome)
    ((first, missing),) = holes(outcome.packets)
    assert first == 1000
    assert 100 < missing < 600  # 0.1 s, bring-up, settling
    assert outcome.source["missed"] == missing
    assert outcome.source["delivered"] + missing == outcome.source["edges"]


@pytest.mark.parametrize("chips", [[{}, {}], [{"drdy": "a"}, {"drdy": "b"}]], ids=["one line", "a line each"])
def test_a_restart_across_the_end_of_the_run_ends_it_as_asked(faulty, chips):
    outcome = faulty({"kind": "eio", "at": N - 50, "n": 32}, chips=chips)
    assert "acquire.recovering" in places(outcome)
    assert outcome.source["delivered"] == N - 51


def test_transfers_that_fail_for_ever_end_the_run_with_closed_books():  # F-05
    run = Pipeline([acquire({"kind": "eio", "at": 500, "n": 0}), {"null_sink": {}}], clock="virtual").run(seconds=4)
    with pytest.raises(DeviceError, match="acquire") as caught, run:
        assert run.wait(60)
    assert caught.value.code in ("device_io", "bad_device")
    ledger = run.ledger()
    assert ledger["balanced"]
    assert ledger["sources"]["acquire"]["delivered"] == 499
    assert any("given up" in alarm["message"] for alarm in run.alarms)


def test_a_slow_transfer_is_noticed_and_its_frame_not_believed(faulty):  # F-07
    outcome = faulty({"kind": "slow", "at": 1001, "n": 1, "value": 5_000_000})
    assert outcome.source["late"] == outcome.truth["torn"] == 1
    assert outcome.source["missed"] == outcome.truth["never_read"]
    assert outcome.source["delivered"] == outcome.truth["clean"]
    ((first, missing),) = holes(outcome.packets)
    assert first == 1000
    assert missing == 1 + outcome.source["missed"]
    assert next(packet for packet in outcome.packets if packet["flags"] & LATE)["frame_index"] == first + missing
    assert "acquire.late" in places(outcome)


def test_a_slow_transfer_that_ends_in_time_costs_nothing(faulty):  # F-07
    outcome = faulty({"kind": "slow", "at": 1001, "n": 100, "value": 200_000})
    assert outcome.source["delivered"] == N


def test_a_flipped_bit_of_data_passes_unseen_and_harms_nothing_else(faulty):  # F-08
    flipped = faulty({"kind": "bit_flip", "at": 1001, "value": 30})
    clean = faulty()
    assert flipped.source["delivered"] == N
    differ = np.argwhere(flipped.samples != clean.samples)
    assert differ.shape == (1, 2)
    assert differ[0, 0] == 1000


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "bad_status", "n": 3},  # F-09
        {"kind": "bit_slip", "n": 3, "value": 0},  # F-10
        {"kind": "bit_slip", "n": 3, "value": 100},
        {"kind": "miso_stuck", "n": 3, "value": 0},  # F-11
        {"kind": "miso_stuck", "n": 3, "value": 255},
    ],
    ids=["prefix", "slip at the first bit", "slip in the data", "MISO low", "MISO high"],
)
def test_a_frame_that_cannot_be_believed_is_left_out(faulty, fault):
    outcome = faulty({"at": 1001, **fault})
    assert holes(outcome.packets) == [(1000, 3)]
    assert outcome.source["bad_status"] == outcome.truth["spoiled"] == 3
    assert outcome.source["delivered"] == outcome.truth["clean"] == N - 3
    assert "acquire.status" in places(outcome)


def test_one_chip_of_several_spoils_the_frame(faulty):  # F-12
    outcome = faulty({"kind": "bad_status", "at": 1001, "n": 2, "chip": 1}, chips=[{}, {}, {}])
    assert holes(outcome.packets) == [(1000, 2)]
    assert outcome.source["bad_status"] == outcome.truth["spoiled"] == 2
    told = [alarm["message"] for alarm in outcome.alarms if alarm["place"] == "acquire.status"]
    assert told[0].startswith("acquire: status word 400000h of chip 2 of frame 1000 does not")


@pytest.mark.parametrize("value", [0, 255, 256])  # F-11
def test_a_stuck_bus_is_said_and_the_chips_are_brought_up_again(faulty, value):
    outcome = faulty({"kind": "miso_stuck", "at": 1001, "n": 60, "value": value})
    assert "acquire.recovered" in places(outcome)
    assert "acquire.stuck" in places(outcome) or value == 256  # noise looks like a chip in trouble
    assert holes(outcome.packets)[0][0] == 1000
    assert outcome.source["edges"] == N


@pytest.mark.parametrize("sps", [250, 1000])  # F-13
def test_a_chip_that_falls_back_to_its_reset_state_is_found_and_set_up_again(faulty, sps):
    frames = 4 * sps
    outcome = faulty({"kind": "reset", "at": frames // 2}, frames=frames, sps=sps)
    assert outcome.truth["resets"] >= 2
    assert "acquire.recovered" in places(outcome)
    ((first, missing),) = holes(outcome.packets)
    assert first == frames // 2 - 1  # nothing of a reset chip is delivered
    assert outcome.source["edges"] == frames
    assert outcome.source["missed"] + outcome.source["bad_status"] == missing


@pytest.mark.parametrize(("value", "said"), [(0, "silent"), (1, "silent"), (2, "wrong rate"), (3, "wrong rate")])
def test_a_data_ready_line_that_lies_is_named_and_started_again(faulty, value, said):  # F-14
    outcome = faulty({"kind": "drdy", "at": 1001, "n": 400, "value": value})
    assert any(said in alarm["message"] for alarm in outcome.alarms if alarm["place"] == "acquire.recovering")
    assert "acquire.recovered" in places(outcome)
    assert outcome.source["edges"] == N
    assert sum(n for _, n in holes(outcome.packets)) == outcome.source["missed"]


def test_a_register_that_was_not_written_is_written_again(faulty):  # F-15
    assert faulty({"kind": "write_lost", "at": 0, "n": 1}).source["delivered"] == N


def test_registers_that_never_hold_refuse_the_start():  # F-15
    with pytest.raises(DeviceError, match=r"chip 1: the registers.*holds .*h and not .*h after 3 tries"):
        Pipeline([acquire({"kind": "write_lost", "at": 0, "n": 1000}), {"null_sink": {}}], clock="virtual").run(
            seconds=1
        )


@pytest.mark.parametrize("drift_ppm", [-25_000, -5000, 5000, 25_000])  # F-16
def test_a_clock_that_is_off_is_followed(faulty, drift_ppm):
    outcome = faulty(drift_ppm=drift_ppm)
    t_ns = np.array([packet["t_ns"] for packet in outcome.packets])
    frames = np.array([packet["frame_index"] for packet in outcome.packets])
    assert outcome.source["delivered"] == N
    assert np.polyfit(frames, t_ns, 1)[0] == pytest.approx(1e6 * (1 + drift_ppm * 1e-6), rel=1e-6)


def test_chips_out_of_step_are_started_again(faulty):  # F-17
    chips = [{"drdy": "a"}, {"drdy": "b"}]
    outcome = faulty({"kind": "late_start", "chip": 1, "n": 1}, chips=chips)
    assert outcome.source["delivered"] == outcome.source["edges"] == N


def test_saturation_is_flagged_and_loses_nothing(faulty):  # F-18
    outcome = faulty({"kind": "saturate", "at": 1001, "n": 2000})
    assert frames_with(outcome.packets, SATURATED) == list(range(1000, 3000))
    assert outcome.source["delivered"] == N
    assert {packet["saturated"] for packet in outcome.packets if packet["flags"] & SATURATED} == {0xFF}


def test_an_electrode_that_comes_off_is_flagged_and_loses_nothing(faulty):  # F-19
    outcome = faulty({"kind": "electrode_off", "at": 1001, "n": 500, "value": 5}, lead_off={"mode": "dc"})
    assert frames_with(outcome.packets, LEAD_OFF) == list(range(1000, 1500))
    assert outcome.source["delivered"] == N
    assert {packet["lead_off"] for packet in outcome.packets if packet["flags"] & LEAD_OFF} == {1 << 5}


def test_a_device_that_vanishes_ends_the_run_with_closed_books():  # F-20
    run = Pipeline([acquire({"kind": "gone", "at": 1001}), {"null_sink": {}}], clock="virtual").run(seconds=4)
    with pytest.raises(DeviceError, match="vanished") as caught, run:
        assert run.wait(60)
    assert caught.value.code == "device_gone"
    assert run.ledger()["balanced"]
    assert run.ledger()["sources"]["acquire"]["delivered"] == 1000


@pytest.mark.parametrize(
    ("value", "seen"), [(0x3C, "3Ch"), (0x92, "92h"), (0xFF, "FFh in 5 tries: the bus is stuck")]
)  # F-21
def test_another_part_is_refused_with_what_was_seen(value, seen):
    with pytest.raises(DeviceError, match=f"chip 1: the ID register reads {seen}"):
        Pipeline([acquire({"kind": "wrong_id", "value": value}), {"null_sink": {}}], clock="virtual").run(seconds=1)


def random_faults(seed, n_frames, n_chips):
    """Faults that cost an exact number of frames, far enough apart not to meet."""
    rng = np.random.default_rng(seed)
    out, at = [], 300
    while at < n_frames - 300:
        kind = rng.choice(
            [
                "drop_edge",
                "coalesce",
                "overflow",
                "spurious",
                "eio",
                "etimedout",
                "slow",
                "bad_status",
                "bit_slip",
                "miso_stuck",
                "saturate",
            ]
        )
        fault = {"kind": str(kind), "at": int(at), "n": int(rng.integers(1, 6)), "chip": int(rng.integers(n_chips))}
        if kind in ("eio", "etimedout"):
            fault["n"] = int(rng.integers(1, 3))
        fault["value"] = {
            "spurious": 300_000,
            "slow": int(rng.integers(100_000, 9_000_000)),
            "miso_stuck": int(rng.choice([0, 255])),
        }.get(str(kind), 0)
        out.append(fault)
        at += rng.integers(80, 900)
    return out


@pytest.mark.parametrize("n_frames", [40_000, pytest.param(1_000_000, marks=pytest.mark.deep)])
def test_random_faults_the_ledger_is_the_truth(faulty, n_frames):
    span = min(n_frames, 200_000)  # a pipeline file holds no more values than so many faults need
    again = {"every": span, "times": n_frames // span}
    outcome = faulty(*({**fault, **again} for fault in random_faults(7, span, 2)), frames=n_frames, chips=[{}, {}])
    assert min(outcome.source[key] for key in ("missed", "bad_status", "late")) > n_frames // 10_000
    assert outcome.source["edges"] == outcome.truth["conversions"] == n_frames
    assert outcome.source["delivered"] == outcome.truth["clean"]
    assert outcome.source["bad_status"] == outcome.truth["spoiled"]
    assert outcome.source["late"] == outcome.truth["torn"]
    assert outcome.source["missed"] == outcome.truth["never_read"]
    assert outcome.truth["repeated"] == 0


def test_a_run_that_ends_in_silence_says_what_is_missing():
    run = Pipeline(
        [acquire({"kind": "drdy", "at": 1001, "n": 10_000, "value": 0}), {"null_sink": {}}], clock="virtual"
    ).run(seconds=5)
    with run:
        assert run.wait(60)
    source = run.ledger()["sources"]["acquire"]
    assert (source["edges"], source["delivered"], source["missed"]) == (5000, 1000, 4000)
    assert run.ledger()["lost"] == 4000
    assert not any("run again" in alarm["message"] for alarm in run.alarms)


@pytest.mark.parametrize("sps", [250, 1000])
@pytest.mark.parametrize("chained", [False, True])
@pytest.mark.parametrize("chip", [0, 1, 2])
def test_a_reset_of_any_chip_is_found_before_it_delivers(faulty, chip, chained, sps):
    chips = [{}, {"chained": chained}, {"chained": chained}]
    outcome = faulty({"kind": "reset", "at": 2000, "chip": chip}, chips=chips, sps=sps)
    # the first chip stops the line with its second frame at 250 SPS, and the register check comes before its third
    # behind the first chip of a chain no register can be read: 14 ms of bad frames tell
    wanted = -(-14 * sps // 1000) if chained and chip else 2 if (chip, sps) == (0, 250) else 3
    assert outcome.source["bad_status"] == wanted
    assert outcome.source["edges"] == N
    assert outcome.source["delivered"] <= outcome.truth["clean"]
    assert [alarm for alarm in outcome.alarms if "not the one expected" in alarm["message"]]
    assert "acquire.recovered" in places(outcome)

"""Conversions of an emulated chip: settling, DRDY, START, STOP, standby (data sheet 7.6, 9.4)."""

import numpy as np
import pytest
from emulator_driver import (
    DATA_HZ,
    RATES,
    RDATAC,
    SDATAC,
    STANDBY,
    START,
    START_OP,
    STOP_OP,
    TCLK_NS,
    WAKEUP,
    WREG,
    decode_one,
    settle_ns,
)

SETTLE_TCLK = {16000: 521, 8000: 1033, 4000: 2057, 2000: 4105, 1000: 8201, 500: 16393, 250: 32777}


def edges_of(one, ns):
    one.sleep(ns)
    return [edge.t_ns for edge in one.poll()]


@pytest.mark.parametrize("command", [SDATAC, RDATAC, START_OP, 0x20])
def test_b_08_in_standby_only_wakeup_is_heard(emulator, command):
    one = emulator().begin(sps=1000)
    one.wait()
    one.command(STANDBY)
    assert edges_of(one, 50_000_000) == []
    one.command(command)
    assert one.truth().last_violation == 8
    assert one.read() == bytes(27)
    assert edges_of(one, 50_000_000) == []


def test_b_08_after_wakeup_64_tclk_and_settling(emulator):
    one = emulator().begin(sps=1000)
    one.wait()
    one.command(STANDBY)
    one.poll()
    one.sleep(10_000_000)
    before = one.now()
    one.command(WAKEUP)
    edge = one.wait()[0]
    assert edge.t_ns == pytest.approx(before + 4000 + 64 * TCLK_NS + settle_ns(1000), abs=2)


@pytest.mark.parametrize("sps", RATES)
def test_b_14_first_edge_after_tsettle_then_every_tdr_exactly(emulator, sps):
    one = emulator(signal="test").begin(sps=sps)
    _, stamps = one.collect(200)
    assert stamps[0] - one.t_start == pytest.approx(SETTLE_TCLK[sps] * TCLK_NS, abs=1)
    assert set(np.diff(stamps).tolist()) == {10**9 // sps}                 # all are whole nanoseconds


def test_b_15_drdy_rises_with_sclk_whoever_is_selected(emulator):
    one = emulator(channels=(8, 8), n_drdy=2).begin()
    assert (one.drdy(0), one.drdy(1)) == (1, 1)
    one.wait()
    assert (one.drdy(0), one.drdy(1)) == (0, 0)
    one.read(0)
    assert (one.drdy(0), one.drdy(1)) == (1, 1)


def test_b_16_an_unread_result_pulses_for_4_tclk(emulator):
    one = emulator().begin(sps=1000)
    edge = one.wait()[0]
    seen = []
    for ns in (990_000, 997_900, 998_200, 999_990, 1_000_000, 1_500_000):
        one.sleep_until(edge.t_ns + ns)
        seen.append(one.drdy())
    assert seen == [0, 0, 1, 1, 0, 0]
    assert [e.t_ns - edge.t_ns for e in one.poll()] == [1_000_000]         # and falls: edges come unread


@pytest.mark.parametrize(("early_ns", "old_bits"), [(10_500, 84), (26_999, 216), (1, 1), (13_000, 104)])
def test_b_17_a_transfer_across_an_edge_is_old_then_new_from_the_bit_on(emulator, early_ns, old_bits):
    file = b"\xFF" * 27 + bytes(27)
    one = emulator(file=file, loop=1).begin(sps=2000)
    edge = one.wait()[0]
    one.sleep_until(edge.t_ns + 500_000 - early_ns)
    frame = one.read(speed_hz=DATA_HZ)                                     # 125 ns a bit
    bits = "".join(f"{byte:08b}" for byte in frame)
    assert bits == "1" * old_bits + "0" * (216 - old_bits)
    assert one.poll()[0].t_ns == edge.t_ns + 500_000
    assert one.read() == bytes(27)
    truth = one.truth()
    assert (truth.conversions, truth.torn, truth.never_read) == (2, 1, 0)


def test_b_17_a_slow_wire_mixes_many_conversions(emulator):
    file = b"".join(bytes([value]) * 27 for value in range(200))
    one = emulator(file=file).begin(sps=2000)
    one.wait()
    frame = one.read(speed_hz=16000)                                       # a byte takes a period
    assert list(frame) == list(range(27))
    assert one.truth().torn == 1


def test_b_25_a_new_config1_resets_the_filter(emulator):
    one = emulator(signal="test", noise_scale=0.0).begin(sps=1000)
    one.collect(700)
    assert decode_one(one.read())[0] < 0                                   # in the second half period
    one.command(SDATAC)
    one.transfer([WREG + 1, 0, 0x90 | 0x40 | RATES[500]])
    written = one.now() - 3000
    one.poll()
    edges = [one.wait()[0].t_ns for _ in range(3)]
    assert edges[0] == pytest.approx(written + settle_ns(500), abs=2)
    assert edges[2] - edges[0] == 4_000_000
    one.command(RDATAC)
    assert decode_one(one.read())[0] > 0                                   # the phase began anew


def test_b_25_the_same_config1_does_not(emulator):
    one = emulator().begin(sps=1000)
    first = one.wait()[0].t_ns
    one.command(SDATAC)
    one.wreg(1, 0x90 | 0x40 | RATES[1000])
    assert one.wait()[0].t_ns == first + 1_000_000


@pytest.mark.parametrize("by", ["line", "opcode"])
@pytest.mark.parametrize(("before_ns", "more"), [(300_000, 1), (10_000, 1), (7_000, 2), (1_000, 2)])
def test_b_26_stop_lets_the_conversion_in_progress_finish(emulator, by, before_ns, more):
    one = emulator().configure(sps=1000)
    if by == "line":
        one.set_line(START, 1)
    else:
        one.command(START_OP)
    edge = one.wait()[0]
    one.sleep_until(edge.t_ns + 1_000_000 - before_ns - (0 if by == "line" else 4000))
    if by == "line":
        one.set_line(START, 0)
    else:
        one.command(STOP_OP)
    assert edges_of(one, 20_000_000) == [edge.t_ns + 1_000_000 * i for i in range(1, more + 1)]
    assert one.truth().conversions == 1 + more


@pytest.mark.parametrize("by", ["line", "opcode"])
def test_b_26_single_shot_converts_once_for_each_start(emulator, by):
    one = emulator().configure(sps=1000, extra=[(0x17, 0x08)])
    for n in range(3):
        before = one.now()
        if by == "line":
            one.set_line(START, 0)
            one.set_line(START, 1)
        else:
            one.command(START_OP)
        edges = edges_of(one, 50_000_000)
        assert edges == [pytest.approx(before + settle_ns(1000) + (0 if by == "line" else 4000), abs=2)]
        assert one.drdy() == 0
        assert one.read()[0] == 0xC0
        assert one.drdy() == 0                                             # low until the next START
        assert one.truth().clean == n + 1


def test_b_26_start_opcode_while_converting_has_no_effect(emulator):
    one = emulator().begin(sps=1000)
    first = one.wait()[0].t_ns
    one.command(START_OP)
    assert one.wait()[0].t_ns == first + 1_000_000
    one.command(STOP_OP)                                                   # the pin is still high
    assert len(edges_of(one, 5_000_000)) >= 4


@pytest.mark.parametrize("chips", [2, 3, 4])
def test_b_29_chips_on_selects_of_their_own_share_start(emulator, chips):
    one = emulator(channels=(8,) * chips, n_drdy=chips).begin(sps=1000)
    one.sleep(20_000_000)
    edges = one.poll()
    by_line = [[edge.t_ns for edge in edges if edge.line == line] for line in range(chips)]
    assert len(by_line[0]) >= 15
    assert all(line == by_line[0] for line in by_line)
    for select in range(1, chips):
        one.command(SDATAC, select)
        one.wreg(0x05, 0x10 * select, select=select)
    assert [one.rreg(0x05, select=select)[0] for select in range(1, chips)] == [0x10 * s for s in range(1, chips)]


def test_b_29_a_line_of_its_own_for_each_chip_has_its_own_seqno(emulator):
    one = emulator(channels=(8, 8), n_drdy=2, drift_ppm=[0.0, 20_000.0]).begin(sps=1000)
    one.sleep(200_000_000)
    edges = one.poll()
    for line in (0, 1):
        assert [edge.seqno for edge in edges if edge.line == line] == list(range(
            1, 1 + sum(edge.line == line for edge in edges)))
    assert [edge.t_ns for edge in edges] == sorted(edge.t_ns for edge in edges)


@pytest.mark.parametrize("ppm", [-25_000.0, -5000.0, 0.0, 5000.0, 25_000.0])
def test_b_32_each_oscillator_has_its_error(emulator, ppm):
    one = emulator(channels=(8, 8), n_drdy=2, drift_ppm=[ppm, -ppm], signal="test").begin(sps=1000)
    one.sleep(1_000_000_000)
    edges = one.poll()
    for line, error in ((0, ppm), (1, -ppm)):
        stamps = [edge.t_ns for edge in edges if edge.line == line]
        assert (stamps[-1] - stamps[0]) / (len(stamps) - 1) == pytest.approx(1e6 * (1 + error * 1e-6), rel=1e-9)


def test_b_32_an_independent_chip_is_torn_by_its_own_edge(emulator):
    one = emulator(channels=(8, 8), n_drdy=2, drift_ppm=[0.0, 5000.0]).begin(sps=1000)
    for _ in range(300):
        while not any(edge.line == 0 for edge in one.wait()):
            pass
        for select in (0, 1):
            one.read(select)
    truth = one.truth()
    assert truth.torn > 0
    assert truth.clean > 250

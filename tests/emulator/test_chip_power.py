"""Power, clock and reset of an emulated chip (data sheet 9.4.2, 9.6.1.1, 11.1)."""

import pytest
from emulator_driver import CLK_EN, PWDN, RATES, RDATAC, RESET, RESET_OP, SDATAC, START, TCLK_NS, decode_one, settle_ns

TPOR_NS = 2**18 * TCLK_NS
RESET_VALUES = [0x3E, 0x96, 0xC0, 0x60, 0x00, *[0x61] * 8, *[0x00] * 7, 0x0F, 0x00, 0x00, 0x00]


@pytest.mark.parametrize(("powered_ns", "answers"), [(0, False), (100_000_000, False), (130_000_000, True)])
def test_b_01_no_answer_before_tpor(emulator, powered_ns, answers):
    one = emulator(powered_ns=powered_ns)
    one.command(SDATAC)
    assert one.rreg(0)[0] == (0x3E if answers else 0x00)
    assert (one.truth().violations == 0) is answers


def test_b_01_tpor_is_2_to_the_18_periods(emulator):
    one = emulator(powered_ns=0)
    one.sleep(TPOR_NS - 20_000)
    one.command(SDATAC)
    assert one.rreg(0) == b"\0"
    one.sleep(20_000)
    one.command(SDATAC)
    assert one.rreg(0) == b"\x3e"
    assert one.truth().last_violation == 1


def test_b_01_a_reset_before_tpor_leaves_channels_dead_until_the_next(emulator):
    one = emulator(powered_ns=0, signal="sine", noise_scale=0.0)
    one.command(RESET_OP)
    one.sleep(TPOR_NS)
    assert 0 in one.begin().counts(8)[3:].any(axis=0)
    one.stop()
    one.command(RESET_OP)
    one.sleep(10_000)
    assert one.begin().counts(8)[3:].any(axis=0).all()
    assert one.truth().last_violation == 1


def test_b_01_power_down_begins_it_anew(emulator):
    one = emulator(pwdn_wired=1, miso_idle=0xFF)
    one.command(SDATAC)
    one.wreg(0x05, 0x00)
    one.set_line(PWDN, 0)
    assert one.rreg(0) == b"\xff"                                          # nobody drives MISO (B-09)
    one.set_line(PWDN, 1)
    one.command(SDATAC)
    assert one.rreg(0) == b"\0"
    one.sleep(TPOR_NS)
    one.command(SDATAC)
    assert one.rreg(5) == b"\x61"


@pytest.mark.parametrize("by", ["line", "opcode"])
@pytest.mark.parametrize(("channels", "missing"), [(8, 0), (6, 2), (4, 4)])
def test_b_02_reset_restores_registers_and_rdatac(emulator, by, channels, missing):
    one = emulator(channels=(channels,))
    one.configure(sps=1000, gain=1, extra=[(0x0D, 0xFF), (0x15, 0x20)])
    if by == "line":
        one.set_line(RESET, 0)
        one.sleep(2000)
        one.set_line(RESET, 1)
    else:
        one.command(SDATAC)
        one.command(RESET_OP)
    one.sleep(10_000)
    assert one.rreg(0, 24) == bytes(24)                                    # RDATAC is on again
    one.command(SDATAC)
    expected = list(RESET_VALUES)
    expected[0] -= missing // 2
    expected[13 - missing:13] = [0] * missing
    assert list(one.rreg(0, 24)) == expected
    assert one.truth().resets == 1


@pytest.mark.parametrize(("wait_ns", "heard"), [(0, False), (2000, False), (9000, True)])
def test_b_02_deaf_for_18_tclk(emulator, wait_ns, heard):
    one = emulator()
    one.set_line(RESET, 0)
    one.sleep(2000)
    one.set_line(RESET, 1)
    one.sleep(wait_ns)
    one.transfer([SDATAC])
    one.sleep(10_000)
    assert (one.rreg(0) == b"\x3e") is heard
    assert (one.truth().last_violation == 7) is not heard                  # RREG in RDATAC, behind the lost SDATAC


@pytest.mark.parametrize(("start_pin", "converts"), [(1, True), (0, False)])
def test_b_02_conversions_after_reset_are_the_start_pins(emulator, start_pin, converts):
    one = emulator().configure(sps=1000)
    one.set_line(START, start_pin)
    one.command(SDATAC)
    one.command(RESET_OP)
    before = one.now()
    edges = one.wait(deadline_ns=before + 100_000_000)
    assert bool(edges) is converts
    if converts:
        assert edges[0].t_ns == pytest.approx(before + settle_ns(250), abs=5000)


@pytest.mark.parametrize(("channels", "byte"), [(8, 0x3E), (6, 0x3D), (4, 0x3C)])
def test_b_03_id_of_the_variant(emulator, channels, byte):
    one = emulator(channels=(channels,))
    one.command(SDATAC)
    assert one.rreg(0)[0] == byte


@pytest.mark.parametrize("byte", [0x1E, 0xFE, 0x92, 0x20])
def test_b_03_revision_and_relatives_may_be_set(emulator, byte):
    one = emulator(id=[byte])
    one.command(SDATAC)
    assert one.rreg(0)[0] == byte


def clocked_pair(emulator):
    one = emulator(channels=(8, 8), clock_master=[1, 0], n_drdy=2)
    one.command(SDATAC, 0)
    return one


def test_b_31_a_chip_without_its_masters_clock_is_dead(emulator):
    one = clocked_pair(emulator)
    one.command(SDATAC, 1)
    assert (one.rreg(0, select=0), one.rreg(0, select=1)) == (b"\x3e", b"\0")
    assert one.truth().last_violation == 31


def test_b_31_its_tpor_begins_with_the_clock(emulator):
    one = clocked_pair(emulator)
    one.wreg(0x01, 0x90 | CLK_EN | RATES[250])
    one.sleep(TPOR_NS - 50_000)
    one.command(SDATAC, 1)
    assert one.rreg(0, select=1) == b"\0"
    one.sleep(60_000)
    one.command(SDATAC, 1)
    assert one.rreg(0, select=1) == b"\x3e"


def test_b_31_a_reset_of_the_master_stops_it(emulator):
    one = clocked_pair(emulator)
    one.wreg(0x01, 0x90 | CLK_EN | RATES[250])
    one.sleep(TPOR_NS)
    one.command(RDATAC, 0)
    one.set_line(START, 1)
    one.sleep(20_000_000)
    assert {edge.line for edge in one.poll()} == {0, 1}
    one.command(SDATAC, 0)
    one.command(RESET_OP, 0)
    one.poll()
    one.sleep(100_000_000)
    assert {edge.line for edge in one.poll()} == {0}
    one.command(SDATAC, 1)
    assert one.rreg(0, select=1) == b"\0"


def test_b_31_slaves_follow_the_masters_oscillator(emulator):
    one = clocked_pair(emulator)
    one.close()
    one = emulator(channels=(8, 8), clock_master=[1, 0], n_drdy=2, drift_ppm=[1000.0, -5000.0])
    one.command(SDATAC, 0)
    one.wreg(0x01, 0x90 | CLK_EN | RATES[250])
    one.sleep(TPOR_NS * 1.01)
    one.command(RDATAC, 0)
    one.set_line(START, 1)
    one.sleep(100_000_000)
    edges = one.poll()
    assert [e.t_ns for e in edges if e.line == 0] == [e.t_ns for e in edges if e.line == 1]


def test_powered_up_and_started_chips_give_their_reset_state(emulator):
    one = emulator(signal="sine", sine_uv=1e5)
    one.set_line(START, 1)
    one.wait()
    frame = one.read()
    assert frame[:3] == b"\xc0\0\0"
    assert all(code in (0x7FFFFF, -0x800000) for code in decode_one(frame))     # no reference (B-24)

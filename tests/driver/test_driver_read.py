"""Reading: bytes on the wire, repeats inside the deadline, chains of any length, the periodic check."""

from __future__ import annotations

import ctypes
import errno

import driver_structs as ds
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

RDATAC, SDATAC, STOP = 0x10, 0x11, 0x0A


@pytest.fixture
def running(fake):
    """A driver that has started, and the messages so far forgotten."""
    def make(*arguments, **changes):
        bus, driver = fake(*arguments, **changes)
        assert driver.bring_up() == 0, str(driver.report)
        assert driver.start() == 0, str(driver.report)
        assert driver.wait()
        bus.messages.clear()
        return bus, driver
    return make


@pytest.mark.parametrize(("n_channels", "n_bytes"), [(4, 15), (6, 21), (8, 27)])
def test_9_4_4_one_frame_is_one_transfer_of_zeros(running, n_channels, n_bytes):
    config = ds.config_of()
    config.n_channels[0] = n_channels
    bus, driver = running(config=config)
    assert driver.read() == 0
    assert [m.sizes for m in bus.messages] == [(n_bytes,)]
    assert bus.messages[0].tx == bytes(n_bytes)
    assert bus.messages[0].speeds == {4_000_000}
    assert driver.frame(0) == bytes([0xC0, 0, 0, *[1] * (n_bytes - 3)])


def test_frames_of_all_selects_in_order_within_the_bracket(running):
    bus, driver = running((1, 2, 1), gap_bits=1)
    assert driver.read() == 0
    assert [m.select for m in bus.messages] == [0, 1, 2]
    assert [driver.frame(chip)[3] for chip in range(4)] == [1, 2, 3, 4]
    assert driver.t_begin.value == bus.messages[0].t_ns
    assert driver.t_end.value == bus.messages[-1].t_end_ns


def test_f10_a_trailer_that_is_not_the_status_word_spoils_the_prefix(running):
    bus, driver = running((1, 2, 1), trailer=1)
    bus.frame_of = lambda chip: bytes([0xC5, 0x12, 0x34, *[chip + 1] * 24])
    assert driver.read() == 0
    assert [m.sizes for m in bus.messages] == [(30,), (55 - 1,), (30,)]
    assert [driver.frame(chip)[0] for chip in range(4)] == [0xC5] * 4
    assert driver.slips == 0
    bus.spoil = lambda data: data[:10] + bytes([data[10] ^ 1]) + data[11:]
    assert driver.read() == 0
    assert driver.slips == 0, "a flipped bit is no slip"

    def slip(data):
        bits = "".join(f"{byte:08b}" for byte in data)
        bits = bits[:60] + "0" + bits[60:-1]
        return bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits), 8))
    bus.spoil = lambda data: slip(data) if len(bus.messages) % 3 == 0 else data
    assert driver.read() == 0
    assert driver.slips == 1
    assert [driver.frame(chip)[0] >> 4 for chip in range(4)] == [0xC, 0xC, 0xC, 0]


def test_no_trailer_in_chain_mode(running):
    config = ds.config_of(trailer=1)
    config.registers[0][ds.CONFIG1] &= ~0x40
    bus, driver = running(config=config)
    assert driver.read() == 0
    assert bus.messages[0].sizes == (27,)
    assert driver.library.ec_ads1299_wire_ns(config) == 54_000
    config.registers[0][ds.CONFIG1] |= 0x40
    assert driver.library.ec_ads1299_wire_ns(config) == 60_000


def test_transfers_stay_off_the_dma_path(running):
    bus, driver = running((4,), gap_bits=1)
    assert driver.read() == 0
    assert bus.messages[0].sizes == (64, 45)
    assert [driver.frame(chip) for chip in range(4)] == [bytes([0xC0, 0, 0, *[chip + 1] * 24]) for chip in range(4)]


def test_64_chips_in_a_chain_are_one_message_the_kernel_takes(running):
    bus, driver = running((64,), gap_bits=1)
    assert driver.read() == 0
    sizes = bus.messages[0].sizes
    assert sum(sizes) == (216 * 64 + 63 + 7) // 8
    assert len(sizes) <= 32
    assert sum(-(-n // 128) * 128 for n in sizes) <= 4096
    assert [driver.frame(chip)[3] for chip in range(64)] == list(range(1, 65))


@pytest.mark.parametrize("error", [errno.EIO, errno.ETIMEDOUT])
@pytest.mark.parametrize("times", [1, 2, 3])
def test_f05_f06_failed_reads_are_repeated(running, error, times):
    bus, driver = running()
    bus.data_errors = [error] * times
    assert driver.read() == 0
    assert (driver.retries, driver.io_errors, len(bus.messages)) == (times, 0, times + 1)
    assert driver.t_begin.value == bus.messages[-1].t_ns, "the round began with the transfer that succeeded"


def test_f05_after_three_repeats_the_frame_is_given_up(running):
    bus, driver = running((1, 1))
    bus.data_errors = [0, *[errno.EIO] * 4]
    assert driver.read() == ds.DEVICE_IO
    assert (driver.retries, driver.io_errors, driver.report.chip, driver.report.error) == (3, 1, 1, errno.EIO)
    assert driver.t_end.value == bus.t_ns
    assert driver.read() == 0, "the next frame is well"


def test_no_repeat_begins_behind_the_deadline(running):
    bus, driver = running()
    bus.data_errors = [errno.EIO] * 3
    bus.slow_ns = 100_000
    assert driver.read(bus.t_ns + 250_000) == ds.DEVICE_IO
    assert len(bus.messages) == 2
    assert driver.retries == 1


@pytest.mark.parametrize("error", [errno.ENODEV, errno.ESHUTDOWN])
def test_f20_a_vanished_device_is_not_repeated(running, error):
    bus, driver = running()
    bus.data_errors = [error]
    assert driver.read() == ds.DEVICE_GONE
    assert (len(bus.messages), driver.report.error, driver.retries) == (1, error, 0)


def test_other_errors_of_the_kernel_are_final(running):
    bus, driver = running()
    bus.data_errors = [errno.EMSGSIZE]
    assert driver.read() == ds.DEVICE_IO
    assert len(bus.messages) == 1


def test_stop_asks_every_chip_and_shrugs_at_errors(running):
    bus, driver = running((1, 1), start_wired=False)
    bus.errors = dict.fromkeys(range(4), errno.ENODEV)
    before = str(driver.report)
    driver.stop()
    assert [(m.select, m.tx[0]) for m in bus.messages] == [(0, STOP), (0, SDATAC), (1, STOP), (1, SDATAC)]
    assert str(driver.report) == before


# the periodic check (F-13)

def test_check_compares_and_returns_to_data(running):
    bus, driver = running((1, 1))
    assert driver.check() == 0
    assert [(m.select, m.tx[:2].hex()) for m in bus.messages] == \
        [(0, "11"), (1, "11"), (0, "2017"), (1, "2017"), (0, "10"), (1, "10")]
    assert all(chip.rdatac for chip in bus.chips)
    assert driver.read() == 0


def test_check_takes_no_longer_than_it_says(running):
    bus, driver = running((1, 1, 1, 1))
    begin = bus.t_ns
    assert driver.check() == 0
    said = driver.library.ec_ads1299_check_ns(driver.d)
    assert said * 0.95 <= bus.t_ns - begin <= said
    assert said < 4_000_000


def test_f13_a_chip_that_fell_back_is_found(running):
    bus, driver = running((1, 1))
    bus.chips[1].reset()
    assert driver.check() == ds.BAD_DEVICE
    report = driver.report
    assert (driver.step, report.chip, report.address, report.expected, report.seen) == \
        ("check", 1, ds.CONFIG1, 0xD6, 0x96)
    assert bus.messages[-1].tx[0] == RDATAC


def test_one_spoiled_answer_is_no_finding(running):
    bus, driver = running()
    answer = bus.answer
    spoiled = [True]

    def once(select, tx):
        out = bytearray(answer(select, tx))
        if tx[0] == 0x20 and spoiled:
            spoiled.pop()
            out[7] ^= 0x40
        return bytes(out)
    bus.answer = once
    assert driver.check() == 0
    assert driver.step == "none"


@pytest.mark.parametrize("level", [0x00, 0xFF])
def test_f11_a_bus_that_is_stuck_at_the_check_is_no_reset_chip(running, level):
    bus, driver = running()
    bus.chips[0].stuck = level
    assert driver.check() == ds.DEVICE_IO
    assert (driver.step, driver.report.seen, driver.report.error) == ("check", level, 0)


def test_check_reports_a_dead_bus(running):
    bus, driver = running()
    bus.errors = dict.fromkeys(range(50), errno.EIO)
    assert driver.check() == ds.DEVICE_IO
    assert (driver.step, driver.report.error) == ("check", errno.EIO)


# wire time

@pytest.mark.parametrize(("chains", "hz", "n_bytes"), [
    ((1,), 4e6, 27), ((1, 1), 4e6, 54), ((2,), 4e6, 55), ((4,), 20e6, 109), ((1, 1, 1, 1), 14285714, 108)])
def test_wire_time(library, chains, hz, n_bytes):
    config = ds.config_of(chains, spi_hz=int(hz))
    assert library.ec_ads1299_wire_ns(config) == -(-n_bytes * 8_000_000_000 // int(hz))


# unpacking

def stream(frames, gaps):
    """Oracle: the bits of the frames one after the other as an array, gaps between them."""
    bits = [np.unpackbits(np.frombuffer(frames[0], np.uint8))]
    for frame, gap in zip(frames[1:], gaps, strict=True):
        bits += [np.array(gap, np.uint8), np.unpackbits(np.frombuffer(frame, np.uint8))]
    return np.packbits(np.concatenate(bits)).tobytes()


def frames_strategy():
    return st.lists(st.sampled_from([4, 6, 8]).flatmap(lambda n: st.binary(min_size=3 + 3 * n, max_size=3 + 3 * n)),
                    min_size=1, max_size=4)


def unpack(library, data, lengths, gap):
    out = ((ctypes.c_uint8 * 27) * len(lengths))()
    n_channels = (ctypes.c_uint8 * len(lengths))(*((n - 3) // 3 for n in lengths))
    assert len(data) == library.layout_chain_bytes(n_channels, len(lengths), gap)
    library.layout_unpack(ctypes.create_string_buffer(data, len(data)), n_channels, len(lengths), gap, out)
    return [bytes(row)[:n] for row, n in zip(out, lengths, strict=True)]


@given(frames=frames_strategy(), gap=st.sampled_from([0, 1]), fill=st.lists(st.integers(0, 1), min_size=3, max_size=3))
def test_chains_are_unpacked_whatever_they_carry(library, frames, gap, fill):
    gaps = [[fill[i]] * gap for i in range(len(frames) - 1)]
    assert unpack(library, stream(frames, gaps), [len(frame) for frame in frames], gap) == frames


@given(frames=frames_strategy().filter(lambda f: len(f) > 1), gap=st.sampled_from([0, 1]),
       fill=st.lists(st.integers(0, 1), min_size=3, max_size=3))
def test_the_gap_is_never_mistaken(library, frames, gap, fill):
    good = [bytes([0xC0 | frame[0] & 0x0F]) + frame[1:] for frame in frames]
    data = stream(good, [[fill[i]] * gap for i in range(len(good) - 1)]).ljust(120, b"\0")
    n_channels = (ctypes.c_uint8 * len(good))(*((len(frame) - 3) // 3 for frame in good))
    assert library.layout_find_gap(ctypes.create_string_buffer(data, len(data)), n_channels, len(good)) == gap


@pytest.mark.parametrize(("n_chips", "gap", "n_bytes"), [
    (1, 0, 27), (1, 1, 27), (2, 0, 54), (2, 1, 55), (3, 0, 81), (3, 1, 82), (4, 0, 108), (4, 1, 109)])
def test_bytes_of_a_chain_are_those_of_the_reference(library, n_chips, gap, n_bytes):
    assert library.layout_chain_bytes((ctypes.c_uint8 * 4)(*[8] * 4), n_chips, gap) == n_bytes


def test_chain_frames_carry_every_bit(running):
    bus, driver = running((3,), gap_bits=1)
    rng = np.random.default_rng(3)
    for _ in range(20):
        sent = [bytes([0xC0 | int(rng.integers(16)), *rng.integers(0, 256, 26, dtype=np.uint8).tolist()])
                for _ in range(3)]
        bus.frame_of = lambda i, sent=sent: sent[i]
        assert driver.read() == 0
        assert [driver.frame(chip) for chip in range(3)] == sent

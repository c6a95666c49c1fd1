"""Daisy chains (data sheet 10.1.4.2): nearest chip first, one set of registers, bits across byte borders."""

import numpy as np
import pytest
from emulator_driver import NOP, RDATA, SDATAC, Emulator, decode


def bits_of(data):
    return "".join(f"{byte:08b}" for byte in data)


@pytest.mark.parametrize("gap_bits", [0, 1])
@pytest.mark.parametrize("channels", [(8, 8), (8, 8, 8, 8), (4, 8, 6)])
def test_b_30_frames_come_nearest_first(emulator, channels, gap_bits):
    widths = [3 + 3 * n for n in channels]
    rng = np.random.default_rng(1)
    data = rng.integers(0, 256, (40, sum(widths)), np.uint8)
    data[:, np.cumsum([0, *widths[:-1]])] = 0xC0
    one = emulator(channels=channels, chain=True, gap_bits=gap_bits, file=data.tobytes()).begin(daisy=True)
    frames, _ = one.collect(40)
    for got, row in zip(frames, data, strict=True):
        wanted = ("0" * gap_bits).join(bits_of(part) for part in np.split(row, np.cumsum(widths)[:-1]))
        assert bits_of(got)[:len(wanted)] == wanted
        assert set(bits_of(got)[len(wanted):]) <= {"0"}
    truth = one.truth()
    assert (truth.conversions, truth.clean) == (40, 40)


def test_b_30_rdata_holds_all_chips(emulator):
    data = np.full((5, 54), 0xC1, np.uint8)
    one = emulator(channels=(8, 8), chain=True, file=data.tobytes()).begin(daisy=True)
    one.command(SDATAC)
    one.wait()
    assert one.transfer([RDATA] + [NOP] * 54)[1:] == b"\xC1" * 54
    assert one.truth().clean == 1


def test_b_30_all_chips_get_the_same_registers_and_the_nearest_answers(emulator):
    one = emulator(channels=(8, 8), chain=True, id=[0x3E, 0x92], signal="test", noise_scale=0.0)
    one.command(SDATAC)
    assert one.rreg(0)[0] == 0x3E
    assert one.transfer([0x20, 0x00] + [NOP] * 60)[3:] == bytes(59)
    counts = one.begin(gain=[1, 2, 4, 6, 8, 12, 24, 24], daisy=True).counts(3)
    assert (counts[:, :8] == counts[:, 8:]).all()


def test_b_30_with_daisy_en_set_the_far_chips_are_unseen(emulator):
    data = np.repeat(np.array([[0xC1] * 27 + [0xC2] * 27], np.uint8), 10, axis=0)
    one = emulator(channels=(8, 8), chain=True, file=data.tobytes()).begin(daisy=False)
    one.wait()
    assert one.read() == b"\xC1" * 54


@pytest.mark.parametrize("spoiled_chip", [0, 1, 2])
def test_b_30_one_bad_prefix_spoils_the_frame(emulator, spoiled_chip):
    one = emulator(channels=(8, 8, 8), chain=True, gap_bits=1,
                   faults=[("bad_status", {"at": 2, "chip": spoiled_chip})]).begin(daisy=True)
    one.collect(5)
    assert (one.truth().clean, one.truth().spoiled) == (4, 1)


def test_b_30_an_edge_tears_the_chain(emulator):
    counts = np.repeat(np.arange(1, 101, dtype=np.int32)[:, None], 16, axis=1)
    one = emulator(channels=(8, 8), chain=True, file=counts).begin(daisy=True, sps=2000)
    edge = one.wait()[0]
    one.sleep_until(edge.t_ns + 500_000 - 30_000)
    frame = np.frombuffer(one.read(), np.uint8)[None]                      # 54 us
    assert (decode(frame[:, :27]) == 1).all()
    assert decode(frame[:, 27:])[0, -1] == 2
    assert one.truth().torn == 1


def test_b_30_a_chain_gives_what_the_chips_give_one_by_one(library):
    made = [Emulator(library, channels=(8, 8), chain=chain, seed=9).begin(sps=500, daisy=True)
            for chain in (False, True)]
    assert (made[0].counts(200) == made[1].counts(200)).all()
    for one in made:
        one.close()

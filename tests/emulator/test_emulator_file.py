"""Recorded bytes and counts through the emulated wire, unchanged."""

import hashlib
import lzma

import numpy as np
import pytest
from emulator_driver import ENODATA, decode

SPI_SHA256 = "f5561a418ec89f9a8930806c5c9c9b3f91267cc3fb0d75fd7581416b5ddd9c09"


@pytest.fixture(scope="module")
def recorded(shared_data):
    """19 250 frames of 27 bytes from a PiEEG."""
    return lzma.decompress((shared_data / "pieeg_spi_frames_77s.bin.xz").read_bytes())


@pytest.mark.parametrize("want", [1, 16, 64])
def test_recorded_spi_frames_come_out_byte_for_byte(emulator, recorded, want):
    frames, _ = emulator(file=recorded).begin().collect(20000, want)
    assert len(frames) == 19250
    assert hashlib.sha256(frames.tobytes()).hexdigest() == SPI_SHA256


def test_recorded_spi_frames_decode_to_the_published_microvolts(emulator, recorded, shared_data):
    text = lzma.decompress((shared_data / "pieeg_spi_frames_77s.published_uV.csv.xz").read_bytes()).decode()
    published = np.array([line.split(",") for line in text.splitlines()[1:]], float)
    counts = emulator(file=recorded).begin().counts(20000)
    assert counts.shape == (19250, 8)
    assert (counts == np.rint(published / (4.5e6 / 16777215))).all()


def test_frames_of_several_chips_lie_side_by_side_in_a_file(emulator):
    rng = np.random.default_rng(2)
    data = rng.integers(0, 256, (50, 27 + 15 + 21), np.uint8)
    one = emulator(channels=(8, 4, 6), file=data.tobytes()).begin()
    frames, _ = one.collect(60)
    assert (frames == data).all()
    good = (data[:, [0, 27, 42]] >> 4 == 0xC).all(axis=1).sum()
    assert (one.truth().clean, one.truth().spoiled) == (good, 50 - good)


def test_counts_come_out_as_counts_with_an_idle_status_word(emulator):
    rng = np.random.default_rng(3)
    counts = rng.integers(-2**23, 2**23, (100, 14), np.int32)
    counts[:4] = np.array([[-2**23], [2**23 - 1], [-1], [0]])
    one = emulator(channels=(8, 6), file=counts).begin()
    frames, _ = one.collect(200)
    assert (frames[:, :3] == [0xC0, 0, 0]).all()
    assert (frames[:, 27:30] == [0xC0, 0, 0]).all()
    assert (decode(frames[:, :27]) == counts[:, :8]).all()
    assert (decode(frames[:, 27:]) == counts[:, 8:]).all()


def test_counts_beyond_24_bits_are_clipped(emulator):
    counts = np.array([[2**23, -2**23 - 1, 2**31 - 1, -2**31]], np.int32)
    assert emulator(channels=(4,), file=counts).begin().counts(1).tolist() == [
        [2**23 - 1, -2**23, 2**23 - 1, -2**23]]


def test_the_end_of_a_file_is_told_once_everything_is_reported(emulator):
    one = emulator(file=bytes(range(27)) * 3).begin()
    for _ in range(3):
        assert len(one.wait()) == 1
    assert one.wait() == ENODATA
    assert one.read() == bytes(range(27))


def test_loop_begins_again_at_the_first_frame(emulator):
    counts = np.arange(56, dtype=np.int32).reshape(7, 8)
    assert (emulator(file=counts, loop=1).begin().counts(100) == np.resize(counts, (100, 8))).all()
    assert len(emulator(file=counts, loop=1, n_frames_max=30).begin().counts(100)) == 30
    assert len(emulator(file=counts, n_frames_max=5).begin().counts(100)) == 5


def test_a_file_goes_on_behind_a_restart(emulator):
    counts = np.repeat(np.arange(1, 401, dtype=np.int32)[:, None], 16, axis=1)
    one = emulator(channels=(8, 8), file=counts).begin()
    assert (one.counts(10) == counts[:10]).all()
    one.stop()
    one.sleep(10_000_000)
    one.poll()                                                              # conversion 11 ended unread
    one.start()
    assert (one.counts(5) == counts[11:16]).all()

"""Recorded bytes and counts through the emulated wire, unchanged."""

import hashlib
import lzma

import numpy as np
import pytest
from emulator_driver import END_OF_DATA, decode

SPI_SHA256 = "f5561a418ec89f9a8930806c5c9c9b3f91267cc3fb0d75fd7581416b5ddd9c09"


@pytest.fixture(scope="module")
def recorded(shared_data):
    """19 250 frames of 27 bytes from a PiEEG."""
    return lzma.decompress((shared_data / "pieeg_spi_frames_77s.bin.xz").read_bytes())


@pytest.mark.parametrize("want", [1, 16, 64])
def test_recorded_spi_frames_come_out_byte_for_byte(emulator, recorded, want):
    frames, _ = emulator(signal="file", file=recorded).collect(20000, want)
    assert len(frames) == 19250
    assert hashlib.sha256(frames.tobytes()).hexdigest() == SPI_SHA256


def test_recorded_spi_frames_decode_to_the_published_microvolts(emulator, recorded, shared_data):
    text = lzma.decompress((shared_data / "pieeg_spi_frames_77s.published_uV.csv.xz").read_bytes()).decode()
    published = np.array([line.split(",") for line in text.splitlines()[1:]], float)
    counts = emulator(signal="file", file=recorded).counts(20000)
    assert counts.shape == (19250, 8)
    assert (counts == np.rint(published / (4.5e6 / 16777215))).all()


def test_frames_of_several_chips_lie_side_by_side_in_a_file(emulator):
    rng = np.random.default_rng(2)
    data = rng.integers(0, 256, (50, 27 + 15 + 21), np.uint8)
    frames, _ = emulator(channels=(8, 4, 6), signal="file", file=data.tobytes()).collect(60)
    assert (frames == data).all()


def test_counts_come_out_as_counts_with_an_idle_status_word(emulator):
    rng = np.random.default_rng(3)
    counts = rng.integers(-2**23, 2**23, (100, 14), np.int32)
    counts[:4] = np.array([[-2**23], [2**23 - 1], [-1], [0]])
    one = emulator(channels=(8, 6), signal="file", file=counts)
    frames, _ = one.collect(200)
    assert (frames[:, :3] == [0xC0, 0, 0]).all()
    assert (frames[:, 27:30] == [0xC0, 0, 0]).all()
    assert (decode(frames[:, :27]) == counts[:, :8]).all()
    assert (decode(frames[:, 27:]) == counts[:, 8:]).all()


def test_counts_beyond_24_bits_are_clipped(emulator):
    counts = np.array([[2**23, -2**23 - 1, 2**31 - 1, -2**31]], np.int32)
    assert emulator(channels=(4,), signal="file", file=counts).counts(1).tolist() == [
        [2**23 - 1, -2**23, 2**23 - 1, -2**23]]


def test_the_end_of_a_file_is_told_once_everything_is_reported(emulator):
    one = emulator(signal="file", file=bytes(range(27)) * 3)
    assert [seqno for seqno, _ in one.wait(want=64)] == [1, 2, 3]
    assert one.wait() == END_OF_DATA
    assert [one.read()[0] for _ in range(3)] == [bytes(range(27))] * 3
    assert one.stop() == 3
    assert one.truth().clean == 3


def test_loop_begins_again_at_the_first_frame(emulator):
    counts = np.arange(56, dtype=np.int32).reshape(7, 8)
    assert (emulator(signal="file", file=counts, loop=1).counts(100) == np.resize(counts, (100, 8))).all()
    assert len(emulator(signal="file", file=counts, loop=1, n_frames_max=30).counts(100)) == 30
    assert len(emulator(signal="file", file=counts, n_frames_max=5).counts(100)) == 5

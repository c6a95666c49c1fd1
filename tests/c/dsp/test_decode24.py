"""24-bit frames to counts and back, against plain Python and a real recording."""

import lzma

import numpy as np
import pytest
from dsp_library import at
from hypothesis import given
from hypothesis import strategies as st

OK, BAD_STATUS_WORD = 0, -11
counts24 = st.integers(-0x800000, 0x7FFFFF)


def plain_decode(frame: bytes) -> list[int]:
    return [int.from_bytes(frame[i:i + 3], "big", signed=True) for i in range(3, len(frame), 3)]


def decode(dsp, frame: bytes) -> tuple[int, list[int], int]:
    n_channels = len(frame) // 3 - 1
    raw, out, word = np.frombuffer(frame, np.uint8).copy(), np.full(n_channels, 77, np.int32), np.zeros(1, np.uint32)
    status = dsp.ec_decode_frame(at(raw), n_channels, at(out), at(word))
    return status, out.tolist(), int(word[0])


@given(low=st.integers(0, 0xFFFFF), counts=st.lists(counts24, min_size=1, max_size=32))
def test_9_4_4_2_a_frame_is_a_status_word_and_big_endian_counts(dsp, low, counts):
    frame = (0xC00000 | low).to_bytes(3, "big") + b"".join(v.to_bytes(3, "big", signed=True) for v in counts)
    assert decode(dsp, frame) == (OK, counts, 0xC00000 | low)
    assert plain_decode(frame) == counts


@given(first=st.integers(0, 255).filter(lambda v: v & 0xF0 != 0xC0), rest=st.binary(min_size=26, max_size=26))
def test_9_4_4_2_a_status_word_without_1100_leaves_the_counts_alone(dsp, first, rest):
    frame = bytes([first]) + rest
    assert decode(dsp, frame) == (BAD_STATUS_WORD, [77] * 8, int.from_bytes(frame[:3], "big"))


def test_the_status_word_may_be_unwanted(dsp):
    raw, out = np.array([0xC0, 0, 0, 0xFF, 0xFF, 0xFE], np.uint8), np.zeros(1, np.int32)
    assert dsp.ec_decode_frame(at(raw), 1, at(out), None) == OK
    assert out[0] == -2


@given(counts=st.lists(st.integers(-2**31, 2**31 - 1), min_size=1, max_size=16), low=st.integers(0, 0xFFFFF))
def test_encoding_clips_to_full_scale_and_decoding_undoes_it(dsp, counts, low):
    values, frame = np.array(counts, np.int32), np.zeros(3 + 3 * len(counts), np.uint8)
    dsp.ec_encode24(at(frame), 0xC00000 | low, at(values), len(counts))
    clipped = np.clip(values, -0x800000, 0x7FFFFF).tolist()
    assert decode(dsp, frame.tobytes()) == (OK, clipped, 0xC00000 | low)


@pytest.mark.parametrize("per_chip", [4, 6, 8])
def test_the_frames_of_three_chips_share_wide_frames_and_bad_ones_leave_holes(dsp, per_chip):
    rng = np.random.default_rng(per_chip)
    n_frames, n_bytes, width = 50, 3 + 3 * per_chip, 3 * per_chip
    wide = np.full((n_frames, width), -5, np.int32)
    want = wide.copy()
    for chip in range(3):
        frames = rng.integers(0, 256, (n_frames, n_bytes + 5), np.uint8)       # five bytes between frames
        frames[:, 0] = 0xC0 | frames[:, 0] & 0x0F
        bad = rng.choice(n_frames, 4, replace=False)
        frames[bad, 0] ^= 0x40
        words, good = np.zeros(n_frames, np.uint32), np.full(n_frames, 9, np.uint8)
        n_good = dsp.ec_decode_frames(at(frames), n_bytes + 5, n_frames, per_chip, at(wide) + 4 * chip * per_chip,
                                      width, at(words), at(good))
        assert n_good == n_frames - 4
        assert sorted(np.flatnonzero(good == 0)) == sorted(bad)
        assert words.tolist() == [int.from_bytes(f[:3].tobytes(), "big") for f in frames]
        for i in np.flatnonzero(good):
            want[i, chip * per_chip:(chip + 1) * per_chip] = plain_decode(frames[i, :n_bytes].tobytes())
    assert (wide == want).all()


def test_a_recording_of_a_real_chip_decodes_to_its_published_counts(dsp, shared_data):
    raw = np.frombuffer(lzma.decompress((shared_data / "pieeg_spi_frames_77s.bin.xz").read_bytes()), np.uint8).copy()
    text = lzma.decompress((shared_data / "pieeg_spi_frames_77s.published_uV.csv.xz").read_bytes()).decode()
    published = np.loadtxt(text.splitlines()[1:], delimiter=",")
    counts, words = np.zeros((19_250, 8), np.int32), np.zeros(19_250, np.uint32)
    assert dsp.ec_decode_frames(at(raw), 27, 19_250, 8, at(counts), 8, at(words), None) == 19_250
    assert (words == 0xC00008).all()
    assert counts[0].tolist() == [128831, 179856, 119641, 253614, 207047, 264358, 213889, 215803]
    assert counts[-1].tolist() == [138652, 195938, 114334, 264744, 218559, 276489, 219896, 230568]
    assert (np.abs(counts * (1e6 * 4.5 / 16777215) - published) < 0.00501).all()


@given(n_channels=st.integers(1, 256), hits=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 255), st.booleans())))
def test_channels_at_full_scale_are_marked(dsp, dsp_baseline, n_channels, hits):
    counts = np.random.default_rng(0).integers(-0x7FFFFF, 0x7FFFFE, (10, n_channels), np.int32, endpoint=True)
    channels = {c for _, c, _ in hits if c < n_channels}
    for f, c, high in hits:
        if c < n_channels:
            counts[f, c] = 0x7FFFFF if high else -0x800000
    for library in (dsp, dsp_baseline):
        mask = np.zeros(4, np.uint64)
        assert library.ec_saturated_mask(at(counts), 10, n_channels, at(mask)) == bool(channels)
        bits = int.from_bytes(mask.tobytes(), "little")
        assert {c for c in range(256) if bits >> c & 1} == channels


def test_the_mask_keeps_what_was_marked_before(dsp):
    counts, mask = np.array([[0, 0x7FFFFF]], np.int32), np.array([5, 0, 0, 1], np.uint64)
    assert dsp.ec_saturated_mask(at(counts), 1, 2, at(mask)) == 1
    assert mask.tolist() == [7, 0, 0, 1]

"""`fft` against scipy.signal.welch: every setting, any cut of the frames, gaps, flags and live changes."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import scipy.signal
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from stage_bench import Bench, cuts_of

SPS = 250.0
# A float32 is within 6e-8 of what it stands for; the transform in double adds 1e-9 and, where a bin is nothing beside
# the largest of its channel, rounding in proportion to that.
RELATIVE = 6.1e-8
BESIDE_LARGEST = 1e-13
GAP, SATURATED, LEAD_OFF, SETTLING, BLINK = 1, 2, 4, 8, 512
BENCH = Bench()


def noise(n_frames: int, n_channels: int, seed: int = 0) -> NDArray[np.float32]:
    rng = np.random.default_rng([n_frames, n_channels, seed])
    slow = np.cumsum(rng.normal(0, 1, (n_frames, n_channels)), axis=0)
    return (rng.normal(0, 20, (n_frames, n_channels)) + slow + rng.normal(0, 1e4, n_channels)).astype(np.float32)


def fft(n: int, **settings: Any) -> list[dict[str, Any]]:
    return [{"fft": {"window_s": n / SPS, **settings}}]


def columns_of_welch(x: NDArray[Any], n: int, hop: int, average: int = 1, window: Any = "hann",
                     detrend: str = "constant", average_by: str = "mean", scale: str = "density",
                     **_: Any) -> NDArray[np.float64]:
    """scipy.signal.welch of every stretch that ends with a whole window, shape (n_columns, n_bins, n_channels)."""
    span = n + (average - 1) * hop
    columns = [scipy.signal.welch(x[at:at + span].astype(float), SPS, window, nperseg=n, noverlap=n - hop, axis=0,
                                  detrend=False if detrend == "none" else detrend, average=average_by,
                                  scaling=scale)[1] for at in range(0, len(x) - span + 1, hop)]
    return np.array(columns).reshape(len(columns), n // 2 + 1, x.shape[1])


def assert_equal_to_scipy(got: NDArray[np.float32], want: NDArray[np.float64]) -> None:
    assert got.shape == want.shape
    largest = want.max(axis=1, keepdims=True)
    assert (np.abs(got - want) <= RELATIVE * want + BESIDE_LARGEST * largest).all()


@given(n=st.integers(8, 600), overlap=st.sampled_from([0.0, 0.25, 0.5, 0.75, 0.9]), average=st.integers(1, 9),
       average_by=st.sampled_from(["mean", "median"]), detrend=st.sampled_from(["constant", "linear", "none"]),
       scale=st.sampled_from(["density", "spectrum"]), n_channels=st.integers(1, 40),
       window=st.sampled_from(["hann", "hamming", "blackman", "blackmanharris", "flattop", "kaiser", "rectangular"]),
       seed=st.integers(0, 1000))
def test_a_column_is_what_welch_gives(n, overlap, average, average_by, detrend, scale, n_channels, window, seed):
    hop = max(1, round(n * (1 - overlap)))
    x = noise(n + (average + 1) * hop + seed % hop, n_channels, seed)
    more = {"kaiser_beta": 0.01 * seed + 1} if window == "kaiser" else {}
    given_window = {"rectangular": "boxcar", "kaiser": ("kaiser", 0.01 * seed + 1)}.get(window, window)
    settings = {"average": average, "average_by": average_by, "detrend": detrend, "scale": scale}
    made = BENCH.run(fft(n, overlap=overlap, window=window, **settings, **more), x, SPS,
                     cuts_of(np.random.default_rng(seed), len(x), seed % 30))
    assert_equal_to_scipy(made.values, columns_of_welch(x, n, hop, window=given_window, **settings))


@pytest.mark.parametrize("n_channels", range(1, 41))
def test_every_number_of_channels(bench: Bench, n_channels: int) -> None:
    x = noise(700, n_channels)
    assert_equal_to_scipy(bench.run(fft(211, average=2), x, SPS).values, columns_of_welch(x, 211, 106, 2))


@pytest.mark.parametrize("n", [8, 9, 127, 128, 1009, 2017])
def test_decibels_are_those_of_the_mean(bench: Bench, n: int) -> None:
    x = noise(3 * n, 5)
    got = bench.run(fft(n, unit="dB", average=3), x, SPS).values
    want = 10 * np.log10(columns_of_welch(x, n, round(n / 2), 3))
    assert np.abs(got - want)[:, 1:].max() <= 4e-6            # half an ulp of a float32 below 64 dB
    flat = bench.run(fft(n, unit="dB"), np.full((n, 1), 7, np.float32), SPS).values
    assert np.isneginf(flat).all()                            # as NumPy has it


@pytest.mark.parametrize(("low", "high", "kept"), [(None, None, 251), (5, 30, 51), (0, 0.1, 1), (124.9, None, 1),
                                                   (7.75, 8.25, 1)])
def test_a_range_of_bins_is_a_range_of_the_spectrum(bench: Bench, low, high, kept) -> None:
    x = noise(1000, 3)
    whole = bench.run(fft(500), x, SPS).values
    part = bench.run(fft(500, min_hz=low, max_hz=high), x, SPS)
    axis = np.arange(251) * SPS / 500
    chosen = (axis >= (low or 0)) & (axis <= (high or np.inf))
    assert chosen.sum() == kept
    assert part.values.tobytes() == whole[:, chosen].tobytes()


@given(overlap=st.sampled_from([0.0, 0.5, 0.9, 0.99]), average=st.integers(1, 4), seed=st.integers(0, 10_000))
def test_no_cut_of_the_frames_changes_a_bit_or_a_flag(overlap, average, seed):
    rng = np.random.default_rng(seed)
    x = noise(900, 3, seed)
    marks = {int(at): (int(rng.choice([SATURATED, LEAD_OFF, BLINK, SETTLING, 16, 32])), int(rng.integers(1, 8)))
             for at in rng.integers(0, 900, 12)}
    gaps = {int(at): int(rng.integers(1, 50)) for at in rng.integers(300, 900, seed % 3)}

    def run(n_cuts: int) -> list[Any]:
        probe, _ = BENCH.probe(fft(100, overlap=overlap, average=average), x, SPS)
        edges = sorted({0, 900, *marks, *(at + 1 for at in marks), *gaps, *range(0, 900, 64),
                        *cuts_of(rng, 900, n_cuts)} - {901})
        columns: list[Any] = []
        lost = answered = 0
        for begin, end in pairwise(edges):
            flag, mask = marks.get(begin, (0, 0))
            lost += gaps.get(begin, 0)
            packets = probe.push(x[begin:end], frame_index=begin + lost, flags=flag | (GAP if begin in gaps else 0),
                                 saturated=mask * (flag == SATURATED), lead_off=mask * (flag == LEAD_OFF),
                                 blink=mask * (flag == BLINK))
            for packet in packets:
                answered += packet["device_frames"]
                hop = max(1, round(100 * (1 - overlap)))
                columns += [(packet["frame_index"] + i * hop, packet["flags"] & ~(GAP if i else 0),
                             packet["saturated"], packet["lead_off"], packet["blink"], packet["values"][i].tobytes())
                            for i in range(packet["n_frames"])]
        assert answered <= 900                    # a gap holds back what no column covers
        return columns

    assert run(0) == run(60)


def test_a_column_has_the_flags_of_all_its_frames(bench: Bench) -> None:
    x = noise(1000, 2)
    probe, _ = bench.probe(fft(100, overlap=0.5, average=3), x, SPS, batch=50)
    flags = []
    for begin in range(0, 1000, 50):
        marked = {"flags": SATURATED | BLINK, "saturated": 2, "blink": 1} if begin == 300 else {}
        flags += [(p["frame_index"], p["flags"], p["saturated"], p["blink"]) for p in probe.push(x[begin:begin + 50],
                                                                                                **marked)]
    # windows of a column reach 200 frames back: 349 is in the columns that end at 349, 399, 449 and 499
    marked_at = [at for at, *found in flags if found == [SATURATED | BLINK, 2, 1]]
    assert marked_at == [349, 399, 449, 499]
    assert all(found == [0, 0, 0] for at, *found in flags if at not in marked_at)


def test_a_column_is_the_frame_and_the_time_of_its_last_sample(bench: Bench) -> None:
    x = noise(2000, 1)
    packets = bench.run(fft(500, overlap=0.75, average=2), x, SPS, batch=64).packets
    assert [packet["frame_index"] for packet in packets] == list(range(624, 2000, 125))
    assert [packet["t_ns"] for packet in packets] == [index * 4_000_000 for index in range(624, 2000, 125)]
    many = bench.run(fft(100, overlap=0.99), x, SPS, batch=64).packets
    assert [packet["frame_index"] for packet in many][:3] == [99, 128, 192]       # a column per frame, 64 a packet


def test_a_gap_begins_afresh_and_says_so_once(bench: Bench) -> None:
    x = noise(1200, 4)
    probe, _ = bench.probe(fft(100, average=2), x, SPS, batch=50)
    before = [p for begin in range(0, 600, 50) for p in probe.push(x[begin:begin + 50])]
    after = [p for k, begin in enumerate(range(600, 1200, 50))
             for p in probe.push(x[begin:begin + 50], flags=0 if k else GAP, frame_index=begin + 77)]
    assert [p["flags"] for p in before] == [0] * 10
    assert [p["flags"] for p in after] == [GAP] + [0] * 9
    assert after[0]["frame_index"] == 600 + 77 + 149
    assert_equal_to_scipy(np.concatenate([p["values"] for p in after]), columns_of_welch(x[600:], 100, 50, 2))


@pytest.mark.parametrize("bad", [np.nan, np.inf, 3e38])
def test_a_spoilt_sample_stays_in_its_channel_and_its_windows(bench: Bench, bad: float) -> None:
    x = noise(1500, 11)
    clean = bench.run(fft(100, average=2), x, SPS)
    x[700, 4] = bad
    spoilt = bench.run(fft(100, average=2), x, SPS)
    others = np.arange(11) != 4
    assert spoilt.values[:, :, others].tobytes() == clean.values[:, :, others].tobytes()
    ends = 149 + 50 * np.arange(len(clean.values))
    touched = (ends >= 700) & (ends < 700 + 150)
    assert spoilt.values[~touched].tobytes() == clean.values[~touched].tobytes()
    assert (spoilt.values[touched][:, 3:, 4] != clean.values[touched][:, 3:, 4]).all()
    if np.isnan(bad):
        assert (spoilt.values[touched][:, :, 4].copy().view(np.uint32) == 0x7FC00000).all()       # the one quiet NaN


def test_device_frames_add_up(bench: Bench) -> None:
    x = noise(5003, 2)
    made = bench.run(fft(100, overlap=0.9, average=2), x, SPS, [17, 403, 404, 4999])
    last = made.packets[-1]
    assert 5003 - 10 - 64 < made.device_frames <= 5003
    assert made.device_frames >= last["frame_index"] + 1


# -- live changes --------------------------------------------------------------------------------------

def changed(bench: Bench, x: NDArray[np.float32], before: dict[str, Any], after: dict[str, Any],
            at: int) -> tuple[list[Any], list[Any]]:
    """Packets before and after a change behind frame `at`."""
    old, _ = bench.probe([{"fft": before}], x, SPS, batch=50)
    first = [p for begin in range(0, at, 50) for p in old.push(x[begin:min(begin + 50, at)])]
    new, _ = bench.probe([{"fft": after}], x, SPS, batch=50)
    assert new.take_over(old) == 0
    rest = [p for begin in range(at, len(x), 50) for p in new.push(x[begin:begin + 50])]
    return first, rest


@pytest.mark.parametrize("at", [37, 333, 500, 777])
@pytest.mark.parametrize(("after", "kind"), [
    ({"window": "flattop"}, {"window": "flattop"}), ({"detrend": "linear"}, {"detrend": "linear"}),
    ({"scale": "spectrum"}, {"scale": "spectrum"}), ({"window": "kaiser", "kaiser_beta": 5.0},
                                                     {"window": ("kaiser", 5.0)})])
def test_another_kind_of_spectrum_goes_on_with_the_frames_there_are(bench: Bench, at, after, kind) -> None:
    x = noise(1500, 9)
    first, rest = changed(bench, x, {"window_s": 0.4}, {"window_s": 0.4, **after}, at)
    ends = [p["frame_index"] for p in first + rest]
    assert ends == list(range(99, 1500, 50))                                      # the beat of the columns goes on
    got = np.concatenate([p["values"] for p in rest])
    assert_equal_to_scipy(got, columns_of_welch(x, 100, 50, **kind)[len(first):])
    assert all(p["flags"] == 0 for p in rest)


def test_a_new_average_settles_while_columns_go_on(bench: Bench) -> None:
    x = noise(1500, 3)
    first, rest = changed(bench, x, {"window_s": 0.4, "average": 4}, {"window_s": 0.4, "average": 4,
                                                                    "window": "blackman"}, 600)
    assert [p["frame_index"] for p in first + rest] == list(range(249, 1500, 50))
    assert [p["flags"] for p in rest] == [SETTLING] * 3 + [0] * (len(rest) - 3)
    full = columns_of_welch(x, 100, 50, 4, "blackman")[len(first):]
    assert_equal_to_scipy(np.concatenate([p["values"] for p in rest[3:]]), full[3:])
    lone = columns_of_welch(x[549 + 1:], 100, 50, 1, "blackman")[0]               # the first column is one window
    assert_equal_to_scipy(rest[0]["values"], lone[None])


@pytest.mark.parametrize(("before", "after"), [(5, 2), (2, 5), (3, 3)])
def test_an_average_keeps_the_spectra_it_has(bench: Bench, before: int, after: int) -> None:
    x = noise(1500, 3)
    _, rest = changed(bench, x, {"window_s": 0.4, "average": before},
                      {"window_s": 0.4, "average": after, "average_by": "median"}, 620)
    full = columns_of_welch(x, 100, 50, after, average_by="median")
    got = np.concatenate([p["values"] for p in rest])
    early = sum(p["flags"] == SETTLING for p in rest)
    assert early == max(0, after - before - 1)
    assert_equal_to_scipy(got[early:], full[-len(got) + early:])
    assert [p["frame_index"] for p in rest] == list(range(649, 1500, 50))


@pytest.mark.parametrize(("n_before", "n_after"), [(100, 60), (60, 100), (101, 100)])
def test_another_length_keeps_the_newest_frames(bench: Bench, n_before: int, n_after: int) -> None:
    x = noise(1500, 2)
    _, rest = changed(bench, x, {"window_s": n_before / SPS}, {"window_s": n_after / SPS}, 633)
    for packet in rest:
        for i, column in enumerate(packet["values"]):
            end = packet["frame_index"] + 1 + i * (n_after // 2)
            assert_equal_to_scipy(column[None], columns_of_welch(x[end - n_after:end], n_after, n_after))
    assert rest[0]["frame_index"] + 1 <= 633 + max(n_after // 2, n_after - n_before)

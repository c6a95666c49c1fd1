"""The detectors on recordings of boards and people, with the settings they have by themselves.

Truth is looked up without them: deflections of 100 uV or more behind a zero-phase filter, the shares of samples on a
rail that the data's own page states, the stretches it names.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import signal
from stage_bench import Bench

from eegcore.devices.recording_files import read_recording

SPS = 250.0
WARM_S = 3.0                                   # filters have settled, medians have been learnt
QUIET_S = [(18.0, 28.0), (38.0, 48.0)]


class Recorded:
    """One recording: its samples in uV, and what detectors mark in them."""

    def __init__(self, path: Path, bench: Bench, *, scale: float = 1.0) -> None:
        self.bench = bench
        values = np.asarray(read_recording(str(path), sps=SPS).values[:, :8], dtype=np.float64)
        self.x = np.ascontiguousarray(values * scale, dtype=np.float32)

    def marks(self, stage: dict[str, Any]) -> NDArray[np.bool_]:
        """Return what a stage marks, shape (n_frames, n_channels)."""
        name = next(iter(stage))
        made = self.bench.run([stage], self.x, SPS)
        assert made.values.tobytes() == self.x.tobytes()
        masks = made.per_frame("saturated" if name == "saturation" else name)
        return np.array([[mask >> c & 1 for c in range(self.x.shape[1])] for mask in masks], bool)


def part(marks: NDArray[np.bool_], begin_s: float, end_s: float) -> NDArray[np.bool_]:
    return marks[round(begin_s * SPS):round(end_s * SPS)]


def deflections(x: NDArray[np.float32], begin_s: float, end_s: float) -> list[int]:
    """Return the frames of peaks of 100 uV and more, 0.5..15 Hz, forwards and backwards."""
    sos = signal.butter(2, [0.5, 15], "bandpass", fs=SPS, output="sos")
    y = signal.sosfiltfilt(sos, x.astype(float) - float(x[0]))
    peaks, _ = signal.find_peaks(np.abs(y), height=100, prominence=80, distance=round(0.15 * SPS))
    return [int(peak) for peak in peaks if begin_s * SPS <= peak < end_s * SPS]


def hits(marks: NDArray[np.bool_], peaks: list[int]) -> int:
    """Return how many peaks are marked between 0.1 s before and 0.25 s after."""
    return sum(bool(marks[peak - round(0.1 * SPS):peak + round(0.25 * SPS)].any()) for peak in peaks)


@pytest.fixture(scope="module")
def cyton(shared_data: Path) -> Recorded:
    return Recorded(shared_data / "openbci_gui_v6_blinks_jaw_alpha.txt.xz", Bench())


@pytest.fixture(scope="module")
def pieeg(shared_data: Path) -> Recorded:
    """Its published microvolts are half of the true ones."""
    return Recorded(shared_data / "pieeg_chew_blink_40s.csv.xz", Bench(), scale=2.0)


@pytest.fixture(scope="module")
def rails(shared_data: Path) -> Recorded:
    return Recorded(shared_data / "openbci_gui_2024_rails_11s.txt.xz", Bench())


def test_cyton_blinks(cyton: Recorded) -> None:
    """53 of 53 deflections; of two quiet stretches one deflection of 200 uV on channel 2 is marked, nothing else."""
    marks = cyton.marks({"blink": {"labels": ["ch1", "ch2"]}})
    peaks = [deflections(cyton.x[:, c], WARM_S, 89) for c in (0, 1)]
    assert [len(found) for found in peaks] == [24, 29]
    assert [hits(marks[:, c], peaks[c]) for c in (0, 1)] == [len(found) for found in peaks]
    for begin_s, end_s in [(4, 6.5), (13.8, 17)]:                     # where the page of the data says so
        assert (part(marks, begin_s, end_s)[:, :2].mean(axis=0) > 0.4).all()
    quiet = np.concatenate([part(marks, *stretch) for stretch in QUIET_S])
    assert quiet[:, 0].sum() == 0
    assert quiet[:, 1].mean() < 0.04
    assert deflections(cyton.x[:, 1], 24.8, 25.3)
    assert not part(marks, 18, 24.8).any()
    assert not part(marks, 25.8, 48).any()


def test_cyton_jaw_clench(cyton: Recorded) -> None:
    """The jaw on channels 3 and 4 in turns, four stretches, all of their frames; none of 20 quiet seconds by 8."""
    marks = cyton.marks({"muscle": {}})
    for channel, begin_s, end_s in [(2, 8.5, 9.8), (2, 11.8, 12.8), (3, 10.1, 11.3), (3, 13.2, 14.3)]:
        assert part(marks, begin_s, end_s)[:, channel].mean() == 1
    assert not any(part(marks, *stretch).any() for stretch in QUIET_S)
    assert not cyton.marks({"flatline": {}}).any()


def test_pieeg_chews_and_blinks(pieeg: Recorded) -> None:
    """Four chews on every front channel; 23 of 25 deflections on channel 2; nothing of the jaw from 17 to 40 s."""
    muscle = pieeg.marks({"muscle": {}})
    for begin_s, end_s in [(4.2, 4.5), (8.7, 8.9), (11.75, 11.95), (14.4, 14.7)]:
        assert part(muscle, begin_s, end_s)[:, :6].all()
    assert not part(muscle, 17, 39.9).any()
    blink = pieeg.marks({"blink": {"labels": ["ch1", "ch2"]}})
    peaks = deflections(pieeg.x[:, 1], WARM_S, 39)
    assert len(peaks) == 25
    assert hits(blink[:, 1], peaks) >= 23
    assert part(blink, 17, 39)[:, 0].mean() == 0                      # channel 1 has no deflection there
    assert not deflections(pieeg.x[:, 0], 17, 39)


def test_rails_are_found_to_the_sample(rails: Recorded) -> None:
    marks = rails.marks({"saturation": {"limit_uv": 187_499.9, "hold_s": 0}})
    assert np.array_equal(marks, np.abs(rails.x) >= np.float32(187_499.9))
    shares = 100 * marks.mean(axis=0)
    assert shares == pytest.approx([1.8, 0.4, 2.2, 30, 27, 7.2, 99.9, 99.2], abs=0.51)
    held = rails.marks({"saturation": {"limit_uv": 187_499.9}})
    assert (held | ~marks).all()
    assert np.diff(held.astype(int), axis=0).clip(0).sum() < 0.3 * np.diff(marks.astype(int), axis=0).clip(0).sum()


def test_a_channel_on_its_rail_is_flat_too(rails: Recorded) -> None:
    """Marked exactly where a second of samples lies less than 1 uV apart."""
    marks = rails.marks({"flatline": {}})
    windows = np.lib.stride_tricks.sliding_window_view(rails.x.astype(float), 250, axis=0)
    assert np.array_equal(marks[249:], np.ptp(windows, axis=-1) < 1.0)
    assert not marks[:249].any()
    assert (marks.mean(axis=0) > 0.5).tolist() == [False] * 6 + [True] * 2


def test_shorted_inputs_are_flat_if_their_noise_is_allowed_for(shared_data: Path) -> None:
    """Gain 1: 5.9 to 7.5 uV peak to peak. 10 uV finds all eight within 1.4 s; the 1 uV of the default none of them."""
    shorted = Recorded(shared_data / "ardeeg_inputs_shorted.csv.xz", Bench(), scale=2.0)
    marks = shorted.marks({"flatline": {"below_uv": 10.0}})
    assert not marks[:249].any()
    assert marks[round(1.4 * SPS):].all()
    assert not shorted.marks({"flatline": {}}).any()
    assert not shorted.marks({"muscle": {}}).any()


@pytest.mark.parametrize("name", ["21.20.04", "21.22.51"])
def test_muse_blinks_on_channels_known_by_their_labels(shared_data: Path, name: str) -> None:
    """AF7 and AF8 are looked at by themselves; while people look at a flicker less than 5 % is marked."""
    import eegcore as ec
    from eegcore.graph.run import GraphRun

    path = shared_data / f"muse_ssvep_20_30hz_2017-09-14-{name}.csv.xz"
    graph = GraphRun(ec.Pipeline([{"playback": {"path": str(path), "speed": "max"}}, {"blink": {}}, {"null_sink": {}}],
                                 clock="virtual").plan)
    _, tap = graph.open_tap("blink")
    graph.start()
    frames, marked, masks = 0, 0, 0
    while (packets := tap.wait(1.0)) is not None:
        for packet in packets:
            frames += packet.n_frames
            marked += packet.n_frames * (packet.blink != 0)
            masks |= packet.blink
            packet.release()
    assert graph.finish()["balanced"]
    assert graph.stream("blink").labels[1:3] == ("AF7", "AF8")
    assert masks == 0b110
    assert 0 < marked / frames < 0.05

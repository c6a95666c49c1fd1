"""What is known of recorded files, found through the graph: SSVEP, heart beats, alpha, mains."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.optimize
import scipy.signal
from numpy.typing import NDArray

from eegcore.devices.recording_files import read_recording
from eegcore.pipeline import Pipeline
from eegcore.sinks.ledger_file import check_ledger


def played(path: Path, *stages: dict[str, Any], **playback: Any) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Play a file through stages; return the device frame and the values of every frame of the last one."""
    run = Pipeline([{"playback": {"path": str(path), "batch": 64, **playback}}, *stages, {"null_sink": {}}],
                   clock="virtual").run()
    found: list[tuple[int, int, NDArray[np.float32]]] = []
    last = next(iter(stages[-1]))
    heard = run.tap(last, timeout_s=30)
    reader = threading.Thread(target=lambda: found.extend(
        (p.frame_index, p.step_num, np.array(p.data)) for p in heard))
    reader.start()
    with run:
        assert run.wait(120)
        reader.join()
    ledger = run.ledger()
    assert check_ledger(ledger) == []
    assert ledger["balanced"]
    at = [first + i * step for first, step, data in found for i in range(len(data))]
    return np.array(at), np.concatenate([data for _, _, data in found])


@pytest.mark.parametrize(("name", "factors"), [
    ("muse_ssvep_20_30hz_2017-09-14-21.20.04.csv.xz", {("1", 30): 17.8, ("1", 20): 0.9, ("2", 20): 27.3,
                                                       ("2", 30): 1.1}),
    ("muse_ssvep_20_30hz_2017-09-14-21.22.51.csv.xz", {("1", 30): 20.1, ("1", 20): 0.9, ("2", 20): 32.1,
                                                       ("2", 30): 2.2})])
def test_flicker_is_seen_on_poz(shared_data: Path, name: str, factors: dict[tuple[str, int], float]) -> None:
    """Windows 0.5 to 3.5 s after each marker: a column for every frame, of which those that end there are taken."""
    path = shared_data / name
    at, spectra = played(path, {"fft": {"window_s": 3, "overlap": 0.999, "min_hz": 15, "max_hz": 35}},
                         columns=["Right AUX"])
    axis = np.arange(45, 106) / 3                                            # bins of 1/3 Hz from 15 Hz
    assert spectra.shape == (len(at), 61, 1)
    for (text, hz), factor in factors.items():
        ends = [round(event.onset_s * 256) + 896 - 1 for event in read_recording(path).events if event.text == text]
        taken = spectra[np.isin(at, ends), :, 0]
        assert len(taken) == sum(end <= at[-1] for end in ends) >= 14
        power = taken.mean(axis=0)
        away = np.abs(axis - hz)
        beside = np.median(power[(away > 0.9) & (away < 3.1)])               # 1 to 3 Hz away on either side
        assert power[away.argmin()] / beside == pytest.approx(factor, abs=0.051)


def test_98_heart_beats_are_found(shared_data: Path) -> None:
    _, y = played(shared_data / "pieeg_kit_ecg_80s.csv.xz",
                  {"bandpass": {"low_hz": 5, "high_hz": 20, "start": "steady"}}, sps=250)
    for channel in (0, 1):
        size = np.abs(y[:, channel])
        beats, _ = scipy.signal.find_peaks(size, height=0.4 * np.percentile(size, 99), distance=100)
        distances_s = np.diff(beats) / 250
        assert len(beats) == 98
        assert np.median(distances_s) == pytest.approx(0.816)
        assert distances_s.std() == pytest.approx(0.019, abs=0.0006)
        assert 60 / distances_s.mean() == pytest.approx(73.5, abs=0.05)


def test_alpha_at_11_5_hz_comes_and_goes(shared_data: Path) -> None:
    path = shared_data / "openbci_gui_v6_blinks_jaw_alpha.txt.xz"
    at, spectra = played(path, {"fft": {"window_s": 4, "average": 4, "min_hz": 8, "max_hz": 13}})
    axis = np.arange(8, 13.1, 0.25)
    end_48_s = int(np.abs(at - 48 * 250).argmin())
    for channel in (6, 7):                                                   # of the last 10 s before 48 s
        assert abs(axis[spectra[end_48_s, :, channel].argmax()] - 11.5) <= 0.25
    at, powers = played(path, {"fft": {"window_s": 2, "average": 9}},       # the average of 10 s
                        {"bands": {"bands": {"alpha": [8, 12.5]}}})
    rms = np.sqrt(powers[:, 0, 7])
    found = {end_s: float(rms[np.flatnonzero(at == end_s * 250 - 1)[0]]) for end_s in (28, 48)}
    assert found[28] == pytest.approx(7.2, rel=0.1)                          # measured over other edges and windows
    assert found[48] == pytest.approx(12.6, rel=0.1)


def fitted_uv(x: NDArray[Any], hz: float, sps: float) -> float:
    """Amplitude of the sine of least squares near `hz`, beside a straight line and the next harmonic."""
    t = np.arange(len(x)) / sps

    def fit(at: float) -> tuple[float, float]:
        columns = np.column_stack([np.sin(2 * np.pi * at * t), np.cos(2 * np.pi * at * t), t, np.ones_like(t)])
        solution, *_ = np.linalg.lstsq(columns, x, rcond=None)
        return float(np.sum((x - columns @ solution) ** 2)), float(np.hypot(*solution[:2]))

    best = scipy.optimize.minimize_scalar(lambda at: fit(at)[0], bounds=(hz - 0.3, hz + 0.3), method="bounded")
    return fit(best.x)[1]


@pytest.mark.parametrize(("name", "sps", "hz", "per_uv", "known", "rel"), [
    ("biosppy_ecg_1000hz.txt.xz", None, 50, 1.0, [13.2], 0.02),
    ("pieeg_spi_frames_77s.published_uV.csv.xz", 250, 50, 1 / 0.2682209, [55, 41, 30, 99, 75, 62, 84, 5], 0.2),
    ("openbci_gui_v6_blinks_jaw_alpha.txt.xz", None, 60, 1.0, None, 0.0),
])
def test_the_mains_are_as_large_as_a_fit_says(shared_data: Path, name, sps, hz, per_uv, known, rel) -> None:
    """Two seconds at a time against sines of least squares; the middle of all is what is known of the file."""
    path = shared_data / name
    more = {} if sps is None else {"sps": sps}
    at, levels = played(path, {"fft": {"window_s": 2, "overlap": 0}}, {"mains": {"hz": hz, "harmonics": 1}}, **more)
    recording = read_recording(path, **more)
    span = round(2 * recording.sps)
    fits = np.array([[fitted_uv(recording.values[end + 1 - span:end + 1, c].astype(float), hz, recording.sps)
                      for c in range(recording.n_channels)] for end in at])
    middle, wanted = np.median(levels[:, 0], axis=0), np.median(fits, axis=0)
    assert np.allclose(middle, wanted, rtol=0.03, atol=0.3)
    if known is not None:
        assert np.allclose(middle * per_uv, known, rtol=rel)


def test_shorted_inputs_have_no_mains(shared_data: Path) -> None:
    _, levels = played(shared_data / "ardeeg_inputs_shorted.csv.xz", {"fft": {"window_s": 4}}, {"mains": {"hz": 50}},
                       sps=250)
    assert levels.max() < 0.3

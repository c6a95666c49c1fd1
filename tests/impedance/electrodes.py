"""What an ADS1299 with lead-off current on would sample: a square wave of +-I through electrodes and a sinc^3."""

from __future__ import annotations

import numpy as np

GAP, SATURATED, LEAD_OFF, SETTLING, IMPEDANCE = 1, 2, 4, 8, 16     # EEGCORE_FLAG_... of plugin.h
FINE = 64                                      # points of the fine grid per frame
LSB_UV = 4.5 / 24 / 2**23 * 1e6                # gain 24, VREF 4.5 V
KOHM = np.array([1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0])


def cycle_frames(hz: float | str, sps: float) -> int:
    """Return the frames of one period of a tone."""
    return 4 if hz == "fdr/4" else round(sps / hz)


def unit_tone(n_cycle: int, n_frames: int, phase: float) -> np.ndarray:
    """Return frames of a square wave of +-1 after the converter's filter, shape (n_frames,).

    Brute force: the wave on a fine grid, three running means as long as a frame. `phase` in turns.
    """
    turns = (np.arange(n_cycle * FINE) + 0.5) / (n_cycle * FINE)
    wave = np.where((turns + phase) % 1 < 0.5, 1.0, -1.0)
    for _ in range(3):
        wave = np.mean([np.roll(wave, shift) for shift in range(FINE)], axis=0)
    return np.resize(wave[::FINE], n_frames)


def tone_uv(hz: float | str, sps: float, n_frames: int, kohm: np.ndarray, current_na: float,
            phase: float = 0.137) -> np.ndarray:
    """Return what the current makes of electrodes of `kohm`, uV, shape (n_frames, n_channels)."""
    return unit_tone(cycle_frames(hz, sps), n_frames, phase)[:, None] * kohm * current_na


def eeg_uv(n_frames: int, sps: float, n_channels: int = 8, seed: int = 1, mains_uv: float = 20.0) -> np.ndarray:
    """Return something like EEG on electrodes with an offset: pink noise of 1 uV/sqrt(Hz) at 10 Hz, alpha, mains."""
    random = np.random.default_rng(seed)
    f = np.fft.rfftfreq(n_frames, 1 / sps)
    shape = np.sqrt(10 / np.maximum(f, 0.1)) + 8 * np.exp(-0.5 * ((f - 10.2) / 0.4) ** 2)
    spectrum = np.fft.rfft(random.standard_normal((n_frames, n_channels)), axis=0) * shape[:, None]
    noise = np.fft.irfft(spectrum, n_frames, axis=0) * np.sqrt(sps / 2)
    t = np.arange(n_frames)[:, None] / sps
    offset = random.uniform(-20_000, 20_000, n_channels)
    return noise + mains_uv * np.sin(2 * np.pi * 50.02 * t) + offset + 30 * t


def counts(uv: np.ndarray) -> np.ndarray:
    """Return what a converter of gain 24 makes of it."""
    return np.clip(np.rint(uv / LSB_UV), -2**23, 2**23 - 1).astype(np.int32)

"""`notch`: which multiples are removed, how wide, and that they are gone from real recordings."""

from __future__ import annotations

import lzma
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal
from stage_bench import Bench

import eegcore as ec
from eegcore.bench.hooks import sections_of


@settings(max_examples=10)
@given(hz=st.floats(5, 200), q=st.floats(1, 200), harmonics=st.integers(1, 32),
       sps=st.sampled_from([250.0, 1000.0, 16000.0]), n_channels=st.integers(1, 40))
def test_every_harmonic_is_scipys_iirnotch_of_the_same_width(bench: Bench, hz: float, q: float, harmonics: int,
                                                             sps: float, n_channels: int) -> None:
    hz = min(hz, 0.45 * sps)
    x = np.random.default_rng(1).normal(0, 30, (200, n_channels)).astype(np.float32)
    stages = [{"notch": {"hz": hz, "q": q, "harmonics": harmonics}}]
    removed = [n * hz for n in range(1, harmonics + 1) if n * hz < sps / 2]
    sos = np.vstack([signal.tf2sos(*signal.iirnotch(one, one * q / hz, sps)) for one in removed])
    plan = bench.plan(stages, x, sps)
    assert sections_of(plan) == pytest.approx(sos, rel=1e-12, abs=1e-12)
    if harmonics > 1:
        assert plan.stages[1].settings["removed_hz"] == pytest.approx(removed)
    exact = signal.sosfilt(sos, x.astype(np.float64), axis=0)
    assert np.abs(bench.run(stages, x, sps).values - exact).max() < 1e-4
    for one in removed:
        if hz / q < one and one + hz / q < sps / 2:
            edges = np.array([one - hz / q, one, one + hz / q])
            response = np.abs(signal.freqz_sos(sos[[removed.index(one)]], worN=edges, fs=sps)[1])
            assert response[1] < 1e-3
            assert (response[[0, 2]] > 0.5).all()


@pytest.mark.parametrize(("name", "hz"), [("pieeg_kit_ecg_80s.csv.xz", 50), ("openbci_gui_v6", 60)])
def test_mains_are_gone_from_recordings(shared_data: Path, name: str, hz: int) -> None:
    path = next(shared_data.glob(f"{name}*"))
    with lzma.open(path, "rt") as file:
        rows = [row.split(",") for row in file if row[0].isdigit() or row[0] == "-"]
    x = np.array([row[1:9] if hz == 60 else row for row in rows], dtype=np.float32)
    y = ec.process(x, sps=250, stages=[{"notch": {"hz": hz, "q": 10, "start": "steady"}}])
    found, before = signal.welch(x[1000:], 250, nperseg=1000, axis=0)
    _, after = signal.welch(y[1000:], 250, nperseg=1000, axis=0)
    line, below = np.abs(found - hz) < 0.3, (found > 1) & (found < hz - 15)
    ratio = np.sqrt(after[line].sum(axis=0) / before[line].sum(axis=0))
    assert (ratio < 0.1).all()
    assert after[below].sum(axis=0) == pytest.approx(before[below].sum(axis=0), rel=0.02)

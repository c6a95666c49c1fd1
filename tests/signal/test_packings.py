"""Samples do not depend on how frames are packed, and flags not per frame: for every stage that takes uV."""

from __future__ import annotations

import numpy as np
import pytest
from stage_bench import Bench, cuts_of

STAGES = {
    "gain": {"gain": {"factor": 1.5}},
    "notch": {"notch": {"hz": 50}},
    "bandpass": {"bandpass": {}},
    "highpass": {"highpass": {"hz": 1}},
    "lowpass": {"lowpass": {"hz": 30}},
    "decimate": {"decimate": {"factor": 4}},
    "fft": {"fft": {"window_s": 0.5}},
    "select": {"select": {"channels": [2, 1]}},
}


@pytest.mark.parametrize("name", STAGES)
@pytest.mark.parametrize("n_channels", [2, 3, 8, 31])
def test_any_cut_gives_the_same_bits(bench: Bench, name: str, n_channels: int) -> None:
    rng = np.random.default_rng(n_channels)
    x = rng.normal(1000.0, 30.0, (1500, n_channels)).astype(np.float32)
    whole = bench.run([STAGES[name]], x, 500.0, batch=64)
    for n_cuts in (3, 40, 700):
        other = bench.run([STAGES[name]], x, 500.0, cuts_of(rng, len(x), n_cuts), batch=64)
        assert other.values.tobytes() == whole.values.tobytes()
        assert other.per_frame("flags") == whole.per_frame("flags")
        assert other.device_frames <= len(x)

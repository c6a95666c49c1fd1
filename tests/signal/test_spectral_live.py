"""Spectra and bands whose settings change while a run goes on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from live_runs import run_live

import eegcore as ec

SPS = 250.0
SETTLING = 8
KINDS: list[dict[str, Any]] = [
    {"window": "hann"}, {"window": "flattop"}, {"window": "kaiser", "kaiser_beta": 9.0}, {"detrend": "linear"},
    {"average": 3}, {"average": 4, "average_by": "median"}, {"average": 2, "detrend": "none"}]


def noise(n_frames: int, n_channels: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(20, 20, (n_frames, n_channels)).astype(np.float32)


def fft(**settings: Any) -> dict[str, Any]:
    return {"fft": {"window_s": 0.4, **settings}}


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("behind", [[], [{"bands": {"bands": {"low": [5, 30], "high": [30, 100]}}}]])
def test_every_column_is_that_of_the_settings_it_has(seed: int, behind: list[dict[str, Any]]) -> None:
    """The beat of the columns goes on; what is not settling is, bit for bit, what these settings always give."""
    rng = np.random.default_rng(seed)
    x = noise(3000, 5, seed)
    at = sorted(int(frame) for frame in rng.integers(100, 3000, 6))
    kinds = [KINDS[0], *(KINDS[int(k)] for k in rng.integers(0, len(KINDS), 6))]
    found = run_live(x, SPS, [fft(), *behind], [(frame, [fft(**kind), *behind]) for frame, kind in
                                               zip(at, kinds[1:], strict=True)], batch=int(rng.integers(1, 64)))
    assert found.frame.tolist() == list(range(99, 3000, 50))
    for number, kind in enumerate(kinds):
        alone = ec.process(x, sps=SPS, stages=[fft(**kind), *behind])
        first = 100 + 50 * (kind.get("average", 1) - 1) - 1
        mine = (found.rev == number + 1) & (found.flags == 0)
        places = (found.frame[mine] - first) // 50
        assert found.values[mine].tobytes() == alone[places.astype(int)].tobytes()
    settling = found.flags == SETTLING
    assert ((found.flags == 0) | settling).all()
    assert settling.sum() <= 3 * sum("average" in kind for kind in kinds)


def test_bands_change_at_once() -> None:
    x = noise(2000, 3, 1)
    before, after = ({"bands": {"bands": {"one": edges}}} for edges in ([5, 30], [40, 90]))
    found = run_live(x, SPS, [fft(), before], [(1000, [fft(), after])])
    assert (found.flags == 0).all()
    for number, stage in ((1, before), (2, after)):
        alone = ec.process(x, sps=SPS, stages=[fft(), stage])
        assert found.values[found.rev == number].tobytes() == alone[found.rev == number].tobytes()
    assert set(found.rev) == {1, 2}


@pytest.mark.parametrize("change", [{"window_s": 0.8}, {"overlap": 0.75}, {"unit": "dB"}, {"max_hz": 50}])
def test_another_shape_or_unit_goes_on_from_the_same_past(change: dict[str, Any]) -> None:
    x = noise(900, 2, 2)
    found = run_live(x, SPS, [fft()], [(100, [fft(**change)])])
    assert set(found.rev) == {2}                                       # the tap is on what comes then
    assert found.frame[0] < 100 + SPS * change.get("window_s", 0.5)
    alone = ec.process(x, sps=SPS, stages=[fft(**change)])
    assert found.values.tobytes() == alone[-len(found.values):].tobytes()


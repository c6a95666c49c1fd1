"""A thousand changes of settings at random frames of one run: nothing is lost, nothing jumps, it can be repeated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import scipy.signal  # noqa: F401  (designs are made in this process then, and not in a child)
from live_runs import Heard, Stages, run_live

SPS, CHANNELS = 4000, 8
QUIET = 6 * SPS                        # until the notch, which begins at rest, has forgotten the offset
FADE = SPS // 50


def variants(rng: np.random.Generator, n: int) -> list[Stages]:
    """Chains of the same stages with other settings: gain, notch, band edges, and orders of the filter."""

    def one(order: int) -> Stages:
        band: dict[str, Any] = {"low_hz": round(float(rng.uniform(0.8, 4)), 2),
                                "high_hz": round(float(rng.uniform(25, 90)), 1), "order": order, "start": "steady"}
        return [{"gain": {"factor": round(float(rng.uniform(0.5, 3)), 3)}},
                {"notch": {"hz": float(rng.choice([50, 60])), "q": round(float(rng.uniform(5, 35)), 1)}},
                {"bandpass": band}]

    return [one(1 + k % 4) for k in range(n)]


def signals(n: int, rng: np.random.Generator) -> np.ndarray:
    """Offsets of +-187.5 mV at half of the channels and less at the others, mains of 50 and 60 Hz, rhythm, noise."""
    t = np.arange(n)[:, None] / SPS
    offsets = np.array([187_500, -187_500, 187_500, -187_500, 90_000, -30_000, 1_000, 0.0])
    phase = np.arange(CHANNELS)
    return (offsets + 60 * np.sin(2 * np.pi * 60 * t + phase) + 40 * np.sin(2 * np.pi * 50 * t - phase)
            + 30 * np.sin(2 * np.pi * 10 * t + 2 * phase) + rng.normal(0, 2, (n, CHANNELS))).astype(np.float32)


@dataclass
class Experiment:
    """One run with its changes: (frame, number of the variant)."""

    x: np.ndarray
    chains: list[Stages]
    changes: list[tuple[int, int]]
    pauses: list[int]                  # changes with a long rest behind them, by position

    def run(self, batch: int, **more: Any) -> Heard:
        return run_live(self.x, SPS, self.chains[0], [(at, self.chains[k]) for at, k in self.changes], batch=batch,
                        **more)


def experiment(seed: int, n_changes: int, n_variants: int, n_pauses: int, pause: int) -> Experiment:
    rng = np.random.default_rng(seed)
    chains = variants(rng, n_variants)
    at, changes = QUIET, []
    pauses = {int(k) for k in np.linspace(n_changes / n_pauses, n_changes - 1, n_pauses)}
    for k in range(n_changes):
        changes.append((at, int(rng.integers(n_variants))))
        at += pause if k in pauses else int(rng.choice([rng.integers(1, 8), rng.integers(8, 160)]))
    return Experiment(signals(at, rng), chains, changes, sorted(pauses))


def check(made: Experiment) -> None:
    live = made.run(64)
    n = len(made.x)
    assert np.array_equal(live.frame, np.arange(n))
    rev, active = np.ones(n, int), np.zeros(n, int)
    for number, (at, variant) in enumerate(made.changes):
        rev[at:], active[at:] = number + 2, variant
    assert np.array_equal(live.rev, rev)

    alone = [run_live(made.x, SPS, chain, []) for chain in made.chains]
    y = live.values.astype(float)
    new = np.stack([run.values for run in alone]).astype(float)[active, np.arange(n)]
    left = np.abs(y - new)[QUIET:].max(axis=1)
    assert left.max() < 600, "an offset of up to 560 mV behind the gain has left something"

    usual = max(np.abs(np.diff(run.values[QUIET:], axis=0)).max() for run in alone)
    # a free response of several hundred uV has slopes of its own; a step would be as large as what is left
    assert np.abs(np.diff(y, axis=0))[QUIET - 1:].max() <= 2 * usual

    for position in made.pauses[:-1]:
        at, variant = made.changes[position]
        until = made.changes[position + 1][0]
        settled = max(FADE, int(np.ceil(alone[variant].run.stream("bandpass").settling_s * SPS)))
        after = np.abs(y - new)[at:until].max(axis=1)
        assert settled < until - at
        assert after[settled:].max() <= 2e-3 * after.max() + 1e-3


def check_repeats(made: Experiment) -> None:
    first, again = made.run(64, digest=True), made.run(64, digest=True)
    assert first.ledger["digest"] == again.ledger["digest"]
    other = made.run(37)
    assert np.array_equal(other.values, first.values)
    assert np.array_equal(other.rev, first.rev)
    assert np.array_equal(other.flags, first.flags)


def test_a_thousand_changes():
    check(experiment(1, n_changes=1000, n_variants=12, n_pauses=8, pause=3 * SPS))


def test_hundreds_of_changes_again():
    check_repeats(experiment(2, n_changes=250, n_variants=12, n_pauses=1, pause=SPS))


@pytest.mark.deep
@pytest.mark.parametrize("seed", range(2, 8))
def test_thousands_of_changes(seed):
    made = experiment(seed, n_changes=3000, n_variants=40, n_pauses=30, pause=3 * SPS)
    check(made)
    check_repeats(made)

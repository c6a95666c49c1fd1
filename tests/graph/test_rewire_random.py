"""Random plans, one after the other, while frames go by: every outlet gets what its stage is at the time."""

from __future__ import annotations

import time
from random import Random

import numpy as np
import pytest
from rewire_graphs import Live, noise
from rewire_plans import Driver, other_plan, random_plan

from eegcore import _rt


def make(seed: int, n_sources: int, n_workers: int, n_frames: int, *,
         loop: bool = False) -> tuple[Driver, list[np.ndarray], Random]:
    rng = Random(seed)
    live = Live(slots=2048)
    values = [noise(n_frames, seed + k) for k in range(n_sources)]
    made = [live.source(x, batch=rng.choice([5, 16]), loop=loop) for x in values]
    groups = [group for group, _ in made] + [live.graph.add_group() for _ in range(n_workers)]
    return Driver(live, groups, [node for _, node in made], [{}]), values, rng


def change_at_frames(seed: int, n_changes: int) -> None:
    n_sources, n_workers = (1, 1) if seed % 3 == 0 else (1, 2) if seed % 3 == 1 else (2, 2)
    driver, values, rng = make(seed, n_sources, n_workers, 600)
    plan, at = random_plan(rng, n_sources, n_workers, 6), 0
    for _ in range(n_changes):
        driver.go_to(plan, at)
        plan = other_plan(plan, rng, n_sources, n_workers)
        at += rng.choice([0, 1, 50, 130])
    driver.live.run()
    driver.check(values)
    assert driver.live.free_slots() == 0


def change_meanwhile(seed: int, n_changes: int) -> Driver:
    n_sources, n_workers = (1, 2) if seed % 2 else (2, 2)
    driver, values, rng = make(100 + seed, n_sources, n_workers, 3000, loop=True)
    plan = random_plan(rng, n_sources, n_workers, 6)
    driver.go_to(plan, 0)
    driver.live.start()
    for _ in range(n_changes):
        plan = other_plan(plan, rng, n_sources, n_workers)
        driver.go_to(plan, 0)
        time.sleep(rng.choice([0.0, 0.0005, 0.002]))
    driver.live.graph.stop()
    driver.live.finish()
    driver.check(values)
    assert driver.live.free_slots() == 0
    return driver


@pytest.mark.parametrize("seed", range(24))
def test_changes_at_given_frames(seed):
    change_at_frames(seed, 8)


@pytest.mark.parametrize("seed", range(4))
def test_changes_while_frames_go_by(seed):
    driver = change_meanwhile(seed, 20)
    assert driver.replaced > 0


@pytest.mark.deep
@pytest.mark.parametrize("seed", range(24, 1000))
def test_many_changes_at_given_frames(seed):
    change_at_frames(seed, 12)


@pytest.mark.deep
@pytest.mark.parametrize("seed", range(4, 40))
def test_many_changes_while_frames_go_by(seed):
    change_meanwhile(seed, 60)


def test_a_thousand_changes_leave_nothing_behind():
    driver, _, rng = make(7, 1, 2, 3000, loop=True)
    graph = driver.live.graph
    plan = random_plan(rng, 1, 2, 5)
    driver.go_to(plan, 0)
    driver.live.start()
    for _ in range(1000):
        plan = other_plan(plan, rng, 1, 2)
        driver.go_to(plan, 0)
        while _rt.collect_changes(graph):                  # one after the other
            time.sleep(0.0002)
        del driver.plans[:-1]                              # only the newest is looked at
        for segment in driver.segments:
            for name in ("values", "frames", "revs", "flags"):
                getattr(segment.heard, name).clear()
        driver.segments = [segment for segment in driver.segments if not segment.is_forgotten]
    for _ in range(2000):
        driver.forget()
        if not (driver.old_nodes or driver.old_edges or driver.old_groups):
            break
        time.sleep(0.005)
    graph.stop()
    driver.live.finish()
    assert driver.replaced > 100
    assert (driver.old_nodes, driver.old_edges, driver.old_groups) == ({}, {}, [])
    assert graph.n_nodes < 120
    assert graph.n_edges < 120
    assert graph.n_groups < 20
    assert driver.live.free_slots() == 0

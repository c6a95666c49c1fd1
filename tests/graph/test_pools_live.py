"""Pools of a graph that changes: enough for what is on its way, and not more numbers than the core has."""

from __future__ import annotations

import pytest

from eegcore.errors import StateConflict
from eegcore.graph.pools import make_pools
from eegcore.graph.run import GraphRun
from eegcore.pipeline import Pipeline
from eegcore.sinks.ledger_file import check_ledger

STAGES = [{"acquire": {"board": "emulator", "sps": 1000, "channels": 8}}, {"to_voltage": {}},
          {"fft": {"window_s": 0.2}}, {"null_sink": {}}]


def test_more_packet_sizes_come_and_go_than_there_are_pools():
    run = Pipeline(STAGES, clock="virtual").run()
    with run:
        for k in range(1, 100):
            run.update("fft", window_s=0.2 + 0.01 * k)
        assert len(run._graph.built.pools) + len(run._graph.built.old_pools) < 64
        run.stop()
    assert check_ledger(run.ledger()) == []
    assert run.ledger()["lost"] == 0


def test_a_pool_is_replaced_in_time_by_one_that_has_room_for_what_waits():
    plan = Pipeline(STAGES, clock="virtual").plan
    run = GraphRun(plan)
    pool = plan.pools[0]
    number = run.built.pools[pool.name]
    assert make_pools(run.built, plan, {}) == {}
    assert make_pools(run.built, plan, {number: pool.slots // 8}) == {}, "what any reader has just now"
    made = make_pools(run.built, plan, {number: pool.slots // 2})
    assert made[pool.name][1] >= pool.slots + pool.slots // 2
    with pytest.raises(StateConflict, match="wait in rings of configurations before"):
        make_pools(run.built, plan, {number: 4 * pool.slots})
    run.finish()

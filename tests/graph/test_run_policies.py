"""Policies that are enforced, and those that are refused because nothing could enforce them."""

from __future__ import annotations

import os

import pytest

from eegcore.errors import ConfigError, SystemFailed
from eegcore.graph import supervisor
from eegcore.pipeline import Pipeline

FAST = {"acquire": {"board": "emulator", "sps": 1000, "channels": 8}}


@pytest.mark.parametrize(("keys", "said"), [
    ({"isolation": "process"}, "runs inline, not 'process'"),
    ({"restart": "exponential"}, "cannot be restarted by itself"),
])
def test_a_built_in_stage_refuses_what_it_would_have_to_ignore(keys, said):
    with pytest.raises(ConfigError, match=said):
        Pipeline([FAST, {"to_voltage": keys}, {"null_sink": {}}])


def test_calls_over_budget_are_counted():
    with Pipeline([FAST, {"null_sink": {"stall_ms": 2, "budget_us": 100}}]).run(seconds=0.5) as run:
        assert run.wait(20)
    stats = run.stats()["stages"]["null_sink"]
    assert stats["overruns"] == stats["packets"] > 0


def test_a_stage_that_hangs_is_named_with_its_thread():
    source = {"acquire": {**FAST["acquire"], "batch": 100}}
    stages = [source, {"null_sink": {"stall_ms": 1500, "timeout_ms": 200}}]
    with Pipeline(stages).run(seconds=0.1) as run:
        assert run.wait(60)
    said = [alarm["message"] for alarm in run.alarms if alarm["place"] == "null_sink.stall"]
    assert said
    assert "null_sink: has kept thread worker-sinks for" in said[0]
    assert "allowed 0.2 s" in said[0]


def test_cores_and_priority_are_asked_for_verified_and_reported():
    document = {"version": 1, "name": "pinned", "runtime": {"groups": {"dsp": {"cores": [0], "priority": 40}}},
                "stages": [FAST, {"to_voltage": {}}, {"null_sink": {}}]}
    with Pipeline(document).run(seconds=0.3) as run:
        assert run.wait(20)
        worker = next(thread for thread in run.stats()["threads"] if thread["name"] == "worker-dsp")
    assert worker["cores"] == [0]
    refused = [alarm for alarm in run.alarms if "SCHED_FIFO 40 refused" in alarm["message"]]
    assert worker["realtime"] == 40 or len(refused) == 1


def refuse(*arguments):
    raise PermissionError(1, "Operation not permitted")


def pinned(realtime):
    return {"version": 1, "name": "pinned", "runtime": {"realtime": realtime, "groups": {"dsp": {"priority": 40}}},
            "stages": [FAST, {"to_voltage": {}}, {"null_sink": {}}]}


def test_a_priority_that_is_refused_is_one_warning(monkeypatch):
    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    with Pipeline(pinned("auto")).run(seconds=0.3) as run:
        assert run.wait(20)
    said = [alarm["message"] for alarm in run.alarms if alarm["place"] == "realtime"]
    assert len(said) == 1
    assert "worker-dsp: SCHED_FIFO 40 refused [Operation not permitted]" in said[0]
    assert run.ledger()["lost"] == 0


def test_a_required_priority_that_is_refused_fails_the_run(monkeypatch):
    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    with pytest.raises(SystemFailed, match=r"realtime: required and refused\. worker-dsp: SCHED_FIFO 40 refused"), \
            Pipeline(pinned("require")).run(seconds=5) as run:
        assert run.wait(20)
    assert run.ledger()["balanced"]


def test_a_pool_that_runs_low_grows_once_and_says_so(monkeypatch):
    monkeypatch.setattr(supervisor, "TICK_S", 0.01)          # it runs dry 0.1 s after it is low
    source = {"acquire": {**FAST["acquire"], "batch": 20}}
    pipeline = Pipeline([source, {"to_voltage": {}}, {"null_sink": {"stall_ms": 80, "queue": 64}}])
    for pool in pipeline.plan.pools:
        pool.slots = 40                                  # less than the edge alone holds
    with pipeline.run(seconds=2) as run:
        assert run.wait(60)
    assert any("grown to 80" in alarm["message"] for alarm in run.alarms)
    assert all(pool["grown"] for pool in run.stats()["pools"].values())
    assert run.ledger()["balanced"]

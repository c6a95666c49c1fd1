"""Random graphs: whatever they look like, the answer is a sound plan or a list of problems."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from eegcore.graph.plan import describe_plan, plan_json, plan_load

SETTINGS = {
    "acquire": st.fixed_dictionaries({"sps": st.sampled_from([100, 250, 4000, 20000])}, optional={
        "channels": st.sampled_from([3, 4, 8, 32]), "batch": st.sampled_from([1, 7, 4096]),
        "signal": st.sampled_from(["eeg", "sine", "file"])}),
    "to_voltage": st.fixed_dictionaries({}, optional={"keep_raw": st.booleans()}),
    "gain": st.fixed_dictionaries({"factor": st.sampled_from([2.0, [1.0, 2.0, 3.0, 4.0]])}),
    "select": st.fixed_dictionaries({"channels": st.sampled_from([[1], [2, 1], [9], [1, 1]])}),
    "notch": st.fixed_dictionaries({"hz": st.sampled_from([50, 60, 2000])}),
    "bandpass": st.fixed_dictionaries({"high_hz": st.sampled_from([0.2, 45, 400])}),
    "decimate": st.fixed_dictionaries({}, optional={"factor": st.sampled_from([2, 16, 256]),
                                                    "to_sps": st.sampled_from([125, 250, 333])}),
    "fft": st.fixed_dictionaries({"window_s": st.sampled_from([0.001, 0.5, 20]),
                                  "overlap": st.sampled_from([0, 0.5, 0.999])}),
    "lead_off": st.fixed_dictionaries({"hz": st.sampled_from([7.8125, 31.25, "fdr/4"])}),
    "impedance": st.fixed_dictionaries({"hz": st.sampled_from([7.8125, 31.25, "fdr/4"]), "current_na": st.just(6)},
                                       optional={"window_s": st.sampled_from([0.01, 0.5, 600])}),
    "null_sink": st.just({}),
    "websocket_sink": st.fixed_dictionaries({}, optional={"topic": st.sampled_from(["eeg", "raw"])}),
    "csv_sink": st.fixed_dictionaries({"path": st.just("x.csv")},
                                      optional={"columns": st.sampled_from(["uv", "counts", "both", "kohm", "bins"])}),
    "playback": st.just({"path": "/nowhere.csv"}),
}
COMMON = {"group": st.sampled_from(["acquire", "dsp", "sinks", "mine", "server"]),
          "queue": st.sampled_from([1, 5, 4096]), "overflow": st.sampled_from(["fail", "drop_oldest", "block"]),
          "critical": st.booleans()}


@st.composite
def pipelines(draw):
    """Stages that mostly fit together, with mistakes of every kind strewn in."""
    types = draw(st.lists(st.sampled_from(sorted(SETTINGS)), min_size=1, max_size=9))
    sound = draw(st.booleans())
    if sound:
        types = ["acquire", "to_voltage", *[name for name in types if name not in ("to_voltage", "playback")]]
    stages = []
    for number, name in enumerate(types):
        entry = {"id": f"s{number}", **draw(SETTINGS[name])}
        if draw(st.integers(0, 3)) == 0:
            entry.update(draw(st.fixed_dictionaries({}, optional=COMMON)))
        if number and not sound and draw(st.integers(0, 2)) == 0:
            some = st.integers(0, len(types) - 1).map("s{}".format)
            entry["inputs"] = draw(st.one_of(some, st.lists(some, max_size=2)))
        stages.append({name: entry})
    return stages


@given(stages=pipelines(), clock=st.sampled_from(["real", "virtual"]))
def test_a_plan_is_sound_or_refused(attempt, stages, clock):
    plan, problems = attempt(stages, clock=clock)
    if plan is None:
        assert problems
        assert all(problem.path.startswith(("stages", "runtime")) and problem.message for problem in problems)
        return
    assert not problems
    check(plan)
    assert plan_load(json.dumps(plan_json(plan))) == plan
    assert describe_plan(plan)


def check(plan):
    """What every plan promises, read from the plan alone."""
    declared = [stage.id for stage in plan.stages]
    members = [member for group in plan.groups for node in group.nodes for member in node.members]
    assert sorted(members) == sorted(declared)
    home = {stage.id: stage.group for stage in plan.stages}
    ready = set()
    for group in plan.groups:
        for node in group.nodes:
            for source, port in node.inputs:
                if home[source] == group.name:
                    assert source in ready                    # run-to-completion order
                assert port in [out.name for out in plan.stage(source).outputs]
            ready.update(node.members)
        assert (group.kind == "source") == any(plan.stage(m).role == "source" for n in group.nodes for m in n.members)
    crossing = {(source, stage.id) for stage in plan.stages for source, _ in stage.inputs
                if home[source] != stage.group}
    rings = {(edge.from_stage, edge.to_stage) for edge in plan.edges if edge.to_group != "loop"}
    assert rings == crossing
    for edge in plan.edges:
        assert edge.capacity & (edge.capacity - 1) == 0 < edge.capacity
        assert edge.from_group != edge.to_group
        assert (edge.policy == "block") <= (plan.clock == "virtual" or edge.to_group == "loop" or all(
            port.stream.can_wait for port in plan.stage(edge.from_stage).outputs))
    assert sum(pool.made_of["edges"] for pool in plan.pools) == sum(edge.capacity for edge in plan.edges)
    assert {path["sink"] for path in plan.paths} == {stage.id for stage in plan.stages if stage.role == "sink"}

"""What was said of a stream is kept as long as packets of it may be under way, and no longer."""

from __future__ import annotations

from eegcore.graph.said import KEPT
from eegcore.pipeline import Pipeline


def test_what_is_said_of_streams_does_not_pile_up():
    stages = [{"acquire": {"board": "emulator", "sps": 250, "channels": 4}}, {"to_voltage": {}}, {"notch": {"hz": 50}},
              {"null_sink": {}}]
    run = Pipeline(stages, clock="virtual").run(seconds=1)
    live, ref = run._graph.live, ("notch", "out")
    plans = [Pipeline([*stages[:2], {"notch": {"hz": 50, "q": q}}, stages[3]], clock="virtual").plan for q in (10, 20)]
    for k in range(KEPT + 50):
        run._graph.change(plans[k % 2])
    newest = live.meta_rev(ref)
    assert newest == KEPT + 51
    assert live.stream(ref, newest) == plans[1].stage("notch").outputs[0].stream
    assert live.stream(ref, newest - 1) == plans[0].stage("notch").outputs[0].stream
    assert len(live._said._streams[ref]) <= 2 * KEPT

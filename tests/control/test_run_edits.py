"""Stages that come and go in a run of Python, at exact frames of virtual time."""

from __future__ import annotations

import numpy as np
import pytest

from eegcore.errors import ConfigError, NotFound, StateConflict
from eegcore.pipeline import Pipeline

STAGES = [{"acquire": {"board": "emulator", "sps": 1000, "channels": 4, "batch": 10, "signal": "sine", "noise": False}},
          {"to_voltage": {}}, {"gain": {"factor": 2}}, {"null_sink": {}}]


def heard(run, stage_id, edits):
    """Make the edits before the run begins, each at its frame; return the samples of a stage."""
    taken, next_index = [], 0
    tap = run.tap(stage_id, seconds=0.3)                 # before the edits: what it listens to may be made anew
    for edit in edits:
        edit(run)
    with run:
        for packet in tap:
            assert packet.frame_index == next_index
            next_index += packet.n_frames
            taken.append(np.array(packet.data))
        ledger = run.stop()
    assert ledger["balanced"]
    return np.concatenate(taken)


def test_stages_take_effect_at_their_frame_and_none_is_lost():
    plain = heard(Pipeline(STAGES, clock="virtual").run(seconds=0.4), "gain", [])
    edited = heard(Pipeline(STAGES, clock="virtual").run(seconds=0.4), "gain", [
        lambda run: run.add("triple", {"gain": {"factor": 3}}, after="to_voltage", splice=True, at_frame=100),
        lambda run: run.remove("triple", at_frame=200)])
    np.testing.assert_array_equal(edited[:100], plain[:100])
    np.testing.assert_allclose(edited[100:200], 3 * plain[100:200], rtol=1e-6)
    np.testing.assert_array_equal(edited[200:300], plain[200:300])


def test_a_branch_may_be_listened_to_and_replaced():
    run = Pipeline(STAGES, clock="virtual").run(seconds=0.4)
    assert run.add("other", {"gain": {"factor": 5}}, after="gain") == 2
    assert run.replace("other", {"gain": {"factor": 7}}) == 3
    other = heard(run, "other", [])
    plain = heard(Pipeline(STAGES, clock="virtual").run(seconds=0.4), "gain", [])
    np.testing.assert_allclose(other[50:], 7 * plain[50:], rtol=1e-6)    # before: from 5 to 7 without a step


def test_mistakes_change_nothing():
    run = Pipeline(STAGES, clock="virtual").run(seconds=0.1)
    for edit, error in ((lambda: run.add("gain"), StateConflict), (lambda: run.add("x", after="nope"), NotFound),
                        (lambda: run.add("nope", after="gain"), ConfigError), (lambda: run.remove("x"), NotFound),
                        (lambda: run.remove("to_voltage"), StateConflict),
                        (lambda: run.replace("gain", {"gain": {"factor": "x"}}), ConfigError)):
        with pytest.raises(error):
            edit()
    assert run.update("gain", factor=3) == 2

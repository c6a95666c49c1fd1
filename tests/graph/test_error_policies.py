"""A stage that fails: what each policy makes of it, and that no other branch notices."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
import pytest

from eegcore.errors import ConfigError, SinkFailed, StageError
from eegcore.pipeline import Pipeline
from eegcore.sinks.csv_file import CsvWriter
from eegcore.sinks.ledger_file import check_ledger
from eegcore.stages import base, catalogue
from eegcore.stages.base import OUT, Context, Description, Port, StageSettings, StageType
from eegcore.stages.stream import Stream

SOURCE = {"acquire": {"board": "emulator", "sps": 1000, "channels": 8, "batch": 10}}
FROM, UNTIL, N = 300, 500, 1000
GAP, SUBSTITUTED = 1, 2048


class FaultSettings(StageSettings):
    """Device frames between which it fails."""

    fail_from: int = FROM
    fail_until: int = UNTIL


class Fault(StageType):
    """Hands samples on, and fails when it is told to."""

    name = "fault"
    role: ClassVar[Literal["stage"]] = "stage"
    doc = "Fail between two frames."
    Settings = FaultSettings
    default_group = "dsp"

    def describe(self, settings: FaultSettings, inputs: list[Stream], ctx: Context) -> Description:
        return Description([Port(OUT, inputs[0])], {
            "node": "fault", "fail_from": settings.fail_from, "fail_until": settings.fail_until})


@pytest.fixture(autouse=True)
def _with_fault(monkeypatch):
    catalogue()
    monkeypatch.setitem(base._registry, "fault", Fault())


def stages(**keys):
    return [SOURCE, {"to_voltage": {}}, {"fault": {"inputs": "to_voltage", **keys}},
            {"null_sink": {"id": "behind", "inputs": "fault"}}, {"null_sink": {"id": "beside", "inputs": "to_voltage"}}]


def spans(packets):
    """Return [first, last + 1] of frames that follow each other."""
    found: list[list[int]] = []
    for packet in packets:
        at, n = packet["frame_index"], packet["n_frames"]
        if found and found[-1][1] == at:
            found[-1][1] = at + n
        else:
            found.append([at, at + n])
    return found


def test_fatal_ends_the_run_and_names_stage_and_frame():
    with pytest.raises(StageError, match=rf"fault: failed at frame {FROM} "), \
            Pipeline(stages(), clock="virtual").run(seconds=1) as run:
        run.wait(30)
    ledger = run.ledger()
    assert check_ledger(ledger) == []
    assert ledger["sinks"]["behind"]["written"] == FROM


def test_drain_then_stop_closes_the_branch_and_no_other(virtual):
    outcome = virtual(stages(on_error="drain_then_stop"), "fault", 1)
    assert spans(outcome.packets) == [[0, FROM]]
    assert outcome.ledger["sinks"]["beside"]["written"] == N
    assert outcome.ledger["sinks"]["behind"]["written"] == FROM
    assert outcome.ledger["stages"]["fault"]["skipped"] == N - FROM


def test_skip_packet_leaves_a_gap_that_is_flagged(virtual):
    outcome = virtual(stages(on_error="skip_packet"), "fault", 1)
    assert spans(outcome.packets) == [[0, FROM], [UNTIL, N]]
    assert [p["frame_index"] for p in outcome.packets if p["flags"] & GAP] == [UNTIL]
    assert outcome.ledger["stages"]["fault"]["skipped"] == UNTIL - FROM
    assert outcome.ledger["sinks"]["beside"]["written"] == N


@pytest.mark.parametrize("default", [7.5, [1.0, 2, 3, 4, 5, 6, 7, 8]])
def test_use_default_puts_it_in_place_of_the_samples_and_says_so(virtual, default):
    outcome = virtual(stages(on_error="use_default", default=default), "fault", 1)
    intact = virtual(stages(fail_until=FROM), "fault", 1)
    assert spans(outcome.packets) == [[0, N]]
    assert outcome.ledger["stages"]["fault"]["skipped"] == 0
    assert outcome.ledger["stages"]["fault"]["substituted"] == UNTIL - FROM
    assert outcome.ledger["sinks"]["behind"]["written"] == N
    flagged = [p for p in outcome.packets if p["flags"] & SUBSTITUTED]
    assert spans(flagged) == [[FROM, UNTIL]]
    expected = intact.samples.copy()
    expected[FROM:UNTIL] = default
    np.testing.assert_array_equal(outcome.samples, expected)
    assert any("fault" in alarm["message"] for alarm in outcome.alarms), "never silently"


def test_neighbours_with_other_policies_are_no_cascade():
    def members(second):
        plan = Pipeline([SOURCE, {"to_voltage": {}}, {"gain": {"factor": 2, **second}}, {"null_sink": {}}]).plan
        return [node.members for group in plan.groups if group.name == "dsp" for node in group.nodes]

    assert members({}) == [["to_voltage", "gain"]]
    assert members({"on_error": "skip_packet"}) == [["to_voltage"], ["gain"]]


@pytest.mark.parametrize(("stage", "said"), [
    ({"fft": {"window_s": 0.1}}, "does not make one float frame for each it is given"),
    ({"decimate": {"to_sps": 250}}, "does not make one float frame for each it is given"),
    ({"null_sink": {}}, "makes no samples from others"),
    ({"notch": {"hz": 50, "default": [1, 2, 3]}}, "3 values are given, and the output has 8 channels"),
    ({"notch": {"hz": 50, "default": 1e39}}, "holds a value that no sample can have"),
])
def test_a_default_that_has_no_place_is_refused(stage, said):
    (name, settings), = stage.items()
    settings = {"inputs": "to_voltage", "on_error": "use_default", "default": 0, **settings}
    with pytest.raises(ConfigError, match=said):
        Pipeline([SOURCE, {"to_voltage": {}}, {name: settings}, {"null_sink": {"id": "end", "inputs": "to_voltage"}}])


@pytest.mark.parametrize("policy", ["drain_then_stop", "fatal"])
def test_a_file_that_fails_ends_alone_or_ends_the_run(policy, monkeypatch, tmp_path):
    write = CsvWriter.write

    def fail_later(self, packets):
        if packets[0].frame_index >= FROM:
            raise SinkFailed("file: no space left. Free some.", frames_written=0)
        return write(self, packets)

    monkeypatch.setattr(CsvWriter, "write", fail_later)
    chain = [SOURCE, {"to_voltage": {}}, {"null_sink": {"inputs": "to_voltage"}},
             {"csv_sink": {"id": "file", "path": str(tmp_path / "x.csv"), "inputs": "to_voltage", "on_error": policy}}]
    run = Pipeline(chain, clock="virtual").run(seconds=20)
    if policy == "fatal":
        with pytest.raises(SinkFailed, match="no space left"), run:
            assert run.wait(30)
    else:
        with run:
            assert run.wait(30)
    ledger = run.ledger()
    assert check_ledger(ledger) == []
    assert (ledger["sinks"]["null_sink"]["written"] == 20 * N) == (policy == "drain_then_stop")
    assert ledger["sinks"]["file"]["refused"]["failed"] > 0
    assert any("no space left" in alarm["message"] for alarm in run.alarms)


def test_a_sink_does_not_leave_out_what_it_fails_to_take(tmp_path):
    sink = {"csv_sink": {"path": str(tmp_path / "x.csv"), "on_error": "skip_packet"}}
    with pytest.raises(ConfigError, match="csv_sink is asked to leave out what it fails to take"):
        Pipeline([SOURCE, {"to_voltage": {}}, sink])

"""``--set ID.KEY=VALUE``: what it changes, and what it cannot."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from eegcore.config import PipelineConfig

Accepted = Callable[..., PipelineConfig]
Refused = Callable[..., list[str]]

TEXT = """\
version: 1
stages:
  - acquire: {sps: 250, chips: [{spi: a}, {spi: b}]}
  - notch: &n {hz: 50}
  - notch: {id: second, hz: 60}
  - to_voltage:
  - csv_sink: {path: x.csv}
"""


@pytest.mark.parametrize(("override", "stage", "key", "value"), [
    ("acquire.sps=1000", "acquire", "sps", 1000.0),
    ("acquire.sps=1e3", "acquire", "sps", 1000.0),
    ("acquire.labels=[Fp1, Fp2]", "acquire", "labels", ["Fp1", "Fp2"]),
    ("acquire.labels=['1', \"2\"]", "acquire", "labels", ["1", "2"]),
    ("acquire.labels=", "acquire", "labels", None),
    ("acquire.loop=true", "acquire", "loop", True),
    ("acquire.board = ads1299", "acquire", "board", "ads1299"),
    ("second.q=5", "second", "q", 5.0),
    ("csv_sink.path=../data/a b=c.txt.xz", "csv_sink", "path", "../data/a b=c.txt.xz"),
    ("csv_sink.path=filtered_{start}.csv", "csv_sink", "path", "filtered_{start}.csv"),
    ("csv_sink.path='50'", "csv_sink", "path", "50"),
])
def test_a_setting_is_replaced(override: str, stage: str, key: str, value: Any, accepted: Accepted) -> None:
    assert getattr(accepted(TEXT, override).stage(stage).settings, key) == value


def test_nested_settings_are_reached_with_dots_and_numbers(accepted: Accepted) -> None:
    chips = accepted(TEXT, "acquire.chips.1.channels=4").stage("acquire").settings.chips  # type: ignore[attr-defined]
    assert [(chip.spi, chip.channels) for chip in chips] == [("a", 8), ("b", 4)]


def test_runtime_is_set_in_the_same_way(accepted: Accepted) -> None:
    config = accepted(TEXT, "runtime.clock=virtual", "runtime.groups.dsp.cores=[1, 2]", "runtime.groups.dsp.priority=7")
    assert config.runtime.clock == "virtual"
    assert config.runtime.groups["dsp"].model_dump() == {"cores": [1, 2], "priority": 7}


def test_common_keys_can_be_set(accepted: Accepted) -> None:
    config = accepted(TEXT, "to_voltage.group=slow", "csv_sink.inputs=[acquire]")
    assert config.stage("to_voltage").common.group == "slow"
    assert config.stage("csv_sink").inputs == (("acquire", None),)


def test_the_last_of_several_counts(accepted: Accepted) -> None:
    assert accepted(TEXT, "notch.hz=1", "notch.hz=2").stage("notch").settings.hz == 2.0  # type: ignore[attr-defined]


def test_an_id_given_by_an_override_counts_for_the_next(accepted: Accepted) -> None:
    config = accepted(TEXT, "notch.id=first", "first.hz=1")
    assert config.stage("first").settings.hz == 1.0  # type: ignore[attr-defined]


def test_an_alias_is_changed_in_one_place_only(accepted: Accepted) -> None:
    config = accepted("stages:\n  a: {type: acquire}\n  b: &n {type: notch, hz: 50}\n  c: *n\n", "c.hz=60")
    assert [config.stage(name).settings.hz for name in "bc"] == [50.0, 60.0]  # type: ignore[attr-defined]


def test_overrides_reach_every_form(accepted: Accepted) -> None:
    for source in ("- acquire: {}\n", [{"acquire": {}}], {"stages": {"acquire": {"type": "acquire"}}}):
        assert accepted(source, "acquire.seed=5").stages[0].settings.seed == 5  # type: ignore[attr-defined]


@pytest.mark.parametrize(("override", "message"), [
    ("acquire.spss=4", "--set acquire.spss=4: stages[0].acquire.spss: unknown key 'spss'. Known keys: board, sps, "
     "gain, seed, "
     "loop, labels, chips, id, inputs, group, queue, overflow, on_error, restart, timeout_ms, budget_us, isolation, "
     "critical, "
     "default. Did you mean 'sps'?"),
    ("acquire.sps=fast", "--set acquire.sps=fast: stages[0].acquire.sps: 'fast' is not a number. "
     "Allowed: a number from 1 to 16000. sps: frames per second."),
    ("aquire.sps=4", "--set aquire.sps=4: no stage is called 'aquire'. "
     "Known: acquire, notch, second, to_voltage, csv_sink, runtime. Did you mean 'acquire'?"),
    ("acquire.sps", "--set acquire.sps: no '=' in it. Allowed: ID.KEY=VALUE, with the id of a stage or 'runtime'. "
     "Write for example --set acquire.sps=1000."),
    ("sps=4", "--set sps=4: 'sps' is not ID.KEY. Allowed: ID.KEY=VALUE, with the id of a stage or 'runtime'. "
     "Write for example --set acquire.sps=1000."),
    ("", "--set : no '=' in it. Allowed: ID.KEY=VALUE, with the id of a stage or 'runtime'. "
     "Write for example --set acquire.sps=1000."),
    ("acquire.sps.deep=4", "--set acquire.sps.deep=4: stages[0].acquire.sps.deep: stages[0].acquire.sps holds no "
     "further keys. "
     "Allowed: keys of mappings, and numbers of values of a list, from 0. Set the whole value."),
    ("acquire.chips.5.spi=c", "--set acquire.chips.5.spi=c: stages[0].acquire.chips[5].spi: stages[0].acquire.chips "
     "has 2 values. "
     "Allowed: keys of mappings, and numbers of values of a list, from 0. Set the whole value."),
    ("acquire.labels=[a", "--set acquire.labels=[a: stages[0].acquire.labels[1]: not YAML: did not find expected "
     "',' or ']'. "
     "Close the bracket that was opened there, or put a comma between the values."),
    ("runtime.clok=real", "--set runtime.clok=real: runtime.clok: unknown key 'clok'. "
     "Known keys: clock, realtime, queue, summary_s, groups, fallback. Did you mean 'clock'?"),
    ("notch.inputs=csv_snk", "--set notch.inputs=csv_snk: stages[1].notch.inputs: no stage is called 'csv_snk'. "
     "Known so far: acquire. Give the id of a stage."),
])
def test_message(override: str, message: str, refused: Refused) -> None:
    assert refused(TEXT, override) == [message]


def test_what_a_plan_finds_in_an_override_is_placed_there(read: Callable[..., Any]) -> None:
    _, problems = read(TEXT, "notch.hz=140")
    problems.add("stages[1].notch.hz", "140 Hz is above half the data rate", hint="Lower hz")
    assert str(problems.sorted()[0]).startswith("--set notch.hz=140: stages[1].notch.hz: 140 Hz is above")


def test_overrides_are_bounded(refused: Refused) -> None:
    assert refused(TEXT, *["notch.hz=1"] * 300) == [
        "my.yaml: more than 256 options --set. Allowed: 256. Write them into the file."]

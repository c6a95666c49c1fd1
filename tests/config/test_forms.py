"""Every form a pipeline may be written in, and what it means."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_catalogue import pipelines

from eegcore.config import COMMON_KEYS, PipelineConfig, load

Accepted = Callable[..., PipelineConfig]

LISTED = """\
version: 1
name: example
runtime: {clock: virtual, queue: 64, groups: {acquire: {cores: [0], priority: 80}, dsp: {cores: [1, 2]}}}
stages:
  - acquire: {sps: 1000}
  - to_voltage:
  - notch: {hz: 50, group: dsp, overflow: drop_oldest, queue: 16}
  - fft: {id: spectrum}
  - websocket_sink: {topic: eeg, inputs: notch}
  - bandpass: {}
  - align_and_zip: {inputs: [notch.out, bandpass]}
"""


def test_stages_keep_their_order_ids_types_and_paths(accepted: Accepted) -> None:
    config = accepted(LISTED)
    assert config.name == "example"
    assert [(stage.id, stage.type) for stage in config.stages] == [
        ("acquire", "acquire"), ("to_voltage", "to_voltage"), ("notch", "notch"), ("spectrum", "fft"),
        ("websocket_sink", "websocket_sink"), ("bandpass", "bandpass"), ("align_and_zip", "align_and_zip")]
    assert config.stage("spectrum").path == "stages[3].fft"
    assert config.stage("notch").settings.model_dump() == {"hz": 50.0, "q": 30.0}
    with pytest.raises(KeyError, match="nothing"):
        config.stage("nothing")


def test_missing_inputs_are_the_nearest_output_above(accepted: Accepted) -> None:
    inputs = {stage.id: stage.inputs for stage in accepted(LISTED).stages}
    assert inputs["acquire"] == ()
    assert inputs["to_voltage"] == (("acquire", None),)
    assert inputs["spectrum"] == (("notch", None),)
    assert inputs["bandpass"] == (("spectrum", None),)                 # over the sink
    assert inputs["align_and_zip"] == (("notch", "out"), ("bandpass", None))


def test_inputs_may_name_stages_below(accepted: Accepted) -> None:
    config = accepted("- notch: {hz: 50, inputs: acquire}\n- acquire: {}\n")
    assert config.stages[0].inputs == (("acquire", None),)


def test_common_keys_are_kept_apart_from_settings(accepted: Accepted) -> None:
    common = accepted(LISTED).stage("notch").common
    assert (common.group, common.overflow, common.queue, common.critical) == ("dsp", "drop_oldest", 16, None)


def test_every_common_key_is_understood(accepted: Accepted) -> None:
    text = """\
- acquire: {}
- notch: {hz: 50, id: n, inputs: acquire, group: dsp, queue: auto, overflow: block, on_error: use_default,
          default: [0, 1.5], restart: {strategy: circuit_breaker, open_ms: 5}, timeout_ms: 5, budget_us: 1e3,
          isolation: process, critical: true}
"""
    notch = accepted(text).stage("n")
    assert set(notch.common.model_fields_set) == set(COMMON_KEYS)
    assert notch.common.restart.model_dump() == {  # type: ignore[union-attr]
        "strategy": "circuit_breaker", "failures": 5, "open_ms": 5.0, "trials": 10}


def test_runtime_has_its_defaults(accepted: Accepted) -> None:
    assert accepted("runtime:\nstages: [acquire: ]\n").runtime.model_dump() == {
        "clock": "real", "realtime": "auto", "queue": "auto", "summary_s": 10.0, "groups": {}, "fallback": None}
    assert accepted(LISTED).runtime.groups["acquire"].priority == 80


def test_a_bare_list_is_the_stages(accepted: Accepted) -> None:
    config = accepted("- acquire: {}\n- notch: {hz: 50}\n")
    assert config.version == 1
    assert config.name == "my.yaml"
    assert config.stage("notch").path == "stages[1].notch"


def test_a_dotted_type_gives_its_last_part_as_id(accepted: Accepted) -> None:
    assert accepted("- acquire: {}\n- com.mycorp.smooth: {}\n").stages[1].id == "smooth"


def test_stages_may_be_keyed_by_id(accepted: Accepted) -> None:
    config = accepted("stages:\n  a: {type: acquire}\n  n: {type: notch, hz: 50, id: n}\n")
    assert [(stage.id, stage.type, stage.inputs) for stage in config.stages] == [
        ("a", "acquire", ()), ("n", "notch", (("a", None),))]
    assert config.stage("n").path == "stages.n"


def test_a_file_names_its_pipeline(tmp_path: Path, catalogue: dict[str, Any]) -> None:
    path = tmp_path / "eeg8.yaml"
    path.write_text("- acquire: {}\n")
    config, problems = load(path, catalogue=catalogue)
    assert not problems
    assert config is not None
    assert config.name == "eeg8"


def test_python_objects_of_the_field_are_taken(accepted: Accepted, tmp_path: Path) -> None:
    numpy = pytest.importorskip("numpy")
    config = accepted([{"acquire": {"sps": numpy.float32(500), "labels": ("a", "b"), "gain": numpy.int64(12)}},
                       {"csv_sink": {"path": tmp_path / "x.csv"}}])
    assert config.stages[0].settings.model_dump(include={"sps", "labels", "gain"}) == {
        "sps": 500.0, "labels": ["a", "b"], "gain": 12}
    assert config.stages[1].settings.path == str(tmp_path / "x.csv")  # type: ignore[attr-defined]


def test_merged_has_defaults_and_inputs_explicit(accepted: Accepted) -> None:
    merged = accepted(LISTED).merged()
    assert list(merged) == ["version", "name", "runtime", "stages"]
    assert list(merged["stages"]) == ["acquire", "to_voltage", "notch", "spectrum", "websocket_sink", "bandpass",
                                      "align_and_zip"]
    assert merged["stages"]["notch"] == {"type": "notch", "inputs": ["to_voltage"], "hz": 50.0, "q": 30.0,
                                         "group": "dsp", "queue": 16, "overflow": "drop_oldest"}
    assert merged["stages"]["acquire"]["inputs"] == []
    assert merged["stages"]["align_and_zip"]["inputs"] == ["notch.out", "bandpass"]
    assert merged["runtime"]["groups"]["dsp"] == {"cores": [1, 2], "priority": None}


@pytest.mark.parametrize("text", [LISTED, "- acquire: {chips: [{spi: a}, {spi: b, channels: 4}]}\n- csv_sink: "
                                          "{path: x}\n"])
def test_merged_loads_again_as_the_same(text: str, accepted: Accepted) -> None:
    config = accepted(text)
    for form in (config.merged(), json.dumps(config.merged()), json.dumps(config.merged(), indent=1)):
        assert _same(accepted(form), config)


@given(pipelines())
def test_any_pipeline_survives_the_round_trip(accepted: Accepted, document: Any) -> None:
    config = accepted(document)
    twin = accepted(json.dumps(config.merged()))
    assert _same(twin, config)
    assert twin.merged() == config.merged()


@given(pipelines(), st.booleans())
def test_yaml_and_python_data_mean_the_same(accepted: Accepted, document: Any, compact: bool) -> None:
    text = json.dumps(document, indent=None if compact else 2)
    assert accepted(text).merged() == accepted(document).merged()


def _same(one: PipelineConfig, other: PipelineConfig) -> bool:
    """Tell whether two configurations mean the same, wherever they were written."""
    return (one.name, one.runtime, len(one.stages)) == (other.name, other.runtime, len(other.stages)) and all(
        (a.id, a.type, a.settings, a.inputs, a.merged()) == (b.id, b.type, b.settings, b.inputs, b.merged())
        for a, b in zip(one.stages, other.stages, strict=True))

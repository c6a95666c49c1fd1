"""The JSON Schema says the same as the loader, as far as a schema can."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from small_catalogue import pipelines

from eegcore.config import pipeline_schema

jsonschema = pytest.importorskip("jsonschema", reason="the schema is checked with jsonschema")


@pytest.fixture(scope="module")
def validator(catalogue: dict[str, Any]) -> Any:
    """Return a validator of pipeline documents."""
    schema = pipeline_schema(catalogue)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_schema_is_json_and_names_its_dialect(catalogue: dict[str, Any]) -> None:
    schema = pipeline_schema(catalogue)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert json.loads(json.dumps(schema)) == schema


def test_every_stage_and_setting_is_described(catalogue: dict[str, Any]) -> None:
    schema = pipeline_schema(catalogue)
    entries = schema["$defs"]["entry"]["properties"]
    assert list(entries) == list(catalogue)
    assert entries["notch"]["description"] == "The notch of the tests."
    notch = schema["$defs"]["stage_notch"]["properties"]
    assert notch["hz"]["description"] == "frequency to remove, Hz"
    assert notch["overflow"]["description"]


def test_definitions_of_two_stages_do_not_mix(catalogue: dict[str, Any]) -> None:
    text = json.dumps(pipeline_schema(catalogue))
    defs = pipeline_schema(catalogue)["$defs"]
    for part in text.split('"#/$defs/')[1:]:
        assert part.split('"', 1)[0] in defs


@given(pipelines())
def test_schema_takes_every_good_pipeline(validator: Any, document: Any) -> None:
    assert [error.message for error in validator.iter_errors(document)] == []


@given(pipelines())
def test_schema_takes_every_merged_configuration(validator: Any, accepted: Callable[..., Any], document: Any) -> None:
    assert validator.is_valid(accepted(document).merged())


@pytest.mark.parametrize("document", [
    [], {}, {"stages": []}, {"stages": 3}, {"stages": [{"acquire": {}}], "nmae": "x"}, [{"nocth": {"hz": 50}}],
    [{"acquire": {"spss": 1}}], [{"acquire": {"sps": "fast"}}], [{"acquire": {"sps": 0}}],
    [{"notch": {}}], [{"notch": None}],
    [{"acquire": {}, "notch": {"hz": 50}}], [{"acquire": {"chips": [{"spi": "a", "channels": 5}]}}], ["acquire"],
    {"stages": {"a": {}}}, {"stages": {"A": {"type": "acquire"}}}, {"version": 2, "stages": [{"acquire": {}}]},
    {"runtime": {"clock": "fake"}, "stages": [{"acquire": {}}]}, [{"acquire": {"overflow": "drop"}}],
    [{"acquire": {"restart": {"strategy": "immediate", "base_ms": 5}}}],
])
def test_schema_refuses_what_the_loader_refuses(document: Any, validator: Any,
                                                refused: Callable[..., list[str]]) -> None:
    assert not validator.is_valid(document)
    assert refused(json.dumps(document))

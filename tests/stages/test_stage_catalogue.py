"""The catalogue: every type is documented, typed and where it belongs."""

from __future__ import annotations

import subprocess
import sys

import pytest

from eegcore.stages import catalogue
from eegcore.stages.base import StageSettings, StageType, register

TYPES = catalogue()


def test_the_first_set_is_complete():
    assert list(TYPES) == [
        "acquire", "playback",
        "to_voltage", "gain", "select",
        "reference", "detrend",
        "notch", "bandpass", "bandstop", "highpass", "lowpass", "fir",
        "envelope",
        "decimate", "resample", "moving_stats", "hampel",
        "fft", "bands", "mains",
        "lead_off", "impedance",
        "saturation", "flatline", "blink", "muscle",
        "marker_in",
        "align_and_zip",
        "websocket_sink", "null_sink", "csv_sink", "bdf_sink", "history_sink"]


def test_the_order_does_not_depend_on_what_was_imported_before():
    code = "import eegcore.stages.playback, eegcore.stages; print(*eegcore.stages.catalogue())"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.split() == list(TYPES)


@pytest.mark.parametrize("name", TYPES)
def test_a_type_has_a_sentence_and_a_role_and_every_setting_a_help_text(name):
    stage = TYPES[name]
    assert stage.name == name
    assert stage.doc.endswith(".")
    several = {"align_and_zip": (2, 8), "history_sink": (1, 4096)}
    assert stage.inputs_allowed == ((0, 0) if stage.role == "source" else several.get(name, (1, 1)))
    for key, field in stage.Settings.model_fields.items():
        assert field.description, key
        assert not field.description.endswith("."), key
    assert stage.Settings.model_json_schema()["additionalProperties"] is False


@pytest.mark.parametrize(("name", "group"), [("acquire", "acquire"), ("playback", "acquire"), ("notch", "dsp"),
                                             ("null_sink", "sinks"), ("websocket_sink", "sinks"), ("csv_sink", None)])
def test_default_groups(name, group):
    assert TYPES[name].default_group == group


def test_a_name_is_registered_once():
    with pytest.raises(ValueError, match="'notch' is registered already"):
        @register
        class Again(StageType):
            name = "notch"
            role = "stage"
            doc = "No."
            Settings = StageSettings
            default_group = "dsp"
    assert type(catalogue()["notch"]).__name__ == "Notch"


def test_settings_cannot_be_changed_behind_the_plan():
    settings = TYPES["notch"].Settings(hz=60)
    with pytest.raises(ValueError, match="frozen"):
        settings.hz = 50

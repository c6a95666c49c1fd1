"""What the detectors are told: defaults that depend on the stream, and what is refused in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from eegcore.stages import catalogue
from eegcore.stages.artefacts import frontal
from eegcore.stages.base import Context, Description, SettingProblem
from eegcore.stages.design import Designer
from eegcore.stages.stream import Kind, Stream

UV = Stream(Kind.VOLTAGE_F32, ("Fp1", "Cz", "O1"), 250.0, 16, sources=("playback",))
COUNTS = UV.replace(kind=Kind.RAW_I32, unit="counts", scale_uv=(0.5, 1.0, 2.0))


def describe(name: str, stream: Stream, **settings: Any) -> Description:
    stage = catalogue()[name]
    with Designer(Path("/nonexistent")) as designer:
        return stage.describe(stage.Settings(**settings), [stream], Context(name, "virtual", designer))


def floats(values: list[str]) -> list[float]:
    return [float.fromhex(value) for value in values]


@pytest.mark.parametrize(("name", "settings"), [("saturation", {"limit_uv": 100.0}), ("flatline", {}), ("blink", {}),
                                                ("muscle", {})])
def test_the_stream_goes_through_as_it_is(name: str, settings: dict[str, Any]) -> None:
    for stream in (UV, UV.replace(kind=Kind.RAW_AND_VOLTAGE, scale_uv=(1.0, 1.0, 1.0))):
        assert describe(name, stream, **settings).outputs[0].stream == stream


def test_full_scale_is_known_where_counts_or_their_scale_are() -> None:
    native = describe("saturation", COUNTS).native
    assert (native["plane"], floats(native["low"]), floats(native["high"])) == ("counts", [-2.0**23] * 3,
                                                                             [2.0**23 - 1] * 3)
    native = describe("saturation", COUNTS, share=0.5).native
    assert floats(native["low"]) == [-2.0**22] * 3
    native = describe("saturation", COUNTS, limit_uv=1000.0).native
    assert floats(native["high"]) == [2000.0, 1000.0, 500.0]
    native = describe("saturation", COUNTS.replace(kind=Kind.VOLTAGE_F32, unit="uV")).native
    assert (native["plane"], floats(native["low"])) == ("uv", [-2.0**22, -2.0**23, -2.0**24])


@pytest.mark.parametrize(("name", "stream", "settings", "key", "said"), [
    ("saturation", UV, {}, "limit_uv", "does not say what its full scale is"),
    ("saturation", COUNTS.replace(meta={"format": "edf"}), {}, "limit_uv", "does not say"),
    ("saturation", COUNTS, {"limit_uv": 1.0, "share": 0.5}, "share", "both given"),
    ("saturation", COUNTS.replace(scale_uv=()), {"limit_uv": 1.0}, "limit_uv", "what a count is worth"),
    ("saturation", UV.replace(unit="kOhm"), {"limit_uv": 1.0}, "inputs", "kOhm"),
    ("flatline", COUNTS, {}, "inputs", "carries counts"),
    ("flatline", UV, {"window_s": 0.004}, "window_s", "is 1 frame at 250 SPS"),
    ("flatline", UV.replace(sps=16000.0), {"window_s": 600.0}, "window_s", "28800000 samples"),
    ("blink", UV.replace(labels=("ch1", "ch2", "ch3")), {}, "labels", "no channel near the eyes is known among ch1"),
    ("blink", UV, {"labels": ["Fp2"]}, "labels", "no channel is called 'Fp2'"),
    ("blink", UV, {"low_hz": 10.0}, "low_hz", "is not below high_hz"),
    ("blink", UV.replace(sps=20.0), {}, "high_hz", "at half the data rate"),
    ("blink", UV, {"longest_s": 0.05}, "longest_s", "is not above shortest_s"),
    ("muscle", UV.replace(sps=62.5), {}, "low_hz", "leaves no band below 28.125 Hz"),
    ("muscle", UV, {"high_hz": 125.0}, "high_hz", "at half the data rate"),
    ("muscle", UV, {"mains_hz": [5.0]}, "mains_hz", "5 Hz is no mains frequency"),
    ("muscle", UV, {"labels": ["Fz"]}, "labels", "'Fz'"),
])
def test_what_cannot_work_is_refused(name: str, stream: Stream, settings: dict[str, Any], key: str, said: str) -> None:
    with pytest.raises(SettingProblem) as caught:
        describe(name, stream, **settings)
    assert caught.value.key == key
    assert said in caught.value.message
    assert caught.value.allowed or caught.value.hint


def test_channels_near_the_eyes_are_known_by_their_labels() -> None:
    labels = ("EEG FP1-REF", "af7", "Cz", "F7-T3", "C3-Fp2", "AFz", "F3", "EOG horizontal", "AF8")
    assert frontal(labels) == [0, 1, 3, 4, 8]
    assert describe("blink", UV).resolved["labels"] == ["Fp1"]


def test_the_band_of_muscles_ends_below_half_the_rate() -> None:
    assert describe("muscle", UV).resolved["high_hz"] == 112.5
    assert describe("muscle", UV.replace(sps=4000.0)).resolved["high_hz"] == 140
    plain, notched = (describe("muscle", UV, mains_hz=mains).native["sos"] for mains in ([], [50.0, 60.0]))
    assert len(notched) - len(plain) == 4                              # 50, 60, 100, 120 Hz

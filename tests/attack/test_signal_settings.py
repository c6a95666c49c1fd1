"""Settings and chains at the edge of what is allowed work, or are refused at their place before anything runs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import signal

import eegcore as ec
from eegcore.errors import ConfigError
from eegcore.stages.sos import largest_pole, settling_s

TONE = {"mode": "ac", "hz": 7.8125}


def process(*stages: dict[str, Any], sps: float = 250.0, n_channels: int = 2, **more: Any) -> np.ndarray:
    x = np.random.default_rng(1).normal(0, 20, (1000, n_channels)).astype(np.float32)
    return ec.process(x, sps=sps, stages=list(stages), **more)


@pytest.mark.parametrize(("sps", "stage", "place"), [
    (250.5, {"bandstop": {"low_hz": 1.2524999999999998e-4, "high_hz": 0.012524999999999998, "order": 2,
                          "family": "chebyshev2", "stop_db": 120}}, "bandstop.low_hz: the filter is not stable"),
    (250.0, {"notch": {"hz": 1e-9}}, "notch.q: the filter is not stable"),
    (500.0, {"muscle": {"low_hz": 1e-12}}, "muscle.low_hz: the filter is not stable"),
    (20000.0, {"muscle": {"low_hz": 5000, "high_hz": 6000}}, "muscle.mains_hz: mains and harmonics below 6000 Hz"),
    (250.0, {"lead_off": {**TONE, "bandwidth_hz": 5e-324}}, "lead_off.bandwidth_hz: .* is no width")])
def test_what_double_precision_or_the_core_cannot_do_is_refused_at_its_place(sps, stage, place):
    with pytest.raises(ConfigError, match=place):
        process(stage, sps=sps)


def test_a_tone_is_not_looked_for_between_frames():
    with pytest.raises(ConfigError, match=r"lead_off.inputs: .* 2 frames for 1 of them. Put lead_off before"):
        process({"resample": {"to_sps": 500}}, {"lead_off": TONE})
    assert np.isfinite(process({"lead_off": TONE}, {"resample": {"to_sps": 500}})).all()


@pytest.mark.parametrize("rounded", [0.0, 1e-17, 1e-12, 1e-9, 1e-4])
def test_a_pole_beside_one_is_told_from_a_pole_at_one(rounded):
    a1 = -(1.0 - rounded)
    sos = [[rounded, 0.0, 0.0, 1.0, a1, 0.0]]
    assert (largest_pole(sos) < 1) == (a1 > -1)
    if a1 > -1:
        assert settling_s(sos, 1.0) == pytest.approx(np.log(1e-3) / np.log1p(-(1.0 + a1)), rel=0.03)


@pytest.mark.parametrize(("relative", "q"), [(1e-6, 0.5), (1e-6, 1000), (1e-7, 30), (0.999999, 1000)])
def test_narrow_filters_settle_when_they_say(relative, q):
    b, a = signal.iirnotch(relative, q)
    sos = signal.tf2sos(b, a).tolist()
    if largest_pole(sos) < 1:
        n = settling_s(sos, 1.0)
        assert np.isfinite(n)
        assert n >= 0.5 * q / relative


@pytest.mark.parametrize("kind", ["bandpass", "resample", "decimate"])
def test_sixty_stages(kind):
    stage = {"bandpass": lambda n: {"low_hz": 0.5, "high_hz": 45, "order": 12},
             "resample": lambda n: {"to_sps": 250 if n % 2 else 375},
             "decimate": lambda n: {"factor": 2}}[kind]
    n_stages = 60 if kind != "decimate" else 8
    y = process(*({kind: {"id": f"s{n}", **stage(n)}} for n in range(n_stages)))
    assert np.isfinite(y).all()
    assert len(y) == (1000 if kind != "decimate" else 4)


@pytest.mark.parametrize(("arguments", "says"), [
    ({"sps": "x"}, "sps is 'x'"), ({"sps": 10**400}, "sps is 1000"), ({"sps": float("nan")}, "sps is nan"),
    ({"labels": 5}, "labels is 5"), ({"labels": "ab"}, "labels is 'ab'"), ({"labels": [1, 2]}, "labels is"),
    ({"scale_uv": "x"}, "scale_uv is 'x'"), ({"stages": None}, "stages is a NoneType"),
    ({"stages": "notch"}, "stages is a str"), ({"stages": {"notch": {}}}, "stages is a dict"),
    ({"batch": "x"}, "batch is 'x'"), ({"batch": 1.5}, "batch is 1.5"), ({"output": 5}, "output is 5"),
    ({"x": [[1.0, 2.0], [3.0]]}, "rows have different lengths"),
    ({"x": np.ma.masked_array(np.zeros((5, 2)), mask=True)}, "masked array")])
def test_an_argument_of_the_wrong_kind_is_told_by_its_name(arguments, says):
    given: dict[str, Any] = {"x": np.zeros((5, 2)), "sps": 250, "stages": [{"notch": {"hz": 50}}], **arguments}
    with pytest.raises(ValueError, match=says):
        ec.process(given.pop("x"), **given)


def test_numbers_of_numpy_are_numbers():
    y = ec.process(np.zeros((5, 2)), sps=np.float32(250), batch=np.int64(3), stages=[{"notch": {"hz": np.float64(50)}}])
    assert y.shape == (5, 2)

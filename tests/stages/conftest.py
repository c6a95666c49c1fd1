"""Fixtures of the stage tests: describe one stage on a stream made for the purpose."""

from __future__ import annotations

from fractions import Fraction

import pytest

from eegcore.stages import catalogue
from eegcore.stages.base import Context, SettingProblem
from eegcore.stages.design import Designer
from eegcore.stages.stream import Kind, Stream


@pytest.fixture(scope="session")
def designer(tmp_path_factory):
    """A designer with a cache of its own."""
    with Designer(tmp_path_factory.mktemp("designs")) as designer:
        yield designer


@pytest.fixture
def stream():
    """Make a stream: ``stream(sps=4000, n=8, kind=Kind.VOLTAGE_F32, max_frames=16)``."""
    def make(sps=4000.0, n=8, kind=Kind.VOLTAGE_F32, max_frames=16, **more):
        unit = {Kind.RAW_I32: "counts", Kind.SPECTRUM_F32: "uV^2/Hz"}.get(kind, "uV")
        if kind.has_counts:
            more.setdefault("scale_uv", tuple(0.5 + c for c in range(n)))
        if kind is Kind.SPECTRUM_F32:
            more.setdefault("axis_hz", (0.0, 1.0, 2.0))
        return Stream(kind, tuple(f"ch{c + 1}" for c in range(n)), sps, max_frames, unit=unit,
                      **{"step": Fraction(1), "sources": ("acquire",), **more})
    return make


@pytest.fixture
def describe(designer):
    """Describe a stage: ``describe("notch", [stream], hz=60)``."""
    def make(name, inputs=(), clock="real", stage_id=None, **settings):
        stage = catalogue()[name]
        return stage.describe(stage.Settings(**settings), list(inputs), Context(stage_id or name, clock, designer))
    return make


@pytest.fixture
def refusal(describe):
    """Describe a stage that must be refused; return ``key: message | allowed | hint``."""
    def make(name, inputs=(), **settings):
        with pytest.raises(SettingProblem) as caught:
            describe(name, inputs, **settings)
        problem = caught.value
        return " | ".join([f"{problem.key}: {problem.message}", problem.allowed, problem.hint])
    return make

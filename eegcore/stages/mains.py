"""`mains`: how large the line of the mains and its harmonics are on each channel, from its spectrum."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from eegcore.stages.axis import Axis, Piece, axis_of, ends_of
from eegcore.stages.base import (
    OUT,
    Context,
    Description,
    Port,
    SettingProblem,
    StageSettings,
    StageType,
    Whole,
    hz,
    register,
)
from eegcore.stages.stream import Stream


class MainsSettings(StageSettings):
    """Settings of `mains`."""

    hz: float = Field(50.0, gt=0, le=1000, description="frequency of the mains, Hz: 50 or 60")
    harmonics: Whole = Field(3, ge=1, le=32, description=(
        "lines: the mains and its multiples; those that the spectrum does not reach are left out"))
    tolerance_hz: float = Field(0.25, ge=0, le=5, description=(
        "how far the mains may be off, Hz; harmonic k may be k times as far off"))


@register
class Mains(StageType):
    """Amplitude of the mains and its harmonics."""

    name = "mains"
    role: ClassVar[Literal["stage"]] = "stage"
    doc = "Amplitude of the mains and its harmonics on every channel in uV, from an fft."
    Settings = MainsSettings
    default_group = "dsp"

    def describe(self, settings: MainsSettings, inputs: list[Stream], ctx: Context) -> Description:
        """Return SPECTRUM_F32 with one bin per line: the amplitude in uV, half of peak to peak.

        A sine of amplitude A has the power A^2 / 2, and a window spreads it over its main lobe and hardly beyond
        (0.05 % for hann), wherever between two bins it lies: what counts is the integral of the density over the
        line, ``tolerance_hz`` and the half width of the lobe to both sides, not the height of a bin. What lies
        under the line is taken to be what lies beside it, as far again on each side, and is taken off. A lone sine
        within the tolerance is right to 0.5 %; beside noise the amplitude is as good as the noise allows, and 0
        where the line is less than what lies beside it.
        `mains_level` of the meta message names hz and the tolerance, `axis_hz` the lines.
        """
        stream = inputs[0]
        axis = axis_of("mains", stream)
        lobe_hz = _lobe_hz(stream, axis)
        lines: list[float] = []
        pieces: list[Piece] = []
        for harmonic in range(1, settings.harmonics + 1):
            middle, half = harmonic * settings.hz, harmonic * settings.tolerance_hz + lobe_hz
            if not axis.holds(middle - 2 * half, middle + 2 * half):
                break
            row = len(lines)
            lines.append(middle)
            pieces += [axis.piece(row, middle - half, middle + half),
                       axis.piece(row, middle - 2 * half, middle - half, -1.0),
                       axis.piece(row, middle + half, middle + 2 * half, -1.0)]
        if not lines:
            half = settings.tolerance_hz + lobe_hz
            raise SettingProblem("hz", f"a line at {hz(settings.hz)} Hz needs {hz(settings.hz - 2 * half)} to "
                                 f"{hz(settings.hz + 2 * half)} Hz, and the spectrum has {ends_of(axis)}",
                                 hint="Raise max_hz of the fft, or make its window_s longer", about="rate")
        if 3 * (settings.tolerance_hz * len(lines) + lobe_hz) > settings.hz:
            raise SettingProblem("tolerance_hz", f"lines {hz(settings.hz)} Hz apart run into what lies beside them, "
                                 f"with bins {hz(axis.bin_hz)} Hz apart", about="rate",
                                 hint="Make window_s of the fft longer, or lower tolerance_hz or harmonics")
        out = stream.replace(unit="uV", axis_hz=tuple(lines), meta={
            **stream.meta, "mains_level": {"hz": settings.hz, "tolerance_hz": settings.tolerance_hz}})
        native: dict[str, Any] = {"node": "bands", "rows": len(lines), "pieces": [list(piece) for piece in pieces],
                                  "finish": "amplitude"}
        return Description([Port(OUT, out)], native, {"harmonics": len(lines)})


def _lobe_hz(stream: Stream, axis: Axis) -> float:
    """Return the half width of the main lobe; refuse a window that spreads a line over the whole axis."""
    window = stream.meta.get("fft", {"window": "hann", "lobe_bins": 2.0})
    if window["lobe_bins"] < 1.9:
        raise SettingProblem("inputs", f"the window of its fft is {window['window']}: up to 10 % of a line lie outside "
                             "of its main lobe", hint="Set window: hann in the fft", about="kind")
    return float(window["lobe_bins"]) * axis.bin_hz

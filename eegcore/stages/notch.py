"""`notch`: one narrow frequency removed, and its harmonics."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from eegcore.stages.base import Context, Description, StageSettings, StageType, Whole, need_voltage, register
from eegcore.stages.families import START, Start, below_nyquist, designed, filtered
from eegcore.stages.stream import Stream

MAX_HARMONICS = 32


class NotchSettings(StageSettings):
    """Settings of `notch`."""

    hz: float = Field(50.0, gt=0, le=50_000, description="frequency to remove, Hz: 50 or 60 for mains")
    q: float = Field(30.0, ge=0.5, le=1000, description=(
        "quality: hz / q is the width at -3 dB, Hz, the same for every harmonic"))
    harmonics: Whole = Field(1, ge=1, le=MAX_HARMONICS, description=(
        "how many multiples of hz are removed: 1 is hz alone, 3 is hz, 2 hz and 3 hz; "
        "those at or above half the data rate are left out"))
    start: Start = START


@register
class Notch(StageType):
    """Narrow band-stop at one frequency and its harmonics."""

    name = "notch"
    role: ClassVar[Literal["stage"]] = "stage"
    doc = "Remove one narrow frequency, such as mains, and its harmonics."
    Settings = NotchSettings
    default_group = "dsp"

    def describe(self, settings: NotchSettings, inputs: list[Stream], ctx: Context) -> Description:
        """Return the same stream, filtered by one `scipy.signal.iirnotch` for each harmonic.

        The delay is that at half the frequency.
        """
        stream = inputs[0]
        need_voltage("notch", stream)
        below_nyquist("hz", settings.hz, stream)
        multiples = [n for n in range(1, settings.harmonics + 1) if n == 1 or n * settings.hz < stream.sps / 2]
        sos = [designed(ctx, "q", stream, design="notch", hz=n * settings.hz, q=n * settings.q, sps=stream.sps)[0]
               for n in multiples]
        resolved: dict[str, Any] = {}
        if settings.harmonics > 1:
            resolved["removed_hz"] = [n * settings.hz for n in multiples]
        return filtered(ctx, stream, sos, settings.hz / 2, settings.start, resolved)

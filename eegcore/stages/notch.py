"""`notch`: one narrow frequency removed, and its harmonics."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal

from pydantic import Field

from eegcore.stages.base import (
    Context,
    Description,
    SettingProblem,
    StageSettings,
    StageType,
    Whole,
    hz,
    need_voltage,
    register,
)
from eegcore.stages.families import START, Start, below_nyquist, designed, filtered
from eegcore.stages.stream import Stream

MAX_HARMONICS = 32
TRACKING_HZ = (40.0, 70.0)                     # what can be followed: grids of 50 and 60 Hz
RANGE_HZ = 1.0                                 # how far
BLOCK_S = 0.25                                 # from one look at the mains to the next
IMAGE_HZ = 16.0                                # 4 / BLOCK_S: nearer images of the line blur it under a Hann window


class NotchSettings(StageSettings):
    """Settings of `notch`."""

    hz: float = Field(50.0, gt=0, le=50_000, description="frequency to remove, Hz: 50 or 60 for mains")
    q: float = Field(30.0, ge=0.5, le=1000, description=(
        "quality: hz / q is the width at -3 dB, Hz, the same for every harmonic"))
    harmonics: Whole = Field(1, ge=1, le=MAX_HARMONICS, description=(
        "how many multiples of hz are removed: 1 is hz alone, 3 is hz, 2 hz and 3 hz; "
        "those at or above half the data rate are left out"))
    tracking: bool = Field(False, description=(
        f"follow the mains within {RANGE_HZ:g} Hz of hz, which must be {TRACKING_HZ[0]:g} to {TRACKING_HZ[1]:g}: the "
        "first estimate comes after 3 s of mains and follows changes with a time constant of 4 s; stays where it is "
        "without mains"))
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

        The delay is that at half the frequency. With tracking the notches are those of the nominal
        frequency until the mains have been seen; the frequency in use is the counter ``mains_mhz``, 0 until then.
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
        more: dict[str, Any] = {}
        if settings.tracking:
            more["mains"] = _mains(settings.hz, stream)
            resolved["range_hz"] = [settings.hz - RANGE_HZ, settings.hz + RANGE_HZ]
        return filtered(ctx, stream, sos, settings.hz / 2, settings.start, resolved, **more)


def _mains(nominal_hz: float, stream: Stream) -> dict[str, Any]:
    """Return what `csrc/dsp/ec_mains.h` needs to find a line near a frequency.

    Raises
    ------
    SettingProblem
        If the frequency is not that of a grid, or the rate too low to tell the line from its image.
    """
    low, high = TRACKING_HZ
    if not low <= nominal_hz <= high:
        raise SettingProblem("tracking", f"only mains can be followed, and hz is {hz(nominal_hz)}",
                             allowed=f"With hz from {hz(low)} to {hz(high)}", hint="Remove tracking")
    least = 2 * nominal_hz + IMAGE_HZ
    if stream.sps < least:
        raise SettingProblem("tracking", f"{hz(stream.sps)} SPS is too slow to follow {hz(nominal_hz)} Hz",
                             allowed=f"From {hz(least)} SPS", hint="Remove tracking, or put notch before the stage "
                             "that lowers the rate", about="rate")
    n_block = round(round(BLOCK_S * nominal_hz) * stream.sps / nominal_hz)   # whole cycles, as near as frames allow
    angle = 2 * math.pi * nominal_hz / stream.sps
    turn = 2 * math.pi * math.fmod(nominal_hz * n_block, stream.sps) / stream.sps
    window = 2 * math.pi / n_block
    rad_per_hz = 2 * math.pi * n_block / stream.sps
    numbers = {"cos_hz": math.cos(angle), "sin_hz": math.sin(angle), "cos_block": math.cos(turn),
               "sin_block": math.sin(turn), "cos_window": math.cos(window), "sin_window": math.sin(window),
               "limit": math.tan(RANGE_HZ * rad_per_hz / 2), "mhz": 1e3 * nominal_hz, "mhz_per_rad": 1e3 / rad_per_hz}
    return {"block": n_block, **{name: value.hex() for name, value in numbers.items()}}

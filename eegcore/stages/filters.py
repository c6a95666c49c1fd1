"""`bandpass`, `bandstop`, `highpass`, `lowpass`: second-order sections, designed by scipy."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

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
from eegcore.stages.families import (
    FAMILY,
    ORDER,
    RIPPLE_DB,
    START,
    STOP_DB,
    Family,
    Start,
    below_nyquist,
    filtered,
    sections,
)
from eegcore.stages.stream import Stream


def edges_in_order(low_hz: float, high_hz: float, stream: Stream) -> None:
    """Refuse two edges that are not in order, or not below half the data rate.

    Raises
    ------
    SettingProblem
    """
    below_nyquist("high_hz", high_hz, stream)
    if low_hz >= high_hz:
        raise SettingProblem("low_hz", f"{hz(low_hz)} Hz is not below high_hz ({hz(high_hz)} Hz)",
                             hint="Lower low_hz or raise high_hz")


class BandpassSettings(StageSettings):
    """Settings of `bandpass`."""

    low_hz: float = Field(0.5, gt=0, le=50_000, description="lower edge of what passes, Hz")
    high_hz: float = Field(45.0, gt=0, le=50_000, description="upper edge of what passes, Hz")
    family: Family = FAMILY
    order: Whole = ORDER
    ripple_db: float | None = RIPPLE_DB
    stop_db: float | None = STOP_DB
    start: Start = START


@register
class Bandpass(StageType):
    """Band-pass of any family."""

    name = "bandpass"
    role: ClassVar[Literal["stage"]] = "stage"
    doc = "Keep what lies between two frequencies."
    Settings = BandpassSettings
    default_group = "dsp"

    def describe(self, settings: BandpassSettings, inputs: list[Stream], ctx: Context) -> Description:
        """Return the same stream, filtered; the delay is that at the geometric mean of the edges."""
        stream = inputs[0]
        need_voltage("bandpass", stream)
        low, high = settings.low_hz, settings.high_hz
        edges_in_order(low, high, stream)
        sos, resolved = sections(ctx, "low_hz", stream, settings, "bandpass", [low, high])
        return filtered(ctx, stream, sos, math.sqrt(low * high), settings.start, resolved)


class BandstopSettings(StageSettings):
    """Settings of `bandstop`."""

    low_hz: float = Field(48.0, gt=0, le=50_000, description="lower edge of what is removed, Hz")
    high_hz: float = Field(52.0, gt=0, le=50_000, description="upper edge of what is removed, Hz")
    family: Family = FAMILY
    order: Whole = ORDER
    ripple_db: float | None = RIPPLE_DB
    stop_db: float | None = STOP_DB
    start: Start = START


@register
class Bandstop(StageType):
    """Band-stop of any family."""

    name = "bandstop"
    role: ClassVar[Literal["stage"]] = "stage"
    doc = "Remove what lies between two frequencies; for one narrow frequency use notch."
    Settings = BandstopSettings
    default_group = "dsp"

    def describe(self, settings: BandstopSettings, inputs: list[Stream], ctx: Context) -> Description:
        """Return the same stream, filtered; the delay is that at half the lower edge."""
        stream = inputs[0]
        need_voltage("bandstop", stream)
        low, high = settings.low_hz, settings.high_hz
        edges_in_order(low, high, stream)
        sos, resolved = sections(ctx, "low_hz", stream, settings, "bandstop", [low, high])
        return filtered(ctx, stream, sos, low / 2, settings.start, resolved)


class HighpassSettings(StageSettings):
    """Settings of `highpass`."""

    hz: float = Field(0.5, gt=0, le=50_000, description="edge of what passes, Hz")
    family: Family = FAMILY
    order: Whole = ORDER
    ripple_db: float | None = RIPPLE_DB
    stop_db: float | None = STOP_DB
    start: Start = START


@register
class Highpass(StageType):
    """High-pass of any family."""

    name = "highpass"
    role: ClassVar[Literal["stage"]] = "stage"
    doc = "Keep what lies above a frequency."
    Settings = HighpassSettings
    default_group = "dsp"

    def describe(self, settings: HighpassSettings, inputs: list[Stream], ctx: Context) -> Description:
        """Return the same stream, filtered; the delay is that at the geometric mean of edge and half the rate."""
        stream = inputs[0]
        need_voltage("highpass", stream)
        below_nyquist("hz", settings.hz, stream)
        sos, resolved = sections(ctx, "hz", stream, settings, "highpass", [settings.hz])
        return filtered(ctx, stream, sos, math.sqrt(settings.hz * stream.sps / 2), settings.start, resolved)


class LowpassSettings(StageSettings):
    """Settings of `lowpass`."""

    hz: float = Field(45.0, gt=0, le=50_000, description="edge of what passes, Hz")
    family: Family = FAMILY
    order: Whole = ORDER
    ripple_db: float | None = RIPPLE_DB
    stop_db: float | None = STOP_DB
    start: Start = START


@register
class Lowpass(StageType):
    """Low-pass of any family."""

    name = "lowpass"
    role: ClassVar[Literal["stage"]] = "stage"
    doc = "Keep what lies below a frequency."
    Settings = LowpassSettings
    default_group = "dsp"

    def describe(self, settings: LowpassSettings, inputs: list[Stream], ctx: Context) -> Description:
        """Return the same stream, filtered; the delay is that at half the edge."""
        stream = inputs[0]
        need_voltage("lowpass", stream)
        below_nyquist("hz", settings.hz, stream)
        sos, resolved = sections(ctx, "hz", stream, settings, "lowpass", [settings.hz])
        return filtered(ctx, stream, sos, settings.hz / 2, settings.start, resolved)

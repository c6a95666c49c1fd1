"""`notch`, `bandpass`, `highpass`, `lowpass`: second-order sections, designed by scipy.

Order is scipy's: ``order: 4`` of a band-pass is ``butter(4, ..., "bandpass")``, four sections.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal

from pydantic import Field

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
    need_voltage,
    register,
)
from eegcore.stages.design import DesignError, Sos, sos_to_hex
from eegcore.stages.scaling import linear, voltage_only
from eegcore.stages.sos import group_delay_s, largest_pole, settling_s
from eegcore.stages.stream import Stream

_ORDER = Field(4, ge=1, le=12, description="order of the Butterworth prototype, as scipy.signal.butter counts it")


def below_nyquist(key: str, value_hz: float, stream: Stream) -> None:
    """Refuse an edge that is not below half the data rate.

    Raises
    ------
    SettingProblem
    """
    half = stream.sps / 2
    if value_hz >= half:
        relation = "at" if value_hz == half else "above"
        raise SettingProblem(key, f"{hz(value_hz)} Hz is {relation} half the data rate ({hz(half)} Hz at "
                             f"{hz(stream.sps)} SPS)", hint=f"Lower {key} or raise the data rate of the source",
                             about="rate")


def designed(ctx: Context, key: str, stream: Stream, **spec: Any) -> Sos:
    """Return the sections of a design, refusing one that cannot work in double precision.

    Raises
    ------
    SettingProblem
    """
    try:
        sos = ctx.designer.sos(**spec)
    except DesignError as error:
        raise SettingProblem(key, f"the filter could not be designed: {error}", about="rate") from None
    if not largest_pole(sos) < 1.0:
        raise SettingProblem(key, f"the filter is not stable at {hz(stream.sps)} SPS",
                             hint="Raise the lowest edge or lower the order, or decimate first", about="rate")
    return sos


def filtered(ctx: Context, stream: Stream, sos: Sos, middle_hz: float) -> Description:
    """Describe the output of a filter that keeps rate and shape."""
    out = voltage_only(stream).after_filter(ctx.stage_id).replace(
        delay_s=stream.delay_s + group_delay_s(sos, middle_hz, stream.sps),
        settling_s=stream.settling_s + settling_s(sos, stream.sps))
    return Description([Port(OUT, out)], linear([{"op": "sos", "sos": sos_to_hex(sos)}]))


class NotchSettings(StageSettings):
    """Settings of `notch`."""

    hz: float = Field(50.0, gt=0, le=50_000, description="frequency to remove, Hz: 50 or 60 for mains")
    q: float = Field(30.0, ge=0.5, le=1000, description="quality: hz / q is the width at -3 dB")


@register
class Notch(StageType):
    """Narrow band-stop at one frequency."""

    name = "notch"
    role: ClassVar[Literal["stage"]] = "stage"
    doc = "Remove one narrow frequency, such as mains."
    Settings = NotchSettings
    default_group = "dsp"

    def describe(self, settings: NotchSettings, inputs: list[Stream], ctx: Context) -> Description:
        """Return the same stream, filtered by `scipy.signal.iirnotch`."""
        stream = inputs[0]
        need_voltage("notch", stream)
        below_nyquist("hz", settings.hz, stream)
        sos = designed(ctx, "q", stream, design="notch", hz=settings.hz, q=settings.q, sps=stream.sps)
        return filtered(ctx, stream, sos, settings.hz / 2)


class BandpassSettings(StageSettings):
    """Settings of `bandpass`."""

    low_hz: float = Field(0.5, gt=0, le=50_000, description="lower edge of what passes, Hz")
    high_hz: float = Field(45.0, gt=0, le=50_000, description="upper edge of what passes, Hz")
    order: Whole = _ORDER


@register
class Bandpass(StageType):
    """Butterworth band-pass."""

    name = "bandpass"
    role: ClassVar[Literal["stage"]] = "stage"
    doc = "Keep what lies between two frequencies (Butterworth)."
    Settings = BandpassSettings
    default_group = "dsp"

    def describe(self, settings: BandpassSettings, inputs: list[Stream], ctx: Context) -> Description:
        """Return the same stream, filtered by `scipy.signal.butter`."""
        stream = inputs[0]
        need_voltage("bandpass", stream)
        low, high = settings.low_hz, settings.high_hz
        below_nyquist("high_hz", high, stream)
        if low >= high:
            raise SettingProblem("low_hz", f"{hz(low)} Hz is not below high_hz ({hz(high)} Hz)",
                                 hint="Lower low_hz or raise high_hz")
        sos = designed(ctx, "low_hz", stream, design="butter", order=settings.order, edges_hz=[low, high],
                       btype="bandpass", sps=stream.sps)
        return filtered(ctx, stream, sos, math.sqrt(low * high))


class HighpassSettings(StageSettings):
    """Settings of `highpass`."""

    hz: float = Field(0.5, gt=0, le=50_000, description="edge of what passes, Hz")
    order: Whole = _ORDER


@register
class Highpass(StageType):
    """Butterworth high-pass."""

    name = "highpass"
    role: ClassVar[Literal["stage"]] = "stage"
    doc = "Keep what lies above a frequency (Butterworth)."
    Settings = HighpassSettings
    default_group = "dsp"

    def describe(self, settings: HighpassSettings, inputs: list[Stream], ctx: Context) -> Description:
        """Return the same stream, filtered by `scipy.signal.butter`."""
        stream = inputs[0]
        need_voltage("highpass", stream)
        below_nyquist("hz", settings.hz, stream)
        sos = designed(ctx, "hz", stream, design="butter", order=settings.order, edges_hz=[settings.hz],
                       btype="highpass", sps=stream.sps)
        return filtered(ctx, stream, sos, math.sqrt(settings.hz * stream.sps / 2))


class LowpassSettings(StageSettings):
    """Settings of `lowpass`."""

    hz: float = Field(45.0, gt=0, le=50_000, description="edge of what passes, Hz")
    order: Whole = _ORDER


@register
class Lowpass(StageType):
    """Butterworth low-pass."""

    name = "lowpass"
    role: ClassVar[Literal["stage"]] = "stage"
    doc = "Keep what lies below a frequency (Butterworth)."
    Settings = LowpassSettings
    default_group = "dsp"

    def describe(self, settings: LowpassSettings, inputs: list[Stream], ctx: Context) -> Description:
        """Return the same stream, filtered by `scipy.signal.butter`."""
        stream = inputs[0]
        need_voltage("lowpass", stream)
        below_nyquist("hz", settings.hz, stream)
        sos = designed(ctx, "hz", stream, design="butter", order=settings.order, edges_hz=[settings.hz],
                       btype="lowpass", sps=stream.sps)
        return filtered(ctx, stream, sos, settings.hz / 2)

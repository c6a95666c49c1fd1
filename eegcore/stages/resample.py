"""`resample`: another data rate by a rational ratio."""

from __future__ import annotations

from fractions import Fraction
from typing import ClassVar, Literal

from pydantic import Field

from eegcore.stages.base import (
    Context,
    Description,
    SettingProblem,
    StageSettings,
    StageType,
    hz,
    need_voltage,
    register,
)
from eegcore.stages.rate_change import resampled
from eegcore.stages.sinc import kaiser
from eegcore.stages.stream import Stream

MAX_PART = 512                                 # of numerator and denominator: 10 241 taps
MAX_UP = 16                                    # more frames than that from one are an ever emptier promise
USUAL_SPS = (100, 125, 128, 160, 200, 250, 256, 300, 400, 500, 512, 600, 1000, 1024, 1200, 2000, 2048, 2400, 4000,
             4096, 4800, 8000, 8192, 16_000, 16_384)
SAME_RATE = 1e-9                               # relative; rates beyond that differ


class ResampleSettings(StageSettings):
    """Settings of `resample`."""

    to_sps: float = Field(..., gt=0, le=100_000, description="rate wanted; any rate near a ratio of whole numbers")


@register
class Resample(StageType):
    """Change the data rate by a ratio of whole numbers."""

    name = "resample"
    role: ClassVar[Literal["stage"]] = "stage"
    doc = "Change the data rate by a ratio of whole numbers, such as 4000 to 512 SPS."
    Settings = ResampleSettings
    default_group = "dsp"

    def describe(self, settings: ResampleSettings, inputs: list[Stream], ctx: Context) -> Description:
        """Return the stream at another rate, as `scipy.signal.upfirdn` makes it: causal, linear phase.

        With ``up / down`` the reduced ratio of the rates, output k sits at ``k * down / up`` input frames
        since frame 0, for ever. The filter is that of `scipy.signal.resample_poly` (Kaiser window,
        beta 5; 10 periods of the lower rate to either side) with each phase scaled to a gain of 1 at 0 Hz
        (`sinc.lowpass_taps`): -6 dB at half the lower rate, more than 52 dB down from 1.16 of it on.
        The delay is exactly 10 periods of the lower rate. Frames before the first are zero, after a gap too.
        """
        stream = inputs[0]
        need_voltage("resample", stream)
        ratio = _ratio(settings.to_sps, stream.sps)
        if ratio == 1:
            raise SettingProblem("to_sps", f"{hz(settings.to_sps)} SPS is the rate of the input",
                                 hint="Remove this stage, or change to_sps", about="rate")
        return resampled(ctx, stream, ratio.numerator, ratio.denominator, kaiser, "to_sps")


def _ratio(to_sps: float, sps: float) -> Fraction:
    ratio = Fraction(to_sps) / Fraction(sps)
    near = _nearest(ratio)
    if abs(near - ratio) > SAME_RATE * ratio:
        raise SettingProblem("to_sps", f"{hz(sps)} to {hz(to_sps)} SPS is no ratio of small whole numbers",
                             allowed=f"Numerator and denominator up to {MAX_PART}",
                             hint=f"Nearby: {_nearby(to_sps, sps)}", about="rate")
    if near > MAX_UP:
        raise SettingProblem("to_sps", f"{hz(sps)} to {hz(to_sps)} SPS is {float(near):.4g} frames for each",
                             allowed=f"At most {MAX_UP} for each", hint=f"Use {hz(sps * MAX_UP)} SPS or less",
                             about="rate")
    return near


def _nearest(ratio: Fraction) -> Fraction:
    """Return the nearest fraction whose parts are within the limit."""
    if ratio > 1:
        return 1 / (1 / ratio).limit_denominator(MAX_PART) if ratio < 2 * MAX_PART else Fraction(MAX_PART)
    return ratio.limit_denominator(MAX_PART) or Fraction(1, MAX_PART)


def _nearby(to_sps: float, sps: float) -> str:
    """Return usual rates below and above that have a ratio, and the nearest rate of all."""
    usual = [rate for rate in USUAL_SPS
             if max((part := Fraction(rate) / Fraction(sps)).numerator, part.denominator) <= MAX_PART]
    below = [rate for rate in usual if rate < to_sps][-1:]
    above = [rate for rate in usual if rate > to_sps][:1]
    nearest = float(_nearest(Fraction(to_sps) / Fraction(sps)) * Fraction(sps))
    return " or ".join(f"{hz(rate)}" for rate in sorted({*below, nearest, *above})) + " SPS"

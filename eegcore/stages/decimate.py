"""`decimate`: low-pass, then keep every n-th frame.

The kept frames are those whose device frame index is a multiple of the total
step, so that which frames survive does not depend on where a run or a packet began.
"""

from __future__ import annotations

from dataclasses import replace
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
from eegcore.stages.design import sos_to_hex
from eegcore.stages.families import designed
from eegcore.stages.rate_change import resampled
from eegcore.stages.scaling import linear, voltage_only
from eegcore.stages.sinc import hamming
from eegcore.stages.sos import group_delay_s, settling_s
from eegcore.stages.stream import Stream

MAX_FACTOR = 256


class DecimateSettings(StageSettings):
    """Settings of `decimate`."""

    to_sps: float | None = Field(None, ge=0.001, le=100_000, description=(
        "rate wanted; the input rate must be a multiple"))
    factor: Whole | None = Field(None, ge=2, le=MAX_FACTOR, description="keep one frame of this many")
    filter: Literal["iir", "fir"] = Field("iir", description=(
        "iir fir; iir delays least, fir delays all frequencies alike, by 10 frames of the output"))


@register
class Decimate(StageType):
    """Lower the data rate by a whole factor, without aliases."""

    name = "decimate"
    role: ClassVar[Literal["stage"]] = "stage"
    doc = "Lower the data rate by a whole factor, with the low-pass that keeps aliases out."
    Settings = DecimateSettings
    default_group = "dsp"

    def describe(self, settings: DecimateSettings, inputs: list[Stream], ctx: Context) -> Description:
        """Return a slower stream, as `scipy.signal.decimate(x, factor, ftype=filter, zero_phase=False)` makes it.

        ``iir`` is Chebyshev type 1 of order 8, 0.05 dB of ripple up to 0.8 of half the new rate; what is
        folded into that band is 41 dB down at least, what stays above it 22 dB. One filter whatever the
        factor: the advice to split factors above 13 is about coefficients in polynomial form,
        sections in double precision do not need it. ``fir`` is a Hamming windowed sinc of 20 frames of
        the output: linear phase, 52 dB down from 1.2 of half the new rate on, -6 dB at it.
        """
        stream = inputs[0]
        need_voltage("decimate", stream)
        factor = _factor(settings, stream)
        if settings.filter == "fir":
            made = resampled(ctx, stream, 1, factor, hamming, "factor")
            return replace(made, resolved={"factor": factor, "to_sps": made.outputs[0].stream.sps})
        sos = designed(ctx, "factor", stream, design="decimate", factor=factor)
        step = stream.step * factor
        out = voltage_only(stream).after_filter(ctx.stage_id).replace(
            sps=stream.sps / factor, step=step, max_frames=-(-stream.max_frames // factor),
            delay_s=stream.delay_s + group_delay_s(sos, 0.4 * stream.sps / factor / 2, stream.sps),
            settling_s=stream.settling_s + settling_s(sos, stream.sps))
        ops: list[dict[str, Any]] = [
            {"op": "sos", "sos": sos_to_hex(sos)},
            {"op": "decimate", "factor": factor, "step": [step.numerator, step.denominator]}]
        return Description([Port(OUT, out)], linear(ops), {"factor": factor, "to_sps": stream.sps / factor})


def _factor(settings: DecimateSettings, stream: Stream) -> int:
    if (settings.factor is None) == (settings.to_sps is None):
        raise SettingProblem("factor", "factor and to_sps are both given" if settings.factor
                             else "neither to_sps nor factor is given", hint="Give one of the two")
    if settings.factor is not None:
        return settings.factor
    wanted = settings.to_sps or 0.0
    ratio = stream.sps / wanted
    factor = round(ratio)
    if abs(ratio - factor) > 1e-9 * ratio:
        near = [stream.sps / n for n in (int(ratio), int(ratio) + 1) if n >= 2]
        raise SettingProblem("to_sps", f"{hz(stream.sps)} SPS is no multiple of {hz(wanted)} SPS (ratio {ratio:.4g})",
                             allowed="A whole ratio from 2",
                             hint=f"Nearby: {' or '.join(hz(rate) for rate in near)}" if near else "", about="rate")
    if factor < 2:
        raise SettingProblem("to_sps", f"{hz(wanted)} SPS is not below the input rate ({hz(stream.sps)} SPS)",
                             hint="Remove this stage, or lower to_sps", about="rate")
    if factor > MAX_FACTOR:
        raise SettingProblem("to_sps", f"{hz(stream.sps)} SPS to {hz(wanted)} SPS is a factor of {factor}",
                             allowed=f"At most {MAX_FACTOR}", hint="Use two decimate stages", about="rate")
    return factor

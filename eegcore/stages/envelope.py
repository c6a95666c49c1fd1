"""`envelope`: how strong an oscillation is, frame by frame.

The input is expected to be a band already (a `bandpass` or `fir` in front): the envelope of everything at once
means little, and an offset would be part of it.
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
from eegcore.stages.design import DesignError, sos_to_hex, taps_to_hex
from eegcore.stages.families import below_nyquist, designed
from eegcore.stages.fir import WIDTHS, check_cost
from eegcore.stages.scaling import linear, voltage_only
from eegcore.stages.sos import group_delay_s, settling_s
from eegcore.stages.stream import Stream

LOW_HZ, CUTOFF_HZ, ORDER = 4.0, 4.0, 2
MOST_TAPS = 4095
OF_KIND = {"analytic": ("low_hz", "n_taps"), "rectify": ("cutoff_hz", "order")}


class EnvelopeSettings(StageSettings):
    """Settings of `envelope`."""

    kind: Literal["analytic", "rectify"] = Field("analytic", description=(
        "analytic: magnitude of the analytic signal, the amplitude of a sine; rectify: size of every sample, then a "
        "low-pass, 2 / pi of the amplitude of a sine"))
    low_hz: float | None = Field(None, gt=0, le=50_000, description=(
        f"analytic: lowest frequency in the input, Hz, default {LOW_HZ:g}; the lower, the longer the delay"))
    n_taps: Whole | None = Field(None, ge=7, le=MOST_TAPS, description=(
        "analytic: length of the Hilbert transformer, 7, 11, 15 and so on, in place of low_hz"))
    cutoff_hz: float | None = Field(None, gt=0, le=50_000, description=(
        f"rectify: edge of the low-pass, Hz, default {CUTOFF_HZ:g}; below twice the lowest frequency in the input"))
    order: Whole | None = Field(None, ge=1, le=12, description=(
        f"rectify: order of the low-pass (Butterworth), default {ORDER}"))


@register
class Envelope(StageType):
    """Amplitude of a band."""

    name = "envelope"
    role: ClassVar[Literal["stage"]] = "stage"
    doc = "Amplitude of an oscillation frame by frame; put the band-pass of the band in front."
    Settings = EnvelopeSettings
    default_group = "dsp"

    def describe(self, settings: EnvelopeSettings, inputs: list[Stream], ctx: Context) -> Description:
        """Return the same channels in uV: their envelopes. ``meta["envelope"]`` says of which kind.

        After a gap the transformer takes the missing frames to have been like the first one behind it, and is
        `settling` until they are out of reach; the low-pass goes on as every filter does.
        """
        stream = inputs[0]
        need_voltage("envelope", stream)
        for kind, keys in OF_KIND.items():
            for key in keys:
                if kind != settings.kind and getattr(settings, key) is not None:
                    raise SettingProblem(key, f"{key} belongs to kind: {kind}, and the kind is {settings.kind}",
                                         hint=f"Remove {key}, or set kind: {kind}")
        out = voltage_only(stream).after_filter(ctx.stage_id)
        out = out.replace(meta={**out.meta, "envelope": settings.kind})
        return (_analytic if settings.kind == "analytic" else _rectified)(settings, out, ctx)


def _analytic(settings: EnvelopeSettings, stream: Stream, ctx: Context) -> Description:
    """Describe ``sqrt(x[n - m]^2 + h[n]^2)`` with a Hilbert transformer of ``2 m + 1`` taps, Hamming window.

    Its response is 1 within 0.7 % from `low_hz` up to as far below half the data rate. It jumps from -1 to 1 at
    0 Hz, and the transition of that edge, ``3.3 * sps / n_taps`` wide for this window, lies to both sides of it:
    hence ``n_taps = 3.3 / 2 * sps / low_hz``.
    """
    width, sps = WIDTHS["hamming"] / 2, stream.sps
    if settings.n_taps is not None:
        if settings.low_hz is not None:
            raise SettingProblem("n_taps", "n_taps and low_hz are both given", hint="Give one of the two")
        n_taps, low = settings.n_taps, width * sps / settings.n_taps
        if n_taps % 4 != 3:
            raise SettingProblem("n_taps", f"the outermost of {n_taps} taps would be 0, or there would be none in the "
                                 "middle", allowed="7, 11, 15 and so on: three more than a multiple of 4",
                                 hint=f"Give {n_taps // 4 * 4 + 3}")
    else:
        low = settings.low_hz if settings.low_hz is not None else LOW_HZ
        if low >= sps / 4:
            raise SettingProblem("low_hz", f"{hz(low)} Hz is not below a quarter of the data rate ({hz(sps / 4)} Hz)",
                                 hint="Lower low_hz or raise the data rate of the source", about="rate")
        n_taps = max(7, math.ceil((width * sps / low + 1) / 4) * 4 - 1)
        if n_taps > MOST_TAPS:
            raise SettingProblem(
                "low_hz", f"from {hz(low)} Hz at {hz(sps)} SPS a Hilbert transformer takes {n_taps} taps",
                allowed=f"At most {MOST_TAPS} taps", hint="Decimate first, raise low_hz, or set kind: rectify",
                about="rate")
    try:
        taps = ctx.designer.taps(design="hilbert", n_taps=n_taps, window="hamming")
    except DesignError as error:
        raise SettingProblem("n_taps", f"the filter could not be designed: {error}") from None
    out = stream.replace(delay_s=stream.delay_s + (n_taps - 1) / 2 / sps,
                         settling_s=stream.settling_s + (n_taps - 1) / sps)
    return Description([Port(OUT, out)], linear([{"op": "analytic", "taps": taps_to_hex(taps)}]),
                       {"n_taps": n_taps, "low_hz": low}, warnings=check_cost("n_taps", len(taps), stream, ctx))


def _rectified(settings: EnvelopeSettings, stream: Stream, ctx: Context) -> Description:
    cutoff = settings.cutoff_hz if settings.cutoff_hz is not None else CUTOFF_HZ
    order = settings.order if settings.order is not None else ORDER
    below_nyquist("cutoff_hz", cutoff, stream)
    sos = designed(ctx, "cutoff_hz", stream, design="butter", order=order, edges_hz=[cutoff], btype="lowpass",
                   sps=stream.sps)
    out = stream.replace(delay_s=stream.delay_s + group_delay_s(sos, cutoff / 2, stream.sps),
                         settling_s=stream.settling_s + settling_s(sos, stream.sps))
    ops: list[dict[str, Any]] = [{"op": "rectify"}, {"op": "sos", "sos": sos_to_hex(sos)}]
    return Description([Port(OUT, out)], linear(ops), {"cutoff_hz": cutoff, "order": order})

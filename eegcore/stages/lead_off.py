"""`lead_off`: the EEG as it would be without the lead-off current, and which electrodes are off."""

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
    StageType,
    hz,
    need_voltage,
    register,
)
from eegcore.stages.current import CurrentSettings, current_of, frames_of_cycle
from eegcore.stages.scaling import linear, voltage_only
from eegcore.stages.sos import SETTLED
from eegcore.stages.stream import Stream

MAX_HALF = 32768                               # EC_COMB_MAX_HALF of csrc/dsp/ec_comb.h


class LeadOffSettings(CurrentSettings):
    """Settings of `lead_off`."""

    bandwidth_hz: float = Field(1.0, gt=0, le=1000, description=(
        "width of each notch at -3 dB, Hz; narrower takes less of the EEG and follows changes more slowly"))
    debounce_s: float = Field(0.2, ge=0, le=60, description=(
        "an electrode counts as off, and as on again, after the chip has said so for that long, s"))


@register
class LeadOff(StageType):
    """Remove the lead-off tone and say which electrodes are off."""

    name = "lead_off"
    role: ClassVar[Literal["stage"]] = "stage"
    doc = "Remove the lead-off tone and its harmonics, mark it, and debounce what the chip says of electrodes."
    Settings = LeadOffSettings
    default_group = "dsp"

    def describe(self, settings: LeadOffSettings, inputs: list[Stream], ctx: Context) -> Description:
        """Return the same stream without the tone.

        With M frames in half a period of the tone the filter is, once it has settled,
        ``(1 + r)/2 * (1 + z^-M) / (1 + r z^-M)``: zeros at the tone and all its odd harmonics,
        a gain of one at 0 Hz and at the even ones. ``r = (1 - t)/(1 + t)`` with
        ``t = tan(pi B M / (2 sps))`` makes each notch B wide at -3 dB, because half power
        is where ``cos(M w) = -2 r / (1 + r^2)``. Its delay far from the zeros is M t / 2 frames.
        """
        stream = inputs[0]
        need_voltage("lead_off", stream)
        current = current_of("lead_off", settings, stream)
        ops: list[dict[str, Any]] = []
        out = voltage_only(stream)
        if current.mode == "ac":
            half = frames_of_cycle(current.hz, stream) // 2
            if half > MAX_HALF:
                raise SettingProblem("hz", f"half a period of {hz(current.hz)} Hz is {half} frames",
                                     allowed=f"At most {MAX_HALF}", hint="Put a decimate before it", about="rate")
            if settings.bandwidth_hz > current.hz:
                raise SettingProblem("bandwidth_hz", f"{hz(settings.bandwidth_hz)} Hz is wider than the tone is high "
                                     f"({hz(current.hz)} Hz)", allowed=f"Up to {hz(current.hz)} Hz")
            if stream.step.denominator != 1:
                raise SettingProblem("inputs", "the filter runs in whole frames of the device, and its input has "
                                     f"{stream.step.denominator} frames for {stream.step.numerator} of them",
                                     hint="Put lead_off before the resample")
            t = math.tan(math.pi * settings.bandwidth_hz * half / (2 * stream.sps))
            r = max(0.0, (1 - t) / (1 + t))
            if r == 1.0:
                raise SettingProblem("bandwidth_hz", f"{hz(settings.bandwidth_hz)} Hz is no width at "
                                     f"{hz(stream.sps)} SPS: the notches would never settle", hint="Use 0.01 or more")
            ops.append({"op": "comb", "half": half, "rate": (1 - r).hex()})
            settling = half * (1 + (math.log(SETTLED) / math.log(r) if r > 0 else 0)) / stream.sps
            out = out.after_filter(ctx.stage_id).replace(delay_s=stream.delay_s + half * t / 2 / stream.sps,
                                                         settling_s=stream.settling_s + settling)
        ops.append({"op": "debounce", "frames": round(settings.debounce_s * stream.sps)})
        resolved = {"mode": current.mode, "hz": current.hz} if current.mode == "ac" else {"mode": current.mode}
        return Description([Port(OUT, out)], linear(ops), resolved)

"""`detrend`: without the slow drift, by a sliding window."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from eegcore.stages.base import (
    OUT,
    Context,
    Description,
    Port,
    SettingProblem,
    StageSettings,
    StageType,
    hz,
    need_voltage,
    register,
)
from eegcore.stages.scaling import linear, voltage_only
from eegcore.stages.stream import Stream

MAX_WINDOW_FRAMES = 2**20                      # EC_SLIDING_TREND_MAX_FRAMES of csrc/dsp/ec_sliding_trend.h
MAX_WINDOW_SAMPLES = 2**26                     # EC_SLIDING_TREND_MAX_DOUBLES: 512 MiB
_LANES = 8                                     # channels are padded to a multiple of it
_LEAST = {"constant": 2, "linear": 3}          # frames: fewer leave nothing


class DetrendSettings(StageSettings):
    """Settings of `detrend`."""

    kind: Literal["constant", "linear"] = Field("constant", description=(
        "constant: minus the mean of the window; linear: minus the straight line through it"))
    window_s: float = Field(4.0, gt=0, le=600, description="length of the window that ends with the newest sample, s")


@register
class Detrend(StageType):
    """Subtract a sliding mean or straight line."""

    name = "detrend"
    role: ClassVar[Literal["stage"]] = "stage"
    doc = "Subtract the mean, or the newest value of the least-squares line, of the last seconds."
    Settings = DetrendSettings
    default_group = "dsp"

    def describe(self, settings: DetrendSettings, inputs: list[Stream], ctx: Context) -> Description:
        """Return the same stream; every sample is the last of `scipy.signal.detrend` of the window that ends with it.

        During the first window, and the first after a gap, the window is what there is; `settling` is set
        that long. What passes is not delayed; the trend is: the mean shows the signal half a
        window late, the line is on time for a signal that is straight. A sample that is not finite leaves as it
        is and counts in the window as the last good one.
        """
        stream = inputs[0]
        need_voltage("detrend", stream)
        n = round(settings.window_s * stream.sps)
        padded = -(-stream.n_channels // _LANES) * _LANES
        most = min(MAX_WINDOW_FRAMES, MAX_WINDOW_SAMPLES // padded)
        if n < _LEAST[settings.kind]:
            raise SettingProblem("window_s", f"{hz(settings.window_s)} s is {n} frames at {hz(stream.sps)} SPS",
                                 allowed=f"At least {_LEAST[settings.kind]} frames",
                                 hint=f"Use {hz(_LEAST[settings.kind] / stream.sps)} s or more", about="rate")
        if n > most:
            raise SettingProblem("window_s", f"{hz(settings.window_s)} s is {n} frames at {hz(stream.sps)} SPS",
                                 allowed=f"At most {most} frames of {stream.n_channels} channels",
                                 hint="Shorten the window, or put a decimate before it", about="rate")
        out = voltage_only(stream).after_filter(ctx.stage_id).replace(settling_s=stream.settling_s + n / stream.sps)
        return Description([Port(OUT, out)], linear([{"op": "detrend", "kind": settings.kind, "frames": n}]))

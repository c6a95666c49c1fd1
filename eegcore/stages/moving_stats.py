"""`moving_stats`: mean, rms, minimum and maximum of the last seconds, each on a port of its own."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from eegcore.stages.base import (
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
from eegcore.stages.scaling import voltage_only
from eegcore.stages.stream import Stream

PORTS = ("mean", "rms", "min", "max")          # EC_MOVING_MEAN ... of csrc/dsp/ec_moving.h
MAX_BYTES = 128 * 2**20
FRAME_BYTES = 4 + 8 * len(PORTS)               # for each channel of a frame in the window


class MovingStatsSettings(StageSettings):
    """Settings of `moving_stats`."""

    window_s: float = Field(1.0, gt=0, le=3600, description="length of the window, s")
    hop_s: float | None = Field(None, gt=0, le=3600, description=(
        "one value every so many seconds; one for every frame if absent"))


@register
class MovingStats(StageType):
    """Mean, rms, minimum and maximum of a sliding window."""

    name = "moving_stats"
    role: ClassVar[Literal["stage"]] = "stage"
    doc = "Mean, rms, minimum and maximum of the last seconds: outputs mean, rms, min and max."
    Settings = MovingStatsSettings
    default_group = "dsp"

    def describe(self, settings: MovingStatsSettings, inputs: list[Stream], ctx: Context) -> Description:
        """Return four streams in uV; write ``inputs: moving_stats.rms`` to read one, unread ones cost nothing.

        A value is that of the window that ends with its frame, in double and rounded once; rms is about
        zero, ``sqrt(mean(x^2))``. Until the window is full, also after a gap, it is that of the frames
        there are, and flagged settling. With `hop_s` values sit at multiples of the hop in frames of the device.
        A NaN is in every value whose window holds it. Flags of any frame of the window are flags of the value.
        """
        stream = inputs[0]
        need_voltage("moving_stats", stream)
        n = round(settings.window_s * stream.sps)
        if n < 2:
            raise SettingProblem("window_s", f"{hz(settings.window_s)} s is {n} frames at {hz(stream.sps)} SPS",
                                 allowed="At least 2 frames", hint=f"Use {hz(2 / stream.sps)} s or more", about="rate")
        size = n * FRAME_BYTES * stream.n_channels
        if size > MAX_BYTES:
            raise SettingProblem("window_s", f"{n} frames of {stream.n_channels} channels take {size / 2**20:.0f} MiB",
                                 allowed=f"At most {MAX_BYTES // 2**20} MiB",
                                 hint="Shorten the window, or put a decimate before it", about="rate")
        hop = 1 if settings.hop_s is None else max(1, round(settings.hop_s * stream.sps))
        out = voltage_only(stream).after_filter(ctx.stage_id).replace(
            sps=stream.sps / hop, step=stream.step * hop, max_frames=-(-stream.max_frames // hop),
            delay_s=stream.delay_s + (n - 1) / 2 / stream.sps, settling_s=stream.settling_s + (n - 1) / stream.sps)
        return Description([Port(name, out) for name in PORTS], {"node": "moving_stats", "n": n, "hop": hop},
                           {"window_frames": n, "hop_frames": hop})

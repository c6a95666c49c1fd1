"""`hampel`: single outliers replaced by the median around them."""

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
    Whole,
    hz,
    need_voltage,
    register,
)
from eegcore.stages.scaling import voltage_only
from eegcore.stages.stream import Stream

MIN_FRAMES, MAX_FRAMES = 3, 255                # EC_HAMPEL_MAX_FRAMES of csrc/dsp/ec_hampel.h
DEFAULT_FRAMES = 11
# Standard deviations of normal noise in a median absolute deviation: 1 / Phi^-1(3/4) (Davies and Gather 1993).
SIGMA_PER_MAD = 1.4826


class HampelSettings(StageSettings):
    """Settings of `hampel`."""

    n_frames: Whole | None = Field(None, ge=MIN_FRAMES, le=MAX_FRAMES, description=(
        "length of the window in frames, odd; 11 if window_s is not given either"))
    window_s: float | None = Field(None, gt=0, le=60, description="the same in seconds, to the nearest odd number")
    n_sigma: float = Field(3.0, gt=0, le=1000, description=(
        "standard deviations from the median at which a sample counts as an outlier"))


@register
class Hampel(StageType):
    """Replace single outliers."""

    name = "hampel"
    role: ClassVar[Literal["stage"]] = "stage"
    doc = "Replace single outliers by the median of the frames around them (Hampel identifier)."
    Settings = HampelSettings
    default_group = "dsp"

    def describe(self, settings: HampelSettings, inputs: list[Stream], ctx: Context) -> Description:
        """Return the same stream, half a window later.

        A sample further than ``n_sigma * 1.4826 * MAD`` from the median of the window around it is
        replaced by that median; MAD is the median of ``|x - median|``. If MAD is 0, every sample
        that differs from the median is. A window that holds a NaN is not judged: its middle passes.
        Before the first frame, after a gap too, stands the first frame; such values are flagged settling.
        Flags of any frame of the window are flags of the value. Counts ``replaced`` samples.
        """
        stream = inputs[0]
        need_voltage("hampel", stream)
        n = _frames(settings, stream)
        out = voltage_only(stream).after_filter(ctx.stage_id).replace(
            delay_s=stream.delay_s + n // 2 / stream.sps, settling_s=stream.settling_s + (n - 1) / stream.sps)
        limit = settings.n_sigma * SIGMA_PER_MAD
        return Description([Port(OUT, out)], {"node": "hampel", "n": n, "limit": limit.hex()}, {"n_frames": n})


def _frames(settings: HampelSettings, stream: Stream) -> int:
    if settings.n_frames is not None and settings.window_s is not None:
        raise SettingProblem("n_frames", "n_frames and window_s are both given", hint="Give one of the two")
    if settings.window_s is None:
        n = settings.n_frames or DEFAULT_FRAMES
        if n % 2 == 0:
            raise SettingProblem("n_frames", f"{n} frames have no middle", allowed="An odd number",
                                 hint=f"Use {n - 1} or {n + 1}")
        return n
    n = 2 * round((settings.window_s * stream.sps - 1) / 2) + 1
    if not MIN_FRAMES <= n <= MAX_FRAMES:
        limit = MIN_FRAMES if n < MIN_FRAMES else MAX_FRAMES
        raise SettingProblem("window_s", f"{hz(settings.window_s)} s is {n} frames at {hz(stream.sps)} SPS",
                             allowed=f"{MIN_FRAMES} to {MAX_FRAMES} frames",
                             hint=f"Use {hz(limit / stream.sps)} s" + (
                                 ", or put a decimate before it" if n > MAX_FRAMES else ""), about="rate")
    return n

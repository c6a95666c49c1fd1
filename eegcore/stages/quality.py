"""`saturation` and `flatline`: channels that are at a limit, and channels that stand still.

As `blink` and `muscle` they pass samples on as they are, and cut packets where their flag
or its channels change. Frames are marked as they come: what a channel did before it was
seen to be bad is not marked afterwards. A gap begins everything anew.
"""

from __future__ import annotations

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
    hz,
    need_voltage,
    register,
)
from eegcore.stages.stream import Kind, Stream

FULL_SCALE = 2**23                             # counts of the ADS1299: -FULL_SCALE..FULL_SCALE - 1
MAX_WINDOW_SAMPLES = 2**22                     # EC_FLATLINE_MAX_SAMPLES of csrc/dsp/ec_flatline.h
MOST_FRAMES = 2**31                            # of a hold; an uint32_t in the core


def marked(stream: Stream, detector: str, **native: Any) -> Description:
    """Describe a stage that passes its input on and marks frames of it."""
    return Description([Port(OUT, stream)], {"node": "mark", "detector": detector, **native})


def frames_of(key: str, seconds: float, stream: Stream) -> int:
    """Return a time in frames, refusing more than the core counts.

    Raises
    ------
    SettingProblem
    """
    n = round(seconds * stream.sps)
    if n > MOST_FRAMES:
        raise SettingProblem(key, f"{hz(seconds)} s is {n} frames at {hz(stream.sps)} SPS",
                             allowed=f"At most {MOST_FRAMES} frames", about="rate")
    return n


class SaturationSettings(StageSettings):
    """Settings of `saturation`."""

    limit_uv: float | None = Field(None, gt=0, le=1e9, description=(
        "samples at or beyond this on either side are saturated, uV; full scale of the converter if absent"))
    share: float | None = Field(None, gt=0, le=1, description=(
        "instead of limit_uv: so much of full scale, 1 is the rail itself"))
    hold_s: float = Field(0.1, ge=0, le=3600, description=(
        "a channel stays flagged for so long after its last such sample, s; longer than a period of mains keeps packets"
        " whole"))


@register
class Saturation(StageType):
    """Flag channels that are at a limit."""

    name = "saturation"
    role: ClassVar[Literal["stage"]] = "stage"
    doc = "Pass samples on and flag channels at a limit, by default full scale of the converter, as saturated."
    Settings = SaturationSettings
    default_group = "dsp"

    def describe(self, settings: SaturationSettings, inputs: list[Stream], ctx: Context) -> Description:
        """Return the same stream. Adds to what the source says of its own rails; NaN is not saturated.

        Full scale is known as long as a sample is a count times its scale: not behind a filter,
        which takes the offset away that has driven a channel to its rail.
        """
        stream = inputs[0]
        if stream.kind is Kind.SPECTRUM_F32 or stream.unit not in ("uV", "counts"):
            need_voltage("saturation", stream)
        low, high = _limits(settings, stream)
        return marked(stream, "saturation", plane="counts" if stream.kind.has_counts else "uv",
                      low=[value.hex() for value in low], high=[value.hex() for value in high],
                      hold=frames_of("hold_s", settings.hold_s, stream))


def _limits(settings: SaturationSettings, stream: Stream) -> tuple[list[float], list[float]]:
    """Return the lower and upper limit of every channel: in counts if the stream carries them, else in uV."""
    if settings.limit_uv is not None:
        if settings.share is not None:
            raise SettingProblem("share", "limit_uv and share are both given", hint="Give one of the two")
        if stream.kind.has_counts and not stream.scale_uv:
            raise SettingProblem("limit_uv", "the source does not know what a count is worth",
                                 hint="Leave limit_uv out, or set the scale of the playback")
        units = stream.scale_uv if stream.kind.has_counts else (1.0,) * stream.n_channels
        limits = [settings.limit_uv / abs(unit) for unit in units]
        return [-limit for limit in limits], limits
    if (stream.kind.has_voltage and not stream.scale_uv) or stream.meta.get("format") in ("edf", "bdf"):
        raise SettingProblem("limit_uv", "the input does not say what its full scale is", about="kind", hint=(
            "Give limit_uv, or put the stage in front of the filters, where samples are counts times their scale"))
    share = 1.0 if settings.share is None else settings.share
    if stream.kind.has_counts:
        return [-FULL_SCALE * share] * stream.n_channels, [(FULL_SCALE - 1) * share] * stream.n_channels
    scales = [abs(scale) for scale in stream.scale_uv]
    if share == 1.0:                           # what the very rail is once it has been rounded to float32
        return [_float32(-FULL_SCALE * scale) for scale in scales], [_float32((FULL_SCALE - 1) * scale)
                                                                    for scale in scales]
    return [-FULL_SCALE * share * scale for scale in scales], [(FULL_SCALE - 1) * share * scale for scale in scales]


def _float32(value: float) -> float:
    import struct

    return float(struct.unpack("<f", struct.pack("<f", value))[0])


class FlatlineSettings(StageSettings):
    """Settings of `flatline`."""

    window_s: float = Field(1.0, gt=0, le=600, description="a channel is flat if it was for so long, s")
    below_uv: float = Field(1.0, gt=0, le=1e9, description=(
        "peak-to-peak value below which a channel is flat, uV; 10 finds shorted inputs of an ADS1299 at gain 1"))


@register
class Flatline(StageType):
    """Flag channels that stand still."""

    name = "flatline"
    role: ClassVar[Literal["stage"]] = "stage"
    doc = "Pass samples on and flag channels whose peak-to-peak value over a window is next to nothing."
    Settings = FlatlineSettings
    default_group = "dsp"

    def describe(self, settings: FlatlineSettings, inputs: list[Stream], ctx: Context) -> Description:
        """Return the same stream. A sample that is not finite is not flat: the window begins behind it.

        1 uV is what MNE-Python's tutorials take for a flat EEG channel (``flat=dict(eeg=1e-6)``, "Rejecting bad
        data spans"). The converter's own noise with shorted inputs at 250 SPS is 7.59 uV peak to peak at gain 1 and
        0.98 uV at gain 24 (ADS1299 data sheet, table 1).
        """
        stream = inputs[0]
        need_voltage("flatline", stream)
        n = max(1, round(settings.window_s * stream.sps))
        if n < 2:
            raise SettingProblem("window_s", f"{hz(settings.window_s)} s is {n} frame at {hz(stream.sps)} SPS",
                                 allowed="At least 2 frames", hint=f"Use {hz(2 / stream.sps)} s or more", about="rate")
        if n * stream.n_channels > MAX_WINDOW_SAMPLES:
            raise SettingProblem("window_s", f"{hz(settings.window_s)} s of {stream.n_channels} channels at "
                                 f"{hz(stream.sps)} SPS is {n * stream.n_channels} samples",
                                 allowed=f"At most {MAX_WINDOW_SAMPLES}",
                                 hint="Shorten the window, or put a decimate before it", about="rate")
        return marked(stream, "flatline", window=n, below=settings.below_uv.hex())

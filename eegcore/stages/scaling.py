"""`to_voltage` and `gain`: one factor per channel."""

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
    need_voltage,
    register,
)
from eegcore.stages.labels import channel_of
from eegcore.stages.stream import Kind, Stream


def linear(ops: list[dict[str, Any]], raw: bool = False) -> dict[str, Any]:
    """Return the native part of a stage the plan may compile into a cascade."""
    return {"node": "linear", "ops": ops, "raw": raw}


def scale_op(factors: list[float]) -> dict[str, Any]:
    """Return the operation that multiplies every channel by its factor."""
    return {"op": "scale", "factor": [factor.hex() for factor in factors]}


class ToVoltageSettings(StageSettings):
    """Settings of `to_voltage`."""

    keep_raw: bool = Field(False, description="let the counts travel along, for a sink that records both")


@register
class ToVoltage(StageType):
    """Counts to uV at the electrode."""

    name = "to_voltage"
    role: ClassVar[Literal["stage"]] = "stage"
    doc = "Counts to uV at the electrode: 1 count = VREF / gain / 2^23."
    Settings = ToVoltageSettings
    default_group = "dsp"

    def describe(self, settings: ToVoltageSettings, inputs: list[Stream], ctx: Context) -> Description:
        """Return VOLTAGE_F32, or RAW_AND_VOLTAGE if the counts are kept."""
        stream = inputs[0]
        if stream.kind is not Kind.RAW_I32:
            raise SettingProblem("inputs", f"to_voltage needs counts, and its input carries {stream.unit} already "
                                 f"({stream.kind.name})", hint="Remove this stage", about="kind")
        if not stream.scale_uv:
            raise SettingProblem("inputs", "the source does not know what a count is worth",
                                 hint="Set raw: false in the playback, or its scale")
        kind = Kind.RAW_AND_VOLTAGE if settings.keep_raw else Kind.VOLTAGE_F32
        out = stream.replace(kind=kind, unit="uV")
        return Description([Port(OUT, out)], linear([scale_op(list(stream.scale_uv))], raw=settings.keep_raw))


class GainSettings(StageSettings):
    """Settings of `gain`."""

    factor: float | list[float] | dict[str, float] = Field(1.0, description=(
        "what samples are multiplied by: one number, one per channel, or by label such as {EOG: 0.5} (others: 1)"))


@register
class Gain(StageType):
    """Multiply every sample by a factor."""

    name = "gain"
    role: ClassVar[Literal["stage"]] = "stage"
    doc = "Multiply samples by a factor, one for all channels, one per channel, or by label."
    Settings = GainSettings
    default_group = "dsp"

    def describe(self, settings: GainSettings, inputs: list[Stream], ctx: Context) -> Description:
        """Return the same stream; counts, if any, are left behind."""
        stream = inputs[0]
        need_voltage("gain", stream)
        factor = settings.factor
        if isinstance(factor, dict):
            channels = {channel_of("factor", label, stream): value for label, value in factor.items()}
            factor = [channels.get(channel, 1.0) for channel in range(stream.n_channels)]
        factors = list(factor) if isinstance(factor, list) else [factor] * stream.n_channels
        if len(factors) != stream.n_channels:
            raise SettingProblem("factor", f"{len(factors)} factors for {stream.n_channels} channels",
                                 allowed="One number, or one per channel", about="channels")
        if max(abs(value) for value in factors) > 1e9:
            raise SettingProblem("factor", f"{max(factors, key=abs):g} is too large", allowed="-1e9 to 1e9")
        return Description([Port(OUT, voltage_only(stream))], linear([scale_op(factors)]))


def voltage_only(stream: Stream) -> Stream:
    """Return the stream without its counts plane, if it has one."""
    return stream.replace(kind=Kind.VOLTAGE_F32, scale_uv=())

"""`select`: some of the channels, in the order given."""

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
    register,
)
from eegcore.stages.labels import channel_of, meta_of
from eegcore.stages.stream import Kind, Stream


class SelectSettings(StageSettings):
    """Settings of `select`."""

    labels: list[str] | None = Field(None, min_length=1, description="channels to keep, by label, in this order")
    channels: list[Whole] | None = Field(None, min_length=1, description=(
        "channels to keep, by number, the first is 1, in this order"))


@register
class Select(StageType):
    """Keep some channels."""

    name = "select"
    role: ClassVar[Literal["stage"]] = "stage"
    doc = "Keep some of the channels, in the order given, by label or by number."
    Settings = SelectSettings
    default_group = "dsp"

    def describe(self, settings: SelectSettings, inputs: list[Stream], ctx: Context) -> Description:
        """Return the same stream with fewer channels."""
        stream = inputs[0]
        if stream.kind is Kind.SPECTRUM_F32:
            raise SettingProblem("inputs", "select works on samples, and its input is a spectrum (SPECTRUM_F32)",
                                 hint="Put the select before the fft", about="kind")
        if (settings.labels is None) == (settings.channels is None):
            raise SettingProblem("labels", "labels and channels are both given" if settings.labels
                                 else "nothing is selected", hint="Give either labels or channels")
        picks = ([channel_of("labels", label, stream) for label in settings.labels] if settings.labels
                 else _by_number(settings.channels or [], stream))
        if len(set(picks)) != len(picks):
            twice = next(pick for pick in picks if picks.count(pick) > 1)
            raise SettingProblem("labels" if settings.labels else "channels",
                                 f"{stream.labels[twice]!r} is selected twice", hint="Name every channel once")
        out = stream.replace(labels=tuple(stream.labels[pick] for pick in picks),
                             scale_uv=tuple(stream.scale_uv[pick] for pick in picks) if stream.scale_uv else (),
                             meta=meta_of(stream, picks, [stream.labels[pick] for pick in picks]))
        return Description([Port(OUT, out)], {"node": "select", "picks": picks})


def _by_number(numbers: list[int], stream: Stream) -> list[int]:
    for number in numbers:
        if not 1 <= number <= stream.n_channels:
            raise SettingProblem("channels", f"there is no channel {number}", allowed=f"1 to {stream.n_channels}",
                                 about="channels")
    return [number - 1 for number in numbers]

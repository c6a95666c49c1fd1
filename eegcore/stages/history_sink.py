"""`history_sink`: the last minutes of every stream on disk, to be run again by ``eegcore replay``."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal

from pydantic import Field

from eegcore.stages.base import Context, Description, SettingProblem, StageSettings, StageType, register
from eegcore.stages.stream import Stream

MOST_INPUTS = 4096
MIB = 1 << 20
LEAST_BYTES = 16 * MIB
LARGEST_PACKETS = 18                           # two of the largest packets in each of the nine segments on disk
SPARE = 1.25                                   # packets are cut short by flags and revisions, and have a head each
PACKET_BYTES = 96                              # of eegcore/sinks/history_format.py


class HistorySinkSettings(StageSettings):
    """Settings of `history_sink`."""

    path: str = Field("history_{start}", min_length=1, max_length=4096, description=(
        "folder to make, {start} becomes the time of the start, {input} the name of the recording that is played; a "
        "folder that holds anything is never written to"))
    minutes: float = Field(10.0, gt=0, le=24 * 60, description="how long packets are kept; the oldest go first")
    payloads: Literal["source", "all"] = Field("source", description=(
        "whose samples are kept: source (of all other streams only heads and hashes), or all"))
    max_mib: float | Literal["auto"] = Field("auto", description=(
        "most it takes on disk, MiB; auto follows from minutes and the rates of the inputs"))


@register
class HistorySink(StageType):
    """Keep the last minutes of the packets of many outputs, on a thread of its own."""

    name = "history_sink"
    role: ClassVar[Literal["sink"]] = "sink"
    doc = "Keep the packets of the last minutes on disk, for replay: samples of the sources, hashes of all."
    Settings = HistorySinkSettings
    default_group = None
    inputs_allowed = (1, MOST_INPUTS)
    reads_all = True                           # and never `records`: its edges drop rather than stop anything

    def describe(self, settings: HistorySinkSettings, inputs: list[Stream], ctx: Context) -> Description:
        """Accept any streams; say how much disk they take."""
        for name in ("{start}", "{input}"):
            if name == "{input}" and name in settings.path and not any("input" in one.meta for one in inputs):
                raise SettingProblem("path", f"{settings.path!r} holds {{input}}, and no recording is played above",
                                     allowed="{start}", hint="Use {start}")
        unknown = settings.path.replace("{start}", "").replace("{input}", "")
        if "{" in unknown or "}" in unknown or "\0" in unknown:
            raise SettingProblem("path", f"{settings.path!r} has braces that mean nothing",
                                 allowed="{start} and {input}")
        least = max(LEAST_BYTES, LARGEST_PACKETS * max(stream.packet_bytes + PACKET_BYTES for stream in inputs))
        if settings.max_mib == "auto":
            seconds = settings.minutes * 60 * 9 / 8
            kept = [settings.payloads == "all" or name in stream.sources
                    for stream, name in zip(inputs, ctx.inputs, strict=True)]
            most = max(least, math.ceil(SPARE * seconds * sum(map(_bytes_per_s, inputs, kept))))
        elif settings.max_mib * MIB < least:
            raise SettingProblem("max_mib", f"{settings.max_mib:g} MiB cannot hold a history of these packets",
                                 allowed=f"{math.ceil(least / MIB)} MiB or more, or auto")
        else:
            most = round(settings.max_mib * MIB)
        native: dict[str, Any] = {"node": "history_sink", "path": settings.path, "minutes": settings.minutes,
                                  "payloads": settings.payloads, "max_bytes": most}
        return Description([], native, {"max_mib": round(most / MIB, 1)})


def _bytes_per_s(stream: Stream, keep: bool) -> float:
    """Bytes a second of a stream in full packets, with or without its samples."""
    return stream.sps / stream.max_frames * (PACKET_BYTES + (stream.packet_bytes if keep else 0))

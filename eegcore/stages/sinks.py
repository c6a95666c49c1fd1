"""`websocket_sink`, `csv_sink`, `null_sink`: where samples leave the graph."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from eegcore.stages.base import (
    Context,
    Description,
    SettingProblem,
    StageSettings,
    StageType,
    Whole,
    register,
)
from eegcore.stages.stream import Kind, Stream

MOST_BINS = 4096                                 # columns of a row of spectra, as in eegcore/sinks/csv_header.py


class WebsocketSinkSettings(StageSettings):
    """Settings of `websocket_sink`."""

    topic: str | None = Field(None, pattern=r"^[A-Za-z0-9_.:\-]{1,64}$", description=(
        "the name clients subscribe to; the id of the sink if absent"))


@register
class WebsocketSink(StageType):
    """Packets to the page and to other WebSocket clients."""

    name = "websocket_sink"
    role: ClassVar[Literal["sink"]] = "sink"
    doc = "Send packets to the page and to every other client that subscribes to the topic."
    Settings = WebsocketSinkSettings
    default_group = "sinks"

    def describe(self, settings: WebsocketSinkSettings, inputs: list[Stream], ctx: Context) -> Description:
        """Accept any stream."""
        topic = settings.topic or ctx.stage_id
        return Description([], {"node": "websocket_sink", "topic": topic}, {"topic": topic})


class NullSinkSettings(StageSettings):
    """Settings of `null_sink`."""

    stall_ms: float = Field(0.0, ge=0, le=60_000, description="wait that long at every packet, to provoke overflow")


@register
class NullSink(StageType):
    """Count packets and let them go."""

    name = "null_sink"
    role: ClassVar[Literal["sink"]] = "sink"
    doc = "Count packets and let them go; with stall_ms it is the slow sink that tests need."
    Settings = NullSinkSettings
    default_group = "sinks"

    def describe(self, settings: NullSinkSettings, inputs: list[Stream], ctx: Context) -> Description:
        """Accept any stream."""
        return Description([], {"node": "null_sink", "stall_ms": settings.stall_ms})


class CsvSinkSettings(StageSettings):
    """Settings of `csv_sink`."""

    path: str = Field(min_length=1, max_length=4096, description=(
        "file to write, {start} becomes the time of the start, {input} the name of the recording that is played; "
        "a file that exists is never overwritten"))
    columns: Literal["uv", "counts", "both", "kohm", "bins"] | None = Field(None, description=(
        "uv, counts, both, behind impedance kohm, behind bands, mains and fft bins; what the input carries if absent"))
    decimals: Whole = Field(3, ge=0, le=9, description="digits after the point of all columns but counts")


@register
class CsvSink(StageType):
    """Write frames into a text file, on a thread of its own."""

    name = "csv_sink"
    role: ClassVar[Literal["sink"]] = "sink"
    doc = "Write frames into a CSV file: frame index, time, and every channel in uV, counts, both, kOhm, or bands."
    Settings = CsvSinkSettings
    default_group = None
    records = True

    def describe(self, settings: CsvSinkSettings, inputs: list[Stream], ctx: Context) -> Description:
        """Accept what makes rows of at most 4096 columns; refuse columns the input does not carry."""
        stream = inputs[0]
        if stream.n_bins * stream.n_channels > MOST_BINS:
            raise SettingProblem("inputs", f"csv_sink writes one column per bin and channel, and its input is a "
                                 f"spectrum of {stream.n_bins} bins and {stream.n_channels} channels",
                                 allowed=f"At most {MOST_BINS} columns", about="channels",
                                 hint="Put a bands stage in between, or set min_hz and max_hz in the fft")
        carried = {Kind.RAW_I32: "counts", Kind.VOLTAGE_F32: "uv"}.get(stream.kind, "both")
        if stream.unit == "kOhm":
            carried = "kohm"
        if stream.kind is Kind.SPECTRUM_F32:
            carried = "bins"
        columns = settings.columns or carried
        if carried not in (columns, "both") or (columns in ("kohm", "bins") and columns != carried):
            hint = ("Remove columns, or take its input from before the fft" if carried == "bins"
                    else "Take its input from bands, mains or fft" if columns == "bins"
                    else "Remove columns, or take its input from before the impedance" if carried == "kohm"
                    else "Take its input from an impedance stage" if columns == "kohm"
                    else "Put a to_voltage with keep_raw: true before it" if columns == "both"
                    else "Put a to_voltage before it" if columns == "uv"
                    else "Take its input from the source, or set keep_raw: true in to_voltage")
            raise SettingProblem("columns", f"{columns} is asked for, and the input carries {carried} only "
                                 f"({stream.kind.name})", hint=hint, about="kind")
        if settings.path.endswith("/") or "\0" in settings.path:
            raise SettingProblem("path", f"{settings.path!r} is no name of a file",
                                 hint="Write for example x_{start}.csv")
        unknown = settings.path.replace("{start}", "").replace("{input}", "")
        if "{" in unknown or "}" in unknown:
            raise SettingProblem("path", f"{settings.path!r} has braces that mean nothing",
                                 allowed="{start} and {input}")
        if "{input}" in settings.path and "input" not in stream.meta:
            raise SettingProblem("path", f"{settings.path!r} holds {{input}}, and no single recording is played above",
                                 allowed="{start}", hint="Use {start}, or a playback as the source")
        native = {"node": "csv_sink", "path": settings.path, "columns": columns, "decimals": settings.decimals}
        return Description([], native, {"columns": columns})

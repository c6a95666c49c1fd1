"""`bdf_sink`: the recorder. It keeps counts as the chip gave them, in a session folder with everything about them."""

from __future__ import annotations

import os
import re
from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator

from eegcore.stages.base import Context, Description, SettingProblem, StageSettings, StageType, Whole, register
from eegcore.stages.stream import Stream

# one line of text, no control characters: C0, DEL, C1, and the line and paragraph separators of Unicode
LINE = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*$"
TEXT = r"^[^\x00-\x08\x0b-\x1f\x7f-\x9f]*$"
LABEL = re.compile(r"[0-9A-Za-z]*")                    # of BIDS
Words = Annotated[str, Field(max_length=64, pattern=LINE)]


class BdfSinkSettings(StageSettings):
    """Settings of `bdf_sink`."""

    folder: str | None = Field(None, min_length=1, max_length=4096, pattern=LINE, description=(
        "folder of recordings, each of which makes a folder of its own in it; that of --recordings if absent"))
    armed: bool = Field(False, description="wait to be told by StartRecording, instead of recording from the start")
    pre_roll_s: float = Field(0.0, ge=0, le=600, description=(
        "seconds to keep while nothing is recorded; a recording that is started begins so much earlier"))
    participant: Words = Field("", description="code of the participant")
    task: Words = Field("", description="what the participant does")
    session: Words = Field("", description="which visit it is")
    notes: str = Field("", max_length=16_384, pattern=TEXT, description="anything else")
    csv: bool = Field(False, description="write the counts as text too, eeg.csv")
    bids: bool = Field(False, description="put finished recordings into the BIDS dataset 'bids' in the same folder")
    segment_s: float = Field(3600.0, ge=1, le=1e9, description="longest file; further ones follow without a gap")
    segment_bytes: Whole = Field(2 << 30, ge=1 << 20, le=1 << 50, description="largest file")
    keep_free_s: float = Field(300.0, ge=0, le=1e9, description=(
        "no start, and a stop in order, when the disk has room for less than so many seconds"))
    keep_free_bytes: Whole = Field(256 << 20, ge=0, le=1 << 50, description="the same in bytes")

    @field_validator("folder")
    @classmethod
    def _home_of_folder(cls, folder: str | None) -> str | None:
        """Put the home folder in place of a leading ``~``, as a shell would."""
        return folder if folder is None else os.path.expanduser(folder)


@register
class BdfSink(StageType):
    """Record counts into BDF+ files, on a thread of its own."""

    name = "bdf_sink"
    role: ClassVar[Literal["sink"]] = "sink"
    doc = ("Record the counts of a source as BDF+: a folder per recording, with markers, metadata and the exact "
           "configuration. From the start, or, armed, when told to.")
    Settings = BdfSinkSettings
    default_group = None
    records = True

    def describe(self, settings: BdfSinkSettings, inputs: list[Stream], ctx: Context) -> Description:
        """Accept what carries counts; say where they are if it does not."""
        stream = inputs[0]
        if not stream.kind.has_counts:
            raise SettingProblem("inputs", f"bdf_sink records counts, and its input carries {stream.unit} only "
                                 f"({stream.kind.name})", allowed="RAW_I32, RAW_AND_VOLTAGE", about="kind",
                                 hint="Take its input from the source, or set keep_raw: true in to_voltage")
        if settings.bids:
            for name in ("participant", "session"):
                value = getattr(settings, name)
                if not LABEL.fullmatch(value):
                    raise SettingProblem(name, f"{name} is {value!r}, and BIDS makes a label of it",
                                         allowed="Letters A-Z and digits", hint="Remove the others, or bids")
        return Description([], {"node": "bdf_sink", "pre_roll_s": settings.pre_roll_s,
                                "stop_s": settings.keep_free_s, "floor_bytes": settings.keep_free_bytes})

"""`playback`: frames from a recording."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from eegcore.errors import EegcoreError
from eegcore.stages.base import (
    OUT,
    Context,
    Description,
    Port,
    SettingProblem,
    StageSettings,
    StageType,
    Whole,
    default_batch,
    register,
)
from eegcore.stages.stream import MAX_CHANNELS, MAX_FRAMES, Kind, Stream

if TYPE_CHECKING:
    from eegcore.devices.recording_files import Recording

_read: dict[tuple[Any, ...], Recording] = {}   # the recording described last, until a run takes it


class PlaybackSettings(StageSettings):
    """Settings of `playback`."""

    path: str | None = Field(None, min_length=1, description=(
        "recording to play: OpenBCI text, CSV, EDF, BDF, each also as .xz"))
    format: Literal["auto", "openbci", "csv", "edf", "bdf"] = Field("auto", description=(
        "auto openbci csv edf bdf; auto looks into the file"))
    sps: float | None = Field(None, gt=0, le=1e6, description="frames per second, needed if the file does not tell")
    columns: list[str | Whole] | None = Field(None, min_length=1, max_length=MAX_CHANNELS, description=(
        "channels by name, or by position from 0; all if absent"))
    scale: float | None = Field(None, description=(
        "uV per unit of the file; with raw, the value of one count in the unit of the file"))
    speed: float | Literal["max"] = Field(1.0, description=(
        "1 is as recorded, 10 ten times faster, max as fast as the graph takes it"))
    loop: bool = Field(False, description="start again at the end")
    raw: bool = Field(False, description="emit counts instead of uV")
    batch: Whole | None = Field(None, ge=1, le=MAX_FRAMES, description="frames per packet; sps/250 if absent")


@register
class Playback(StageType):
    """Frames from a recording."""

    name = "playback"
    role: ClassVar[Literal["source"]] = "source"
    doc = "Frames from a recording: OpenBCI text, CSV, EDF or BDF, each also as .xz."
    Settings = PlaybackSettings
    default_group = "acquire"
    inputs_allowed = (0, 0)

    def describe(self, settings: PlaybackSettings, inputs: list[Stream], ctx: Context) -> Description:
        """Return VOLTAGE_F32 in uV, or RAW_I32 with ``raw: true``. Reads the file."""
        if settings.path is None:
            raise SettingProblem("path", "no recording is given",
                                 hint=f"Add --set {ctx.stage_id}.path=FILE to the command, or path: FILE here")
        if settings.speed != "max" and not 1e-3 <= settings.speed <= 1e6:
            raise SettingProblem("speed", f"{settings.speed:g} is no speed", allowed="0.001 to 1e6, or max")
        native: dict[str, Any] = {
            "node": "playback", "path": settings.path, "format": settings.format, "sps": settings.sps,
            "columns": settings.columns, "scale": settings.scale,
            "speed": 0.0 if settings.speed == "max" else float(settings.speed),
            "loop": settings.loop, "raw": settings.raw,
        }
        try:
            recording = _recording(native)
        except EegcoreError as error:
            raise _refusal(settings.path, error) from None
        if not 1 <= recording.n_channels <= MAX_CHANNELS:
            raise SettingProblem("path", f"{settings.path!r} has {recording.n_channels} channels",
                                 allowed=f"1 to {MAX_CHANNELS}", hint="Choose some with columns")
        batch = settings.batch or default_batch(recording.sps)
        native.update(batch=batch, sps=recording.sps)
        stream = Stream(
            kind=Kind.RAW_I32 if settings.raw else Kind.VOLTAGE_F32, labels=recording.labels, sps=recording.sps,
            max_frames=batch, unit="counts" if settings.raw else "uV",
            scale_uv=tuple(recording.scale_uv) if settings.raw else (), can_wait=True, sources=(ctx.stage_id,),
            meta={"format": recording.source_format, "n_frames": recording.n_frames, "input": stem_of(settings.path),
                  **({"left_out": dict(recording.meta["left_out"])} if recording.meta.get("left_out") else {})})
        return Description([Port(OUT, stream)], native, {"sps": recording.sps, "batch": batch})


def stem_of(path: str) -> str:
    """Return the name of a recording without folder and endings, fit to be a part of a file name."""
    name = os.path.basename(path).removesuffix(".xz")
    return (os.path.splitext(name)[0] or name).translate({ord("{"): "_", ord("}"): "_"})


def take_recording(native: dict[str, Any]) -> Recording:
    """Return the recording of a playback node and forget it: the caller owns its memory.

    What `describe` has just read is not read again, unless the file has changed.

    Parameters
    ----------
    native : dict
        The native parameters that `Playback.describe` gave.

    Raises
    ------
    RecordingRefused
        If the file cannot be read.
    """
    recording = _recording(native)
    _read.clear()
    return recording


def forget_recording() -> None:
    """Give back the memory of a recording that was described and is not going to be played."""
    _read.clear()


def _refusal(path: str, error: EegcoreError) -> SettingProblem:
    """Split ``path:line: problem. hint`` into the parts of a problem."""
    line = error.details.get("line")
    place = path if line is None else f"{path}:{line}"
    problem, _, hint = str(error).removeprefix(f"{place}: ").partition(". ")
    return SettingProblem("path", f"{place}: {problem}", hint=hint)


def _recording(native: dict[str, Any]) -> Recording:
    from eegcore.devices.recording_files import read_recording  # numpy: not needed to list stages

    columns = native["columns"]
    try:
        status = os.stat(native["path"])
        state = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
    except (OSError, ValueError):
        state = (0, 0, 0, 0)                   # the reader says what is wrong
    # sps is left out: a described node carries the rate that was found.
    key = (native["path"], state, native["format"], tuple(columns or ()), native["scale"], native["raw"])
    found = _read.get(key)
    if found is not None and native["sps"] in (None, found.sps):
        return found
    found = read_recording(native["path"], format=native["format"], sps=native["sps"], columns=columns,
                           scale=native["scale"], raw=native["raw"])
    _read.clear()
    _read[key] = found
    return found

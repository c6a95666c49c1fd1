"""`align_and_zip`: several streams joined frame by frame into one.

Two boards, or two chips on oscillators of their own, do not sample together: at 0.5 % of
difference to either side they slip by a whole sample in 0.4 s at 250 SPS (ADS1299 data sheet 7.5).
"""

from __future__ import annotations

import math
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
    register,
)
from eegcore.stages.stream import MAX_CHANNELS, Kind, Stream

MAX_INPUTS = 8                                 # EC_ZIP_MAX_INPUTS of csrc/dsp/ec_zip.h
WAIT_MS = 250.0
# Half a period is what the nearest frame is away at most; a tenth more is room for an oscillator that is slow
# (2.5 % at most, data sheet 7.5) and for the error of time stamps.
TOLERANCE_PERIODS = 0.55
MAX_HELD_BYTES = 256 * 2**20
NOTES_BYTES = 128                              # ec_zip_frame and ec_zip_note, for every frame
HELD_FRAMES = "held_frames"                    # of Stream.meta: frames a zip above may hand over at once


class AlignAndZipSettings(StageSettings):
    """Settings of `align_and_zip`."""

    by: Literal["auto", "index", "time"] = Field("auto", description=(
        "auto index time; index joins branches of one source, exactly; time joins different sources, by nearest frame"))
    tolerance_ms: float | Literal["auto"] = Field("auto", description=(
        "by time: a frame further away counts as missing; auto is half a period and a tenth of that"))
    on_missing: Literal["fill", "skip"] = Field("fill", description=(
        "fill (NaN in uV, the last value in counts, flagged as a gap) or skip (the frame is left out)"))
    wait_ms: float | Literal["auto"] = Field("auto", description=(
        "an input that is silent for longer counts as missing, real clock only; auto is 250 ms or two packets"))
    prefix: bool = Field(False, description="put the id of its input before every label: a.Fp1, b.Fp1")


@register
class AlignAndZip(StageType):
    """Join streams frame by frame."""

    name = "align_and_zip"
    role: ClassVar[Literal["stage"]] = "stage"
    doc = "Join streams frame by frame: branches of one board by index, boards with clocks of their own by time."
    Settings = AlignAndZipSettings
    default_group = "dsp"
    inputs_allowed = (2, MAX_INPUTS)

    def describe(self, settings: AlignAndZipSettings, inputs: list[Stream], ctx: Context) -> Description:
        """Return the channels of all inputs, at the frames of the first.

        The first input is the master: its frame_index, step, rate and packets are those of the
        output. Every other input adds its frame of the same index, or the one nearest in time.
        """
        names = ctx.inputs or tuple(str(number) for number in range(1, len(inputs) + 1))
        master = inputs[0]
        _check_alike(inputs, names)
        labels = _labels(settings, inputs, names)
        by = _by(settings, inputs)
        if by == "index" and settings.tolerance_ms != "auto":
            raise SettingProblem("tolerance_ms", "frames are joined by index, which has no tolerance",
                                 hint="Remove tolerance_ms, or set by: time")
        tolerance_ns = _tolerance_ns(settings, master.sps) if by == "time" else 0
        wait_ms = _wait_ms(settings, inputs)
        wait_frames = math.ceil(wait_ms * 1e-3 * master.sps)
        _check_memory(inputs, wait_frames, wait_ms)
        native: dict[str, Any] = {
            "node": "zip", "max_frames": master.max_frames, "by": by, "tolerance": tolerance_ns,
            "on_missing": settings.on_missing, "is_float": master.kind is Kind.VOLTAGE_F32,
            "waits": all(stream.can_wait for stream in inputs),
            "inputs": [{"n_channels": stream.n_channels, "burst_frames": _burst(stream),
                        "wait_frames": wait_frames, "step": [stream.step.numerator, stream.step.denominator],
                        "sps": stream.sps}
                       for stream in inputs]}
        scales = tuple(scale for stream in inputs for scale in stream.scale_uv)
        out = master.replace(
            labels=tuple(labels), scale_uv=scales if len(scales) == len(labels) else (),
            reference=master.reference if len({stream.reference for stream in inputs}) == 1 else "",
            delay_s=max(stream.delay_s for stream in inputs), settling_s=max(stream.settling_s for stream in inputs),
            can_wait=all(stream.can_wait for stream in inputs),
            sources=tuple(dict.fromkeys(source for stream in inputs for source in stream.sources)),
            meta={**_common_meta(inputs), HELD_FRAMES: wait_frames + _burst(master)})
        # what an input waits for when nothing is wrong: a packet of another one to fill, and the frame behind it
        usual_s = max(stream.max_frames / stream.sps for stream in inputs) + (1 / master.sps if by == "time" else 0.0)
        return Description([Port(OUT, out)], native, {
            "by": by, "tolerance_ms": tolerance_ns * 1e-6, "wait_ms": wait_ms}, held_s=(usual_s, wait_ms * 1e-3))


def _burst(stream: Stream) -> int:
    """Frames of a stream that may come at once: a packet, or all that a zip above has held."""
    return int(stream.max_frames + stream.meta.get(HELD_FRAMES, 0))


def _check_alike(inputs: list[Stream], names: tuple[str, ...]) -> None:
    master = inputs[0]
    for stream, name in zip(inputs, names, strict=True):
        if stream.kind not in (Kind.RAW_I32, Kind.VOLTAGE_F32):
            raise SettingProblem("inputs", f"{name!r} carries {stream.kind.name}",
                                 allowed="RAW_I32 or VOLTAGE_F32, the same for all inputs",
                                 hint="Take the input from before the fft" if stream.n_bins else "Remove keep_raw",
                                 about="kind")
        if stream.kind is not master.kind:
            raise SettingProblem("inputs", f"{names[0]!r} carries {master.kind.name} and {name!r} {stream.kind.name}",
                                 allowed="One kind for all inputs", hint="Put a to_voltage before the one with counts",
                                 about="kind")
        if stream.unit != master.unit:
            raise SettingProblem("inputs", f"{names[0]!r} is in {master.unit} and {name!r} in {stream.unit}",
                                 allowed="One unit for all inputs", hint="Join them with streams of their own kind",
                                 about="kind")
        if stream.sps != master.sps:
            raise SettingProblem("inputs", f"{names[0]!r} has {hz(master.sps)} SPS and {name!r} {hz(stream.sps)} SPS",
                                 allowed="One nominal rate for all inputs", hint="Put a decimate before the faster one",
                                 about="rate")


def _labels(settings: AlignAndZipSettings, inputs: list[Stream], names: tuple[str, ...]) -> list[str]:
    labels = [f"{name}.{label}" if settings.prefix else label
              for stream, name in zip(inputs, names, strict=True) for label in stream.labels]
    if len(labels) > MAX_CHANNELS:
        raise SettingProblem("inputs", f"the inputs have {len(labels)} channels in all",
                             allowed=f"At most {MAX_CHANNELS}", hint="Put a select before some of them",
                             about="channels")
    twice = next((label for label in labels if labels.count(label) > 1), None)
    if twice is not None:
        owners = [name for stream, name in zip(inputs, names, strict=True) if twice in stream.labels]
        raise SettingProblem("inputs", f"{' and '.join(map(repr, owners))} both have a channel {twice!r}"
                             if len(owners) > 1 else f"there are two channels {twice!r}",
                             allowed="Every label once",
                             hint="Set prefix: true, or give the sources labels of their own", about="channels")
    return labels


def _by(settings: AlignAndZipSettings, inputs: list[Stream]) -> Literal["index", "time"]:
    """The index of a stream is that of its first source: a zip carries the index of its master."""
    counted = list(dict.fromkeys(stream.sources[0] if stream.sources else "" for stream in inputs))
    # where a device frame has several frames, its index names none of them
    alike = len(counted) == 1 and len({stream.step for stream in inputs}) == 1 and inputs[0].step >= 1
    if settings.by == "index" and not alike:
        raise SettingProblem("by", "frames of different sources have no common index "
                             f"({', '.join(map(repr, counted))})" if len(counted) > 1
                             else "the frames of the inputs stand for less than a frame of the device"
                             if inputs[0].step < 1 and len({stream.step for stream in inputs}) == 1
                             else "the frames of the inputs stand for different numbers of frames of the device",
                             allowed="auto or time", hint="Set by: time")
    if settings.by == "auto":
        return "index" if alike else "time"
    return settings.by


def _tolerance_ns(settings: AlignAndZipSettings, sps: float) -> int:
    if settings.tolerance_ms == "auto":
        return round(TOLERANCE_PERIODS * 1e9 / sps)
    if not 0 <= settings.tolerance_ms <= 60_000:
        raise SettingProblem("tolerance_ms", f"{settings.tolerance_ms:g} ms is no tolerance",
                             allowed="0 to 60000 ms, or auto")
    return round(settings.tolerance_ms * 1e6)


def _wait_ms(settings: AlignAndZipSettings, inputs: list[Stream]) -> float:
    least = 1e3 * max(2 * _burst(stream) / stream.sps for stream in inputs)
    if settings.wait_ms == "auto":
        return max(WAIT_MS, least)
    if not least <= settings.wait_ms <= 60_000:
        raise SettingProblem("wait_ms", f"{settings.wait_ms:g} ms is too short" if settings.wait_ms < least
                             else f"{settings.wait_ms:g} ms is too long",
                             allowed=f"{least:.4g} ms (two packets) to 60000 ms, or auto")
    return settings.wait_ms


def _check_memory(inputs: list[Stream], wait_frames: int, wait_ms: float) -> None:
    size = sum((wait_frames + _burst(stream)) * (stream.frame_bytes + NOTES_BYTES) for stream in inputs)
    if size > MAX_HELD_BYTES:
        raise SettingProblem("wait_ms", f"{wait_ms:g} ms of {len(inputs)} inputs take {size / 2**20:.0f} MiB",
                             allowed=f"At most {MAX_HELD_BYTES // 2**20} MiB", hint="Lower wait_ms or batch",
                             about="rate")


def _common_meta(inputs: list[Stream]) -> dict[str, Any]:
    """What all inputs say alike, the gain of every channel, and each filter that any of them went through."""
    out = {key: value for key, value in inputs[0].meta.items()
           if all(stream.meta.get(key) == value for stream in inputs)}
    out.pop("gain", None)
    gains = [gain for stream in inputs for gain in stream.meta.get("gain", ())]
    if len(gains) == sum(stream.n_channels for stream in inputs):
        out["gain"] = gains
    filters = list(dict.fromkeys(name for stream in inputs for name in stream.meta.get("filters", ())))
    return {**out, "filters": filters} if filters else out

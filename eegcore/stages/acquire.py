"""`acquire`: frames from a board. The emulator needs none."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from eegcore.devices.boards import boards, default_labels, lsb_uv, signal_weights, split_into_chips
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
    hz,
    register,
)
from eegcore.stages.stream import MAX_CHANNELS, MAX_FRAMES, Kind, Stream


def _no_bool(value: Any) -> Any:
    """Refuse true and false, which Python counts as 1 and 0."""
    if isinstance(value, bool):
        raise ValueError("a gain is a number")
    return value


Gain = Annotated[Literal[1, 2, 4, 6, 8, 12, 24], BeforeValidator(_no_bool)]


class Chip(StageSettings):
    """One converter of a chain."""

    channels: Literal[4, 6, 8] = Field(8, description="inputs of this chip: 4, 6 or 8")


class AcquireSettings(StageSettings):
    """Settings of `acquire`."""

    board: Literal["emulator"] = Field("emulator", description="the device; emulator needs no hardware")
    sps: float = Field(250.0, ge=1, le=100_000, description=(
        "frames per second; the chip knows 250 500 1000 2000 4000 8000 16000, the emulator takes others too"))
    channels: Whole | None = Field(None, ge=1, le=MAX_CHANNELS, description=(
        "number of channels, 8 if absent; more than 8 are several chips"))
    gain: Gain | list[Gain] = Field(24, description="1 2 4 6 8 12 24; one for all or one per channel")
    batch: Whole | None = Field(None, ge=1, le=MAX_FRAMES, description="frames per packet; sps/250 if absent")
    labels: list[str] | None = Field(None, description="channel names; 10-20 names for 8, 16 and 32 if absent")
    chips: list[Chip] | None = Field(None, min_length=1, max_length=64, description=(
        "the chips of the chain, each {channels: 4|6|8}; chips of 8 if absent"))
    reference: str = Field("srb1", max_length=64, description="what the channels are measured against")
    signal: Literal["eeg", "sine", "test", "file"] = Field("eeg", description=(
        "what the emulated electrodes see: eeg, sine, test (the chip's square wave) or file"))
    seed: Whole = Field(1, ge=0, le=2**63 - 1, description="same seed, same samples")
    drift_ppm: float = Field(0.0, ge=-50_000, le=50_000, description="error of the emulated clock, parts per million")
    jitter_us: float = Field(0.0, ge=0, le=1e6, description=(
        "every emulated DRDY edge is stamped up to that much late, microseconds; below one period"))
    late: Literal["buffer", "lose"] = Field("buffer", description=(
        "what a late reader meets: buffer (a patient emulator) or lose (one latch, as in the chip)"))
    mains_hz: float = Field(60.0, ge=0, le=1000, description="mains in the eeg signal, 0 for none")
    sine_hz: float = Field(10.0, gt=0, le=50_000, description="frequency of signal: sine")
    sine_uv: float = Field(50.0, ge=0, le=5e6, description="amplitude of signal: sine, uV")
    path: str | None = Field(None, min_length=1, description=(
        "recording for signal: file; a .bin file is SPI frames as they are, any other its counts"))
    loop: bool = Field(False, description="start the file again at its end")
    vref_v: float = Field(4.5, gt=0, le=10, description="reference voltage of the converter, V")


@register
class Acquire(StageType):
    """Frames from a board, in counts."""

    name = "acquire"
    role: ClassVar[Literal["source"]] = "source"
    doc = "Frames from a board, in counts."
    Settings = AcquireSettings
    default_group = "acquire"
    inputs_allowed = (0, 0)

    def describe(self, settings: AcquireSettings, inputs: list[Stream], ctx: Context) -> Description:
        """Return RAW_I32 frames with the scale of every channel."""
        chips = _chips(settings)
        n_channels = sum(chips)
        labels = _labels(settings, n_channels)
        gains = _gains(settings, n_channels)
        batch = settings.batch or default_batch(settings.sps)
        _check_signal(settings)
        native: dict[str, Any] = {
            "node": "emulator", "n_chips": len(chips), "channels_per_chip": chips, "sps": settings.sps,
            "vref_v": settings.vref_v, "gain": gains, "signal": settings.signal, "seed": settings.seed,
            "drift_ppm": settings.drift_ppm, "jitter_us": settings.jitter_us, "late": settings.late,
            "mains_hz": settings.mains_hz, "sine_hz": settings.sine_hz, "sine_uv": settings.sine_uv,
            "alpha_weight": [signal_weights(label)[0] for label in labels],
            "blink_weight": [signal_weights(label)[1] for label in labels],
            "path": settings.path, "loop": settings.loop, "batch": batch,
        }
        stream = Stream(
            kind=Kind.RAW_I32, labels=tuple(labels), sps=settings.sps, max_frames=batch, unit="counts",
            scale_uv=tuple(lsb_uv(settings.vref_v, gain) for gain in gains), reference=settings.reference,
            can_wait=ctx.clock == "virtual", sources=(ctx.stage_id,),
            meta={"board": settings.board, "gain": gains, "vref_v": settings.vref_v})
        return Description([Port(OUT, stream)], native, {
            "channels": n_channels, "labels": labels, "batch": batch,
            "chips": [{"channels": channels} for channels in chips]})


def _chips(settings: AcquireSettings) -> list[int]:
    if settings.chips is not None:
        chips: list[int] = [chip.channels for chip in settings.chips]
        if sum(chips) > MAX_CHANNELS:
            raise SettingProblem("chips", f"{len(chips)} chips have {sum(chips)} channels in all",
                                 allowed=f"At most {MAX_CHANNELS} channels")
        if settings.channels is not None and settings.channels != sum(chips):
            raise SettingProblem("channels", f"{settings.channels} channels are asked for and the chips have "
                                 f"{sum(chips)}", hint="Remove channels, or change the chips")
        return chips
    wanted = settings.channels if settings.channels is not None else 8
    split = split_into_chips(wanted)
    if split is None:
        sizes = ", ".join(str(size) for size in boards()[settings.board].chip_channels)
        raise SettingProblem("channels", f"no chain of chips has {wanted} channels",
                             allowed=f"Chips have {sizes} channels: 4, 6, 8, 10, 12 and so on",
                             hint="Take the next even number, and a select behind it")
    return split


def _labels(settings: AcquireSettings, n_channels: int) -> list[str]:
    if settings.labels is None:
        return default_labels(n_channels)
    labels = settings.labels
    if len(labels) != n_channels:
        raise SettingProblem("labels", f"{len(labels)} labels for {n_channels} channels",
                             hint="Give one label per channel, or set channels")
    for label in labels:
        if not label.strip() or len(label) > 64:
            raise SettingProblem("labels", f"{label!r} is no label", allowed="1 to 64 characters, not blank")
    twice = sorted({label for label in labels if labels.count(label) > 1})
    if twice:
        raise SettingProblem("labels", f"{twice[0]!r} is given to two channels", hint="Give every channel its own")
    return list(labels)


def _gains(settings: AcquireSettings, n_channels: int) -> list[int]:
    if not isinstance(settings.gain, list):
        return [settings.gain] * n_channels
    if len(settings.gain) != n_channels:
        raise SettingProblem("gain", f"{len(settings.gain)} gains for {n_channels} channels",
                             allowed="One number, or one per channel")
    return list(settings.gain)


def _check_signal(settings: AcquireSettings) -> None:
    half = settings.sps / 2
    if settings.signal == "file":
        if settings.path is None:
            raise SettingProblem("path", "signal: file needs a path", hint="Add path: FILE, or choose another signal")
        if not Path(settings.path).is_file():
            raise SettingProblem("path", f"there is no file {settings.path!r}",
                                 hint="Relative paths start at the folder the command is run in")
    elif settings.path is not None:
        raise SettingProblem("path", f"signal: {settings.signal} reads no file",
                             hint="Set signal: file, or remove path")
    period_us = 1e6 / settings.sps / (1 + abs(settings.drift_ppm) / 1e6)
    if settings.jitter_us >= period_us:
        raise SettingProblem("jitter_us", f"{hz(settings.jitter_us)} us is not below one period "
                             f"({hz(round(period_us, 3))} us at {hz(settings.sps)} SPS)", hint="Lower jitter_us")
    if settings.signal == "sine" and settings.sine_hz >= half:
        raise SettingProblem("sine_hz", f"{hz(settings.sine_hz)} Hz is not below half the data rate "
                             f"({hz(half)} Hz at {hz(settings.sps)} SPS)", hint="Lower sine_hz or raise sps")

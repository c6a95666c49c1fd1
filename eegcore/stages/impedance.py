"""`impedance`: what each electrode measures in kOhm, from the lead-off current."""

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
    StageType,
    hz,
    need_voltage,
    register,
)
from eegcore.stages.current import Current, CurrentSettings, current_of, frames_of_cycle
from eegcore.stages.stream import Kind, Stream

MAX_WINDOW = 2**20                             # EC_LOCK_IN_MAX_WINDOW of csrc/dsp/ec_lock_in.h
LEAST_CYCLES = 4                               # fewer, and the taper lets slow drift through
KOHM = "kOhm"


class ImpedanceSettings(CurrentSettings):
    """Settings of `impedance`."""

    current_na: float | None = Field(None, gt=0, le=24_000, description=(
        "amplitude of the current, nA; what the source says if absent, needed for a recording"))
    labels: list[str] | None = Field(None, min_length=1, description=(
        "channels that have current; what the source says, or all, if absent"))
    window_s: float = Field(1.0, gt=0, le=600, description=(
        "one value per channel every so many seconds, rounded to whole cycles of the tone; longer is quieter"))
    series_ohm: float | list[float] = Field(0.0, description=(
        "resistors on the path of the current, taken off, ohm; one number or one per channel"))
    calibration: float | list[float] = Field(1.0, description=(
        "true current over nominal, from a known resistor; one number or one per channel"))
    baseline_uv: float | list[float] | None = Field(None, description=(
        "mean of every channel with the current off, uV; needed for dc"))
    limit_kohm: float | None = Field(None, gt=0, description=(
        "channels above it, or saturated, are flagged as lead-off; none if absent"))


@register
class Impedance(StageType):
    """Electrode impedance, one value per channel and window."""

    name = "impedance"
    role: ClassVar[Literal["stage"]] = "stage"
    doc = "Impedance of every electrode in kOhm, one value per channel and window, from the lead-off current."
    Settings = ImpedanceSettings
    default_group = "dsp"

    def describe(self, settings: ImpedanceSettings, inputs: list[Stream], ctx: Context) -> Description:
        """Return kOhm: frames as far apart as windows are long.

        A value is the frame of the last sample of its window; windows lie at multiples of their
        length in the frame index. With current on both inputs a value is the sum of both electrodes.
        """
        stream = inputs[0]
        need_voltage("impedance", stream)
        current = current_of("impedance", settings, stream)
        _need_raw(stream)
        amplitude_a = _amplitude_a(settings, current)
        n_cycle = frames_of_cycle(current.hz, stream) if current.mode == "ac" else 0
        n = _window(settings, stream, n_cycle)
        per_uv, alias = _kohm_per_uv(amplitude_a, current, stream)
        if current.mode == "dc" and stream.reference == "srb2":
            per_uv = -per_uv               # the current still widens P - N, and the electrode is on N
        scale = [per_uv / factor for factor in _per_channel("calibration", settings.calibration, stream)]
        offset = [ohm / 1000 for ohm in _per_channel("series_ohm", settings.series_ohm, stream)]
        if current.mode == "dc":
            if settings.baseline_uv is None:
                raise SettingProblem("baseline_uv", "dc needs to know what the channels show without current",
                                     hint="Measure the mean of every channel with lead_off: {mode: off}, or use ac")
            baseline = _per_channel("baseline_uv", settings.baseline_uv, stream)
            offset = [ohm + uv * factor for ohm, uv, factor in zip(offset, baseline, scale, strict=True)]
        on = _with_current(settings, current, stream)
        scale = [factor if label in on else math.nan for label, factor in zip(stream.labels, scale, strict=True)]
        out = stream.replace(
            kind=Kind.VOLTAGE_F32, unit=KOHM, scale_uv=(), sps=stream.sps / n, step=stream.step * n,
            max_frames=-(-stream.max_frames // n), delay_s=stream.delay_s + n / stream.sps / 2,
            settling_s=stream.settling_s + n / stream.sps)
        native: dict[str, Any] = {
            "node": "impedance", "window": n, "cycle": n_cycle, "alias": alias.hex(),
            "scale": [factor.hex() for factor in scale], "offset": [value.hex() for value in offset],
            "limit_kohm": settings.limit_kohm}
        resolved: dict[str, Any] = {"mode": current.mode, "window_s": n / stream.sps,
                                    "current_na": round(amplitude_a * 1e9, 6)}
        return Description([Port(OUT, out)], native, resolved | ({"hz": current.hz} if n_cycle else {}))


def sinc3(x: float) -> float:
    """Return the droop of the converter's filter at x = f / sps (ADS1299 data sheet, third-order sinc)."""
    return (math.sin(math.pi * x) / (math.pi * x)) ** 3


def _kohm_per_uv(current_a: float, current: Current, stream: Stream) -> tuple[float, float]:
    """Return kOhm per uV of what the lock-in measures, and what aliases do to it.

    The fundamental of a square wave of +-I has a peak of 4 I / pi, and the converter passes H of it:
    ``Z = V1 pi / (4 I H)``. Harmonic k = N - 1 of a tone of N frames falls onto the tone. It matters
    for N = 4 only: 3 f has H3 / (3 H) = 1.2 % of the fundamental, and 5 f, with H5 below zero, adds 0.2 %.
    """
    if current.mode == "dc":
        return 1e-9 / current_a, 0.0
    x = current.hz / stream.sps
    h = sinc3(x)
    alias = sinc3(3 * x) / (3 * h) - sinc3(5 * x) / (5 * h) if x == 0.25 else 0.0
    return 1e-9 * math.pi / (4 * current_a * h), alias


def _need_raw(stream: Stream) -> None:
    """Refuse an input whose tone has been filtered, or whose rate is not that of the chip."""
    filters = stream.meta.get("filters")
    if stream.step != 1 or filters:
        change = (f"{filters[-1]!r} has filtered it" if filters
                  else f"one of its frames stands for {stream.step} of the chip")
        raise SettingProblem("inputs", f"impedance needs the tone as the chip measured it, and {change}",
                             hint="Take its input from the to_voltage behind the source", about="rate")


def _amplitude_a(settings: ImpedanceSettings, current: Current) -> float:
    if current.current_a is not None:
        if settings.current_na is not None and abs(settings.current_na * 1e-9 / current.current_a - 1) > 1e-6:
            raise SettingProblem("current_na", f"{hz(settings.current_na)} nA is set, and the source drives "
                                 f"{hz(current.current_a * 1e9)} nA", hint="Remove current_na; for a current that "
                                 "was measured set calibration")
        return current.current_a
    if settings.current_na is None:
        raise SettingProblem("current_na", "the amplitude of the current is not known", allowed="6 or 24 nA",
                             hint="Set current_na to what the chip was set to")
    return settings.current_na * 1e-9


def _window(settings: ImpedanceSettings, stream: Stream, n_cycle: int) -> int:
    """Return the frames of a window: whole cycles of the tone, as near to window_s as there are."""
    if n_cycle:
        cycles = round(settings.window_s * stream.sps / n_cycle)
        if cycles < LEAST_CYCLES:
            least = LEAST_CYCLES * n_cycle / stream.sps
            raise SettingProblem("window_s", f"{hz(settings.window_s)} s is {cycles} cycles of the tone",
                                 allowed=f"At least {LEAST_CYCLES}", hint=f"Use {hz(least)} s or more", about="rate")
        n = cycles * n_cycle
    else:
        n = max(1, round(settings.window_s * stream.sps))
    if n > MAX_WINDOW:
        raise SettingProblem("window_s", f"{hz(settings.window_s)} s is {n} frames at {hz(stream.sps)} SPS",
                             allowed=f"At most {MAX_WINDOW} frames", hint="Shorten the window", about="rate")
    return n


def _per_channel(key: str, given: float | list[float], stream: Stream) -> list[float]:
    values = list(given) if isinstance(given, list) else [given] * stream.n_channels
    if len(values) != stream.n_channels:
        raise SettingProblem(key, f"{len(values)} values for {stream.n_channels} channels",
                             allowed="One number, or one per channel", about="channels")
    low, high = {"calibration": (0.1, 10.0), "series_ohm": (0.0, 1e9)}.get(key, (-1e7, 1e7))
    wrong = [value for value in values if not low <= value <= high]
    if wrong:
        raise SettingProblem(key, f"{wrong[0]:g} is out of range", allowed=f"{low:g} to {high:g}")
    return [float(value) for value in values]


def _with_current(settings: ImpedanceSettings, current: Current, stream: Stream) -> set[str]:
    """Return the labels of the channels that have current."""
    on = set(stream.labels) if current.labels is None else set(current.labels) & set(stream.labels)
    if settings.labels is not None:
        for label in settings.labels:
            if label not in on:
                known = ", ".join(name for name in stream.labels if name in on)
                raise SettingProblem("labels", f"no channel called {label!r} has current", allowed=f"Known: {known}",
                                     about="channels")
        on = set(settings.labels)
    if not on:
        raise SettingProblem("inputs", "none of its channels has current", about="channels",
                             hint="Select channels that lead_off of the source switches on")
    return on

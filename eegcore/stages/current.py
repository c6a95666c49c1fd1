"""The lead-off current: what is switched on, as the source says it or as the settings do.

A source whose chip drives current through the electrodes says so in
``stream.meta["lead_off"]``: ``{"mode": "dc" | "ac", "hz": float, "current_a": float,
"inputs": "both" | "p" | "n", "labels": [...]}``. A recording says nothing; there
the same comes from the settings of the stage.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from eegcore.stages.base import SettingProblem, StageSettings, hz
from eegcore.stages.stream import Stream

CHIP_HZ = (7.8125, 31.25)                      # 2^18 and 2^16 tCLK, ADS1299 data sheet, LOFF register
FRAMES_OF_FDR4 = 4
LEAST_CYCLE = 4                                # frames; a square wave needs two in each half


class CurrentSettings(StageSettings):
    """Settings of both stages that know about the current."""

    mode: Literal["dc", "ac"] | None = Field(None, description=(
        "dc or ac; what the source says if absent, needed for a recording"))
    hz: float | Literal["fdr/4"] | None = Field(None, description=(
        "frequency of the ac current: 7.8125, 31.25 or fdr/4; what the source says if absent"))


@dataclass(frozen=True)
class Current:
    """What flows through the electrodes.

    Parameters
    ----------
    mode : {"dc", "ac"}
    hz : float
        Frequency of the square wave, 0 for dc.
    current_a : float or None
        Amplitude in ampere; None if nobody has told.
    labels : tuple of str or None
        Channels with current; None for all.
    """

    mode: Literal["dc", "ac"]
    hz: float
    current_a: float | None
    labels: tuple[str, ...] | None


def current_of(stage: str, settings: CurrentSettings, stream: Stream) -> Current:
    """Return the current that the source or the settings tell of.

    Raises
    ------
    SettingProblem
        If neither tells, or the two contradict each other.
    """
    said = stream.meta.get("lead_off") or {}
    mode = said.get("mode", "off")
    if mode == "off":
        return _from_settings(stage, settings, stream)
    if settings.mode not in (None, mode):
        raise SettingProblem("mode", f"{settings.mode} is set, and the source drives {mode} current",
                             hint="Remove mode here, or change lead_off of the source")
    tone_hz = float(said["hz"]) if mode == "ac" else 0.0
    if settings.hz is not None and mode == "ac" and abs(_tone_hz(settings.hz, stream) - tone_hz) > 1e-9 * tone_hz:
        raise SettingProblem("hz", f"{settings.hz} is set, and the source drives {hz(tone_hz)} Hz",
                             hint="Remove hz here, or change lead_off of the source")
    labels = said.get("labels")
    return Current(mode, tone_hz, float(said["current_a"]), None if labels is None else tuple(labels))


def _from_settings(stage: str, settings: CurrentSettings, stream: Stream) -> Current:
    if settings.mode is None and settings.hz is None:
        raise SettingProblem("mode", f"no lead-off current is on: {stage} has nothing to work on",
                             allowed="dc or ac",
                             hint="Set lead_off: {mode: ac} in the acquire, or, for a recording that was made "
                                  "with current, mode and hz here")
    if settings.mode == "dc":
        return Current("dc", 0.0, None, None)
    if settings.hz is None:
        raise SettingProblem("hz", "the frequency of the ac current is not known",
                             allowed="7.8125, 31.25 or fdr/4", hint="Set hz to what the chip was set to")
    return Current("ac", _tone_hz(settings.hz, stream), None, None)


def _tone_hz(given: float | str, stream: Stream) -> float:
    if isinstance(given, str):
        return stream.sps * float(stream.step) / FRAMES_OF_FDR4       # of the rate of the chip
    if given <= 0:
        raise SettingProblem("hz", f"{hz(given)} Hz is no tone", allowed="7.8125, 31.25 or fdr/4")
    return given


def frames_of_cycle(tone_hz: float, stream: Stream) -> int:
    """Return the frames in one period of the tone: whole and even, because both divide one clock.

    Raises
    ------
    SettingProblem
        If the tone does not fit the rate, or the frames are counted by the clock of another board.
    """
    if len(stream.sources) > 1:
        first, other = stream.sources[:2]
        raise SettingProblem("inputs", f"the input joins {first!r} and {other!r}, and the tone of {other!r} does not "
                             f"keep step with the frames of {first!r}",
                             hint="Take the input from before the align_and_zip")
    ratio = stream.sps / tone_hz
    n_cycle = round(ratio)
    if ratio < LEAST_CYCLE * (1 - 1e-9):
        raise SettingProblem("hz", f"a tone of {hz(tone_hz)} Hz has {ratio:.4g} frames per period at "
                             f"{hz(stream.sps)} SPS", allowed=f"At least {LEAST_CYCLE}",
                             hint="Take the input from before the decimate", about="rate")
    if abs(ratio - n_cycle) > 1e-9 * ratio or n_cycle % 2 != 0:
        raise SettingProblem("hz", f"{hz(stream.sps)} SPS is no even multiple of the tone of {hz(tone_hz)} Hz "
                             f"(ratio {ratio:.6g})", allowed="7.8125, 31.25 or fdr/4 at a rate of the chip",
                             hint="Set hz to what the chip was set to", about="rate")
    return n_cycle

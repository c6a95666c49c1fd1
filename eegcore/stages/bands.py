"""`bands`: power of each channel in the bands of the EEG, from its spectrum."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Literal

from pydantic import Field

from eegcore.stages.axis import Axis, axis_of, ends_of
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
from eegcore.stages.spectrum import SPECTRUM
from eegcore.stages.stream import Stream

# Edges as the glossary of the IFCN has them (Kane et al., Clin Neurophysiol Pract 2:170-185, 2017), with delta from
# 1 Hz instead of 0.1, above the drift of electrodes, and gamma to 45 Hz instead of 80, below the mains.
USUAL: dict[str, list[float]] = {
    "delta": [1.0, 4.0], "theta": [4.0, 8.0], "alpha": [8.0, 13.0], "beta": [13.0, 30.0], "gamma": [30.0, 45.0]}
MAX_BANDS = 63                                 # EC_BANDS_MAX_ROWS of csrc/dsp/ec_bands.h, less the total
SHARE = "1"                                    # the unit of a ratio, as UCUM writes it


class BandsSettings(StageSettings):
    """Settings of `bands`."""

    bands: dict[str, list[float]] | None = Field(None, min_length=1, max_length=MAX_BANDS, description=(
        "name: [low_hz, high_hz], each; delta 1-4, theta 4-8, alpha 8-13, beta 13-30, gamma 30-45 Hz if absent"))
    relative: bool = Field(False, description="share of the power in total_hz instead of uV^2")
    total_hz: list[float] | None = Field(None, min_length=2, max_length=2, description=(
        "[low_hz, high_hz] that shares are of; from the lowest to the highest edge of the bands if absent"))


@register
class Bands(StageType):
    """Power in bands of frequency."""

    name = "bands"
    role: ClassVar[Literal["stage"]] = "stage"
    doc = "Power of every channel in delta, theta, alpha, beta and gamma, or in bands of your own, from an fft."
    Settings = BandsSettings
    default_group = "dsp"

    def describe(self, settings: BandsSettings, inputs: list[Stream], ctx: Context) -> Description:
        """Return SPECTRUM_F32 with one bin per band: uV^2, or shares of the total.

        The integral of the density over the band by the trapezoid rule, as `scipy.integrate.trapezoid`; an edge
        between two bins gets the value of the straight line between them. One frame for each spectrum of the
        input; `axis_hz` has the middles of the bands, `bands` of the meta message their names and edges.
        Nothing is kept from frame to frame: a gap or a live change has no effect beyond the spectrum itself.
        """
        stream = inputs[0]
        axis = axis_of("bands", stream)
        bands = USUAL if settings.bands is None else settings.bands
        for name, edges in bands.items():
            _check_band(name, edges, axis, own=settings.bands is not None)
        pieces = [axis.piece(row, *edges) for row, edges in enumerate(bands.values())]
        resolved: dict[str, Any] = {"bands": {name: list(edges) for name, edges in bands.items()}}
        if settings.relative:
            resolved["total_hz"] = _total(settings, bands, axis)
            pieces.append(axis.piece(len(bands), *resolved["total_hz"]))
        elif settings.total_hz is not None:
            raise SettingProblem("total_hz", "it is given, and the bands are in uV^2", hint="Set relative: true")
        middles = tuple((low + high) / 2 for low, high in bands.values())
        out = stream.replace(unit=SHARE if settings.relative else SPECTRUM, axis_hz=middles,
                             meta={**stream.meta, "bands": resolved["bands"]})
        native: dict[str, Any] = {
            "node": "bands", "rows": len(bands) + settings.relative, "pieces": [list(piece) for piece in pieces],
            "finish": "share" if settings.relative else "power"}
        return Description([Port(OUT, out)], native, resolved)


def _check_band(name: str, edges: list[float], axis: Axis, own: bool) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,31}", name):
        raise SettingProblem("bands", f"{name!r} is no name of a band",
                             allowed="A small letter, then small letters, digits and _, at most 32")
    if len(edges) != 2 or not 0 <= edges[0] < edges[1]:
        raise SettingProblem("bands", f"{name} is {edges}", allowed="[low_hz, high_hz], low below high")
    low, high = edges
    hint = ("Give the fft another min_hz or max_hz, or its input a higher rate" if own
            else "Give the fft another min_hz or max_hz, or write bands of your own")
    if not axis.holds(low, high):
        raise SettingProblem("bands", f"{name} reaches from {hz(low)} to {hz(high)} Hz, and the spectrum has "
                             f"{ends_of(axis)}", hint=hint, about="rate")
    if high - low < axis.bin_hz:
        raise SettingProblem("bands", f"{name} is {hz(high - low)} Hz wide, and bins are {hz(axis.bin_hz)} Hz apart",
                             allowed="One bin or more", hint="Make window_s of the fft longer", about="rate")


def _total(settings: BandsSettings, bands: dict[str, list[float]], axis: Axis) -> list[float]:
    if settings.total_hz is None:
        return [min(low for low, _ in bands.values()), max(high for _, high in bands.values())]
    low, high = settings.total_hz
    if not (low < high and axis.holds(low, high)):
        raise SettingProblem("total_hz", f"it is {hz(low)} to {hz(high)} Hz, and the spectrum has {ends_of(axis)}",
                             allowed="[low_hz, high_hz] inside it", about="rate")
    return [low, high]

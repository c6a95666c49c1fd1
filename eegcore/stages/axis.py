"""Stretches of the axis of a spectrum: what `bands` and `mains` measure over."""

from __future__ import annotations

from dataclasses import dataclass

from eegcore.stages.base import SettingProblem, hz
from eegcore.stages.spectrum import DECIBEL, DENSITY
from eegcore.stages.stream import Kind, Stream

Piece = tuple[int, str, str, str]              # row, low and high in bins, factor: hexadecimal floats


@dataclass(frozen=True)
class Axis:
    """Equally spaced bins of a power spectral density.

    Parameters
    ----------
    first_hz, bin_hz : float
        Of the first bin; from bin to bin.
    n_bins : int
    """

    first_hz: float
    bin_hz: float
    n_bins: int

    @property
    def last_hz(self) -> float:
        """Frequency of the last bin."""
        return self.first_hz + (self.n_bins - 1) * self.bin_hz

    def holds(self, low_hz: float, high_hz: float) -> bool:
        """Return whether a stretch lies between the first and the last bin, up to rounding."""
        slack = 1e-9 * self.bin_hz
        return low_hz >= self.first_hz - slack and high_hz <= self.last_hz + slack

    def piece(self, row: int, low_hz: float, high_hz: float, factor: float = 1.0) -> Piece:
        """Return the integral over [low_hz, high_hz] times `factor` as a part of row `row` (csrc/dsp/ec_bands.h)."""
        low, high = (min(max((value - self.first_hz) / self.bin_hz, 0.0), self.n_bins - 1.0)
                     for value in (low_hz, high_hz))
        return row, low.hex(), high.hex(), (factor * self.bin_hz).hex()


def axis_of(stage: str, stream: Stream) -> Axis:
    """Return the axis of an input that must be a power spectral density in uV^2/Hz.

    Raises
    ------
    SettingProblem
        If it is anything else: what it is, and what to do.
    """
    if stream.kind is not Kind.SPECTRUM_F32:
        carried = "counts (RAW_I32)" if stream.kind is Kind.RAW_I32 else f"{stream.unit} over time"
        raise SettingProblem("inputs", f"{stage} needs a spectrum, and its input carries {carried}",
                             hint=f"Put an fft in between: - fft: {{window_s: 2}}, then - {stage}", about="kind")
    if stream.unit != DENSITY:
        hint = ("Set unit: uV^2/Hz in the fft; for a picture in dB use a second fft" if stream.unit == DECIBEL
                else "Set scale: density in the fft" if not stream.meta.get("bands")
                else "Take its input from the fft")
        raise SettingProblem("inputs", f"{stage} needs uV^2/Hz, and its input carries {stream.unit}", hint=hint,
                             about="kind")
    if stream.n_bins < 2:
        raise SettingProblem("inputs", f"{stage} needs two bins or more, and its input has {stream.n_bins}",
                             hint="Lower min_hz or raise max_hz of the fft", about="kind")
    bin_hz = (stream.axis_hz[-1] - stream.axis_hz[0]) / (stream.n_bins - 1)
    return Axis(stream.axis_hz[0], bin_hz, stream.n_bins)


def ends_of(axis: Axis) -> str:
    """Say where an axis begins and ends, for a message."""
    return f"{hz(axis.first_hz)} to {hz(axis.last_hz)} Hz in steps of {hz(axis.bin_hz)} Hz"

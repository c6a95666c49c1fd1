"""`fft`: power spectra of sliding windows, averaged as Welch did."""

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
    Whole,
    hz,
    need_voltage,
    register,
)
from eegcore.stages.stream import Kind, Stream

MAX_WINDOW_FRAMES = 2**18
MAX_PACKET_BYTES = 16 * 2**20
MAX_AVERAGE = 1000                             # EC_AVERAGE_MAX of csrc/dsp/ec_average.h
MAX_AVERAGE_BYTES = 128 * 2**20
DENSITY, SPECTRUM, DECIBEL = "uV^2/Hz", "uV^2", "dB"

Window = Literal["hann", "hamming", "blackman", "blackmanharris", "flattop", "kaiser", "rectangular"]


class FftSettings(StageSettings):
    """Settings of `fft`."""

    window_s: float = Field(2.0, gt=0, le=600, description="length of a window, s; bins are 1 / window_s apart")
    overlap: float = Field(0.5, ge=0, lt=1, description="share of a window that the next one uses again")
    window: Window = Field("hann", description=(
        "hann hamming blackman blackmanharris flattop kaiser rectangular; periodic, as scipy.signal.welch takes them"))
    kaiser_beta: float | None = Field(None, ge=0, le=50, description=(
        "shape of a kaiser window: 5 is close to hamming, 6 to hann, 8.6 to blackman"))
    detrend: Literal["constant", "linear", "none"] = Field("constant", description=(
        "what is taken off every window: its mean, its straight line of least squares, or nothing"))
    average: Whole = Field(1, ge=1, le=MAX_AVERAGE, description=(
        "windows of one spectrum (Welch); each hop gives the average of the newest ones"))
    average_by: Literal["mean", "median"] = Field("mean", description=(
        "mean, or median without its bias: short artefacts do not count"))
    scale: Literal["density", "spectrum"] = Field("density", description=(
        "density: uV^2/Hz; spectrum: uV^2, a sine has its mean square in its bin"))
    unit: Literal["uV^2/Hz", "uV^2", "dB"] | None = Field(None, description=(
        "dB: 10 log10 of uV^2/Hz or uV^2; if absent, the unit of the scale"))
    min_hz: float | None = Field(None, ge=0, le=50_000, description="leave out bins below; all bins if absent")
    max_hz: float | None = Field(None, gt=0, le=50_000, description="leave out bins above; all bins if absent")


@register
class Fft(StageType):
    """Power spectra of sliding windows."""

    name = "fft"
    role: ClassVar[Literal["stage"]] = "stage"
    doc = "Power spectral density of sliding windows, uV^2/Hz or dB: one spectrum per channel and hop (Welch)."
    Settings = FftSettings
    default_group = "dsp"

    def describe(self, settings: FftSettings, inputs: list[Stream], ctx: Context) -> Description:
        """Return SPECTRUM_F32: what `scipy.signal.welch` gives for the newest `average` windows.

        One column of a spectrogram per hop of ``window_s * (1 - overlap)`` seconds; its bins are ``k * sps / n`` Hz,
        `axis_hz` of the meta message. Windows begin with the first frame of a run and with the first one after a
        gap; a column is given as soon as all its windows are whole, ``n + (average - 1) * hop`` frames later, and
        again after every hop. Its `frame_index` and `t_ns` are those of the last frame of its last window, so it
        describes the time before: the middle of it lies `delay_s` earlier. It has the flags of all its frames.
        After a gap, windows and averages begin anew. A live change keeps the frames; if windows or bins change, the
        average begins anew, and its columns are `settling` until it is full.
        """
        stream = inputs[0]
        need_voltage("fft", stream)
        n = _frames(settings, stream)
        unit = _unit(settings)
        beta = _beta(settings)
        hop = max(1, round(n * (1 - settings.overlap)))
        bin_from, axis = _axis(settings, stream, n)
        span_s = (n + (settings.average - 1) * hop) / stream.sps
        meta: dict[str, Any] = {
            **stream.meta, "fft": {"window": settings.window, "window_s": n / stream.sps, "scale": settings.scale,
                                   "average": settings.average, "lobe_bins": lobe_bins(settings.window, beta)}}
        out = stream.replace(
            kind=Kind.SPECTRUM_F32, unit=unit, scale_uv=(), axis_hz=axis, sps=stream.sps / hop,
            step=stream.step * hop, max_frames=-(-stream.max_frames // hop),
            delay_s=stream.delay_s + span_s / 2, settling_s=stream.settling_s + span_s, meta=meta)
        _need_memory(settings, out)
        native = {"node": "fft", "n": n, "hop": hop, "n_bins": len(axis), "bin_from": bin_from,
                  "window": settings.window, "beta": beta.hex(), "detrend": settings.detrend, "scale": settings.scale,
                  "average": settings.average, "average_by": settings.average_by, "db": unit == DECIBEL}
        return Description([Port(OUT, out)], native, {"unit": unit})


def lobe_bins(window: str, beta: float) -> float:
    """Return how many bins from its middle the main lobe of a window ends.

    A sum of K + 1 cosine terms has its first zero at K + 1 bins, a Kaiser window at ``sqrt(1 + (beta / pi)^2)``
    (Harris, Proc. IEEE 66:51-83, 1978).
    """
    if window == "kaiser":
        return math.sqrt(1 + (beta / math.pi) ** 2)
    return {"rectangular": 1.0, "blackman": 3.0, "blackmanharris": 4.0, "flattop": 5.0}.get(window, 2.0)


def _frames(settings: FftSettings, stream: Stream) -> int:
    n = round(settings.window_s * stream.sps)
    if n < 8:
        raise SettingProblem("window_s", f"{hz(settings.window_s)} s is {n} frames at {hz(stream.sps)} SPS",
                             allowed="At least 8 frames", hint=f"Use {hz(8 / stream.sps)} s or more", about="rate")
    if n > MAX_WINDOW_FRAMES:
        raise SettingProblem("window_s", f"{hz(settings.window_s)} s is {n} frames at {hz(stream.sps)} SPS",
                             allowed=f"At most {MAX_WINDOW_FRAMES} frames",
                             hint="Shorten the window, or put a decimate before it", about="rate")
    return n


def _unit(settings: FftSettings) -> str:
    natural = DENSITY if settings.scale == "density" else SPECTRUM
    if settings.unit not in (None, DECIBEL, natural):
        raise SettingProblem("unit", f"{settings.unit} is asked for, and scale {settings.scale} gives {natural}",
                             allowed=f"{natural} or dB",
                             hint=f"Set scale: {'spectrum' if settings.scale == 'density' else 'density'}")
    return settings.unit or natural


def _beta(settings: FftSettings) -> float:
    if (settings.window == "kaiser") != (settings.kaiser_beta is not None):
        raise SettingProblem("kaiser_beta", "a kaiser window needs its shape" if settings.kaiser_beta is None
                             else f"it is given, and the window is {settings.window}",
                             hint="Set kaiser_beta: 8.6" if settings.kaiser_beta is None
                             else "Set window: kaiser, or remove it")
    return settings.kaiser_beta or 0.0


def _axis(settings: FftSettings, stream: Stream, n: int) -> tuple[int, tuple[float, ...]]:
    """Return the number of the first bin that is kept, and the frequencies of all of them."""
    low, high = settings.min_hz or 0.0, math.inf if settings.max_hz is None else settings.max_hz
    bins = [(k, k * stream.sps / n) for k in range(n // 2 + 1)]
    kept = [(k, value) for k, value in bins if low <= value <= high]
    if not kept:
        key = "min_hz" if settings.max_hz is None or low > settings.max_hz else "max_hz"
        raise SettingProblem(key, f"no bin lies from {hz(low)} to {hz(high)} Hz",
                             allowed=f"Bins are {hz(stream.sps / n)} Hz apart, up to {hz(bins[-1][1])} Hz",
                             hint="Make the range wider, or window_s longer", about="rate")
    return kept[0][0], tuple(value for _, value in kept)


def _need_memory(settings: FftSettings, out: Stream) -> None:
    if out.packet_bytes > MAX_PACKET_BYTES:
        raise SettingProblem("window_s", f"a packet of {out.max_frames} spectra, {out.n_bins} bins and "
                             f"{out.n_channels} channels takes {out.packet_bytes / 2**20:.0f} MiB",
                             allowed=f"At most {MAX_PACKET_BYTES // 2**20} MiB",
                             hint="Set max_hz, shorten window_s, or lower overlap", about="rate")
    kept = 8 * settings.average * out.n_bins * out.n_channels
    if kept > MAX_AVERAGE_BYTES:
        raise SettingProblem("average", f"{settings.average} spectra of {out.n_bins} bins and {out.n_channels} "
                             f"channels take {kept / 2**20:.0f} MiB",
                             allowed=f"At most {MAX_AVERAGE_BYTES // 2**20} MiB", about="rate",
                             hint="Set max_hz, or lower average")

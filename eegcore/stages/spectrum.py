"""`fft`: power spectral density of sliding windows."""

from __future__ import annotations

from typing import ClassVar, Literal

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
    need_voltage,
    register,
)
from eegcore.stages.stream import Kind, Stream

MAX_WINDOW_FRAMES = 2**18
MAX_PACKET_BYTES = 16 * 2**20


class FftSettings(StageSettings):
    """Settings of `fft`."""

    window_s: float = Field(2.0, gt=0, le=600, description="length of a window, s; bins are 1 / window_s apart")
    overlap: float = Field(0.5, ge=0, lt=1, description="share of a window that the next one uses again")
    window: Literal["hann", "hamming", "blackman", "rectangular"] = Field("hann", description=(
        "hann hamming blackman rectangular; periodic, as scipy.signal.welch takes them"))
    max_hz: float | None = Field(None, gt=0, le=50_000, description="leave out bins above; all bins if absent")


@register
class Fft(StageType):
    """Power spectral density of sliding windows."""

    name = "fft"
    role: ClassVar[Literal["stage"]] = "stage"
    doc = "Power spectral density of sliding windows, uV^2/Hz: one spectrum per channel and window."
    Settings = FftSettings
    default_group = "dsp"

    def describe(self, settings: FftSettings, inputs: list[Stream], ctx: Context) -> Description:
        """Return SPECTRUM_F32: what `scipy.signal.welch` gives for that one window.

        Constant detrend, periodic window, density, one-sided. A spectrum is the frame of
        the last sample of its window; its bins are ``k * sps / n`` Hz.
        """
        stream = inputs[0]
        need_voltage("fft", stream)
        n = round(settings.window_s * stream.sps)
        if n < 8:
            raise SettingProblem("window_s", f"{hz(settings.window_s)} s is {n} frames at {hz(stream.sps)} SPS",
                                 allowed="At least 8 frames", hint=f"Use {hz(8 / stream.sps)} s or more",
                                 about="rate")
        if n > MAX_WINDOW_FRAMES:
            raise SettingProblem("window_s", f"{hz(settings.window_s)} s is {n} frames at {hz(stream.sps)} SPS",
                                 allowed=f"At most {MAX_WINDOW_FRAMES} frames",
                                 hint="Shorten the window, or put a decimate before it", about="rate")
        hop = max(1, round(n * (1 - settings.overlap)))
        axis = [k * stream.sps / n for k in range(n // 2 + 1)]
        if settings.max_hz is not None:
            axis = [value for value in axis if value <= settings.max_hz]
        out = stream.replace(
            kind=Kind.SPECTRUM_F32, unit="uV^2/Hz", scale_uv=(), axis_hz=tuple(axis), sps=stream.sps / hop,
            step=stream.step * hop, max_frames=-(-stream.max_frames // hop),
            delay_s=stream.delay_s + n / stream.sps / 2, settling_s=stream.settling_s + n / stream.sps)
        if out.packet_bytes > MAX_PACKET_BYTES:
            raise SettingProblem("window_s", f"a packet of {out.max_frames} spectra, {len(axis)} bins and "
                                 f"{out.n_channels} channels takes {out.packet_bytes / 2**20:.0f} MiB",
                                 allowed=f"At most {MAX_PACKET_BYTES // 2**20} MiB",
                                 hint="Set max_hz, shorten window_s, or lower overlap", about="rate")
        native = {"node": "fft", "n": n, "hop": hop, "n_bins": len(axis), "bin_from": 0,
                  "window": settings.window, "detrend": "constant", "scale": "density"}
        return Description([Port(OUT, out)], native)

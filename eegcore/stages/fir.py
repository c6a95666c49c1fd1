"""`fir`: a finite impulse response, given or designed by the window method.

The filter is causal. At the start of a run it is at rest, as `scipy.signal.lfilter` is. After a gap the missing
frames are taken to have been like the first one behind it, and the output is `settling` until they are out of reach.
When its settings change while data flow, the past of the input stays known, and what a longer filter sees of it
beyond that is taken to have been like the oldest frame known.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar, Literal

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
from eegcore.stages.design import DesignError, taps_to_hex
from eegcore.stages.families import below_nyquist
from eegcore.stages.scaling import linear, voltage_only
from eegcore.stages.stream import Stream

MOST_TAPS = 4096                               # EC_FIR_MAX_TAPS of csrc/dsp/ec_fir.h
LANES = 8                                      # EC_LANES: channels that cost as much as one
WARN_PRODUCTS = 1e9                            # a second: a fifth of a core of a Raspberry Pi 5
MOST_PRODUCTS = 2e10                           # more than one core of any kind does
ATTENUATION_DB = 60.0                          # of a Kaiser window that is not told

# Width of the transition times n_taps over the data rate: Ifeachor and Jervis, Digital Signal Processing, 2nd ed.,
# table 7.3, as EEGLAB and MNE have it (Widmann, Schroeger, Maess 2015, J. Neurosci. Methods 250: 34-46).
WIDTHS = {"rectangular": 0.9, "hann": 3.1, "hamming": 3.3, "blackman": 5.5}

Edge = Annotated[float, Field(gt=0, le=50_000)]
Tap = Annotated[float, Field(ge=-1e9, le=1e9)]


class FirSettings(StageSettings):
    """Settings of `fir`."""

    taps: list[Tap] | None = Field(None, min_length=1, max_length=MOST_TAPS, description=(
        "the filter itself: what the newest frame is multiplied by, then the one before it, and so on"))
    low_hz: Edge | None = Field(None, description="lower edge of what passes (-6 dB), Hz; alone: a high-pass")
    high_hz: Edge | None = Field(None, description="upper edge of what passes (-6 dB), Hz; alone: a low-pass")
    stop: bool = Field(False, description="take out what lies between low_hz and high_hz, and pass the rest")
    transition_hz: Edge | None = Field(None, description=(
        "width from pass to stop, Hz; default: a quarter of the edge, at least 2 Hz, at most the edge itself or what "
        "is left to half the data rate"))
    n_taps: Whole | None = Field(None, ge=2, le=MOST_TAPS, description=(
        "number of taps, in place of transition_hz; odd if half the data rate passes"))
    window: Literal["hamming", "hann", "blackman", "rectangular", "kaiser"] = Field("hamming", description=(
        "window of the design"))
    attenuation_db: float | None = Field(None, ge=21, le=200, description=(
        f"of a kaiser window, dB; default {ATTENUATION_DB:g}"))


@register
class Fir(StageType):
    """Finite impulse response: linear phase, one delay for all frequencies."""

    name = "fir"
    role: ClassVar[Literal["stage"]] = "stage"
    doc = "Filter by given taps, or by a window design with one delay for all frequencies."
    Settings = FirSettings
    default_group = "dsp"

    def describe(self, settings: FirSettings, inputs: list[Stream], ctx: Context) -> Description:
        """Return the same stream, filtered by the given taps or by those of `scipy.signal.firwin`.

        The delay is that of the middle of the taps for mirrored ones, and otherwise the mean of the group delay
        over all frequencies, weighted by the power that passes (see `delay_frames`). A step is over after
        ``n_taps - 1`` frames, exactly.
        """
        stream = inputs[0]
        need_voltage("fir", stream)
        taps, resolved = list[float](settings.taps or ()), dict[str, Any]()
        if settings.taps is not None:
            _refuse_design(settings)
            if not any(taps):
                raise SettingProblem("taps", "every tap is 0, nothing would pass")
        else:
            taps, resolved = _designed(settings, stream, ctx)
        out = voltage_only(stream).after_filter(ctx.stage_id).replace(
            delay_s=stream.delay_s + delay_frames(taps) / stream.sps,
            settling_s=stream.settling_s + (len(taps) - 1) / stream.sps)
        warnings = check_cost("n_taps" if settings.taps is None else "taps", len(taps), stream, ctx)
        return Description([Port(OUT, out)], linear([{"op": "fir", "taps": taps_to_hex(taps)}]), resolved,
                           warnings=warnings)


def delay_frames(taps: list[float]) -> float:
    """Return the group delay in frames, averaged over all frequencies with the weight of the power that passes.

    That average is the centre of the energy of the taps, ``sum k h[k]^2 / sum h[k]^2`` (Parseval's theorem on the
    transforms of ``h`` and ``k h``): for mirrored taps the delay itself, ``(n_taps - 1) / 2``.
    """
    largest = max(abs(tap) for tap in taps)
    weights = [(tap / largest) ** 2 for tap in taps]
    return math.fsum(k * weight for k, weight in enumerate(weights)) / math.fsum(weights)


def check_cost(key: str, n_taps: int, stream: Stream, ctx: Context) -> tuple[str, ...]:
    """Return a warning if one thread has much to do, and refuse what it cannot do in real time.

    Raises
    ------
    SettingProblem
    """
    if ctx.clock == "virtual":
        return ()
    products = n_taps * stream.sps * (-(-stream.n_channels // LANES) * LANES)
    text = (f"{n_taps} taps on {stream.n_channels} channels at {hz(stream.sps)} SPS are {products:.2g} products "
            "a second")
    hint = "Decimate first, take fewer taps, or use a bandpass, highpass or lowpass"
    if products > MOST_PRODUCTS:
        raise SettingProblem(key, text, allowed=f"At most {MOST_PRODUCTS:.2g} in real time", hint=hint, about="rate")
    return (f"{text}. {hint}.",) if products > WARN_PRODUCTS else ()


def _refuse_design(settings: FirSettings) -> None:
    design = {"low_hz", "high_hz", "stop", "transition_hz", "n_taps", "attenuation_db"}
    given = sorted(key for key in design if getattr(settings, key) not in (None, False))
    given += ["window"] * (settings.window != "hamming")
    if given:
        raise SettingProblem(given[0], f"taps are given, and {', '.join(given)} as well",
                             hint="Give the taps, or what they shall be designed for")


def _designed(settings: FirSettings, stream: Stream, ctx: Context) -> tuple[list[float], dict[str, Any]]:
    low, high = settings.low_hz, settings.high_hz
    edges = [(key, edge) for key, edge in (("low_hz", low), ("high_hz", high)) if edge is not None]
    if not edges:
        raise SettingProblem("low_hz", "neither taps nor low_hz nor high_hz is given",
                             hint="Give low_hz for a high-pass, high_hz for a low-pass, both for a band-pass")
    for key, edge in edges:
        below_nyquist(key, edge, stream)
    if low is not None and high is not None and low >= high:
        raise SettingProblem("low_hz", f"{hz(low)} Hz is not below high_hz ({hz(high)} Hz)",
                             hint="Lower low_hz or raise high_hz")
    if settings.stop and len(edges) < 2:
        raise SettingProblem("stop", "a band-stop has two edges, and one is given", hint="Give low_hz and high_hz")
    if settings.attenuation_db is not None and settings.window != "kaiser":
        raise SettingProblem("attenuation_db", f"the window is {settings.window}, whose attenuation is what it is",
                             hint="Set window: kaiser, or remove attenuation_db")
    passes_half = settings.stop or high is None
    n_taps, resolved = _length(settings, stream, [edge for _, edge in edges], passes_half)
    pass_zero = {(True, False): "highpass", (False, True): "lowpass"}.get(
        (high is None, low is None), "bandstop" if settings.stop else "bandpass")
    try:
        taps = ctx.designer.taps(design="firwin", n_taps=n_taps, edges_hz=[edge for _, edge in edges],
                                 pass_zero=pass_zero, window=_window(settings), sps=stream.sps)
    except DesignError as error:
        raise SettingProblem(edges[0][0], f"the filter could not be designed: {error}", about="rate") from None
    return taps, resolved


def _length(settings: FirSettings, stream: Stream, edges: list[float], odd: bool) -> tuple[int, dict[str, Any]]:
    """Return the number of taps, and it with the width it gives as `resolved`."""
    if settings.n_taps is not None:
        if settings.transition_hz is not None:
            raise SettingProblem("n_taps", "n_taps and transition_hz are both given", hint="Give one of the two")
        if odd and settings.n_taps % 2 == 0:
            raise SettingProblem("n_taps", f"{settings.n_taps} is even, and an even number of mirrored taps is deaf at "
                                 "half the data rate", allowed="An odd number where half the data rate passes",
                                 hint=f"Give {settings.n_taps + 1}")
        return settings.n_taps, {"transition_hz": _width_frames(settings) * stream.sps / settings.n_taps}
    width = settings.transition_hz or min(_default_width(settings, edge, stream.sps) for edge in edges)
    n_taps = math.ceil(_width_frames(settings) * stream.sps / width) | 1
    if n_taps > MOST_TAPS:
        raise SettingProblem(
            "transition_hz", f"a transition of {hz(width)} Hz at {hz(stream.sps)} SPS takes {n_taps} taps",
            allowed=f"At most {MOST_TAPS} taps",
            hint="Decimate first, widen transition_hz, or use a bandpass, highpass or lowpass", about="rate")
    return n_taps, {"n_taps": n_taps, "transition_hz": width}


def _default_width(settings: FirSettings, edge: float, sps: float) -> float:
    """Return the width of a transition by the rule of MNE (``mne.filter.create_filter``, ``"auto"``)."""
    below = edge if edge == settings.low_hz else sps / 2 - edge
    return min(max(0.25 * edge, 2.0), below)


def _attenuation(settings: FirSettings) -> float:
    return settings.attenuation_db if settings.attenuation_db is not None else ATTENUATION_DB


def _width_frames(settings: FirSettings) -> float:
    """Return transition times taps over rate; for Kaiser's window by his formula, as `scipy.signal.kaiserord`."""
    if settings.window != "kaiser":
        return WIDTHS[settings.window]
    return (_attenuation(settings) - 7.95) / 2.285 / (2 * math.pi)


def _window(settings: FirSettings) -> str | list[Any]:
    """Return the window as `scipy.signal.get_window` takes it; beta as `scipy.signal.kaiser_beta` has it."""
    if settings.window != "kaiser":
        return "boxcar" if settings.window == "rectangular" else settings.window
    a = _attenuation(settings)
    beta = 0.1102 * (a - 8.7) if a > 50 else 0.5842 * (a - 21) ** 0.4 + 0.07886 * (a - 21)
    return ["kaiser", beta]

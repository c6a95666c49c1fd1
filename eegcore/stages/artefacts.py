"""`blink` and `muscle`: frames in which the eyes or the muscles are louder than the brain.

Both pass samples on as they are; they look at them through filters of their own. What is
much is judged against the channel itself, by running medians, which a short artefact does
not move. Frames are marked as they come, with the delay of the filter; nothing is marked
before it has settled and the medians have been learnt for a second. A sample that is not
finite is taken as the one before it. A gap begins the filters anew, the medians stay.
"""

from __future__ import annotations

import math
import re
from typing import Any, ClassVar, Literal

from pydantic import Field

from eegcore.stages.base import (
    Context,
    Description,
    SettingProblem,
    StageSettings,
    StageType,
    hz,
    need_voltage,
    register,
)
from eegcore.stages.design import sos_to_hex
from eegcore.stages.families import below_nyquist, designed
from eegcore.stages.quality import frames_of, marked
from eegcore.stages.sos import settling_s
from eegcore.stages.stream import Stream

FRONTAL = ("fp1", "fp2", "fpz", "af3", "af4", "af7", "af8", "f7", "f8")    # nearest to the eyes, 10-10 system
TO_SD = 1.4826                                 # sd of normal noise per median absolute deviation (Leys et al. 2013)
LEARN_S = 1.0                                  # the medians have been learnt for so long before anything is marked
SMOOTH_HZ = 4.0                                # edge of what smooths power, as MNE-Python's annotate_muscle_zscore
MAINS_HZ = (50.0, 60.0)
MAINS_WIDTH_HZ = 10.0
MAX_SECTIONS = 64                              # EC_SOS_MAX_SECTIONS of csrc/dsp/ec_sos.h

_BASELINE = Field(30.0, ge=1, le=3600, description=(
    "what is usual is learnt over about so long, s; what lasts much longer becomes usual itself"))


def _medians(threshold_uv: float, times: float, baseline_s: float, stream: Stream) -> dict[str, Any]:
    """Return what a rule in the core knows of its running medians: see csrc/dsp/ec_detector.h."""
    return {"threshold": threshold_uv.hex(), "factor": (times * TO_SD).hex(),
            "slow": (1 / max(2.0, baseline_s * stream.sps)).hex(), "least": max(1e-3, threshold_uv / 100).hex(),
            "learn": round(LEARN_S * stream.sps)}


def _picks(labels: list[str] | None, stream: Stream, otherwise: list[int]) -> list[int]:
    if labels is None:
        return otherwise
    unknown = [label for label in labels if label not in stream.labels]
    if unknown:
        raise SettingProblem("labels", f"no channel is called {unknown[0]!r}",
                             allowed=f"Known: {', '.join(stream.labels)}", about="channels")
    return sorted({stream.labels.index(label) for label in labels})


def frontal(labels: tuple[str, ...]) -> list[int]:
    """Return the channels near the eyes by their labels; ``EEG Fp1-REF`` and the derivation ``Fp1-F3`` are such."""
    return [channel for channel, label in enumerate(labels)
            if not set(re.split(r"[^a-z0-9]+", label.lower())).isdisjoint(FRONTAL)]


class BlinkSettings(StageSettings):
    """Settings of `blink`."""

    labels: list[str] | None = Field(None, min_length=1, description=(
        "channels to look at; those of Fp1 Fp2 Fpz AF3 AF4 AF7 AF8 F7 F8 there are if absent"))
    threshold_uv: float = Field(50.0, ge=0, le=1e9, description="a deflection smaller than this is no blink, uV")
    times: float = Field(3.0, ge=0, le=1000, description=(
        "nor is one smaller than so many standard deviations of the channel, by its running median"))
    low_hz: float = Field(1.0, gt=0, le=50_000, description="lower edge of the filter it is looked for behind, Hz")
    high_hz: float = Field(10.0, gt=0, le=50_000, description="upper edge of the filter, Hz")
    shortest_s: float = Field(0.05, gt=0, le=10, description=(
        "a deflection is a blink from so long after its beginning, s"))
    longest_s: float = Field(0.5, gt=0, le=10, description="and no more if it has lasted longer, s")
    baseline_s: float = _BASELINE


@register
class Blink(StageType):
    """Flag eye blinks."""

    name = "blink"
    role: ClassVar[Literal["stage"]] = "stage"
    doc = "Pass samples on and flag eye blinks on channels near the eyes."
    Settings = BlinkSettings
    default_group = "dsp"

    def describe(self, settings: BlinkSettings, inputs: list[Stream], ctx: Context) -> Description:
        """Return the same stream.

        The band is that of MNE-Python's `find_eog_events`, 1..10 Hz; here a Butterworth filter of order 2. A blink
        is a deflection of 50..100 uV or more near the eyes and of 200..400 ms (Luck 2014, An Introduction to the
        Event-Related Potential Technique, ch. 6). 3 standard deviations are the usual bound of an outlier (Leys et al.
        2013, J Exp Soc Psychol 49); 50 ms as shortest is that of BLINKER (Kleifges et al. 2017, Front Neurosci 11:12).
        """
        stream = inputs[0]
        need_voltage("blink", stream)
        picks = _picks(settings.labels, stream, frontal(stream.labels))
        if not picks:
            raise SettingProblem("labels", f"no channel near the eyes is known among {', '.join(stream.labels[:8])}"
                                 f"{'...' if stream.n_channels > 8 else ''}",
                                 allowed="Fp1 Fp2 Fpz AF3 AF4 AF7 AF8 F7 F8 are known by themselves",
                                 hint="Name the channels that see blinks in labels", about="channels")
        below_nyquist("high_hz", settings.high_hz, stream)
        _need_order("low_hz", settings.low_hz, settings.high_hz)
        if settings.longest_s <= settings.shortest_s:
            raise SettingProblem("longest_s", f"{hz(settings.longest_s)} s is not above shortest_s "
                                 f"({hz(settings.shortest_s)} s)", hint="Raise longest_s")
        sos = designed(ctx, "low_hz", stream, design="butter", order=2, edges_hz=[settings.low_hz, settings.high_hz],
                       btype="bandpass", sps=stream.sps)
        description = marked(
            stream, "blink", picks=picks, sos=sos_to_hex(sos),
            blind=frames_of("low_hz", settling_s(sos, stream.sps), stream),
            shortest=max(1, round(settings.shortest_s * stream.sps)),
            longest=max(1, round(settings.longest_s * stream.sps)),
            **_medians(settings.threshold_uv, settings.times, settings.baseline_s, stream))
        description.resolved["labels"] = [stream.labels[pick] for pick in picks]
        return description


class MuscleSettings(StageSettings):
    """Settings of `muscle`."""

    labels: list[str] | None = Field(None, min_length=1, description="channels to look at; all if absent")
    times: float = Field(5.0, ge=0, le=1000, description=(
        "power is much from so many standard deviations above its running median (of its root)"))
    threshold_uv: float = Field(5.0, ge=0, le=1e9, description="less than this is never much, uV rms in the band")
    low_hz: float = Field(30.0, gt=0, le=50_000, description="lower edge of the band, Hz")
    high_hz: float | None = Field(None, gt=0, le=50_000, description=(
        "upper edge of the band, Hz; 140, or 0.45 of the data rate where that is less, if absent"))
    mains_hz: list[float] = Field(list(MAINS_HZ), max_length=4, description=(
        "left out of the band with their harmonics, 10 Hz wide each, Hz; [] for nothing"))
    hold_s: float = Field(0.1, ge=0, le=3600, description="a channel stays flagged for so long after the last of it, s")
    baseline_s: float = _BASELINE


@register
class Muscle(StageType):
    """Flag muscle activity."""

    name = "muscle"
    role: ClassVar[Literal["stage"]] = "stage"
    doc = "Pass samples on and flag channels with bursts of power at high frequencies, as muscles make them."
    Settings = MuscleSettings
    default_group = "dsp"

    def describe(self, settings: MuscleSettings, inputs: list[Stream], ctx: Context) -> Description:
        """Return the same stream.

        As MNE-Python's `annotate_muscle_zscore`, but causal, for each channel by itself, and against running medians in
        place of mean and deviation of the whole recording: power of a band at high frequencies, smoothed by two poles
        at 4 Hz, its root as z-score; 5 is the threshold of its tutorial, 0.1 s its ``min_length_good``. Muscles are
        heard from 20 to 300 Hz, those of the jaw from about 30 Hz on (Muthukumaraswamy 2013, Front Hum Neurosci 7:138).
        """
        stream = inputs[0]
        need_voltage("muscle", stream)
        low = settings.low_hz
        high = min(140.0, 0.45 * stream.sps) if settings.high_hz is None else settings.high_hz
        below_nyquist("high_hz", high, stream)
        if settings.high_hz is None and low >= 0.8 * high:
            raise SettingProblem("low_hz", f"{hz(low)} Hz leaves no band below {hz(high)} Hz, 0.45 of the data rate "
                                 f"({hz(stream.sps)} SPS)", hint="Lower low_hz, or put the stage before the decimate",
                                 about="rate")
        _need_order("low_hz", low, high)
        sos = designed(ctx, "low_hz", stream, design="butter", order=4, edges_hz=[low, high], btype="bandpass",
                       sps=stream.sps)
        for at_hz in _mains(settings.mains_hz, high, stream):
            sos = sos + designed(ctx, "mains_hz", stream, design="notch", hz=at_hz, q=at_hz / MAINS_WIDTH_HZ,
                                 sps=stream.sps)
        if len(sos) > MAX_SECTIONS:
            raise SettingProblem("mains_hz", f"mains and harmonics below {hz(high)} Hz are {len(sos) - 4} notches",
                                 allowed=f"At most {MAX_SECTIONS - 4}",
                                 hint="Lower high_hz, leave out one of mains_hz, or give [] for none")
        smooth = 1 - math.exp(-2 * math.pi * SMOOTH_HZ / stream.sps)
        blind_s = settling_s(sos, stream.sps) + math.log(1e3) / (math.pi * SMOOTH_HZ)
        description = marked(
            stream, "muscle", picks=_picks(settings.labels, stream, list(range(stream.n_channels))),
            sos=sos_to_hex(sos), blind=frames_of("low_hz", blind_s, stream), smooth=smooth.hex(),
            hold=frames_of("hold_s", settings.hold_s, stream),
            **_medians(settings.threshold_uv, settings.times, settings.baseline_s, stream))
        description.resolved["high_hz"] = high
        return description


def _mains(mains_hz: list[float], high_hz: float, stream: Stream) -> list[float]:
    """Return what to leave out: mains and those of its harmonics that the band or its slope still pass."""
    for at_hz in mains_hz:
        if not 10 <= at_hz <= 1000:
            raise SettingProblem("mains_hz", f"{hz(at_hz)} Hz is no mains frequency", allowed="10 to 1000 Hz")
    most = min(high_hz + MAINS_WIDTH_HZ, 0.49 * stream.sps)
    return sorted({at_hz * k for at_hz in mains_hz for k in range(1, 1 + int(most / at_hz))})


def _need_order(key: str, low_hz: float, high_hz: float) -> None:
    if low_hz >= high_hz:
        raise SettingProblem(key, f"{hz(low_hz)} Hz is not below high_hz ({hz(high_hz)} Hz)",
                             hint=f"Lower {key} or raise high_hz")

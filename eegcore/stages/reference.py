"""`reference`: channels against another reference: an average, a label, pairs, neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from eegcore.config.problems import did_you_mean
from eegcore.stages.base import (
    OUT,
    Context,
    Description,
    Port,
    SettingProblem,
    StageSettings,
    StageType,
    need_voltage,
    register,
)
from eegcore.stages.labels import channel_of, channels_of, meta_of
from eegcore.stages.positions import neighbours_of
from eegcore.stages.scaling import linear, voltage_only
from eegcore.stages.stream import MAX_CHANNELS, Stream

AVERAGE = "average"
NEIGHBOURS = 4                                 # of a small Laplacian
_Pair = Annotated[list[str], Field(min_length=2, max_length=2)]


class ReferenceSettings(StageSettings):
    """Settings of `reference`."""

    to: str | list[str] | None = Field(None, description=(
        "average, a label such as Cz, or labels whose mean is the reference such as [A1, A2]; average if neither this "
        "nor pairs nor laplacian is given"))
    exclude: list[str] = Field([], description=(
        "with the average: channels that do not enter it, such as EOG and ECG; it is subtracted from them as well"))
    pairs: list[str | _Pair] | None = Field(None, min_length=1, max_length=MAX_CHANNELS, description=(
        "bipolar derivations, each [Fp1, F3] or Fp1-F3; a derivation is a channel called Fp1-F3"))
    laplacian: Literal["small"] | dict[str, list[str]] | None = Field(None, description=(
        "small: minus the mean of the four nearest neighbours of the 10-20 or 10-10 system; or neighbours by label "
        "such as {Cz: [C3, C4, Fz, Pz]}"))
    channels: list[str] | None = Field(None, min_length=1, description=(
        "with laplacian small: channels to derive, by label; all if absent"))


@dataclass(frozen=True)
class _Mix:
    """Output c is input ``pick[c]`` minus the mean of ``references[use[c]]``."""

    labels: tuple[str, ...]
    pick: list[int]
    use: list[int]
    references: list[list[int]]
    name: str                                  # Stream.reference
    meta: dict[str, Any]                       # meta["reference"]


@register
class Reference(StageType):
    """Another reference."""

    name = "reference"
    role: ClassVar[Literal["stage"]] = "stage"
    doc = "Subtract another reference: the common average, a label, the mean of labels, pairs (bipolar), or neighbours."
    Settings = ReferenceSettings
    default_group = "dsp"

    def describe(self, settings: ReferenceSettings, inputs: list[Stream], ctx: Context) -> Description:
        """Return the channels, each minus its reference; no delay, nothing to settle.

        The average and labels are those of ``mne.set_eeg_reference``, pairs those of
        ``mne.set_bipolar_reference``; a reference that is a channel itself stays as one. The Laplacian is
        Hjorth's: a channel minus the mean of its neighbours (Electroencephalogr Clin Neurophysiol 39:526, 1975).

        A sample is bad if it is not finite, or its channel is marked saturated or lead-off.
        In the mean of several channels a bad one counts with its last good value: the others see
        no step where it turns bad, and one of (new - held) / n when it returns; one that was never good does
        not count. If all channels of a reference are bad, as a single one is when it is, the samples count as
        they are: who uses that reference has them in (not finite stays so), and is marked like it. A channel is
        marked (saturated, lead-off, flatline, blink, muscle) if its own input is or all of its reference are.
        Held values are kept across a gap. In front of filters is the place for it: what a filter makes of a bad
        stretch lasts longer than the mark of it.
        """
        stream = inputs[0]
        need_voltage("reference", stream)
        given = [key for key in ("to", "pairs", "laplacian") if getattr(settings, key) is not None]
        if len(given) > 1:
            raise SettingProblem(given[1], f"{' and '.join(given)} are both given",
                                 allowed="One of to, pairs, laplacian")
        if settings.exclude and (settings.to not in (None, AVERAGE) or given not in ([], ["to"])):
            raise SettingProblem("exclude", "only an average leaves channels out", hint="Remove it, or set to: average")
        if settings.channels is not None and settings.laplacian != "small":
            raise SettingProblem("channels", "they belong to laplacian: small",
                                 hint="Use the stage select to keep some channels")
        if settings.pairs is not None:
            mix = _bipolar(settings.pairs, stream)
        elif settings.laplacian is not None:
            mix = _laplacian(settings, settings.laplacian, stream)
        else:
            mix = _common(settings, stream)
        op = {"op": "mix", "n_out": len(mix.pick), "pick": mix.pick, "use": mix.use, "references": mix.references}
        out = voltage_only(stream).after_filter(ctx.stage_id)
        out = out.replace(labels=mix.labels, reference=mix.name,
                          meta={**meta_of(out, mix.pick, mix.labels), "reference": mix.meta})
        return Description([Port(OUT, out)], linear([op]), {"to": AVERAGE} if not given else {})


def _common(settings: ReferenceSettings, stream: Stream) -> _Mix:
    every = list(range(stream.n_channels))
    if settings.to in (None, AVERAGE):
        left_out = channels_of("exclude", settings.exclude, stream)
        members = [channel for channel in every if channel not in left_out]
        if len(members) < 2:
            who = "no channel is" if not members else f"{stream.labels[members[0]]!r} alone is"
            raise SettingProblem("exclude" if left_out else "to", f"{who} left for the average",
                                 allowed="At least 2 channels", about="channels")
        return _Mix(stream.labels, every, [0] * len(every), [members], AVERAGE,
                    {"to": AVERAGE, "exclude": list(settings.exclude)})
    labels = [settings.to] if isinstance(settings.to, str) else list(settings.to or [])
    if not labels:
        raise SettingProblem("to", "no channel is named", allowed="average, a label, or a list of labels")
    if isinstance(settings.to, str) and settings.to not in stream.labels:
        raise SettingProblem("to", f"no channel is called {settings.to!r}",
                             allowed=f"{AVERAGE}, or of {', '.join(stream.labels)}",
                             hint=did_you_mean(settings.to, [AVERAGE, *stream.labels]), about="channels")
    members = channels_of("to", labels, stream)
    return _Mix(stream.labels, every, [0] * len(every), [members], "+".join(labels), {"to": labels})


def _bipolar(pairs: list[str | list[str]], stream: Stream) -> _Mix:
    named = [_split(pair, stream) if isinstance(pair, str) else (pair[0], pair[1]) for pair in pairs]
    channels = [(channel_of("pairs", one, stream), channel_of("pairs", other, stream)) for one, other in named]
    labels = tuple(f"{one}-{other}" for one, other in named)
    for label, (one, other) in zip(labels, channels, strict=True):
        if one == other:
            raise SettingProblem("pairs", f"{label!r} is a channel minus itself", hint="Name two channels")
        if labels.count(label) > 1:
            raise SettingProblem("pairs", f"{label!r} is there twice", hint="Name every pair once")
    partners = sorted({other for _, other in channels})
    return _Mix(labels, [one for one, _ in channels], [partners.index(other) for _, other in channels],
                [[partner] for partner in partners], "bipolar", {"pairs": [list(pair) for pair in named]})


def _split(pair: str, stream: Stream) -> tuple[str, str]:
    """Return the labels of ``Fp1-F3``, where a label may have a hyphen of its own."""
    cuts = [at for at, letter in enumerate(pair) if letter == "-"]
    halves = [(pair[:at].strip(), pair[at + 1:].strip()) for at in cuts]
    fitting = [half for half in halves if half[0] in stream.labels and half[1] in stream.labels]
    if len(fitting) > 1:
        raise SettingProblem("pairs", f"{pair!r} can be read in {len(fitting)} ways",
                             hint=f"Write it as a list: [{fitting[0][0]}, {fitting[0][1]}]", about="channels")
    if fitting:
        return fitting[0]
    if not halves:
        raise SettingProblem("pairs", f"{pair!r} is no pair", allowed="[Fp1, F3] or Fp1-F3")
    return halves[0]                           # refused by the label that is not known


def _laplacian(settings: ReferenceSettings, wanted: str | dict[str, list[str]], stream: Stream) -> _Mix:
    if isinstance(wanted, dict):
        if not wanted:
            raise SettingProblem("laplacian", "no channel is named", allowed="small, or neighbours by label")
        neighbours = wanted
    else:
        centres = list(settings.channels or stream.labels)
        channels_of("channels", centres, stream)
        neighbours = {label: neighbours_of(label, stream.labels) for label in centres}
        if lacking := [label for label in centres if len(neighbours[label]) < NEIGHBOURS]:
            _refuse_lacking(lacking, stream)
    references = []
    for label, around in neighbours.items():
        if not around:
            raise SettingProblem("laplacian", f"{label!r} has no neighbours", hint=f"Name them: {{{label}: [...]}}")
        if label in around:
            raise SettingProblem("laplacian", f"{label!r} is its own neighbour", hint="Name other channels")
        references.append(channels_of("laplacian", around, stream))
    pick = channels_of("laplacian", list(neighbours), stream)
    return _Mix(tuple(neighbours), pick, list(range(len(pick))), references, "laplacian",
                {"laplacian": {label: list(around) for label, around in neighbours.items()}})


def _refuse_lacking(lacking: list[str], stream: Stream) -> None:
    whole = [label for label in stream.labels if len(neighbours_of(label, stream.labels)) == NEIGHBOURS]
    named = ", ".join(repr(label) for label in lacking[:8]) + (", ..." if len(lacking) > 8 else "")
    raise SettingProblem(
        "laplacian", f"{named} {'has' if len(lacking) == 1 else 'have'} no four neighbours among the channels",
        allowed="A pair equally far to the left and right, and one to the front and back, of the 10-20 or 10-10 system",
        hint=(f"Set channels: [{', '.join(whole)}]" if whole else "Name the neighbours: {Cz: [C3, C4, Fz, Pz]}"),
        about="channels")

"""Channels named in settings: found by label, or refused with the label that was probably meant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from eegcore.config.problems import did_you_mean
from eegcore.stages.base import SettingProblem
from eegcore.stages.stream import Stream


def channel_of(key: str, label: str, stream: Stream) -> int:
    """Return the channel number of a label.

    Raises
    ------
    SettingProblem
        If no channel is called so.
    """
    if label not in stream.labels:
        raise SettingProblem(key, f"no channel is called {label!r}", allowed=f"Known: {', '.join(stream.labels)}",
                             hint=did_you_mean(label, stream.labels), about="channels")
    return stream.labels.index(label)


def channels_of(key: str, labels: Sequence[str], stream: Stream) -> list[int]:
    """Return the channel numbers of several labels, each of which may be there once.

    Raises
    ------
    SettingProblem
    """
    picks = [channel_of(key, label, stream) for label in labels]
    if len(set(picks)) != len(picks):
        twice = next(pick for pick in picks if picks.count(pick) > 1)
        raise SettingProblem(key, f"{stream.labels[twice]!r} is named twice", hint="Name every channel once")
    return picks


def meta_of(stream: Stream, picks: Sequence[int], labels: Sequence[str]) -> dict[str, Any]:
    """Return the meta of channels picked from a stream, under new labels: what it says of each follows it."""
    meta = dict(stream.meta)
    gain = meta.get("gain")
    if isinstance(gain, list) and len(gain) == stream.n_channels:
        meta["gain"] = [gain[pick] for pick in picks]
    lead_off = meta.get("lead_off")
    if isinstance(lead_off, dict) and "labels" in lead_off:
        on = [label for known in lead_off["labels"]
              for pick, label in zip(picks, labels, strict=True) if stream.labels[pick] == known]
        meta["lead_off"] = {**lead_off, "labels": on}
    return meta

"""Checks of the nodes that look at a sliding window of uV, for `plan_check`."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from eegcore.graph.plan_need import need, whole
from eegcore.stages.stream import Kind, Stream

WINDOW_NODES = ("resample", "moving_stats", "hampel")
MOST_RATIO = 1024                              # EC_RESAMPLE_MAX_FACTOR of csrc/dsp/ec_resample.h
MOST_TAPS = 32768                              # EC_RESAMPLE_MAX_TAPS
MOST_MOVING = 2**24                            # EC_MOVING_MAX_WINDOW of csrc/dsp/ec_moving.h
MOST_HOP = 2**31
MOST_HELD = 2**24                              # samples a stage keeps


def check_window_node(name: str, params: dict[str, Any], given: Stream, outputs: list[Stream]) -> None:
    """Refuse a node that does not fit its streams.

    Raises
    ------
    ValueError
    """
    kind, ports, ratio = params["node"], 1, Fraction(1)
    if kind == "resample":
        up, down = (whole(params[key], 1, MOST_RATIO, f"{name}: {key}") for key in ("up", "down"))
        whole(len(params["taps"]), 1, MOST_TAPS, f"{name}: taps")
        ratio = Fraction(down, up)
    elif kind == "moving_stats":
        n = whole(params["n"], 2, MOST_MOVING, f"{name}: n")
        need(n * given.n_channels <= MOST_HELD, f"{name}: a window of {n} frames")
        ports, ratio = 4, Fraction(whole(params["hop"], 1, MOST_HOP, f"{name}: hop"))
    else:
        need(whole(params["n"], 3, 255, f"{name}: n") % 2 == 1, f"{name}: a window without a middle")
    need(len(outputs) == ports and all(_fits(given, out, ratio) for out in outputs),
         f"{name}: output and input do not fit")


def _fits(given: Stream, out: Stream, ratio: Fraction) -> bool:
    """Return whether one of `ratio` frames of a stream of uV can be a frame of the other."""
    return (given.kind.has_voltage and out.kind is Kind.VOLTAGE_F32 and out.n_channels == given.n_channels
            and out.step == given.step * ratio and out.max_frames * ratio >= given.max_frames)

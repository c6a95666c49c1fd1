"""A rate change by a polyphase filter, as `resample` and `decimate` describe it."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from eegcore.stages.base import OUT, Context, Description, Port, SettingProblem
from eegcore.stages.scaling import voltage_only
from eegcore.stages.sinc import Window, lowpass_taps
from eegcore.stages.stream import MAX_FRAMES, Stream


def resampled(ctx: Context, stream: Stream, up: int, down: int, window: Window, key: str) -> Description:
    """Describe a rate change by ``up / down`` with the filter of `sinc.lowpass_taps`.

    Raises
    ------
    SettingProblem
        About `key`, if one packet of the input could make more frames than a packet holds.
    """
    most = -(-stream.max_frames * up // down)
    if most > MAX_FRAMES:
        raise SettingProblem(key, f"packets of {stream.max_frames} frames become packets of {most}",
                             allowed=f"At most {MAX_FRAMES} frames in a packet", hint="Lower batch of the source",
                             about="rate")
    taps = lowpass_taps(up, down, window)
    length_s = (len(taps) - 1) / up / stream.sps
    out = voltage_only(stream).after_filter(ctx.stage_id).replace(
        sps=stream.sps * up / down, step=stream.step * Fraction(down, up), max_frames=most,
        delay_s=stream.delay_s + length_s / 2, settling_s=stream.settling_s + length_s)
    native: dict[str, Any] = {"node": "resample", "up": up, "down": down, "taps": [tap.hex() for tap in taps]}
    return Description([Port(OUT, out)], native, {"up": up, "down": down, "to_sps": out.sps})

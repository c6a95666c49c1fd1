"""A chain of stages over an array in memory: the live graph on the virtual clock."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eegcore.config import load
from eegcore.devices.readers_base import Recording
from eegcore.errors import BadArgument
from eegcore.graph.plan import make_plan
from eegcore.graph.run import GraphRun
from eegcore.stages import catalogue
from eegcore.stages.base import OUT, Context, Description, Port, StageSettings, StageType
from eegcore.stages.stream import MAX_CHANNELS, MAX_FRAMES, Kind, Stream

SOURCE, SINK = "array", "end"


class NoSettings(StageSettings):
    """An array has nothing to set."""


class ArraySource(StageType):
    """The array given to `process`; known to one call only, never in the catalogue."""

    name = SOURCE
    role: ClassVar[Literal["source"]] = "source"
    doc = "Frames from an array in memory."
    Settings = NoSettings
    default_group = "acquire"
    inputs_allowed = (0, 0)

    def __init__(self, recording: Recording, batch: int) -> None:
        self.recording, self.batch = recording, batch

    def describe(self, settings: NoSettings, inputs: list[Stream], ctx: Context) -> Description:
        """Return the stream of the array."""
        recording = self.recording
        raw = recording.unit == "counts"
        stream = Stream(kind=Kind.RAW_I32 if raw else Kind.VOLTAGE_F32, labels=recording.labels, sps=recording.sps,
                        max_frames=self.batch, unit=recording.unit, scale_uv=recording.scale_uv, can_wait=True,
                        sources=(ctx.stage_id,))
        return Description([Port(OUT, stream)], {"node": "playback", "batch": self.batch, "speed": 0.0,
                                                 "loop": False})


def process_array(x: ArrayLike, *, sps: float, stages: Sequence[dict[str, Any]], labels: Sequence[str] | None,
                  scale_uv: float | None, batch: int) -> NDArray[np.float32]:
    """See `eegcore.process`."""
    recording = _recording(x, sps, labels, scale_uv)
    if not 1 <= batch <= MAX_FRAMES:
        raise BadArgument(f"process: batch is {batch}. 1 to {MAX_FRAMES} are allowed. 256 suits most arrays.")
    types = {**catalogue(), SOURCE: ArraySource(recording, batch)}
    document = [{SOURCE: {}}, *stages, {"null_sink": {"id": SINK}}]
    config, problems = load(document, catalogue=types, name="process")
    plan = make_plan(config, problems, "virtual", types=types) if config is not None else None
    problems.raise_if_any()
    assert plan is not None      # a plan is missing only with a problem
    last = plan.stage(SINK).inputs[0][0]
    run = GraphRun(plan, digest=False, recordings={SOURCE: recording})
    _, tap = run.open_tap(last)
    run.start()
    try:
        return _collect(tap, run.stream(last))
    finally:
        run.finish()
        if (failure := run.failure()) is not None:
            raise failure


def _collect(tap: Any, stream: Stream) -> NDArray[Any]:
    parts: list[NDArray[Any]] = []
    while (packets := tap.wait(1.0)) is not None:
        for packet in packets:
            parts.append(np.array(packet.data))
            packet.release()
    if parts:
        return np.concatenate(parts)
    shape = (0, stream.n_bins, stream.n_channels) if stream.n_bins else (0, stream.n_channels)
    return np.empty(shape, np.float32)


def _recording(x: ArrayLike, sps: float, labels: Sequence[str] | None, scale_uv: float | None) -> Recording:
    values = np.asarray(x)
    if values.ndim != 2 or 0 in values.shape or values.shape[1] > MAX_CHANNELS:
        raise BadArgument(f"process: x has shape {values.shape}. (n_frames, n_channels) with 1 to {MAX_CHANNELS} "
                          "channels is allowed. A single channel is x[:, None].")
    if not np.isfinite(sps) or sps <= 0:
        raise BadArgument(f"process: sps is {sps}. Frames per second, above 0. Give the rate of x.")
    raw = np.issubdtype(values.dtype, np.integer)
    if not raw and not np.issubdtype(values.dtype, np.floating):
        raise BadArgument(f"process: x holds {values.dtype}. Float uV or integer counts are allowed. Convert it first.")
    names = tuple(labels) if labels is not None else tuple(f"ch{c + 1}" for c in range(values.shape[1]))
    if len(names) != values.shape[1] or len(set(names)) != len(names):
        raise BadArgument(f"process: {len(names)} labels for {values.shape[1]} channels, or a label twice. "
                          "One different label per channel is needed.")
    if raw and (values.min() < -2**31 or values.max() >= 2**31):
        raise BadArgument(f"process: counts reach {values.max()}. They must fit 32 bits. Is x in another unit?")
    return Recording(values=np.ascontiguousarray(values, dtype=np.int32 if raw else np.float32), labels=names,
                     sps=float(sps), unit="counts" if raw else "uV",
                     scale_uv=(float(scale_uv),) * values.shape[1] if raw and scale_uv is not None else (),
                     events=[], source_format="array")

"""Stages over a recording in memory: the live graph on the virtual clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any, ClassVar, Literal

from eegcore.config import PipelineConfig, load
from eegcore.devices.readers_base import Recording
from eegcore.errors import BadArgument
from eegcore.graph.plan import make_plan
from eegcore.graph.plan_types import Plan
from eegcore.graph.run import GraphRun
from eegcore.offline.result import Collector, Processed
from eegcore.stages import catalogue
from eegcore.stages.base import OUT, Context, Description, Port, StageSettings, StageType
from eegcore.stages.stream import MAX_FRAMES, Kind, Stream

SOURCE, SINK = "array", "end"
BATCH = 256


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


def process_recording(recording: Recording, stages: Sequence[dict[str, Any]], *, batch: int = BATCH,
                      output: str | None = None, zero_phase: bool = False) -> Processed:
    """See `eegcore.process`."""
    if isinstance(stages, str | Mapping) or not isinstance(stages, Sequence):
        raise BadArgument(f"process: stages is a {type(stages).__name__}. A list is allowed. Write "
                          '[{"notch": {"hz": 60}}, ...].')
    if not isinstance(batch, Integral) or not 1 <= batch <= MAX_FRAMES:
        raise BadArgument(f"process: batch is {batch!r}. 1 to {MAX_FRAMES} are allowed. 256 suits most arrays.")
    batch = int(batch)
    config, plan = plan_chain(recording, stages, batch=batch)
    wanted = find_output(plan, output)
    if zero_phase:
        from eegcore.offline.zero_phase import process_zero_phase

        return process_zero_phase(recording, config, plan, wanted, batch=batch)
    return run_chain(recording, plan, wanted)


def plan_chain(recording: Recording, stages: Sequence[dict[str, Any]], *, batch: int,
               own: Mapping[str, StageType] | None = None) -> tuple[PipelineConfig, Plan]:
    """Return configuration and plan, in virtual time, of stages behind a recording.

    Parameters
    ----------
    own : mapping of str to StageType, optional
        Stage types that only this call knows.

    Raises
    ------
    ConfigError
        With all mistakes of `stages`.
    BadArgument
        If there is a source among them.
    """
    types = {**catalogue(), **(own or {}), SOURCE: ArraySource(recording, batch)}
    document = [{SOURCE: {}}, *stages, {"null_sink": {"id": SINK}}]
    config, problems = load(document, catalogue=types, name="process")
    plan = make_plan(config, problems, "virtual", types=types) if config is not None else None
    problems.raise_if_any()
    assert config is not None      # both are missing only with a problem
    assert plan is not None
    for stage in plan.stages:
        if stage.role == "source" and stage.id != SOURCE:
            raise BadArgument(f"process: {stage.id!r} is a source. The frames come from x: stages and sinks are "
                              "allowed. Leave it out, or run a Pipeline.")
    return config, plan


def find_output(plan: Plan, output: str | None) -> tuple[str, str]:
    """Return (stage id, port) of an output called ``"stage"`` or ``"stage.port"``; the last one if None.

    Raises
    ------
    BadArgument
        If there is no such output; the message names those there are.
    """
    if output is None:
        return plan.stage(SINK).inputs[0]
    stage_id, _, port = str(output).partition(".")
    found = [(stage.id, out.name) for stage in plan.stages for out in stage.outputs]
    for ref in found:
        if ref[0] == stage_id and port in ("", ref[1]):
            return ref
    known = ", ".join(stage if name == OUT else f"{stage}.{name}" for stage, name in found)
    raise BadArgument(f"process: output is {output!r}, and there is none of this name. Known: {known}. "
                      "Give a stage id, or id.port.")


def run_chain(recording: Recording, plan: Plan, output: tuple[str, str]) -> Processed:
    """Run a plan of `plan_chain` and return what one of its outputs carried."""
    run = GraphRun(plan, digest=False, recordings={SOURCE: recording})
    stream = run.stream(*output)
    collected = Collector(stream, round(recording.n_frames * stream.sps / recording.sps) + 1)
    _, tap = run.open_tap(*output)
    run.start()
    try:
        while (packets := tap.wait(1.0)) is not None:
            for packet in packets:
                collected.take(packet)
                packet.release()
    finally:
        run.finish()
        if (failure := run.failure()) is not None:
            raise failure
    return collected.processed(stream, recording.sps, ".".join(output))

"""Zero-phase filtering: a chain of linear filters forward, then backward in time, through the same kernels.

For arrays and files only: the way back begins at the end of the recording. What
comes out is what `scipy.signal.sosfiltfilt` gives for the sections of all
filters together (`scipy.signal.filtfilt` for the taps of a `fir`), with its
default padding (odd extension, ``padtype="odd"``) and its initial state: that of
a constant input of the first value.

Our kernels begin at rest instead. Both are the same by linearity: filtering
``x`` from the steady state of a constant ``c`` is filtering ``x - c`` from rest,
and adding ``c`` times the gain at 0 Hz.

Stages without memory (gain, to_voltage, reference, select) are passed once, before the
filters: they act on each frame by itself, filters act on all channels alike, so
the order does not matter.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from eegcore.config import PipelineConfig
from eegcore.devices.readers_base import Recording
from eegcore.errors import BadArgument
from eegcore.graph.plan_types import Plan, StagePlan
from eegcore.offline.chain import SOURCE, NoSettings, plan_chain, run_chain
from eegcore.offline.result import Processed
from eegcore.stages.base import OUT, Context, Description, Port, StageType
from eegcore.stages.scaling import linear
from eegcore.stages.stream import Stream

FLAG_SETTLING = 8                              # EEGCORE_FLAG_SETTLING: nothing settles here, the ends are extended

FILTER_OPS = {"sos": {"op", "sos", "steady"}, "fir": {"op", "taps"}}
"""Operations of a cascade that are one linear, constant filter for all channels, and the keys they may have then.

``steady`` is a state for the first frame, which is 0 here."""

MEMORYLESS_OPS = ("scale", "mix")
MEMORYLESS_NODES = ("select",)


class SameFilter(StageType):
    """A filter that was designed already, again; known to one call only, never in the catalogue."""

    role: ClassVar[Literal["stage"]] = "stage"
    doc = "The operations of a filter of this plan."
    Settings = NoSettings
    default_group = "dsp"

    def __init__(self, name: str, ops: list[dict[str, Any]]) -> None:
        self.name = name                       # type: ignore[misc]
        self.ops = ops

    def describe(self, settings: NoSettings, inputs: list[Stream], ctx: Context) -> Description:
        """Return the same stream."""
        return Description([Port(OUT, inputs[0])], linear(self.ops))


def process_zero_phase(recording: Recording, config: PipelineConfig, plan: Plan, output: tuple[str, str], *,
                       batch: int) -> Processed:
    """Return what `output` would carry if its filters had no delay.

    Raises
    ------
    BadArgument
        If a stage on the way is no linear filter of constant rate, if frames are missing in the recording, or if it
        is not longer than the padding.
    """
    way = _way(plan, output)
    if recording.gaps:
        raise BadArgument(f"process: zero_phase: frames are missing in {len(recording.gaps)} places, first before "
                          f"frame {recording.gaps[0][0]}. Filters need an unbroken signal on the way back. Process "
                          "the parts between the gaps one by one.")
    filters = [stage for stage in way if _is_filter(stage)]
    before = run_plain(recording, config, [stage.id for stage in way if stage not in filters], batch)
    chain = _Chain([stage.native["ops"] for stage in filters])
    n_padding = chain.padding_frames() if filters else 0
    if before.data.shape[0] <= n_padding:
        raise BadArgument(f"process: zero_phase: x has {before.data.shape[0]} frames. More than {n_padding} are needed "
                          "for these filters: so many are added before and behind it.")
    stream = plan.stage(output[0]).outputs[0].stream
    settled = dataclasses.replace(
        before, labels=stream.labels, unit=stream.unit, delay_s=0.0, settling_s=0.0, output=".".join(output),
        stretches=tuple(one._replace(flags=one.flags & ~FLAG_SETTLING) for one in before.stretches))
    if not filters:
        return settled
    return dataclasses.replace(settled, data=_both_ways(before, chain, n_padding, batch))


class _Chain:
    """The filters of a chain, in their order.

    Parameters
    ----------
    ops : list
        The operations of each filter.
    """

    def __init__(self, ops: list[list[dict[str, Any]]]) -> None:
        self.ops = ops
        flat = [op for one in ops for op in one]
        rows = [row for op in flat if op["op"] == "sos" for row in op["sos"]]
        self._sos = np.array([[float.fromhex(value) for value in row] for row in rows]).reshape(-1, 6)
        self._taps = [np.array([float.fromhex(tap) for tap in op["taps"]]) for op in flat if op["op"] == "fir"]

    def padding_frames(self) -> int:
        """Return how many frames scipy adds at either end if not told: three times the number of taps.

        `scipy.signal.sosfiltfilt` takes ``2 n + 1`` for n sections, less those that are zero;
        `scipy.signal.filtfilt` those of the filter.
        """
        sos = self._sos
        zeros = min(int((sos[:, 2] == 0).sum()), int((sos[:, 5] == 0).sum()))
        return 3 * (2 * len(sos) + 1 - zeros + sum(len(taps) - 1 for taps in self._taps))

    def gain_at_0(self) -> float:
        """Return what a constant becomes."""
        gain = float(np.prod(self._sos[:, :3].sum(axis=1) / self._sos[:, 3:].sum(axis=1)))
        for taps in self._taps:
            gain *= math.fsum(taps)
        return gain


def run_plain(recording: Recording, config: PipelineConfig, stage_ids: Sequence[str], batch: int) -> Processed:
    """Run the stages without memory, one behind the other."""
    declared = {stage.id: stage for stage in config.stages}
    documents = [{declared[stage_id].type: {
        **declared[stage_id].settings.model_dump(exclude_unset=True, by_alias=True), "id": stage_id}}
        for stage_id in stage_ids]
    _, plan = plan_chain(recording, documents, batch=batch)
    return run_chain(recording, plan, (stage_ids[-1] if stage_ids else SOURCE, OUT))


def _way(plan: Plan, output: tuple[str, str]) -> list[StagePlan]:
    """Return the stages from the input to an output, all of them fit to be run backward."""
    stage, port = plan.stage(output[0]), output[1]
    way: list[StagePlan] = []
    while stage.id != SOURCE:
        if len(stage.inputs) != 1 or len(stage.outputs) != 1 or port != OUT or not (
                _is_filter(stage) or _is_memoryless(stage)):
            raise BadArgument(f"process: zero_phase: {stage.id!r} ({stage.type}) is no linear filter of constant rate. "
                              "Allowed: bandpass, bandstop, highpass, lowpass, fir, a notch that does not follow "
                              "the mains, and what acts on each frame by itself: to_voltage, gain, reference, "
                              "select. Give the filters alone with zero_phase=True, and the result "
                              "to a second call without it.")
        way.append(stage)
        (before, port), = stage.inputs
        stage = plan.stage(before)
    return way[::-1]


def _ops(stage: StagePlan) -> list[dict[str, Any]]:
    return list(stage.native["ops"]) if stage.native["node"] == "linear" and not stage.native["raw"] else []


def _is_filter(stage: StagePlan) -> bool:
    ops = _ops(stage)
    return bool(ops) and all(set(op) <= FILTER_OPS.get(op["op"], set()) for op in ops)


def _is_memoryless(stage: StagePlan) -> bool:
    ops = _ops(stage)
    return stage.native["node"] in MEMORYLESS_NODES or (bool(ops) and all(op["op"] in MEMORYLESS_OPS for op in ops))


def _both_ways(before: Processed, chain: _Chain, n_padding: int, batch: int) -> NDArray[np.float32]:
    x, ops, gain_at_0 = before.data, chain.ops, chain.gain_at_0()
    begin = 2.0 * x[0] - x[n_padding].astype(np.float64)              # the first value of the extension
    there = _filtered(_extended(x, begin, n_padding), before, ops, batch)
    last = there[-1].astype(np.float64)
    back = _filtered(np.ascontiguousarray(np.subtract(there[::-1], there[-1])), before, ops, batch)
    del there
    data = np.ascontiguousarray(back[::-1][n_padding:len(back) - n_padding])
    constant = (last + begin * gain_at_0) * gain_at_0
    return np.add(data, constant, out=data, casting="same_kind") if constant.any() else data


def _extended(x: NDArray[np.float32], begin: NDArray[np.float64], n_padding: int) -> NDArray[np.float32]:
    """Return `x` with its odd extension at both ends, less its first value: point reflections of x at its ends."""
    out = np.empty((len(x) + 2 * n_padding, x.shape[1]), np.float32)
    first, last = 2.0 * x[0].astype(np.float64) - begin, 2.0 * x[-1].astype(np.float64) - begin
    np.subtract(first, x[n_padding:0:-1], out=out[:n_padding], casting="same_kind")
    np.subtract(x, begin, out=out[n_padding:n_padding + len(x)], casting="same_kind")
    np.subtract(last, x[-2:-(n_padding + 2):-1], out=out[n_padding + len(x):], casting="same_kind")
    return out


def _filtered(values: NDArray[np.float32], before: Processed, ops: list[list[dict[str, Any]]],
              batch: int) -> NDArray[np.float32]:
    recording = Recording(values, before.labels, before.sps, "uV", (), [], "array")
    own = {f"filter_{n}": SameFilter(f"filter_{n}", one) for n, one in enumerate(ops)}
    _, plan = plan_chain(recording, [{name: {}} for name in own], batch=batch, own=own)
    data: NDArray[np.float32] = run_chain(recording, plan, (list(own)[-1], OUT)).data
    return data

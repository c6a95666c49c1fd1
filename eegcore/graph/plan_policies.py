"""Policies of a stage: those only foreign stages can honour are refused, and defaults are what the samples can hold.

Built-in stages run inline, in the thread of their group. They cannot be
restarted or isolated.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from eegcore.stages.stream import Kind

if TYPE_CHECKING:
    from eegcore.config import PipelineConfig, Problems
    from eegcore.graph.plan_streams import Described, Flow

MOST_UV = 3.0e38                                       # float32


def refuse_foreign_policies(config: PipelineConfig, problems: Problems) -> None:
    """Add a problem for every key that a built-in stage would have to ignore."""
    for stage in config.stages:
        common = stage.common
        if common.isolation not in (None, "inline"):
            problems.add(f"{stage.path}.isolation",
                         f"{stage.type} is built in and runs inline, not {common.isolation!r}",
                         allowed="inline", hint="Remove isolation")
        if common.restart not in (None, "never") and getattr(common.restart, "strategy", "") != "never":
            problems.add(f"{stage.path}.restart", f"{stage.type} is built in and cannot be restarted by itself",
                         allowed="never", hint="Remove restart; on_error says what a failure does")


def check_defaults(flow: Flow, problems: Problems) -> None:
    """Add a problem for every `use_default` whose samples could not be put in place of those that fail to come."""
    for stage in flow.stages:
        common = stage.config.common
        if common.on_error == "skip_packet" and stage.type.role == "sink":
            problems.add(f"{stage.path}.on_error", f"{stage.type.name} is asked to leave out what it fails to take, "
                         "and what it has then is not what it says", allowed="fatal, drain_then_stop",
                         hint="Use drain_then_stop: it ends there, and the others go on")
        if common.on_error != "use_default" or common.default is None:
            continue
        if stage.type.role != "stage":
            problems.add(f"{stage.path}.on_error", f"{stage.type.name} makes no samples from others, so nothing can be "
                         "put in their place", allowed="fatal, drain_then_stop", hint="Use drain_then_stop")
            continue
        given = flow.streams[stage.inputs[0]]
        outputs = [port.stream for port in stage.description.outputs]
        if any(out.kind is not Kind.VOLTAGE_F32 or out.step != given.step for out in outputs) or len(stage.inputs) > 1:
            problems.add(f"{stage.path}.on_error", f"{stage.type.name} does not make one float frame for each it is "
                         "given, so a default has no place", allowed="fatal, drain_then_stop, skip_packet",
                         hint="Use skip_packet: the gap is flagged and counted")
            continue
        values = common.default if isinstance(common.default, list) else [common.default]
        wanted = outputs[0].n_channels
        if len(values) not in (1, wanted):
            problems.add(f"{stage.path}.default", f"{len(values)} values are given, and the output has {wanted} "
                         "channels", allowed="a number, or one per channel", hint=f"Give 1 or {wanted} values")
        if not all(math.isfinite(value) and abs(value) <= MOST_UV for value in values):
            problems.add(f"{stage.path}.default", f"{values} holds a value that no sample can have",
                         allowed="finite numbers", hint="Use 0")


def default_samples(stage: Described) -> list[float]:
    """Return the value of every channel that stands for samples a stage fails to make; [] if its policy is another."""
    common = stage.config.common
    if common.on_error != "use_default" or common.default is None:
        return []
    n_channels = stage.description.outputs[0].stream.n_channels
    return list(common.default) if isinstance(common.default, list) else [common.default] * n_channels

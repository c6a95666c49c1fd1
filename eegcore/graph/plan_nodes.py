"""What each thread calls: stages as nodes, neighbouring linear stages as one cascade.

Between the members of a cascade samples stay in double precision; every output
that somebody reads is rounded to float32 once. That is why neighbours in one
group are compiled together, and it saves a pass through memory for each.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from eegcore.graph.plan_sizes import pool_name, slot_bytes
from eegcore.graph.plan_types import NodePlan, Plan, StagePlan
from eegcore.stages.stream import Kind, Stream

PortRef = tuple[str, str]

MOST_SECTIONS = 64                             # EC_SOS_MAX_SECTIONS of csrc/dsp/ec_sos.h
MOST_MEMBERS = 32
MOST_SETTLING_FRAMES = 2**32 - 1               # an uint32_t there


def make_nodes(stages: list[StagePlan], streams: dict[PortRef, Stream],
               running: Iterable[NodePlan] = ()) -> list[NodePlan]:
    """Return the nodes of one group.

    Parameters
    ----------
    stages : list of StagePlan
        The stages of the group in topological order.
    streams : dict
        Every output of the whole graph.
    running : iterable of NodePlan
        What the group runs now. Who is compiled with whom decides where samples are rounded to float32, so stages
        that run go on with the neighbours they have: no change of one branch moves a bit of another.
    """
    neighbours = {member: before for node in running for before, member in
                  zip([None, *node.members], node.members, strict=False)}
    nodes: list[NodePlan] = []
    open_chains: dict[PortRef, list[StagePlan]] = {}       # last output of a chain -> its members
    order: list[list[StagePlan]] = []
    for stage in stages:
        if stage.native["node"] != "linear":
            order.append([stage])
            continue
        chain = open_chains.get(stage.inputs[0])
        if chain is not None and _may_follow(chain, stage, neighbours):
            del open_chains[stage.inputs[0]]               # the first reader continues, others begin anew
            chain = chain if _has_room(chain, stage) and chain[0].on_error == stage.on_error else None
        else:
            chain = None
        if chain is None:
            chain = []
            order.append(chain)
        chain.append(stage)
        if not _ends_chain(stage):
            open_chains[(stage.id, stage.outputs[0].name)] = chain
    for members in order:
        node = (_cascade(members, streams) if members[0].native["node"] == "linear"
                else _single(members[0], streams))
        nodes.append(node)
    return nodes


def regrouped(running: Plan, wanted: Plan) -> Plan:
    """Return `wanted` with the stages that run compiled together as they are now.

    A stage of another type is a new one: what it is compiled with would lose its past with it.
    """
    streams = {(stage.id, port.name): port.stream for stage in wanted.stages for port in stage.outputs}
    types = {stage.id: stage.type for stage in wanted.stages}
    other = {stage.id for stage in running.stages if types.get(stage.id, stage.type) != stage.type}
    now = {group.name: [replace(node, members=[member for member in node.members if member not in other])
                        for node in group.nodes] for group in running.groups}
    groups = [replace(group, nodes=make_nodes([stage for stage in wanted.stages if stage.group == group.name], streams,
                                              now.get(group.name, ()))) for group in wanted.groups]
    return replace(wanted, groups=groups)


def _may_follow(chain: list[StagePlan], stage: StagePlan, neighbours: dict[str, str | None]) -> bool:
    """Whether a stage may join a chain: behind the one it follows now, or new behind new ones."""
    if stage.id in neighbours:
        return neighbours[stage.id] == chain[-1].id
    return not any(member.id in neighbours for member in chain)


def _sections(stage: StagePlan) -> int:
    return sum(len(op.get("sos", ())) for op in stage.native["ops"])


def _has_room(chain: list[StagePlan], stage: StagePlan) -> bool:
    """Return whether one more member keeps the cascade within what the core runs as one filter."""
    return len(chain) < MOST_MEMBERS and sum(map(_sections, [*chain, stage])) <= MOST_SECTIONS


def _ends_chain(stage: StagePlan) -> bool:
    return any(op["op"] == "decimate" for op in stage.native["ops"])


def _outputs(stage: StagePlan) -> list[PortRef]:
    return [(stage.id, port.name) for port in stage.outputs]


def _pools(outputs: list[PortRef], streams: dict[PortRef, Stream]) -> list[str]:
    return [pool_name(slot_bytes(streams[output])) for output in outputs]


def _single(stage: StagePlan, streams: dict[PortRef, Stream]) -> NodePlan:
    outputs = _outputs(stage)
    params = dict(stage.native)
    if len(stage.inputs) == 1:
        params.update(_input_shape(streams[stage.inputs[0]]))
    return NodePlan(stage.id, params, [stage.id], list(stage.inputs), outputs, _pools(outputs, streams))


def _input_shape(stream: Stream) -> dict[str, Any]:
    return {"kind": int(stream.kind), "n_channels": stream.n_channels, "max_frames": stream.max_frames,
            "sps": stream.sps}


def _cascade(members: list[StagePlan], streams: dict[PortRef, Stream]) -> NodePlan:
    """Compile a chain; every member's output is a port, and the runtime skips ports nobody reads."""
    source = streams[members[0].inputs[0]]
    ops: list[dict[str, Any]] = []
    ports: list[dict[str, Any]] = []
    settling: list[int] = []
    outputs: list[PortRef] = []
    for stage in members:
        ops += [{**op, "stage": stage.id} for op in stage.native["ops"]]
        out = stage.outputs[0].stream
        own_s = max(0.0, out.settling_s - source.settling_s)
        settling.append(min(MOST_SETTLING_FRAMES, math.ceil(round(own_s * source.sps, 6))))
        ports.append({"stage": stage.id, "after": len(ops), "raw": bool(stage.native["raw"]),
                      "decimated": _ends_chain(stage)})
        outputs += _outputs(stage)
    params = {
        "node": "cascade",
        "input": "counts" if source.kind is Kind.RAW_I32 else "uv",
        **_input_shape(source),
        "ops": ops, "ports": ports,
        "settling_frames": settling,           # frames of the input after which each member has settled
    }
    return NodePlan("+".join(stage.id for stage in members), params, [stage.id for stage in members],
                    [members[0].inputs[0]], outputs, _pools(outputs, streams))

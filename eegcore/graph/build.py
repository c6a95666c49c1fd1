"""From a plan to a compiled graph: numbers for names, nothing decided.

Everything that could be refused was refused by the plan; what can still fail
here is the machine: memory, descriptors, a file that changed since.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eegcore import _rt
from eegcore.errors import EegcoreError
from eegcore.graph.plan_check import SOURCES
from eegcore.graph.plan_types import GroupPlan, NodePlan, Plan, StagePlan
from eegcore.stages.stream import Stream

if TYPE_CHECKING:
    from eegcore.devices.readers_base import Recording

POLICIES = {"fail": 0, "drop_oldest": 1, "block": 2}
ON_ERROR = {"fatal": 0, "drain_then_stop": 1, "skip_packet": 2, "use_default": 3}

PortRef = tuple[str, str]


@dataclass
class Built:
    """A compiled graph and the numbers of everything in it."""

    graph: _rt.Graph
    pools: dict[str, int] = field(default_factory=dict)
    groups: dict[str, int] = field(default_factory=dict)
    sources: dict[str, int] = field(default_factory=dict)          # source id -> group number
    nodes: dict[str, int] = field(default_factory=dict)            # declared stage id -> node number
    node_names: dict[int, str] = field(default_factory=dict)       # node number -> node name
    ports: dict[PortRef, tuple[int, int]] = field(default_factory=dict)   # output -> (node, port)
    edges: dict[str, int] = field(default_factory=dict)
    taps: dict[str, _rt.Tap] = field(default_factory=dict)         # edge name -> consumer's end, for Python readers
    locked: bool = True                                            # every pool could be locked in memory


def build(plan: Plan, *, with_server: bool, seconds: float | None, digest: bool, lock: bool,
          recordings: Mapping[str, Recording] | None = None, config_rev: int = 1) -> Built:
    """Make everything a run needs; no thread runs yet.

    Parameters
    ----------
    plan : Plan
    with_server : bool
        Make the edges that lead to the server.
    seconds : float or None
        Let sources end after so much of their own time.
    digest : bool
        Let sinks digest what they see.
    lock : bool
        Ask for locked pools.
    recordings : mapping of str to Recording, optional
        What playback nodes play that does not come from their file, by source id.
    config_rev : int
        What the first packets carry.

    Raises
    ------
    EegcoreError
        If memory, descriptors or a file are missing.
    """
    built = Built(_rt.Graph(is_virtual=plan.clock == "virtual", config_rev=config_rev))
    try:
        _make(built, plan, with_server, seconds, digest, lock, recordings or {})
    except BaseException:
        built.graph.finish()                           # who keeps the exception keeps the graph, and not its devices
        raise
    return built


def _make(built: Built, plan: Plan, with_server: bool, seconds: float | None, digest: bool, lock: bool,
          recordings: Mapping[str, Recording]) -> None:
    for pool in plan.pools:
        built.pools[pool.name], locked = built.graph.add_pool(pool.slots, pool.slot_bytes, lock)
        built.locked = built.locked and locked
    streams = all_streams(plan)
    numbers = {ref: number for number, ref in enumerate(streams)}
    declared = {stage.id: stage for stage in plan.stages}
    for group in plan.groups:
        built.groups[group.name] = built.graph.add_group()
        if group.kind == "sink":
            continue
        for node in group.nodes:
            if node.params["node"] in SOURCES:
                _add_source(built, group, node, streams, numbers, seconds, recordings)
            else:
                _add_node(built, group, node, streams, numbers, declared, digest)
    _connect(built, plan, with_server)


def stream_dict(stream: Stream) -> dict[str, Any]:
    """Return what the compiled side needs to know of a stream."""
    return {"kind": int(stream.kind), "sps": float(stream.sps), "n_channels": stream.n_channels,
            "n_bins": stream.n_bins, "max_frames": stream.max_frames,
            "step": (stream.step.numerator, stream.step.denominator)}


def all_streams(plan: Plan) -> dict[PortRef, Stream]:
    """Return every output of a plan; their order numbers them in packets."""
    return {(stage.id, port.name): port.stream for stage in plan.stages for port in stage.outputs}


def node_streams(built: Built, plan: Plan, node: NodePlan) -> dict[str, Any]:
    """Return ``inputs`` and ``outputs`` of a node as the compiled side takes them."""
    streams = all_streams(plan)
    numbers = {ref: number for number, ref in enumerate(streams)}
    return {"inputs": [stream_dict(streams[ref]) for ref in node.inputs],
            "outputs": _outputs(built, node, streams, numbers)}


def _outputs(built: Built, node: NodePlan, streams: dict[PortRef, Stream], numbers: dict[PortRef, int]) \
        -> list[dict[str, Any]]:
    return [{**stream_dict(streams[ref]), "number": numbers[ref], "pool": built.pools[pool]}
            for ref, pool in zip(node.outputs, node.pools, strict=True)]


def _register(built: Built, node: NodePlan, number: int) -> None:
    built.node_names[number] = node.name
    for member in node.members:
        built.nodes[member] = number
    for port, ref in enumerate(node.outputs):
        built.ports[ref] = (number, port)


def _add_node(built: Built, group: GroupPlan, node: NodePlan, streams: dict[PortRef, Stream],
              numbers: dict[PortRef, int], declared: dict[str, StagePlan], digest: bool) -> None:
    is_sink = not node.outputs
    outputs = _outputs(built, node, streams, numbers)
    if node.params["node"] == "websocket_sink":
        # the port through which the very packets go on to the server
        outputs = [{**stream_dict(streams[node.inputs[0]]), "number": numbers[node.inputs[0]], "pool": None}]
    for ref, output in zip(node.outputs, outputs, strict=False):
        output["default"] = declared[ref[0]].default
    number = built.graph.add_node(
        built.groups[group.name], node.params["node"], node.params,
        inputs=[stream_dict(streams[ref]) for ref in node.inputs], outputs=outputs,
        on_error=min(ON_ERROR[declared[member].on_error] for member in node.members), is_sink=is_sink,
        digest=digest and is_sink, budget_us=sum(declared[member].budget_us or 0.0 for member in node.members))
    _register(built, node, number)
    if node.params["node"] == "websocket_sink":
        built.ports[(node.members[0], "")] = (number, 0)


def _add_source(built: Built, group: GroupPlan, node: NodePlan, streams: dict[PortRef, Stream],
                numbers: dict[PortRef, int], seconds: float | None, recordings: Mapping[str, Recording]) -> None:
    output = _outputs(built, node, streams, numbers)[0]
    at = built.groups[group.name]
    sps = streams[node.outputs[0]].sps
    frames = 0 if seconds is None else max(1, round(seconds * sps))
    if node.params["node"] == "ads1299":
        number = built.graph.add_ads1299(at, output, node.params, frames=_file_frames(node), frames_max=frames)
    else:
        number = _add_playback(built, at, output, node, frames, recordings.get(node.members[0]))
    built.sources[node.members[0]] = at
    _register(built, node, number)


def _add_playback(built: Built, at: int, output: dict[str, Any], node: NodePlan, frames: int,
                  recording: Recording | None) -> int:
    import numpy as np

    if recording is None:
        from eegcore.stages.playback import take_recording

        recording = take_recording(node.params)
    if recording.n_channels != output["n_channels"]:
        raise EegcoreError(f"{node.name}: the recording has {recording.n_channels} channels, the plan was made for "
                           f"{output['n_channels']}. Make the plan again.")
    gaps = np.asarray(recording.gaps, dtype=np.uint64).reshape(-1, 2)
    return built.graph.add_playback(
        at, output, recording.values, batch=node.params["batch"], speed=node.params["speed"],
        loop=node.params["loop"], frames_max=frames,
        gap_at=np.ascontiguousarray(gaps[:, 0]), gap_frames=np.ascontiguousarray(gaps[:, 1]))


def _file_frames(node: NodePlan) -> Any:
    """Return what ``signal: file`` plays: SPI frames of a .bin file as bytes, else counts."""
    world = node.params.get("world")
    if world is None or world["signal"] != "file":
        return None
    from eegcore.devices.recording_files import load_bytes, read_recording, sniff_format

    path = str(Path(world["path"]).expanduser())
    data = load_bytes(path)
    if path.removesuffix(".xz").endswith(".bin"):
        return data
    # a table of numbers need not tell its rate: it is played at the board's
    tells_rate = sniff_format(path, data) in ("edf", "bdf")
    recording = read_recording(path, raw=True, sps=None if tells_rate else node.params["sps"])
    channels = sum(node.params["n_channels"])
    if recording.n_channels != channels:
        raise EegcoreError(f"{path}: {recording.n_channels} channels, the board has {channels}. "
                           f"Set acquire.channels to {recording.n_channels}.")
    return recording.values


def _connect(built: Built, plan: Plan, with_server: bool) -> None:
    crossing = {(edge.from_stage, edge.from_port, edge.to_stage, edge.to_port) for edge in plan.edges}
    for group in plan.groups:
        for node in group.nodes:
            for number, ref in enumerate(node.inputs):
                if group.kind != "sink" and (*ref, node.members[0], number) not in crossing:
                    built.graph.connect(*built.ports[ref], built.nodes[node.members[0]], number)
    for edge in plan.edges:
        origin = built.ports[(edge.from_stage, edge.from_port)]
        policy = POLICIES[edge.policy]
        if edge.to_group == "loop":
            if with_server:
                built.edges[edge.name], built.taps[edge.name] = built.graph.add_outlet(
                    *origin, policy=policy, capacity=edge.capacity, with_eventfd=True, name=edge.name,
                    planned=True)
        elif edge.to_stage in built.nodes:
            built.edges[edge.name] = built.graph.add_edge(
                *origin, built.nodes[edge.to_stage], edge.to_port, policy=policy, capacity=edge.capacity,
                critical=edge.critical)
        else:
            built.edges[edge.name], built.taps[edge.name] = built.graph.add_outlet(
                *origin, policy=policy, capacity=edge.capacity, critical=edge.critical, name=edge.name,
                planned=True)

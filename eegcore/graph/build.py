"""From a plan to a compiled graph: numbers for names, nothing decided.

Everything that could be refused was refused by the plan; what can still fail
here is the machine: memory, descriptors, a file that changed since.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from eegcore import _rt
from eegcore.errors import EegcoreError
from eegcore.graph.plan_check import SOURCES
from eegcore.graph.plan_types import EdgePlan, GroupPlan, NodePlan, Plan
from eegcore.stages.stream import Stream

if TYPE_CHECKING:
    from eegcore.devices.readers_base import Recording

POLICIES = {"fail": 0, "drop_oldest": 1, "block": 2}
ON_ERROR = {"fatal": 0, "drain_then_stop": 1, "skip_packet": 2, "use_default": 3}

PortRef = tuple[str, str]
Route = tuple[Literal["local"], int, int] | tuple[Literal["edge"], int]


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
    slots: dict[str, int] = field(default_factory=dict)            # pool name -> what it was made for
    numbers: dict[PortRef, int] = field(default_factory=dict)      # output -> its number in packets, for good
    routes: dict[tuple[int, int], list[Route]] = field(default_factory=dict)   # (node, port) -> planned readers
    order: dict[int, list[int]] = field(default_factory=dict)      # group -> its nodes, those included that go
    inputs: dict[int, list[tuple[int, int, int]]] = field(default_factory=dict)    # group -> (edge, node, input)
    reads: set[tuple[int, int]] = field(default_factory=set)       # (node, one that has to stand behind it)
    left: list[int] = field(default_factory=list)                  # groups whose thread has ended
    spare: dict[str, tuple[int, int]] = field(default_factory=dict)    # pool name -> number and slots of a larger one
    old_pools: list[int] = field(default_factory=list)             # nothing takes from them, but packets may be around
    with_server: bool = False
    digest: bool = False
    wants_locked: bool = False
    bells: dict[str, _rt.Bell] = field(default_factory=dict)       # of file sinks: what the edges into one ring
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
    built = Built(_rt.Graph(is_virtual=plan.clock == "virtual", config_rev=config_rev), with_server=with_server,
                  digest=digest, wants_locked=lock)
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
        built.slots[pool.name] = pool.slots
        built.locked = built.locked and locked
    streams = all_streams(plan)
    number_streams(built, plan)
    for group in plan.groups:
        if group.kind == "sink":
            continue                                   # its thread is Python's
        at = built.groups[group.name] = built.graph.add_group()
        for node in group.nodes:
            if node.params["node"] in SOURCES:
                _add_source(built, group, node, streams, seconds, recordings)
            else:
                register(built, node, built.graph.add_node(at, node.params["node"], node.params,
                                                           **node_args(built, plan, node)))
            built.order.setdefault(at, []).append(built.nodes[node.members[0]])
    _connect(built, plan, with_server)


def stream_dict(stream: Stream) -> dict[str, Any]:
    """Return what the compiled side needs to know of a stream."""
    return {"kind": int(stream.kind), "sps": float(stream.sps), "n_channels": stream.n_channels,
            "n_bins": stream.n_bins, "max_frames": stream.max_frames,
            "step": (stream.step.numerator, stream.step.denominator)}


def all_streams(plan: Plan) -> dict[PortRef, Stream]:
    """Return every output of a plan; their order numbers them in packets."""
    return {(stage.id, port.name): port.stream for stage in plan.stages for port in stage.outputs}


def number_streams(built: Built, plan: Plan) -> None:
    """Give every output of a plan a number of its own, the one it has if it has one."""
    for ref in all_streams(plan):
        built.numbers.setdefault(ref, len(built.numbers))


def node_streams(built: Built, plan: Plan, node: NodePlan) -> dict[str, Any]:
    """Return ``inputs`` and ``outputs`` of a node as the compiled side takes them."""
    streams = all_streams(plan)
    if is_outlet(node):
        # the port through which the very packets go on to the server
        outputs = [{**stream_dict(streams[node.inputs[0]]), "number": built.numbers[node.inputs[0]], "pool": None}]
    else:
        outputs = [{**output, "default": plan.stage(ref[0]).default}
                   for ref, output in zip(node.outputs, _outputs(built, node, streams), strict=True)]
    return {"inputs": [stream_dict(streams[ref]) for ref in node.inputs], "outputs": outputs}


def node_args(built: Built, plan: Plan, node: NodePlan) -> dict[str, Any]:
    """Return the keyword arguments of `Graph.add_node` and `Graph.new_node`."""
    declared = [plan.stage(member) for member in node.members]
    is_sink = not node.outputs
    return {**node_streams(built, plan, node), "on_error": min(ON_ERROR[stage.on_error] for stage in declared),
            "is_sink": is_sink, "digest": built.digest and is_sink,
            "budget_us": sum(stage.budget_us or 0.0 for stage in declared)}


def is_outlet(node: NodePlan) -> bool:
    """Whether packets go on to the server from a node."""
    return bool(node.params["node"] == "websocket_sink")


def _outputs(built: Built, node: NodePlan, streams: dict[PortRef, Stream]) -> list[dict[str, Any]]:
    return [{**stream_dict(streams[ref]), "number": built.numbers[ref], "pool": built.pools[pool]}
            for ref, pool in zip(node.outputs, node.pools, strict=True)]


def register(built: Built, node: NodePlan, number: int) -> None:
    """Let names mean a node and its ports from now on."""
    built.node_names[number] = node.name
    for member in node.members:
        built.nodes[member] = number
    for port, ref in enumerate(node.outputs):
        built.ports[ref] = (number, port)
    if is_outlet(node):
        built.ports[(node.members[0], "")] = (number, 0)


def _add_source(built: Built, group: GroupPlan, node: NodePlan, streams: dict[PortRef, Stream],
                seconds: float | None, recordings: Mapping[str, Recording]) -> None:
    output = _outputs(built, node, streams)[0]
    at = built.groups[group.name]
    sps = streams[node.outputs[0]].sps
    frames = 0 if seconds is None else max(1, round(seconds * sps))
    if node.params["node"] == "ads1299":
        number = _rt.add_ads1299(built.graph, at, output, node.params, frames=_file_frames(node), frames_max=frames)
    elif node.params["node"] == "recorded":
        number = _rt.add_recorded(built.graph, at, output)
    else:
        number = _add_playback(built, at, output, node, frames, recordings.get(node.members[0]))
    built.sources[node.members[0]] = at
    register(built, node, number)


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
    return _rt.add_playback(
        built.graph, at, output, recording.values, batch=node.params["batch"], speed=node.params["speed"],
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
    for ref, to, number in local_ways(plan):
        built.graph.connect(*built.ports[ref], built.nodes[to], number)
        built.routes.setdefault(built.ports[ref], []).append(("local", built.nodes[to], number))
        built.reads.add((built.ports[ref][0], built.nodes[to]))
    for edge in plan.edges:
        if edge.to_group == "loop" and not with_server:
            continue
        origin = built.ports[(edge.from_stage, edge.from_port)]
        if edge.to_group != "loop" and edge.to_stage in built.nodes:
            at = built.edges[edge.name] = built.graph.add_edge(
                *origin, built.nodes[edge.to_stage], edge.to_port, **ring_args(edge))
            built.inputs.setdefault(built.groups[edge.to_group], []).append(
                (at, built.nodes[edge.to_stage], edge.to_port))
        else:
            at, built.taps[edge.name] = built.graph.add_outlet(*origin, **outlet_args(edge, built.bells), planned=True)
            built.edges[edge.name] = at
        built.routes.setdefault(origin, []).append(("edge", at))


def local_ways(plan: Plan) -> Iterator[tuple[PortRef, str, int]]:
    """Yield (output, first stage of the node that reads it, its input) wherever no ring is between the two."""
    crossing = {(edge.from_stage, edge.from_port, edge.to_stage, edge.to_port) for edge in plan.edges}
    for group in plan.groups:
        for node in group.nodes:
            for number, ref in enumerate(node.inputs):
                if group.kind != "sink" and (*ref, node.members[0], number) not in crossing:
                    yield ref, node.members[0], number


def ring_args(edge: EdgePlan) -> dict[str, Any]:
    """Return what a ring between two threads of the graph is made with."""
    return {"policy": POLICIES[edge.policy], "capacity": edge.capacity, "critical": edge.critical}


def outlet_args(edge: EdgePlan, bells: dict[str, _rt.Bell]) -> dict[str, Any]:
    """Return what a ring to a Python reader is made with; a sink with several inputs waits for all at one doorbell."""
    if edge.to_group == "loop":
        return {**ring_args(edge), "with_eventfd": True, "name": edge.name}
    return {**ring_args(edge), "name": edge.name, "bell": bells.setdefault(edge.to_stage, _rt.Bell())}

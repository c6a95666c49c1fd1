"""A plan from a file is input like any other: what the compiled core takes on trust is checked here.

`make_plan` cannot make a plan that fails these checks. A file can hold anything, and the
loops behind it look at no bound again: a slot that is too small or an input that is not
what the stage was told would be memory written over.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from eegcore.devices.registers import N_REGISTERS
from eegcore.graph.plan_check_windows import WINDOW_NODES, check_window_node
from eegcore.graph.plan_need import need as _need
from eegcore.graph.plan_need import whole as _whole
from eegcore.graph.plan_types import EdgePlan, GroupPlan, NodePlan, Plan
from eegcore.stages.design import taps_from_hex
from eegcore.stages.stream import MAX_CHANNELS, MAX_FRAMES, Kind, Stream

PortRef = tuple[str, str]

MOST_SLOTS = 2**24
MOST_SLOT_BYTES = 2**26
MOST_BYTES = 2**33
MOST_CAPACITY = 2**20
MOST_STEP = 2**31
MOST_FACTOR = 2**20
MOST_FAULTS = 4096                             # EC_EMULATOR_MAX_FAULTS of csrc/emulator/ec_emulator.h
MOST_HALF = 2**15
MOST_WINDOW = 2**20                            # EC_SLIDING_TREND_MAX_FRAMES of csrc/dsp/ec_sliding_trend.h
MOST_FIR_TAPS = 4096                           # EC_FIR_MAX_TAPS of csrc/dsp/ec_fir.h
POLICIES = ("fail", "drop_oldest", "block")
MOST_INPUTS = 8                                # EC_MAX_INPUTS of csrc/graph/ec_node.h
MOST_WAIT_FRAMES = 2**24
MOST_AVERAGE = 1000                            # EC_AVERAGE_MAX of csrc/dsp/ec_average.h
MOST_ROWS = 64                                 # EC_BANDS_MAX_ROWS of csrc/dsp/ec_bands.h
SOURCES = ("ads1299", "playback", "recorded")
FILE_SINKS = ("csv_sink", "bdf_sink", "history_sink")  # each on a thread of its own
SINKS = ("null_sink", "websocket_sink", *FILE_SINKS)
MOST_HISTORY_INPUTS = 4096


def check_plan(plan: Plan) -> None:
    """Refuse a plan whose parts do not fit each other.

    Raises
    ------
    ValueError
        With the first part that does not.
    """
    _need(plan.clock in ("real", "virtual"), f"clock {plan.clock!r}")
    _need(plan.realtime in ("auto", "require", "never"), f"realtime {plan.realtime!r}")
    _unique((stage.id for stage in plan.stages), "stage")
    _unique((group.name for group in plan.groups), "group")
    _unique((edge.name for edge in plan.edges), "edge")
    streams: dict[PortRef, Stream] = {}
    for stage in plan.stages:
        for port in stage.outputs:
            _check_stream(port.stream, f"{stage.id}.{port.name}")
            streams[(stage.id, port.name)] = port.stream
    slots = _check_pools(plan)
    nodes: dict[str, NodePlan] = {}
    home: dict[str, GroupPlan] = {}
    for group in plan.groups:
        for node in group.nodes:
            _check_node(node, group, streams, slots)
            for member in node.members:
                plan.stage(member)                     # KeyError: there is none
                _need(member not in nodes, f"stage {member!r} is in two nodes")
                nodes[member], home[member] = node, group
    _need(len(nodes) == len(plan.stages), f"{len(plan.stages)} stages, {len(nodes)} of them in groups")
    made = [ref for group in plan.groups for node in group.nodes for ref in node.outputs]
    _need(sorted(made) == sorted(streams), "outputs of nodes and of stages differ")
    for edge in plan.edges:
        _check_edge(edge, nodes, home, streams)
    _check_inputs(plan, home)


def _unique(names: Iterable[str], what: str) -> None:
    seen = set()
    for name in names:
        _need(isinstance(name, str) and name not in seen, f"{what} {name!r} is there twice, or is no text")
        seen.add(name)


def _check_stream(stream: Stream, place: str) -> None:
    _whole(stream.n_channels, 1, MAX_CHANNELS, f"{place}: channels")
    _need(all(isinstance(label, str) for label in stream.labels), f"{place}: a label is no text")
    _whole(stream.max_frames, 1, MAX_FRAMES, f"{place}: max_frames")
    _need(isinstance(stream.sps, int | float) and math.isfinite(stream.sps) and 0 < stream.sps <= 1e9,
          f"{place}: sps is {stream.sps!r}")
    _need(0 < stream.step.numerator < MOST_STEP and stream.step.denominator < MOST_STEP,
          f"{place}: step is {stream.step}")
    _need((stream.n_bins > 0) == (stream.kind is Kind.SPECTRUM_F32), f"{place}: {stream.n_bins} bins")


def _check_pools(plan: Plan) -> dict[str, int]:
    """Return the slot size of every pool."""
    _unique((pool.name for pool in plan.pools), "pool")
    total = 0
    for pool in plan.pools:
        total += (_whole(pool.slots, 1, MOST_SLOTS, f"pool {pool.name}: slots")
                  * _whole(pool.slot_bytes, 64, MOST_SLOT_BYTES, f"pool {pool.name}: slot_bytes"))
    _need(total <= MOST_BYTES, f"pools of {total} bytes")
    return {pool.name: pool.slot_bytes for pool in plan.pools}


def _check_node(node: NodePlan, group: GroupPlan, streams: dict[PortRef, Stream], slots: dict[str, int]) -> None:
    name, params = node.name, node.params
    kind = params["node"]
    inputs, outputs = [streams[ref] for ref in node.inputs], [streams[ref] for ref in node.outputs]
    _need(len(node.members) >= 1, f"{name}: no stage in it")
    most = {"zip": MOST_INPUTS, "history_sink": MOST_HISTORY_INPUTS}.get(kind, 0 if kind in SOURCES else 1)
    least = 2 if kind == "zip" else min(most, 1)
    _need(least <= len(inputs) <= most, f"{name}: {len(inputs)} inputs")
    _need((kind in FILE_SINKS) == (group.kind == "sink"), f"{name}: {kind} in a group of kind {group.kind}")
    for ref, out, pool in zip(node.outputs, outputs, node.pools, strict=True):
        _need(slots[pool] >= out.packet_bytes, f"{name}: slots of {slots[pool]} bytes for packets of "
                                               f"{out.packet_bytes} ({'.'.join(ref)})")
    if kind in SOURCES:
        _need(len(outputs) == 1, f"{name}: {len(outputs)} outputs")
        _check_source(name, params, outputs[0])
    elif kind in SINKS:
        _need(not outputs, f"{name}: a sink with outputs")
    elif kind == "cascade":
        _check_cascade(name, params, inputs[0], outputs)
    elif kind == "select":
        (out,) = outputs
        _need((out.kind, out.n_bins) == (inputs[0].kind, inputs[0].n_bins) and out.max_frames >= inputs[0].max_frames
              and len(params["picks"]) == out.n_channels, f"{name}: output and input do not fit")
        for pick in params["picks"]:
            _whole(pick, 0, inputs[0].n_channels - 1, f"{name}: a channel")
    elif kind == "marker_in":
        (out,) = outputs
        _need((out.kind, out.n_bins, out.n_channels) == (inputs[0].kind, inputs[0].n_bins, inputs[0].n_channels)
              and out.max_frames == inputs[0].max_frames, f"{name}: output and input do not fit")
    elif kind == "fft":
        _check_spectrum(name, params, inputs[0], outputs)
    elif kind == "bands":
        _check_bands(name, params, inputs[0], outputs)
    elif kind == "impedance":
        (out,) = outputs
        window = _whole(params["window"], 1, 2**20, f"{name}: window")
        _whole(params["cycle"], 0, window, f"{name}: cycle")
        _need(inputs[0].kind.has_voltage and inputs[0].step == 1 and out.kind is Kind.VOLTAGE_F32
              and params["n_channels"] == out.n_channels == inputs[0].n_channels
              and out.max_frames * window >= inputs[0].max_frames, f"{name}: output and input do not fit")
    elif kind in WINDOW_NODES:
        check_window_node(name, params, inputs[0], outputs)
    elif kind == "zip":
        _check_zip(name, params, inputs, outputs)
    else:
        raise ValueError(f"{name}: no node is called {kind!r}")


def _check_spectrum(name: str, params: dict[str, Any], given: Stream, outputs: list[Stream]) -> None:
    (out,) = outputs
    hop = _whole(params["hop"], 1, 2**31, f"{name}: hop")
    _need(given.kind.has_voltage and out.kind is Kind.SPECTRUM_F32
          and (out.n_channels, out.n_bins) == (given.n_channels, params["n_bins"])
          and out.max_frames * hop >= given.max_frames, f"{name}: output and input do not fit")
    n = _whole(params["n"], 1, 2**24, f"{name}: n")
    _whole(params["bin_from"], 0, n // 2 + 1 - out.n_bins, f"{name}: bin_from")
    average = _whole(params["average"], 1, MOST_AVERAGE, f"{name}: average")
    _need(average * out.n_bins * out.n_channels <= MOST_BYTES // 8, f"{name}: {average} spectra in memory")


def _check_bands(name: str, params: dict[str, Any], given: Stream, outputs: list[Stream]) -> None:
    (out,) = outputs
    rows = out.n_bins + (params["finish"] == "share")
    _need(given.kind is out.kind is Kind.SPECTRUM_F32 and given.n_channels == out.n_channels
          and out.max_frames >= given.max_frames and params["rows"] == rows <= MOST_ROWS,
          f"{name}: output and input do not fit")
    for row, *numbers in params["pieces"]:
        _whole(row, 0, rows - 1, f"{name}: a row")
        low, high, _ = (float.fromhex(number) for number in numbers)
        _need(0 <= low <= high <= given.n_bins - 1, f"{name}: bins {low} to {high} of {given.n_bins}")


def _check_source(name: str, params: dict[str, Any], out: Stream) -> None:
    if params["node"] == "recorded":
        _need(out.kind in (Kind.RAW_I32, Kind.VOLTAGE_F32), f"{name}: kind {out.kind.name}")
        return
    _whole(params["batch"], 1, MAX_FRAMES, f"{name}: batch")
    if params["node"] == "ads1299":
        _check_chips(name, params, out)
    else:
        wanted = Kind.RAW_I32 if params["raw"] is True else Kind.VOLTAGE_F32
        _need(out.kind is wanted, f"{name}: kind {out.kind.name}")


def _check_chips(name: str, params: dict[str, Any], out: Stream) -> None:
    """Chips, selects and registers fit each other, and the lists behind an emulated board the channels."""
    channels = [_whole(n, 4, 8, f"{name}: channels of a chip") for n in params["n_channels"]]
    _need(out.kind is Kind.RAW_I32 and sum(channels) == out.n_channels,
          f"{name}: chips of {sum(channels)} channels, an output of {out.n_channels}")
    selects = [_whole(n, 1, len(channels), f"{name}: chips of a select") for n in params["chips_in"]]
    _need(sum(selects) == len(channels) == len(params["clock_master"]) == len(params["registers"]),
          f"{name}: {len(channels)} chips, selects for {sum(selects)}")
    _need(all(isinstance(image, str) and len(bytes.fromhex(image)) == N_REGISTERS for image in params["registers"]),
          f"{name}: registers")
    _whole(params["n_drdy"], 1, len(channels), f"{name}: data-ready lines")
    if params["bus"] == "linux":
        wires = params["wires"]
        _need(len(wires["spi"]) == len(wires["cs"]) == len(selects), f"{name}: spi nodes for other selects")
        _need(len(wires["drdy"]) == params["n_drdy"], f"{name}: data-ready lines")
        return
    _need(params["bus"] == "emulator", f"{name}: bus {params['bus']!r}")
    world = params["world"]
    _need(all(len(world[key]) == out.n_channels for key in ("alpha_weight", "blink_weight", "electrode_kohm"))
          and len(world["ids"]) == len(channels), f"{name}: an emulated world for other channels")
    _need(all(len(fault) == 5 and all(type(value) is int for value in fault) for fault in world["faults"])
          and len(world["faults"]) <= MOST_FAULTS, f"{name}: faults")


def _check_zip(name: str, params: dict[str, Any], inputs: list[Stream], outputs: list[Stream]) -> None:
    (out,) = outputs
    kind = Kind.VOLTAGE_F32 if params["is_float"] is True else Kind.RAW_I32
    _need(len(params["inputs"]) == len(inputs) and all(stream.kind is kind for stream in [*inputs, out])
          and out.n_channels == sum(stream.n_channels for stream in inputs)
          and out.max_frames == params["max_frames"] >= inputs[0].max_frames, f"{name}: output and inputs do not fit")
    _whole(params["tolerance"], 0, 2**62, f"{name}: tolerance")
    for given, stream in zip(params["inputs"], inputs, strict=True):
        _need(given["n_channels"] == stream.n_channels and given["step"] == [
            stream.step.numerator, stream.step.denominator] and given["sps"] == stream.sps,
            f"{name}: an input is another one than the plan says")
        _whole(given["burst_frames"], stream.max_frames, MOST_WAIT_FRAMES, f"{name}: burst_frames")
        _whole(given["wait_frames"], 1, MOST_WAIT_FRAMES, f"{name}: wait_frames")


def _check_cascade(name: str, params: dict[str, Any], given: Stream, outputs: list[Stream]) -> None:
    ops, ports = params["ops"], params["ports"]
    from_counts = given.kind is Kind.RAW_I32
    _need(given.kind is not Kind.SPECTRUM_F32 and params["input"] == ("counts" if from_counts else "uv"),
          f"{name}: input {params['input']!r}, and {given.kind.name} comes in")
    _need(params["n_channels"] == given.n_channels, f"{name}: {params['n_channels']} channels of {given.n_channels}")
    _need(not from_counts or (len(ops) > 0 and ops[0]["op"] == "scale"), f"{name}: counts without a scale")
    _need(len(ports) == len(outputs) == len(params["settling_frames"]), f"{name}: {len(ports)} ports")
    for op in ops:
        if op["op"] == "decimate":
            _whole(op["factor"], 1, MOST_FACTOR, f"{name}: factor")
        elif op["op"] == "comb":
            _whole(op["half"], 1, MOST_HALF, f"{name}: half")
            _need(given.step.denominator == 1, f"{name}: a comb on every {given.step} frames")
        elif op["op"] in ("fir", "analytic"):
            _need(1 <= len(taps_from_hex(op["taps"])) <= MOST_FIR_TAPS, f"{name}: {len(op['taps'])} taps")
        elif op["op"] == "debounce":
            _whole(op["frames"], 0, 2**31, f"{name}: frames")
        elif op["op"] == "mix":
            _whole(op["n_out"], 1, MAX_CHANNELS, f"{name}: n_out")
        elif op["op"] == "detrend":
            _whole(op["frames"], 1, MOST_WINDOW, f"{name}: frames")
    for port, out in zip(ports, outputs, strict=True):
        after = _whole(port["after"], 0, len(ops), f"{name}: after")
        keep = math.prod(op["factor"] for op in ops[:after] if op["op"] == "decimate")
        raw = bool(port["raw"])
        channels = next((op["n_out"] for op in reversed(ops[:after]) if "n_out" in op), given.n_channels)
        _need(out.kind is (Kind.RAW_AND_VOLTAGE if raw else Kind.VOLTAGE_F32) and out.n_channels == channels
              and keep < MOST_STEP and out.max_frames * keep >= given.max_frames
              and not (raw and (keep > 1 or given.kind is Kind.VOLTAGE_F32)), f"{name}: output and input do not fit")


def _check_edge(edge: EdgePlan, nodes: dict[str, NodePlan], home: dict[str, GroupPlan],
                streams: dict[PortRef, Stream]) -> None:
    _need(edge.policy in POLICIES, f"edge {edge.name}: policy {edge.policy!r}")
    capacity = _whole(edge.capacity, 1, MOST_CAPACITY, f"edge {edge.name}: capacity")
    _need(capacity & (capacity - 1) == 0, f"edge {edge.name}: capacity {capacity} is no power of two")
    if edge.to_group == "loop":
        _need(nodes[edge.from_stage].params["node"] == "websocket_sink", f"edge {edge.name}: comes from no outlet")
        return
    origin = (edge.from_stage, edge.from_port)
    _whole(edge.to_port, 0, len(nodes[edge.to_stage].inputs) - 1, f"edge {edge.name}: input")
    _need(origin in streams and nodes[edge.to_stage].inputs[edge.to_port] == origin
          and home[edge.to_stage] is not home[edge.from_stage] and nodes[edge.to_stage].members[0] == edge.to_stage,
          f"edge {edge.name}: does not lead to the input of {edge.to_stage}")


def _check_inputs(plan: Plan, home: dict[str, GroupPlan]) -> None:
    """Every input is fed: by an edge, or by an earlier node of its own group."""
    crossing = {(edge.from_stage, edge.from_port, edge.to_stage, edge.to_port) for edge in plan.edges}
    for group in plan.groups:
        done: set[PortRef] = set()
        for node in group.nodes:
            for number, ref in enumerate(node.inputs):
                crosses = (*ref, node.members[0], number) in crossing
                _need(crosses != (ref in done), f"{node.name}: its input {'.'.join(ref)} does not reach it")
                _need(not (crosses and home[ref[0]] is group), f"{node.name}: an edge inside a group")
            done.update(node.outputs)

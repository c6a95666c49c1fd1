"""The plan as text: what `validate` prints and the log shows at start."""

from __future__ import annotations

from collections.abc import Iterable

from eegcore.devices.bus_time import round_s, window_s
from eegcore.graph.plan_sizes import capacity, ring_seconds, sizing
from eegcore.graph.plan_types import EdgePlan, Plan, StagePlan
from eegcore.stages.stream import Stream


def describe_plan(plan: Plan) -> str:
    """Return rates, shapes, groups, edges, capacities, pools, and latency with the sizing formula."""
    parts = [
        _title(plan),
        _section("Stages", [("stage", "type", "group", "inputs", "output", "rate", "packet", "delay", "settled after"),
                            *(_stage_row(stage) for stage in plan.stages)]),
        _section("Chips", [("source", "board", "chips", "registers of chip 1 from CONFIG1 on", "SPI",
                            "edge to frame, planned"), *(
            _chips_row(stage) for stage in plan.stages if stage.native.get("node") == "ads1299")]),
        _section("Threads", [("thread", "group", "cores", "priority", "runs"), *(
            (group.thread, group.name, ",".join(map(str, group.cores)) or "any",
             "normal" if group.priority is None else str(group.priority),
             ", ".join(node.name for node in group.nodes)) for group in plan.groups)]),
        _section("Edges", [("edge", "from", "to", "policy", "capacity", "holds", "sizing"),
                           *(_edge_row(edge) for edge in plan.edges)])
        + "\n  sizing: ceil(max_stage_latency_ms / batch_period_ms), next power of two, at least 8",
        _section("Pools", [("pool", "slot", "slots", "size", "made of"), *(
            (pool.name, f"{pool.slot_bytes} B", str(pool.slots), _bytes(pool.slots * pool.slot_bytes),
             " + ".join(f"{count} {what}" for what, count in pool.made_of.items() if count))
            for pool in plan.pools)]),
        _section("Latency", [("sink", "bound", "rings empty", "packet", "filters", "rings full", "other inputs",
                              "path"), *(
            (path["sink"], _ms(path["latency_ms"]), _ms(path["idle_ms"]), _ms(path["batch_ms"]),
             _ms(path["delay_ms"]), _ms(path["rings_ms"]),
             _ms(path.get("waits_ms", 0.0)), " > ".join(path["stages"])) for path in plan.paths)]),
    ]
    if plan.warnings:
        parts.append("\n".join(f"warning: {warning}" for warning in plan.warnings))
    return "\n\n".join(part for part in parts if part) + "\n"


def _title(plan: Plan) -> str:
    return (f"{plan.name}: {len(plan.stages)} stages, {len(plan.groups)} threads, {len(plan.edges)} edges, "
            f"{plan.clock} clock")


def _section(title: str, rows: Iterable[tuple[str, ...]]) -> str:
    """Return a table with aligned columns; nothing if it has no rows."""
    table = list(rows)
    if len(table) < 2:
        return ""
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    lines = ["  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
             for row in table]
    return "\n".join([title, *lines])


def _chips_row(stage: StagePlan) -> tuple[str, ...]:
    native = stage.native
    selects, at = [], 0
    for n in native["chips_in"]:
        selects.append(native["n_channels"][at:at + n])
        at += n
    planned, window = round_s(selects, native["spi_hz"]), window_s(native["sps"], native["clock_hz"])
    chips = " + ".join(f"chain of {len(select)}" if len(select) > 1 else "1" for select in selects)
    return (stage.id, native["board"], chips if len(selects) < 5 else f"{at} on {len(selects)} selects",
            bytes.fromhex(native["registers"][0])[1:].hex(" "), f"{native['spi_hz'] / 1e6:g} MHz",
            f"{planned * 1e6:.0f} of {window * 1e6:.0f} us")


def _stage_row(stage: StagePlan) -> tuple[str, ...]:
    inputs = ", ".join(name if port == "out" else f"{name}.{port}" for name, port in stage.inputs) or "-"
    if not stage.outputs:
        return stage.id, stage.type, stage.group, inputs, "-", "-", "-", "-", "-"
    stream = stage.outputs[0].stream
    return (stage.id, stage.type, stage.group, inputs, shape(stream), f"{stream.sps:.10g} SPS",
            f"{stream.max_frames} frames, {stream.packet_bytes} B", _ms(1e3 * stream.delay_s),
            f"{stream.settling_s:.3g} s")


def shape(stream: Stream) -> str:
    """Return kind and shape of a frame in words: ``VOLTAGE_F32 8 ch uV``."""
    bins = f" x {stream.n_bins} bins" if stream.n_bins else ""
    return f"{stream.kind.name} {stream.n_channels} ch{bins} {stream.unit}"


def _edge_row(edge: EdgePlan) -> tuple[str, ...]:
    packets_per_s = edge.capacity / edge.seconds
    seconds = ring_seconds(edge.policy, edge.to_group.startswith("sink-"))
    formula = f"{edge.capacity} packets as set"
    if capacity(seconds, packets_per_s) == edge.capacity:
        formula = f"ceil({1e3 * seconds:.0f} ms / {1e3 / packets_per_s:.4g} ms) = {sizing(seconds, packets_per_s)}"
    policy = f"{edge.policy}, stops the run" if edge.critical else edge.policy
    return (edge.name, edge.from_group, edge.to_group, policy, str(edge.capacity), f"{edge.seconds:.3g} s", formula)


def _ms(value: float) -> str:
    return f"{value:.0f} ms" if value >= 1000 else f"{value:.4g} ms"


def _bytes(count: int) -> str:
    return f"{count / 2**20:.1f} MiB" if count >= 2**20 else f"{count / 1024:.1f} KiB"

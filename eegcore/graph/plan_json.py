"""The plan as JSON, for `/api/plan` and for `run --plan`, and back without a bit lost.

Numbers are written by `repr`, which reads back exactly; designed filters are
hexadecimal floats already, so that another machine runs the very same coefficients.
"""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

from eegcore.graph.plan_check import check_plan
from eegcore.graph.plan_types import EdgePlan, GroupPlan, NodePlan, Plan, PoolPlan, PortPlan, StagePlan
from eegcore.stages.stream import Kind, Stream

FORMAT = 1


def plan_json(plan: Plan) -> dict[str, Any]:
    """Return the plan as what `json.dumps` takes: the shape of `GET /api/plan`, before anything runs."""
    return {
        "format": FORMAT, "name": plan.name, "clock": plan.clock, "realtime": plan.realtime,
        "summary_s": plan.summary_s,
        "stages": [_stage_out(stage) for stage in plan.stages],
        "groups": [_group_out(group, plan) for group in plan.groups],
        "edges": [_edge_out(edge) for edge in plan.edges],
        "pools": [{"name": pool.name, "slots": pool.slots, "slot_bytes": pool.slot_bytes, "free": pool.slots,
                   "made_of": dict(pool.made_of)} for pool in plan.pools],
        "paths": [dict(path) for path in plan.paths],
        "warnings": list(plan.warnings),
    }


def plan_load(document: dict[str, Any] | str) -> Plan:
    """Read what `plan_json` wrote.

    Raises
    ------
    ValueError
        If it is no plan, a plan of another format, or one whose parts do not fit each other.
    """
    try:
        if isinstance(document, str):
            document = json.loads(document)
        if not isinstance(document, dict) or document.get("format") != FORMAT:
            seen = document.get("format") if isinstance(document, dict) else type(document).__name__
            raise ValueError(f"format {seen!r}, expected {FORMAT}")
        plan = Plan(
            document["name"], document["clock"], document["realtime"], document["summary_s"],
            [_stage_in(item) for item in document["stages"]], [_group_in(item) for item in document["groups"]],
            [_edge_in(item) for item in document["edges"]],
            [PoolPlan(item["name"], item["slot_bytes"], item["slots"], item["made_of"])
             for item in document["pools"]], document["paths"], document["warnings"])
        check_plan(plan)
        return plan
    except KeyError as error:
        raise ValueError(f"plan: {error.args[0]!r} is missing. Make the plan again with this version.") from None
    except (ValueError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        raise ValueError(f"plan: cannot be read: {error}. Make the plan again with this version.") from None


def _stage_out(stage: StagePlan) -> dict[str, Any]:
    return {"id": stage.id, "type": stage.type, "role": stage.role, "group": stage.group,
            "inputs": [_ref_out(ref) for ref in stage.inputs], "settings": stage.settings,
            "outputs": [_port_out(port) for port in stage.outputs], "native": stage.native,
            "on_error": stage.on_error, "critical": stage.critical, "budget_us": stage.budget_us,
            "timeout_ms": stage.timeout_ms, "default": stage.default}


def _stage_in(item: dict[str, Any]) -> StagePlan:
    return StagePlan(item["id"], item["type"], item["role"], item["group"], [_ref_in(ref) for ref in item["inputs"]],
                     item["settings"], [_port_in(port) for port in item["outputs"]], item["native"],
                     item["on_error"], item["critical"], item["budget_us"], item["timeout_ms"], item["default"])


def _ref_out(ref: tuple[str, str]) -> str:
    return ref[0] if ref[1] == "out" else f"{ref[0]}.{ref[1]}"


def _ref_in(text: str) -> tuple[str, str]:
    stage, _, port = text.partition(".")
    return stage, port or "out"


def _port_out(port: PortPlan) -> dict[str, Any]:
    stream = port.stream
    return {"port": port.name, "kind": stream.kind.name, "labels": list(stream.labels), "unit": stream.unit,
            "sps": stream.sps, "n_channels": stream.n_channels, "n_bins": stream.n_bins,
            "max_frames": stream.max_frames, "step": [stream.step.numerator, stream.step.denominator],
            "delay_s": stream.delay_s, "settling_s": stream.settling_s, "scale_uv": list(stream.scale_uv),
            "reference": stream.reference, "axis_hz": list(stream.axis_hz), "can_wait": stream.can_wait,
            "sources": list(stream.sources), "meta": stream.meta}


def _port_in(item: dict[str, Any]) -> PortPlan:
    return PortPlan(item["port"], Stream(
        kind=Kind[item["kind"]], labels=tuple(item["labels"]), sps=item["sps"], max_frames=item["max_frames"],
        unit=item["unit"], step=Fraction(*item["step"]), scale_uv=tuple(item["scale_uv"]),
        reference=item["reference"], axis_hz=tuple(item["axis_hz"]), delay_s=item["delay_s"],
        settling_s=item["settling_s"], can_wait=item["can_wait"], sources=tuple(item["sources"]),
        meta=item["meta"]))


def _group_out(group: GroupPlan, plan: Plan) -> dict[str, Any]:
    return {"name": group.name, "cores": list(group.cores), "priority": group.priority,
            "stages": [stage.id for stage in plan.stages if stage.group == group.name],
            "kind": group.kind, "thread": group.thread,
            "nodes": [{"name": node.name, "params": node.params, "members": list(node.members),
                       "inputs": [_ref_out(ref) for ref in node.inputs],
                       "outputs": [_ref_out(ref) for ref in node.outputs],
                       "pools": list(node.pools)} for node in group.nodes]}


def _group_in(item: dict[str, Any]) -> GroupPlan:
    nodes = [NodePlan(node["name"], node["params"], node["members"], [_ref_in(ref) for ref in node["inputs"]],
                      [_ref_in(ref) for ref in node["outputs"]], node["pools"]) for node in item["nodes"]]
    return GroupPlan(item["name"], item["kind"], item["thread"], nodes, item["cores"], item["priority"])


def _edge_out(edge: EdgePlan) -> dict[str, Any]:
    return {"name": edge.name, "from": edge.from_stage, "to": edge.to_stage, "policy": edge.policy,
            "capacity": edge.capacity, "seconds": edge.seconds, "depth": 0, "high_water": 0,
            "from_port": edge.from_port, "to_port": edge.to_port, "from_group": edge.from_group,
            "to_group": edge.to_group, "critical": edge.critical}


def _edge_in(item: dict[str, Any]) -> EdgePlan:
    return EdgePlan(item["name"], item["from"], item["from_port"], item["to"], item["to_port"], item["from_group"],
                    item["to_group"], item["policy"], item["capacity"], item["critical"], item["seconds"])

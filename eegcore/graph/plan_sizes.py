"""How long edges and how large pools must be: the numbers of the plan and where they come from."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from eegcore.graph.plan_types import EdgePlan, Policy, PoolPlan
from eegcore.stages.stream import Stream

CRITICAL_S = 0.25                              # a ring whose overflow stops the run, or that blocks
SCREEN_S = 0.5                                 # a ring that may drop
RECORDER_S = 10.0                              # a ring in front of a file writer
HISTORY_S = 2.0                                # a ring in front of a history: many of them, and a hole is no loss
MIN_CAPACITY = 8
MAX_CAPACITY = 2**20
SLOT_ALIGN = 64                                # bytes
HELD_BY_NODE = 2                               # packets a node may hold: the one it reads, the one it writes
HELD_BY_READER = 32                            # packets a Python reader takes at once
TAP_QUOTA = 64                                 # packets Python taps may keep in a pool
TAP_BYTES = 2**20                              # and what they may keep of it, if slots are large
TAP_QUOTA_MIN = 8
RESERVE = 1.25


def power_of_two(value: float) -> int:
    """Return the next power of two, at least 1."""
    return 1 << max(0, math.ceil(value) - 1).bit_length()


def ring_seconds(policy: Policy, into_recorder: bool) -> float:
    """Return how long the reader of an edge may stay away: the time its capacity must hold."""
    if into_recorder:
        return RECORDER_S
    return SCREEN_S if policy == "drop_oldest" else CRITICAL_S


def sizing(seconds: float, packets_per_s: float) -> int:
    """Return ``ceil(max_stage_latency_ms / batch_period_ms)``, the least capacity of an edge."""
    return math.ceil(round(seconds * packets_per_s, 6))


def capacity(seconds: float, packets_per_s: float) -> int:
    """Return the capacity of an edge: the sizing formula, next power of two, at least `MIN_CAPACITY`."""
    return min(MAX_CAPACITY, max(MIN_CAPACITY, power_of_two(sizing(seconds, packets_per_s))))


def slot_bytes(stream: Stream) -> int:
    """Return the payload bytes of a slot that holds any packet of the stream."""
    return -(-stream.packet_bytes // SLOT_ALIGN) * SLOT_ALIGN


def pool_name(n_bytes: int) -> str:
    """Return the name of the pool whose slots have `n_bytes`."""
    return f"packets_{n_bytes}"


@dataclass(frozen=True)
class Carried:
    """One edge and the stream it carries."""

    edge: EdgePlan
    stream: Stream
    taken_by_python: bool                      # the reader is a Python thread and takes many at once


def pools(carried: Iterable[Carried], holders: dict[int, int]) -> list[PoolPlan]:
    """Return one pool per slot size.

    Parameters
    ----------
    carried : iterable of Carried
        All edges. A packet on several edges is counted on each: more than needed, never less.
    holders : dict
        Slot bytes to the number of nodes that read or write packets of this size.
    """
    made: dict[int, dict[str, int]] = {}
    for n_bytes, n_nodes in holders.items():
        quota = min(TAP_QUOTA, max(TAP_QUOTA_MIN, TAP_BYTES // n_bytes))
        made[n_bytes] = {"edges": 0, "nodes": HELD_BY_NODE * n_nodes, "readers": 0, "taps": quota}
    for item in carried:
        parts = made[slot_bytes(item.stream)]
        parts["edges"] += item.edge.capacity
        if item.taken_by_python:
            parts["readers"] += min(HELD_BY_READER, item.edge.capacity)
    result = []
    for n_bytes in sorted(made):
        parts = made[n_bytes]
        needed = sum(parts.values())
        slots = math.ceil(needed * RESERVE)
        result.append(PoolPlan(pool_name(n_bytes), n_bytes, slots, {**parts, "reserve": slots - needed}))
    return result

"""The pools of a graph that changes: large enough for its plan and for what is still on its way, forgotten when empty.

Pools are computed from the plan, to the last packet that its rings can hold. A ring that has left the plan keeps its
packets until its reader has taken them, and a reader that waits for a disk takes none: a pool that these would empty is
replaced by a larger one in time, so that no change costs a source its next slot.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from eegcore import _rt
from eegcore.errors import StateConflict

if TYPE_CHECKING:
    from eegcore.graph.build import Built
    from eegcore.graph.plan_types import Plan, PoolPlan

SHARE = 8              # less than one in so many slots on its way is what any reader has just now
MOST = 4               # times what the plan needs
MANY = 40              # pools, of the 64 that the core numbers; to forget one, all threads are waited for a moment
PATIENCE_S = 0.1       # that long, where a thread waits itself


def pool_names(plan: Plan) -> dict[tuple[str, str], str]:
    """Return the pool that the packets of every output are from; what outlets hand on is that of their input."""
    nodes = [node for group in plan.groups for node in group.nodes]
    names = {ref: pool for node in nodes for ref, pool in zip(node.outputs, node.pools, strict=False)}
    return names | {(node.members[0], ""): names[node.inputs[0]] for node in nodes
                    if node.params["node"] == "websocket_sink"}


def held_packets(built: Built, rings: Iterable[tuple[int, int]]) -> dict[int, int]:
    """Return the packets of every pool that wait in rings, given as (edge, pool)."""
    held: dict[int, int] = {}
    for edge, pool in rings:
        held[pool] = held.get(pool, 0) + _rt.edge_stats(built.graph, edge)["depth"]
    return held


def make_pools(built: Built, plan: Plan, held: Mapping[int, int]) -> dict[str, tuple[int, int]]:
    """Make the pools that a plan needs beside those there are; return {name: (number, slots)}.

    Parameters
    ----------
    held : mapping
        Packets of every pool in rings that leave the plan, or have left it.

    Raises
    ------
    StateConflict
        If too many packets are still on their way.
    EegcoreError
        If the machine has no memory for one.
    """
    made: dict[str, tuple[int, int]] = {}
    needs = {pool.name: _need(built, pool, held) for pool in plan.pools}
    for pool in plan.pools:
        there, need = built.slots.get(pool.name, 0), needs[pool.name]
        if there >= need:
            continue
        number, slots = built.spare.pop(pool.name, (-1, 0))
        if slots < need:
            if number >= 0:
                built.old_pools.append(number)
            slots = max(need, 2 * there)
            number, locked = built.graph.add_pool(slots, pool.slot_bytes, built.wants_locked)
            built.locked = built.locked and locked
        made[pool.name] = number, slots
    return made


def _need(built: Built, pool: PoolPlan, held: Mapping[int, int]) -> int:
    waits = held.get(built.pools.get(pool.name, -1), 0)
    if waits <= built.slots.get(pool.name, 0) // SHARE:
        return pool.slots
    if waits > (MOST - 1) * pool.slots:
        raise StateConflict(f"pipeline: {waits} packets of {pool.slot_bytes} bytes wait in rings of configurations "
                            "before, because a disk or a client does not take them. Change it when they are written.")
    return pool.slots + waits


def retire_pools(built: Built, plan: Plan, before: Mapping[str, int]) -> None:
    """A plan runs: pools that others took the place of are old; once there are many, those it does not name too."""
    built.old_pools += [number for name, number in before.items() if built.pools[name] != number]
    if _count(built) > MANY:
        wanted = {pool.name for pool in plan.pools}
        for name in [name for name in built.pools if name not in wanted]:
            built.old_pools.append(built.pools.pop(name))
            del built.slots[name]
        built.old_pools += [number for number, _ in built.spare.values()]
        built.spare.clear()


def tidy_pools(built: Built) -> None:
    """Forget old pools of which no packet is held any more, once there are many."""
    began = time.monotonic()
    for number in list(built.old_pools) if _count(built) > MANY else ():
        if _rt.forget_pool(built.graph, number):
            built.old_pools.remove(number)
        if time.monotonic() - began > PATIENCE_S:
            break


def _count(built: Built) -> int:
    return len(built.pools) + len(built.old_pools) + len(built.spare)

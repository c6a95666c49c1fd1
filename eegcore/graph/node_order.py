"""The order of the nodes of one thread while it changes: each behind all that it reads before and after.

Nodes that stay may read others than before; then they stand behind the old one and the new one, and the new one behind
the old, so that a packet of the old way is never overtaken. Where that would be a circle, one of the nodes on it has
to be made anew.
"""

from __future__ import annotations

from collections.abc import Iterable

Pairs = set[tuple[int, int]]                           # (first, then)


def in_order(nodes: Iterable[int], pairs: Pairs) -> list[int]:
    """Return the nodes, each behind all it has to stand behind, else as given; fewer if some stand in a circle."""
    waiting = list(dict.fromkeys(nodes))
    inside = set(waiting)
    behind: dict[int, set[int]] = {node: set() for node in waiting}
    for first, then in pairs:
        if first in inside and then in inside and first != then:
            behind[then].add(first)
    order: list[int] = []
    placed: set[int] = set()
    while True:
        ready = next((node for node in waiting if behind[node] <= placed), None)
        if ready is None:
            return order
        waiting.remove(ready)
        placed.add(ready)
        order.append(ready)


def circle(nodes: Iterable[int], pairs: Pairs) -> list[int]:
    """Return nodes that stand in one circle, empty if there is none."""
    nodes = list(dict.fromkeys(nodes))
    left = set(nodes) - set(in_order(nodes, pairs))
    before = {node: [first for first, then in pairs if then == node and first in left and first != node]
              for node in left}
    if not left:
        return []
    walked: list[int] = []
    at = next(node for node in nodes if node in left)
    while at not in walked:
        walked.append(at)
        at = min(before[at])
    return walked[walked.index(at):]

"""Which nodes can really stay: those that have a place in one order of their thread, before and after."""

from __future__ import annotations

from collections.abc import Callable

from eegcore.errors import EegcoreError
from eegcore.graph.build import Built, local_ways
from eegcore.graph.node_order import Pairs, circle
from eegcore.graph.plan_change import Place, PlanChange, nodes_of
from eegcore.graph.plan_check import SOURCES
from eegcore.graph.plan_types import NodePlan, Plan

Way = tuple[str, int]                                  # first stage of a node, number of its input


class Placing:
    """Stands for nodes that are not made yet: numbers below zero; those that stay have theirs.

    `pairs` says who stands behind whom among all of them, `numbers` what each stage is worked by after the change.
    """

    def __init__(self, built: Built, running: Plan, wanted: Plan, change: PlanChange) -> None:
        self.fresh: dict[int, Place] = {-1 - k: place for k, place in enumerate(change.fresh)}
        self.numbers: dict[str, int] = {}
        for token, place in self.fresh.items():
            self.numbers.update(dict.fromkeys(change.fresh[place].members, token))
        for node in change.kept.values():
            self.numbers.update({member: built.nodes[member] for member in node.members if member in built.nodes})
        self.pairs: Pairs = set(built.reads)
        self.torn: set[Place] = set()                  # that would have to read two nodes in turn
        ways = {(to, number): ref[0] for ref, to, number in local_ways(wanted)}
        for (to, _), source in ways.items():
            self.pairs.add((self.numbers[source], self.numbers[to]))
        for place, heir in change.heirs.items():
            token = next(token for token, fresh in self.fresh.items() if fresh == place)
            self.pairs.add((built.nodes[change.gone[heir].members[0]], token))
        stay = {built.nodes[member] for node in change.kept.values() for member in node.members
                if member in built.nodes}
        before = {(to, number): ref[0] for ref, to, number in local_ways(running)}
        for place, node in change.kept.items():
            if node.members[0] not in built.nodes:     # a file writer has a thread of its own
                continue
            self._follow(built, place, node, nodes_of(running)[place], ways, before, stay)

    def _follow(self, built: Built, place: Place, node: NodePlan, old: NodePlan, ways: dict[Way, str],
                before: dict[Way, str], stay: set[int]) -> None:
        """A reader turns to another node only when the one it has read ends: then nothing can be overtaken."""
        for number, (source, was) in enumerate(zip(node.inputs, old.inputs, strict=True)):
            way = (node.members[0], number)
            first, then = built.nodes[was[0]], self.numbers[source[0]]
            if (way in ways) != (way in before) or (first != then and first in stay):
                self.torn.add(place)


def place_nodes(built: Built, running: Plan, wanted: Plan, change: PlanChange,
                can_change: Callable[[str], bool]) -> Placing:
    """Return the places of all nodes; those that cannot stay where they are become new ones in `change`.

    Raises
    ------
    EegcoreError
        If there is no order, which no plan that was checked leads to.
    """
    old = nodes_of(running)
    while True:
        placing = Placing(built, running, wanted, change)
        unfit = sorted(placing.torn) or _on_a_circle(built, wanted, change, placing)
        if not unfit:
            return placing
        for place in unfit:
            node = change.kept[place]
            change.replace(place, old[place], can_change(node.params["node"]))


def _on_a_circle(built: Built, wanted: Plan, change: PlanChange, placing: Placing) -> list[Place]:
    for group in wanted.groups:
        if group.kind == "sink":
            continue
        nodes = [*built.order.get(built.groups.get(group.name, -1), ()),
                 *(token for token, place in placing.fresh.items() if place[0] == group.name)]
        stuck = circle(nodes, placing.pairs)
        if not stuck:
            continue
        free = [place for place, node in change.kept.items() if built.nodes.get(node.members[0]) in stuck
                and node.params["node"] not in SOURCES]
        if not free:
            raise EegcoreError(f"group {group.name}: its nodes have no order. Nothing was changed. Stop the pipeline, "
                               "then change it, and report this with both configurations.")
        return free[-1:]
    return []

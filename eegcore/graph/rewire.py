"""A change of a running graph while it is prepared: everything is made aside, then handed over as one revision.

Names of the plan become numbers of the core here, as in build.py. Nothing that runs notices before the hand-over, and
`undo` leaves nothing behind. The order in which the core lets threads have their parts is its own
(pyx/parts/rewire.pxi).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from eegcore import _rt
from eegcore.graph.build import (
    Built,
    PortRef,
    Route,
    all_streams,
    is_outlet,
    local_ways,
    node_args,
    node_streams,
    number_streams,
    outlet_args,
    register,
    ring_args,
)
from eegcore.graph.locks import is_file
from eegcore.graph.node_order import in_order
from eegcore.graph.plan_change import PlanChange, nodes_of
from eegcore.graph.plan_types import EdgePlan, Plan
from eegcore.graph.pools import held_packets, make_pools, pool_names, retire_pools
from eegcore.graph.rewire_order import place_nodes

if TYPE_CHECKING:
    from eegcore.graph.books import Books


class Rewiring:
    """One change; of one thread. `prepare`, then `hand_over` and `commit`, or `undo`.

    Parameters
    ----------
    built : Built
        What runs; changed by `commit` only, but for pools and groups that nothing uses yet.
    running, wanted : Plan
    change : PlanChange
        Nodes that turn out not to be able to stay are moved to `fresh`; streams that are told of anew are added.
    config_rev : int
    retired : iterable of (edge, pool)
        Rings that have left the plan and are not forgotten.
    """

    def __init__(self, built: Built, running: Plan, wanted: Plan, change: PlanChange, config_rev: int,
                 retired: Iterable[tuple[int, int]] = ()) -> None:
        self.built, self.running, self.wanted, self.change, self.rev = built, running, wanted, change, config_rev
        self._retired = list(retired)
        self.changes: list[_rt.Change] = []
        self.new_groups: dict[str, int] = {}
        self.new_taps: dict[str, _rt.Tap] = {}         # edge name -> reader's end of those that are new
        self._pools, self._groups, self._slots = dict(built.pools), dict(built.groups), dict(built.slots)
        self._made_pools: dict[str, tuple[int, int]] = {}
        self._made_nodes: dict[tuple[str, str], int] = {}
        self._made_edges: list[int] = []
        self.edges: dict[str, int] = {}                # ring -> number, of the wanted plan
        self._inputs: dict[int, list[tuple[int, int, int]]] = {}       # group -> those that are new
        self._ports: dict[PortRef, tuple[int, int]] = {}
        self._routes: dict[tuple[int, int], list[Route]] = {}
        self._numbers: dict[str, int] = {}             # first stage of a node -> node, of the wanted plan
        self._files = {member for group in wanted.groups if is_file(group) for node in group.nodes
                       for member in node.members}

    # ---- prepare ----

    def prepare(self, can_change: Callable[[str], bool]) -> None:
        """Make pools, groups, nodes and rings, and work out who reads whom.

        Raises
        ------
        EegcoreError
            If the machine cannot hold it or a stage refuses its settings. Call `undo` then.
        """
        number_streams(self.built, self.wanted)
        for group in self.wanted.groups:
            if group.name not in self.built.groups and not is_file(group):
                self.new_groups[group.name] = self.built.groups[group.name] = self.built.graph.add_group()
        self._placing = place_nodes(self.built, self.running, self.wanted, self.change, can_change)
        self._replace_writers()
        self._make_pools()
        self._make_nodes()
        self._make_edges()
        self._find_routes()
        self._tell()
        self._make_changes()

    def _make_pools(self) -> None:
        """Pools that may run dry under the new plan get another one in their place; none shrinks."""
        wanted = {edge.name: edge for edge in self.wanted.edges}
        names = pool_names(self.running)
        leaving = [(self.built.edges[edge.name], self._pools[names[(edge.from_stage, edge.from_port)]])
                   for edge in self.running.edges if edge.name in self.built.edges
                   and not (edge.name in wanted and self._goes_on(edge, wanted[edge.name]))]
        held = held_packets(self.built, [*leaving, *self._retired])
        self._made_pools = make_pools(self.built, self.wanted, held)
        for name, (number, slots) in self._made_pools.items():
            self.built.pools[name], self.built.slots[name] = number, slots

    def _replace_writers(self) -> None:
        """A file writer reads one ring to its end: where a ring cannot go on, a new writer reads the new one.

        None that holds a lock is among them: what writes into its ring stays. A history reads as many as there are.
        """
        before, old = {edge.name: edge for edge in self.running.edges}, nodes_of(self.running)
        for place, node in list(self.change.kept.items()):
            if node.members[0] in self._files and node.params["node"] != "history_sink" and not all(
                    self._goes_on(before.get(edge.name), edge) for edge in self.wanted.edges
                    if edge.to_stage == node.members[0]):
                self.change.replace(place, old[place], False)

    def _make_nodes(self) -> None:
        for place, node in self.change.fresh.items():
            if node.members[0] in self._files:
                continue
            heir = self.change.heirs.get(place)
            number = self.built.graph.new_node(
                self.built.groups[place[0]], node.params["node"], node.params,
                **node_args(self.built, self.wanted, node),
                heir_of=None if heir is None else self.built.nodes[self.change.gone[heir].members[0]])
            self._made_nodes[place] = number
        for place, node in nodes_of(self.wanted).items():
            if node.members[0] in self._files:
                continue
            number = self._made_nodes[place] if place in self._made_nodes else self.built.nodes[node.members[0]]
            self._numbers.update(dict.fromkeys(node.members, number))
            for port, ref in enumerate([(node.members[0], "")] if is_outlet(node) else node.outputs):
                self._ports[ref] = (number, port)

    def _make_edges(self) -> None:
        before = {edge.name: edge for edge in self.running.edges}
        # a history that goes on waits at the bell it has; the others that get rings are new ones
        self._bells = {member: self.built.bells[member] for node in self.change.kept.values()
                       for member in node.members if member in self.built.bells}
        for edge in self.wanted.edges:
            if edge.to_group == "loop" and not self.built.with_server:
                continue
            if self._goes_on(before.get(edge.name), edge):
                self.edges[edge.name] = self.built.edges[edge.name]
            elif edge.to_group == "loop" or edge.to_stage in self._files:
                number, self.new_taps[edge.name] = self.built.graph.new_outlet(**outlet_args(edge, self._bells))
                self._made_edges.append(number)
                self.edges[edge.name] = number
            else:
                group = self.built.groups[edge.to_group]
                number = self.built.graph.new_edge(group, **ring_args(edge))
                self._made_edges.append(number)
                self.edges[edge.name] = number
                self._inputs.setdefault(group, []).append((number, self._numbers[edge.to_stage], edge.to_port))

    def _goes_on(self, old: EdgePlan | None, new: EdgePlan) -> bool:
        """Whether a ring stays: the same threads at both ends, the same reader, the same size and policy.

        And what writes into it: of two nodes neither of which waits for the other, packets would overtake each other.
        """
        if old is None or old.name not in self.built.edges or new.from_group in self.new_groups:
            return False
        words = ("to_stage", "from_group", "to_group", "policy", "capacity", "critical")
        same = all(getattr(old, word) == getattr(new, word) for word in words) and (
            old.to_port == new.to_port or new.to_stage in self._files)     # which reads taps, whatever their order
        reader = new.from_stage if new.to_group == "loop" else new.to_stage
        return (same and any(reader in node.members for node in self.change.kept.values())
                and self._has_successor(old.from_stage, new.from_stage))

    def _has_successor(self, before: str, after: str) -> bool:
        """Whether the node that works a stage goes on, or hands its state over, and is waited for then."""
        place = next(place for place, node in nodes_of(self.wanted).items() if after in node.members)
        heir = self.change.heirs.get(place)
        return place in self.change.kept or (heir is not None and before in self.change.gone[heir].members)

    def _find_routes(self) -> None:
        for ref, to, number in local_ways(self.wanted):
            self._routes.setdefault(self._ports[ref], []).append(("local", self._numbers[to], number))
        for edge in self.wanted.edges:
            if edge.name in self.edges:
                self._routes.setdefault(self._ports[(edge.from_stage, edge.from_port)], []).append(
                    ("edge", self.edges[edge.name]))

    def _tell(self) -> None:
        """Outputs of new nodes are told of anew, and so is what an outlet reads that read something else before."""
        streams = all_streams(self.wanted)
        for node in self.change.fresh.values():
            self.change.streams.update({ref: streams[ref] for ref in node.outputs})
        old = nodes_of(self.running)
        for place, node in self.change.kept.items():
            if is_outlet(node) and node.inputs != old[place].inputs:
                self.change.streams[node.inputs[0]] = streams[node.inputs[0]]

    def _make_changes(self) -> None:
        graph = self.built.graph
        for place, node in self.change.kept.items():
            if node.members[0] in self._files:
                continue
            number = self._numbers[node.members[0]]
            n_ports = 1 if is_outlet(node) else len(node.outputs)
            routes = {port: self._routes.get((number, port), []) for port in range(n_ports)
                      if sorted(self._routes.get((number, port), [])) != sorted(
                          self.built.routes.get((number, port), []))}
            pools = {port: self.built.pools[pool] for port, pool in enumerate(node.pools)
                     if self.built.pools[pool] != self._pools.get(pool)}
            metas = [self.rev if ref in self.change.streams else 0 for ref in node.outputs]
            if place in self.change.changed:
                self.changes.append(_rt.prepare_change(
                    graph, number, node_type=node.params["node"], params=node.params,
                    **node_streams(self.built, self.wanted, node), meta_revs=metas, routes=routes, pools=pools))
            elif routes or pools or any(metas):
                self.changes.append(_rt.prepare_routes(graph, number, routes=routes, pools=pools, meta_revs=metas))
        for place, number in self._made_nodes.items():
            node = self.change.fresh[place]
            n_ports = 1 if is_outlet(node) else len(node.outputs)
            if n_ports:
                self.changes.append(_rt.prepare_routes(
                    graph, number, routes={port: self._routes.get((number, port), []) for port in range(n_ports)},
                    meta_revs=[self.rev] * len(node.outputs)))
        self.changes += [_rt.prepare_retire(graph, self.built.nodes[node.members[0]])
                         for node in self.change.gone.values() if node.members[0] in self.built.nodes]

    def schedules(self) -> dict[int, tuple[list[int], list[tuple[int, int, int]]]]:
        """Return the order and the rings of every group that gets nodes or rings."""
        made = {token: self._made_nodes[place] for token, place in self._placing.fresh.items()
                if place in self._made_nodes}
        self._pairs = {(made.get(first, first), made.get(then, then)) for first, then in self._placing.pairs}
        found = {}
        for name, group in self.built.groups.items():
            fresh = [number for place, number in self._made_nodes.items() if place[0] == name]
            if fresh or group in self._inputs:
                found[group] = (in_order([*self.built.order.get(group, ()), *fresh], self._pairs),
                                [*self.built.inputs.get(group, ()), *self._inputs.get(group, ())])
        return found

    # ---- the end of it ----

    def hand_over(self, at_frame: int) -> None:
        """Let it take effect, or raise: then nothing has changed, and `undo` is due."""
        self._schedules = self.schedules()
        _rt.hand_over(self.built.graph, self.changes, self.rev, at_frame, self._schedules)

    def retire_into(self, books: Books) -> None:
        """Let the books follow what goes, as long as names still mean it."""
        for node in self.change.gone.values():
            if node.members[0] not in self.built.nodes:
                continue
            stages = [self.running.stage(member) for member in node.members]
            ports = {stage.id: self.built.ports[(stage.id, stage.outputs[0].name)][1]
                     for stage in stages if stage.outputs}
            books.retire_node(self.built.nodes[node.members[0]], stages, ports)
        stay, names = set(self.edges.values()), pool_names(self.running)
        for edge in self.running.edges:
            number = self.built.edges.get(edge.name)
            if number is not None and number not in stay:
                pool = self._pools[names[(edge.from_stage, edge.from_port)]]
                is_outlet = edge.to_group == "loop" and edge.name in self.built.taps
                books.retire_edge(edge.name, number, pool, is_outlet=is_outlet)

    def commit(self) -> None:
        """Let names mean what they mean from this revision on."""
        built = self.built
        for group, (order, inputs) in self._schedules.items():
            built.order[group], built.inputs[group] = order, inputs
        built.reads = self._pairs
        stay = {edge: built.taps[edge] for edge in self.edges
                if edge in built.taps and edge not in self.new_taps}
        built.edges, built.taps = dict(self.edges), {**stay, **self.new_taps}
        built.bells = {member: bell for member, bell in self._bells.items() if member in self._files}
        kept = {self._numbers[node.members[0]] for node in self.change.kept.values()
                if node.members[0] in self._numbers}
        built.routes = {at: routes for at, routes in built.routes.items() if at[0] not in kept} | self._routes
        built.nodes, built.ports = {}, {}
        for place, node in nodes_of(self.wanted).items():
            if node.members[0] not in self._files:
                register(built, node, self._made_nodes.get(place, self._numbers[node.members[0]]))
        retire_pools(built, self.wanted, self._pools)
        present = {group.name for group in self.wanted.groups}
        for name in [name for name in built.groups if name not in present]:
            del built.groups[name]

    def undo(self) -> None:
        """Forget all that was made; what runs has not noticed."""
        self.changes.clear()
        for number in self._made_nodes.values():
            _rt.forget_node(self.built.graph, number)
        for number in self._made_edges:
            _rt.forget_edge(self.built.graph, number)
        for number in self.new_groups.values():
            _rt.forget_group(self.built.graph, number)
        self.built.pools, self.built.groups, self.built.slots = self._pools, self._groups, self._slots
        self.built.spare.update(self._made_pools)      # for the next change that needs one

    def moved_ports(self) -> dict[tuple[int, int], tuple[int, int]]:
        """Return {(node, port) that goes: the one that makes the same output from now on}."""
        return {self.built.ports[ref]: self._ports[ref] for ref in self._ports
                if ref in self.built.ports and self.built.ports[ref] != self._ports[ref]}


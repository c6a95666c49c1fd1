# Handing a revision over, and forgetting what is not used any more. [control-thread: one at a time]
#
# A revision is handed over in an order that lets nobody find half of it (csrc/graph/ec_schedule.h): records of nodes,
# schedules of worker groups, records of sources, and last the schedules of their groups.

cdef ec_routes NO_ROUTES
memset(&NO_ROUTES, 0, sizeof(NO_ROUTES))


@cython.final
cdef class _Rewiring:
    """A revision while it is worked out: schedules that nobody has, and what the plan was before."""

    cdef Graph graph
    cdef ec_schedule *fresh[MAX_GROUPS]
    cdef list before                   # (node, port, its planned routes, its planned pool), as addresses
    cdef bint made

    def __cinit__(self, Graph graph):
        self.graph = graph
        self.before = []

    def __dealloc__(self):
        cdef int i
        cdef ec_port *port
        for i in range(MAX_GROUPS):
            ec_schedule_destroy(self.fresh[i])
            self.fresh[i] = NULL
        if self.made:
            return
        for node, k, routes, pool in reversed(self.before):
            port = &self.graph.nodes[<int>node].ports[<int>k]
            port.planned = <ec_routes *><size_t>routes
            port.planned_pool = <ec_pool *><size_t>pool
        self.find_fed()

    cdef const ec_node *find_fed(self):
        cdef ec_schedule *newest[MAX_GROUPS]
        cdef ec_graph view = self.graph._view()
        cdef int i
        for i in range(self.graph.n_groups):
            newest[i] = self.fresh[i]
            if newest[i] is NULL and self.graph.groups[i] is not NULL:
                newest[i] = self.graph.groups[i].published
        return ec_graph_find_fed(&view, newest)

    cdef int remember(self) except -1:
        """Keep the plan there was."""
        cdef ec_graph view = self.graph._view()
        self.find_fed()
        ec_graph_remember(&view)
        return 0

    cdef int plan(self, Change change) except -1:
        """Note what a change makes of the plan."""
        cdef uint32_t i
        cdef ec_port *port
        for i in range(change._node.n_outputs):
            port = &change._node.ports[i]
            self.before.append((change._number, i, <size_t>port.planned, <size_t>port.planned_pool))
            if change._c.is_retire:
                port.planned = &NO_ROUTES
            elif change._c.rewired[i].routes is not NULL:
                port.planned = change._c.rewired[i].routes
            if change._c.rewired[i].pool is not NULL:
                port.planned_pool = change._c.rewired[i].pool
        return 0

    cdef int schedule(self, int group, uint32_t config_rev, nodes, inputs) except -1:
        """Make a group's schedule of what was given; it holds all that still works."""
        cdef ec_schedule *fresh = ec_schedule_create(len(nodes), len(inputs))
        cdef ec_schedule *now = self.graph._group(group).published
        cdef uint32_t i
        if fresh is NULL:
            raise MemoryError("eegcore: no memory for a schedule")
        ec_schedule_destroy(self.fresh[group])
        self.fresh[group] = fresh
        fresh.config_rev = config_rev
        for node in nodes:
            fresh.nodes[fresh.n_nodes] = self.graph._at(node)
            fresh.n_nodes += 1
            if self.graph.node_group[<int>node] != group:
                raise errors.BadArgument(f"schedule of group {group}: node {node} is of another.")
        for edge, node, k in inputs:
            fresh.inputs[fresh.n_inputs].edge = self.graph._edge_at(edge)
            fresh.inputs[fresh.n_inputs].node = self.graph._at(node)
            fresh.inputs[fresh.n_inputs].input = k
            fresh.n_inputs += 1
            if self.graph.edge_group[<int>edge] != group or not ec_schedule_has_node(fresh, self.graph._at(node)) \
                    or not 0 <= k < <int>self.graph._at(node).n_inputs:
                raise errors.BadArgument(f"schedule of group {group}: edge {edge} into input {k} of node {node}. Both "
                                         "are of the group, and the node is in its schedule.")
        for i in range(now.n_nodes):
            if not (ec_schedule_has_node(fresh, now.nodes[i]) or ec_over_seen(&now.nodes[i].over)):
                raise errors.BadArgument(f"schedule of group {group}: node {now.nodes[i].number} still works. "
                                         "A schedule holds all nodes that are not over, old and new.")
        for i in range(now.n_inputs):
            if not (ec_schedule_has_edge(fresh, now.inputs[i].edge) or ec_over_seen(&now.inputs[i].edge.over)):
                raise errors.BadArgument(f"schedule of group {group}: edge {now.inputs[i].edge.number} is not over. "
                                         "A schedule holds all edges that are not over, old and new.")
        return 0

    cdef int again(self, int group, uint32_t config_rev) except -1:
        """The schedule a group has, for another revision."""
        cdef ec_schedule *now = self.graph._group(group).published
        cdef ec_schedule *fresh = ec_schedule_create(now.n_nodes, now.n_inputs)
        cdef uint32_t i
        if fresh is NULL:
            raise MemoryError("eegcore: no memory for a schedule")
        self.fresh[group] = fresh
        fresh.config_rev = config_rev
        fresh.n_nodes, fresh.n_inputs = now.n_nodes, now.n_inputs
        memcpy(fresh.nodes, now.nodes, now.n_nodes * sizeof(now.nodes[0]))
        for i in range(now.n_inputs):
            fresh.inputs[i].edge, fresh.inputs[i].node = now.inputs[i].edge, now.inputs[i].node
            fresh.inputs[i].input = now.inputs[i].input
        return 0

    cdef int find(self, list changes) except -1:
        """Work out who is told of the end, and what the inputs of the schedules wait for."""
        cdef const ec_node *twice = self.find_fed()
        cdef ec_graph view = self.graph._view()
        cdef Change change
        cdef ec_port_change *rewired
        cdef uint32_t i
        cdef int at = 0, group
        if twice is not NULL:
            raise errors.BadArgument(f"routes: an input of node {twice.number} would have two ports that feed it. An "
                                     "input is fed by one.")
        for change in changes:
            for i in range(change._node.n_outputs):
                rewired = &change._c.rewired[i]
                if change._c.is_retire or rewired.routes is not NULL:
                    free(rewired.ends)
                    rewired.ends = ec_routes_dropped(<ec_routes *><size_t>self.before[at][2], rewired.routes)
                    if rewired.ends is NULL:
                        raise MemoryError("eegcore: no memory for routes")
                    self.check_routes(change, rewired.routes)
                at += 1
        for group in range(self.graph.n_groups):
            if self.fresh[group] is not NULL:
                check(ec_schedule_find_inputs(&view, self.fresh[group], self.graph.groups[group].published), "group")
        return 0

    cdef int check_routes(self, Change change, const ec_routes *routes) except -1:
        """Refuse readers that no thread would serve."""
        cdef ec_schedule *newest
        cdef uint32_t i
        cdef int group
        if routes is NULL:
            return 0
        for i in range(routes.n_local + routes.n_edges):
            if i < routes.n_local:
                group = self.graph.node_group[change._number]
            else:
                group = self.graph.edge_group[routes.edges[i - routes.n_local].number]
                if group < 0:
                    continue
            if ec_turn_has_ended(&self.graph._group(group).turn):
                continue               # and with it all that it would have read, or handed on
            newest = self.fresh[group] if self.fresh[group] is not NULL else self.graph._group(group).published
            if i < routes.n_local and not ec_schedule_has_node(newest, routes.local[i].node):
                raise errors.BadArgument(f"routes: node {routes.local[i].node.number} is not in the schedule of its "
                                         "group. Hand its schedule over too.")
            if i >= routes.n_local and not ec_schedule_has_edge(newest, routes.edges[i - routes.n_local]):
                raise errors.BadArgument(f"routes: edge {routes.edges[i - routes.n_local].number} is not in the "
                                         "schedule of its group. Hand its schedule over too.")
        return 0

    cdef void publish(self, int group):
        """Let the group have its schedule. If it has ended, its new edges are ended here."""
        cdef ec_group *g = self.graph.groups[group]
        cdef ec_schedule *fresh = self.fresh[group]
        cdef uint32_t i
        if fresh is NULL:
            return
        if not ec_turn_publish(&g.turn, fresh):
            for i in range(fresh.n_nodes):
                if not ec_schedule_has_node(g.published, fresh.nodes[i]):
                    ec_node_end(fresh.nodes[i], fresh.config_rev)
            self.end_new_routes(group, fresh.config_rev)
            return
        self.fresh[group] = NULL
        fresh.older = g.published
        g.published = fresh
        ec_doorbell_ring(&g.bell)

    cdef void end_new_routes(self, int group, uint32_t config_rev):
        """What ports of a group that has ended would have led to from this revision on."""
        cdef uint32_t k, e
        cdef int i
        for i in range(self.graph.n_nodes):
            if self.graph.nodes[i] is NULL or self.graph.node_group[i] != group:
                continue
            for k in range(self.graph.nodes[i].n_outputs):
                for e in range(self.graph.nodes[i].ports[k].planned.n_edges):
                    ec_edge_end(self.graph.nodes[i].ports[k].planned.edges[e])


def hand_over(Graph graph, list changes, uint32_t config_rev, uint64_t at_frame=0, schedules=None):
    """Let prepared changes take effect as one revision, at the first frame of every source not before `at_frame`.

    With 0 that is the next frame. Nodes hear of it before sources (invariant C2 of ec_change.h).

    Parameters
    ----------
    changes : list of Change
    schedules : dict, optional
        {group: (nodes, inputs)} of every group that gets nodes or edges: ``nodes`` in an order in which each stands
        behind all that it reads before and after the change, heirs behind those they take over from; ``inputs`` as
        ``(edge, node, input)``. Both hold everything of the group that is not over, old and new. An input whose
        reader stays may get another port to read from if that is of another group, stands behind the old one in this
        order, or makes the old one end; else the reader is better replaced by an heir. Readers that stay, and heirs,
        have frames of the same source as before: they wait for the last ones on the old way. A group all of whose
        nodes go ends its thread: those that come later belong into another group.

    Raises
    ------
    BadArgument
        If the revision is not newer than the last one, or the routes and schedules do not fit each other.
    StateConflict
        If a group that would get a schedule has ended.
    EegcoreError
        If memory is missing. Nothing is changed after any of these.
    """
    cdef Change change
    cdef _Rewiring rewiring = _Rewiring(graph)
    cdef int i
    if config_rev <= graph.config_rev:
        raise errors.BadArgument(f"config_rev: {config_rev} after {graph.config_rev}. Revisions grow.")
    for change in changes:
        if change._c is NULL or change._graph is not graph or graph._at(change._number) != change._node:
            raise errors.BadArgument("change: not prepared for this graph, or handed over already. Prepare another.")
    for group, (nodes, inputs) in (schedules or {}).items():
        if ec_turn_has_ended(&graph._group(group).turn):
            raise errors.StateConflict(f"group {group}: its thread has ended, as its sources have. Nothing was changed. "
                                       "Stop the pipeline, then change it.")
        rewiring.schedule(group, config_rev, nodes, inputs)
    rewiring.remember()
    sources = [new_change(graph, graph.sources[i].number, NULL, 0.0, []) for i in range(graph.n_groups)
               if graph.sources[i] is not NULL]
    for change in changes:
        rewiring.plan(change)
    for change in [*changes, *sources]:
        if rewiring.fresh[graph.node_group[change._number]] is NULL:
            rewiring.again(graph.node_group[change._number], config_rev)
    rewiring.find(changes)

    rewiring.made = True
    for change in changes:
        if change._node.stage is not NULL:
            append(change, config_rev, at_frame)
    for i in range(graph.n_groups):
        if graph.groups[i] is not NULL and graph.sources[i] is NULL:
            rewiring.publish(i)
    for change in [*changes, *sources]:
        if change._c is not NULL:
            append(change, config_rev, at_frame)
    for i in range(graph.n_groups):
        if graph.groups[i] is not NULL and graph.sources[i] is not NULL:
            rewiring.publish(i)
    graph.config_rev = config_rev


cdef void append(Change change, uint32_t config_rev, uint64_t at_frame):
    change._c.config_rev = config_rev
    change._c.at_frame = at_frame
    if change._c.is_retire:
        change._node.leaves = 1
    ec_inbox_append(&change._node.inbox, change._c)
    change._c = NULL                   # the node's from here on


# ---- what is over ----


def node_is_over(Graph graph, int node):
    """True once a node has finished: its counters are final and stay readable until `forget_node`."""
    return bool(ec_over_seen(&graph._at(node).over)) or bool(ec_group_is_gone(graph.groups[graph.node_group[node]]))


def edge_is_over(Graph graph, int edge):
    """True once an edge has ended and its reader has taken the last packet: its counters are final.

    What an outlet still holds whose `Tap` was detached counts as dropped[closed] from then on.
    """
    cdef ec_edge *e = graph._edge_at(edge)
    cdef int group = graph.edge_group[edge]
    cdef Tap tap = graph._taps.get(edge)
    if group >= 0 and (ec_over_seen(&e.over) or not ec_group_is_gone(graph.groups[group])):
        return bool(ec_over_seen(&e.over))
    if not ec_edge_has_ended(e):
        return False
    if group >= 0:                     # of a run that was stopped at once
        ec_edge_sweep(e, EC_DROP_CLOSED if ec_edge_is_closed(e) else EC_DROP_STOPPED)
    elif tap is not None and tap._edge is NULL and not tap._waiting:
        ec_edge_sweep(e, EC_DROP_CLOSED)
    return ec_edge_depth(e) == 0


def forget_node(Graph graph, int node):
    """Destroy a node that is over, or never was in a schedule; its number is free then. False: not yet."""
    cdef ec_node *n = graph._at(node)
    cdef ec_group *g = graph.groups[graph.node_group[node]]
    cdef ec_schedule *taken
    cdef ec_graph view = graph._view()
    cdef uint32_t i
    if n.stage is NULL or graph._waiting:
        return False
    check(ec_group_tidy(&view, g), "group")
    taken = ec_turn_taken(&g.turn)
    if ec_schedule_has_node(g.published, n) or (taken is not NULL and ec_schedule_has_node(taken, n)):
        return False
    for i in range(n.n_outputs):
        if ec_port_fanout(&n.ports[i]).n:
            return False               # a listener has not gone yet
    if ec_graph_leads_to_node(&view, n):
        return False
    graph.nodes[node] = NULL
    ec_node_destroy(n, graph.c)
    return True


def forget_edge(Graph graph, int edge):
    """Destroy a planned edge that is over, or never was routed; its number is free then. False: not yet."""
    cdef ec_edge *e = graph._edge_at(edge)
    cdef int group = graph.edge_group[edge]
    cdef Tap tap = graph._taps.get(edge)
    cdef ec_graph view = graph._view()
    cdef ec_schedule *taken
    if e.routed or ec_graph_leads_to_edge(&view, e):
        return False
    if group >= 0:
        check(ec_group_tidy(&view, graph.groups[group]), "group")
        taken = ec_turn_taken(&graph.groups[group].turn)
        if ec_schedule_has_edge(graph.groups[group].published, e) \
                or (taken is not NULL and ec_schedule_has_edge(taken, e)):
            return False
    elif tap is None or tap._waiting or not (edge_is_over(graph, edge) or ec_counter_get(&e.in_packets) == 0):
        return False
    else:
        tap.detach()
        tap.event_fd = -1              # closed with the edge; the number may be a stranger's then
        del graph._taps[edge]
    graph.edges[edge] = NULL
    ec_edge_destroy(e)
    return True


def forget_pool(Graph graph, int pool):
    """Destroy a pool that no port takes from and of which no packet is held; its number is free then. False: not yet.
    """
    cdef ec_pool *p = graph._pool_at(pool)
    cdef ec_graph view = graph._view()
    cdef ec_group *g
    cdef cbool quiet = True
    cdef int i
    if ec_graph_leads_to_pool(&view, p) or ec_pool_free_count(p) != ec_pool_size(p):
        return False
    for i in range(graph.n_groups):    # a thread may be giving the last slot back at this moment
        g = graph.groups[i]
        if g is not NULL:
            with nogil:
                quiet = ec_group_quiesce(g)
            if not quiet:
                return False
    ec_run_forget_pool(graph.c, pool)
    return True


def forget_group(Graph graph, int group):
    """Destroy a group whose thread has ended and whose nodes and edges are forgotten; its number is free then. False:
    not yet."""
    cdef ec_group *g = graph._group(group)
    cdef int i
    if graph._waiting or graph.sources[group] is not NULL or (g.started and not ec_group_is_gone(g)):
        return False
    for i in range(graph.n_nodes):
        if graph.nodes[i] is not NULL and graph.node_group[i] == group:
            return False
    for i in range(graph.n_edges):
        if graph.edges[i] is not NULL and graph.edge_group[i] == group:
            return False
    graph.groups[group] = NULL
    ec_group_destroy(g)
    return True

# Changes of a running graph as the control thread makes them: prepared aside, then handed over all at once
# (rewire.pxi).
#
# What happens to them on the data path is said in csrc/graph/ec_change.h and ec_fade.h. All functions here are called
# by one thread at a time.


@cython.final
cdef class Change:
    """What one node will be from the next revision on. It owns the new instance until `hand_over`."""

    cdef Graph _graph
    cdef ec_node *_node
    cdef int _number
    cdef const StageDescriptor *_stage
    cdef ec_change *_c

    def __dealloc__(self):
        if self._c is NULL:
            return
        if self._c.self is not NULL:
            self._stage.destroy(self._c.self)
        ec_change_destroy(self._c)


cdef Change new_change(Graph graph, int number, void *instance, double sps_in, meta_revs):
    """Wrap a record; the instance is destroyed if there is no memory for it."""
    cdef ec_node *node = graph.nodes[number]
    cdef Change change = Change.__new__(Change)
    change._graph = graph
    change._node = node
    change._number = number
    change._stage = node.stage
    change._c = ec_change_create(node, instance, sps_in)
    if change._c is NULL:
        if instance is not NULL:
            node.stage.destroy(instance)
        raise MemoryError("eegcore: no memory for a change")
    if len(meta_revs) > <Py_ssize_t>node.n_outputs:
        raise errors.BadArgument(f"meta_revs: {len(meta_revs)} of a node with {node.n_outputs} outputs.")
    for i, rev in enumerate(meta_revs):
        change._c.meta_rev[i] = rev
    return change


cdef int set_routes(Change change, routes, pools) except -1:
    """Let a change bring other readers and pools: {port: [("local", node, input) | ("edge", number)...]}, {port: pool}.
    """
    cdef Graph graph = change._graph
    cdef ec_routes *made
    cdef ec_node *to
    for port, readers in (routes or {}).items():
        if not 0 <= port < <int>change._node.n_outputs:
            raise errors.BadArgument(f"routes: node {change._number} has no port {port}.")
        made = ec_routes_create(len(readers), len(readers))
        if made is NULL:
            raise MemoryError("eegcore: no memory for routes")
        free(change._c.rewired[<int>port].routes)
        change._c.rewired[<int>port].routes = made
        for reader in readers:
            if reader[0] == "edge":
                made.edges[made.n_edges] = graph._edge_at(reader[1])
                made.n_edges += 1
                continue
            to = graph._at(reader[1])
            if reader[0] != "local" or graph.node_group[<int>reader[1]] != graph.node_group[change._number] \
                    or not 0 <= reader[2] < <int>to.n_inputs:
                raise errors.BadArgument(f"routes: {reader!r} from node {change._number}. Allowed: (\"edge\", number), "
                                         "or (\"local\", node, input) with an input of a node of the same group.")
            made.local[made.n_local].node = to
            made.local[made.n_local].input = reader[2]
            made.n_local += 1
    for port, pool in (pools or {}).items():
        if not 0 <= port < <int>change._node.n_outputs:
            raise errors.BadArgument(f"pools: node {change._number} has no port {port}.")
        change._c.rewired[<int>port].pool = graph._pool_at(pool)
    return 0


def prepare_change(Graph graph, int node, *, str node_type, dict params, list inputs, list outputs, list meta_revs,
                   routes=None, pools=None):
    """Make and start a new instance for a node of a graph that may be running; nothing is changed yet.

    Parameters
    ----------
    node : int
    node_type : str
        That of the node: a stage changes its settings, not its kind.
    params, inputs, outputs
        As of `Graph.add_node`; the streams are those that the node has.
    meta_revs : list of int
        For every output, the meta_rev of its packets from then on, 0 for as before.
    routes, pools : dict, optional
        As of `prepare_routes`.

    Returns
    -------
    Change

    Raises
    ------
    EegcoreError
        If the stage refuses its settings or streams.
    """
    cdef ec_node *n = graph._at(node)
    cdef Change change
    if n.stage is NULL or n.stage != builtin(node_type):
        raise errors.EegcoreError(f"{node_type}: node {node} is none. Only its settings can change.")
    change = new_change(graph, node, start_instance(n.stage, node_type, params, inputs, outputs), inputs[0]["sps"],
                        meta_revs)
    set_routes(change, routes, pools)
    return change


def prepare_meta(Graph graph, int node, list meta_revs):
    """A change that only says something new of the streams of a node, or of a source."""
    graph._at(node)
    return new_change(graph, node, NULL, 0.0, meta_revs)


def prepare_routes(Graph graph, int node, *, routes=None, pools=None, meta_revs=()):
    """A change of the readers and pools of a node or a source that goes on otherwise; also the first of a new node.

    Parameters
    ----------
    routes : dict, optional
        Port to the list of all its planned readers from then on, in any order: ``("local", node, input)`` for an
        input of a node of the same group, ``("edge", number)`` for a `new_edge` or `new_outlet`. Ports that are not
        named keep theirs. Readers that are not in the list any more, and that nobody else feeds in the new plan, are
        told of the end: they hand over what they hold before the first packet of the revision is handed on.
    pools : dict, optional
        Port to the number of the pool that its packets are taken from. Ports that are not named keep theirs.
    meta_revs : list of int, optional
        As of `prepare_change`.
    """
    cdef Change change
    graph._at(node)
    change = new_change(graph, node, NULL, 0.0, meta_revs)
    set_routes(change, routes, pools)
    return change


def prepare_retire(Graph graph, int node):
    """A change after which the node is not part of the graph: it ends when its inputs have ended.

    Take it out of the routes of everybody in the same revision. Readers of its own that others feed afterwards are
    left to them without an end; the rest are told of it.
    """
    cdef ec_node *n = graph._at(node)
    cdef Change change
    if n.stage is NULL:
        raise errors.BadArgument(f"node {node}: a source stays for a whole run.")
    change = new_change(graph, node, NULL, 0.0, [])
    change._c.is_retire = 1
    return change


def collect_changes(Graph graph):
    """Destroy instances, records and schedules that no thread touches any more; return how many changes are not over.

    A change whose frame never comes stays open until the end of the run.
    """
    cdef int i
    cdef ec_graph view = graph._view()
    cdef uint32_t still_open = 0
    for i in range(graph.n_nodes):
        if graph.nodes[i] is not NULL:
            still_open += ec_node_collect(graph.nodes[i])
    for i in range(graph.n_groups):
        if graph.groups[i] is not NULL:
            check(ec_group_tidy(&view, graph.groups[i]), "group")
    return still_open


def stage_can_change(str node_type):
    """Whether a node of this type can change while it runs: it hands its state over, or has none to lose.

    A stage without `take_over` begins at rest behind a cross-fade. One that counts for the ledger, or has several
    inputs, would lose what it holds and has counted.
    """
    cdef const StageDescriptor *stage = builtin(node_type)
    return bool(ec_stage_has_take_over(stage) or not (stage.max_inputs > 1 or ec_stage_has_counters(stage)))

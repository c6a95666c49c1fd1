# Changes of a running graph as the control thread makes them: prepared aside, then handed over all at once.
#
# What happens to them on the data path is said in csrc/graph/ec_change.h and ec_fade.h. All functions here are called
# by one thread at a time.


@cython.final
cdef class Change:
    """What one node will be from the next revision on. It owns the new instance until `hand_over`."""

    cdef Graph _graph
    cdef ec_node *_node
    cdef ec_change *_c

    def __dealloc__(self):
        if self._c is NULL:
            return
        if self._c.self is not NULL:
            self._node.stage.destroy(self._c.self)
        ec_change_destroy(self._c)


cdef Change new_change(Graph graph, ec_node *node, void *instance, double sps_in, list meta_revs):
    """Wrap a record; the instance is destroyed if there is no memory for it."""
    cdef Change change = Change.__new__(Change)
    change._graph = graph
    change._node = node
    change._c = ec_change_create(node, instance, sps_in)
    if change._c is NULL:
        if instance is not NULL:
            node.stage.destroy(instance)
        raise MemoryError("eegcore: no memory for a change")
    for i, rev in enumerate(meta_revs):
        change._c.meta_rev[i] = rev
    return change


def prepare_change(Graph graph, int node, *, str node_type, dict params, list inputs, list outputs, list meta_revs):
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

    Returns
    -------
    Change

    Raises
    ------
    EegcoreError
        If the stage refuses its settings or streams.
    """
    cdef ec_node *n = graph.nodes[node]
    if n.stage is NULL or n.stage != builtin(node_type):
        raise errors.EegcoreError(f"{node_type}: node {node} is none. Only its settings can change.")
    return new_change(graph, n, start_instance(n.stage, node_type, params, inputs, outputs), inputs[0]["sps"], meta_revs)


def prepare_meta(Graph graph, int node, list meta_revs):
    """A change that only says something new of the streams of a node, or of a source."""
    return new_change(graph, graph.nodes[node], NULL, 0.0, meta_revs)


def hand_over(Graph graph, list changes, uint32_t config_rev, uint64_t at_frame=0):
    """Let prepared changes take effect as one revision, at the first frame of every source not before `at_frame`.

    With 0 that is the next frame. Nodes hear of it before sources (invariant C2 of ec_change.h).

    Raises
    ------
    BadArgument
        If the revision is not newer than the last one.
    EegcoreError
        If memory is missing; nothing is changed then.
    """
    cdef Change change
    cdef int i
    if config_rev <= graph.config_rev:
        raise errors.BadArgument(f"config_rev: {config_rev} after {graph.config_rev}. Revisions grow.")
    for change in changes:
        if change._c is NULL or change._graph is not graph:
            raise errors.BadArgument("change: not prepared for this graph, or handed over already. Prepare another.")
    sources = [new_change(graph, graph.sources[i].node, NULL, 0.0, []) for i in range(graph.n_groups)
               if graph.sources[i] is not NULL]
    for change in [*changes, *sources]:
        change._c.config_rev = config_rev
        change._c.at_frame = at_frame
        ec_inbox_append(&change._node.inbox, change._c)
        change._c = NULL               # the node's from here on
    graph.config_rev = config_rev


def collect_changes(Graph graph):
    """Destroy instances and records that no thread touches any more; return how many changes are not over."""
    cdef int i
    return sum([ec_node_collect(graph.nodes[i]) for i in range(graph.n_nodes)])


def stage_can_change(str node_type):
    """Whether a node of this type can change while it runs: it hands its state over, or has none to lose.

    A stage without `take_over` begins at rest behind a cross-fade. One that counts for the ledger, or has several
    inputs, would lose what it holds and has counted.
    """
    cdef const StageDescriptor *stage = builtin(node_type)
    return bool(ec_stage_has_take_over(stage) or not (stage.max_inputs > 1 or ec_stage_has_counters(stage)))

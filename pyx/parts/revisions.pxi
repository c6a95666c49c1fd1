# What the control thread may ask of revisions that are on their way, and of stages that forbid them.


def taken_revisions(Graph graph):
    """Return {group of a source: [(config_rev, first frame of it)]}, oldest first.

    A revision is listed from the frame it took effect at until `collect_changes` forgets it: look before every
    collection, and none is missed. [control-thread]
    """
    cdef const ec_change *change
    cdef int i
    found = {}
    for i in range(graph.n_groups):
        if graph.sources[i] is NULL:
            continue
        found[i] = []
        change = ec_inbox_taken(&graph.sources[i].node.inbox, NULL)
        while change is not NULL:
            if change.config_rev:              # the record an inbox begins with has none
                found[i].append((change.config_rev, change.applied_frame))
            change = ec_inbox_taken(&graph.sources[i].node.inbox, change)
    return found


def locked_nodes(Graph graph):
    """Return the nodes whose stage says that it must not change now. [any-thread, with the GIL: pair L of ec_node.h]"""
    cdef const StageDescriptor *stage
    cdef void *instance
    cdef int i
    found = []
    for i in range(graph.n_nodes):
        stage = graph.nodes[i].stage
        instance = ec_node_shown(graph.nodes[i])
        if stage is not NULL and stage.is_locked is not NULL and instance is not NULL and stage.is_locked(instance):
            found.append(i)
    return found

# What the control thread may ask of revisions that are on their way, and of stages that forbid them.


def taken_revisions(Graph graph):
    """Return {group of a source: [(config_rev, first frame of it)]}, oldest first, and forget all but the newest.

    The records of sources are collected here and nowhere else, so that each is seen; the newest one that was taken is
    listed again the next time. [control-thread]
    """
    cdef ec_inbox *inbox
    cdef ec_change *change
    cdef const ec_change *newest
    cdef int i
    found = {}
    for i in range(graph.n_groups):
        if graph.sources[i] is NULL:
            continue
        inbox = &graph.sources[i].node.inbox
        found[i] = []
        while True:
            change = ec_inbox_collect(inbox)
            if change is NULL:
                break
            if change.config_rev:              # the record an inbox begins with has none
                found[i].append((change.config_rev, change.applied_frame))
            ec_change_destroy(change)
        newest = ec_inbox_taken(inbox)
        if newest is not NULL and newest.config_rev:
            found[i].append((newest.config_rev, newest.applied_frame))
    return found


def locked_nodes(Graph graph):
    """Return the nodes whose stage says that it must not change now. [any-thread, with the GIL: pair L of ec_node.h]"""
    cdef const StageDescriptor *stage
    cdef void *instance
    cdef int i
    found = []
    for i in range(graph.n_nodes):
        if graph.nodes[i] is NULL:
            continue
        stage = graph.nodes[i].stage
        instance = ec_node_shown(graph.nodes[i])
        if stage is not NULL and stage.is_locked is not NULL and instance is not NULL and stage.is_locked(instance):
            found.append(i)
    return found

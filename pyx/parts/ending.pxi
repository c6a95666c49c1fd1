# How a group goes over to another schedule, and how the end of an input travels: from a reader that was let go, or from
# a source that has ended, node by node to the edges. Everything here runs on the group's thread, without the GIL.


cdef bint adopt(ec_group *g) noexcept nogil:
    """Go over to the newest schedule, between two packets. True if there was one.

    Nodes that have finished hear of readers that they would have been given.
    """
    cdef ec_schedule *fresh = ec_turn_next(&g.turn)
    cdef uint32_t i
    if fresh is NULL:
        return False
    ec_group_take(g, fresh)
    for i in range(g.n_nodes):
        if g.nodes[i].finished:
            ec_node_end(g.nodes[i], g.config_rev)
            g.nodes[i].let_go = 0
    end_inputs(g, 0)
    return True


cdef void finish_node(ec_group *g, ec_node *n) noexcept nogil:
    """All inputs of a node have ended: ask for what it held back, and tell its readers, inside the group and beyond."""
    n.finished = 1
    if n.stage is not NULL and n.stage.flush is not NULL and not n.dead:
        ask_node(g, n.at, NULL, True)
    ec_node_end(n, g.config_rev)
    n.let_go = 0


cdef void end_inputs(ec_group *g, uint32_t first) noexcept nogil:
    """Tell every node from `first` on which of its inputs have ended; a node whose last one has is finished."""
    cdef uint32_t at, k, fresh
    cdef ec_node *n
    for at in range(first, g.n_nodes):
        n = g.nodes[at]
        fresh = n.ending & ~n.ended
        n.ending = 0
        n.ended |= fresh
        if fresh == 0 or n.finished:
            continue
        if not n.dead and ec_stage_has_end_input(n.stage):
            for k in range(n.n_inputs):
                if fresh >> k & 1:
                    n.stage.end_input(n.self, k)
            ask_node(g, at, NULL, False)
        if n.ended == (<uint32_t>1 << n.n_inputs) - 1:
            finish_node(g, n)


cdef void give_up(ec_group *g, ec_node *n, ec_edge *edge) noexcept nogil:
    """Count a packet that was taken from an edge, and waited for others, as given up by the node."""
    cdef uint32_t frames = packet_of(g.run, edge.held).device_frames
    ec_counter_add(&n.packets, 1)
    ec_counter_add(&n.frames, frames)
    ec_counter_add(&n.skipped, frames)
    release(g.run, edge.held)
    edge.held = EC_REF_NONE


cdef void end_group(ec_group *g) noexcept nogil:
    """No packet will be handed over any more: tell every reader, one that is being added at this moment too."""
    cdef uint32_t i
    while not (ec_turn_has_ended(&g.turn) or ec_turn_end(&g.turn)):
        adopt(g)
    ec_group_end(g)
    for i in range(g.n_inputs):
        if g.inputs[i].edge.held != EC_REF_NONE:           # of a run that was stopped at once
            give_up(g, g.inputs[i].node, g.inputs[i].edge)
    for i in range(g.n_nodes):
        ec_node_end(g.nodes[i], g.config_rev)
    ec_group_park(g, 1)


cdef void end_source(ec_group *g, ec_node *source) noexcept nogil:
    """The source has made its last packet."""
    adopt(g)
    finish_node(g, source)
    end_inputs(g, 0)
    end_group(g)

# The loop of a worker group: take a packet from an edge, run it through every node of the group, repeat.


cdef void wait_for_work(ec_group *g, uint32_t seen) noexcept nogil:
    """Spin for the group's spin time, then sleep on its doorbell; never longer than WAIT_NS, to show a sign of life."""
    cdef int64_t until
    if g.spin_ns > 0:
        until = ec_now_ns() + g.spin_ns
        while ec_now_ns() < until:
            if ec_doorbell_look(&g.bell) != seen:
                return
    ec_group_park(g, 1)
    ec_doorbell_wait(&g.bell, seen, ec_now_ns() + WAIT_NS)
    ec_group_park(g, 0)


cdef bint end_edge(ec_group *g, ec_input *port) noexcept nogil:
    """An edge has ended and is drained. False if a new schedule has to be looked at first: it may go on otherwise."""
    if ec_turn_next(&g.turn) is not NULL:
        return False
    ec_over_set(&port.edge.over)
    if not port.silent:
        port.node.ending |= <uint32_t>1 << port.input
        end_inputs(g, port.node.at)
    return True


cdef bint work_inputs(ec_group *g, bint *moved) noexcept nogil:
    """Take a packet from every input that has one. False if none of them will have any more."""
    cdef uint32_t i, input
    cdef bint alive = False, ended, changed
    cdef ec_input *port
    cdef ec_node *node
    cdef ec_ref ref
    for i in range(g.n_inputs):
        port = &g.inputs[i]
        if ec_edge_is_over(port.edge):
            continue
        if not ec_input_may_come(port):
            alive = True                   # a packet of another input makes room
            continue
        ended = ec_edge_has_ended(port.edge) or ec_edge_is_closed(port.edge)
        ref = ec_edge_pop(port.edge)
        if ref == EC_REF_NONE:
            alive = alive or not ended
            if ended:
                moved[0] = True            # it may have made room for another input
                if not end_edge(g, port):
                    return True
            continue
        alive = True
        moved[0] = True
        node = port.node
        input = port.input
        changed = adopt(g)                 # the packet may be the first of a revision
        node.pending[input] = ref
        run_nodes(g, node.at)
        if changed:
            return True                    # the inputs are others now
    return alive


cdef void run_worker(ec_group *g) noexcept nogil:
    """Until every input has ended and is drained, or the run is aborted. [worker-<group>]"""
    cdef uint32_t seen
    cdef bint moved, ended = False
    ec_fp_flush_denormals()
    ec_group_park(g, 0)
    ec_rt_enter()
    while not (ended or ec_run_is(&g.run.abort)):
        seen = ec_doorbell_look(&g.bell)
        moved = adopt(g)
        if not work_inputs(g, &moved):
            ended = ec_turn_end(&g.turn)       # else there is a new schedule, perhaps with inputs
            moved = True
        ec_group_next_epoch(g)
        ec_counter_add(&g.rounds, 1)
        ec_counter_set(&g.beat_ns, <uint64_t>ec_now_ns())
        if not moved:
            wait_for_work(g, seen)
    ec_rt_leave()
    end_group(g)

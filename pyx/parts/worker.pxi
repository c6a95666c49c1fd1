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
    cdef uint32_t i
    cdef bint alive = False, idle = False, ended, was_held
    cdef ec_input *port
    cdef ec_input *waits = NULL
    cdef ec_input *holds = NULL
    cdef ec_ref ref
    for i in range(g.n_inputs):
        port = &g.inputs[i]
        if ec_edge_is_over(port.edge):
            continue
        if not ec_input_may_come(port):
            alive = True                   # a packet of another input makes room
            continue
        was_held = port.edge.held != EC_REF_NONE
        ended = ec_edge_has_ended(port.edge) or ec_edge_is_closed(port.edge)
        if not ec_input_fetch(port):
            if not ended:
                alive = idle = True
            elif not ec_input_is_open(port, NO_EDGE):
                waits = port               # its end comes after that of others
            else:
                moved[0] = alive = True    # it may have made room for another input
                if not end_edge(g, port):
                    return True
            continue
        alive = True
        moved[0] = moved[0] or not was_held
        if adopt(g):                       # the packet may be the first of a revision: look at its inputs
            moved[0] = True
            return True
        if not ec_input_is_open(port, port.edge.held_rev):
            holds = port                   # older packets of other edges come first
            continue
        moved[0] = True
        ref = port.edge.held
        port.edge.held = EC_REF_NONE
        port.node.pending[port.input] = ref
        run_nodes(g, port.node.at)
    if not (idle or moved[0]) and (waits is not NULL or holds is not NULL):
        moved[0] = alive = True            # nothing more comes to those that wait for each other
        if waits is not NULL:
            end_edge(g, waits)
        else:
            holds.n_gates = 0
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

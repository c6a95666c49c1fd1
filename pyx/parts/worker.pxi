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


cdef void run_worker(ec_group *g) noexcept nogil:
    """Until every input has ended and is drained, or the run is aborted. [worker-<group>]"""
    cdef uint32_t i, seen
    cdef bint moved, alive, ended
    cdef ec_input *port
    cdef ec_ref ref
    cdef ec_packet *p
    ec_fp_flush_denormals()
    ec_group_park(g, 0)
    ec_rt_enter()
    while not ec_run_is(&g.run.abort):
        seen = ec_doorbell_look(&g.bell)
        moved = False
        alive = False
        for i in range(g.n_inputs):
            port = &g.inputs[i]
            if port.over:
                continue
            if not ec_input_may_come(g, port):
                alive = True               # a packet of another input makes room
                continue
            ended = ec_edge_has_ended(port.edge) or ec_edge_is_closed(port.edge)
            ref = ec_edge_pop(port.edge)
            if ref == EC_REF_NONE:
                port.over = ended
                alive = alive or not ended
                if ended:
                    moved = True           # it may have made room for another input
                    g.nodes[port.node].ending |= <uint32_t>1 << port.input
                    end_inputs(g, port.node)
                continue
            alive = True
            moved = True
            g.nodes[port.node].pending[port.input] = ref
            run_nodes(g, port.node)
        ec_group_next_epoch(g)
        ec_counter_add(&g.rounds, 1)
        ec_counter_set(&g.beat_ns, <uint64_t>ec_now_ns())
        if not alive:
            break
        if not moved:
            wait_for_work(g, seen)
    ec_rt_leave()
    end_outputs(g)
    ec_group_park(g, 1)

# One node, one packet: build its blocks, call the stage, hand over what came out.
# Everything here runs on the thread of the node's group, without the GIL.


cdef inline ec_packet *packet_of(ec_run *run, ec_ref ref) noexcept nogil:
    return ec_pool_packet(run.pools[ec_ref_pool(ref)], ec_ref_slot(ref))


cdef inline void release(ec_run *run, ec_ref ref) noexcept nogil:
    ec_pool_release(run.pools[ec_ref_pool(ref)], ref)


cdef inline void fill_planes(eegcore_block *block, uint32_t kind, void *payload, uint32_t n_values) noexcept nogil:
    """Point a block at its planes; n_values is the length of the counts plane in front of the float plane."""
    block.counts = NULL
    block.values = NULL
    if kind == EEGCORE_RAW_I32:
        block.counts = <int32_t *>payload
    elif kind == EEGCORE_RAW_AND_VOLTAGE:
        block.counts = <int32_t *>payload
        block.values = <float *>payload + n_values
    else:
        block.values = <float *>payload


cdef inline void join_planes(const eegcore_block *out) noexcept nogil:
    """Move the float plane to the end of the counts: the stage may have given fewer frames than there was room for."""
    cdef size_t n_values = <size_t>out.n_frames * out.n_channels
    if out.values != <float *>out.counts + n_values:
        memmove(<float *>out.counts + n_values, out.values, n_values * sizeof(float))


cdef void block_from_packet(eegcore_block *block, ec_packet *p) noexcept nogil:
    block.struct_size = sizeof(eegcore_block)
    block.flags = p.flags
    block.n_frames = p.n_frames
    block.n_channels = p.n_channels
    block.n_bins = p.n_bins
    block.max_frames = p.n_frames
    block.device_frames = p.device_frames
    block.config_rev = p.config_rev
    block.frame_index = p.frame_index
    block.t_ns = p.t_ns
    block.sps = p.sps
    memcpy(block.saturated, p.saturated, sizeof(p.saturated))
    memcpy(block.lead_off, p.lead_off, sizeof(p.lead_off))
    block.skipped_frames = 0
    copy_artefacts(block.flatline, p.flatline, p.flags)
    fill_planes(block, p.kind, ec_packet_payload(p), p.n_frames * p.n_channels)


cdef void prepare_output(eegcore_block *out, ec_port *port, const eegcore_block *given) noexcept nogil:
    """Start an output block from the first input: same time, same flags, the port's own shape."""
    memcpy(out, given, EC_BLOCK_HEAD_BYTES)
    copy_artefacts(out.flatline, given.flatline, given.flags)
    out.n_channels = port.n_channels
    out.n_bins = port.n_bins
    out.max_frames = port.max_frames
    out.sps = port.sps
    out.counts = NULL
    out.values = NULL


cdef void packet_from_block(ec_packet *p, ec_port *port, const eegcore_block *out, const ec_packet *parent,
                            uint32_t node, int64_t enter_ns, int64_t leave_ns) noexcept nogil:
    cdef uint32_t values = out.n_frames * port.n_channels * (port.n_bins if port.n_bins > 0 else 1)
    cdef uint32_t n = parent.n_hops if parent is not NULL else 0
    p.kind = port.kind
    p.flags = out.flags
    p.n_frames = out.n_frames
    p.n_channels = port.n_channels
    p.n_bins = port.n_bins
    p.payload_bytes = values * (8 if port.kind == EEGCORE_RAW_AND_VOLTAGE else 4)
    p.stream = port.number
    p.meta_rev = port.meta_rev
    p.config_rev = out.config_rev
    p.step_num = port.step_num
    p.step_den = port.step_den
    p.device_frames = out.device_frames
    p.frame_index = out.frame_index
    p.t_ns = out.t_ns
    p.sps = port.sps
    p.t_complete_ns = parent.t_complete_ns if parent is not NULL else leave_ns
    memcpy(p.saturated, out.saturated, sizeof(p.saturated))
    memcpy(p.lead_off, out.lead_off, sizeof(p.lead_off))
    copy_artefacts(p.flatline, out.flatline, out.flags)
    if n > 0:
        memcpy(p.hops, parent.hops, n * sizeof(ec_hop))
    if n < EC_MAX_HOPS:
        p.hops[n].node = node
        p.hops[n].enter_ns = clamp_u32(enter_ns - p.t_complete_ns)
        p.hops[n].leave_ns = clamp_u32(leave_ns - p.t_complete_ns)
        n += 1
    p.n_hops = n


cdef inline uint32_t clamp_u32(int64_t v) noexcept nogil:
    if v < 0:
        return 0
    return NO_EDGE if v > <int64_t>NO_EDGE else <uint32_t>v       # saturates at 2^32 - 1


cdef void push(ec_group *g, ec_node *n, ec_edge *edge, ec_ref ref, ec_packet *p) noexcept nogil:
    """Push one owned reference; what a full `fail` edge means is decided here (ARCHITECTURE section 3)."""
    cdef uint64_t frame_index = p.frame_index
    if ec_edge_push(edge, ref, p.device_frames) == EC_STATUS_EDGE_FULL:
        if edge.critical:
            ec_run_fail(g.run, EC_STATUS_EDGE_FULL, n.number, edge.number, frame_index)
        else:
            ec_edge_close(edge)
            ec_run_log(g.run, EC_LOG_EDGE_CLOSED, n.number, edge.number, frame_index, edge.capacity)


cdef void deliver(ec_group *g, ec_node *n, ec_port *port, ec_ref ref) noexcept nogil:
    """Hand one owned reference to every reader of a port: one reference each, no copy."""
    cdef ec_pool *pool = g.run.pools[ec_ref_pool(ref)]
    cdef ec_packet *p = ec_pool_packet(pool, ec_ref_slot(ref))
    cdef const ec_routes *routes = ec_port_routes(port)
    cdef const ec_fanout *fanout = ec_port_fanout(port)
    cdef uint32_t readers = routes.n_local + routes.n_edges + fanout.n
    cdef uint32_t i
    ec_counter_add(&port.packets, 1)
    ec_counter_add(&port.frames, p.device_frames)
    if readers == 1 and routes.n_local == 1:   # the next stage of the same group, as almost always
        put(g, n, &routes.local[0], ref)
        return
    if readers == 0:
        ec_pool_release(pool, ref)
        return
    for i in range(readers - 1):
        ec_pool_retain(pool, ref)
    for i in range(routes.n_local):
        put(g, n, &routes.local[i], ref)
    for i in range(routes.n_edges):
        push(g, n, routes.edges[i], ref, p)
    for i in range(fanout.n):
        push(g, n, fanout.edges[i], ref, p)


cdef inline void put(ec_group *g, ec_node *n, const ec_local *to, ec_ref ref) noexcept nogil:
    """Lay a packet in front of a later node of the group. One that still lies there is worked off first."""
    if to.node.pending[to.input] != EC_REF_NONE:
        run_nodes(g, n.at + 1)
    to.node.pending[to.input] = ref


cdef int32_t take_slot(ec_group *g, ec_node *n, ec_port *port) noexcept nogil:
    """Make sure `spare` holds a slot. Waits only in runs that may wait."""
    if port.spare != EC_REF_NONE:
        return EC_STATUS_OK
    port.spare = ec_pool_try_acquire(port.pool)
    while port.spare == EC_REF_NONE and g.run.is_virtual and not ec_run_is(&g.run.abort):
        port.spare = ec_pool_acquire(port.pool, ec_now_ns() + WAIT_NS)
    if port.spare != EC_REF_NONE:
        return EC_STATUS_OK
    return EC_STATUS_STOPPED if ec_run_is(&g.run.abort) else EC_STATUS_POOL_EMPTY


cdef void forward_outputs(ec_group *g, ec_node *n, eegcore_block *out, const ec_packet *parent,
                          int64_t enter_ns, int64_t leave_ns) noexcept nogil:
    cdef uint32_t i
    cdef ec_port *port
    cdef ec_ref ref
    for i in range(n.n_outputs):
        port = &n.ports[i]
        if out[i].n_frames == 0 or port.spare == EC_REF_NONE or (out[i].values is NULL and out[i].counts is NULL):
            continue
        ref = port.spare
        port.spare = EC_REF_NONE
        if port.kind == EEGCORE_RAW_AND_VOLTAGE:
            join_planes(&out[i])
        packet_from_block(ec_pool_packet(port.pool, ec_ref_slot(ref)), port, &out[i], parent, n.number,
                          enter_ns, leave_ns)
        deliver(g, n, port, ref)


cdef void finish_sink(ec_node *n, ec_packet *p, int64_t leave_ns) noexcept nogil:
    cdef uint8_t head[13]
    ec_counter_add(&n.written, p.device_frames)
    ec_histogram_add(&n.latency_ns, leave_ns - p.t_complete_ns)
    if n.digest_on:
        # INTERFACES section 3: (frame_index, kind, n_frames, payload), little-endian as both targets are
        memcpy(head, &p.frame_index, 8)
        head[8] = <uint8_t>p.kind
        memcpy(head + 9, &p.n_frames, 4)
        ec_sha256_update(&n.digest, head, sizeof(head))
        ec_sha256_update(&n.digest, ec_packet_payload(p), p.payload_bytes)


cdef int32_t open_outputs(ec_group *g, ec_node *n, eegcore_block *out, const eegcore_block *given,
                          uint32_t max_frames) noexcept nogil:
    """Start an output block for every port, with a slot for each that somebody reads."""
    cdef uint32_t i
    cdef int32_t status
    cdef ec_port *port
    for i in range(n.n_outputs):
        port = &n.ports[i]
        prepare_output(&out[i], port, given)
        if ec_port_is_read(port):
            status = take_slot(g, n, port)
            if status != EC_STATUS_OK:
                return status
            fill_planes(&out[i], port.kind, ec_packet_payload(ec_pool_packet(port.pool, ec_ref_slot(port.spare))),
                        (max_frames if max_frames else port.max_frames) * port.n_channels)
    return EC_STATUS_OK


cdef inline void count_skipped(ec_node *n, const eegcore_block *out) noexcept nogil:
    cdef uint32_t i
    for i in range(n.n_outputs):
        if out[i].skipped_frames:
            ec_counter_add(&n.skipped, out[i].skipped_frames)


cdef void take_changes(ec_group *g, ec_node *n, uint32_t config_rev, uint64_t frame_index) noexcept nogil:
    """Change over to a revision before the first packet that carries it."""
    cdef int32_t status = EC_STATUS_OK
    if ec_node_has_heir_of(n):
        status = ec_node_inherit(n)
    status = min(status, ec_node_take_changes(n, config_rev))
    if status < 0:
        ec_counter_add(&n.errors, 1)
        ec_run_log(g.run, EC_LOG_STAGE_FAILED, n.number, NO_EDGE, frame_index, status)
    if n.let_go:
        n.let_go = 0
        end_inputs(g, n.at + 1)        # what they hold comes before the packet at hand


cdef ec_packet *open_inputs(ec_group *g, ec_node *n, eegcore_block *blocks, eegcore_block **first, uint32_t *frames,
                            uint32_t *config_rev) noexcept nogil:
    """Start a block for every pending packet of a node with several inputs; return the first packet, NULL for none."""
    cdef ec_packet *parent = NULL
    cdef ec_packet *p
    cdef uint32_t i
    for i in range(n.n_inputs):
        if n.pending[i] == EC_REF_NONE:
            blocks[i].struct_size = sizeof(eegcore_block)
            blocks[i].n_frames = 0
            blocks[i].counts = NULL
            blocks[i].values = NULL
            continue
        p = packet_of(g.run, n.pending[i])
        block_from_packet(&blocks[i], p)
        frames[0] += p.device_frames
        config_rev[0] = max(config_rev[0], p.config_rev)
        if parent is NULL:
            parent = p
            first[0] = &blocks[i]
    return parent


cdef void run_node(ec_group *g, uint32_t at) noexcept nogil:
    """Give the pending packets of one node to its stage."""
    cdef eegcore_block blocks[EC_MAX_INPUTS]
    cdef eegcore_block out[MAX_OUTPUTS]
    cdef eegcore_block *first = &blocks[0]
    cdef ec_node *n = g.nodes[at]
    cdef ec_packet *parent = NULL
    cdef uint32_t frames = 0, config_rev = 0
    cdef uint64_t frame_index
    cdef int32_t status = EC_STATUS_OK
    cdef int64_t enter_ns, leave_ns
    cdef ec_ref ref

    if n.n_inputs != 1:
        parent = open_inputs(g, n, blocks, &first, &frames, &config_rev)
    elif n.pending[0] != EC_REF_NONE:      # as almost always
        parent = packet_of(g.run, n.pending[0])
        block_from_packet(&blocks[0], parent)
        frames = parent.device_frames
        config_rev = parent.config_rev
    if parent is NULL:
        return
    frame_index = parent.frame_index
    ec_counter_add(&n.packets, 1)
    ec_counter_add(&n.frames, frames)
    ec_counter_set(&n.last_frame_index, frame_index)
    if n.fade is not NULL and ec_node_fade_is_over(n):
        ec_node_end_fade(n)
    if ec_node_is_behind(n, config_rev):
        take_changes(g, n, config_rev, frame_index)
    if n.dead:
        ec_counter_add(&n.skipped, frames)
        drop_pending(g, n)
        return
    if n.has_skipped:
        n.has_skipped = 0
        first.flags |= EEGCORE_FLAG_GAP

    ec_counter_set(&g.at, n.number + 1)
    enter_ns = ec_now_ns()
    if not (n.stage.flags & EEGCORE_STAGE_PASS):
        status = open_outputs(g, n, out, first, first.n_frames)
    if status == EC_STATUS_OK:
        if n.fade is not NULL:
            ec_node_run_old(n, blocks, first.n_frames, out)
        status = n.stage.process(n.self, blocks, n.n_inputs, out, n.n_outputs)
        if n.fade is not NULL and status >= 0:
            ec_node_fade(n, out)
    leave_ns = ec_now_ns()
    ec_counter_set(&g.at, 0)
    if n.budget_ns and leave_ns - enter_ns > n.budget_ns:
        ec_counter_add(&n.overruns, 1)
    ec_histogram_add(&n.process_ns, leave_ns - enter_ns)
    if status < 0:
        if not (is_substituted(n, status) and substitute(g, n, first, out, parent, status, enter_ns, leave_ns)):
            stage_failed(g, n, status, frame_index, frames)
        drop_pending(g, n)
        return
    if n.is_sink:
        finish_sink(n, parent, leave_ns)
    if n.stage.flags & EEGCORE_STAGE_PASS and n.n_outputs == 1:
        ref = n.pending[0]
        n.pending[0] = EC_REF_NONE
        deliver(g, n, &n.ports[0], ref)
        return
    count_skipped(n, out)
    forward_outputs(g, n, out, parent, enter_ns, leave_ns)
    if status == EEGCORE_MORE:
        run_nodes(g, at + 1)               # an input takes one packet at a time
        ask_node(g, at, parent, False)
    drop_pending(g, n)


cdef void drop_pending(ec_group *g, ec_node *n) noexcept nogil:
    cdef uint32_t i
    for i in range(n.n_inputs):
        if n.pending[i] != EC_REF_NONE:
            release(g.run, n.pending[i])
            n.pending[i] = EC_REF_NONE


cdef void run_nodes(ec_group *g, uint32_t first) noexcept nogil:
    """One round: every node from `first` on that has a packet, in topological order."""
    cdef uint32_t i
    for i in range(first, g.n_nodes):
        if g.nodes[i].stage is not NULL:
            run_node(g, i)


cdef void ask_node(ec_group *g, uint32_t at, const ec_packet *parent, bint flushing) noexcept nogil:
    """Let a stage hand over what it has, with nothing given: all of it, or what it may by now.

    `parent` is the packet that completed it, NULL for none.
    """
    cdef eegcore_block blocks[EC_MAX_INPUTS]
    cdef eegcore_block out[MAX_OUTPUTS]
    cdef eegcore_block nothing
    cdef ec_node *n = g.nodes[at]
    cdef uint32_t k
    cdef int32_t status
    cdef bint more = True, made
    cdef int64_t now
    memset(&nothing, 0, sizeof(nothing))
    nothing.struct_size = sizeof(eegcore_block)
    nothing.config_rev = n.config_rev
    for k in range(n.n_inputs):
        blocks[k] = nothing
    while more and not ec_run_is(&g.run.abort):
        status = open_outputs(g, n, out, &nothing, 0)
        for k in range(n.n_outputs):
            out[k].n_frames = 0
        if status == EC_STATUS_OK:
            ec_counter_set(&g.at, n.number + 1)
            if flushing:
                status = n.stage.flush(n.self, out, n.n_outputs)
            else:
                status = n.stage.process(n.self, blocks, n.n_inputs, out, n.n_outputs)
            ec_counter_set(&g.at, 0)
        if status < 0:
            stage_failed(g, n, status, ec_counter_get(&n.last_frame_index), 0)
            return
        if n.fade is not NULL:
            ec_node_fade(n, out)
        count_skipped(n, out)
        made = False
        for k in range(n.n_outputs):
            made = made or out[k].n_frames > 0
        more = made if flushing else status == EEGCORE_MORE
        if made:
            now = ec_now_ns()
            forward_outputs(g, n, out, parent, now, now)
            run_nodes(g, at + 1)

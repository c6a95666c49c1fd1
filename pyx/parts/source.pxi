# What every source does: fill packets that never span a gap, a change of flags, a revision or a pause, and account for
# each frame.


# The driver of an `acquire`, and where its loop is.
cdef struct Chips:
    ec_ads1299 driver
    ec_sample_clock clock
    uint64_t next_conversion   # first one that has met no fate yet; conversions count from 0 and are frame_index
    uint64_t frames_max        # 0: endless
    int64_t t_start_ns         # START
    int64_t t_zero_ns          # subtracted from every stamp: START in virtual time, else 0
    int64_t period_ns
    int64_t last_edge_ns       # newest event of line 0, or the start
    int64_t check_every_ns     # 0: never
    int64_t next_check_ns
    uint32_t failed_reads      # on end
    uint32_t bad_frames        # on end
    uint64_t good_frames       # since the chips were brought up
    uint32_t attempts          # to bring the chips up again, since they last ran for a second
    uint32_t recovered         # attempts it took, until the first edge behind them; then 0
    uint32_t off_rate          # edges at a wrong rate, on end
    int64_t line_edge_ns[EC_BUS_MAX_CHIPS]     # newest event of every line, or the start
    uint32_t line_edges[EC_BUS_MAX_CHIPS]      # its edges since they were last judged
    uint32_t line_apart[EC_BUS_MAX_CHIPS]      # those of them that are far from any of line 0
    double line_phase[EC_BUS_MAX_CHIPS]        # of the newest of these, periods
    uint32_t bad_word          # chip << 24 | status word, of the frame that was refused last
    uint8_t frames[EC_BUS_MAX_CHIPS][EC_FRAME_BYTES_MAX]
    int32_t counts[256]
    uint64_t lead_off[4]


cdef struct Source:
    ec_group *group
    ec_node *node              # stage NULL, one port
    int number                 # of the node
    ec_source_counters n
    ec_time_points points      # which frame was when
    uint32_t batch             # frames per packet
    ec_ref open_ref            # packet being filled, EC_REF_NONE if none
    ec_packet *open_packet
    bint gap_before            # frames are missing before the next one
    bint late_before           # one of them was read too late
    double sps
    Chips *chips               # acquire; NULL: playback
    # playback
    ec_recording recording
    uint32_t is_counts
    double speed               # 0: as fast as the graph takes it
    bint loop
    uint64_t frames_max        # 0: to the end
    ec_doorbell wake           # rung by stop, pause and resume
    # packets of another run; see recorded.pxi
    bint is_recorded
    const char *batch_of
    size_t batch_bytes
    uint64_t next_frame        # behind the newest packet
    ec_flag fed, no_more, done
    ec_doorbell taken


cdef void source_lost(Source *s, ec_counter *reason, uint64_t frames) noexcept nogil:
    """Frames that will not be delivered: count them, and say so in the next packet."""
    if frames:
        ec_counter_add(reason, frames)
        if not s.gap_before:
            ec_counter_add(&s.n.gaps, 1)
        s.gap_before = True


cdef void source_close_packet(Source *s, int64_t now_ns) noexcept nogil:
    """Hand on the packet being filled, if it holds anything."""
    cdef ec_packet *p = s.open_packet
    cdef ec_ref ref = s.open_ref
    cdef ec_port *port = &s.node.ports[0]
    if ref == EC_REF_NONE:
        return
    adopt(s.group)                             # between two packets
    s.open_ref = EC_REF_NONE
    s.open_packet = NULL
    p.device_frames = p.n_frames
    p.payload_bytes = p.n_frames * p.n_channels * 4
    p.t_complete_ns = now_ns
    ec_counter_set(&s.n.pending, 0)            # first: a reader must not find a frame in both
    ec_counter_add(&s.n.delivered, p.n_frames)
    ec_counter_set(&s.node.last_frame_index, p.frame_index)
    deliver(s.group, s.node, port, ref)
    run_nodes(s.group, 0)


cdef bint source_open_packet(Source *s, uint64_t frame_index, int64_t t_ns) noexcept nogil:
    """Take a slot and start a packet. False if the pool is empty and the source cannot wait."""
    cdef ec_port *port = &s.node.ports[0]
    cdef ec_packet *p
    if take_slot(s.group, s.node, port) != EC_STATUS_OK:
        return False
    s.open_ref = port.spare
    port.spare = EC_REF_NONE
    p = ec_pool_packet(port.pool, ec_ref_slot(s.open_ref))
    memset(p, 0, sizeof(ec_packet))
    p.kind = port.kind
    p.n_channels = port.n_channels
    p.stream = port.number
    p.meta_rev = port.meta_rev
    p.config_rev = s.node.config_rev
    p.step_num = port.step_num
    p.step_den = port.step_den
    p.frame_index = frame_index
    p.t_ns = t_ns
    p.sps = port.sps
    if s.gap_before:
        p.flags |= EEGCORE_FLAG_GAP
        s.gap_before = False
    if s.late_before:
        p.flags |= EEGCORE_FLAG_LATE_READ
        s.late_before = False
    s.open_packet = p
    return True


cdef void source_take_changes(Source *s, uint64_t frame_index) noexcept nogil:
    """Begin a packet of another revision at this frame; readers that it leaves hand over what they hold first."""
    adopt(s.group)
    if not ec_source_may_take(s.node, frame_index, s.group.config_rev):
        return                                 # it is being handed over at this moment
    source_close_packet(s, ec_now_ns())        # a packet is of one revision
    ec_source_take_changes(s.node, frame_index, s.group.config_rev)
    if s.node.let_go:
        s.node.let_go = 0
        end_inputs(s.group, 1)


cdef void source_add_frame(Source *s, const void *values, uint64_t frame_index, int64_t t_ns,
                           const uint64_t *saturated, const uint64_t *lead_off) noexcept nogil:
    """Append one frame; values are n_channels int32 or float32."""
    cdef ec_packet *p
    if ec_source_is_due(s.node, frame_index):
        source_take_changes(s, frame_index)
    p = s.open_packet
    if p is not NULL and not (same_masks(p.saturated, saturated) and same_masks(p.lead_off, lead_off)
                              and not s.gap_before):
        source_close_packet(s, ec_now_ns())
        p = NULL
    if p is NULL:
        if not source_open_packet(s, frame_index, t_ns):
            source_lost(s, &s.n.pool_empty, 1)
            if not ec_run_is(&s.group.run.abort):
                ec_run_log(s.group.run, EC_LOG_POOL_EMPTY, s.node.number, NO_EDGE, frame_index, 0)
            return
        p = s.open_packet
        memcpy(p.saturated, saturated, sizeof(p.saturated))
        memcpy(p.lead_off, lead_off, sizeof(p.lead_off))
        if any_mask(saturated):
            p.flags |= EEGCORE_FLAG_SATURATED
        if any_mask(lead_off):
            p.flags |= EEGCORE_FLAG_LEAD_OFF
    memcpy(<char *>ec_packet_payload(p) + <size_t>p.n_frames * p.n_channels * 4, values, p.n_channels * 4)
    p.n_frames += 1
    ec_counter_set(&s.n.pending, p.n_frames)
    if p.n_frames == s.batch:
        source_close_packet(s, ec_now_ns())

# A source that hands on packets which another run has made, as they were.
#
# Python feeds it a batch at a time and waits until the graph has taken all of it: what is changed between two batches
# is changed between two packets. Ordering: `fed` is set (release) behind the pointer to the batch and read (acquire)
# before it; cleared the same way behind the last packet. `done` says that the source touches no batch any more.


cdef inline size_t recorded_bytes(uint32_t payload_bytes) noexcept nogil:
    """Bytes of a head and its payload in a batch; every head begins at a multiple of 8."""
    return sizeof(PacketHead) + ((<size_t>payload_bytes + 7) & ~<size_t>7)


cdef void emit_recorded(Source *s, const PacketHead *h) noexcept nogil:
    cdef ec_packet *p
    cdef uint64_t missing
    if s.next_frame == 0:
        ec_counter_set(&s.n.first_edge_ns, <uint64_t>h.t_ns)
    elif h.frame_index > s.next_frame:
        missing = h.frame_index - s.next_frame
        ec_counter_add(&s.n.edges, missing)
        source_lost(s, &s.n.missed, missing)
    s.next_frame = h.frame_index + h.n_frames
    ec_counter_add(&s.n.edges, h.n_frames)
    ec_counter_set(&s.n.last_edge_ns, <uint64_t>h.t_ns)
    if ec_source_is_due(s.node, h.frame_index):
        source_take_changes(s, h.frame_index)
    if not source_open_packet(s, h.frame_index, h.t_ns):
        source_lost(s, &s.n.pool_empty, h.n_frames)
        return
    p = s.open_packet
    p.flags = h.flags
    p.config_rev = h.config_rev
    p.n_frames = h.n_frames
    memcpy(p.saturated, &h.masks[0], sizeof(p.saturated))
    memcpy(p.lead_off, &h.masks[4], sizeof(p.lead_off))
    memcpy(p.flatline, &h.masks[8], 3 * sizeof(p.flatline))
    memcpy(ec_packet_payload(p), <const char *>h + sizeof(PacketHead), h.payload_bytes)
    source_close_packet(s, ec_now_ns())


cdef void emit_batch(Source *s) noexcept nogil:
    cdef size_t at = 0
    cdef const PacketHead *h
    while at < s.batch_bytes and not (ec_run_is(&s.group.run.stopping) or ec_run_is(&s.group.run.abort)):
        h = <const PacketHead *>(s.batch_of + at)
        ec_group_next_epoch(s.group)
        ec_counter_add(&s.group.rounds, 1)
        ec_counter_set(&s.group.beat_ns, <uint64_t>ec_now_ns())
        emit_recorded(s, h)
        at += recorded_bytes(h.payload_bytes)


cdef void run_recorded(Source *s) noexcept nogil:
    """Until the feeder says that there is no more, or stopped. [acquire]"""
    cdef ec_group *g = s.group
    cdef uint32_t seen
    cdef int64_t nowhere = 0
    ec_fp_flush_denormals()
    ec_group_park(g, 0)
    ec_rt_enter()
    while not (ec_run_is(&g.run.stopping) or ec_run_is(&g.run.abort)):
        seen = ec_doorbell_look(&s.wake)
        if ec_run_is(&g.run.paused) and not playback_pause(s, &nowhere):
            break
        if ec_run_is(&s.fed):
            emit_batch(s)
            ec_run_set(&s.fed, 0)
            ec_doorbell_ring(&s.taken)
            continue
        if ec_run_is(&s.no_more):
            break
        adopt(g)
        ec_group_next_epoch(g)
        ec_counter_set(&g.beat_ns, <uint64_t>ec_now_ns())
        ec_group_park(g, 1)
        ec_doorbell_wait(&s.wake, seen, ec_now_ns() + WAIT_NS)
        ec_group_park(g, 0)
    ec_rt_leave()
    ec_run_set(&s.done, 1)
    ec_doorbell_ring(&s.taken)
    end_source(g, s.node)


cdef check_batch(const Source *s, const char *batch, size_t n_bytes):
    """Refuse what would not fit: the batch may come from a file of a stranger."""
    cdef const ec_port *port = &s.node.ports[0]
    cdef const PacketHead *h
    cdef uint64_t least = s.next_frame
    cdef size_t at = 0
    while at < n_bytes:
        h = <const PacketHead *>(batch + at)
        if (n_bytes - at < sizeof(PacketHead) or h.kind != port.kind or h.n_channels != port.n_channels or h.n_bins
                or not 1 <= h.n_frames <= port.max_frames or h.payload_bytes != 4 * h.n_frames * h.n_channels
                or n_bytes - at < recorded_bytes(h.payload_bytes)):
            raise errors.BadStream(f"recorded packet at byte {at}: it is not of the stream that is played. "
                                   "Use the history as it was written.")
        if h.frame_index < least or h.frame_index >= <uint64_t>1 << 62:
            raise errors.BadStream(f"recorded packet at frame {h.frame_index}: the next one is {least}. Frames only "
                                   "go forward. Use the history as it was written.")
        least = h.frame_index + h.n_frames
        at += recorded_bytes(h.payload_bytes)


def add_recorded(Graph graph, int group, dict output):
    """Add a source that hands on packets of another run (`feed`) as they were; return its node number."""
    cdef Source *s = new_source(graph, group, output, output["max_frames"])
    s.is_recorded = True
    return s.number


def feed(Graph graph, int group, bytes batch):
    """Let a recorded source hand on a batch of packets; return when the graph has all of them.

    Parameters
    ----------
    graph : Graph
        Its threads run.
    group : int
        The group of the source.
    batch : bytes
        Heads of 232 bytes as `Packet.head`, each with its payload behind it, filled up to a multiple of 8.

    Returns
    -------
    bool
        False if the run was stopped meanwhile.

    Raises
    ------
    BadStream
        If a packet is not of the source's stream; nothing is handed on then.
    """
    cdef Source *s = graph.sources[group]
    cdef uint32_t seen
    check_batch(s, batch, len(batch))
    if ec_run_is(&s.done):
        return False
    s.batch_of = batch
    s.batch_bytes = len(batch)
    ec_run_set(&s.fed, 1)
    ec_doorbell_ring(&s.wake)
    with nogil:
        while ec_run_is(&s.fed) and not ec_run_is(&s.done):
            seen = ec_doorbell_look(&s.taken)
            if ec_run_is(&s.fed) and not ec_run_is(&s.done):
                ec_doorbell_wait(&s.taken, seen, ec_now_ns() + WAIT_NS)
    return not ec_run_is(&graph.c.stopping)


def feed_end(Graph graph, int group):
    """Tell a recorded source that no batch will come any more: it ends as if its recording had."""
    cdef Source *s = graph.sources[group]
    ec_run_set(&s.no_more, 1)
    ec_doorbell_ring(&s.wake)

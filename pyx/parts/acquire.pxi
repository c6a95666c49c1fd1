# The acquisition loop: wait for data-ready edges, read every chip of the bus, decode, fill packets. [acquire]

cdef enum:
    MAX_EDGES = 64             # edges taken from the bus in one wait
    FRAME_BYTES_MAX = 27


cdef int32_t read_conversion(Source *s, int32_t *counts, uint64_t *lead_off, int64_t *t_begin_ns,
                             int64_t *t_end_ns) noexcept nogil:
    """Read one conversion of all chips into one wide frame. A status word that is not 1100 spoils the frame."""
    cdef uint8_t raw[FRAME_BYTES_MAX]
    cdef uint32_t chip, at = 0, word
    cdef int32_t status, result = EC_STATUS_OK
    cdef int64_t begin_ns
    for chip in range(s.bus.n_chips):
        status = s.bus.read(s.bus.self, chip, raw, 3 + 3 * s.chip_channels[chip], &begin_ns, t_end_ns)
        if status < 0:
            return status
        if chip == 0:
            t_begin_ns[0] = begin_ns
        status = ec_decode_frame(raw, s.chip_channels[chip], counts + at, &word)
        if status < 0:
            result = status            # the other chips are read all the same: their shift registers must move on
        else:
            note_lead_off(word, at, s.chip_channels[chip], lead_off)
        at += s.chip_channels[chip]
    return result


cdef inline void note_lead_off(uint32_t word, uint32_t at, uint32_t n_channels, uint64_t *lead_off) noexcept nogil:
    """Either electrode of a channel being off counts (data sheet 9.4.4.2: STATP bits 19..12, STATN bits 11..4)."""
    cdef uint64_t off = ((word >> 12) | (word >> 4)) & ((<uint64_t>1 << n_channels) - 1)
    cdef uint32_t shift = at % 64
    lead_off[at // 64] |= off << shift
    if shift + n_channels > 64:
        lead_off[at // 64 + 1] |= off >> (64 - shift)


cdef void note_saturated(const int32_t *counts, uint32_t n_channels, uint64_t *saturated) noexcept nogil:
    """Full-scale codes (data sheet table 9) mark their channel."""
    cdef uint32_t c
    cdef int32_t highest = 0, lowest = 0
    for c in range(n_channels):
        highest = max(highest, counts[c])
        lowest = min(lowest, counts[c])
    if highest < 0x7FFFFF and lowest > -0x800000:
        return
    for c in range(n_channels):
        if counts[c] >= 0x7FFFFF or counts[c] <= -0x800000:
            saturated[c // 64] |= <uint64_t>1 << (c % 64)


cdef void take_conversion(Source *s, uint64_t seqno, int64_t t_ns, int32_t status, const int32_t *counts,
                          const uint64_t *lead_off) noexcept nogil:
    """One edge, one fate: delivered, paused, or lost for a counted reason."""
    cdef uint64_t saturated[4]
    memset(saturated, 0, sizeof(saturated))
    source_lost(s, &s.n.missed, seqno - s.next_seqno)
    s.next_seqno = seqno + 1
    if status == EC_STATUS_BAD_STATUS_WORD:
        source_lost(s, &s.n.bad_status, 1)
        ec_run_log(s.group.run, EC_LOG_BAD_STATUS, s.node.number, NO_EDGE, seqno - 1, 0)
    elif ec_run_is(&s.group.run.paused):
        source_close_packet(s, ec_now_ns())
        source_lost(s, &s.n.paused, 1)
    else:
        note_saturated(counts, s.node.ports[0].n_channels, saturated)
        source_add_frame(s, counts, seqno - 1, t_ns, saturated, lead_off)


cdef void note_edges(Source *s, const ec_drdy *edges, int32_t n, int64_t woken_ns) noexcept nogil:
    if ec_counter_get(&s.n.first_edge_ns) == 0 and ec_counter_get(&s.n.last_seqno) == 0:
        ec_counter_set(&s.n.first_edge_ns, <uint64_t>edges[0].t_ns)
    ec_counter_set(&s.n.last_edge_ns, <uint64_t>edges[n - 1].t_ns)
    ec_counter_set(&s.n.last_seqno, edges[n - 1].seqno)
    ec_counter_set(&s.n.edges, edges[n - 1].seqno)
    if not s.group.run.is_virtual:
        ec_histogram_add(&s.n.wake_ns, woken_ns - edges[n - 1].t_ns)   # below 0: 0, a transfer runs ahead of the clock


cdef int32_t acquire_patient(Source *s, const ec_drdy *edges, int32_t n) noexcept nogil:
    """A device that keeps unread conversions: one read for each edge, in order."""
    cdef int32_t counts[256]
    cdef uint64_t lead_off[4]
    cdef int64_t begin_ns = 0, end_ns = 0
    cdef int32_t i, status
    for i in range(n):
        memset(lead_off, 0, sizeof(lead_off))
        status = read_conversion(s, counts, lead_off, &begin_ns, &end_ns)
        if status < 0 and status != EC_STATUS_BAD_STATUS_WORD:
            return status
        take_conversion(s, edges[i].seqno, edges[i].t_ns, status, counts, lead_off)
    return EC_STATUS_OK


cdef bint sort_edges(Source *s, int64_t begin_ns, int64_t end_ns, ec_drdy *newest, ec_drdy *unread) noexcept nogil:
    """Take every edge that has been reported by now, however many a stall let pile up.

    `newest` moves to the last one not later than the begin of the transfer, `unread` (seqno 0: none) to the last
    one after it. True if one fell inside the transfer.
    """
    cdef ec_drdy later[MAX_EDGES]
    cdef int32_t i, n = MAX_EDGES
    cdef bint torn = False
    unread.seqno = 0
    while n == MAX_EDGES:
        n = s.bus.wait(s.bus.self, 1, 0, later, MAX_EDGES)
        if n > 0:
            note_edges(s, later, n, ec_now_ns())
        for i in range(n):
            if later[i].t_ns <= begin_ns:
                newest[0] = later[i]
            else:
                torn = torn or later[i].t_ns <= end_ns
                unread[0] = later[i]
    return torn


cdef int32_t acquire_latch(Source *s, ec_drdy newest) noexcept nogil:
    """A chip with one latch: read once, then let the edges say which conversion it was (reference B-17).

    The frame belongs to the newest edge not later than the begin of the transfer; an edge during the transfer tore
    it; an edge after it is the next one to serve.
    """
    cdef int32_t counts[256]
    cdef uint64_t lead_off[4]
    cdef ec_drdy unread
    cdef int64_t begin_ns = 0, end_ns = 0
    cdef int32_t status
    while True:
        memset(lead_off, 0, sizeof(lead_off))
        status = read_conversion(s, counts, lead_off, &begin_ns, &end_ns)
        if status < 0 and status != EC_STATUS_BAD_STATUS_WORD:
            return status
        if sort_edges(s, begin_ns, end_ns, &newest, &unread):
            source_lost(s, &s.n.missed, newest.seqno - s.next_seqno)
            s.next_seqno = newest.seqno + 1
            source_lost(s, &s.n.late, 1)
        else:
            take_conversion(s, newest.seqno, newest.t_ns, status, counts, lead_off)
        if unread.seqno == 0 or ec_run_is(&s.group.run.stopping):
            return EC_STATUS_OK
        newest = unread                # edges that came meanwhile: the latch holds the newest of them
        ec_group_next_epoch(s.group)   # on a bus slower than the edges this goes on until stopped
        ec_counter_set(&s.group.beat_ns, <uint64_t>ec_now_ns())


cdef void run_acquire(Source *s) noexcept nogil:
    """Until stopped, the file is exhausted, or the device fails. [acquire]"""
    cdef ec_drdy edges[MAX_EDGES]
    cdef int32_t n, status
    cdef uint32_t want
    cdef uint64_t last = 0
    cdef ec_group *g = s.group
    cdef int64_t now
    ec_fp_flush_denormals()
    ec_group_park(g, 0)
    s.next_seqno = 1
    status = s.bus.start(s.bus.self)
    ec_rt_enter()
    while status >= 0 and not (ec_run_is(&g.run.stopping) or ec_run_is(&g.run.abort)):
        want = s.batch - (s.open_packet.n_frames if s.open_packet is not NULL else 0)
        n = s.bus.wait(s.bus.self, min(want, <uint32_t>MAX_EDGES), ec_now_ns() + WAIT_NS, edges, MAX_EDGES)
        now = ec_now_ns()
        ec_group_next_epoch(g)
        ec_counter_add(&g.rounds, 1)
        ec_counter_set(&g.beat_ns, <uint64_t>now)
        if n < 0:
            status = n
        elif n > 0:
            note_edges(s, edges, n, now)
            status = acquire_patient(s, edges, n) if s.bus.patient else acquire_latch(s, edges[n - 1])
    ec_rt_leave()
    s.bus.stop(s.bus.self, &last)
    source_close_packet(s, ec_now_ns())
    if status < 0 and status != EC_STATUS_END_OF_DATA:
        ec_run_log(g.run, EC_LOG_DEVICE, s.node.number, NO_EDGE, s.next_seqno - 1, status)
        ec_run_fail(g.run, status, s.node.number, NO_EDGE, s.next_seqno - 1)
    ec_counter_set(&s.n.edges, last)
    ec_counter_set(&s.n.pending, last + 1 - s.next_seqno)
    finish_node(g, 0)
    end_inputs(g, 1)
    end_outputs(g)
    ec_group_park(g, 1)

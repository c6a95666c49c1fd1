# The acquisition loop: wait for data-ready edges, read every chip, decode, fill packets. [acquire]
#
# The chip holds one conversion, and counts nothing. Which conversion a frame is, the edges say: the sample clock
# numbers them, and a frame belongs to the newest one not later than the begin of its transfer (reference B-17).

cdef enum:
    OFF_RATE_EDGES = 64       # so many edges on end at a wrong rate: the chips are brought up again
    MAX_EDGES = 64             # events taken from the bus in one wait
    SUSPECT_FRAMES = 3         # so many bad status words on end: are the registers still ours?
    STUCK_FRAMES = 8           # so many bad status words, or failed reads, on end: the bus is stuck

cdef double APART = 0.25                   # periods between edges of two lines: no longer the same conversion
cdef int64_t RESET_NS = 14000000           # less than tSETTLE of a chip at its reset rate, 16 ms (data sheet table 7)
cdef int64_t SILENCE_NS = 100000000        # no edge for so long, and for 10 periods: the line is dead


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


cdef int32_t decode_round(Chips *a) noexcept nogil:
    """All chips into one wide frame. One status word that is not 1100 spoils it: half a frame is none."""
    cdef uint32_t chip, at = 0, word
    cdef int32_t result = EC_STATUS_OK
    memset(a.lead_off, 0, sizeof(a.lead_off))
    for chip in range(a.driver.n_chips):
        if ec_decode_frame(a.frames[chip], a.driver.config.n_channels[chip], a.counts + at, &word) < 0:
            if result == EC_STATUS_OK:
                a.bad_word = chip << 24 | word
            result = EC_STATUS_BAD_STATUS_WORD
        else:
            note_lead_off(word, at, a.driver.config.n_channels[chip], a.lead_off)
        at += a.driver.config.n_channels[chip]
    return result


cdef inline void note_phase(Chips *a, uint32_t line, double phase) noexcept nogil:
    a.line_edges[line] += 1
    if phase > APART or phase < -APART:
        a.line_apart[line] += 1
        a.line_phase[line] = phase


cdef bint note_events(Source *s, const ec_drdy *events, int32_t n, uint64_t *conversion, ec_drdy *newest) noexcept nogil:
    """Number the edges of the sample clock's line; False if none of them is a conversion, else the newest one.

    Edges of other lines are only looked at: chips that share a clock keep step, or `out_of_step` says so.
    """
    cdef Chips *a = s.chips
    cdef int32_t i
    cdef int64_t known
    cdef bint found = False
    for i in range(n):
        a.line_edge_ns[events[i].line] = events[i].t_ns
        if events[i].line != 0:
            note_phase(a, events[i].line, ec_sample_clock_phase(&a.clock, events[i].t_ns))
            continue
        a.last_edge_ns = events[i].t_ns
        known = ec_sample_clock_edge(&a.clock, events[i].line_seqno - a.driver.seqno_at_start[0], events[i].t_ns, conversion)
        a.off_rate = a.off_rate + 1 if known < 0 else 0
        if known > 0:
            found = True
            newest[0] = events[i]
    if found:
        if ec_counter_get(&s.n.edges) == 0:
            ec_counter_set(&s.n.first_edge_ns, <uint64_t>(newest.t_ns - a.t_zero_ns))
        ec_counter_set(&s.n.last_edge_ns, <uint64_t>(newest.t_ns - a.t_zero_ns))
        ec_counter_set(&s.n.edges, conversion[0] + 1)
        ec_time_points_note(&s.points, conversion[0], a.clock.out_whole_ns + <int64_t>(a.clock.out_part_ns + 0.5)
                            - a.t_zero_ns, a.clock.out_period_ns, False)
    return found


cdef void take_conversion(Source *s, uint64_t conversion, int32_t status) noexcept nogil:
    """One conversion, one fate: delivered, paused, or lost for a counted reason."""
    cdef Chips *a = s.chips
    cdef uint64_t saturated[4]
    source_lost(s, &s.n.missed, conversion - a.next_conversion)
    a.next_conversion = conversion + 1
    if status == EC_STATUS_BAD_STATUS_WORD:
        source_lost(s, &s.n.bad_status, 1)
        a.bad_frames += 1
        ec_run_log(s.group.run, EC_LOG_BUS_STUCK if a.bad_frames == STUCK_FRAMES else EC_LOG_BAD_STATUS,
                   s.node.number, NO_EDGE, conversion, a.bad_word)
        return
    a.bad_frames = 0
    a.good_frames += 1
    if ec_run_is(&s.group.run.paused):
        source_close_packet(s, ec_now_ns())
        source_lost(s, &s.n.paused, 1)
        return
    memset(saturated, 0, sizeof(saturated))
    note_saturated(a.counts, s.node.ports[0].n_channels, saturated)
    source_add_frame(s, a.counts, conversion, ec_sample_clock_time(&a.clock, conversion) - a.t_zero_ns, saturated,
                     a.lead_off)


cdef bint sort_events(Source *s, int64_t begin_ns, int64_t end_ns, uint64_t *served, ec_drdy *newest,
                      uint64_t *unread, bint *more) noexcept nogil:
    """Take every event that has been reported by now, however many a stall let pile up.

    `served` moves to the last conversion whose edge is not later than the begin of the transfer, `unread` (if `more`)
    to the last one after it, `newest` to its edge. True if an edge fell inside the transfer. The kernel may stamp
    and report it later, or never: what the fit expects by the end of the transfer has happened.

    An edge that is due may have happened and not be reported yet: the kernel's thread that queues it needs a processor,
    perhaps this one, so it is waited for. Edges that happen before that thread runs are one event with the stamp of the
    last: a transfer that ends a period after the edge of `served` is not of it, whatever was reported.
    """
    cdef Chips *a = s.chips
    cdef ec_drdy later[MAX_EDGES]
    cdef int32_t i, n = 0
    cdef uint64_t conversion
    cdef int64_t served_ns = newest.t_ns, due_ns, fitted_ns
    cdef bint torn = False
    more[0] = False
    while True:
        fitted_ns = ec_sample_clock_forecast(&a.clock, 1)
        due_ns = newest.t_ns + a.period_ns
        if fitted_ns > 0:
            due_ns = min(due_ns, fitted_ns)
        if n < MAX_EDGES and (more[0] or end_ns < due_ns - a.period_ns // 8):
            break                      # the next edge is still to come: no need to ask the kernel
        n = ec_ads1299_wait(&a.driver, 1, 0 if more[0] else max(due_ns, end_ns) + a.period_ns // 2, later, MAX_EDGES)
        if n <= 0:
            break
        for i in range(n):
            if not note_events(s, &later[i], 1, &conversion, newest):
                continue
            if newest.t_ns <= begin_ns:
                served[0] = conversion
                served_ns = newest.t_ns
            else:
                torn = torn or newest.t_ns <= end_ns or 0 < ec_sample_clock_forecast(&a.clock, 0) <= end_ns
                unread[0] = conversion
                more[0] = True
    if n == -ENODATA:
        return torn                    # behind the last conversion of a recording there is none
    return torn or served_ns + a.period_ns <= end_ns or (not more[0] and 0 < fitted_ns <= end_ns)


cdef int32_t read_round(Source *s, ec_drdy edge, int64_t *begin_ns, int64_t *end_ns) noexcept nogil:
    """Read all chips; a failed read is repeated as long as the conversion is there."""
    cdef Chips *a = s.chips
    cdef int64_t window = a.period_ns - ec_ads1299_wire_ns(&a.driver.config)
    cdef int32_t status = ec_ads1299_read(&a.driver, edge.t_ns + max(window, 0), a.frames, begin_ns, end_ns)
    if status == EC_STATUS_OK:
        a.failed_reads = 0
        return decode_round(a)
    a.failed_reads += 1
    return status


cdef inline bint has_all(Chips *a) noexcept nogil:
    return a.frames_max != 0 and a.next_conversion >= a.frames_max


cdef inline bint has_chain(Chips *a) noexcept nogil:
    """Chips whose registers cannot be read: one that was reset gives nothing for tSETTLE, then data of its own making."""
    return a.driver.n_chips > a.driver.config.n_selects


cdef int32_t serve(Source *s, uint64_t conversion, ec_drdy edge) noexcept nogil:
    """Read until the newest conversion known is served. 0 or why the chips must be brought up again."""
    cdef Chips *a = s.chips
    cdef int64_t begin_ns = 0, end_ns = 0
    cdef int32_t status
    cdef uint64_t unread = 0
    cdef bint torn, more = False
    while True:
        status = read_round(s, edge, &begin_ns, &end_ns)
        if status == EC_STATUS_DEVICE_GONE:
            return status
        if status == EC_STATUS_DEVICE_IO:
            ec_run_log(s.group.run, EC_LOG_READ_FAILED, s.node.number, NO_EDGE, conversion,
                       a.driver.report.error)
            return status if a.failed_reads >= STUCK_FRAMES else EC_STATUS_OK      # the next one that is read counts it
        ec_histogram_add(&s.n.read_ns, end_ns - edge.t_ns)
        torn = sort_events(s, begin_ns, end_ns, &conversion, &edge, &unread, &more)
        if torn:
            source_lost(s, &s.n.missed, conversion - a.next_conversion)
            a.next_conversion = conversion + 1
            source_lost(s, &s.n.late, 1)
            s.late_before = True
        else:
            take_conversion(s, conversion, status)
        if a.bad_frames == SUSPECT_FRAMES and ec_ads1299_check(&a.driver) == EC_STATUS_BAD_DEVICE:
            return EC_STATUS_BAD_DEVICE    # a chip fell back to its reset state: it repeats no status word, or gives none
        if has_chain(a) and a.bad_frames * a.period_ns >= RESET_NS:
            return EC_STATUS_BAD_DEVICE
        if a.bad_frames >= 4 * STUCK_FRAMES:
            return EC_STATUS_BAD_STATUS_WORD
        if not more or ec_run_is(&s.group.run.stopping) or has_all(a):
            return EC_STATUS_OK
        conversion = unread            # edges that came meanwhile: the latch holds the newest of them
        ec_group_next_epoch(s.group)   # on a bus slower than the edges this goes on until the end
        ec_counter_set(&s.group.beat_ns, <uint64_t>ec_now_ns())


cdef int32_t acquire_some(Source *s) noexcept nogil:
    """Wait once and serve what came. 0, END_OF_DATA, or why the chips must be brought up again."""
    cdef ec_drdy events[MAX_EDGES]
    cdef ec_drdy edge
    cdef Chips *a = s.chips
    cdef ec_bus *bus = &a.driver.bus
    cdef uint32_t want = s.batch - (s.open_packet.n_frames if s.open_packet is not NULL else 0)
    cdef uint64_t conversion = 0
    cdef int64_t now
    cdef int32_t n = ec_ads1299_wait(&a.driver, min(want, <uint32_t>MAX_EDGES), bus.now(bus.self) + WAIT_NS // 4, events,
                                     MAX_EDGES)
    cdef int32_t status = EC_STATUS_OK
    now = bus.now(bus.self)
    if n < 0:
        return EC_STATUS_END_OF_DATA if n == -ENODATA else EC_STATUS_DEVICE_GONE
    if not note_events(s, events, n, &conversion, &edge):
        if a.off_rate >= OFF_RATE_EDGES:
            return EC_STATUS_WRONG_RATE
        return EC_STATUS_NO_DRDY if now - a.last_edge_ns > longest_silence(a) else EC_STATUS_OK
    if a.recovered:
        ec_run_log(s.group.run, EC_LOG_RECOVERED, s.node.number, NO_EDGE, conversion, a.recovered)
        a.recovered = 0
    if not s.group.run.is_virtual:
        ec_histogram_add(&s.n.wake_ns, now - edge.t_ns)
    status = serve(s, conversion, edge)
    if status == EC_STATUS_OK and a.last_edge_ns >= a.next_check_ns:
        status = look_after(s, bus.now(bus.self))
    if status == EC_STATUS_OK and has_all(a):
        status = EC_STATUS_END_OF_DATA
    return status


cdef void count_silence(Source *s, int64_t t_end_ns) noexcept nogil:
    """A run that ends while nothing comes: what should have happened since the last conversion is missing."""
    cdef Chips *a = s.chips
    cdef uint64_t edges = ec_counter_get(&s.n.edges)
    cdef int64_t last_ns = <int64_t>ec_counter_get(&s.n.last_edge_ns) + a.t_zero_ns if edges else a.t_start_ns
    cdef uint64_t silent
    if t_end_ns - last_ns <= longest_silence(a):
        return
    silent = (t_end_ns - last_ns) // a.period_ns
    if a.frames_max:
        silent = min(silent, a.frames_max - min(edges, a.frames_max))
    ec_counter_set(&s.n.edges, edges + silent)
    a.next_conversion += silent
    source_lost(s, &s.n.missed, silent)


cdef void finish_acquire(Source *s) noexcept nogil:
    """Stop the chips and number the edges that were reported and not served: they are pending."""
    cdef ec_drdy events[MAX_EDGES]
    cdef ec_drdy edge
    cdef uint64_t conversion
    cdef int32_t n = MAX_EDGES
    cdef int64_t t_end_ns = s.chips.driver.bus.now(s.chips.driver.bus.self)
    ec_ads1299_stop(&s.chips.driver)
    while n == MAX_EDGES:
        n = ec_ads1299_wait(&s.chips.driver, 1, 0, events, MAX_EDGES)
        if n > 0 and not has_all(s.chips):
            note_events(s, events, n, &conversion, &edge)
    note_clock(s)
    source_close_packet(s, ec_now_ns())
    count_silence(s, t_end_ns)
    ec_counter_set(&s.n.pending, ec_counter_get(&s.n.edges) - s.chips.next_conversion)


cdef void run_acquire(Source *s) noexcept nogil:
    """Until stopped, the data are exhausted, or the device fails for good. [acquire]"""
    cdef ec_group *g = s.group
    cdef Chips *a = s.chips
    cdef int32_t status
    ec_fp_flush_denormals()
    ec_group_park(g, 0)
    adopt(g)
    status = ec_ads1299_start(&a.driver, &a.t_start_ns)
    ec_sample_clock_init(&a.clock, a.driver.sps, 0)
    a.t_zero_ns = a.t_start_ns if g.run.is_virtual else 0
    begin_watching(s, a.t_start_ns)
    ec_rt_enter()
    while status >= 0 and not (ec_run_is(&g.run.stopping) or ec_run_is(&g.run.abort)):
        ec_group_next_epoch(g)
        ec_counter_add(&g.rounds, 1)
        if not g.run.is_virtual or ec_counter_get(&g.rounds) % 64 == 0:
            ec_counter_set(&g.beat_ns, <uint64_t>ec_now_ns())
        status = acquire_some(s)
        if status < 0 and status != EC_STATUS_END_OF_DATA:
            status = recover(s, status)
    ec_rt_leave()
    finish_acquire(s)
    if status < 0 and status != EC_STATUS_END_OF_DATA:
        ec_run_log(g.run, EC_LOG_DEVICE, s.node.number, NO_EDGE, a.next_conversion, status)
        ec_run_fail(g.run, status, s.node.number, NO_EDGE, a.next_conversion)
    end_source(g, s.node)

# What keeps an acquisition going: registers looked at, lines compared, chips brought up again. [acquire]

cdef enum:
    RECOVERIES = 3             # attempts to bring chips up again
    APART_EDGES = 64           # of a line, to judge them by


cdef int32_t out_of_step(Source *s) noexcept nogil:
    """Chips with data-ready lines of their own convert when the first one does (reference F-17, mistake 15).

    Told from when their edges come and not from how many: the kernel loses some of one line and not of the other.
    Half of the edges of a clock that runs past the other are far from it, all of them for a while if it does so
    slowly; of jitter that lets the next edge be forecast it is a third.
    """
    cdef Chips *a = s.chips
    cdef uint32_t line, seen, apart
    for line in range(1, a.driver.config.n_drdy):
        seen, apart = a.line_edges[line], a.line_apart[line]
        if seen >= APART_EDGES:
            a.line_edges[line] = a.line_apart[line] = 0
        if seen >= APART_EDGES and 16 * <uint64_t>apart > 7 * <uint64_t>seen and ec_sample_clock_forecast(&a.clock, 0):
            ec_run_log(s.group.run, EC_LOG_OUT_OF_STEP, s.node.number, NO_EDGE, a.next_conversion,
                       (<int64_t>line << 32) | <int64_t>(1000 * abs(a.line_phase[line])))
            return EC_STATUS_BAD_DEVICE
        if a.last_edge_ns - a.line_edge_ns[line] > longest_silence(a):
            return EC_STATUS_NO_DRDY
    return EC_STATUS_OK


cdef inline int64_t longest_silence(Chips *a) noexcept nogil:
    return max(SILENCE_NS, 10 * a.period_ns)


cdef void note_clock(Source *s) noexcept nogil:
    """What the sample clock found out, for those who read counters."""
    cdef ec_sample_clock_results found
    ec_sample_clock_read(&s.chips.clock, &found)
    ec_counter_set(&s.n.rate_uhz, <uint64_t>(found.sps_true * 1e6))
    ec_counter_set(&s.n.residual_ns, <uint64_t>found.sd_ns)
    ec_counter_set(&s.n.vanished, found.vanished)
    ec_counter_set(&s.n.spurious, found.spurious)


cdef int32_t look_after(Source *s, int64_t now_ns) noexcept nogil:
    """What is looked at once in a while, in the rest of a period: registers, lines, rate."""
    cdef Chips *a = s.chips
    cdef int32_t status
    note_clock(s)
    a.next_check_ns = now_ns + (a.check_every_ns if a.check_every_ns else 1000000000)
    status = out_of_step(s)
    if status < 0 or a.check_every_ns == 0:
        return status
    if now_ns + ec_ads1299_check_ns(&a.driver) > a.last_edge_ns + a.period_ns - a.period_ns // 8:
        return EC_STATUS_OK            # it does not fit between two edges: a reset shows in the rate or as silence
    status = ec_ads1299_check(&a.driver)
    if status == EC_STATUS_OK:
        ec_counter_add(&s.n.checks, 1)
    return status if status == EC_STATUS_BAD_DEVICE or status == EC_STATUS_DEVICE_GONE else EC_STATUS_OK


cdef bint acquire_sleep(Source *s, int64_t ns) noexcept nogil:
    """Sleep on the bus's clock, with a sign of life. False when stopping."""
    cdef ec_bus *bus = &s.chips.driver.bus
    while ns > 0 and not ec_run_is(&s.group.run.stopping):
        bus.sleep(bus.self, min(ns, WAIT_NS))
        ns -= WAIT_NS
        ec_group_next_epoch(s.group)
        ec_counter_set(&s.group.beat_ns, <uint64_t>ec_now_ns())
    return not ec_run_is(&s.group.run.stopping)


cdef int32_t recover(Source *s, int32_t why) noexcept nogil:
    """Bring the chips up again, after 0.1, 1 and 5 s; the frames that did not happen meanwhile are a gap by time.

    Attempts count until the chips have run for a second: what comes back at once is given up all the same.
    """
    cdef Chips *a = s.chips
    cdef int64_t t_start_ns = 0, delay_ns
    cdef int32_t status = why
    if a.good_frames * a.period_ns >= 1000000000:
        a.attempts = 0
    source_close_packet(s, ec_now_ns())
    while status < 0 and status != EC_STATUS_DEVICE_GONE and a.attempts < RECOVERIES:
        ec_run_log(s.group.run, EC_LOG_RECOVERING, s.node.number, NO_EDGE, a.next_conversion, status)
        delay_ns = 100000000 if a.attempts == 0 else 1000000000 if a.attempts == 1 else 5000000000
        a.attempts += 1
        if not acquire_sleep(s, delay_ns):
            return EC_STATUS_OK
        ec_ads1299_stop(&a.driver)
        status = ec_ads1299_bring_up(&a.driver)
        if status == EC_STATUS_OK:
            status = ec_ads1299_start(&a.driver, &t_start_ns)
        if status == EC_STATUS_OK:
            ec_sample_clock_restart(&a.clock)
            ec_counter_add(&s.n.restarts, 1)
            begin_watching(s, t_start_ns)
            a.recovered = a.attempts       # said when the first edge comes
    return status


cdef void begin_watching(Source *s, int64_t t_start_ns) noexcept nogil:
    cdef Chips *a = s.chips
    cdef uint32_t line
    a.last_edge_ns = t_start_ns
    a.next_check_ns = t_start_ns + (a.check_every_ns if a.check_every_ns else 1000000000)
    a.failed_reads = 0
    a.bad_frames = 0
    a.good_frames = 0
    a.off_rate = 0
    for line in range(EC_BUS_MAX_CHIPS):
        a.line_edge_ns[line] = t_start_ns
    memset(a.line_edges, 0, sizeof(a.line_edges))
    memset(a.line_apart, 0, sizeof(a.line_apart))

# The playback loop: a recording in memory, paced by the clock or as fast as the graph takes it. [acquire]


cdef bint playback_pause(Source *s, int64_t *t_start_ns) noexcept nogil:
    """Stand still while the run is paused. False when stopping.

    On the real clock time has gone on meanwhile; the virtual clock stood still too.
    """
    cdef uint32_t seen
    cdef int64_t begin_ns = ec_now_ns()
    while ec_run_is(&s.group.run.paused):
        seen = ec_doorbell_look(&s.wake)
        if ec_run_is(&s.group.run.stopping) or ec_run_is(&s.group.run.abort):
            return False
        ec_counter_set(&s.group.beat_ns, <uint64_t>ec_now_ns())
        ec_group_next_epoch(s.group)
        ec_doorbell_wait(&s.wake, seen, ec_now_ns() + WAIT_NS)
    if not s.group.run.is_virtual:
        t_start_ns[0] += ec_now_ns() - begin_ns
    return True


cdef bint playback_sleep(Source *s, int64_t due_ns) noexcept nogil:
    """Wait for the time of the next packet, or for a pause. False when stopping."""
    cdef uint32_t seen
    while True:
        seen = ec_doorbell_look(&s.wake)
        if ec_run_is(&s.group.run.stopping) or ec_run_is(&s.group.run.abort):
            return False
        if ec_now_ns() >= due_ns or ec_run_is(&s.group.run.paused):
            return True
        ec_counter_set(&s.group.beat_ns, <uint64_t>ec_now_ns())
        ec_group_next_epoch(s.group)
        ec_doorbell_wait(&s.wake, seen, min(due_ns, ec_now_ns() + WAIT_NS))


cdef bint playback_due(Source *s, int64_t *t_start_ns, double due_ns, bint paced) noexcept nogil:
    """Wait until the packet that is due `due_ns` after the start may go. False when stopping."""
    while True:
        if ec_run_is(&s.group.run.paused) and not playback_pause(s, t_start_ns):
            return False
        if paced and not playback_sleep(s, t_start_ns[0] + <int64_t>due_ns):
            return False
        if not ec_run_is(&s.group.run.paused):
            return True


cdef void playback_mark_saturated(Source *s, const void *values, uint64_t *saturated) noexcept nogil:
    if s.is_counts:
        note_saturated(<const int32_t *>values, s.node.ports[0].n_channels, saturated)


cdef void run_playback(Source *s) noexcept nogil:
    """Until the end of the recording, `frames_max`, or stopped."""
    cdef ec_group *g = s.group
    cdef uint64_t at = 0, sent = 0, gap = 0, frame_index = 0
    cdef uint64_t saturated[4]
    cdef uint64_t lead_off[4]
    cdef uint32_t n_channels = s.node.ports[0].n_channels
    cdef double ns_per_frame = 1e9 / (s.sps * s.speed) if s.speed > 0 else 0.0
    cdef int64_t t_start_ns = 0 if g.run.is_virtual else ec_now_ns()
    cdef int64_t t_ns
    cdef int64_t t_before_ns = t_start_ns
    cdef bint paced = s.speed > 0 and not g.run.is_virtual
    cdef const char *row
    ec_fp_flush_denormals()
    ec_group_park(g, 0)
    adopt(g)
    memset(lead_off, 0, sizeof(lead_off))
    ec_rt_enter()
    while not (ec_run_is(&g.run.stopping) or ec_run_is(&g.run.abort)):
        if at == s.recording.n_frames:
            if not s.loop or at == 0:
                break
            at = 0
            gap = 0
            source_lost(s, &s.n.missed, 0)
            source_close_packet(s, ec_now_ns())
            s.gap_before = True            # the end and the beginning of a recording are not neighbours
        if s.frames_max and sent >= s.frames_max:
            break
        while gap < s.recording.n_gaps and s.recording.gap_at[gap] == at:
            source_close_packet(s, ec_now_ns())
            ec_counter_add(&s.n.edges, s.recording.gap_frames[gap])
            source_lost(s, &s.n.missed, s.recording.gap_frames[gap])
            frame_index += s.recording.gap_frames[gap]
            gap += 1
        if s.open_packet is NULL:
            if not playback_due(s, &t_start_ns, (frame_index + s.batch) * ns_per_frame, paced):
                break
            ec_group_next_epoch(g)
            ec_counter_add(&g.rounds, 1)
            ec_counter_set(&g.beat_ns, <uint64_t>ec_now_ns())
            ec_time_points_note(&s.points, frame_index, t_start_ns + <int64_t>(frame_index * 1e9 / s.sps + 0.5),
                                1e9 / s.sps, t_start_ns != t_before_ns)
            t_before_ns = t_start_ns
        row = <const char *>s.recording.values + at * n_channels * 4
        t_ns = t_start_ns + <int64_t>(frame_index * 1e9 / s.sps + 0.5)
        if sent == 0:
            ec_counter_set(&s.n.first_edge_ns, <uint64_t>t_ns)
        ec_counter_add(&s.n.edges, 1)
        ec_counter_set(&s.n.last_edge_ns, <uint64_t>t_ns)
        memset(saturated, 0, sizeof(saturated))
        playback_mark_saturated(s, row, saturated)
        source_add_frame(s, row, frame_index, t_ns, saturated, lead_off)
        at += 1
        sent += 1
        frame_index += 1
    ec_rt_leave()
    source_close_packet(s, ec_now_ns())
    end_source(g, s.node)

# What a failed call of a stage means: the error policies of ARCHITECTURE section 7, on the thread of the node's group.


cdef void report_failure(ec_group *g, ec_node *n, int32_t status, uint64_t frame_index) noexcept nogil:
    ec_counter_add(&n.errors, 1)
    ec_run_log(g.run, EC_LOG_POOL_EMPTY if status == EC_STATUS_POOL_EMPTY else EC_LOG_STAGE_FAILED,
               n.number, NO_EDGE, frame_index, status)


cdef void stage_failed(ec_group *g, ec_node *n, int32_t status, uint64_t frame_index, uint32_t frames) noexcept nogil:
    """Give up the frames of a failed call, and what comes after it if the policy says so.

    A pool that is empty means a leak, whatever stage meets it: the run ends.
    """
    ec_counter_add(&n.skipped, frames)
    if status == EC_STATUS_STOPPED:
        return                         # the run was stopped at once while we waited for a slot: nobody's failure
    report_failure(g, n, status, frame_index)
    n.has_skipped = 1
    if n.on_error == EC_ON_ERROR_FATAL or status == EC_STATUS_POOL_EMPTY:
        ec_run_fail(g.run, status, n.number, NO_EDGE, frame_index)
        n.dead = 1
    elif n.on_error == EC_ON_ERROR_DRAIN_THEN_STOP:
        n.dead = 1


cdef inline bint is_substituted(const ec_node *n, int32_t status) noexcept nogil:
    return (n.on_error == EC_ON_ERROR_USE_DEFAULT and status != EC_STATUS_POOL_EMPTY
            and status != EC_STATUS_STOPPED)


cdef bint substitute(ec_group *g, ec_node *n, const eegcore_block *given, eegcore_block *out, const ec_packet *parent,
                     int32_t status, int64_t enter_ns, int64_t leave_ns) noexcept nogil:
    """Hand on the declared defaults, flagged, for the frames of a failed call. False if there is no slot for them.

    The plan has made sure that every output has the frames of the input, as float32.
    """
    cdef uint32_t i, k, c, n_channels
    cdef ec_port *port
    if open_outputs(g, n, out, given, given.n_frames) != EC_STATUS_OK:
        return False
    report_failure(g, n, status, parent.frame_index)
    ec_counter_add(&n.substituted, given.device_frames)
    for i in range(n.n_outputs):
        port = &n.ports[i]
        out[i].n_frames = given.n_frames
        out[i].device_frames = given.device_frames
        out[i].flags |= EEGCORE_FLAG_SUBSTITUTED
        if out[i].values is NULL:
            continue
        n_channels = port.n_channels
        for k in range(given.n_frames):
            for c in range(n_channels):
                out[i].values[<size_t>k * n_channels + c] = port.substitute[c]
    forward_outputs(g, n, out, parent, enter_ns, leave_ns)
    return True

# moving_stats: mean, rms, minimum and maximum of a sliding window, a port for each. The kernel is dsp/ec_moving.h.


cdef struct MovingStats:
    ec_moving moving
    FrameWindow window
    Owed owed[EC_MOVING_STATS]
    uint32_t n_window, hop


cdef void moving_destroy(void *self) noexcept nogil:
    cdef MovingStats *s = <MovingStats *>self
    if s is not NULL:
        ec_moving_destroy(&s.moving)
    free(s)


cdef void *moving_create(const char *settings_json, const char **why) noexcept with gil:
    cdef MovingStats *s = <MovingStats *>new_aligned(sizeof(MovingStats))
    try:
        if s is NULL:
            raise MemoryError("eegcore: no memory for moving_stats")
        settings = json_loads(settings_json)
        s.n_window, s.hop = settings["n"], settings["hop"]
        if s.hop == 0:
            raise ValueError("a hop of 0 frames")
        return s
    except Exception as error:
        why[0] = keep_reason(error)
        moving_destroy(s)
        return NULL


cdef int32_t moving_start(void *self, const eegcore_stream *in_, uint32_t n_in,
                          const eegcore_stream *out, uint32_t n_out) noexcept nogil:
    cdef MovingStats *s = <MovingStats *>self
    cdef uint32_t p
    if n_in != 1 or n_out != EC_MOVING_STATS or in_[0].kind != EEGCORE_VOLTAGE_F32 \
            and in_[0].kind != EEGCORE_RAW_AND_VOLTAGE:
        return EEGCORE_BAD_STREAM
    for p in range(n_out):
        if out[p].kind != EEGCORE_VOLTAGE_F32 or out[p].n_channels != in_[0].n_channels \
                or <uint64_t>out[p].max_frames * s.hop < in_[0].max_frames:
            return EEGCORE_BAD_STREAM
    window_init(&s.window, &in_[0], s.n_window)
    return ec_moving_init(&s.moving, s.n_window, in_[0].n_channels)


cdef uint32_t moving_until_full(MovingStats *s, eegcore_block *out) noexcept nogil:
    """Notice who reads; return for how many frames no port becomes full."""
    cdef uint32_t p, until = ANY_FRAMES
    cdef uint64_t seen
    for p in range(EC_MOVING_STATS):
        ec_moving_want(&s.moving, p, out[p].values is not NULL)
        seen = ec_moving_seen(&s.moving, p)
        if out[p].values is not NULL and seen < s.n_window - 1:
            until = min(until, <uint32_t>(s.n_window - 1 - seen))
    return until


cdef void moving_answer(MovingStats *s, uint32_t p, const eegcore_block *block, uint32_t due, bint is_full,
                        eegcore_block *out) noexcept nogil:
    """The values of a port are written; `due` is the place of the first in the block."""
    out.frame_index = ec_grid_index(s.window.first + due, s.window.step_num, s.window.step_den)
    out.t_ns = block.t_ns + <int64_t>(due * 1e9 / block.sps + 0.5)
    window_answer(&s.window, &s.owed[p], block, out)
    if not is_full:                            # read only since a moment ago: the marks do not know
        out.flags |= EEGCORE_FLAG_SETTLING


cdef int32_t moving_process(void *self, const eegcore_block *in_, uint32_t n_in, eegcore_block *out,
                            uint32_t n_out) noexcept nogil:
    cdef MovingStats *s = <MovingStats *>self
    cdef eegcore_block block
    cdef bint fresh = False
    cdef bint is_full[EC_MOVING_STATS]
    cdef float *values[EC_MOVING_STATS]
    cdef uint32_t p, due, made
    for p in range(n_out):
        out[p].n_frames = 0
        values[p] = out[p].values
    if not window_take(&s.window, &in_[0], &block, moving_until_full(s, out), &fresh):
        return EEGCORE_OK
    if fresh:
        ec_moving_restart(&s.moving)
    for p in range(n_out):
        is_full[p] = ec_moving_seen(&s.moving, p) >= s.n_window - 1
        owe(&s.owed[p], &block, &out[p])
    due = <uint32_t>((s.hop - s.window.first % s.hop) % s.hop)
    made = ec_moving_run(&s.moving, block.values, block.n_frames, s.window.first, s.hop, values)
    for p in range(n_out):
        if made and values[p] is not NULL:
            out[p].n_frames = made
            moving_answer(s, p, &block, due, is_full[p], &out[p])
    return EEGCORE_MORE if s.window.rest.n_frames else EEGCORE_OK


cdef int32_t moving_take_over(void *self, void *old) noexcept nogil:
    """A longer window grows from what there is; to a shorter one the output is cross-faded over its length."""
    cdef MovingStats *s = <MovingStats *>self
    cdef MovingStats *o = <MovingStats *>old
    ec_moving_take_over(&s.moving, &o.moving)
    window_take_over(&s.window, &o.window, s.moving.position)
    memcpy(s.owed, o.owed, sizeof(s.owed))
    return <int32_t>s.n_window if s.n_window < o.n_window else 0


cdef StageDescriptor MOVING_STATS
memset(&MOVING_STATS, 0, sizeof(MOVING_STATS))
MOVING_STATS.struct_size = sizeof(StageDescriptor)
MOVING_STATS.id = "eegcore.moving_stats"
MOVING_STATS.max_inputs = 1
MOVING_STATS.max_outputs = EC_MOVING_STATS
MOVING_STATS.create = moving_create
MOVING_STATS.start = moving_start
MOVING_STATS.process = moving_process
MOVING_STATS.take_over = moving_take_over
MOVING_STATS.destroy = moving_destroy
offer("moving_stats", &MOVING_STATS)

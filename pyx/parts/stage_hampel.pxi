# hampel: outliers replaced by the median around them. The kernel is dsp/ec_hampel.h.
#
# n frames out for n frames in: a frame has the index and time of the newest sample of its window, and the value of the
# middle one, as with every filter that delays.


cdef struct Hampel:
    ec_hampel filter
    FrameWindow window
    uint32_t n_window
    double limit


cdef void hampel_destroy(void *self) noexcept nogil:
    cdef Hampel *s = <Hampel *>self
    if s is not NULL:
        ec_hampel_destroy(&s.filter)
    free(s)


cdef void *hampel_create(const char *settings_json, const char **why) noexcept with gil:
    cdef Hampel *s = <Hampel *>new_aligned(sizeof(Hampel))
    try:
        if s is NULL:
            raise MemoryError("eegcore: no memory for hampel")
        settings = json_loads(settings_json)
        s.n_window, s.limit = settings["n"], number(settings["limit"])
        return s
    except Exception as error:
        why[0] = keep_reason(error)
        hampel_destroy(s)
        return NULL


cdef int32_t hampel_start(void *self, const eegcore_stream *in_, uint32_t n_in,
                          const eegcore_stream *out, uint32_t n_out) noexcept nogil:
    cdef Hampel *s = <Hampel *>self
    if n_in != 1 or n_out != 1 or in_[0].kind != EEGCORE_VOLTAGE_F32 and in_[0].kind != EEGCORE_RAW_AND_VOLTAGE \
            or out[0].kind != EEGCORE_VOLTAGE_F32 or out[0].n_channels != in_[0].n_channels \
            or out[0].max_frames < in_[0].max_frames:
        return EEGCORE_BAD_STREAM
    window_init(&s.window, &in_[0], s.n_window)
    return ec_hampel_init(&s.filter, s.n_window, s.limit, in_[0].n_channels)


cdef int32_t hampel_process(void *self, const eegcore_block *in_, uint32_t n_in, eegcore_block *out,
                            uint32_t n_out) noexcept nogil:
    cdef Hampel *s = <Hampel *>self
    cdef eegcore_block block
    cdef bint fresh = False
    cdef uint32_t moment
    out[0].n_frames = 0
    if not window_take(&s.window, &in_[0], &block, ANY_FRAMES, &fresh):
        return EEGCORE_OK
    if fresh:
        ec_hampel_restart(&s.filter)
    moment = block.flags & <uint32_t>(EEGCORE_FLAG_GAP | EEGCORE_FLAG_LATE_READ)
    block_head(&out[0], &block)
    ec_marks_write(&s.window.marks, &out[0])
    out[0].flags |= moment
    ec_hampel_run(&s.filter, block.values, block.n_frames, out[0].values)
    return EEGCORE_MORE if s.window.rest.n_frames else EEGCORE_OK


cdef int32_t hampel_take_over(void *self, void *old) noexcept nogil:
    """Another n_sigma goes on as it is; another window has another delay, and is cross-faded over the longer one."""
    cdef Hampel *s = <Hampel *>self
    cdef Hampel *o = <Hampel *>old
    ec_hampel_take_over(&s.filter, &o.filter)
    window_take_over(&s.window, &o.window, s.n_window)
    return <int32_t>max(s.n_window, o.n_window) if s.n_window != o.n_window else 0


cdef uint32_t hampel_counters(void *self, eegcore_counter *out, uint32_t max) noexcept nogil:
    return count_out(out, 0, max, NO_INPUT, "replaced", ec_counter_get(&(<Hampel *>self).filter.replaced))


cdef StageDescriptor HAMPEL
memset(&HAMPEL, 0, sizeof(HAMPEL))
HAMPEL.struct_size = sizeof(StageDescriptor)
HAMPEL.id = "eegcore.hampel"
HAMPEL.max_inputs = 1
HAMPEL.max_outputs = 1
HAMPEL.create = hampel_create
HAMPEL.start = hampel_start
HAMPEL.process = hampel_process
HAMPEL.take_over = hampel_take_over
HAMPEL.counters = hampel_counters
HAMPEL.destroy = hampel_destroy
offer("hampel", &HAMPEL)

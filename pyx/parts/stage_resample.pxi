# resample: another rate by a rational ratio. The filter is dsp/ec_resample.h; here it meets packets.
#
# Output k sits at device position k * step of the output, for ever: a gap restarts the history with zeros, not the
# numbers. Its frame_index is the whole part of that.


cdef struct Resample:
    ec_resample filter
    FrameWindow window
    Owed owed
    uint32_t out_num, out_den  # step of the output
    uint32_t up, down
    uint32_t n_taps
    double *taps


cdef void resample_destroy(void *self) noexcept nogil:
    cdef Resample *s = <Resample *>self
    if s is not NULL:
        ec_resample_destroy(&s.filter)
        free(s.taps)
    free(s)


cdef void *resample_create(const char *settings_json, const char **why) noexcept with gil:
    cdef Resample *s = <Resample *>new_aligned(sizeof(Resample))
    try:
        if s is NULL:
            raise MemoryError("eegcore: no memory for resample")
        settings = json_loads(settings_json)
        s.up, s.down = settings["up"], settings["down"]
        s.n_taps = len(settings["taps"])
        s.taps = number_array(settings["taps"], s.n_taps)
        return s
    except Exception as error:
        why[0] = keep_reason(error)
        resample_destroy(s)
        return NULL


cdef int32_t resample_start(void *self, const eegcore_stream *in_, uint32_t n_in,
                            const eegcore_stream *out, uint32_t n_out) noexcept nogil:
    cdef Resample *s = <Resample *>self
    cdef int32_t status
    if n_in != 1 or n_out != 1 or in_[0].kind != EEGCORE_VOLTAGE_F32 and in_[0].kind != EEGCORE_RAW_AND_VOLTAGE \
            or out[0].kind != EEGCORE_VOLTAGE_F32 or out[0].n_channels != in_[0].n_channels \
            or <uint64_t>out[0].step_num * in_[0].step_den * s.up != <uint64_t>in_[0].step_num * out[0].step_den * s.down \
            or <uint64_t>out[0].max_frames * s.down < <uint64_t>in_[0].max_frames * s.up:
        return EEGCORE_BAD_STREAM
    status = ec_resample_init(&s.filter, s.up, s.down, s.taps, s.n_taps, in_[0].n_channels)
    if status < 0:
        return status
    window_init(&s.window, &in_[0], s.filter.n_window)
    s.out_num, s.out_den = out[0].step_num, out[0].step_den
    return EEGCORE_OK


cdef void resample_place(Resample *s, const eegcore_block *block, eegcore_block *out) noexcept nogil:
    """Say where the next output is: index and time. The frames of the block are still to come."""
    cdef uint64_t k = s.filter.next_out
    cdef uint64_t parts = k * s.down - s.window.first * s.up       # of an input frame, behind the first of the block
    out.frame_index = ec_grid_index(k, s.out_num, s.out_den)
    out.t_ns = block.t_ns + <int64_t>(parts * 1e9 / s.up / block.sps + 0.5)


cdef int32_t resample_process(void *self, const eegcore_block *in_, uint32_t n_in, eegcore_block *out,
                              uint32_t n_out) noexcept nogil:
    cdef Resample *s = <Resample *>self
    cdef eegcore_block block
    cdef bint fresh = False
    out[0].n_frames = 0
    if not window_take(&s.window, &in_[0], &block, ANY_FRAMES, &fresh):
        return EEGCORE_OK
    if fresh:
        ec_resample_restart(&s.filter, s.window.first)
    owe(&s.owed, &block, &out[0])
    resample_place(s, &block, &out[0])
    out[0].n_frames = ec_resample_run(&s.filter, block.values, block.n_frames, out[0].values)
    if out[0].n_frames and out[0].values is not NULL:
        window_answer(&s.window, &s.owed, &block, &out[0])
    return EEGCORE_MORE if s.window.rest.n_frames else EEGCORE_OK


cdef int32_t resample_take_over(void *self, void *old) noexcept nogil:
    cdef Resample *s = <Resample *>self
    cdef Resample *o = <Resample *>old
    cdef int32_t status = ec_resample_take_over(&s.filter, &o.filter)
    if status < 0:
        return status
    window_take_over(&s.window, &o.window, s.window.marks.window)
    s.owed = o.owed
    return 0


cdef StageDescriptor RESAMPLE
memset(&RESAMPLE, 0, sizeof(RESAMPLE))
RESAMPLE.struct_size = sizeof(StageDescriptor)
RESAMPLE.id = "eegcore.resample"
RESAMPLE.max_inputs = 1
RESAMPLE.max_outputs = 1
RESAMPLE.create = resample_create
RESAMPLE.start = resample_start
RESAMPLE.process = resample_process
RESAMPLE.take_over = resample_take_over
RESAMPLE.destroy = resample_destroy
offer("resample", &RESAMPLE)

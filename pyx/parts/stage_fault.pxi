# fault: a stage that fails when it is told to, so that what a failure costs can be shown. No pipeline can name it.


cdef struct Fault:
    uint64_t begin             # first device frame at which a call fails
    uint64_t end               # and the first after which it does not any more


cdef void *fault_create(const char *settings_json, const char **why) noexcept with gil:
    cdef Fault *s = <Fault *>new_aligned(sizeof(Fault))
    try:
        if s is NULL:
            raise MemoryError("eegcore: no memory for fault")
        settings = json_loads(settings_json)
        s.begin = settings["fail_from"]
        s.end = settings["fail_until"]
        return s
    except Exception as error:
        why[0] = keep_reason(error)
        free(s)
        return NULL


cdef int32_t fault_start(void *self, const eegcore_stream *in_, uint32_t n_in,
                         const eegcore_stream *out, uint32_t n_out) noexcept nogil:
    return EEGCORE_OK if n_in == 1 and n_out == 1 else EEGCORE_BAD_STREAM


cdef int32_t fault_process(void *self, const eegcore_block *in_, uint32_t n_in, eegcore_block *out,
                           uint32_t n_out) noexcept nogil:
    cdef Fault *s = <Fault *>self
    if s.begin <= in_[0].frame_index < s.end:
        return EEGCORE_STAGE_FAILED
    if out[0].values is not NULL:
        memcpy(out[0].values, in_[0].values, <size_t>in_[0].n_frames * in_[0].n_channels * sizeof(float))
    return EEGCORE_OK


cdef StageDescriptor FAULT
memset(&FAULT, 0, sizeof(FAULT))
FAULT.struct_size = sizeof(StageDescriptor)
FAULT.id = "eegcore.fault"
FAULT.max_inputs = 1
FAULT.max_outputs = 1
FAULT.create = fault_create
FAULT.start = fault_start
FAULT.process = fault_process
FAULT.destroy = sink_destroy
offer("fault", &FAULT)

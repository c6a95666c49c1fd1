# select: some channels of a stream, in a given order.


cdef struct Select:
    uint32_t n_in
    uint32_t n_out
    uint32_t *picks            # [n_out] channel numbers of the input


cdef void select_destroy(void *self) noexcept nogil:
    cdef Select *s = <Select *>self
    if s is not NULL:
        free(s.picks)
    free(s)


cdef void *select_create(const char *settings_json, const char **why) noexcept with gil:
    cdef Select *s = <Select *>new_aligned(sizeof(Select))
    try:
        picks = json_loads(settings_json)["picks"]
        if s is NULL or not picks:
            raise ValueError("no channel is picked")
        s.picks = <uint32_t *>new_aligned(len(picks) * sizeof(uint32_t))
        if s.picks is NULL:
            raise MemoryError("eegcore: no memory for select")
        s.n_out = len(picks)
        for i, pick in enumerate(picks):
            s.picks[i] = pick
        return s
    except Exception as error:
        why[0] = keep_reason(error)
        select_destroy(s)
        return NULL


cdef int32_t select_start(void *self, const eegcore_stream *in_, uint32_t n_in,
                          const eegcore_stream *out, uint32_t n_out) noexcept nogil:
    cdef Select *s = <Select *>self
    cdef uint32_t i
    if n_in != 1 or n_out != 1 or out[0].n_channels != s.n_out:
        return EEGCORE_BAD_STREAM
    s.n_in = in_[0].n_channels
    for i in range(s.n_out):
        if s.picks[i] >= s.n_in:
            return EEGCORE_BAD_STREAM
    return EEGCORE_OK


cdef void pick_mask(Select *s, const uint64_t *given, eegcore_block *out, uint64_t *mask, uint32_t flag) noexcept nogil:
    """Carry a mask of the input to the output, and its flag only if a picked channel has it."""
    cdef uint32_t i, c
    memset(mask, 0, EC_MASK_WORDS * sizeof(uint64_t))
    for i in range(s.n_out):
        c = s.picks[i]
        mask[i // 64] |= (given[c // 64] >> (c % 64) & 1) << (i % 64)
    if not any_mask(mask):
        out.flags &= ~flag


cdef int32_t select_process(void *self, const eegcore_block *in_, uint32_t n_in, eegcore_block *out,
                            uint32_t n_out) noexcept nogil:
    cdef Select *s = <Select *>self
    cdef size_t bins = in_[0].n_bins if in_[0].n_bins else 1
    cdef size_t row, i
    for row in range(in_[0].n_frames * bins):
        if out[0].counts is not NULL:
            for i in range(s.n_out):
                out[0].counts[row * s.n_out + i] = in_[0].counts[row * s.n_in + s.picks[i]]
        if out[0].values is not NULL:
            for i in range(s.n_out):
                out[0].values[row * s.n_out + i] = in_[0].values[row * s.n_in + s.picks[i]]
    pick_mask(s, in_[0].saturated, &out[0], out[0].saturated, EEGCORE_FLAG_SATURATED)
    pick_mask(s, in_[0].lead_off, &out[0], out[0].lead_off, EEGCORE_FLAG_LEAD_OFF)
    if in_[0].flags & EEGCORE_FLAGS_ARTEFACT:
        pick_mask(s, in_[0].flatline, &out[0], out[0].flatline, EEGCORE_FLAG_FLATLINE)
        pick_mask(s, in_[0].blink, &out[0], out[0].blink, EEGCORE_FLAG_BLINK)
        pick_mask(s, in_[0].muscle, &out[0], out[0].muscle, EEGCORE_FLAG_MUSCLE)
    return EEGCORE_OK


cdef int32_t select_take_over(void *self, void *old) noexcept nogil:
    """The labels stay, so the channels do: nothing is carried and nothing jumps."""
    return 0


cdef StageDescriptor SELECT
memset(&SELECT, 0, sizeof(SELECT))
SELECT.struct_size = sizeof(StageDescriptor)
SELECT.id = "eegcore.select"
SELECT.max_inputs = 1
SELECT.max_outputs = 1
SELECT.create = select_create
SELECT.start = select_start
SELECT.process = select_process
SELECT.destroy = select_destroy
SELECT.take_over = select_take_over
offer("select", &SELECT)

# Operations of a cascade that put other zeros under the channels: `mix`, another reference and perhaps other channels
# (csrc/dsp/ec_mix.h), and `detrend` (csrc/dsp/ec_sliding_trend.h).


cdef uint32_t *index_array(values) except NULL:
    """Copy whole numbers into memory that the caller frees."""
    cdef Py_ssize_t i, n = len(values)
    cdef uint32_t *out = <uint32_t *>new_aligned(max(n, 1) * sizeof(uint32_t))
    if out is NULL:
        raise MemoryError("eegcore: no memory for the channels of a stage")
    for i in range(n):
        out[i] = values[i]
    return out


cdef int op_build_mix(LinearOp *op, dict settings) except -1:
    """From `pick` and `use`, one per output, and `references`, a list of input channels each."""
    cdef uint32_t *pick = NULL
    cdef uint32_t *use = NULL
    cdef uint32_t *first = NULL
    cdef uint32_t *members = NULL
    cdef int32_t status
    references = settings["references"]
    total = 0
    starts = [total]
    for reference in references:
        total += len(reference)
        starts.append(total)
    if not len(settings["pick"]) == len(settings["use"]) == settings["n_out"]:
        raise ValueError(f"{len(settings['pick'])} channels of {settings['n_out']}")
    try:
        pick = index_array(settings["pick"])
        use = index_array(settings["use"])
        first = index_array(starts)
        members = index_array([channel for reference in references for channel in reference])
        status = ec_mix_init(&op.mix, op.n_in, settings["n_out"], pick, use, len(references), first, members)
    finally:
        free(pick)
        free(use)
        free(first)
        free(members)
    if status == EC_STATUS_NO_MEMORY:
        raise MemoryError("eegcore: no memory for a reference")
    if status < 0:
        raise ValueError(f"mix of {op.n_in} channels: {settings}")
    op.n_out = op.mix.n_out
    op.kind = OP_MIX
    return 0


cdef void mix_marks(ec_mix *mix, eegcore_block *marks) noexcept nogil:
    """Take flags and masks through a new reference, and remember whom not to trust. [worker-thread, realtime]"""
    cdef uint64_t bad[EC_MASK_WORDS]
    cdef uint64_t given[EC_MASK_WORDS]
    cdef int w
    ec_mix_hold(mix, marks.saturated, marks.lead_off)
    for w in range(EC_MASK_WORDS):
        bad[w] = marks.saturated[w] | marks.lead_off[w]
    if any_mask(bad):
        mix_mark(mix, marks.saturated, bad, marks, EEGCORE_FLAG_SATURATED)
        mix_mark(mix, marks.lead_off, bad, marks, EEGCORE_FLAG_LEAD_OFF)
    if marks.flags & EEGCORE_FLAG_FLATLINE:
        memcpy(given, marks.flatline, sizeof(given))
        mix_mark(mix, marks.flatline, given, marks, EEGCORE_FLAG_FLATLINE)
    if marks.flags & EEGCORE_FLAG_BLINK:
        memcpy(given, marks.blink, sizeof(given))
        mix_mark(mix, marks.blink, given, marks, EEGCORE_FLAG_BLINK)
    if marks.flags & EEGCORE_FLAG_MUSCLE:
        memcpy(given, marks.muscle, sizeof(given))
        mix_mark(mix, marks.muscle, given, marks, EEGCORE_FLAG_MUSCLE)


cdef void mix_mark(ec_mix *mix, uint64_t *mask, const uint64_t *bad, eegcore_block *marks, uint32_t flag) noexcept nogil:
    """Put the outputs' mask in place of the inputs', and its flag right."""
    cdef uint64_t given[EC_MASK_WORDS]
    memcpy(given, mask, sizeof(given))
    ec_mix_mask(mix, given, bad, mask)
    marks.flags = marks.flags | flag if any_mask(mask) else marks.flags & ~flag


cdef int op_build_detrend(LinearOp *op, dict settings) except -1:
    """From `frames` of the window and `kind`, constant or linear."""
    cdef int32_t status
    if settings["kind"] not in ("constant", "linear"):
        raise ValueError(f"a trend of kind {settings['kind']!r}")
    status = ec_sliding_trend_init(&op.trend, settings["frames"], settings["kind"] == "linear", op.n_in)
    if status == EC_STATUS_NO_MEMORY:
        raise MemoryError(f"eegcore: no memory for a window of {settings['frames']} frames")
    if status < 0:
        raise ValueError(f"detrend of {settings['frames']} frames")
    op.kind = OP_DETREND
    return 0

# The cascade: neighbouring linear stages of one group as one stage with double state.
#
# What stages such as to_voltage, notch, bandpass or decimate are made of are operations of a cascade (linear_ops.pxi);
# a lone one is a cascade of one operation. Samples are widened to double once, go through every operation, and are
# rounded to float32 once for each port that somebody reads.

cdef enum:
    WORK_FRAMES = 32          # 32 frames x 32 channels of doubles are 8 KiB: the work stays in L1


cdef struct LinearPort:
    uint32_t after             # operations applied before this port
    uint32_t n_channels
    uint32_t keep_every        # product of the decimations among them
    uint32_t settling_frames   # input frames until the port has settled
    uint64_t since             # the start, the last gap, or a change in front of the port: what `settling` is judged by
    bint raw                   # carries the counts plane along
    uint64_t pending_device_frames
    bint pending_gap               # a gap fell into blocks of which no frame was kept: the next one tells of it


cdef struct Linear:
    uint32_t n_channels
    uint32_t n_ops
    uint32_t n_ports
    bint from_counts
    bint has_masks             # an operation reads or changes flags and masks
    uint32_t most_settling     # frames
    uint64_t frames_since_start    # of any port: the least `since`
    LinearOp *ops
    LinearPort *ports
    uint64_t first, next           # number of the first frame at hand on the grid of the input, and behind the last
    uint32_t step_num, step_den
    double sps
    eegcore_block rest             # what is left of the block at hand, behind a change of flags
    double *work                   # two of [WORK_FRAMES][padded channels at their most]
    double *other


cdef void linear_destroy(void *self) noexcept nogil:
    cdef Linear *s = <Linear *>self
    cdef uint32_t i
    if s is NULL:
        return
    if s.ops is not NULL:
        for i in range(s.n_ops):
            op_destroy(&s.ops[i])
    free(s.ops)
    free(s.ports)
    free(s.work)
    free(s.other)
    free(s)


cdef int linear_build_ops(Linear *s, list ops) except -1:
    cdef uint32_t n_channels = s.n_channels, most = s.n_channels
    s.ops = <LinearOp *>new_aligned(max(1, len(ops)) * sizeof(LinearOp))
    if s.ops is NULL:
        raise MemoryError("eegcore: no memory for a cascade")
    places = {}                                # operations so far of every stage
    for settings in ops:
        s.n_ops += 1                           # one that is refused half-way is destroyed with the others
        op_build(&s.ops[s.n_ops - 1], settings, n_channels)
        stage = settings.get("of") or settings.get("stage", "")
        places[stage] = places.get(stage, 0) + 1
        s.ops[s.n_ops - 1].of = int.from_bytes(blake2b(f"{stage}/{places[stage]}".encode(), digest_size=8).digest(),
                                               "little")
        s.has_masks = s.has_masks or op_has_masks(&s.ops[s.n_ops - 1])
        n_channels = s.ops[s.n_ops - 1].n_out
        most = max(most, n_channels)
    s.work = <double *>new_aligned(WORK_FRAMES * ec_padded(most) * sizeof(double))
    s.other = <double *>new_aligned(WORK_FRAMES * ec_padded(most) * sizeof(double))
    if s.work is NULL or s.other is NULL:
        raise MemoryError("eegcore: no memory for a cascade")
    return 0


cdef int linear_build_ports(Linear *s, list ports, list settling_frames) except -1:
    cdef LinearPort *port
    cdef uint32_t i, k
    s.ports = <LinearPort *>new_aligned(max(1, len(ports)) * sizeof(LinearPort))
    if s.ports is NULL:
        raise MemoryError("eegcore: no memory for a cascade")
    for i, settings in enumerate(ports):
        port = &s.ports[i]
        port.after = settings["after"]
        port.raw = bool(settings.get("raw", False))
        port.settling_frames = settling_frames[i]
        s.most_settling = max(s.most_settling, port.settling_frames)
        port.keep_every = 1
        port.n_channels = s.n_channels
        if port.after > s.n_ops:
            raise ValueError(f"a port after {port.after} of {s.n_ops} operations")
        for k in range(port.after):
            port.n_channels = s.ops[k].n_out
            if s.ops[k].kind == OP_DECIMATE:
                port.keep_every *= s.ops[k].keep_every
    s.n_ports = len(ports)
    return 0


cdef Linear *linear_build(dict settings) except NULL:
    cdef Linear *s = <Linear *>new_aligned(sizeof(Linear))
    if s is NULL:
        raise MemoryError("eegcore: no memory for a cascade")
    try:
        s.n_channels = settings["n_channels"]
        s.from_counts = settings["input"] == "counts"
        linear_build_ops(s, settings["ops"])
        linear_build_ports(s, settings["ports"], settings["settling_frames"])
        if s.from_counts and (s.n_ops == 0 or s.ops[0].kind != OP_SCALE):
            raise ValueError("counts without a scale")
    except BaseException:
        linear_destroy(s)
        raise
    return s


cdef void *linear_create(const char *settings_json, const char **why) noexcept with gil:
    try:
        return linear_build(json_loads(settings_json))
    except Exception as error:
        why[0] = keep_reason(error)
        return NULL


cdef int32_t linear_start(void *self, const eegcore_stream *in_, uint32_t n_in,
                          const eegcore_stream *out, uint32_t n_out) noexcept nogil:
    cdef Linear *s = <Linear *>self
    cdef uint32_t p, k
    if n_in != 1 or n_out != s.n_ports or in_[0].n_channels != s.n_channels:
        return EEGCORE_BAD_STREAM
    if s.from_counts and in_[0].kind == EEGCORE_VOLTAGE_F32:
        return EEGCORE_BAD_STREAM
    for p in range(s.n_ports):
        if out[p].n_channels != s.ports[p].n_channels:
            return EEGCORE_BAD_STREAM
    for k in range(s.n_ops):
        if in_[0].step_den != 1 and s.ops[k].kind == OP_COMB:
            return EEGCORE_BAD_STREAM
    s.step_num, s.step_den = in_[0].step_num, in_[0].step_den
    s.sps = in_[0].sps
    return EEGCORE_OK


cdef void linear_emit(Linear *s, uint32_t p, const double *work, const eegcore_block *in_, uint32_t done, uint32_t n,
                      eegcore_block *out) noexcept nogil:
    """Write the frames of one round that port p keeps. `done` frames of the block came before.

    Kept frames sit at multiples of the total step, wherever packets and gaps fall.
    """
    cdef LinearPort *port = &s.ports[p]
    cdef uint32_t f
    if port.keep_every == 1:
        ec_narrow_f32(out.values + <size_t>done * port.n_channels, work, n, port.n_channels)
        return
    for f in range(n):
        if (s.first + done + f) % port.keep_every == 0:
            if out.n_frames == 0:
                out.frame_index = ec_grid_index(s.first + done + f, s.step_num, s.step_den)
                out.t_ns = in_.t_ns + <int64_t>((done + f) * 1e9 / in_.sps + 0.5)
            ec_narrow_f32(out.values + <size_t>out.n_frames * port.n_channels,
                          work + <size_t>f * ec_padded(port.n_channels), 1, port.n_channels)
            out.n_frames += 1


cdef uint32_t linear_until(Linear *s, const eegcore_block *block) noexcept nogil:
    """Return for how many frames of the block the flags and masks of every port stay what they are."""
    cdef eegcore_block marks
    cdef bint gap = block.flags & EEGCORE_FLAG_GAP != 0
    cdef uint64_t since
    cdef uint32_t until = block.n_frames, k
    if gap or s.frames_since_start < s.most_settling:
        for k in range(s.n_ports):
            since = 0 if gap else s.ports[k].since
            if s.ports[k].settling_frames > since:
                until = <uint32_t>min(<uint64_t>until, s.ports[k].settling_frames - since)
    if s.has_masks:
        memcpy(&marks, block, sizeof(eegcore_block))
        for k in range(s.n_ops):
            until = min(until, op_masks_until(&s.ops[k], &marks))
            if s.ops[k].kind != OP_DEBOUNCE:
                op_masks(&s.ops[k], &marks, 0)
    return until


cdef void linear_masks(Linear *s, const eegcore_block *block, eegcore_block *out, uint32_t n_out) noexcept nogil:
    """Take flags and masks through the operations; every port gets them as they are where the port is."""
    cdef eegcore_block marks
    cdef uint32_t k, p
    memcpy(&marks, block, sizeof(eegcore_block))
    for k in range(s.n_ops + 1):
        for p in range(n_out):
            if s.ports[p].after == k:
                out[p].flags = marks.flags
                memcpy(out[p].saturated, marks.saturated, sizeof(marks.saturated))
                memcpy(out[p].lead_off, marks.lead_off, sizeof(marks.lead_off))
                copy_artefacts(out[p].flatline, marks.flatline, marks.flags)
        if k < s.n_ops:
            op_masks(&s.ops[k], &marks, block.n_frames)


cdef void linear_begin(Linear *s, const eegcore_block *block, eegcore_block *out, uint32_t n_out) noexcept nogil:
    """What comes before the samples of a block: a gap, the masks, and what decimated ports owe."""
    cdef uint32_t k, p
    if block.flags & EEGCORE_FLAG_GAP:
        s.frames_since_start = 0
        for p in range(s.n_ports):
            s.ports[p].since = 0
        for k in range(s.n_ops):
            op_gap(&s.ops[k])
    if s.has_masks:
        linear_masks(s, block, out, n_out)
    for p in range(n_out):
        if s.ports[p].keep_every != 1:
            if out[p].values is NULL:          # nobody reads: whoever comes later begins afresh
                s.ports[p].pending_device_frames = 0
                s.ports[p].pending_gap = False
            else:
                s.ports[p].pending_device_frames += block.device_frames
                s.ports[p].pending_gap = s.ports[p].pending_gap or block.flags & EEGCORE_FLAG_GAP != 0
            out[p].n_frames = 0


cdef void linear_end(Linear *s, const eegcore_block *block, eegcore_block *out, uint32_t n_out) noexcept nogil:
    """What comes after the samples of a block: the counts plane, `settling`, and the frames answered for."""
    cdef uint32_t p
    for p in range(n_out):
        if s.ports[p].raw and out[p].counts is not NULL:
            memcpy(out[p].counts, block.counts, <size_t>block.n_frames * s.n_channels * sizeof(int32_t))
        if s.ports[p].since < s.ports[p].settling_frames:
            out[p].flags |= EEGCORE_FLAG_SETTLING
        s.ports[p].since += block.n_frames
        if s.ports[p].keep_every != 1 and out[p].n_frames:
            out[p].device_frames = <uint32_t>s.ports[p].pending_device_frames
            s.ports[p].pending_device_frames = 0
            if s.ports[p].pending_gap:
                out[p].flags |= EEGCORE_FLAG_GAP
                s.ports[p].pending_gap = False
    s.frames_since_start += block.n_frames


cdef void linear_run(Linear *s, const eegcore_block *block, eegcore_block *out, uint32_t n_out) noexcept nogil:
    """A block over which no flag changes."""
    cdef uint32_t done = 0, n, k, p
    cdef double *work
    s.first = block_number(block, s.next, s.step_num, s.step_den)
    s.next = s.first + block.n_frames
    linear_begin(s, block, out, n_out)
    while done < block.n_frames:
        n = min(<uint32_t>WORK_FRAMES, block.n_frames - done)
        work = s.work
        k = 0
        if s.from_counts:
            # the first operation of a cascade from counts is its scale, folded into the widening
            ec_widen_i32(work, block.counts + <size_t>done * s.n_channels, s.ops[0].factor, n, s.n_channels)
            k = 1
        else:
            ec_widen_f32(work, block.values + <size_t>done * s.n_channels, n, s.n_channels)
        for k in range(k, s.n_ops + 1):
            for p in range(n_out):
                if s.ports[p].after == k and out[p].values is not NULL:
                    linear_emit(s, p, work, block, done, n, &out[p])
            if k < s.n_ops:
                work = op_run(&s.ops[k], work, s.other if work == s.work else s.work, n,
                              s.first + done)
        done += n
    linear_end(s, block, out, n_out)


cdef int32_t linear_process(void *self, const eegcore_block *in_, uint32_t n_in, eegcore_block *out,
                            uint32_t n_out) noexcept nogil:
    cdef Linear *s = <Linear *>self
    cdef eegcore_block block
    cdef uint32_t until, p
    if in_[0].n_frames:
        if s.frames_since_start >= s.most_settling and not s.has_masks and not in_[0].flags & EEGCORE_FLAG_GAP:
            linear_run(s, &in_[0], out, n_out)
            return EEGCORE_OK
        memcpy(&block, &in_[0], sizeof(block))
    else:
        memcpy(&block, &s.rest, sizeof(block))
        for p in range(n_out):
            block_head(&out[p], &block)
    s.rest.n_frames = 0
    if block.n_frames == 0:
        return EEGCORE_OK
    until = linear_until(s, &block)
    if until < block.n_frames:
        block_cut(&block, until, &s.rest, s.step_num, s.step_den)
        for p in range(n_out):
            block_head(&out[p], &block)
    linear_run(s, &block, out, n_out)
    return EEGCORE_MORE if s.rest.n_frames else EEGCORE_OK


cdef uint32_t linear_counters(void *self, eegcore_counter *out, uint32_t max) noexcept nogil:
    cdef Linear *s = <Linear *>self
    cdef uint32_t n = 0, k
    for k in range(s.n_ops):
        if s.ops[k].mains.is_followed:
            n = count_out(out, n, max, NO_INPUT, s.ops[k].mains.counter_name,
                          ec_counter_get(&s.ops[k].mains.found_mhz))
    return n


cdef StageDescriptor CASCADE
memset(&CASCADE, 0, sizeof(CASCADE))
CASCADE.struct_size = sizeof(StageDescriptor)
CASCADE.id = "eegcore.cascade"
CASCADE.max_inputs = 1
CASCADE.max_outputs = MAX_OUTPUTS
CASCADE.create = linear_create
CASCADE.start = linear_start
CASCADE.process = linear_process
CASCADE.counters = linear_counters
CASCADE.destroy = linear_destroy
offer("cascade", &CASCADE)

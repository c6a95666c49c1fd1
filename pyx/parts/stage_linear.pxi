# The cascade: neighbouring linear stages of one group as one stage with double state.
#
# to_voltage, gain, notch, bandpass, highpass, lowpass, decimate and lead_off are all operations of a cascade; a
# lone one is a cascade of one operation. Samples are widened to double once, go through every operation, and are rounded
# to float32 once for each port that somebody reads.

cdef enum:
    OP_SCALE = 0
    OP_SOS = 1
    OP_DECIMATE = 2
    OP_COMB = 3
    OP_DEBOUNCE = 4
    WORK_FRAMES = 32          # 32 frames x 32 channels of doubles are 8 KiB: the work stays in L1


cdef struct LinearOp:
    int kind
    double *factor             # OP_SCALE: [n_padded]
    ec_sos sos                 # OP_SOS
    uint32_t keep_every        # OP_DECIMATE: of the frames that reach it
    ec_comb comb               # OP_COMB: takes the lead-off tone out, and says that it was on
    ec_debounce debounce       # OP_DEBOUNCE: of the lead-off mask; samples pass


cdef struct LinearPort:
    uint32_t after             # operations applied before this port
    uint32_t keep_every        # product of the decimations among them
    uint32_t settling_frames   # input frames until the port has settled
    bint raw                   # carries the counts plane along
    uint32_t flags             # of every packet: the impedance tone
    uint64_t pending_device_frames
    bint pending_gap               # a gap fell into blocks of which no frame was kept: the next one tells of it


cdef struct Linear:
    uint32_t n_channels
    uint32_t n_padded
    uint32_t n_ops
    uint32_t n_ports
    bint from_counts
    bint has_combs
    bint has_masks             # an operation changes the lead-off mask
    uint64_t frames_since_start    # or since the last gap: what `settling` is judged by
    LinearOp *ops
    LinearPort *ports
    uint64_t step                  # device frames between two input frames
    double *work                   # [WORK_FRAMES][n_padded]


cdef void linear_destroy(void *self) noexcept nogil:
    cdef Linear *s = <Linear *>self
    cdef uint32_t i
    if s is NULL:
        return
    if s.ops is not NULL:
        for i in range(s.n_ops):
            free(s.ops[i].factor)
            if s.ops[i].kind == OP_SOS:
                ec_sos_destroy(&s.ops[i].sos)
            elif s.ops[i].kind == OP_COMB:
                ec_comb_destroy(&s.ops[i].comb)
    free(s.ops)
    free(s.ports)
    free(s.work)
    free(s)


cdef int linear_add_sos(LinearOp *op, rows, uint32_t n_channels) except -1:
    cdef Py_ssize_t n = len(rows)
    cdef double *sos = number_array([v for row in rows for v in row], n * 6)
    cdef int status
    try:
        if any(len(row) != 6 for row in rows):
            raise ValueError("every section has six coefficients b0 b1 b2 a0 a1 a2")
        status = ec_sos_init(&op.sos, sos, <uint32_t>n, n_channels)
    finally:
        free(sos)
    if status < 0:
        raise MemoryError(f"sos: {status}")
    op.kind = OP_SOS
    return 0


cdef Linear *linear_build(dict settings) except NULL:
    cdef Linear *s = <Linear *>new_aligned(sizeof(Linear))
    cdef Py_ssize_t i
    if s is NULL:
        raise MemoryError("eegcore: no memory for a cascade")
    try:
        ops, ports = settings["ops"], settings["ports"]
        s.n_channels = settings["n_channels"]
        s.n_padded = ec_padded(s.n_channels)
        s.from_counts = settings["input"] == "counts"
        s.ops = <LinearOp *>new_aligned(max(1, len(ops)) * sizeof(LinearOp))
        s.ports = <LinearPort *>new_aligned(max(1, len(ports)) * sizeof(LinearPort))
        s.work = <double *>new_aligned(WORK_FRAMES * s.n_padded * sizeof(double))
        if s.ops is NULL or s.ports is NULL or s.work is NULL:
            raise MemoryError("eegcore: no memory for a cascade")
        s.n_ops = 0
        for op in ops:
            i = s.n_ops
            if op["op"] == "scale":
                if len(op["factor"]) != s.n_channels:
                    raise ValueError(f"{len(op['factor'])} factors for {s.n_channels} channels")
                s.ops[i].kind = OP_SCALE
                s.ops[i].factor = number_array(op["factor"], s.n_padded)
            elif op["op"] == "sos":
                linear_add_sos(&s.ops[i], op["sos"], s.n_channels)
            elif op["op"] == "decimate":
                s.ops[i].kind = OP_DECIMATE
                s.ops[i].keep_every = op["factor"]
            elif op["op"] == "comb":
                if ec_comb_init(&s.ops[i].comb, op["half"], number(op["rate"]), s.n_channels) < 0:
                    raise ValueError(f"comb of {op['half']} frames, rate {op['rate']}")
                s.ops[i].kind = OP_COMB
                s.has_combs = True
            elif op["op"] == "debounce":
                ec_debounce_init(&s.ops[i].debounce, op["frames"])
                s.ops[i].kind = OP_DEBOUNCE
                s.has_masks = True
            else:
                raise ValueError(f"no such operation: {op['op']!r}")
            s.n_ops += 1
        for i, port in enumerate(ports):
            s.ports[i].after = port["after"]
            s.ports[i].raw = bool(port.get("raw", False))
            s.ports[i].settling_frames = settings["settling_frames"][i]
            s.ports[i].keep_every = 1
            for op in ops[: port["after"]]:
                if op["op"] == "decimate":
                    s.ports[i].keep_every *= op["factor"]
                elif op["op"] == "comb":
                    s.ports[i].flags |= EEGCORE_FLAG_IMPEDANCE
        s.n_ports = len(ports)
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
    cdef uint32_t p
    if n_in != 1 or n_out != s.n_ports or in_[0].n_channels != s.n_channels:
        return EEGCORE_BAD_STREAM
    if s.from_counts and in_[0].kind == EEGCORE_VOLTAGE_F32:
        return EEGCORE_BAD_STREAM
    if in_[0].step_den != 1:
        for p in range(s.n_ports):
            if s.ports[p].keep_every != 1 or s.ports[p].flags:
                return EEGCORE_BAD_STREAM
    s.step = in_[0].step_num // in_[0].step_den
    return EEGCORE_OK


cdef inline bint is_kept(uint64_t frame_index, uint64_t keep_every) noexcept nogil:
    """Kept frames sit at multiples of the total step, wherever packets and gaps fall."""
    return frame_index % keep_every == 0


cdef void linear_emit(Linear *s, uint32_t p, const eegcore_block *in_, uint32_t done, uint32_t n,
                      eegcore_block *out) noexcept nogil:
    """Write the frames of one round that port p keeps. `done` frames of the block came before."""
    cdef LinearPort *port = &s.ports[p]
    cdef uint32_t f
    cdef uint64_t index
    if port.keep_every == 1:
        ec_narrow_f32(out.values + <size_t>done * s.n_channels, s.work, n, s.n_channels)
        return
    for f in range(n):
        index = in_.frame_index + (done + f) * s.step
        if is_kept(index, port.keep_every * s.step):
            if out.n_frames == 0:
                out.frame_index = index
                out.t_ns = in_.t_ns + <int64_t>((done + f) * 1e9 / in_.sps + 0.5)
            ec_narrow_f32(out.values + <size_t>out.n_frames * s.n_channels, s.work + <size_t>f * s.n_padded, 1,
                          s.n_channels)
            out.n_frames += 1


cdef void linear_masks(Linear *s, const eegcore_block *block, eegcore_block *out, uint32_t n_out) noexcept nogil:
    """Take the lead-off mask through the operations; every port gets it as it is where the port is."""
    cdef uint64_t mask[4]
    cdef uint32_t k, p
    memcpy(mask, block.lead_off, sizeof(mask))
    for k in range(s.n_ops + 1):
        for p in range(n_out):
            if s.ports[p].after == k:
                memcpy(out[p].lead_off, mask, sizeof(mask))
                out[p].flags &= ~<uint32_t>EEGCORE_FLAG_LEAD_OFF
                if mask[0] | mask[1] | mask[2] | mask[3]:
                    out[p].flags |= EEGCORE_FLAG_LEAD_OFF
        if k < s.n_ops and s.ops[k].kind == OP_DEBOUNCE:
            if block.flags & EEGCORE_FLAG_GAP:
                ec_debounce_gap(&s.ops[k].debounce)
            ec_debounce_run(&s.ops[k].debounce, mask, block.n_frames)


cdef void linear_prepare_combs(Linear *s, const eegcore_block *block) noexcept nogil:
    cdef uint32_t k
    for k in range(s.n_ops):
        if s.ops[k].kind == OP_COMB:
            if block.flags & EEGCORE_FLAG_GAP:
                ec_comb_gap(&s.ops[k].comb)
            ec_comb_hold(&s.ops[k].comb, block.saturated)


cdef int32_t linear_process(void *self, const eegcore_block *in_, uint32_t n_in, eegcore_block *out,
                            uint32_t n_out) noexcept nogil:
    cdef Linear *s = <Linear *>self
    cdef const eegcore_block *block = &in_[0]
    cdef uint32_t done = 0, n, k, p
    if block.flags & EEGCORE_FLAG_GAP:
        s.frames_since_start = 0
        for k in range(s.n_ops):
            if s.ops[k].kind == OP_SOS:
                ec_sos_revive(&s.ops[k].sos)   # NaN in place of missing frames must not stay in the filter
    if s.has_combs:
        linear_prepare_combs(s, block)
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
    while done < block.n_frames:
        n = min(<uint32_t>WORK_FRAMES, block.n_frames - done)
        k = 0
        if s.from_counts:
            # the first operation of a cascade from counts is its scale, folded into the widening
            ec_widen_i32(s.work, block.counts + <size_t>done * s.n_channels, s.ops[0].factor, n, s.n_channels)
            k = 1
        else:
            ec_widen_f32(s.work, block.values + <size_t>done * s.n_channels, n, s.n_channels)
        for k in range(k, s.n_ops + 1):
            for p in range(n_out):
                if s.ports[p].after == k and out[p].values is not NULL:
                    linear_emit(s, p, block, done, n, &out[p])
            if k == s.n_ops:
                break
            if s.ops[k].kind == OP_SCALE:
                ec_scale_f64(s.work, s.ops[k].factor, n, s.n_padded)
            elif s.ops[k].kind == OP_SOS:
                ec_sos_run(&s.ops[k].sos, s.work, n)
            elif s.ops[k].kind == OP_COMB:
                ec_comb_run(&s.ops[k].comb, s.work, n, block.frame_index // s.step + done)
        done += n
    for p in range(n_out):
        if s.ports[p].raw and out[p].counts is not NULL:
            memcpy(out[p].counts, block.counts, <size_t>block.n_frames * s.n_channels * sizeof(int32_t))
        if s.frames_since_start < s.ports[p].settling_frames:
            out[p].flags |= EEGCORE_FLAG_SETTLING
        out[p].flags |= s.ports[p].flags
        if s.ports[p].keep_every != 1 and out[p].n_frames:
            out[p].device_frames = <uint32_t>s.ports[p].pending_device_frames
            s.ports[p].pending_device_frames = 0
            if s.ports[p].pending_gap:
                out[p].flags |= EEGCORE_FLAG_GAP
                s.ports[p].pending_gap = False
    s.frames_since_start += block.n_frames
    return EEGCORE_OK


cdef StageDescriptor CASCADE
memset(&CASCADE, 0, sizeof(CASCADE))
CASCADE.struct_size = sizeof(StageDescriptor)
CASCADE.id = "eegcore.cascade"
CASCADE.max_inputs = 1
CASCADE.max_outputs = MAX_OUTPUTS
CASCADE.create = linear_create
CASCADE.start = linear_start
CASCADE.process = linear_process
CASCADE.destroy = linear_destroy
offer("cascade", &CASCADE)

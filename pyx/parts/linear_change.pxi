# A cascade goes on with other settings: each operation takes over from the one in its place.
#
# What a changed operation does to the level of its samples is handed on from operation to operation as an ec_shift:
# those behind it are moved along, so that a gain in front of a high-pass is no step of 187 mV to it.

cdef double LINEAR_FADE_S = 0.02       # old to new: the free response of a filter needs no longer, a gain no shorter one


cdef bint op_take_over(LinearOp *op, LinearOp *old, ec_shift *shift, double *work, double *other) noexcept nogil:
    """Let an operation go on from the one in its place, of the same kind and channels. True if it is another one.

    `shift` is what becomes of the samples in front of it, and on return behind it; `work` and `other` are rows free to
    be written. [worker-thread, realtime]
    """
    if op.kind == OP_SCALE:
        scale_take_over(op, old, shift)
    elif op.kind == OP_SOS:
        sos_take_over(op, old, shift)
    elif op.kind == OP_COMB:
        comb_take_over(op, old, shift)
    elif op.kind == OP_DEBOUNCE:
        memcpy(op.debounce.state, old.debounce.state, sizeof(op.debounce.state))
        memcpy(op.debounce.since, old.debounce.since, sizeof(op.debounce.since))
    elif op.kind == OP_MIX:
        mix_take_over(op, old, shift, work, other)
    elif op.kind == OP_DETREND:
        if not shift.is_none:
            return True                        # a trend of samples at another level is learnt anew
        ec_sliding_trend_take_over(&op.trend, &old.trend)
    elif op.kind == OP_FIR or op.kind == OP_ANALYTIC:
        fir_take_over(op, old, shift)
    elif op.kind == OP_RECTIFY and not shift.is_none:
        bend_shift(op, shift)
    return op.made != old.made


cdef void scale_take_over(LinearOp *op, LinearOp *old, ec_shift *shift) noexcept nogil:
    cdef uint32_t c
    for c in range(op.n_in):
        if op.factor[c] != old.factor[c]:
            shift.is_none = False
            if old.factor[c] != 0.0:           # what nothing was left of cannot be put right
                shift.gain[c] *= op.factor[c] / old.factor[c]
        shift.add[c] *= op.factor[c]


cdef void sos_take_over(LinearOp *op, LinearOp *old, ec_shift *shift) noexcept nogil:
    cdef uint32_t w
    if op.made == old.made:                    # notches may stand where the mains are, and not where they were made
        memcpy(op.sos.coefs, old.sos.coefs, 5 * op.sos.n_sections * sizeof(double))
    if op.mains.is_followed and old.mains.is_followed and ec_mains_take_over(&op.mains.of, &old.mains.of):
        ec_counter_set(&op.mains.found_mhz, ec_counter_get(&old.mains.found_mhz))
        if op.mains.of.found:
            ec_mains_apply(&op.mains.of, &op.sos)
    if op.steady.unit is not NULL:
        for w in range(4):
            op.steady.waiting[w] &= old.steady.waiting[w] if old.steady.unit is not NULL else 0
    ec_sos_live_take_over(&op.live, &op.sos, &old.live, &old.sos, shift)


cdef void fir_take_over(LinearOp *op, LinearOp *old, ec_shift *shift) noexcept nogil:
    """The past of the samples is the same whatever is made of it."""
    cdef size_t group, row, lane, c
    cdef double *past
    cdef double sum = 0.0
    ec_fir_take_over(&op.fir, &old.fir)
    if shift.is_none:
        return
    for group in range(op.fir.n_padded // EC_LANES):
        for row in range(2 * op.fir.n_rows):
            past = op.fir.past + (group * 2 * op.fir.n_rows + row) * EC_LANES
            for lane in range(EC_LANES):
                c = group * EC_LANES + lane
                past[lane] = shift.gain[c] * past[lane] + (shift.add[c] if c < op.n_in else 0.0)
    if op.kind == OP_ANALYTIC:
        bend_shift(op, shift)
        return
    for row in range(op.fir.n_taps):
        sum += op.fir.taps[row]
    for c in range(op.n_in):
        shift.add[c] *= sum


cdef void bend_shift(LinearOp *op, ec_shift *shift) noexcept nogil:
    """Behind a magnitude, gains have no sign, and what an offset does is not told."""
    cdef uint32_t c
    for c in range(op.n_in):
        shift.gain[c] = abs(shift.gain[c])
        shift.add[c] = 0.0


cdef void comb_take_over(LinearOp *op, LinearOp *old, ec_shift *shift) noexcept nogil:
    cdef size_t row, rows = op.comb.n_half, n = op.comb.n_padded
    cdef uint32_t c
    if op.comb.n_half != old.comb.n_half:
        return                                 # another tone is learnt anew
    memcpy(op.comb.n_learnt, old.comb.n_learnt, rows * sizeof(uint32_t))
    memcpy(op.comb.tone, old.comb.tone, rows * n * sizeof(double))
    memcpy(op.comb.before, old.comb.before, rows * n * sizeof(double))
    op.comb.n_neighbours = old.comb.n_neighbours
    op.comb.next_index = old.comb.next_index
    if not shift.is_none:
        for row in range(rows):
            for c in range(op.comb.n_channels):
                op.comb.tone[row * n + c] *= shift.gain[c]
                op.comb.before[row * n + c] = shift.gain[c] * op.comb.before[row * n + c] + shift.add[c]


cdef void mix_take_over(LinearOp *op, LinearOp *old, ec_shift *shift, double *work, double *other) noexcept nogil:
    """Another reference is another offset in every channel: what it does to the newest frame is told to those behind."""
    cdef size_t n = op.mix.in_padded
    cdef uint32_t c
    cdef double level
    ec_mix_take_over(&op.mix, &old.mix)
    if op.made == old.made and shift.is_none:
        return
    memcpy(other, old.mix.last, n * sizeof(double))
    ec_mix_run(&old.mix, work, other, 1)       # what came out of the newest frame
    for c in range(op.n_in):
        level = shift.gain[c] * other[c] + shift.add[c]
        other[c] = level if level - level == 0.0 else 0.0
    memcpy(other + n, op.mix.seen, n * sizeof(double))
    for c in range(op.n_out):
        shift.add[c] = -work[c]
    ec_mix_run(&op.mix, work, other, 1)        # and would have come now
    memcpy(op.mix.seen, other + n, n * sizeof(double))     # a channel that was never good still is not
    for c in range(op.n_out):
        shift.gain[c] = 1.0
        shift.add[c] += work[c]
    shift.is_none = False


cdef bint same_shape(const Linear *s, const Linear *old) noexcept nogil:
    """True if the two have the same operations, whatever their settings, and as many ports."""
    cdef uint32_t k
    if s.n_ports != old.n_ports or s.n_ops != old.n_ops:
        return False
    for k in range(s.n_ops):
        if s.ops[k].of != old.ops[k].of:
            return False
    return True


cdef uint64_t since_of(const Linear *old, uint32_t behind) noexcept nogil:
    """For how long the first port behind so many operations has gone on; the cascade as a whole if there is none."""
    cdef uint32_t p
    for p in range(old.n_ports):
        if old.ports[p].after >= behind:
            return old.ports[p].since
    return old.frames_since_start


cdef int32_t linear_inherit(Linear *s, Linear *old) noexcept nogil:
    """Operations have come or gone: those of the same stage and place go on, the others begin at rest."""
    cdef ec_shift shift
    cdef uint32_t p, k, j, at = 0, first = s.n_ops
    cdef uint32_t behind[MAX_OUTPUTS]          # operations of the old cascade that a port has come past
    ec_shift_none(&shift)
    memset(behind, 0, sizeof(behind))
    for k in range(s.n_ops):
        j = at
        while j < old.n_ops and (s.ops[k].of != old.ops[j].of or s.ops[k].kind != old.ops[j].kind
                                 or s.ops[k].n_in != old.ops[j].n_in):
            j += 1
        if j == old.n_ops:
            first = min(first, k)
            continue
        if op_take_over(&s.ops[k], &old.ops[j], &shift, s.work, s.other) or (j != at and k > 0):
            first = min(first, k)              # in front of the first one it is another node that goes on
        at = j + 1
        for p in range(s.n_ports):
            if s.ports[p].after > k:
                behind[p] = at
    s.frames_since_start = old.frames_since_start
    for p in range(s.n_ports):
        s.ports[p].since = since_of(old, behind[p]) if s.ports[p].after <= first else 0
        s.frames_since_start = min(s.frames_since_start, s.ports[p].since)
        for k in range(old.n_ports):
            if s.ports[p].after and old.ports[k].after \
                    and s.ops[s.ports[p].after - 1].of == old.ops[old.ports[k].after - 1].of:
                s.ports[p].pending_device_frames = old.ports[k].pending_device_frames
                s.ports[p].pending_gap = old.ports[k].pending_gap
    return 0 if first == s.n_ops else max(1, <int32_t>(LINEAR_FADE_S * s.sps))


cdef int32_t linear_take_over(void *self, void *old_self) noexcept nogil:
    """Take every operation over from its like; say for how long old and new are to be mixed. [worker-thread, realtime]

    Settling begins anew at the first operation that changed. Each port ends the operations of one stage.
    """
    cdef Linear *s = <Linear *>self
    cdef Linear *old = <Linear *>old_self
    cdef ec_shift shift
    cdef uint32_t p, k = 0, at, first = s.n_ops
    if not same_shape(s, old):
        return linear_inherit(s, old)
    ec_shift_none(&shift)
    for p in range(s.n_ports):
        at = old.ports[p - 1].after if p else 0
        while k < s.ports[p].after:
            if at >= old.ports[p].after or s.ops[k].kind != old.ops[at].kind or s.ops[k].n_in != old.ops[at].n_in:
                first = min(first, k)          # it begins at rest
            elif op_take_over(&s.ops[k], &old.ops[at], &shift, s.work, s.other):
                first = min(first, k)
            k += 1
            at += 1
        if at != old.ports[p].after:
            first = min(first, s.ports[p - 1].after if p else 0)
    s.frames_since_start = old.frames_since_start
    for p in range(s.n_ports):
        s.ports[p].pending_device_frames = old.ports[p].pending_device_frames
        s.ports[p].pending_gap = old.ports[p].pending_gap
        s.ports[p].since = old.ports[p].since if s.ports[p].after <= first else 0
        s.frames_since_start = min(s.frames_since_start, s.ports[p].since)
    return 0 if first == s.n_ops else max(1, <int32_t>(LINEAR_FADE_S * s.sps))


CASCADE.take_over = linear_take_over

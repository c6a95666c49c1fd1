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
        return scale_take_over(op, old, shift)
    if op.kind == OP_SOS:
        return sos_take_over(op, old, shift)
    if op.kind == OP_COMB:
        return comb_take_over(op, old, shift)
    if op.kind == OP_DEBOUNCE:
        memcpy(op.debounce.state, old.debounce.state, sizeof(op.debounce.state))
        memcpy(op.debounce.since, old.debounce.since, sizeof(op.debounce.since))
        return op.debounce.n_frames != old.debounce.n_frames
    if op.kind == OP_MIX:
        return mix_take_over(op, old, shift, work, other)
    if op.kind == OP_DETREND:
        if shift.is_none:                      # a trend of samples at another level is learnt anew
            ec_sliding_trend_take_over(&op.trend, &old.trend)
        return op.trend.n_window != old.trend.n_window or op.trend.linear != old.trend.linear or not shift.is_none
    return False


cdef bint scale_take_over(LinearOp *op, LinearOp *old, ec_shift *shift) noexcept nogil:
    cdef uint32_t c
    cdef bint changed = False
    for c in range(op.n_in):
        if op.factor[c] != old.factor[c]:
            changed = True
            shift.is_none = False
            if old.factor[c] != 0.0:           # what nothing was left of cannot be put right
                shift.gain[c] *= op.factor[c] / old.factor[c]
        shift.add[c] *= op.factor[c]
    return changed


cdef bint sos_take_over(LinearOp *op, LinearOp *old, ec_shift *shift) noexcept nogil:
    cdef uint32_t w
    if op.steady.unit is not NULL:
        for w in range(4):
            op.steady.waiting[w] &= old.steady.waiting[w] if old.steady.unit is not NULL else 0
    return ec_sos_live_take_over(&op.live, &op.sos, &old.live, &old.sos, shift)


cdef bint comb_take_over(LinearOp *op, LinearOp *old, ec_shift *shift) noexcept nogil:
    cdef size_t row, rows = op.comb.n_half, n = op.comb.n_padded
    cdef uint32_t c
    if op.comb.n_half != old.comb.n_half:
        return True                            # another tone is learnt anew
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
    return False


cdef bint same_mix(const ec_mix *a, const ec_mix *b) noexcept nogil:
    cdef size_t n = a.n_out * sizeof(uint32_t)
    if a.n_out != b.n_out or a.n_references != b.n_references or memcmp(a.pick, b.pick, n) or memcmp(a.use, b.use, n):
        return False
    return (memcmp(a.first, b.first, (a.n_references + 1) * sizeof(uint32_t)) == 0
            and memcmp(a.members, b.members, a.first[a.n_references] * sizeof(uint32_t)) == 0)


cdef bint mix_take_over(LinearOp *op, LinearOp *old, ec_shift *shift, double *work, double *other) noexcept nogil:
    """Another reference is another offset in every channel: what it does to the newest frame is told to those behind."""
    cdef bint changed = not same_mix(&op.mix, &old.mix)
    cdef size_t n = op.mix.in_padded
    cdef uint32_t c
    cdef double level
    ec_mix_take_over(&op.mix, &old.mix)
    if not changed and shift.is_none:
        return False
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
    return changed


cdef int32_t linear_take_over(void *self, void *old_self) noexcept nogil:
    """Take every operation over from its like; say for how long old and new are to be mixed. [worker-thread, realtime]

    Settling begins anew at the first operation that changed. Each port ends the operations of one stage.
    """
    cdef Linear *s = <Linear *>self
    cdef Linear *old = <Linear *>old_self
    cdef ec_shift shift
    cdef uint32_t p, k = 0, at, first = s.n_ops
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

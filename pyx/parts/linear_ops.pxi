# What a cascade is made of: operations on work rows of doubles, each one idea, each with the same few functions.
#
# Rows are [n_frames][padded channels]. An operation may change the number of channels; then its rows go to the other
# of the two work buffers. To add one: a kind, its member of LinearOp, and its branch in each function below.

cdef enum:
    OP_SCALE = 0
    OP_SOS = 1
    OP_DECIMATE = 2
    OP_COMB = 3
    OP_DEBOUNCE = 4
    OP_MIX = 5
    OP_DETREND = 6
    OP_FIR = 7
    OP_RECTIFY = 8
    OP_ANALYTIC = 9


cdef struct Mains:
    bint is_followed
    ec_mains of                # the estimate and its evidence: what a change of settings has to carry
    double mhz                 # nominal
    double mhz_per_rad         # of angle from block to block
    ec_counter found_mhz       # 0 until a line has been seen
    char *counter_name         # "<stage>.mains_mhz"


cdef struct LinearOp:
    int kind
    uint32_t n_in, n_out       # channels before and behind
    uint64_t made              # digest of its settings: equal ones make equal operations
    uint64_t of                # digest of the stage it is of and its place there
    double *factor             # OP_SCALE: [padded]
    ec_sos sos                 # OP_SOS
    ec_sos_live live           # OP_SOS: what it takes to go on with other coefficients
    ec_sos_steady steady       # OP_SOS that starts as if its first frame had always been there; else without `unit`
    Mains mains                # OP_SOS whose notches follow the mains
    uint32_t keep_every        # OP_DECIMATE: of the frames that reach it
    ec_comb comb               # OP_COMB: takes the lead-off tone out, and says that it was on
    ec_debounce debounce       # OP_DEBOUNCE: of the lead-off mask; samples pass
    ec_mix mix                 # OP_MIX: another reference, perhaps other channels
    ec_sliding_trend trend             # OP_DETREND: a sliding mean or line, taken out
    ec_fir fir                 # OP_FIR; OP_ANALYTIC: the Hilbert transformer


cdef int op_build(LinearOp *op, dict settings, uint32_t n_channels) except -1:
    """Make an operation on `n_channels` from its settings. [control-thread, stopped]"""
    name = settings["op"]
    op.n_in = op.n_out = n_channels
    op.made = int.from_bytes(blake2b(json_dumps(settings, sort_keys=True).encode(), digest_size=8).digest(), "little")
    if name == "scale":
        if len(settings["factor"]) != n_channels:
            raise ValueError(f"{len(settings['factor'])} factors for {n_channels} channels")
        op.factor = number_array(settings["factor"], ec_padded(n_channels))
        op.kind = OP_SCALE
    elif name == "sos":
        op_build_sos(op, settings)
    elif name == "decimate":
        op.keep_every = settings["factor"]
        op.kind = OP_DECIMATE
    elif name == "comb":
        if ec_comb_init(&op.comb, settings["half"], number(settings["rate"]), n_channels) < 0:
            raise ValueError(f"comb of {settings['half']} frames, rate {settings['rate']}")
        op.kind = OP_COMB
    elif name == "debounce":
        ec_debounce_init(&op.debounce, settings["frames"])
        op.kind = OP_DEBOUNCE
    elif name == "mix":
        op_build_mix(op, settings)
    elif name == "detrend":
        op_build_detrend(op, settings)
    elif name == "fir":
        op_build_fir(op, settings["taps"], 1)
        op.kind = OP_FIR
    elif name == "analytic":
        op_build_fir(op, settings["taps"], 2)
        op.kind = OP_ANALYTIC
    elif name == "rectify":
        op.kind = OP_RECTIFY
    else:
        raise ValueError(f"no such operation: {name!r}")
    return 0


cdef int op_build_fir(LinearOp *op, list taps, uint32_t spacing) except -1:
    cdef double *numbers = number_array(taps, len(taps))
    cdef int status = ec_fir_init(&op.fir, numbers, <uint32_t>len(taps), spacing, op.n_in)
    free(numbers)
    if status < 0:
        raise ValueError(f"{len(taps)} taps on {op.n_in} channels: {status}")
    return 0


cdef void op_destroy(LinearOp *op) noexcept nogil:
    """Free what the operation holds. One that was never built holds nothing. [control-thread, stopped]"""
    free(op.factor)
    if op.kind == OP_SOS:
        op_destroy_sos(op)
    elif op.kind == OP_COMB:
        ec_comb_destroy(&op.comb)
    elif op.kind == OP_MIX:
        ec_mix_destroy(&op.mix)
    elif op.kind == OP_DETREND:
        ec_sliding_trend_destroy(&op.trend)
    elif op.kind == OP_FIR or op.kind == OP_ANALYTIC:
        ec_fir_destroy(&op.fir)


cdef void op_gap(LinearOp *op) noexcept nogil:
    """Frames are missing before the next ones. [worker-thread, realtime]"""
    if op.kind == OP_SOS:
        op_gap_sos(op)
    elif op.kind == OP_COMB:
        ec_comb_gap(&op.comb)
    elif op.kind == OP_DEBOUNCE:
        ec_debounce_gap(&op.debounce)
    elif op.kind == OP_DETREND:
        ec_sliding_trend_gap(&op.trend)
    elif op.kind == OP_FIR or op.kind == OP_ANALYTIC:
        ec_fir_gap(&op.fir)


cdef inline bint op_has_masks(const LinearOp *op) noexcept nogil:
    """True if the operation wants the masks of its block, or changes them for what is behind it."""
    return op.kind == OP_COMB or op.kind == OP_DEBOUNCE or op.kind == OP_MIX


cdef void op_masks(LinearOp *op, eegcore_block *marks, uint32_t n_frames) noexcept nogil:
    """Take the flags and masks of a block through the operation, before its samples. [worker-thread, realtime]

    `marks` is a block of which only flags and masks count; it comes as they are in front of the operation.
    """
    if op.kind == OP_COMB:
        ec_comb_hold(&op.comb, marks.saturated)
        marks.flags |= EEGCORE_FLAG_IMPEDANCE
    elif op.kind == OP_DEBOUNCE:
        ec_debounce_run(&op.debounce, marks.lead_off, n_frames)
        marks.flags &= ~<uint32_t>EEGCORE_FLAG_LEAD_OFF
        if any_mask(marks.lead_off):
            marks.flags |= EEGCORE_FLAG_LEAD_OFF
    elif op.kind == OP_MIX:
        mix_marks(&op.mix, marks)


cdef uint32_t op_masks_until(const LinearOp *op, const eegcore_block *marks) noexcept nogil:
    """Return for how many frames the operation would give the same masks for these; 2^32 - 1: for ever."""
    if op.kind == OP_DEBOUNCE:
        return ec_debounce_until(&op.debounce, marks.lead_off)
    return 0xFFFFFFFF


cdef double *op_run(LinearOp *op, double *work, double *other, uint32_t n, uint64_t index) noexcept nogil:
    """Run n frames, the first of which has this index in the stream; return where they are now.

    `other` is as large as `work` and free to be written. [worker-thread, realtime]
    """
    if op.kind == OP_SCALE:
        ec_scale_f64(work, op.factor, n, ec_padded(op.n_in))
    elif op.kind == OP_SOS:
        op_run_sos(op, work, n)
    elif op.kind == OP_COMB:
        ec_comb_run(&op.comb, work, n, index)
    elif op.kind == OP_MIX:
        if not op.mix.in_place:
            ec_mix_run(&op.mix, other, work, n)
            return other
        ec_mix_run(&op.mix, work, work, n)
    elif op.kind == OP_DETREND:
        ec_sliding_trend_run(&op.trend, work, n)
    elif op.kind == OP_FIR:
        ec_fir_run(&op.fir, work, n)
    elif op.kind == OP_ANALYTIC:
        ec_analytic_run(&op.fir, work, n)
    elif op.kind == OP_RECTIFY:
        ec_rectify_f64(work, n, ec_padded(op.n_in))
    return work

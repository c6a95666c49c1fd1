# The operation of every IIR filter: sections, perhaps with a steady start, perhaps with notches that follow the mains.

cdef int op_build_sos(LinearOp *op, dict settings) except -1:
    rows = settings["sos"]
    cdef Py_ssize_t n = len(rows)
    cdef double *sos = number_array([v for row in rows for v in row], n * 6)
    cdef int status
    try:
        if any(len(row) != 6 for row in rows):
            raise ValueError("every section has six coefficients b0 b1 b2 a0 a1 a2")
        status = ec_sos_init(&op.sos, sos, <uint32_t>n, op.n_in)
    finally:
        free(sos)
    if status < 0:
        raise MemoryError(f"sos: {status}")
    op.kind = OP_SOS
    op_build_live(op, rows)
    if "steady" in settings:
        op_build_steady(op, settings["steady"], n)
    if "mains" in settings:
        op_build_mains(op, settings["mains"], settings.get("stage", "notch"))
    return 0


cdef int op_build_live(LinearOp *op, rows) except -1:
    """The rms gain from the input to behind each section, over the pass band: where the whole is within 3 dB."""
    cdef double *level
    cdef int status
    z = numpy.exp(-1j * numpy.pi * numpy.concatenate(([0.0], numpy.geomspace(1e-6, 1.0, 240))))
    gain = numpy.ones(len(z), complex)
    behind = []
    for row in rows:
        b0, b1, b2, a0, a1, a2 = [number(value) for value in row]
        with numpy.errstate(all="ignore"):         # a pole on the unit circle: no level, no scaling
            gain = gain * ((b2 * z + b1) * z + b0) / ((a2 * z + a1) * z + a0)
        behind.append(numpy.abs(gain) ** 2)
    total = numpy.abs(gain) ** 2
    passed = total >= 0.5 * numpy.nanmax(total)
    levels = [float(numpy.sqrt(numpy.mean(power[passed]))) for power in behind]
    level = number_array([value if numpy.isfinite(value) else 0.0 for value in levels], max(1, len(levels)))
    try:
        status = ec_sos_live_init(&op.live, &op.sos, level)
    finally:
        free(level)
    if status < 0:
        raise MemoryError(f"sos: {status}")
    return 0


cdef int op_build_steady(LinearOp *op, list steady, Py_ssize_t n_sections) except -1:
    cdef double *unit
    cdef int status
    if len(steady) != 2 * n_sections:
        raise ValueError(f"{len(steady)} numbers for the steady state of {n_sections} sections")
    unit = number_array(steady, 2 * n_sections)
    try:
        status = ec_sos_steady_init(&op.steady, &op.sos, unit)
    finally:
        free(unit)
    if status < 0:
        raise MemoryError(f"steady: {status}")
    return 0


cdef int op_build_mains(LinearOp *op, dict mains, str stage) except -1:
    cdef ec_mains_config config
    cdef bytes name = f"{stage}.mains_mhz".encode()
    config.n_block = mains["block"]
    config.cos_hz, config.sin_hz = number(mains["cos_hz"]), number(mains["sin_hz"])
    config.cos_block, config.sin_block = number(mains["cos_block"]), number(mains["sin_block"])
    config.cos_window, config.sin_window = number(mains["cos_window"]), number(mains["sin_window"])
    config.limit = number(mains["limit"])
    if ec_mains_init(&op.mains.of, &config, op.n_in) < 0:
        raise ValueError(f"mains: a block of {config.n_block} frames")
    op.mains.is_followed = True
    op.mains.mhz, op.mains.mhz_per_rad = number(mains["mhz"]), number(mains["mhz_per_rad"])
    op.mains.counter_name = <char *>new_aligned(len(name) + 1)
    if op.mains.counter_name is NULL:
        raise MemoryError("eegcore: no memory for the name of a counter")
    memcpy(op.mains.counter_name, <const char *>name, len(name))
    return 0


cdef void op_destroy_sos(LinearOp *op) noexcept nogil:
    ec_sos_destroy(&op.sos)
    ec_sos_steady_destroy(&op.steady)
    ec_sos_live_destroy(&op.live)
    ec_mains_destroy(&op.mains.of)
    free(op.mains.counter_name)


cdef void op_gap_sos(LinearOp *op) noexcept nogil:
    """States stay; one that is not finite, because NaN stood where frames were missing, begins anew."""
    if op.steady.unit is not NULL:
        ec_sos_steady_gap(&op.steady, &op.sos)
    else:
        ec_sos_revive(&op.sos)
    if op.mains.is_followed:
        ec_mains_gap(&op.mains.of)


cdef void op_run_sos(LinearOp *op, double *work, uint32_t n_frames) noexcept nogil:
    cdef uint32_t n
    ec_sos_live_note(&op.live, work, n_frames, op.sos.n_padded)
    while n_frames > 0:
        n = ec_mains_watch(&op.mains.of, work, n_frames) if op.mains.is_followed else n_frames
        if op.steady.unit is not NULL:
            ec_sos_steady_run(&op.steady, &op.sos, work, n)
        else:
            ec_sos_run(&op.sos, work, n)
        if op.mains.is_followed and ec_mains_tune(&op.mains.of, &op.sos):
            ec_counter_set(&op.mains.found_mhz,
                           <uint64_t>(op.mains.mhz + op.mains.of.angle * op.mains.mhz_per_rad + 0.5))
        work += <size_t>n * op.sos.n_padded
        n_frames -= n

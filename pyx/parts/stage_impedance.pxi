# impedance: one frame of kOhm per window.
#
# Windows lie at multiples of their length in the frame index, wherever a run or a packet began. A window that
# misses a frame or holds one that has not settled gives no frame: what was read of it is counted as skipped, and
# the next frame says GAP. A channel that was saturated in a window, or has no current, is NaN in it. The stage counts
# windows given and not given, and values that are missing because of saturation.


cdef double NOT_KNOWN = float("nan")


cdef struct Impedance:
    uint32_t n_window, n_channels
    ec_lock_in lock_in
    double *scale              # [n_channels] kOhm per uV; NaN without current
    double *offset             # [n_channels] kOhm to take off
    double *amplitude          # [n_channels] uV, then kOhm
    bint has_limit
    double limit_kohm
    uint64_t next_index
    uint32_t n_filled          # frames of the window so far; it is whole while that is its position too
    bint unsettled
    bint skipped_before        # a window was given up since the last frame
    uint32_t flags             # of the blocks of the window
    uint64_t saturated[4]
    uint64_t lead_off[4]
    uint64_t flatline[4]
    uint64_t blink[4]
    uint64_t muscle[4]
    bint has_begun
    ec_counter windows
    ec_counter windows_skipped
    ec_counter values_saturated


cdef void impedance_destroy(void *self) noexcept nogil:
    cdef Impedance *s = <Impedance *>self
    if s is not NULL:
        ec_lock_in_destroy(&s.lock_in)
        free(s.scale)
        free(s.offset)
        free(s.amplitude)
    free(s)


cdef void *impedance_create(const char *settings_json, const char **why) noexcept with gil:
    cdef Impedance *s = <Impedance *>new_aligned(sizeof(Impedance))
    try:
        if s is NULL:
            raise MemoryError("eegcore: no memory for impedance")
        settings = json_loads(settings_json)
        s.n_channels = settings["n_channels"]
        s.n_window = settings["window"]
        if len(settings["scale"]) != s.n_channels or len(settings["offset"]) != s.n_channels:
            raise ValueError(f"{len(settings['scale'])} scales for {s.n_channels} channels")
        s.scale = number_array(settings["scale"], s.n_channels)
        s.offset = number_array(settings["offset"], s.n_channels)
        s.amplitude = number_array([], s.n_channels)
        s.has_limit = settings["limit_kohm"] is not None
        s.limit_kohm = number(settings["limit_kohm"] if s.has_limit else "inf")
        if ec_lock_in_init(&s.lock_in, s.n_window, settings["cycle"], number(settings["alias"]), s.n_channels) < 0:
            raise ValueError(f"window of {s.n_window} frames, cycles of {settings['cycle']}")
        return s
    except Exception as error:
        why[0] = keep_reason(error)
        impedance_destroy(s)
        return NULL


cdef int32_t impedance_start(void *self, const eegcore_stream *in_, uint32_t n_in,
                             const eegcore_stream *out, uint32_t n_out) noexcept nogil:
    cdef Impedance *s = <Impedance *>self
    if (n_in != 1 or n_out != 1 or in_[0].kind == EEGCORE_RAW_I32 or in_[0].n_channels != s.n_channels
            or out[0].n_channels != s.n_channels or in_[0].step_num != 1 or in_[0].step_den != 1):
        return EEGCORE_BAD_STREAM
    return EEGCORE_OK


cdef void impedance_frame(Impedance *s, const eegcore_block *block, uint32_t f, eegcore_block *out) noexcept nogil:
    """The window ends with frame f of the block."""
    cdef double kohm
    cdef uint32_t c, w
    cdef uint64_t bit
    if out.values is NULL or out.n_frames >= out.max_frames:
        return
    if out.n_frames == 0:
        out.frame_index = block.frame_index + f
        out.t_ns = block.t_ns + <int64_t>(f * 1e9 / block.sps + 0.5)
        out.flags = EEGCORE_FLAG_GAP if s.skipped_before else 0
        memset(out.saturated, 0, sizeof(out.saturated))
        memset(out.lead_off, 0, sizeof(out.lead_off))
        memset(out.flatline, 0, sizeof(out.flatline))
        memset(out.blink, 0, sizeof(out.blink))
        memset(out.muscle, 0, sizeof(out.muscle))
        out.device_frames = 0
    out.flags |= s.flags | EEGCORE_FLAG_IMPEDANCE
    ec_lock_in_read(&s.lock_in, s.amplitude)
    for c in range(s.n_channels):
        bit = <uint64_t>1 << (c % 64)
        kohm = s.amplitude[c] * s.scale[c] - s.offset[c]
        if s.saturated[c // 64] & bit:
            ec_counter_add(&s.values_saturated, 1)
        s.amplitude[c] = NOT_KNOWN if s.saturated[c // 64] & bit else kohm
        # a channel without current (scale NaN) has no limit; a saturated one is as good as open
        if kohm > s.limit_kohm or (s.has_limit and s.scale[c] == s.scale[c] and s.saturated[c // 64] & bit):
            s.lead_off[c // 64] |= bit
    ec_narrow_f32(out.values + <size_t>out.n_frames * s.n_channels, s.amplitude, 1, s.n_channels)
    for w in range(4):
        out.saturated[w] |= s.saturated[w]
        out.lead_off[w] |= s.lead_off[w]
        out.flatline[w] |= s.flatline[w]
        out.blink[w] |= s.blink[w]
        out.muscle[w] |= s.muscle[w]
    if any_mask(out.saturated):
        out.flags |= EEGCORE_FLAG_SATURATED
    if any_mask(out.lead_off):
        out.flags |= EEGCORE_FLAG_LEAD_OFF
    out.n_frames += 1
    out.device_frames += s.n_window
    s.skipped_before = False


cdef void impedance_begin(Impedance *s) noexcept nogil:
    ec_lock_in_clear(&s.lock_in)
    s.n_filled = 0
    s.unsettled = False
    s.flags = 0
    memset(s.saturated, 0, sizeof(s.saturated))
    memset(s.lead_off, 0, sizeof(s.lead_off))
    memset(s.flatline, 0, sizeof(s.flatline))
    memset(s.blink, 0, sizeof(s.blink))
    memset(s.muscle, 0, sizeof(s.muscle))


cdef int32_t impedance_process(void *self, const eegcore_block *in_, uint32_t n_in, eegcore_block *out,
                               uint32_t n_out) noexcept nogil:
    cdef Impedance *s = <Impedance *>self
    cdef const eegcore_block *block = &in_[0]
    cdef uint32_t done = 0, n, at, w
    out[0].n_frames = 0
    if s.has_begun and block.frame_index > s.next_index:
        # as many windows as have their end in the gap
        ec_counter_add(&s.windows_skipped, block.frame_index // s.n_window - s.next_index // s.n_window)
    s.has_begun = True
    if block.flags & EEGCORE_FLAG_GAP or block.frame_index != s.next_index:
        out[0].skipped_frames += s.n_filled
        s.n_filled = 0
        s.skipped_before = s.skipped_before or block.flags & EEGCORE_FLAG_GAP != 0
    s.next_index = block.frame_index + block.n_frames
    while done < block.n_frames:
        at = <uint32_t>((block.frame_index + done) % s.n_window)
        n = min(block.n_frames - done, s.n_window - at)
        if at == 0:
            impedance_begin(s)
        if s.n_filled == at:
            s.unsettled = s.unsettled or block.flags & EEGCORE_FLAG_SETTLING != 0
            s.flags |= block.flags & ~<uint32_t>(EEGCORE_FLAG_GAP | EEGCORE_FLAG_SETTLING)
            for w in range(4):
                s.saturated[w] |= block.saturated[w]
                s.lead_off[w] |= block.lead_off[w]
                if block.flags & EEGCORE_FLAG_FLATLINE:
                    s.flatline[w] |= block.flatline[w]
                if block.flags & EEGCORE_FLAG_BLINK:
                    s.blink[w] |= block.blink[w]
                if block.flags & EEGCORE_FLAG_MUSCLE:
                    s.muscle[w] |= block.muscle[w]
            ec_lock_in_add(&s.lock_in, block.values + <size_t>done * s.n_channels, n, at)
            s.n_filled += n
            if s.n_filled == s.n_window:
                if s.unsettled:
                    out[0].skipped_frames += s.n_window
                    s.skipped_before = True
                    ec_counter_add(&s.windows_skipped, 1)
                else:
                    impedance_frame(s, block, done + n - 1, &out[0])
                    ec_counter_add(&s.windows, 1)
                s.n_filled = 0
        else:
            out[0].skipped_frames += n         # of a window whose beginning is missing
            if at + n == s.n_window:
                ec_counter_add(&s.windows_skipped, 1)
        done += n
    return EEGCORE_OK


cdef uint32_t impedance_counters(void *self, eegcore_counter *out, uint32_t max) noexcept nogil:
    cdef Impedance *s = <Impedance *>self
    cdef uint32_t n = 0
    n = count_out(out, n, max, NO_INPUT, "windows", ec_counter_get(&s.windows))
    n = count_out(out, n, max, NO_INPUT, "windows_skipped", ec_counter_get(&s.windows_skipped))
    return count_out(out, n, max, NO_INPUT, "values_saturated", ec_counter_get(&s.values_saturated))


cdef StageDescriptor IMPEDANCE
memset(&IMPEDANCE, 0, sizeof(IMPEDANCE))
IMPEDANCE.struct_size = sizeof(StageDescriptor)
IMPEDANCE.id = "eegcore.impedance"
IMPEDANCE.max_inputs = 1
IMPEDANCE.max_outputs = 1
IMPEDANCE.create = impedance_create
IMPEDANCE.start = impedance_start
IMPEDANCE.process = impedance_process
IMPEDANCE.counters = impedance_counters
IMPEDANCE.destroy = impedance_destroy
offer("impedance", &IMPEDANCE)

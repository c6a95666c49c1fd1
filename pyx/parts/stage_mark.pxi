# saturation, flatline, blink, muscle: samples pass as they are, a detector marks frames and channels.
#
# The detector looks at a whole block and gives a mask for each of its frames. The block is handed out in as many
# parts as there are stretches of frames with the same mask: a packet never spans a change of flags. Nothing is copied
# aside in between, for the planes of the input stay valid until the last part is out.

cdef enum:
    DETECT_SATURATION = 0
    DETECT_FLATLINE = 1
    DETECT_BLINK = 2
    DETECT_MUSCLE = 3


cdef struct Mark:
    int detector
    uint32_t flag              # the one this detector raises
    uint32_t n_channels, max_frames
    uint64_t step_num, step_den
    bint from_counts           # the detector looks at the counts plane
    uint64_t next_index        # of a block that follows without a gap; known if the step is whole
    ec_saturation saturation
    ec_flatline flatline
    ec_blink blink
    ec_muscle muscle
    ec_mask *masks             # [max_frames] of the block that is being handed out
    eegcore_block block        # that one, as it came; n_frames is 0 once it is out
    uint32_t done              # frames of it that are out


cdef void mark_destroy(void *self) noexcept nogil:
    cdef Mark *s = <Mark *>self
    if s is not NULL:
        ec_saturation_destroy(&s.saturation)
        ec_flatline_destroy(&s.flatline)
        ec_blink_destroy(&s.blink)
        ec_muscle_destroy(&s.muscle)
        free(s.masks)
    free(s)


cdef int32_t mark_create_saturation(Mark *s, dict settings) except -1000:
    cdef double *low = number_array(settings["low"], s.n_channels)
    cdef double *high = number_array(settings["high"], s.n_channels)
    try:
        s.from_counts = settings["plane"] == "counts"
        return ec_saturation_init(&s.saturation, low, high, s.n_channels, settings["hold"])
    finally:
        free(low)
        free(high)


cdef int32_t mark_create_filtered(Mark *s, dict settings) except -1000:
    """blink and muscle: a rule behind a filter of some channels."""
    cdef ec_blink_rule blink
    cdef ec_muscle_rule muscle
    cdef uint32_t picks[256]
    cdef uint32_t n_picks = len(settings["picks"]), i
    cdef uint32_t n_sections = len(settings["sos"])
    cdef uint32_t blind = settings["blind"]
    cdef double *sos
    if not 1 <= n_picks <= s.n_channels or s.n_channels > 256:
        raise ValueError(f"{n_picks} channels of {s.n_channels}")
    for i in range(n_picks):
        picks[i] = settings["picks"][i]
    sos = number_array([value for section in settings["sos"] for value in section], n_sections * 6)
    try:
        if s.detector == DETECT_BLINK:
            blink.threshold = number(settings["threshold"])
            blink.factor = number(settings["factor"])
            blink.slow = number(settings["slow"])
            blink.least = number(settings["least"])
            blink.n_min, blink.n_max = settings["shortest"], settings["longest"]
            blink.n_learn = settings["learn"]
            return ec_blink_init(&s.blink, &blink, sos, n_sections, picks, n_picks, s.n_channels, blind)
        muscle.threshold = number(settings["threshold"])
        muscle.factor = number(settings["factor"])
        muscle.slow = number(settings["slow"])
        muscle.least = number(settings["least"])
        muscle.smooth = number(settings["smooth"])
        muscle.n_hold = settings["hold"]
        muscle.n_learn = settings["learn"]
        return ec_muscle_init(&s.muscle, &muscle, sos, n_sections, picks, n_picks, s.n_channels, blind)
    finally:
        free(sos)


cdef void *mark_create(const char *settings_json, const char **why) noexcept with gil:
    cdef Mark *s = <Mark *>new_aligned(sizeof(Mark))
    cdef int32_t status
    try:
        if s is NULL:
            raise MemoryError("eegcore: no memory for a detector")
        settings = json_loads(settings_json)
        s.n_channels = settings["n_channels"]
        s.max_frames = settings["max_frames"]
        s.masks = <ec_mask *>new_aligned(s.max_frames * sizeof(ec_mask))
        detector = settings["detector"]
        if detector == "saturation":
            s.detector, s.flag = DETECT_SATURATION, EEGCORE_FLAG_SATURATED
            status = mark_create_saturation(s, settings)
        elif detector == "flatline":
            s.detector, s.flag = DETECT_FLATLINE, EEGCORE_FLAG_FLATLINE
            status = ec_flatline_init(&s.flatline, settings["window"], number(settings["below"]), s.n_channels)
        elif detector == "blink":
            s.detector, s.flag = DETECT_BLINK, EEGCORE_FLAG_BLINK
            status = mark_create_filtered(s, settings)
        elif detector == "muscle":
            s.detector, s.flag = DETECT_MUSCLE, EEGCORE_FLAG_MUSCLE
            status = mark_create_filtered(s, settings)
        else:
            raise ValueError(f"no detector is called {detector!r}")
        if status == EC_STATUS_NO_MEMORY or s.masks is NULL:
            raise MemoryError(f"eegcore: no memory for {detector}")
        if status < 0:
            raise ValueError(f"{detector}: settings refused ({status})")
        return s
    except Exception as error:
        why[0] = keep_reason(error)
        mark_destroy(s)
        return NULL


cdef int32_t mark_start(void *self, const eegcore_stream *in_, uint32_t n_in,
                        const eegcore_stream *out, uint32_t n_out) noexcept nogil:
    cdef Mark *s = <Mark *>self
    if (n_in != 1 or n_out != 1 or in_[0].n_channels != s.n_channels or out[0].n_channels != s.n_channels
            or in_[0].kind != out[0].kind or in_[0].kind == EEGCORE_SPECTRUM_F32
            or in_[0].kind == (EEGCORE_VOLTAGE_F32 if s.from_counts else EEGCORE_RAW_I32)
            or in_[0].max_frames > s.max_frames or out[0].max_frames < in_[0].max_frames):
        return EEGCORE_BAD_STREAM
    s.step_num, s.step_den = in_[0].step_num, in_[0].step_den
    return EEGCORE_OK


cdef void mark_detect(Mark *s) noexcept nogil:
    """Fill `masks` for the block that has come."""
    cdef const eegcore_block *block = &s.block
    cdef bint gap = block.flags & EEGCORE_FLAG_GAP != 0 or (s.step_den == 1 and block.frame_index != s.next_index)
    s.next_index = block.frame_index + block.n_frames * s.step_num
    memset(s.masks, 0, block.n_frames * sizeof(ec_mask))
    if s.detector == DETECT_SATURATION:
        if gap:
            ec_saturation_gap(&s.saturation)
        ec_saturation_run(&s.saturation, block.counts if s.from_counts else NULL, block.values, block.n_frames, s.masks)
    elif s.detector == DETECT_FLATLINE:
        if gap:
            ec_flatline_gap(&s.flatline)
        ec_flatline_run(&s.flatline, block.values, block.n_frames, s.masks)
    elif s.detector == DETECT_BLINK:
        if gap:
            ec_blink_gap(&s.blink)
        ec_blink_run(&s.blink, block.values, block.n_frames, s.masks)
    else:
        if gap:
            ec_muscle_gap(&s.muscle)
        ec_muscle_run(&s.muscle, block.values, block.n_frames, s.masks)


cdef uint64_t *mark_mask_of(Mark *s, eegcore_block *block) noexcept nogil:
    """The mask of the detector's own flag."""
    if s.detector == DETECT_SATURATION:
        return block.saturated
    if s.detector == DETECT_FLATLINE:
        return block.flatline
    if s.detector == DETECT_BLINK:
        return block.blink
    return block.muscle


cdef void mark_hand_out(Mark *s, eegcore_block *out) noexcept nogil:
    """Hand out the next part of the block. All of it is counted from the block's beginning: nothing is rounded twice."""
    cdef const eegcore_block *block = &s.block
    cdef const uint64_t *mask = s.masks[s.done].words
    cdef uint32_t begin = s.done, end = s.done + 1, w
    cdef size_t at = <size_t>begin * s.n_channels, n
    cdef uint64_t *own
    while end < block.n_frames and same_masks(s.masks[end].words, mask):
        end += 1
    n = <size_t>(end - begin) * s.n_channels
    if begin > 0 or end < block.n_frames:
        block_head(out, block)
        out.n_frames = end - begin
        out.device_frames = <uint32_t>(<uint64_t>block.device_frames * end // block.n_frames
                                       - <uint64_t>block.device_frames * begin // block.n_frames)
        if begin > 0:
            out.flags &= ~<uint32_t>(EEGCORE_FLAG_GAP | EEGCORE_FLAG_LATE_READ)    # of what is just before the block
            out.frame_index = ec_grid_frame(block.frame_index, begin, <uint32_t>s.step_num, <uint32_t>s.step_den)
            out.t_ns += <int64_t>(begin * 1e9 / block.sps + 0.5)
    if any_mask(mask):
        own = mark_mask_of(s, out)
        for w in range(EC_MASK_WORDS):
            own[w] = mask[w] | (own[w] if out.flags & s.flag else 0)
        out.flags |= s.flag
    if out.values is not NULL:
        memcpy(out.values, block.values + at, n * sizeof(float))
    if out.counts is not NULL:
        memcpy(out.counts, block.counts + at, n * sizeof(int32_t))
    s.done = end


cdef int32_t mark_process(void *self, const eegcore_block *in_, uint32_t n_in, eegcore_block *out,
                          uint32_t n_out) noexcept nogil:
    cdef Mark *s = <Mark *>self
    if in_[0].n_frames:
        if in_[0].n_frames > s.max_frames:
            return EEGCORE_BAD_STREAM
        memcpy(&s.block, &in_[0], sizeof(eegcore_block))
        s.done = 0
        mark_detect(s)
    if s.done < s.block.n_frames:
        mark_hand_out(s, &out[0])
    return EEGCORE_MORE if s.done < s.block.n_frames else EEGCORE_OK


cdef int32_t mark_take_over(void *self, void *old) noexcept nogil:
    cdef Mark *s = <Mark *>self
    cdef Mark *before = <Mark *>old
    if before.detector != s.detector or before.from_counts != s.from_counts:
        return EEGCORE_BAD_STREAM
    s.next_index = before.next_index
    if s.detector == DETECT_SATURATION:
        ec_saturation_take_over(&s.saturation, &before.saturation)
    elif s.detector == DETECT_FLATLINE:
        ec_flatline_take_over(&s.flatline, &before.flatline)
    elif s.detector == DETECT_BLINK:
        ec_blink_take_over(&s.blink, &before.blink)
    else:
        ec_muscle_take_over(&s.muscle, &before.muscle)
    return 0


cdef StageDescriptor MARK
memset(&MARK, 0, sizeof(MARK))
MARK.struct_size = sizeof(StageDescriptor)
MARK.id = "eegcore.mark"
MARK.max_inputs = 1
MARK.max_outputs = 1
MARK.create = mark_create
MARK.start = mark_start
MARK.process = mark_process
MARK.take_over = mark_take_over
MARK.destroy = mark_destroy
offer("mark", &MARK)

# What stages do with blocks as a whole: masks of channels (bit c of word c / 64 is channel c), and blocks cut in two,
# because a packet never spans a change of flags.


cdef inline bint any_mask(const uint64_t *a) noexcept nogil:
    return (a[0] | a[1] | a[2] | a[3]) != 0


cdef inline bint same_masks(const uint64_t *a, const uint64_t *b) noexcept nogil:
    return ((a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3])) == 0


cdef inline void copy_artefacts(uint64_t *to, const uint64_t *given, uint32_t flags) noexcept nogil:
    """The masks from `flatline` on, three in a row; rare, so they travel only while a flag of theirs is set."""
    if flags & EEGCORE_FLAGS_ARTEFACT:
        memcpy(to, given, 3 * EC_MASK_WORDS * sizeof(uint64_t))


cdef inline uint64_t block_number(const eegcore_block *block, uint64_t next, uint32_t step_num,
                                  uint32_t step_den) noexcept nogil:
    """Number of a block's first frame on the grid of its stream; `next` is behind the block before, or 0.

    Of several frames in one device frame the index names the first; if a cut has left the later ones, `next` knows.
    """
    if step_den != 1 and ec_grid_index(next, step_num, step_den) == block.frame_index:
        return next
    return ec_grid_number(block.frame_index, step_num, step_den)


cdef void block_head(eegcore_block *out, const eegcore_block *block) noexcept nogil:
    """Let an output speak of the same frames as `block`: time, flags and masks; its planes and shape stay."""
    out.flags = block.flags
    out.n_frames = block.n_frames
    out.device_frames = block.device_frames
    out.config_rev = block.config_rev
    out.frame_index = block.frame_index
    out.t_ns = block.t_ns
    memcpy(out.saturated, block.saturated, sizeof(block.saturated))
    memcpy(out.lead_off, block.lead_off, sizeof(block.lead_off))
    copy_artefacts(out.flatline, block.flatline, block.flags)


cdef void block_cut(eegcore_block *block, uint32_t n, eegcore_block *rest, uint32_t step_num,
                    uint32_t step_den) noexcept nogil:
    """Shorten `block` to its first n frames and let `rest` be the others, 0 < n < n_frames. Planes are shared."""
    cdef size_t values = <size_t>n * block.n_channels * (block.n_bins if block.n_bins else 1)
    cdef uint32_t device_frames = <uint32_t>(<uint64_t>block.device_frames * n // block.n_frames)
    memcpy(rest, block, sizeof(eegcore_block))
    rest.n_frames -= n
    rest.device_frames -= device_frames
    rest.flags &= ~<uint32_t>(EEGCORE_FLAG_GAP | EEGCORE_FLAG_LATE_READ)       # of what is just before the first frame
    rest.frame_index = ec_grid_frame(block.frame_index, n, step_num, step_den)
    rest.t_ns += <int64_t>(n * 1e9 / block.sps + 0.5)
    if block.values is not NULL:
        rest.values = block.values + values
    if block.counts is not NULL:
        rest.counts = block.counts + values
    block.n_frames = n
    block.device_frames = device_frames

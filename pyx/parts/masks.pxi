# Channel masks: bit c of word c / 64 is channel c.


cdef inline bint any_mask(const uint64_t *a) noexcept nogil:
    return (a[0] | a[1] | a[2] | a[3]) != 0


cdef inline bint same_masks(const uint64_t *a, const uint64_t *b) noexcept nogil:
    return ((a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3])) == 0


cdef inline void copy_artefacts(uint64_t *to, const uint64_t *given, uint32_t flags) noexcept nogil:
    """The masks from `flatline` on, three in a row; rare, so they travel only while a flag of theirs is set."""
    if flags & EEGCORE_FLAGS_ARTEFACT:
        memcpy(to, given, 3 * EC_MASK_WORDS * sizeof(uint64_t))

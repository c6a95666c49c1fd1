# How a built-in stage reads its settings (JSON with the GIL, once, before start) and shows its counters. Numbers
# that came out of a filter design are hexadecimal floats, so that a saved plan runs with the very same bits anywhere.


cdef double number(value) except? -1e308:
    return float.fromhex(value) if isinstance(value, str) else float(value)


cdef double *number_array(values, Py_ssize_t padded) except NULL:
    """Copy numbers into 64-byte aligned memory of `padded` doubles (rest 0). The caller frees it."""
    cdef Py_ssize_t i, n = len(values)
    cdef double *out = <double *>new_aligned(max(padded, n, 1) * sizeof(double))
    if out is NULL:
        raise MemoryError("eegcore: no memory for the coefficients of a stage")
    for i in range(n):
        out[i] = number(values[i])
    return out


cdef void *new_aligned(size_t n_bytes) noexcept nogil:
    """Zeroed memory on a pair of cache lines (EC_CACHE_PAIR), NULL if there is none. Free with free()."""
    cdef void *p = NULL
    if posix_memalign(&p, 128, (n_bytes + 127) // 128 * 128) != 0:
        return NULL
    memset(p, 0, n_bytes)
    return p


cdef bytes _last_reason = b""


cdef const char *keep_reason(error) noexcept:
    """Keep the text of a refused setting alive until the next one. [control-thread]"""
    global _last_reason
    _last_reason = f"{type(error).__name__}: {error}".encode()
    return _last_reason


cdef inline uint32_t count_out(eegcore_counter *out, uint32_t n, uint32_t max, uint32_t input, const char *name,
                               uint64_t value) noexcept nogil:
    """Write the next counter of a stage, if there is room; return how many there are."""
    if n < max:
        out[n].struct_size = sizeof(eegcore_counter)
        out[n].input = input
        out[n].name = name
        out[n].value = value
    return n + 1


_native = {}                       # built-in stages by the name a plan uses; the value is where the descriptor is


cdef void offer(str node_type, const StageDescriptor *stage) except *:
    """Put a built-in stage into the table, at import."""
    _native[node_type] = <size_t>stage


cdef const StageDescriptor *builtin(str node_type) except NULL:
    """The built-in stage of a name."""
    if node_type not in _native:
        raise errors.EegcoreError(f"plan: no native stage is called {node_type!r}. Known: {', '.join(_native)}.")
    return <const StageDescriptor *><size_t>_native[node_type]

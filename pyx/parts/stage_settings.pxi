# How a built-in stage reads its settings: JSON with the GIL, once, before start. Numbers that came out of a
# filter design are hexadecimal floats, so that a saved plan runs with the very same bits anywhere.


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
    """Zeroed memory on a 64-byte line, NULL if there is none. Free with free()."""
    cdef void *p = NULL
    if posix_memalign(&p, 64, (n_bytes + 63) // 64 * 64) != 0:
        return NULL
    memset(p, 0, n_bytes)
    return p


cdef bytes _last_reason = b""


cdef const char *keep_reason(error) noexcept:
    """Keep the text of a refused setting alive until the next one. [control-thread]"""
    global _last_reason
    _last_reason = f"{type(error).__name__}: {error}".encode()
    return _last_reason

# Status codes become exceptions here and nowhere else.


cdef int check(int32_t status, str where) except? -1:
    """Return `status` if it is no failure, else raise the matching eegcore error."""
    if status >= 0:
        return status
    raise errors.from_status(status, where)


cpdef str status_text(int status):
    """Return the sentence that belongs to a status code."""
    return ec_status_text(status).decode()


cpdef str status_name(int status):
    """Return the name of a status code, "UNKNOWN" if it is none."""
    return ec_status_name(status).decode()

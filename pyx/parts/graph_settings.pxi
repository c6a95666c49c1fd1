# How plan dictionaries become C structures.


cdef void fill_stream(eegcore_stream *stream, dict given) except *:
    stream.struct_size = sizeof(eegcore_stream)
    stream.kind = given["kind"]
    stream.sps = given["sps"]
    stream.n_channels = given["n_channels"]
    stream.n_bins = given["n_bins"]
    stream.max_frames = given["max_frames"]
    stream.step_num, stream.step_den = given["step"]
    stream.labels = NULL


cdef void *start_instance(const StageDescriptor *stage, str node_type, dict params, list inputs,
                          list outputs) except NULL:
    """Make an instance of a stage and start it on its streams; nothing is left of one that refuses."""
    cdef const char *why = b"it gave no reason"
    cdef bytes settings = json_dumps(params).encode()
    cdef eegcore_stream in_[EC_MAX_INPUTS]
    cdef eegcore_stream out[MAX_OUTPUTS]
    cdef int32_t status
    cdef int i
    cdef void *self
    for i in range(len(inputs)):
        fill_stream(&in_[i], inputs[i])
    for i in range(len(outputs)):
        fill_stream(&out[i], outputs[i])
    self = stage.create(settings, &why)
    if self is NULL:
        raise errors.EegcoreError(f"{node_type}: settings refused: {(<bytes>why).decode()}.")
    # a stage that only forwards has no outputs of its own: its port belongs to the host
    status = stage.start(self, in_, len(inputs), out, 0 if stage.flags & EEGCORE_STAGE_PASS else len(outputs))
    if status < 0:
        stage.destroy(self)
        check(status, node_type)
    return self


cdef float *floats_of(list values) except? NULL:
    """Return the values as C memory of their own; NULL for none."""
    cdef float *made
    if not values:
        return NULL
    made = <float *>new_aligned(len(values) * sizeof(float))
    if made is NULL:
        raise MemoryError("eegcore: no memory for a node")
    for i, value in enumerate(values):
        made[i] = value
    return made

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

# What `eegcore bench` needs from inside: stages, decoder and rings called from a compiled loop, so that the clock sees
# them and not Python. Nothing here runs while a graph runs.


@cython.final
cdef class BenchStage:
    """One built-in stage outside a graph, called packet by packet as a worker calls it.

    Parameters are those of `Graph.add_node`, for one input and one output; a stage with several outputs of one shape
    has `n_outputs`, of which only number `port` is read.
    """

    cdef const StageDescriptor *stage
    cdef void *self_
    cdef uint32_t in_channels, out_channels, out_frames, out_bins
    cdef uint32_t n_outputs, port
    cdef double sps

    def __cinit__(self, str node_type, dict params, *, dict input, dict output, uint32_t n_outputs=1, uint32_t port=0):
        cdef const char *why = b"it gave no reason"
        cdef bytes settings = json_dumps(params).encode()
        cdef eegcore_stream in_
        cdef eegcore_stream out[MAX_OUTPUTS]
        cdef uint32_t i
        if n_outputs > MAX_OUTPUTS or port >= n_outputs:
            raise ValueError(f"bench: port {port} of {n_outputs}")
        self.n_outputs, self.port = n_outputs, port
        self.stage = builtin(node_type)
        self.self_ = self.stage.create(settings, &why)
        if self.self_ is NULL:
            raise errors.EegcoreError(f"{node_type}: settings refused: {(<bytes>why).decode()}.")
        fill_stream(&in_, input)
        for i in range(n_outputs):
            fill_stream(&out[i], output)
        check(self.stage.start(self.self_, &in_, 1, out, n_outputs), node_type)
        self.in_channels, self.out_channels = in_.n_channels, out[0].n_channels
        self.out_frames, self.out_bins = out[0].max_frames, max(<uint32_t>1, out[0].n_bins)
        self.sps = in_.sps

    def __dealloc__(self):
        if self.self_ is not NULL:
            self.stage.destroy(self.self_)

    def run(self, const float[:, ::1] values, float[:, ::1] out, uint32_t n_frames):
        """Process `values` in packets of `n_frames` into `out` and return the ns it took.

        Both have shape (frames, channels); frames is a multiple of `n_frames`, and the state goes on from call to call.
        """
        cdef Py_ssize_t at = 0
        cdef int64_t began_ns
        cdef int32_t status = 0
        cdef eegcore_block given
        cdef eegcore_block outs[MAX_OUTPUTS]
        cdef eegcore_block *made = &outs[self.port]
        cdef eegcore_block nothing
        cdef uint32_t i
        if values.shape[1] != self.in_channels or out.shape[1] != self.out_channels \
                or values.shape[0] != out.shape[0] or n_frames == 0 or values.shape[0] % n_frames:
            raise ValueError("bench: arrays do not fit the stage")
        memset(&given, 0, sizeof(given))
        given.struct_size = sizeof(eegcore_block)
        given.n_frames = given.max_frames = given.device_frames = n_frames
        given.n_channels = self.in_channels
        given.sps = self.sps
        memcpy(&nothing, &given, sizeof(given))
        nothing.n_frames = nothing.device_frames = 0
        with nogil:
            began_ns = ec_now_ns()
            while at < values.shape[0] and status >= 0:
                given.values = <float *>&values[at, 0]
                for i in range(self.n_outputs):
                    memcpy(&outs[i], &given, sizeof(given))
                    outs[i].n_channels = self.out_channels
                    outs[i].values = NULL
                made.values = &out[at, 0]
                status = self.stage.process(self.self_, &given, 1, outs, self.n_outputs)
                while status == EEGCORE_MORE:          # a packet is cut where the stage settles
                    made.values += <size_t>made.n_frames * self.out_channels
                    status = self.stage.process(self.self_, &nothing, 1, outs, self.n_outputs)
                given.frame_index += n_frames
                at += n_frames
            began_ns = ec_now_ns() - began_ns
        check(status, "bench")
        return began_ns


    def spectra(self, const float[:, ::1] values, float[::1] out, uint32_t n_frames):
        """Process `values` in packets of `n_frames`, the spectra of each into `out`, and return the ns it took.

        `out` has room for the largest packet that comes out, and ends with the newest.
        """
        cdef Py_ssize_t at = 0
        cdef int64_t began_ns
        cdef int32_t status = 0
        cdef eegcore_block given
        cdef eegcore_block made
        if values.shape[1] != self.in_channels or n_frames == 0 or values.shape[0] % n_frames \
                or out.shape[0] != <Py_ssize_t>self.out_frames * self.out_bins * self.out_channels:
            raise ValueError("bench: arrays do not fit the stage")
        memset(&given, 0, sizeof(given))
        given.struct_size = sizeof(eegcore_block)
        given.n_frames = given.max_frames = given.device_frames = n_frames
        given.n_channels = self.in_channels
        given.sps = self.sps
        with nogil:
            began_ns = ec_now_ns()
            while at < values.shape[0] and status == EEGCORE_OK:
                given.values = <float *>&values[at, 0]
                memcpy(&made, &given, sizeof(given))
                made.max_frames = self.out_frames
                made.n_channels = self.out_channels
                made.n_bins = self.out_bins
                made.values = &out[0]
                status = self.stage.process(self.self_, &given, 1, &made, 1)
                given.frame_index += n_frames
                at += n_frames
            began_ns = ec_now_ns() - began_ns
        check(status, "bench")
        return began_ns


def bench_decode(const uint8_t[::1] frames, float[:, ::1] out, const double[::1] scale_uv, uint32_t n_frames):
    """Decode SPI frames of one chip to uV, `n_frames` per packet, as `acquire` and `to_voltage` do; return the ns.

    `scale_uv` holds uV per count, padded as `bench_padded` says.
    """
    cdef uint32_t n_channels = <uint32_t>out.shape[1], n_padded = ec_padded(n_channels), i
    cdef Py_ssize_t at = 0, bytes_a_frame = 3 + 3 * n_channels
    cdef int32_t *counts = <int32_t *>new_aligned(n_frames * n_channels * sizeof(int32_t))
    cdef double *work = <double *>new_aligned(n_frames * n_padded * sizeof(double))
    cdef int64_t began_ns
    cdef uint32_t word = 0
    cdef int32_t status = 0
    if counts is NULL or work is NULL or scale_uv.shape[0] != n_padded or n_frames == 0 \
            or out.shape[0] % n_frames or frames.shape[0] != out.shape[0] * bytes_a_frame:
        free(counts)
        free(work)
        raise ValueError("bench: arrays do not fit the frames")
    with nogil:
        began_ns = ec_now_ns()
        while at < out.shape[0]:
            for i in range(n_frames):
                status |= ec_decode_frame(&frames[(at + i) * bytes_a_frame], n_channels, counts + i * n_channels, &word)
            ec_widen_i32(work, counts, &scale_uv[0], n_frames, n_channels)
            ec_narrow_f32(&out[at, 0], work, n_frames, n_channels)
            at += n_frames
        began_ns = ec_now_ns() - began_ns
    free(counts)
    free(work)
    check(status, "bench")
    return began_ns


def bench_padded(uint32_t n_channels):
    """Return the length of a row of work: channels padded to whole vectors."""
    return ec_padded(n_channels)


def bench_peak(uint64_t rounds):
    """Return (operations on doubles per second, doubles per vector), multiply and add together, unfused."""
    cdef int64_t began_ns
    cdef uint64_t done
    with nogil:
        began_ns = ec_now_ns()
        done = ec_peak_run(rounds)
        began_ns = ec_now_ns() - began_ns
    return done * 1e9 / began_ns, ec_peak_lanes()

# One built-in stage outside a graph, given blocks cut anywhere: what the tests of stages stand on.


@cython.final
cdef class Probe:
    """A built-in stage without a graph: blocks go in as the caller cuts them, and what comes out is looked at.

    Parameters
    ----------
    node_type : str
    params : mapping
        As in the plan.
    input : mapping
        Stream of its one input, as `Graph.add_node` takes it.
    outputs : list of mapping
        Streams of its outputs.

    Raises
    ------
    EegcoreError
        If the stage refuses its settings or streams.
    """

    cdef const StageDescriptor *stage
    cdef void *self_
    cdef eegcore_stream given
    cdef eegcore_stream made[MAX_OUTPUTS]
    cdef uint32_t n_out
    cdef uint64_t next_index

    def __cinit__(self, str node_type, params, *, input, list outputs):
        cdef const char *why = b"it gave no reason"
        cdef bytes settings = json_dumps(dict(params)).encode()
        cdef int i
        self.stage = builtin(node_type)
        self.self_ = self.stage.create(settings, &why)
        if self.self_ is NULL:
            raise errors.EegcoreError(f"{node_type}: settings refused: {(<bytes>why).decode()}.")
        fill_stream(&self.given, dict(input))
        self.n_out = len(outputs)
        for i in range(len(outputs)):
            fill_stream(&self.made[i], dict(outputs[i]))
        check(self.stage.start(self.self_, &self.given, 1, self.made, self.n_out), node_type)

    def __dealloc__(self):
        if self.self_ is not NULL:
            self.stage.destroy(self.self_)

    def push(self, values, *, counts=None, frame_index=None, uint32_t flags=0, saturated=0, lead_off=0, flatline=0,
             blink=0, muscle=0, uint32_t config_rev=1):
        """Give one block and return the packets that come out, in order.

        Parameters
        ----------
        values : ndarray of float32 or None
            Shape (n_frames, n_channels), or (n_frames, n_bins, n_channels).
        counts : ndarray of int32, optional
        frame_index : int, optional
            Device frame of the first frame; default: where the last block ended.
        flags, saturated, lead_off, flatline, blink, muscle : int
            Of the block; masks have bit c for channel c.

        Returns
        -------
        list of dict
            ``port, frame_index, t_ns, n_frames, device_frames, skipped_frames, flags, saturated, lead_off, flatline,
            blink, muscle, config_rev, values, counts``.
        """
        cdef eegcore_block block
        cdef const float[::1] samples
        cdef const int32_t[::1] codes
        cdef uint32_t n_frames = <uint32_t>len(counts if values is None else values)
        memset(&block, 0, sizeof(block))
        block.struct_size = sizeof(block)
        if values is not None:
            samples = numpy.ascontiguousarray(values, numpy.float32).reshape(-1)
            block.values = <float *>&samples[0] if len(samples) else NULL
        if counts is not None:
            codes = numpy.ascontiguousarray(counts, numpy.int32).reshape(-1)
            block.counts = <int32_t *>&codes[0] if len(codes) else NULL
        block.n_frames = block.max_frames = n_frames
        block.n_channels, block.n_bins = self.given.n_channels, self.given.n_bins
        block.flags, block.config_rev = flags, config_rev
        block.sps = self.given.sps
        block.frame_index = self.next_index if frame_index is None else frame_index
        block.device_frames = n_frames * self.given.step_num // self.given.step_den
        block.t_ns = <int64_t>(block.frame_index * 1e9 * self.given.step_den / self.given.step_num / block.sps + 0.5)
        probe_mask(block.saturated, saturated)
        probe_mask(block.lead_off, lead_off)
        probe_mask(block.flatline, flatline)
        probe_mask(block.blink, blink)
        probe_mask(block.muscle, muscle)
        self.next_index = block.frame_index + block.device_frames
        return self._ask(&block, False)

    def flush(self):
        """Return what the stage held back, as `push` does."""
        cdef eegcore_block nothing
        memset(&nothing, 0, sizeof(nothing))
        nothing.struct_size = sizeof(nothing)
        return self._ask(&nothing, True) if self.stage.flush is not NULL else []

    def take_over(self, Probe old not None):
        """Continue where `old` is; return for how many frames the host would cross-fade."""
        if not ec_stage_has_take_over(self.stage) or self.stage != old.stage:
            raise errors.EegcoreError("probe: this stage takes nothing over")
        self.next_index = old.next_index
        return check(self.stage.take_over(self.self_, old.self_), "probe")

    def counters(self):
        """Return the counters of the stage: (input or None, name, value) each."""
        cdef eegcore_counter found[MAX_COUNTERS]
        cdef uint32_t i, n
        if not ec_stage_has_counters(self.stage):
            return []
        n = min(self.stage.counters(self.self_, found, MAX_COUNTERS), <uint32_t>MAX_COUNTERS)
        return [(None if found[i].input == NO_INPUT else found[i].input, (<bytes>found[i].name).decode(),
                 found[i].value) for i in range(n)]

    def churn(self, const float[:, ::1] values, uint32_t n_frames):
        """Give `values`, shape (frames, channels), in packets of `n_frames`, forget what comes out, return the ns.

        Nothing but the stage runs between the packets: what a benchmark times, and callgrind counts.
        """
        cdef eegcore_block block
        cdef eegcore_block nothing
        cdef eegcore_block out[MAX_OUTPUTS]
        cdef Py_ssize_t at = 0
        cdef uint32_t i
        cdef int32_t status = 0
        cdef int64_t began_ns
        if values.shape[1] != self.given.n_channels or n_frames == 0 or n_frames > self.given.max_frames \
                or values.shape[0] % n_frames:
            raise ValueError("probe: the array does not fit the stage")
        memset(&block, 0, sizeof(block))
        block.struct_size = sizeof(block)
        block.n_frames = block.max_frames = n_frames
        block.n_channels = self.given.n_channels
        block.device_frames = n_frames * self.given.step_num // self.given.step_den
        block.sps = self.given.sps
        block.config_rev = 1
        nothing = block
        nothing.n_frames = nothing.device_frames = 0
        made = [self._open(&block, &out[i], &self.made[i]) for i in range(self.n_out)]
        assert len(made) == self.n_out             # the planes live until the end
        with nogil:
            began_ns = ec_now_ns()
            while at < values.shape[0] and status >= 0:
                block.values = <float *>&values[at, 0]
                block.frame_index = self.next_index
                self._prepare(&block, out)
                status = self.stage.process(self.self_, &block, 1, out, self.n_out)
                while status == EEGCORE_MORE:
                    self._prepare(&nothing, out)
                    status = self.stage.process(self.self_, &nothing, 1, out, self.n_out)
                self.next_index += block.device_frames
                at += n_frames
            began_ns = ec_now_ns() - began_ns
        check(status, "probe")
        return began_ns

    cdef void _prepare(self, const eegcore_block *block, eegcore_block *out) noexcept nogil:
        """What the host does with an output block in front of every call."""
        cdef uint32_t i
        cdef float *values
        cdef int32_t *counts
        for i in range(self.n_out):
            values, counts = out[i].values, out[i].counts
            memcpy(&out[i], block, EC_BLOCK_HEAD_BYTES)
            out[i].values, out[i].counts = values, counts
            out[i].n_channels, out[i].n_bins = self.made[i].n_channels, self.made[i].n_bins
            out[i].max_frames, out[i].sps = self.made[i].max_frames, self.made[i].sps

    cdef list _ask(self, eegcore_block *block, bint flushing):
        cdef eegcore_block out[MAX_OUTPUTS]
        cdef eegcore_block nothing
        cdef int32_t status = EEGCORE_MORE
        cdef bint made = True
        cdef uint32_t i
        packets = []
        nothing = block[0]
        nothing.n_frames = nothing.flags = nothing.device_frames = 0
        nothing.values = NULL
        nothing.counts = NULL
        while status == EEGCORE_MORE or (flushing and made):
            planes = [self._open(block, &out[i], &self.made[i]) for i in range(self.n_out)]
            if flushing:
                status = self.stage.flush(self.self_, out, self.n_out)
            else:
                status = self.stage.process(self.self_, block, 1, out, self.n_out)
            check(status, "probe")
            made = False
            for i in range(self.n_out):
                if out[i].n_frames:
                    made = True
                    packets.append(probe_packet(i, &out[i], &self.made[i], planes[i]))
            block = &nothing
        return packets

    cdef object _open(self, const eegcore_block *block, eegcore_block *out, const eegcore_stream *stream):
        """Prepare an output as the host does; return its planes as arrays."""
        cdef float[::1] samples
        cdef int32_t[::1] codes
        size = max(stream.max_frames, block.n_frames) * stream.n_channels * max(1, stream.n_bins)
        values = numpy.full(size, numpy.nan, numpy.float32) if stream.kind != EEGCORE_RAW_I32 else None
        counts = numpy.zeros(size, numpy.int32) if stream.kind in (EEGCORE_RAW_I32, EEGCORE_RAW_AND_VOLTAGE) else None
        out[0] = block[0]
        out.values = NULL
        out.counts = NULL
        out.n_channels, out.n_bins, out.max_frames, out.sps = (stream.n_channels, stream.n_bins, stream.max_frames,
                                                                stream.sps)
        if values is not None:
            samples = values
            out.values = &samples[0]
        if counts is not None:
            codes = counts
            out.counts = &codes[0]
        return values, counts


cdef int probe_mask(uint64_t *words, mask) except -1:
    cdef int w
    for w in range(EC_MASK_WORDS):
        words[w] = mask >> (64 * w) & 0xFFFFFFFFFFFFFFFF
    return 0


cdef object probe_packet(int port, const eegcore_block *out, const eegcore_stream *stream, planes):
    """What one output block says, as a dict."""
    values, counts = planes
    shape = [out.n_frames, stream.n_bins, stream.n_channels] if stream.n_bins else [out.n_frames, stream.n_channels]
    n = numpy.prod(shape)
    return {"port": port, "frame_index": out.frame_index, "t_ns": out.t_ns, "n_frames": out.n_frames,
            "device_frames": out.device_frames, "skipped_frames": out.skipped_frames, "flags": out.flags,
            "saturated": mask_of(out.saturated), "lead_off": mask_of(out.lead_off),
            "flatline": mask_of(out.flatline) if out.flags & EEGCORE_FLAG_FLATLINE else 0,
            "blink": mask_of(out.blink) if out.flags & EEGCORE_FLAG_BLINK else 0,
            "muscle": mask_of(out.muscle) if out.flags & EEGCORE_FLAG_MUSCLE else 0,
            "config_rev": out.config_rev,
            "values": values[:n].reshape(shape) if values is not None else None,
            "counts": counts[:n].reshape(shape) if counts is not None else None}

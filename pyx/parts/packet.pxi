# Packets as Python sees them: one reference to a slot of a pool, given back when the object dies.


@cython.final
@cython.no_gc_clear                  # the reference is given back through _run, also when a cycle of garbage holds us
cdef class Packet:
    """Samples of a few frames, as they came out of one stage.

    The memory belongs to a pool. While this object, or an array made from it, is alive, its slot cannot be used
    again: copy what you want to keep. Samples are read-only.
    """

    cdef Graph _run                  # a slot dies with the pools of its run
    cdef ec_ref _ref
    cdef ec_packet *_p
    cdef bytes _copy               # the packet's own memory when it came beyond a tap's quota
    cdef Tap _tap                  # whose quota this reference counts against, or None

    def __init__(self):
        raise TypeError("a Packet comes from a tap or a sink, not from a constructor")

    @staticmethod
    cdef Packet adopt(Graph run, ec_ref ref):
        """Wrap a reference and take it over from the caller."""
        cdef Packet self = Packet.__new__(Packet)
        self._run = run
        self._ref = ref
        self._p = packet_of(run.c, ref)
        return self

    @staticmethod
    cdef Packet copied(Graph run, ec_ref ref):
        """Copy the packet into memory of its own and give the reference back at once."""
        cdef Packet self = Packet.__new__(Packet)
        cdef ec_packet *p = packet_of(run.c, ref)
        self._copy = (<char *>p)[: EC_PACKET_HEADER_BYTES + p.payload_bytes]
        self._p = <ec_packet *><char *>self._copy
        self._ref = EC_REF_NONE
        release(run.c, ref)
        return self

    def __dealloc__(self):
        if self._ref != EC_REF_NONE:
            release(self._run.c, self._ref)
            if self._tap is not None:
                self._tap.held -= 1

    cdef _plane(self, Py_ssize_t offset, str dtype, bint spectrum):
        cdef Py_ssize_t n = <Py_ssize_t>self._p.n_frames * self._p.n_channels * (self._p.n_bins if spectrum else 1)
        array = numpy.frombuffer(self, dtype, n, offset)
        if spectrum:
            return array.reshape(self._p.n_frames, self._p.n_bins, self._p.n_channels)
        return array.reshape(self._p.n_frames, self._p.n_channels)

    def __getbuffer__(self, Py_buffer *view, int flags):
        PyBuffer_FillInfo(view, self, ec_packet_payload(self._p), self._p.payload_bytes, 1, flags)

    @property
    def data(self):
        """Samples, read-only, not copied.

        float32 uV, shape (n_frames, n_channels); spectra float32, shape (n_frames, n_bins, n_channels); int32
        counts if the packet carries no voltage.
        """
        if self._p.kind == EEGCORE_RAW_I32:
            return self._plane(0, "int32", False)
        if self._p.kind == EEGCORE_RAW_AND_VOLTAGE:
            return self._plane(<Py_ssize_t>self._p.n_frames * self._p.n_channels * 4, "float32", False)
        return self._plane(0, "float32", self._p.kind == EEGCORE_SPECTRUM_F32)

    @property
    def counts(self):
        """Raw counts, read-only int32 of shape (n_frames, n_channels); None if the packet carries none."""
        if self._p.kind in (EEGCORE_RAW_I32, EEGCORE_RAW_AND_VOLTAGE):
            return self._plane(0, "int32", False)
        return None

    @property
    def kind(self):
        """1 RAW_I32, 2 VOLTAGE_F32, 3 RAW_AND_VOLTAGE, 4 SPECTRUM_F32."""
        return self._p.kind

    @property
    def flags(self):
        """1 gap before, 2 saturated, 4 lead-off, 8 settling, 16 impedance tone, 32 late read, 256 flatline, 512 blink,
        1024 muscle, 2048 substituted: a stage failed and its declared default stands here.
        """
        return self._p.flags

    @property
    def n_frames(self):
        """Frames in this packet."""
        return self._p.n_frames

    @property
    def n_channels(self):
        """Channels in every frame."""
        return self._p.n_channels

    @property
    def n_bins(self):
        """Frequency bins in every frame; 0 unless a spectrum."""
        return self._p.n_bins

    @property
    def frame_index(self):
        """Device frame of the first frame; counts every DRDY edge since start."""
        return self._p.frame_index

    @property
    def t_ns(self):
        """Time of the first frame on the clock of the run, ns."""
        return self._p.t_ns

    @property
    def t_complete_ns(self):
        """CLOCK_MONOTONIC when the source had the last sample, ns."""
        return self._p.t_complete_ns

    @property
    def sps(self):
        """Frames per second, nominal."""
        return self._p.sps

    @property
    def step_num(self):
        """Frame i is device frame ``frame_index + i * step_num / step_den``."""
        return self._p.step_num

    @property
    def step_den(self):
        """See `step_num`."""
        return self._p.step_den

    @property
    def device_frames(self):
        """Frames of the device this packet answers for: the unit of the ledger."""
        return self._p.device_frames

    @property
    def meta_rev(self):
        """Revision of the stream's description."""
        return self._p.meta_rev

    @property
    def config_rev(self):
        """Revision of the configuration that made this packet."""
        return self._p.config_rev

    @property
    def saturated(self):
        """Bit c is set if channel c met full scale."""
        return mask_of(self._p.saturated)

    @property
    def lead_off(self):
        """Bit c is set if an electrode of channel c is off."""
        return mask_of(self._p.lead_off)

    @property
    def flatline(self):
        """Bit c is set if channel c stands still."""
        return mask_of(self._p.flatline) if self._p.flags & EEGCORE_FLAG_FLATLINE else 0

    @property
    def blink(self):
        """Bit c is set if channel c shows an eye blink."""
        return mask_of(self._p.blink) if self._p.flags & EEGCORE_FLAG_BLINK else 0

    @property
    def muscle(self):
        """Bit c is set if channel c shows muscle activity."""
        return mask_of(self._p.muscle) if self._p.flags & EEGCORE_FLAG_MUSCLE else 0

    @property
    def hops(self):
        """Nodes that wrote this packet: (node number, entered, left) in ns after `t_complete_ns`."""
        return [(self._p.hops[i].node, self._p.hops[i].enter_ns, self._p.hops[i].leave_ns)
                for i in range(self._p.n_hops)]

    @property
    def head(self):
        """What the packet is beside its payload, 232 bytes, little-endian.

        ``<Q6I`` frame_index, kind, flags, n_frames, n_channels, n_bins, payload_bytes; five masks of 32 bytes:
        saturated, lead_off, flatline, blink, muscle, the last three 0 unless their flag is set; ``<qd6I`` t_ns, sps,
        device_frames, meta_rev, config_rev, step_num, step_den, 0. The times of its hops are no part of it.
        """
        cdef PacketHead h
        head_of(&h, self._p)
        return (<char *>&h)[:sizeof(PacketHead)]

    def encode(self, uint32_t topic_id):
        """Return the binary WebSocket message: 64-byte header and payload (INTERFACES section 4)."""
        cdef bytes message = PyBytes_FromStringAndSize(NULL, 64 + self._p.payload_bytes)
        cdef char *out = PyBytes_AsString(message)
        cdef ec_packet *p = self._p
        cdef uint16_t topic = <uint16_t>topic_id
        cdef uint8_t kind = <uint8_t>p.kind
        cdef uint8_t flags = <uint8_t>((p.flags & 0x7F) | (0x80 if p.flags & EEGCORE_FLAGS_ARTEFACT else 0))
        if topic_id > 0xFFFF:
            raise OverflowError(f"topic_id: {topic_id} does not fit the header. At most 65535 topics in one process.")
        memcpy(out, b"EEG1", 4)
        memcpy(out + 4, &kind, 1)
        memcpy(out + 5, &flags, 1)
        memcpy(out + 6, &topic, 2)
        memcpy(out + 8, &p.n_frames, 4)
        memcpy(out + 12, &p.n_channels, 4)
        memcpy(out + 16, &p.frame_index, 8)
        memcpy(out + 24, &p.t_ns, 8)
        memcpy(out + 32, &p.sps, 8)
        memcpy(out + 40, &p.meta_rev, 4)
        memcpy(out + 44, &p.config_rev, 4)
        memcpy(out + 48, &p.payload_bytes, 4)
        memcpy(out + 52, &p.step_num, 4)
        memcpy(out + 56, &p.step_den, 4)
        memcpy(out + 60, &p.n_bins, 4)
        memcpy(out + 64, ec_packet_payload(p), p.payload_bytes)
        return message

    def format_csv(self, str columns, uint32_t decimals):
        """Return one text row per frame: ``frame_index,time_s,values...``.

        `columns` is "uv", "counts" or "both" (counts first); time_s counts from the start of the run. A spectrum
        has its values in the order of its payload.
        """
        cdef ec_packet *p = self._p
        cdef bint with_counts = columns != "uv" and p.kind in (EEGCORE_RAW_I32, EEGCORE_RAW_AND_VOLTAGE)
        cdef bint with_values = columns != "counts" and p.kind != EEGCORE_RAW_I32
        cdef uint32_t n_counts = p.n_channels if with_counts else 0
        cdef uint32_t n_values = p.n_channels * max(<uint32_t>1, p.n_bins) if with_values else 0
        cdef const int32_t *counts = <const int32_t *>ec_packet_payload(p)
        cdef const float *values = <const float *>ec_packet_payload(p)
        cdef size_t cap = p.n_frames * ec_format_row_bytes(n_counts, n_values), size
        cdef uint32_t done = 0
        cdef char *text
        if p.kind == EEGCORE_RAW_AND_VOLTAGE:
            values += <size_t>p.n_frames * p.n_channels
        if n_counts + n_values == 0:
            raise errors.BadStream(f"csv: a packet of kind {p.kind} has no {columns!r} columns. Choose others.")
        text = <char *>new_aligned(max(cap, 1))
        if text is NULL:
            raise MemoryError("eegcore: no memory for rows of text")
        with nogil:
            size = ec_format_rows(text, cap, p.n_frames, p.frame_index, p.step_num, p.step_den,
                                  p.t_ns - self._run.t_zero_ns, p.sps, counts, n_counts, values, n_values, decimals,
                                  &done)
        try:
            return text[:size]
        finally:
            free(text)

    def release(self):
        """Give the slot back now. The packet and the arrays made from it must not be used afterwards."""
        if self._ref != EC_REF_NONE:
            self._copy = (<char *>self._p)[:EC_PACKET_HEADER_BYTES]
            release(self._run.c, self._ref)
            self._ref = EC_REF_NONE
            self._p = <ec_packet *><char *>self._copy
            self._p.n_frames = 0
            self._p.payload_bytes = 0
            if self._tap is not None:
                self._tap.held -= 1

    def __repr__(self):
        return (f"<Packet kind={self._p.kind} frames={self._p.frame_index}+{self._p.n_frames} "
                f"channels={self._p.n_channels}>")


cdef object mask_of(const uint64_t *words):
    return (<object>words[0]) | (<object>words[1]) << 64 | (<object>words[2]) << 128 | (<object>words[3]) << 192

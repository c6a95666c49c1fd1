# fft: power spectral density of sliding windows, one column per hop.
#
# A ring of the last n frames; every `hop` frames, once the ring is full, one column. A gap empties the ring: a
# window never spans missing frames. A column is the frame of the last sample of its window.


cdef struct Spectrum:
    uint32_t n, hop, n_bins, n_channels
    uint32_t step              # device frames between two input frames
    uint32_t at                # where the next frame goes
    uint32_t until             # frames until the next column
    uint64_t pending_device_frames
    uint32_t flags             # of the frames in the ring
    float *ring                # [n][n_channels]
    ec_psd psd
    int window, detrend
    uint32_t bin_from


cdef void spectrum_destroy(void *self) noexcept nogil:
    cdef Spectrum *s = <Spectrum *>self
    if s is not NULL:
        ec_psd_destroy(&s.psd)
        free(s.ring)
    free(s)


cdef void *spectrum_create(const char *settings_json, const char **why) noexcept with gil:
    cdef Spectrum *s = <Spectrum *>new_aligned(sizeof(Spectrum))
    try:
        if s is NULL:
            raise MemoryError("eegcore: no memory for fft")
        settings = json_loads(settings_json)
        s.n = settings["n"]
        s.hop = settings["hop"]
        s.n_bins = settings["n_bins"]
        s.bin_from = settings["bin_from"]
        s.window = ec_window_number(settings["window"].encode())
        s.detrend = ec_detrend_number(settings["detrend"].encode())
        if s.window < 0 or s.detrend < 0 or s.hop == 0 or settings["scale"] != "density":
            raise ValueError(f"window {settings['window']!r}, detrend {settings['detrend']!r}, hop {s.hop}, "
                             f"scale {settings['scale']!r}")
        return s
    except Exception as error:
        why[0] = keep_reason(error)
        spectrum_destroy(s)
        return NULL


cdef int32_t spectrum_start(void *self, const eegcore_stream *in_, uint32_t n_in,
                            const eegcore_stream *out, uint32_t n_out) noexcept nogil:
    cdef Spectrum *s = <Spectrum *>self
    cdef int32_t status
    if n_in != 1 or n_out != 1 or in_[0].kind == EEGCORE_RAW_I32 or out[0].n_bins != s.n_bins or in_[0].step_den != 1:
        return EEGCORE_BAD_STREAM
    s.n_channels = in_[0].n_channels
    s.step = in_[0].step_num
    status = ec_psd_init(&s.psd, s.n, in_[0].sps, s.window, s.detrend, s.n_channels, s.bin_from, s.n_bins)
    if status < 0:
        return status
    s.ring = <float *>new_aligned(<size_t>s.n * s.n_channels * sizeof(float))
    s.until = s.n
    return EEGCORE_OK if s.ring is not NULL else EEGCORE_NO_MEMORY


cdef void spectrum_column(Spectrum *s, const eegcore_block *block, uint32_t f, eegcore_block *out) noexcept nogil:
    """The window ends with frame f of the block."""
    cdef size_t size = <size_t>s.n_bins * s.n_channels
    if out.values is NULL or out.n_frames >= out.max_frames:
        return
    if out.n_frames == 0:
        out.frame_index = block.frame_index + <uint64_t>f * s.step
        out.t_ns = block.t_ns + <int64_t>(f * 1e9 / block.sps + 0.5)
        out.flags = s.flags
    ec_psd_run_parts(&s.psd, s.ring + <size_t>s.at * s.n_channels, s.n - s.at, s.ring, s.at,
                     out.values + out.n_frames * size)
    out.n_frames += 1


cdef int32_t spectrum_process(void *self, const eegcore_block *in_, uint32_t n_in, eegcore_block *out,
                              uint32_t n_out) noexcept nogil:
    cdef Spectrum *s = <Spectrum *>self
    cdef const eegcore_block *block = &in_[0]
    cdef uint32_t done = 0, n
    out[0].n_frames = 0
    # nobody reads: whoever comes later begins afresh
    s.pending_device_frames = s.pending_device_frames + block.device_frames if out[0].values is not NULL else 0
    if block.flags & EEGCORE_FLAG_GAP:
        s.at = 0
        s.until = s.n
        s.flags = 0
    s.flags |= block.flags
    while done < block.n_frames:
        n = min(min(block.n_frames - done, s.until), s.n - s.at)
        memcpy(s.ring + <size_t>s.at * s.n_channels, block.values + <size_t>done * s.n_channels,
               <size_t>n * s.n_channels * sizeof(float))
        done += n
        s.at = (s.at + n) % s.n
        s.until -= n
        if s.until == 0:
            spectrum_column(s, block, done - 1, &out[0])
            s.until = s.hop
            s.flags = block.flags & ~<uint32_t>EEGCORE_FLAG_GAP
    if out[0].n_frames:
        out[0].device_frames = <uint32_t>s.pending_device_frames
        s.pending_device_frames = 0
    return EEGCORE_OK


cdef StageDescriptor SPECTRUM
memset(&SPECTRUM, 0, sizeof(SPECTRUM))
SPECTRUM.struct_size = sizeof(StageDescriptor)
SPECTRUM.id = "eegcore.fft"
SPECTRUM.max_inputs = 1
SPECTRUM.max_outputs = 1
SPECTRUM.create = spectrum_create
SPECTRUM.start = spectrum_start
SPECTRUM.process = spectrum_process
SPECTRUM.destroy = spectrum_destroy
offer("fft", &SPECTRUM)

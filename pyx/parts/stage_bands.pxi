# bands and mains: integrals of a spectrum over stretches of its axis, one frame per column. See dsp/ec_bands.h.
#
# A frame depends on its own column only: nothing is kept from packet to packet, and nothing changes hands when
# settings do.


cdef struct Bands:
    ec_bands kernel
    uint32_t n_rows, finish, n_pieces
    ec_bands_piece *pieces


cdef void bands_destroy(void *self) noexcept nogil:
    cdef Bands *s = <Bands *>self
    if s is not NULL:
        ec_bands_destroy(&s.kernel)
        free(s.pieces)
    free(s)


cdef void *bands_create(const char *settings_json, const char **why) noexcept with gil:
    cdef Bands *s = <Bands *>new_aligned(sizeof(Bands))
    cdef uint32_t i
    try:
        if s is NULL:
            raise MemoryError("eegcore: no memory for bands")
        settings = json_loads(settings_json)
        s.n_rows = settings["rows"]
        s.finish = {"power": EC_BANDS_POWER, "share": EC_BANDS_SHARE,
                    "amplitude": EC_BANDS_AMPLITUDE}[settings["finish"]]
        s.n_pieces = len(settings["pieces"])
        s.pieces = <ec_bands_piece *>new_aligned(max(1, s.n_pieces) * sizeof(ec_bands_piece))
        if s.pieces is NULL:
            raise MemoryError("eegcore: no memory for bands")
        for i in range(s.n_pieces):
            row, low, high, factor = settings["pieces"][i]
            s.pieces[i].row = row
            s.pieces[i].low = number(low)
            s.pieces[i].high = number(high)
            s.pieces[i].factor = number(factor)
        return s
    except Exception as error:
        why[0] = keep_reason(error)
        bands_destroy(s)
        return NULL


cdef int32_t bands_start(void *self, const eegcore_stream *in_, uint32_t n_in,
                         const eegcore_stream *out, uint32_t n_out) noexcept nogil:
    cdef Bands *s = <Bands *>self
    cdef int32_t status
    if n_in != 1 or n_out != 1 or in_[0].kind != EEGCORE_SPECTRUM_F32 or out[0].n_channels != in_[0].n_channels \
            or out[0].max_frames < in_[0].max_frames:
        return EEGCORE_BAD_STREAM
    status = ec_bands_init(&s.kernel, in_[0].n_bins, in_[0].n_channels, s.n_rows, s.finish, s.pieces, s.n_pieces)
    if status < 0:
        return status
    return EEGCORE_OK if out[0].n_bins == ec_bands_rows(&s.kernel) else EEGCORE_BAD_STREAM


cdef int32_t bands_process(void *self, const eegcore_block *in_, uint32_t n_in, eegcore_block *out,
                           uint32_t n_out) noexcept nogil:
    cdef Bands *s = <Bands *>self
    cdef size_t n_from = <size_t>s.kernel.n_bins * s.kernel.n_channels
    cdef size_t n_to = <size_t>ec_bands_rows(&s.kernel) * s.kernel.n_channels
    cdef uint32_t f
    if out[0].values is not NULL:
        for f in range(in_[0].n_frames):
            ec_bands_run(&s.kernel, in_[0].values + f * n_from, out[0].values + f * n_to)
    return EEGCORE_OK


cdef int32_t bands_take_over(void *self, void *old) noexcept nogil:
    return 0


cdef StageDescriptor BANDS
memset(&BANDS, 0, sizeof(BANDS))
BANDS.struct_size = sizeof(StageDescriptor)
BANDS.id = "eegcore.bands"
BANDS.max_inputs = 1
BANDS.max_outputs = 1
BANDS.create = bands_create
BANDS.start = bands_start
BANDS.process = bands_process
BANDS.take_over = bands_take_over
BANDS.destroy = bands_destroy
offer("bands", &BANDS)

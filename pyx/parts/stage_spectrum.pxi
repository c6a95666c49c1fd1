# fft: averaged spectra of sliding windows, one column per hop. Everything is in dsp/ec_welch.h; here it meets the host.


cdef void spectrum_destroy(void *self) noexcept nogil:
    if self is not NULL:
        ec_welch_destroy(<ec_welch *>self)
    free(self)


cdef void *spectrum_create(const char *settings_json, const char **why) noexcept with gil:
    cdef ec_welch *w = <ec_welch *>new_aligned(sizeof(ec_welch))
    cdef int32_t window, detrend
    try:
        if w is NULL:
            raise MemoryError("eegcore: no memory for fft")
        settings = json_loads(settings_json)
        window = ec_window_number(settings["window"].encode())
        detrend = ec_detrend_number(settings["detrend"].encode())
        if window < 0 or detrend < 0 or settings["scale"] not in ("density", "spectrum"):
            raise ValueError(f"window {settings['window']!r}, detrend {settings['detrend']!r}, "
                             f"scale {settings['scale']!r}")
        w.config.psd.n = settings["n"]
        w.config.psd.window = window
        w.config.psd.beta = number(settings["beta"])
        w.config.psd.detrend = detrend
        w.config.psd.is_spectrum = settings["scale"] == "spectrum"
        w.config.psd.bin_from = settings["bin_from"]
        w.config.psd.n_bins = settings["n_bins"]
        w.config.hop = settings["hop"]
        w.config.average = settings["average"]
        w.config.is_median = settings["average_by"] == "median"
        w.config.is_db = settings["db"]
        return w
    except Exception as error:
        why[0] = keep_reason(error)
        free(w)                            # owns nothing yet
        return NULL


cdef int32_t spectrum_start(void *self, const eegcore_stream *in_, uint32_t n_in,
                            const eegcore_stream *out, uint32_t n_out) noexcept nogil:
    cdef ec_welch *w = <ec_welch *>self
    cdef ec_welch_config config = w.config
    if n_in != 1 or n_out != 1 or in_[0].kind == EEGCORE_RAW_I32 or out[0].n_bins != config.psd.n_bins:
        return EEGCORE_BAD_STREAM
    config.psd.n_channels = in_[0].n_channels
    config.psd.sps = in_[0].sps
    config.max_frames = in_[0].max_frames
    config.step_num = in_[0].step_num
    config.step_den = in_[0].step_den
    return ec_welch_init(w, &config)


cdef int32_t spectrum_process(void *self, const eegcore_block *in_, uint32_t n_in, eegcore_block *out,
                              uint32_t n_out) noexcept nogil:
    return EEGCORE_MORE if ec_welch_run(<ec_welch *>self, &in_[0], &out[0]) else EEGCORE_OK


cdef int32_t spectrum_take_over(void *self, void *old) noexcept nogil:
    ec_welch_take_over(<ec_welch *>self, <ec_welch *>old)
    return 0


cdef StageDescriptor SPECTRUM
memset(&SPECTRUM, 0, sizeof(SPECTRUM))
SPECTRUM.struct_size = sizeof(StageDescriptor)
SPECTRUM.id = "eegcore.fft"
SPECTRUM.max_inputs = 1
SPECTRUM.max_outputs = 1
SPECTRUM.create = spectrum_create
SPECTRUM.start = spectrum_start
SPECTRUM.process = spectrum_process
SPECTRUM.take_over = spectrum_take_over
SPECTRUM.destroy = spectrum_destroy
offer("fft", &SPECTRUM)

# align_and_zip: several streams joined frame by frame. Everything is in dsp/ec_zip.h; here it meets the host.


cdef void zip_destroy(void *self) noexcept nogil:
    if self is not NULL:
        ec_zip_destroy(<ec_zip *>self)
    free(self)


cdef void *zip_create(const char *settings_json, const char **why) noexcept with gil:
    cdef ec_zip *z = <ec_zip *>new_aligned(sizeof(ec_zip))
    cdef ec_zip_config config
    cdef int32_t status
    cdef uint32_t k
    try:
        if z is NULL:
            raise MemoryError("eegcore: no memory for align_and_zip")
        settings = json_loads(settings_json)
        memset(&config, 0, sizeof(config))
        if len(settings["inputs"]) > EC_ZIP_MAX_INPUTS:
            raise ValueError(f"{len(settings['inputs'])} inputs, at most {EC_ZIP_MAX_INPUTS}")
        config.n_inputs = len(settings["inputs"])
        config.max_frames = settings["max_frames"]
        config.by_time = settings["by"] == "time"
        config.is_float = settings["is_float"]
        config.waits = settings["waits"]
        config.on_missing = EC_ZIP_SKIP if settings["on_missing"] == "skip" else EC_ZIP_FILL
        config.tolerance = settings["tolerance"]
        for k in range(config.n_inputs):
            given = settings["inputs"][k]
            config.input[k].n_channels = given["n_channels"]
            config.input[k].burst_frames = given["burst_frames"]
            config.input[k].wait_frames = given["wait_frames"]
            config.input[k].step_num, config.input[k].step_den = given["step"]
            config.input[k].sps = given["sps"]
        status = ec_zip_init(z, &config)
        if status == EC_STATUS_NO_MEMORY:
            raise MemoryError("eegcore: no memory for align_and_zip")
        if status < 0:
            raise ValueError(f"settings refused ({status})")
        return z
    except Exception as error:
        why[0] = keep_reason(error)
        zip_destroy(z)
        return NULL


cdef int32_t zip_start(void *self, const eegcore_stream *in_, uint32_t n_in,
                       const eegcore_stream *out, uint32_t n_out) noexcept nogil:
    cdef ec_zip *z = <ec_zip *>self
    cdef int32_t kind = EEGCORE_VOLTAGE_F32 if z.config.is_float else EEGCORE_RAW_I32
    cdef uint32_t k
    if n_in != z.config.n_inputs or n_out != 1 or out[0].kind != kind or out[0].n_channels != z.n_channels \
            or out[0].max_frames < z.config.max_frames:
        return EEGCORE_BAD_STREAM
    for k in range(n_in):
        if in_[k].kind != kind or in_[k].n_channels != z.config.input[k].n_channels:
            return EEGCORE_BAD_STREAM
    return EEGCORE_OK


cdef int32_t zip_process(void *self, const eegcore_block *in_, uint32_t n_in, eegcore_block *out,
                         uint32_t n_out) noexcept nogil:
    cdef ec_zip *z = <ec_zip *>self
    cdef uint32_t k
    for k in range(n_in):
        ec_zip_take(z, k, &in_[k])
    return EEGCORE_MORE if ec_zip_next(z, &out[0]) else EEGCORE_OK


cdef int32_t zip_has_room(void *self, uint32_t input) noexcept nogil:
    return ec_zip_has_room(<ec_zip *>self, input)


cdef int32_t zip_end_input(void *self, uint32_t input) noexcept nogil:
    ec_zip_end_input(<ec_zip *>self, input)
    return EEGCORE_OK


cdef uint32_t zip_counters(void *self, eegcore_counter *out, uint32_t max) noexcept nogil:
    cdef ec_zip *z = <ec_zip *>self
    cdef uint64_t frames = ec_counter_get(&z.out)
    cdef ec_zip_input *i
    cdef uint32_t k, n = 0
    for k in range(z.config.n_inputs):
        i = &z.input[k]
        n = count_out(out, n, max, k, "in", ec_counter_get(&i.in_))
        n = count_out(out, n, max, k, "used", ec_counter_get(&i.used))
        n = count_out(out, n, max, k, "skipped", ec_counter_get(&i.skipped))
        n = count_out(out, n, max, k, "held", ec_counter_get(&i.held))
        n = count_out(out, n, max, k, "out", frames)
        n = count_out(out, n, max, k, "repeated", ec_counter_get(&i.repeated))
        n = count_out(out, n, max, k, "filled", ec_counter_get(&i.filled))
    return n


cdef StageDescriptor ZIP
memset(&ZIP, 0, sizeof(ZIP))
ZIP.struct_size = sizeof(StageDescriptor)
ZIP.id = "eegcore.align_and_zip"
ZIP.max_inputs = EC_ZIP_MAX_INPUTS
ZIP.max_outputs = 1
ZIP.create = zip_create
ZIP.start = zip_start
ZIP.process = zip_process
ZIP.has_room = zip_has_room
ZIP.end_input = zip_end_input
ZIP.counters = zip_counters
ZIP.destroy = zip_destroy
offer("zip", &ZIP)

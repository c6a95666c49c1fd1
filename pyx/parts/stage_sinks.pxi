# The two native sinks. Both look at packets and own nothing; the host counts, measures and digests what ends here.


cdef struct NullSink:
    int64_t stall_ns           # to provoke an overflow on purpose


cdef void sink_destroy(void *self) noexcept nogil:
    free(self)


cdef void *null_sink_create(const char *settings_json, const char **why) noexcept with gil:
    cdef NullSink *s = <NullSink *>new_aligned(sizeof(NullSink))
    try:
        if s is NULL:
            raise MemoryError("eegcore: no memory for null_sink")
        s.stall_ns = <int64_t>(1e6 * float(json_loads(settings_json).get("stall_ms", 0)))
        return s
    except Exception as error:
        why[0] = keep_reason(error)
        free(s)
        return NULL


cdef int32_t sink_start(void *self, const eegcore_stream *in_, uint32_t n_in,
                        const eegcore_stream *out, uint32_t n_out) noexcept nogil:
    return EEGCORE_OK if n_in == 1 else EEGCORE_BAD_STREAM


cdef int32_t null_sink_process(void *self, const eegcore_block *in_, uint32_t n_in, eegcore_block *out,
                               uint32_t n_out) noexcept nogil:
    cdef NullSink *s = <NullSink *>self
    cdef timespec nap
    if s.stall_ns > 0:
        nap.tv_sec = s.stall_ns // 1000000000
        nap.tv_nsec = s.stall_ns % 1000000000
        clock_nanosleep(CLOCK_MONOTONIC, 0, &nap, NULL)
    return EEGCORE_OK


cdef void *websocket_sink_create(const char *settings_json, const char **why) noexcept nogil:
    return new_aligned(64)     # no state: the port behind it leads to the server, which encodes


cdef int32_t websocket_sink_process(void *self, const eegcore_block *in_, uint32_t n_in, eegcore_block *out,
                                    uint32_t n_out) noexcept nogil:
    return EEGCORE_OK          # EEGCORE_STAGE_PASS: the host hands the packet on as it is


cdef StageDescriptor NULL_SINK
memset(&NULL_SINK, 0, sizeof(NULL_SINK))
NULL_SINK.struct_size = sizeof(StageDescriptor)
NULL_SINK.flags = EEGCORE_STAGE_PASS
NULL_SINK.id = "eegcore.null_sink"
NULL_SINK.max_inputs = 1
NULL_SINK.create = null_sink_create
NULL_SINK.start = sink_start
NULL_SINK.process = null_sink_process
NULL_SINK.destroy = sink_destroy
offer("null_sink", &NULL_SINK)

cdef StageDescriptor WEBSOCKET_SINK
memset(&WEBSOCKET_SINK, 0, sizeof(WEBSOCKET_SINK))
WEBSOCKET_SINK.struct_size = sizeof(StageDescriptor)
WEBSOCKET_SINK.flags = EEGCORE_STAGE_PASS
WEBSOCKET_SINK.id = "eegcore.websocket_sink"
WEBSOCKET_SINK.max_inputs = 1
WEBSOCKET_SINK.max_outputs = 1
WEBSOCKET_SINK.create = websocket_sink_create
WEBSOCKET_SINK.start = sink_start
WEBSOCKET_SINK.process = websocket_sink_process
WEBSOCKET_SINK.destroy = sink_destroy
offer("websocket_sink", &WEBSOCKET_SINK)

# Stages that only declare something of the run: their packets are those of their input.

cdef StageDescriptor MARKER_IN
memset(&MARKER_IN, 0, sizeof(MARKER_IN))
MARKER_IN.struct_size = sizeof(StageDescriptor)
MARKER_IN.flags = EEGCORE_STAGE_PASS
MARKER_IN.id = "eegcore.marker_in"
MARKER_IN.max_inputs = 1
MARKER_IN.max_outputs = 1
MARKER_IN.create = websocket_sink_create
MARKER_IN.start = sink_start
MARKER_IN.process = websocket_sink_process
MARKER_IN.destroy = sink_destroy
offer("marker_in", &MARKER_IN)

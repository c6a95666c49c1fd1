# The buses of a graph's sources: emulated chips, and the devices that are given back when a run is over.


cdef void close_buses(Graph graph) noexcept:
    cdef int i
    for i in range(graph.n_groups):
        if graph.buses[i] is not NULL:
            ec_linux_bus_close(graph.buses[i])


cdef ec_bus emulated_bus(Graph graph, int group, dict node, frames, uint64_t frames_max) except *:
    cdef ec_emulator_config config
    cdef Py_buffer view
    cdef int32_t status = 0
    cdef const char *wrong
    cdef bytes faults = fault_table(node["world"]["faults"])
    fill_emulator_config(&config, node, graph.c.is_virtual)
    config.n_frames_max = frames_max
    config.faults = <const ec_fault *><const char *>faults
    config.n_faults = len(node["world"]["faults"])
    if frames is not None:
        PyObject_GetBuffer(frames, &view, PyBUF_SIMPLE)
        graph._kept.append(frames)
        if isinstance(frames, bytes):
            config.spi_frames = <const uint8_t *>view.buf
            config.spi_bytes = view.len
        else:
            config.counts = <const int32_t *>view.buf
            config.counts_n_frames = len(frames)
        PyBuffer_Release(&view)
    wrong = ec_emulator_check(&config)
    if wrong is not NULL:
        raise errors.EegcoreError(f"emulator: {wrong.decode()}")
    graph.emulators[group] = ec_emulator_create(&config, &status)
    if graph.emulators[group] is NULL:
        check(status, "emulator")
    return ec_emulator_bus(graph.emulators[group])

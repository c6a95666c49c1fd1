# Sources of a graph: chips that are brought up, and recordings in memory.


cdef Source *new_source(Graph graph, int group, dict output, uint32_t batch) except NULL:
    cdef Source *s
    graph._building(group)
    s = <Source *>new_aligned(sizeof(Source))
    if s is NULL:
        raise MemoryError("eegcore: no memory for a source")
    graph.sources[group] = s
    s.group = graph.groups[group]
    s.node = graph._node(group, 0, [output], &s.number)
    check(ec_group_add_node(s.group, s.node), "group")
    s.batch = min(batch, <uint32_t>output["max_frames"])
    s.sps = output["sps"]
    s.wake.event_fd = -1
    s.taken.event_fd = -1
    return s


def add_ads1299(Graph graph, int group, dict output, dict node, *, frames=None, uint64_t frames_max=0):
    """Add chips as the source of a group, bring them up, and return the node number.

    `node` is what `acquire` describes; `frames` the data of an emulated board's ``signal: file``: bytes of SPI
    frames, or an int32 array (n_frames, n_channels). The source ends after `frames_max` conversions, if not 0.

    Raises
    ------
    DeviceError
        If the chips are not there, are others, or do not hold what is written into them.
    """
    cdef ec_ads1299_config config
    cdef ec_bus bus
    cdef int32_t status
    cdef Source *s
    fill_driver_config(&config, node)
    if node["bus"] == "linux":
        graph.buses[group] = open_linux_bus(node)
        bus = ec_linux_bus_bus(graph.buses[group])
    else:
        bus = emulated_bus(graph, group, node, frames, frames_max)
    s = new_source(graph, group, output, node["batch"])
    s.chips = <Chips *>new_aligned(sizeof(Chips))
    if s.chips is NULL:
        raise MemoryError("eegcore: no memory for a driver")
    s.chips.frames_max = frames_max
    s.chips.check_every_ns = <int64_t>(node["check_s"] * 1e9)
    ec_ads1299_init(&s.chips.driver, &bus, &config)
    with nogil:
        status = ec_ads1299_bring_up(&s.chips.driver)
    if status < 0:
        raise bring_up_error(&s.chips.driver, status, node["board"])
    if graph.emulators[group] is not NULL:
        ec_emulator_run_begin(graph.emulators[group])   # what a chain read to find its gap is no part of the run
    s.chips.period_ns = <int64_t>(1e9 / s.chips.driver.sps)
    return s.number


def add_playback(Graph graph, int group, dict output, values, *, uint32_t batch, double speed=1.0, bint loop=False,
                 uint64_t frames_max=0, gap_at=None, gap_frames=None):
    """Add a recording in memory as the source of a group; return its node number.

    `values` is C-contiguous, float32 uV or int32 counts, shape (n_frames, n_channels); `gap_at` and
    `gap_frames` are uint64 arrays of the places where frames are missing and how many.
    """
    cdef Py_buffer view
    cdef Source *s = new_source(graph, group, output, batch)
    PyObject_GetBuffer(values, &view, PyBUF_SIMPLE)
    s.recording.values = view.buf
    PyBuffer_Release(&view)
    s.recording.n_frames = len(values)
    graph._kept.append(values)
    if gap_at is not None and len(gap_at):
        graph._kept.append((gap_at, gap_frames))
        s.recording.n_gaps = len(gap_at)
        PyObject_GetBuffer(gap_at, &view, PyBUF_SIMPLE)
        s.recording.gap_at = <const uint64_t *>view.buf
        PyBuffer_Release(&view)
        PyObject_GetBuffer(gap_frames, &view, PyBUF_SIMPLE)
        s.recording.gap_frames = <const uint64_t *>view.buf
        PyBuffer_Release(&view)
    s.is_counts = output["kind"] == EEGCORE_RAW_I32
    s.speed = speed
    s.loop = loop
    s.frames_max = frames_max
    return s.number

# The running graph: made from a plan by the control thread, run by one thread per group, read by anybody.

NODE_TYPES = tuple(_native)


@cython.final
cdef class Graph:
    """Pools, groups, nodes and edges of one run.

    Build it with the ``add_...`` methods, call `run_group` once on a thread of its own for every group, `stop`,
    join the threads, `finish`, then read the counters. Numbers that the methods return name things later.
    """

    cdef ec_run *c
    cdef ec_group *groups[MAX_GROUPS]
    cdef ec_node *nodes[MAX_NODES]
    cdef int node_group[MAX_NODES]
    cdef ec_edge *edges[MAX_EDGES_TOTAL]
    cdef Source *sources[MAX_GROUPS]
    cdef ec_emulator *emulators[MAX_GROUPS]    # of sources whose bus is emulated
    cdef ec_linux_bus *buses[MAX_GROUPS]       # of sources with real chips
    cdef readonly int n_groups, n_nodes, n_edges
    cdef public int64_t t_zero_ns      # time of the start on the clock of the run: what rows of text count from
    cdef bint _finished
    cdef bint _retired[MAX_EDGES_TOTAL]    # taken off again: free for the next outlet like it
    cdef list _kept                   # Python memory that C points into
    cdef readonly uint32_t config_rev  # newest that was given to the graph

    def __cinit__(self, *, bint is_virtual=False, uint32_t config_rev=1):
        self.c = ec_run_create(is_virtual)
        if self.c is NULL:
            raise MemoryError("eegcore: no memory for a run")
        self.config_rev = config_rev
        self._kept = []

    def __dealloc__(self):
        cdef int i
        if self.c is NULL:
            return
        self._close_buses()
        for i in range(self.n_edges):
            ec_edge_destroy(self.edges[i])
        for i in range(self.n_nodes):
            ec_node_destroy(self.nodes[i], self.c)
        for i in range(self.n_groups):
            ec_group_destroy(self.groups[i])
            if self.sources[i] is not NULL:
                free(self.sources[i].chips)
            free(self.sources[i])
            ec_emulator_destroy(self.emulators[i])
            free(self.buses[i])
        ec_run_destroy(self.c)

    # ---- building [control-thread, stopped] ----

    def add_pool(self, uint32_t slots, uint32_t payload_bytes, bint lock=False):
        """Add a pool; return (number, locked)."""
        cdef bint locked = False
        cdef cbool got = False
        cdef int32_t number = check(ec_run_add_pool(self.c, slots, payload_bytes, lock, &got),
                                    f"pool of {slots} x {payload_bytes} bytes")
        locked = got
        return number, bool(locked)

    def add_group(self, int64_t spin_ns=0):
        """Add a group; return its number."""
        if self.n_groups == MAX_GROUPS:
            raise errors.EegcoreError(f"plan: more than {MAX_GROUPS} groups. Put stages into fewer groups.")
        self.groups[self.n_groups] = ec_group_create(self.c)
        if self.groups[self.n_groups] is NULL:
            raise MemoryError("eegcore: no memory for a group")
        self.groups[self.n_groups].spin_ns = spin_ns
        self.n_groups += 1
        return self.n_groups - 1

    cdef ec_node *_node(self, int group, int n_inputs, list outputs) except NULL:
        cdef ec_node *node
        cdef ec_port *port
        cdef int i
        if self.n_nodes == MAX_NODES or len(outputs) > MAX_OUTPUTS:
            raise errors.EegcoreError(f"plan: more than {MAX_NODES} nodes, or {MAX_OUTPUTS} outputs of one. "
                                      "Split the pipeline.")
        node = ec_node_create(self.n_nodes, n_inputs, len(outputs))
        if node is NULL:
            raise MemoryError("eegcore: no memory for a node")
        for i, out in enumerate(outputs):
            port = &node.ports[i]
            port.number = out["number"]
            port.kind = out["kind"]
            port.n_channels = out["n_channels"]
            port.n_bins = out["n_bins"]
            port.max_frames = out["max_frames"]
            port.step_num, port.step_den = out["step"]
            port.sps = out["sps"]
            port.pool = self.c.pools[<int>out["pool"]] if out["pool"] is not None else NULL
        node.config_rev = self.config_rev
        self.nodes[self.n_nodes] = node
        self.node_group[self.n_nodes] = group
        self.n_nodes += 1
        check(ec_group_add_node(self.groups[group], node), "group")
        return node

    def add_node(self, int group, str node_type, dict params, *, list inputs, list outputs, int on_error=0,
                 bint is_sink=False, bint digest=False, double budget_us=0):
        """Add a stage instance; return its number. `inputs` and `outputs` describe streams.

        Raises
        ------
        EegcoreError
            If the stage refuses its settings or streams.
        """
        cdef const StageDescriptor *stage = builtin(node_type)
        cdef ec_node *node = self._node(group, len(inputs), outputs)
        node.stage = stage
        node.on_error = on_error
        node.is_sink = is_sink
        node.budget_ns = <int64_t>(budget_us * 1000)
        node.digest_on = digest
        if digest:
            ec_sha256_init(&node.digest)
        node.in_step = <double>inputs[0]["step"][0] / inputs[0]["step"][1] if inputs else 1.0
        ec_node_set_self(node, start_instance(stage, node_type, params, inputs, outputs))
        return self.n_nodes - 1

    cdef Source *_source(self, int group, dict output, uint32_t batch) except NULL:
        cdef Source *s = <Source *>new_aligned(sizeof(Source))
        if s is NULL:
            raise MemoryError("eegcore: no memory for a source")
        self.sources[group] = s
        s.group = self.groups[group]
        s.node = self._node(group, 0, [output])
        s.batch = min(batch, <uint32_t>output["max_frames"])
        s.sps = output["sps"]
        s.wake.event_fd = -1
        s.taken.event_fd = -1
        return s

    def add_ads1299(self, int group, dict output, dict node, *, frames=None, uint64_t frames_max=0):
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
            self.buses[group] = open_linux_bus(node)
            bus = ec_linux_bus_bus(self.buses[group])
        else:
            bus = self._emulated_bus(group, node, frames, frames_max)
        s = self._source(group, output, node["batch"])
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
        if self.emulators[group] is not NULL:
            ec_emulator_run_begin(self.emulators[group])   # what a chain read to find its gap is no part of the run
        s.chips.period_ns = <int64_t>(1e9 / s.chips.driver.sps)
        return self.n_nodes - 1

    cdef void _close_buses(self) noexcept:
        cdef int i
        for i in range(self.n_groups):
            if self.buses[i] is not NULL:
                ec_linux_bus_close(self.buses[i])

    cdef ec_bus _emulated_bus(self, int group, dict node, frames, uint64_t frames_max) except *:
        cdef ec_emulator_config config
        cdef Py_buffer view
        cdef int32_t status = 0
        cdef const char *wrong
        cdef bytes faults = fault_table(node["world"]["faults"])
        fill_emulator_config(&config, node, self.c.is_virtual)
        config.n_frames_max = frames_max
        config.faults = <const ec_fault *><const char *>faults
        config.n_faults = len(node["world"]["faults"])
        if frames is not None:
            PyObject_GetBuffer(frames, &view, PyBUF_SIMPLE)
            self._kept.append(frames)
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
        self.emulators[group] = ec_emulator_create(&config, &status)
        if self.emulators[group] is NULL:
            check(status, "emulator")
        return ec_emulator_bus(self.emulators[group])

    def add_playback(self, int group, dict output, values, *, uint32_t batch, double speed=1.0, bint loop=False,
                     uint64_t frames_max=0, gap_at=None, gap_frames=None):
        """Add a recording in memory as the source of a group; return its node number.

        `values` is C-contiguous, float32 uV or int32 counts, shape (n_frames, n_channels); `gap_at` and
        `gap_frames` are uint64 arrays of the places where frames are missing and how many.
        """
        cdef Py_buffer view
        cdef Source *s = self._source(group, output, batch)
        PyObject_GetBuffer(values, &view, PyBUF_SIMPLE)
        s.recording.values = view.buf
        PyBuffer_Release(&view)
        s.recording.n_frames = len(values)
        self._kept.append(values)
        if gap_at is not None and len(gap_at):
            self._kept.append((gap_at, gap_frames))
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
        return self.n_nodes - 1

    def add_recorded(self, int group, dict output):
        """Add a source that hands on packets of another run (`feed`) as they were; return its node number."""
        cdef Source *s = self._source(group, output, output["max_frames"])
        s.is_recorded = True
        return self.n_nodes - 1

    def connect(self, int from_node, int from_port, int to_node, int to_input):
        """Connect two nodes of one group by direct call."""
        cdef ec_group *g = self.groups[self.node_group[from_node]]
        cdef uint32_t i
        for i in range(g.n_nodes):
            if g.nodes[i] == self.nodes[to_node]:
                check(ec_port_add_local(&self.nodes[from_node].ports[from_port], i, to_input), "connect")
                return
        raise errors.EegcoreError("plan: nodes of different groups need an edge")

    def add_edge(self, int from_node, int from_port, int to_node, int to_input, *, int policy, uint32_t capacity,
                 bint critical=False):
        """Add a ring between two groups; return its number."""
        cdef ec_group *g = self.groups[self.node_group[to_node]]
        cdef uint32_t i
        cdef int number = self._edge(policy, capacity, critical, &g.bell, False)
        check(ec_port_add_edge(self.groups[self.node_group[from_node]], &self.nodes[from_node].ports[from_port],
                               self.edges[number]), "edge")
        for i in range(g.n_nodes):
            if g.nodes[i] == self.nodes[to_node]:
                check(ec_group_add_input(g, self.edges[number], i, to_input), "edge")
        return number

    cdef int _edge(self, int policy, uint32_t capacity, bint critical, ec_doorbell *bell, bint with_eventfd) except -1:
        cdef ec_edge *edge
        cdef int i
        if bell is NULL and not with_eventfd:
            for i in range(self.n_edges):
                if self._retired[i] and self.edges[i].policy == policy and self.edges[i].capacity == capacity:
                    self._retired[i] = False
                    ec_edge_reopen(self.edges[i], critical)
                    return i
        if self.n_edges == MAX_EDGES_TOTAL:
            raise errors.EegcoreError(f"plan: more than {MAX_EDGES_TOTAL} edges. Close taps that are not read.")
        edge = ec_edge_create(policy, capacity, critical, self.n_edges, self.c.pools, &self.c.abort, bell,
                              with_eventfd)
        if edge is NULL:
            raise MemoryError(f"eegcore: no edge of {capacity} packets can be made")
        if with_eventfd:
            ec_doorbell_arm(edge.bell, ec_doorbell_look(edge.bell))
        self.edges[self.n_edges] = edge
        self.n_edges += 1
        return self.n_edges - 1

    def add_outlet(self, int from_node, int from_port, *, int policy, uint32_t capacity, bint critical=False,
                   bint with_eventfd=False, str name="", Py_ssize_t quota=0, Tap beside=None):
        """Add an edge whose consumer is Python; return (number, Tap). Also on a running graph, one call at a time.

        `beside` is another outlet of the same consumer: both ring one bell, and `wait_any` reads both.
        """
        cdef ec_doorbell *bell = beside._bell() if beside is not None else NULL
        cdef int number = self._edge(policy, capacity, critical, bell, with_eventfd)
        cdef ec_group *g = self.groups[self.node_group[from_node]]
        cdef ec_port *port = &self.nodes[from_node].ports[from_port]
        cdef ec_edge *edge = self.edges[number]
        cdef int32_t status
        with nogil:                            # it waits for the group, and the group may wait for Python
            status = ec_port_add_edge(g, port, edge)
        if status < 0:
            ec_edge_close(edge)                # nobody will read it: it must not stop the group
            check(status, name)
        return number, Tap.make(self, self.edges[number], name, quota)

    def remove_outlet(self, int from_node, int from_port, int number):
        """Take an outlet off a graph that may be running. What waits in it is counted as dropped[closed]."""
        cdef ec_group *g = self.groups[self.node_group[from_node]]
        cdef ec_port *port = &self.nodes[from_node].ports[from_port]
        cdef ec_edge *edge = self.edges[number]
        cdef int32_t status
        ec_edge_close(edge)
        with nogil:
            status = ec_port_remove_edge(g, port, edge)
        check(status, "tap")
        ec_edge_sweep(edge, EC_DROP_CLOSED)
        self._retired[number] = edge.bell == &edge.own_bell and edge.bell.event_fd < 0

    # ---- running ----

    def run_group(self, int group, str thread_name):
        """Be the thread of a group until its work is done. Releases the GIL for good."""
        cdef ec_group *g = self.groups[group]
        cdef Source *s = self.sources[group]
        cdef bytes name = thread_name.encode()[:15]
        cdef const char *c_name = name
        cdef uint64_t mode = ec_fp_mode()
        check(ec_group_find_guards(g), "group")
        pthread_setname_np(pthread_self(), c_name)
        with nogil:
            if s is NULL:
                run_worker(g)
            elif s.chips is not NULL:
                run_acquire(s)
            elif s.is_recorded:
                run_recorded(s)
            else:
                run_playback(s)
        ec_fp_restore(mode)                # the thread may be lent, and has other work to do

    def stop(self):
        """Ask the sources to end; everything behind them drains by itself. [any-thread]"""
        ec_run_set(&self.c.stopping, 1)
        self._wake_sources()

    def abort(self):
        """Let nobody wait any more; what is inside edges will be counted as dropped[stopped]. [any-thread]"""
        cdef int i
        ec_run_set(&self.c.stopping, 1)
        ec_run_set(&self.c.abort, 1)
        self._wake_sources()
        for i in range(self.n_groups):
            ec_doorbell_ring(&self.groups[i].bell)
        for i in range(self.n_edges):
            ec_doorbell_ring(self.edges[i].bell)
            ec_doorbell_ring(&self.edges[i].space)

    def pause(self, bint paused):
        """Sources keep reading and count `paused`; a playback stands still. [any-thread]"""
        ec_run_set(&self.c.paused, paused)
        self._wake_sources()

    cdef _wake_sources(self):
        cdef int i
        for i in range(self.n_groups):
            if self.sources[i] is not NULL:
                ec_doorbell_ring(&self.sources[i].wake)

    @property
    def is_stopping(self):
        """True once the sources were asked to end, by `stop`, `abort` or a failure."""
        return bool(ec_run_is(&self.c.stopping))

    def finish(self, keep=()):
        """Count what is left in the edges, but those in `keep`. After all threads were joined; once.

        [control-thread]
        """
        cdef int i
        if self._finished:
            return
        self._finished = True
        self._close_buses()                # the next run wants the same nodes and lines
        for i in range(self.n_edges):
            if i in keep:
                continue
            ec_edge_sweep(self.edges[i], EC_DROP_CLOSED if ec_edge_is_closed(self.edges[i]) else EC_DROP_STOPPED)

    @property
    def failure(self):
        """(status, node, edge or None, frame_index) of the failure that stopped the run, or None."""
        if not ec_run_has_failed(self.c):
            return None
        edge = None if self.c.failure.edge == NO_EDGE else self.c.failure.edge
        return self.c.failure.status, self.c.failure.node, edge, self.c.failure.frame_index

    def drain_log(self):
        """Return and forget what the threads had to say: (code, node, edge, frame_index, value, t_ns) each."""
        cdef ec_record record
        out = []
        while ec_mpsc_pop(&self.c.log, &record):
            out.append((record.words[0], record.words[1], record.words[2], record.words[3],
                        <int64_t>record.words[4], record.words[5]))
        return out

    def grow_pool(self, int pool):
        """Double a pool, once. Raises if it has grown already. [control-thread]"""
        check(ec_pool_grow(self.c.pools[pool]), f"pool {pool}")

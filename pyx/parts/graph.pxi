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
    cdef ec_edge *edges[MAX_EDGES_TOTAL]       # forgotten groups, nodes and edges are NULL: their numbers are free
    cdef int edge_group[MAX_EDGES_TOTAL]       # of the reader; -1: Python
    cdef dict _taps                            # edge number -> Tap, of planned outlets
    cdef Source *sources[MAX_GROUPS]
    cdef ec_emulator *emulators[MAX_GROUPS]    # of sources whose bus is emulated
    cdef ec_linux_bus *buses[MAX_GROUPS]       # of sources with real chips
    cdef readonly int n_groups, n_nodes, n_edges
    cdef public int64_t t_zero_ns      # time of the start on the clock of the run: what rows of text count from
    cdef bint _finished
    cdef int _waiting                 # threads that put an outlet on or off, and wait for a group: nothing is forgotten
    cdef bint _retired[MAX_EDGES_TOTAL]    # taken off again: free for the next outlet like it
    cdef set _bells
    cdef list _kept                   # Python memory that C points into
    cdef readonly uint32_t config_rev  # newest that was given to the graph

    def __cinit__(self, *, bint is_virtual=False, uint32_t config_rev=1):
        self.c = ec_run_create(is_virtual)
        if self.c is NULL:
            raise MemoryError("eegcore: no memory for a run")
        self.config_rev = config_rev
        self._kept, self._bells = [], set()
        self._taps = {}

    def __dealloc__(self):
        cdef int i
        if self.c is NULL:
            return
        close_buses(self)
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
        """Add a group, also to a graph that runs; return its number. Start its thread after it has got nodes."""
        cdef int number = 0
        while number < self.n_groups and self.groups[number] is not NULL:
            number += 1
        if number == MAX_GROUPS:
            raise errors.EegcoreError(f"plan: more than {MAX_GROUPS} groups. Put stages into fewer groups, or wait until "
                                      "changes that were made have begun.")
        self.groups[number] = ec_group_create(self.c)
        if self.groups[number] is NULL:
            raise MemoryError("eegcore: no memory for a group")
        self.groups[number].spin_ns = spin_ns
        self.n_groups = max(self.n_groups, number + 1)
        return number

    cdef ec_group *_group(self, int number) except NULL:
        if not 0 <= number < self.n_groups or self.groups[number] is NULL:
            raise errors.BadArgument(f"group: there is no number {number}. Take one that add_group has returned.")
        return self.groups[number]

    cdef ec_node *_at(self, int number) except NULL:
        if not 0 <= number < self.n_nodes or self.nodes[number] is NULL:
            raise errors.BadArgument(f"node: there is no number {number}. Take one that was added and not forgotten.")
        return self.nodes[number]

    cdef ec_edge *_edge_at(self, int number) except NULL:
        if not 0 <= number < self.n_edges or self.edges[number] is NULL:
            raise errors.BadArgument(f"edge: there is no number {number}. Take one that was added and not forgotten.")
        return self.edges[number]

    cdef ec_pool *_pool_at(self, int number) except NULL:
        if not 0 <= number < <int>self.c.n_pools or self.c.pools[number] is NULL:
            raise errors.BadArgument(f"pool: there is no number {number}. Take one that was added and not forgotten.")
        return self.c.pools[number]

    cdef int _building(self, int group) except -1:
        if self._group(group).started:
            raise errors.StateConflict(f"group {group}: it runs. Use new_node and hand_over.")
        return 0

    cdef ec_node *_node(self, int group, int n_inputs, list outputs, int *number) except NULL:
        """Make a node; it is in no schedule yet."""
        cdef ec_node *node
        cdef ec_port *port
        cdef int i, at = 0
        self._group(group)
        while at < self.n_nodes and self.nodes[at] is not NULL:
            at += 1
        if at == MAX_NODES or len(outputs) > MAX_OUTPUTS:
            raise errors.EegcoreError(f"plan: more than {MAX_NODES} nodes, or {MAX_OUTPUTS} outputs of one. "
                                      "Split the pipeline, or wait until changes that were made have begun.")
        pools = [None if out["pool"] is None else out["pool"] for out in outputs]
        for pool in pools:
            if pool is not None:
                self._pool_at(pool)
        node = ec_node_create(at, n_inputs, len(outputs))
        if node is NULL:
            raise MemoryError("eegcore: no memory for a node")
        number[0] = at
        self.nodes[at] = node
        self.node_group[at] = group
        self.n_nodes = max(self.n_nodes, at + 1)
        for i, out in enumerate(outputs):
            port = &node.ports[i]
            port.number = out["number"]
            port.kind = out["kind"]
            port.n_channels = out["n_channels"]
            port.n_bins = out["n_bins"]
            port.max_frames = out["max_frames"]
            port.step_num, port.step_den = out["step"]
            port.sps = out["sps"]
            port.substitute = floats_of(out.get("default"))
            port.pool = self.c.pools[<int>pools[i]] if pools[i] is not None else NULL
            port.planned_pool = port.pool
        node.config_rev = self.config_rev
        return node

    def add_node(self, int group, str node_type, dict params, *, list inputs, list outputs, int on_error=0,
                 bint is_sink=False, bint digest=False, double budget_us=0):
        """Add a stage instance; return its number. `inputs` and `outputs` describe streams.

        Raises
        ------
        EegcoreError
            If the stage refuses its settings or streams.
        """
        cdef int number
        self._building(group)
        number = self._new_node(group, node_type, params, inputs, outputs, on_error, is_sink, digest, budget_us)
        check(ec_group_add_node(self.groups[group], self.nodes[number]), "group")
        return number

    def new_node(self, int group, str node_type, dict params, *, list inputs, list outputs, int on_error=0,
                 bint is_sink=False, bint digest=False, double budget_us=0, heir_of=None):
        """Make a stage instance for a graph that may be running; return its number.

        As `add_node`, but it does nothing before a revision holds it: a schedule of its group (`hand_over`) and a
        port that leads to it. Its own readers come with `prepare_routes`.

        Parameters
        ----------
        heir_of : int, optional
            Node of the same group and type whose state it takes over before its first packet, if that node has
            finished by then (put the heir behind it in the schedule, and retire it in the same revision). The old
            node is copied from and stays as it is: it may have several heirs.
        """
        cdef ec_node *old
        cdef int number
        if heir_of is not None:
            old = self._at(heir_of)
            if self.node_group[<int>heir_of] != group or old.stage != builtin(node_type):
                raise errors.BadArgument(f"heir_of: node {heir_of} is of another group or type. State is taken over "
                                         "from a node of the same group and type.")
        number = self._new_node(group, node_type, params, inputs, outputs, on_error, is_sink, digest, budget_us)
        if heir_of is not None:
            self.nodes[number].heir_of = self._at(heir_of)
        return number

    cdef int _new_node(self, int group, str node_type, dict params, list inputs, list outputs, int on_error,
                       bint is_sink, bint digest, double budget_us) except -1:
        cdef const StageDescriptor *stage = builtin(node_type)
        cdef int number
        cdef ec_node *node = self._node(group, len(inputs), outputs, &number)
        node.stage = stage
        node.on_error = on_error
        node.is_sink = is_sink
        node.budget_ns = <int64_t>(budget_us * 1000)
        node.digest_on = digest
        if digest:
            ec_sha256_init(&node.digest)
        node.in_step = <double>inputs[0]["step"][0] / inputs[0]["step"][1] if inputs else 1.0
        try:
            ec_node_set_self(node, start_instance(stage, node_type, params, inputs, outputs))
        except BaseException:
            self.nodes[number] = NULL
            ec_node_destroy(node, self.c)
            raise
        return number

    def connect(self, int from_node, int from_port, int to_node, int to_input):
        """Connect two nodes of one group by direct call. Before the start."""
        self._building(self.node_group[from_node])
        if self.node_group[from_node] != self.node_group[to_node]:
            raise errors.EegcoreError("plan: nodes of different groups need an edge")
        check(ec_port_add_route(&self._at(from_node).ports[from_port], self._at(to_node), to_input, NULL), "connect")

    def add_edge(self, int from_node, int from_port, int to_node, int to_input, *, int policy, uint32_t capacity,
                 bint critical=False):
        """Add a ring between two groups; return its number. Before the start."""
        cdef int number
        self._building(self.node_group[from_node])
        self._building(self.node_group[to_node])
        number = self.new_edge(self.node_group[to_node], policy=policy, capacity=capacity, critical=critical)
        check(ec_port_add_route(&self._at(from_node).ports[from_port], NULL, 0, self.edges[number]), "edge")
        check(ec_group_add_input(self.groups[self.node_group[to_node]], self.edges[number], self._at(to_node),
                                 to_input), "edge")
        return number

    def new_edge(self, int to_group, *, int policy, uint32_t capacity, bint critical=False):
        """Make a ring into a group of a graph that may be running; return its number.

        Nothing comes through it before a revision holds it: a route of a port (`prepare_routes`) and an input of the
        group's schedule (`hand_over`).
        """
        cdef int number = self._edge(policy, capacity, critical, &self._group(to_group).bell, False)
        self.edge_group[number] = to_group
        return number

    def new_outlet(self, *, int policy, uint32_t capacity, bint critical=False, bint with_eventfd=False, str name="",
                   Py_ssize_t quota=0, Bell bell=None):
        """Make a planned edge whose reader is Python; return (number, Tap).

        As `new_edge`, it carries nothing before a route of a port leads to it, and it ends with the revision that
        takes the route away: `Tap.wait` returns None then. `add_outlet` is for taps, which come and go at once.
        Outlets with one `bell` are read by one thread, with `wait_any`.
        """
        cdef int number = self._edge(policy, capacity, critical, bell.c if bell is not None else NULL, with_eventfd)
        self._bells.add(bell)                  # as long as an edge may ring it
        self._taps[number] = Tap.make(self, self.edges[number], name, quota)
        return number, self._taps[number]

    cdef int _edge(self, int policy, uint32_t capacity, bint critical, ec_doorbell *bell, bint with_eventfd) except -1:
        cdef ec_edge *edge
        cdef int i, number = 0
        if bell is NULL and not with_eventfd:
            for i in range(self.n_edges):
                if self._retired[i] and self.edges[i].policy == policy and self.edges[i].capacity == capacity:
                    self._retired[i] = False
                    ec_edge_reopen(self.edges[i], critical)
                    return i
        while number < self.n_edges and self.edges[number] is not NULL:
            number += 1
        if number == MAX_EDGES_TOTAL:
            raise errors.EegcoreError(f"plan: more than {MAX_EDGES_TOTAL} edges. Close taps that are not read.")
        edge = ec_edge_create(policy, capacity, critical, number, self.c.pools, &self.c.abort, bell, with_eventfd)
        if edge is NULL:
            raise MemoryError(f"eegcore: no edge of {capacity} packets can be made")
        if with_eventfd:
            ec_doorbell_arm(edge.bell, ec_doorbell_look(edge.bell))
        self.edges[number] = edge
        self.edge_group[number] = -1
        self._retired[number] = False
        self.n_edges = max(self.n_edges, number + 1)
        return number

    def add_outlet(self, int from_node, int from_port, *, int policy, uint32_t capacity, bint critical=False,
                   bint with_eventfd=False, str name="", Py_ssize_t quota=0, bint planned=False,
                   Bell bell=None, bint fresh=False):
        """Add an edge whose consumer is Python; return (number, Tap). Also on a running graph, one call at a time.

        With `planned`, before the start, it belongs to the plan as a `new_outlet` does, and not to a listener. With
        `fresh` the node is a `new_node` that was not handed over yet: no thread has to be waited for.
        """
        cdef ec_node *node = self._at(from_node)
        cdef ec_group *g = NULL if fresh else self.groups[self.node_group[from_node]]
        cdef ec_port *port = &node.ports[from_port]
        cdef ec_edge *edge
        cdef int32_t status
        cdef int number
        if planned:
            self._building(self.node_group[from_node])
            number, tap = self.new_outlet(policy=policy, capacity=capacity, critical=critical,
                                          with_eventfd=with_eventfd, name=name, quota=quota, bell=bell)
            check(ec_port_add_route(port, NULL, 0, self.edges[number]), name)
            return number, tap
        number = self._edge(policy, capacity, critical, NULL, with_eventfd)
        edge = self.edges[number]
        self._waiting += 1
        with nogil:                            # it waits for the group, and the group may wait for Python
            status = ec_port_add_edge(g, port, edge)
        self._waiting -= 1
        if status < 0:
            ec_edge_close(edge)                # nobody will read it: it must not stop the group
            check(status, name)
        if ec_over_seen(&node.over):
            ec_edge_end(edge)                  # the node has finished: nothing will come
        return number, Tap.make(self, self.edges[number], name, quota)

    def remove_outlet(self, int from_node, int from_port, int number, bint fresh=False):
        """Take an outlet off a graph that may be running. What waits in it is counted as dropped[closed]."""
        cdef ec_port *port = &self._at(from_node).ports[from_port]
        cdef ec_group *g = NULL if fresh else self.groups[self.node_group[from_node]]
        cdef ec_edge *edge = self._edge_at(number)
        cdef int32_t status
        ec_edge_close(edge)
        self._waiting += 1
        with nogil:
            status = ec_port_remove_edge(g, port, edge)
        self._waiting -= 1
        check(status, "tap")
        ec_edge_sweep(edge, EC_DROP_CLOSED)
        self._retired[number] = edge.bell == &edge.own_bell and edge.bell.event_fd < 0

    # ---- running ----

    def run_group(self, int group, str thread_name):
        """Be the thread of a group until its work is done. Releases the GIL for good."""
        cdef ec_group *g = self._group(group)
        cdef Source *s = self.sources[group]
        cdef bytes name = thread_name.encode()[:15]
        cdef const char *c_name = name
        cdef uint64_t mode = ec_fp_mode()
        cdef ec_graph graph = self._view()
        if g.published.older is NULL and not g.started:    # as it was built
            g.published.config_rev = self.config_rev
            check(ec_schedule_find_inputs(&graph, g.published, NULL), "group")
        g.started = 1
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
            if self.groups[i] is not NULL:
                ec_doorbell_ring(&self.groups[i].bell)
        for i in range(self.n_edges):
            if self.edges[i] is not NULL:
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
        close_buses(self)                # the next run wants the same nodes and lines
        for i in range(self.n_edges):
            if i in keep or self.edges[i] is NULL:
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
        check(ec_pool_grow(self._pool_at(pool)), f"pool {pool}")

    cdef ec_graph _view(self) noexcept:
        cdef ec_graph view
        view.nodes, view.n_nodes = self.nodes, self.n_nodes
        view.groups, view.n_groups = self.groups, self.n_groups
        view.edges, view.n_edges = self.edges, self.n_edges
        return view

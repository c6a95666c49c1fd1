# Consumers outside the worker groups: the threads of file sinks, the asyncio loop, and taps of notebooks.


@cython.final
cdef class Bell:
    """A doorbell that several edges ring, for the one thread that reads them all."""

    cdef ec_doorbell *c

    def __cinit__(self):
        self.c = <ec_doorbell *>new_aligned(sizeof(ec_doorbell))
        if self.c is NULL:
            raise MemoryError("eegcore: no memory for a doorbell")
        check(ec_doorbell_init(self.c, False), "doorbell")

    def __dealloc__(self):
        free(self.c)


@cython.final
cdef class Tap:
    """The consumer's end of one edge.

    Of one thread at a time. Packets beyond `quota` that the holder has not given back come as copies, so that a
    notebook that keeps packets cannot drain a pool.
    """

    cdef Graph _run
    cdef ec_edge *_edge
    cdef readonly str name
    cdef readonly Py_ssize_t quota     # 0: no limit (our own sinks)
    cdef readonly int event_fd         # -1 if it has none; open until the edge is forgotten or the run's memory goes
    cdef Py_ssize_t held
    cdef int _waiting                  # threads inside `take` and `wait`: the edge stays until they have left
    cdef bint _was_closed              # when it was detached

    def __init__(self):
        raise TypeError("a Tap comes from a run, not from a constructor")

    @staticmethod
    cdef Tap make(Graph run, ec_edge *edge, str name, Py_ssize_t quota):
        cdef Tap self = Tap.__new__(Tap)
        self._run = run
        self._edge = edge
        self.name = name
        self.quota = quota
        self.held = 0
        self.event_fd = edge.bell.event_fd
        return self

    cdef Packet _wrap(self, ec_ref ref):
        cdef Packet packet
        if self.quota and self.held >= self.quota:
            return Packet.copied(self._run, ref)
        packet = Packet.adopt(self._run, ref)
        if self.quota:
            packet._tap = self
            self.held += 1
        return packet

    def take(self, Py_ssize_t max_packets=64):
        """Return the packets that wait, oldest first, at most `max_packets`. Never blocks.

        When nothing waits the eventfd is armed and cleared: it becomes readable at the next packet.
        """
        cdef list out = []
        cdef ec_edge *edge = self._edge
        cdef uint32_t seen
        cdef ec_ref ref
        if edge is NULL:
            drain_eventfd(self.event_fd)           # or a loop that still polls it would spin
            return out
        self._waiting += 1
        try:
            ec_doorbell_disarm(edge.bell)
            while len(out) < max_packets:
                seen = ec_doorbell_look(edge.bell)
                ref = ec_edge_pop(edge)
                if ref != EC_REF_NONE:
                    out.append(self._wrap(ref))
                    continue
                drain_eventfd(self.event_fd)
                if ec_doorbell_arm(edge.bell, seen):
                    return out
            if edge.bell.event_fd >= 0:
                ec_doorbell_alarm(edge.bell)       # more may wait: stay readable
            return out
        finally:
            self._waiting -= 1

    def wait(self, double timeout_s, Py_ssize_t max_packets=64):
        """Return packets as `take`, waiting up to `timeout_s` for the first.

        Returns an empty list when the time has passed, None when the edge has ended, was closed and is empty, or
        was detached meanwhile.
        """
        cdef int64_t deadline_ns = ec_now_ns() + <int64_t>(timeout_s * 1e9)
        cdef ec_edge *edge
        cdef uint32_t seen
        cdef bint over
        cdef ec_ref ref
        cdef list out = []
        self._waiting += 1
        try:
            while True:
                edge = self._edge
                if edge is NULL:                   # another thread has detached us
                    return None
                seen = ec_doorbell_look(edge.bell)
                over = ec_edge_has_ended(edge) or ec_edge_is_closed(edge) or ec_run_is(&self._run.c.abort)
                while len(out) < max_packets:
                    ref = ec_edge_pop(edge)
                    if ref == EC_REF_NONE:
                        break
                    out.append(self._wrap(ref))
                if out:
                    return out
                if over:
                    return None
                if ec_now_ns() >= deadline_ns:
                    return out
                with nogil:
                    ec_doorbell_wait(edge.bell, seen, deadline_ns)
        finally:
            self._waiting -= 1

    def fileno(self):
        """The eventfd that becomes readable when packets wait; -1 if the edge has none."""
        return self.event_fd

    def refuse(self):
        """Close the edge: the producer counts everything that follows as dropped[closed]."""
        if self._edge is not NULL:
            ec_edge_close(self._edge)

    def detach(self):
        """Forget the edge: it is about to go. Packets already taken stay valid."""
        self._was_closed = self.is_closed
        self._edge = NULL

    @property
    def is_closed(self):
        """True if a full `fail` edge or the consumer closed it."""
        return self._was_closed if self._edge is NULL else ec_edge_is_closed(self._edge)

    @property
    def dropped(self):
        """Packets that were dropped because nobody took them in time."""
        return ec_counter_get(&self._edge.dropped_packets[EC_DROP_OVERFLOW]) if self._edge is not NULL else 0

    @property
    def depth(self):
        """Packets that wait."""
        return ec_edge_depth(self._edge) if self._edge is not NULL else 0


def wait_any(list taps, double timeout_s, Py_ssize_t max_packets=32):
    """Wait until one of several taps that share a doorbell has packets.

    Returns
    -------
    list of (int, list of Packet) or None
        Number of the tap and what waited there, oldest first, at most `max_packets` of each. Empty when the time has
        passed; None when every edge has ended, was closed or detached, and all are empty.
    """
    cdef list inside = list(taps)
    cdef Tap tap
    for tap in inside:
        tap._waiting += 1                          # the edges stay until we have left
    try:
        return _wait_any(inside, ec_now_ns() + <int64_t>(timeout_s * 1e9), max_packets)
    finally:
        for tap in inside:
            tap._waiting -= 1


cdef _wait_any(list taps, int64_t deadline_ns, Py_ssize_t max_packets):
    cdef ec_doorbell *bell = NULL
    cdef ec_edge *edge
    cdef uint32_t seen
    cdef bint over
    cdef ec_ref ref
    cdef Tap tap
    for tap in taps:
        if tap._edge is not NULL and bell is NULL:
            bell = tap._edge.bell
        if tap._edge is not NULL and tap._edge.bell != bell:
            raise errors.BadArgument(f"tap {tap.name}: has a doorbell of its own. Open all with one bell=.")
    while bell is not NULL:
        seen = ec_doorbell_look(bell)
        over = True
        out = []
        for number, tap in enumerate(taps):
            edge = tap._edge
            if edge is NULL:
                continue                           # detached meanwhile
            over = (ec_edge_has_ended(edge) or ec_edge_is_closed(edge) or ec_run_is(&tap._run.c.abort)) and over
            found = []
            while len(found) < max_packets:
                ref = ec_edge_pop(edge)
                if ref == EC_REF_NONE:
                    break
                found.append(tap._wrap(ref))
            if found:
                out.append((number, found))
        if out:
            return out
        if over:
            return None
        if ec_now_ns() >= deadline_ns:
            return out
        with nogil:
            ec_doorbell_wait(bell, seen, deadline_ns)
    return None


cdef void drain_eventfd(int event_fd) noexcept nogil:
    cdef uint64_t count
    if event_fd >= 0:
        read(event_fd, &count, 8)

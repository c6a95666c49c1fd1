# Two threads and what lies between them: a bare doorbell, a ring, an edge. Each method is one thread's work.

cdef enum:
    HOP_BARE = 0               # only the doorbell
    HOP_EDGE = 1               # a packet reference through an edge that rings it
    HOP_CAPACITY = 1024


@cython.final
cdef class BenchHop:
    """Two doorbells and two edges between a caller and an answerer, a ring and a pool between producer and consumer."""

    cdef ec_run *run
    cdef ec_edge *there
    cdef ec_edge *back
    cdef ec_edge *flow                 # of the throughput
    cdef ec_doorbell *bells            # [2]: there, back
    cdef ec_ring *ring
    cdef uint64_t *slots

    def __cinit__(self):
        cdef cbool locked = False
        self.run = ec_run_create(False)
        self.slots = <uint64_t *>new_aligned(HOP_CAPACITY * sizeof(uint64_t))
        if self.run is NULL or self.slots is NULL \
                or posix_memalign(<void **>&self.bells, 128, 2 * sizeof(ec_doorbell)) != 0 \
                or posix_memalign(<void **>&self.ring, 128, sizeof(ec_ring)) != 0:
            raise MemoryError("eegcore: no memory for a benchmark")
        check(ec_doorbell_init(&self.bells[0], False), "bench")
        check(ec_doorbell_init(&self.bells[1], False), "bench")
        check(ec_run_add_pool(self.run, 2 * HOP_CAPACITY, 64, False, &locked), "bench")
        ec_ring_init(self.ring, <ec_atomic_u64 *>self.slots, HOP_CAPACITY, 0)
        self.there = ec_edge_create(EC_POLICY_FAIL, 8, 0, 0, self.run.pools, &self.run.abort, NULL, False)
        self.back = ec_edge_create(EC_POLICY_FAIL, 8, 0, 1, self.run.pools, &self.run.abort, NULL, False)
        self.flow = ec_edge_create(EC_POLICY_BLOCK, HOP_CAPACITY, 0, 2, self.run.pools, &self.run.abort, NULL, False)
        if self.there is NULL or self.back is NULL or self.flow is NULL:
            raise MemoryError("eegcore: no memory for a benchmark")

    def __dealloc__(self):
        if self.run is NULL:
            return
        ec_edge_destroy(self.there)
        ec_edge_destroy(self.back)
        ec_edge_destroy(self.flow)
        free(self.bells)
        free(self.ring)
        free(self.slots)
        ec_run_destroy(self.run)

    # ---- ping-pong ----

    def call(self, int what, bint spin, int64_t[::1] round_trip_ns):
        """Send and wait for the answer, once per element, and note how long each round trip took."""
        cdef Py_ssize_t i
        cdef int64_t before, now
        cdef ec_ref ref = EC_REF_NONE
        if what == HOP_EDGE:
            ref = ec_pool_try_acquire(self.run.pools[0])
        with nogil:
            before = ec_now_ns()
            for i in range(round_trip_ns.shape[0]):
                if what == HOP_BARE:
                    hop_ring_and_wait(&self.bells[0], &self.bells[1], spin)
                else:
                    ec_edge_push(self.there, ref, 16)
                    ref = hop_pop(self.back, spin)
                now = ec_now_ns()
                round_trip_ns[i] = now - before
                before = now
        if what == HOP_EDGE:
            ec_pool_release(self.run.pools[0], ref)

    def answer(self, int what, bint spin, Py_ssize_t n):
        """Answer `n` times."""
        cdef Py_ssize_t i
        cdef uint32_t answered = ec_doorbell_look(&self.bells[1])   # as often as bells[0] was rung before
        with nogil:
            for i in range(n):
                if what == HOP_BARE:
                    while ec_doorbell_look(&self.bells[0]) == answered:
                        if not spin:
                            ec_doorbell_wait(&self.bells[0], answered, ec_now_ns() + WAIT_NS)
                    answered += 1
                    ec_doorbell_ring(&self.bells[1])
                else:
                    ec_edge_push(self.back, hop_pop(self.there, spin), 16)

    # ---- throughput ----

    def produce(self, str what, Py_ssize_t n):
        """Hand over `n` references as fast as they are taken: "ring", "edge" or "pool" (a slot of its own each)."""
        cdef Py_ssize_t i
        cdef bint is_ring = what == "ring", is_pool = what == "pool"
        cdef ec_ref ref = ec_pool_try_acquire(self.run.pools[0])
        cdef ec_ref fresh
        with nogil:
            for i in range(n):
                if is_ring:
                    while not ec_ring_push(self.ring, ref):
                        pass
                elif is_pool:
                    fresh = ec_pool_acquire(self.run.pools[0], ec_now_ns() + 50 * WAIT_NS)
                    ec_edge_push(self.flow, fresh, 16)
                else:
                    ec_edge_push(self.flow, ref, 16)
        if is_pool:
            ec_pool_release(self.run.pools[0], ref)

    def consume(self, str what, bint spin, Py_ssize_t n):
        """Take `n` references and return the ns from the first to the last; a ring is always spun on."""
        cdef Py_ssize_t i
        cdef bint is_ring = what == "ring", is_pool = what == "pool"
        cdef int64_t began_ns = 0
        cdef ec_ref ref = EC_REF_NONE
        with nogil:
            for i in range(n):
                if is_ring:
                    while not ec_ring_pop(self.ring, &ref):
                        pass
                else:
                    ref = hop_pop(self.flow, spin)
                    if is_pool:
                        ec_pool_release(self.run.pools[0], ref)
                if i == 0:
                    began_ns = ec_now_ns()
            began_ns = ec_now_ns() - began_ns
        if not is_pool:
            ec_pool_release(self.run.pools[0], ref)
        return began_ns


cdef void hop_ring_and_wait(ec_doorbell *ring, ec_doorbell *wait, bint spin) noexcept nogil:
    cdef uint32_t seen = ec_doorbell_look(wait)
    ec_doorbell_ring(ring)
    while ec_doorbell_look(wait) == seen:
        if not spin:
            ec_doorbell_wait(wait, seen, ec_now_ns() + WAIT_NS)


cdef ec_ref hop_pop(ec_edge *edge, bint spin) noexcept nogil:
    """Take the next reference, waiting for it as a worker does."""
    cdef uint32_t seen
    cdef ec_ref ref
    while True:
        seen = ec_doorbell_look(edge.bell)
        ref = ec_edge_pop(edge)
        if ref != EC_REF_NONE:
            return ref
        if not spin:
            ec_doorbell_wait(edge.bell, seen, ec_now_ns() + WAIT_NS)

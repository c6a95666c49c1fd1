"""Extern declarations of what only `eegcore bench` uses: the roof of the arithmetic, a ring without its edge."""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

from c.core cimport cbool, ec_doorbell


cdef extern from "bench/ec_peak.h" nogil:
    uint64_t ec_peak_run(uint64_t rounds)
    uint32_t ec_peak_lanes()


cdef extern from "ring/ec_ring.h" nogil:
    ctypedef struct ec_atomic_u64 "EC_ATOMIC(uint64_t)":
        pass
    ctypedef struct ec_ring:
        uint32_t capacity
    cbool ec_ring_init(ec_ring *r, ec_atomic_u64 *slots, uint32_t capacity, uint32_t start)
    cbool ec_ring_push(ec_ring *r, uint64_t slot)
    cbool ec_ring_pop(ec_ring *r, uint64_t *slot)


cdef extern from "ring/ec_doorbell.h" nogil:
    int32_t ec_doorbell_init(ec_doorbell *d, cbool with_eventfd)
    void ec_doorbell_destroy(ec_doorbell *d)

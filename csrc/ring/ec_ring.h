/* ec_ring.h - bounded ring of packet references, one producer, one consumer.
 *
 * A ring is one edge of the graph with policy `fail` or `block`. It never
 * allocates, never blocks and never copies samples: it moves one reference per
 * packet. Full and empty are ordinary answers, not errors; the caller owns the
 * policy.
 *
 * Invariants (tests/property/test_ring.py checks each by its number)
 *   R1  0 <= head - tail <= capacity, in arithmetic modulo 2^32
 *   R2  slot [i & mask] is the consumer's while tail <= i < head,
 *       the producer's otherwise
 *   R3  only the producer stores head; only the consumer stores tail
 *       (the drop-oldest ring, where either side may, is another type)
 *   R4  capacity is a power of two and every slot of it is usable
 * Ordering pairs
 *   A   release-store of head in push  ->  acquire-load of head in pop
 *   B   release-store of tail in pop   ->  acquire-load of tail in push
 */
#ifndef EC_RING_H
#define EC_RING_H

#include "../base/ec_atomic.h"

#define EC_RING_CAPACITY_MAX (1u << 20)
_Static_assert((EC_RING_CAPACITY_MAX & (EC_RING_CAPACITY_MAX - 1)) == 0, "R4");
_Static_assert(EC_RING_CAPACITY_MAX <= UINT32_C(1) << 31, "R1 needs head - tail to be unambiguous");

typedef struct ec_ring {
    EC_ATOMIC(uint64_t) *slots;           /* packet references; owned by the edge, outlive the ring */
    uint32_t    capacity;
    uint32_t    mask;                     /* capacity - 1 */

    alignas(EC_CACHE_PAIR) EC_ATOMIC(uint32_t) head;   /* producer's lines */
    uint32_t    tail_seen;                /* producer's last view of tail */

    alignas(EC_CACHE_PAIR) EC_ATOMIC(uint32_t) tail;   /* consumer's lines */
    uint32_t    head_seen;                /* consumer's last view of head */
} ec_ring;

/* Start an empty ring on `capacity` caller-owned slots. Indices begin at
 * `start`: 0 in production, close to 2^32 in tests, so that wrap-around is
 * tested and not waited for. False if capacity breaks R4. [control-thread] */
static inline bool ec_ring_init(ec_ring *r, EC_ATOMIC(uint64_t) *slots, uint32_t capacity, uint32_t start)
{
    if (capacity == 0 || capacity > EC_RING_CAPACITY_MAX || (capacity & (capacity - 1)) != 0) {
        return false;
    }
    r->slots = slots;
    r->capacity = capacity;
    r->mask = capacity - 1;
    r->tail_seen = start;
    r->head_seen = start;
    EC_STORE(&r->head, start, relaxed);   /* published by whatever hands the ring to its threads */
    EC_STORE(&r->tail, start, relaxed);
    return true;
}

/* Hand one reference to the consumer. False if full: the caller still holds
 * the reference. [producer, realtime] */
static inline bool ec_ring_push(ec_ring *r, uint64_t slot)
{
    const uint32_t head = EC_LOAD(&r->head, relaxed);                           /* R3 */

    if (head - r->tail_seen == r->capacity) {
        r->tail_seen = EC_LOAD(&r->tail, acquire);                              /* B */
        if (head - r->tail_seen == r->capacity) {
            return false;
        }
    }
    EC_STORE(&r->slots[head & r->mask], slot, relaxed);                         /* published by A */
    EC_STORE(&r->head, head + 1, release);                                      /* A */
    return true;
}

/* Take the oldest reference. False if empty: *slot is untouched. The caller
 * owns what it took. [consumer, realtime] */
static inline bool ec_ring_pop(ec_ring *r, uint64_t *slot)
{
    const uint32_t tail = EC_LOAD(&r->tail, relaxed);                           /* R3 */

    if (r->head_seen == tail) {
        r->head_seen = EC_LOAD(&r->head, acquire);                              /* A */
        if (r->head_seen == tail) {
            return false;
        }
    }
    *slot = EC_LOAD(&r->slots[tail & r->mask], relaxed);                        /* ordered by A */
    EC_STORE(&r->tail, tail + 1, release);                                      /* B */
    return true;
}

/* How many references wait. Exact for a quiescent ring; from a third thread an
 * estimate that R1 bounds. [any-thread, realtime] */
static inline uint32_t ec_ring_count(ec_ring *r)
{
    const uint32_t tail = EC_LOAD(&r->tail, relaxed);
    const uint32_t count = EC_LOAD(&r->head, relaxed) - tail;

    return count <= r->capacity ? count : r->capacity;   /* tail may have moved between the loads */
}

#endif

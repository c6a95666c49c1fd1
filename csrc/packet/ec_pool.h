/* ec_pool.h - equal slots for packets, taken and given back by any thread.
 *
 * One pool is one slab in a memfd mapping, prefaulted before start, plus
 * book-keeping that stays in the host's own memory: a plugin process that maps
 * the slab can spoil samples, never reference counts.
 *
 * A slot's state is one word, generation << 32 | count. A reference names slot
 * and generation; the last release advances the generation, so every later use
 * of an old name is seen and refused, whoever owns the slot by then.
 *
 * Invariants (tests/property/test_pool.py)
 *   P1  a slot is on the free list exactly when its count is 0 and nobody is between the two steps
 *       of taking or giving it back
 *   P2  two callers never hold the same slot as its first owner
 *   P3  a reference of an earlier generation changes nothing: it is counted in `stale`
 *   P4  taken + free = size when nobody is in a call
 * Ordering pairs
 *   A   release-CAS of free_head in free_push  ->  acquire-CAS of free_head in free_pop: what the last
 *       holder did with the slot comes before what the next one does
 *   B   release-CAS of state in release        ->  acquire-CAS of state in the last release: all
 *       holders' reads come before the slot is given back
 *   C   the tag in free_head changes with every push and pop, so that a pop that slept cannot put back a stale next (ABA)
 *   W   doorbell pairs, for acquire's wait
 */
#ifndef EC_POOL_H
#define EC_POOL_H

#include "../base/ec_atomic.h"
#include "../base/ec_status.h"
#include "../ring/ec_doorbell.h"
#include "ec_packet.h"

#define EC_POOLS_MAX      255u
#define EC_POOL_SLOTS_MAX (1u << 24)
_Static_assert(EC_POOL_SLOTS_MAX - 1 <= 0xFFFFFFu, "slot number fits its field of ec_ref");

typedef struct ec_pool {
    unsigned char *slab;                  /* slots_reserved * stride bytes */
    EC_ATOMIC(uint64_t) *state;           /* [slots_reserved] generation << 32 | count */
    EC_ATOMIC(uint32_t) *next;            /* [slots_reserved] free list links, slot + 1, 0 ends */
    uint32_t    id;
    uint32_t    stride;                   /* header + payload, multiple of 128 */
    uint32_t    payload_bytes;
    uint32_t    slots_reserved;           /* address space; twice the size at start */
    int         memfd;

    alignas(EC_CACHE_PAIR) EC_ATOMIC(uint64_t) free_head;   /* tag << 32 | slot + 1 */
    alignas(EC_CACHE_PAIR) EC_ATOMIC(uint32_t) size;        /* slots in use or free; grows once */
    EC_ATOMIC(uint32_t) taken;
    EC_ATOMIC(uint32_t) high_water;
    EC_ATOMIC(uint32_t) stale;            /* refused uses of old references */
    EC_ATOMIC(uint32_t) exhausted;        /* tries that found nothing */
    ec_doorbell returned;                 /* rung at a release while somebody waits in acquire */
} ec_pool;

static inline ec_packet *ec_pool_packet(const ec_pool *p, uint32_t slot)
{
    return (ec_packet *)(void *)(p->slab + (uint64_t)slot * p->stride);
}

/* The state of a slot that nobody holds, one life on. Generation 0 is skipped:
 * slot 0 of pool 0 would be named EC_REF_NONE, and lost, after 2^32 lives. */
static inline uint64_t ec_pool_next_life(uint64_t state)
{
    const uint32_t generation = (uint32_t)(state >> 32) + 1;

    return (uint64_t)(generation != 0 ? generation : 1) << 32;
}

static inline void ec_pool_free_push(ec_pool *p, uint32_t slot)
{
    uint64_t head = EC_LOAD(&p->free_head, relaxed);

    for (;;) {
        const uint64_t tag = (head >> 32) + 1;                                  /* C */

        EC_STORE(&p->next[slot], (uint32_t)head, relaxed);                      /* published by A */
        if (EC_CAS(&p->free_head, &head, tag << 32 | (slot + 1), release, relaxed)) {   /* A */
            return;
        }
    }
}

static inline bool ec_pool_free_pop(ec_pool *p, uint32_t *slot)
{
    uint64_t head = EC_LOAD(&p->free_head, acquire);                            /* A: next[] of this head */

    while ((uint32_t)head != 0) {
        const uint64_t tag = (head >> 32) + 1;                                  /* C */
        const uint32_t first = (uint32_t)head - 1;
        const uint32_t next = EC_LOAD(&p->next[first], relaxed);                /* stale only if the CAS fails */

        if (EC_CAS(&p->free_head, &head, tag << 32 | next, acquire, acquire)) {  /* A, again on failure */
            *slot = first;
            return true;
        }
    }
    return false;
}

/* Take a free slot with one reference, or EC_REF_NONE. The header is the
 * previous life's: the caller fills it. [any-thread, realtime] */
static inline ec_ref ec_pool_try_acquire(ec_pool *p)
{
    uint32_t slot, taken, high;
    uint64_t state;

    if (!ec_pool_free_pop(p, &slot)) {
        EC_FETCH_ADD(&p->exhausted, 1, relaxed);
        return EC_REF_NONE;
    }
    state = EC_LOAD(&p->state[slot], relaxed) + 1;        /* count 0 -> 1: the slot is ours alone (P2) */
    EC_STORE(&p->state[slot], state, relaxed);
    taken = EC_FETCH_ADD(&p->taken, 1, relaxed) + 1;
    high = EC_LOAD(&p->high_water, relaxed);
    while (taken > high && !EC_CAS(&p->high_water, &high, taken, relaxed, relaxed)) {
    }
    return ec_ref_make(p->id, slot, (uint32_t)(state >> 32));
}

/* One reference more. Returns 0, or EC_STATUS_STALE_REFERENCE (counted) and
 * nothing changed. The caller holds a reference while it calls. [any-thread, realtime] */
static inline int32_t ec_pool_retain(ec_pool *p, ec_ref ref)
{
    const uint32_t slot = ec_ref_slot(ref);
    uint64_t state;

    if (slot >= EC_LOAD(&p->size, relaxed)) {
        EC_FETCH_ADD(&p->stale, 1, relaxed);
        return EC_STATUS_STALE_REFERENCE;
    }
    state = EC_LOAD(&p->state[slot], relaxed);
    do {
        if ((uint32_t)(state >> 32) != ec_ref_generation(ref) || (uint32_t)state == 0) {
            EC_FETCH_ADD(&p->stale, 1, relaxed);
            return EC_STATUS_STALE_REFERENCE;             /* P3 */
        }
    } while (!EC_CAS(&p->state[slot], &state, state + 1, relaxed, relaxed));
    return EC_STATUS_OK;
}

/* One reference less; the last one returns the slot. 0, 1 if it was the last,
 * or EC_STATUS_STALE_REFERENCE (counted) and nothing changed. [any-thread, realtime] */
static inline int32_t ec_pool_release(ec_pool *p, ec_ref ref)
{
    const uint32_t slot = ec_ref_slot(ref);
    uint64_t state, left;

    if (slot >= EC_LOAD(&p->size, relaxed)) {
        EC_FETCH_ADD(&p->stale, 1, relaxed);
        return EC_STATUS_STALE_REFERENCE;
    }
    state = EC_LOAD(&p->state[slot], relaxed);
    do {
        if ((uint32_t)(state >> 32) != ec_ref_generation(ref) || (uint32_t)state == 0) {
            EC_FETCH_ADD(&p->stale, 1, relaxed);
            return EC_STATUS_STALE_REFERENCE;             /* P3 */
        }
        left = (uint32_t)state == 1 ? ec_pool_next_life(state) : state - 1;
    } while (!EC_CAS(&p->state[slot], &state, left, acq_rel, relaxed));         /* B, both sides */
    if ((uint32_t)left != 0) {
        return EC_STATUS_OK;
    }
    EC_FETCH_SUB(&p->taken, 1, relaxed);
    ec_pool_free_push(p, slot);
    ec_doorbell_ring(&p->returned);                                             /* W */
    return 1;
}

/* True if the caller's reference is the only one: it may write in place.
 * [holder, realtime] */
static inline bool ec_pool_is_sole(ec_pool *p, ec_ref ref)
{
    return (uint32_t)EC_LOAD(&p->state[ec_ref_slot(ref)], acquire) == 1;        /* B: other holders' reads are over */
}

static inline uint32_t ec_pool_free_count(ec_pool *p)
{
    const uint32_t taken = EC_LOAD(&p->taken, relaxed);
    const uint32_t size = EC_LOAD(&p->size, relaxed);

    return taken <= size ? size - taken : 0;
}

/* Readings for people. [any-thread] */
static inline uint32_t ec_pool_size(ec_pool *p)       { return EC_LOAD(&p->size, relaxed); }
static inline uint32_t ec_pool_exhausted(ec_pool *p)  { return EC_LOAD(&p->exhausted, relaxed); }
static inline uint32_t ec_pool_stale(ec_pool *p)      { return EC_LOAD(&p->stale, relaxed); }
static inline uint32_t ec_pool_high_water(ec_pool *p) { return EC_LOAD(&p->high_water, relaxed); }

#ifndef EC_MODEL
/* Make a pool of `slots` slots of `payload_bytes`, prefaulted, locked if `lock`
 * (refusal to lock is not an error: *locked says what happened). 0, NO_MEMORY, BAD_ARGUMENT
 * or SYSTEM. [control-thread] */
int32_t ec_pool_create(ec_pool *p, uint32_t id, uint32_t slots, uint32_t payload_bytes, bool lock, bool *locked);
void ec_pool_destroy(ec_pool *p);

/* Add as many slots as the pool was made with; once. 0, or BAD_ARGUMENT when
 * it has grown already. [control-thread, started] */
int32_t ec_pool_grow(ec_pool *p);

/* As try_acquire, but wait for a release until `deadline_ns` (CLOCK_MONOTONIC, < 0: for ever).
 * Only where waiting is allowed: sources that can wait, offline work. */
ec_ref ec_pool_acquire(ec_pool *p, int64_t deadline_ns);
#endif

#endif

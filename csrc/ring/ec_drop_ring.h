/* ec_drop_ring.h - bounded ring that makes room by giving up its oldest entry.
 *
 * The edge with policy `drop_oldest`: a screen or a client behind it must see
 * the newest data and may miss some. Push always succeeds; when the ring is
 * full it takes the oldest reference out again and hands it back to the
 * producer, who counts it as dropped and releases it.
 *
 * Invariants
 *   D1  0 <= head - tail <= capacity, in arithmetic modulo 2^32, in every
 *       state that one thread alone can observe
 *   D2  only the producer stores head; either side advances tail, and only by
 *       compare-and-swap from t to t + 1: each reference has one taker
 *   D3  capacity is a power of two
 *   D4  a slot word is rewritten only after tail has passed it
 * Ordering pairs
 *   A   release-store of head in push      ->  acquire-load of head in pop
 *   B   release-CAS of tail in pop         ->  acquire-load of tail in push (D4: the consumer's
 *       read of the word comes before the producer's next write of it)
 *   C   release-CAS of tail in push        ->  acquire-load of tail in pop (a consumer that sees
 *       the eviction also sees the head it was made from, so head - tail is never negative)
 *
 * A consumer that sleeps between its load of tail and its CAS while the
 * producer evicts exactly 2^32 packets would take a wrong word; at 16 000
 * packets a second that is a sleep of three days inside one call.
 */
#ifndef EC_DROP_RING_H
#define EC_DROP_RING_H

#include "ec_ring.h"

typedef struct ec_drop_ring {
    EC_ATOMIC(uint64_t) *slots;
    uint32_t    capacity;
    uint32_t    mask;

    alignas(EC_CACHE_PAIR) EC_ATOMIC(uint32_t) head;   /* producer's */
    alignas(EC_CACHE_PAIR) EC_ATOMIC(uint32_t) tail;   /* shared */
} ec_drop_ring;

/* As ec_ring_init. [control-thread] */
static inline bool ec_drop_ring_init(ec_drop_ring *r, EC_ATOMIC(uint64_t) *slots, uint32_t capacity, uint32_t start)
{
    if (capacity == 0 || capacity > EC_RING_CAPACITY_MAX || (capacity & (capacity - 1)) != 0) {
        return false;
    }
    r->slots = slots;
    r->capacity = capacity;
    r->mask = capacity - 1;
    EC_STORE(&r->head, start, relaxed);
    EC_STORE(&r->tail, start, relaxed);
    return true;
}

/* Hand one reference to the consumer. True if the oldest had to go: it is in
 * *evicted and the caller owns it. [producer, realtime] */
static inline bool ec_drop_ring_push(ec_drop_ring *r, uint64_t slot, uint64_t *evicted)
{
    const uint32_t head = EC_LOAD(&r->head, relaxed);                           /* D2 */
    uint32_t tail = EC_LOAD(&r->tail, acquire);                                 /* B */
    bool dropped = false;

    if (head - tail == r->capacity) {
        *evicted = EC_LOAD(&r->slots[tail & r->mask], relaxed);                 /* our own store */
        dropped = EC_CAS(&r->tail, &tail, tail + 1, release, acquire);          /* C; failure is B: the consumer made room */
    }
    EC_STORE(&r->slots[head & r->mask], slot, relaxed);                         /* published by A */
    EC_STORE(&r->head, head + 1, release);                                      /* A */
    return dropped;
}

/* Take the oldest reference. False if empty. The caller owns what it took.
 * Retries only when the producer evicted in between, so it ends after at most
 * one retry per push. [consumer, realtime] */
static inline bool ec_drop_ring_pop(ec_drop_ring *r, uint64_t *slot)
{
    uint32_t tail = EC_LOAD(&r->tail, acquire);                                 /* C */

    for (;;) {
        const uint32_t head = EC_LOAD(&r->head, acquire);                       /* A */
        uint64_t word;

        if (head == tail) {
            return false;
        }
        word = EC_LOAD(&r->slots[tail & r->mask], relaxed);                     /* ordered by A, checked by the CAS */
        if (EC_CAS(&r->tail, &tail, tail + 1, release, acquire)) {              /* B; failure is C */
            *slot = word;
            return true;
        }
    }
}

/* How many references wait: an estimate bounded by capacity. [any-thread, realtime] */
static inline uint32_t ec_drop_ring_count(ec_drop_ring *r)
{
    const uint32_t tail = EC_LOAD(&r->tail, relaxed);
    const uint32_t count = EC_LOAD(&r->head, relaxed) - tail;

    return count <= r->capacity ? count : r->capacity;
}

#endif

/* ec_edge.h - one edge of the graph: a ring, its policy, its counters.
 *
 * The producer pushes packets whose reference it owns; the edge owns it from
 * then on, whatever happens. The consumer owns what it pops. Each counter has
 * one writer, in device frames and in packets, so that
 *     in = out + dropped + in flight
 * holds exactly once the run is quiet (ARCHITECTURE section 9).
 *
 * Ordering pairs
 *   E   release-store of ended by the producer  ->  acquire-load in ec_edge_has_ended: a consumer that
 *       sees the end also sees every push before it
 *   F   release-store of closed                 ->  acquire-load in push: nothing more comes in
 * The rest is the ring's and the doorbell's.
 */
#ifndef EC_EDGE_H
#define EC_EDGE_H

#include "../base/ec_counter.h"
#include "../base/ec_status.h"
#include "../packet/ec_pool.h"
#include "ec_drop_ring.h"
#include "ec_ring.h"

typedef enum ec_policy {
    EC_POLICY_FAIL        = 0,
    EC_POLICY_DROP_OLDEST = 1,
    EC_POLICY_BLOCK       = 2
} ec_policy;

typedef enum ec_drop_reason {
    EC_DROP_OVERFLOW = 0,                 /* the policy of a full edge */
    EC_DROP_CLOSED   = 1,                 /* the consumer is gone */
    EC_DROP_STOPPED  = 2,                 /* the run was stopped at once */
    EC_DROP_REASONS  = 3
} ec_drop_reason;

typedef struct ec_edge {
    uint32_t     policy;
    uint32_t     capacity;
    uint32_t     critical;                /* 1: a full `fail` edge stops the run */
    uint32_t     number;                  /* place in the plan, for messages */
    uint32_t     routed;                  /* control thread: a port of the newest plan feeds it */
    uint32_t     was_routed;              /* control thread: and of the one before */
    ec_pool    **pools;                   /* by pool id */
    EC_ATOMIC(uint32_t) *abort;           /* the run's: set when waiting is over for everybody */
    ec_doorbell *bell;                    /* consumer's; `own_bell` when the edge has a consumer of its own */
    EC_ATOMIC(uint64_t) *slots;
    ec_ring      ring;                    /* fail, block */
    ec_drop_ring drop;                    /* drop_oldest */
    ec_doorbell  own_bell;
    ec_doorbell  space;                   /* block: rung by the consumer */

    alignas(EC_CACHE_PAIR) ec_counter in_packets;         /* producer's lines */
    ec_counter   in_frames;
    ec_counter   dropped_packets[EC_DROP_REASONS];
    ec_counter   dropped_frames[EC_DROP_REASONS];
    ec_counter   high_water;
    ec_counter   waited_ns;               /* block: time the producer stood still */
    EC_ATOMIC(uint32_t) ended;

    alignas(EC_CACHE_PAIR) ec_counter out_packets;        /* consumer's lines */
    ec_counter   out_frames;
    ec_ref       held;                    /* a packet that is taken and waits for those of other edges (ec_gate) */
    uint32_t     held_rev;                /* its revision */
    EC_ATOMIC(uint32_t) seen_rev;         /* newest revision that came through */
    EC_ATOMIC(uint32_t) over;             /* ended and drained, said by the thread of the consumer's group (U) */

    alignas(EC_CACHE_PAIR) EC_ATOMIC(uint32_t) closed;    /* either side may close */
} ec_edge;

/* An edge of `capacity` packets (power of two). `bell` NULL: the edge rings its
 * own doorbell, an eventfd if `with_eventfd`. NULL if memory or descriptors ran
 * out, or the capacity is not allowed. [control-thread] */
ec_edge *ec_edge_create(uint32_t policy, uint32_t capacity, uint32_t critical, uint32_t number, ec_pool **pools,
                        EC_ATOMIC(uint32_t) *abort, ec_doorbell *bell, bool with_eventfd);

/* Release what is left as dropped[stopped] and free. Both sides have gone. [control-thread] */
void ec_edge_destroy(ec_edge *e);

/* Begin a new life of a swept edge that neither side knows any more; policy and
 * capacity stay, counters begin at 0. [control-thread] */
void ec_edge_reopen(ec_edge *e, uint32_t critical);

/* Count everything still inside as dropped for `reason`. The consumer has gone
 * and the producer has ended. Returns the number of packets. [control-thread] */
uint32_t ec_edge_sweep(ec_edge *e, ec_drop_reason reason);

/* Hand over one packet and the caller's reference to it. 0; EC_STATUS_EDGE_FULL if
 * policy `fail` met a full ring (the packet is dropped and counted);
 * EC_STATUS_CLOSED if the consumer is gone; EC_STATUS_STOPPED if a wait was cut short.
 * [producer; realtime but for `block`] */
int32_t ec_edge_push(ec_edge *e, ec_ref ref, uint32_t device_frames);

/* Take the oldest packet, or EC_REF_NONE. [consumer, realtime] */
ec_ref ec_edge_pop(ec_edge *e);

static inline uint32_t ec_edge_depth(ec_edge *e)          /* [any-thread] */
{
    return e->policy == EC_POLICY_DROP_OLDEST ? ec_drop_ring_count(&e->drop) : ec_ring_count(&e->ring);
}

/* No more packets will be pushed. [producer, or whoever knows that it has pushed its last] */
static inline void ec_edge_end(ec_edge *e)
{
    EC_STORE(&e->ended, 1, release);                                            /* E */
    ec_doorbell_ring(e->bell);
}

/* True if the producer has ended; ask before the pop that finds nothing. [consumer] */
static inline bool ec_edge_has_ended(ec_edge *e)
{
    return EC_LOAD(&e->ended, acquire) != 0;                                    /* E */
}

/* True if its consumer has said that nothing will come any more. [consumer] */
static inline bool ec_edge_is_over(const ec_edge *e)
{
    return EC_LOAD(&e->over, relaxed) != 0;                                     /* our own store */
}

/* Refuse everything from now on. [any-thread] */
static inline void ec_edge_close(ec_edge *e)
{
    EC_STORE(&e->closed, 1, release);                                           /* F */
    ec_doorbell_ring(&e->space);
    ec_doorbell_ring(e->bell);
}

static inline bool ec_edge_is_closed(ec_edge *e)
{
    return EC_LOAD(&e->closed, acquire) != 0;                                   /* F */
}

#endif

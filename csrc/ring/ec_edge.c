#define _GNU_SOURCE
#include "ec_edge.h"

#include <stdlib.h>
#include <string.h>

#include "../base/ec_clock.h"

#define BLOCK_RECHECK_NS 100000000        /* a producer that waits looks at `abort` this often at the latest */

static ec_pool *pool_of(const ec_edge *e, ec_ref ref)
{
    return e->pools[ec_ref_pool(ref)];
}

static uint32_t frames_of(const ec_edge *e, ec_ref ref)
{
    return ec_pool_packet(pool_of(e, ref), ec_ref_slot(ref))->device_frames;
}

ec_edge *ec_edge_create(uint32_t policy, uint32_t capacity, uint32_t critical, uint32_t number, ec_pool **pools,
                        EC_ATOMIC(uint32_t) *abort, ec_doorbell *bell, bool with_eventfd)
{
    ec_edge *e = NULL;

    if (posix_memalign((void **)&e, EC_CACHE_PAIR, sizeof *e) != 0) {
        return NULL;
    }
    memset(e, 0, sizeof *e);
    e->own_bell.event_fd = -1;
    e->space.event_fd = -1;
    e->policy = policy;
    e->capacity = capacity;
    e->critical = critical;
    e->number = number;
    e->pools = pools;
    e->abort = abort;
    e->bell = bell != NULL ? bell : &e->own_bell;
    if (posix_memalign((void **)&e->slots, EC_CACHE_PAIR, capacity * sizeof *e->slots) == 0) {
        memset(e->slots, 0, capacity * sizeof *e->slots);     /* touches every page: calloc leaves that to the worker */
    } else {
        e->slots = NULL;
    }
    if (e->slots == NULL || !ec_ring_init(&e->ring, e->slots, capacity, 0)
        || !ec_drop_ring_init(&e->drop, e->slots, capacity, 0)
        || ec_doorbell_init(&e->own_bell, with_eventfd) != EC_STATUS_OK
        || ec_doorbell_init(&e->space, false) != EC_STATUS_OK) {
        ec_doorbell_destroy(&e->own_bell);
        free(e->slots);
        free(e);
        return NULL;
    }
    return e;
}

void ec_edge_destroy(ec_edge *e)
{
    if (e == NULL) {
        return;
    }
    ec_edge_sweep(e, EC_DROP_STOPPED);
    ec_doorbell_destroy(&e->own_bell);
    ec_doorbell_destroy(&e->space);
    free(e->slots);
    free(e);
}

void ec_edge_reopen(ec_edge *e, uint32_t critical)
{
    e->critical = critical;
    ec_counter_set(&e->in_packets, 0);
    ec_counter_set(&e->in_frames, 0);
    ec_counter_set(&e->out_packets, 0);
    ec_counter_set(&e->out_frames, 0);
    for (int i = 0; i < EC_DROP_REASONS; i++) {
        ec_counter_set(&e->dropped_packets[i], 0);
        ec_counter_set(&e->dropped_frames[i], 0);
    }
    ec_counter_set(&e->high_water, 0);
    ec_counter_set(&e->waited_ns, 0);
    EC_STORE(&e->ended, 0, relaxed);      /* published by the fanout that names the edge (G) */
    EC_STORE(&e->closed, 0, relaxed);
    EC_STORE(&e->over, 0, relaxed);
    EC_STORE(&e->seen_rev, 0, relaxed);
}

static void count_drop(ec_edge *e, ec_drop_reason reason, uint32_t frames)
{
    ec_counter_add(&e->dropped_packets[reason], 1);
    ec_counter_add(&e->dropped_frames[reason], frames);
}

uint32_t ec_edge_sweep(ec_edge *e, ec_drop_reason reason)
{
    uint32_t swept = 0;
    uint64_t ref;

    while (e->policy == EC_POLICY_DROP_OLDEST ? ec_drop_ring_pop(&e->drop, &ref) : ec_ring_pop(&e->ring, &ref)) {
        count_drop(e, reason, frames_of(e, ref));
        ec_pool_release(pool_of(e, ref), ref);
        swept++;
    }
    return swept;
}

static void note_depth(ec_edge *e)
{
    const uint32_t depth = ec_edge_depth(e);

    if (depth > ec_counter_get(&e->high_water)) {
        ec_counter_set(&e->high_water, depth);
    }
}

static int32_t refuse(ec_edge *e, ec_ref ref, uint32_t frames, ec_drop_reason reason, int32_t status)
{
    count_drop(e, reason, frames);
    ec_pool_release(pool_of(e, ref), ref);
    return status;
}

static int32_t push_waiting(ec_edge *e, ec_ref ref, uint32_t frames)
{
    int64_t since = 0;

    for (;;) {
        const uint32_t seen = ec_doorbell_look(&e->space);

        if (ec_ring_push(&e->ring, ref)) {
            if (since != 0) {
                ec_counter_add(&e->waited_ns, (uint64_t)(ec_now_ns() - since));
            }
            return EC_STATUS_OK;
        }
        if (ec_edge_is_closed(e)) {
            return refuse(e, ref, frames, EC_DROP_CLOSED, EC_STATUS_CLOSED);
        }
        if (EC_LOAD(e->abort, relaxed)) {
            return refuse(e, ref, frames, EC_DROP_STOPPED, EC_STATUS_STOPPED);
        }
        if (since == 0) {
            since = ec_now_ns();
        }
        ec_doorbell_wait(&e->space, seen, ec_now_ns() + BLOCK_RECHECK_NS);
    }
}

int32_t ec_edge_push(ec_edge *e, ec_ref ref, uint32_t frames)
{
    int32_t status = EC_STATUS_OK;

    ec_counter_add(&e->in_packets, 1);
    ec_counter_add(&e->in_frames, frames);
    if (ec_edge_is_closed(e)) {
        return refuse(e, ref, frames, EC_DROP_CLOSED, EC_STATUS_CLOSED);
    }
    switch (e->policy) {
    case EC_POLICY_DROP_OLDEST: {
        uint64_t evicted;

        if (ec_drop_ring_push(&e->drop, ref, &evicted)) {
            count_drop(e, EC_DROP_OVERFLOW, frames_of(e, evicted));
            ec_pool_release(pool_of(e, evicted), evicted);
        }
        break;
    }
    case EC_POLICY_BLOCK:
        status = push_waiting(e, ref, frames);
        if (status != EC_STATUS_OK) {
            return status;
        }
        break;
    default:
        if (!ec_ring_push(&e->ring, ref)) {
            return refuse(e, ref, frames, EC_DROP_OVERFLOW, EC_STATUS_EDGE_FULL);
        }
    }
    note_depth(e);
    ec_doorbell_ring(e->bell);
    return EC_STATUS_OK;
}

ec_ref ec_edge_pop(ec_edge *e)
{
    uint64_t ref;

    if (e->policy == EC_POLICY_DROP_OLDEST) {
        if (!ec_drop_ring_pop(&e->drop, &ref)) {
            return EC_REF_NONE;
        }
    } else {
        if (!ec_ring_pop(&e->ring, &ref)) {
            return EC_REF_NONE;
        }
        /* Half empty before the producer is called: one wake-up moves many packets. */
        if (e->policy == EC_POLICY_BLOCK && ec_ring_count(&e->ring) <= e->capacity / 2) {
            ec_doorbell_ring(&e->space);
        }
    }
    ec_counter_add(&e->out_packets, 1);
    ec_counter_add(&e->out_frames, frames_of(e, ref));
    return ref;
}

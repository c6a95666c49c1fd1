/* pool_world.h - the pool of the scenarios: production header, small arrays. */
#ifndef POOL_WORLD_H
#define POOL_WORLD_H

#include <string.h>

#include "mc.h"

#include "../../../csrc/packet/ec_pool.h"

enum { SLOTS_MAX = 3 };

typedef struct pool_world {
    ec_pool  pool;
    uint64_t state[SLOTS_MAX];
    uint32_t next[SLOTS_MAX];
    uint64_t payload[SLOTS_MAX];          /* plain: stands for header and samples */
    uint64_t holder[SLOTS_MAX];           /* first owner, for P2: thread + 1 */
} pool_world;

static inline void pool_make(pool_world *pw, uint32_t slots, bool somebody_waits)
{
    ec_pool *p = &pw->pool;

    memset(p, 0, sizeof *p);
    p->id = 1;
    p->state = pw->state;
    p->next = pw->next;
    EC_STORE(&p->free_head, UINT64_C(0xFFFFFFFF) << 32, relaxed);         /* the tag wraps at once */
    EC_STORE(&p->size, slots, relaxed);
    EC_STORE(&p->taken, 0, relaxed);
    EC_STORE(&p->high_water, UINT32_MAX, relaxed);                        /* so that `taken` decides nothing */
    EC_STORE(&p->stale, 0, relaxed);
    EC_STORE(&p->exhausted, 0, relaxed);
    EC_STORE(&p->returned.rung, 0, relaxed);
    EC_STORE(&p->returned.waiting, 0, relaxed);
    for (uint32_t slot = slots; slot-- > 0;) {
        EC_STORE(&p->state[slot], UINT64_C(1) << 32, relaxed);
        EC_STORE(&p->next[slot], 0, relaxed);
        ec_pool_free_push(p, slot);
    }
    mc_counter(&p->taken);
    mc_counter(&p->stale);
    mc_counter(&p->exhausted);
    mc_constant(&p->size);
    mc_constant(&p->high_water);
    if (!somebody_waits) {
        mc_counter(&p->returned.rung);                    /* the pool must not lean on the bell's order */
        mc_constant(&p->returned.waiting);
    }
}

/* Acquire and claim: P2, and the claim must not meet another's. */
static inline ec_ref pool_take(pool_world *pw, uint64_t me)
{
    const ec_ref ref = ec_pool_try_acquire(&pw->pool);

    if (ref != EC_REF_NONE) {
        MC_CHECK(ec_ref_slot(ref) < SLOTS_MAX && pw->holder[ec_ref_slot(ref)] == 0, "P2: one first owner");
        pw->holder[ec_ref_slot(ref)] = me;
        mc_write(&pw->payload[ec_ref_slot(ref)], me << 32 | ec_ref_generation(ref));
    }
    return ref;
}

/* Before the release that may be the last. */
static inline void pool_let_go(pool_world *pw, ec_ref ref)
{
    pw->holder[ec_ref_slot(ref)] = 0;
}

/* P1, P4: the list holds each free slot once; `held` slots are out. */
static inline void pool_check(pool_world *pw, uint32_t held)
{
    ec_pool *p = &pw->pool;
    const uint32_t size = EC_LOAD(&p->size, relaxed);
    uint32_t n = 0, in_use = 0;

    for (uint32_t link = (uint32_t)EC_LOAD(&p->free_head, relaxed); link != 0;) {
        MC_CHECK((uint32_t)EC_LOAD(&p->state[link - 1], relaxed) == 0, "P1: a free slot has no holder");
        MC_CHECK(++n <= size, "P1: the free list ends");
        link = EC_LOAD(&p->next[link - 1], relaxed);
    }
    for (uint32_t slot = 0; slot < size; slot++) {
        in_use += (uint32_t)EC_LOAD(&p->state[slot], relaxed) != 0;
    }
    MC_CHECK(in_use == held, "P1: a slot is in use as long as somebody holds it");
    MC_CHECK(n + held == size, "P1: every slot is on the list or held");
    MC_CHECK(EC_LOAD(&p->taken, relaxed) == held && ec_pool_free_count(p) == n, "P4");
}

#endif

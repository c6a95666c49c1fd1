/* Waiting for a slot: several threads may sleep in acquire on one bell. Each
 * release must reach a sleeper as long as there is one (W1), also when another
 * waiter has just found that it need not sleep. */
#include "pool_world.h"

static struct {
    pool_world p;
    ec_ref     first;
} w;
void *const mc_world = &w;
const size_t mc_world_bytes = sizeof w;

void ec_doorbell_alarm(ec_doorbell *d) { mc_alarm(&d->rung); }
void ec_doorbell_sleep(ec_doorbell *d, uint32_t seen, int64_t deadline_ns)
{
    (void)deadline_ns;
    mc_futex_wait(&d->rung, seen);
}

static void all_taken(void)
{
    pool_make(&w.p, 1, true);
    w.first = pool_take(&w.p, 9);
}

static void give_back(void)
{
    pool_let_go(&w.p, w.first);
    MC_CHECK(ec_pool_release(&w.p.pool, w.first) == 1, "the only holder was the last");
}

/* The loop of ec_pool_acquire (ec_pool.c) without its clock. */
static void wait_for_one(uint64_t me, bool give)
{
    for (;;) {
        uint32_t seen;
        ec_ref ref;

        mc_step(0);
        seen = ec_doorbell_look(&w.p.pool.returned);
        ref = pool_take(&w.p, me);
        if (ref != EC_REF_NONE) {
            mc_step(1);
            if (give) {
                pool_let_go(&w.p, ref);
                MC_CHECK(ec_pool_release(&w.p.pool, ref) == 1, "the only holder was the last");
            }
            return;
        }
        ec_doorbell_wait(&w.p.pool.returned, seen, -1);
    }
}

/* A pool that grows rings once for many slots: all sleepers must look. */
static void two_out(void)
{
    pool_make(&w.p, 2, true);
    EC_STORE(&w.p.pool.free_head, 0, relaxed);
    EC_STORE(&w.p.pool.taken, 0, relaxed);
}
static void grow(void)
{
    ec_pool_free_push(&w.p.pool, 1);
    ec_pool_free_push(&w.p.pool, 0);
    ec_doorbell_ring(&w.p.pool.returned);
}

static void wait_1(void)      { wait_for_one(1, true); }
static void wait_2(void)      { wait_for_one(2, true); }
static void keep_1(void)      { wait_for_one(1, false); }
static void keep_2(void)      { wait_for_one(2, false); }
static void all_back(void)    { pool_check(&w.p, 0); }
static void both_kept(void)   { pool_check(&w.p, 2); }

const mc_scenario mc_scenarios[] = {
    {"wait_one", all_taken, {give_back, wait_1}, all_back, NULL, false},
    {"wait_two", all_taken, {give_back, wait_1, wait_2}, all_back, NULL, false},
    {"wait_grow", two_out, {grow, keep_1, keep_2}, both_kept, NULL, false},
    {NULL, NULL, {NULL}, NULL, NULL, false},
};

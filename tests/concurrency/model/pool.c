/* The pool: two or three threads take, share, write and give back. No slot has
 * two first owners (P2), payloads never race (A, B), a sleeping pop puts back
 * no stale link (C), an old reference changes nothing (P3). */
#include "pool_world.h"

static struct {
    pool_world   p;
    ec_ref       shared;                  /* held once by thread 0 and once by thread 1 */
    ec_ref       old;                     /* of a life that is over */
    uint64_t     refused;
} w;
void *const mc_world = &w;
const size_t mc_world_bytes = sizeof w;

void ec_doorbell_alarm(ec_doorbell *d) { (void)d; mc_fail("nobody waits here"); }
void ec_doorbell_sleep(ec_doorbell *d, uint32_t seen, int64_t deadline_ns) { (void)d; (void)seen; (void)deadline_ns; }

static void release(ec_ref ref, int32_t expected)
{
    pool_let_go(&w.p, ref);
    MC_CHECK(ec_pool_release(&w.p.pool, ref) == expected, "the release says what it was");
}

/* ---- taking and giving back ---- */

static void cycle(uint64_t me, uint32_t times)
{
    for (uint32_t i = 0; i < times; i++) {
        ec_ref ref;

        mc_step(i);
        ref = pool_take(&w.p, me);
        if (ref != EC_REF_NONE) {
            MC_CHECK(mc_read(&w.p.payload[ec_ref_slot(ref)]) >> 32 == me, "P2: my payload is mine");
            release(ref, 1);
        }
    }
}

/* Two out, back in the order of taking: the head looks as it did (A B -> A). */
static void two_out(uint64_t me)
{
    const ec_ref a = pool_take(&w.p, me), b = pool_take(&w.p, me);

    if (a != EC_REF_NONE) {
        release(a, 1);
    }
    mc_step(1 + (uint32_t)(b != EC_REF_NONE ? ec_ref_slot(b) + 1 : 0));
    if (b != EC_REF_NONE) {
        release(b, 1);
    }
}

static void one_slot(void)   { pool_make(&w.p, 1, false); }
static void two_slots(void)  { pool_make(&w.p, 2, false); }
static void all_back(void)   { pool_check(&w.p, 0); }
static void cycle_1(void)    { cycle(1, 2); }
static void cycle_2(void)    { cycle(2, 2); }
static void once_1(void)     { cycle(1, 1); }
static void once_2(void)     { cycle(2, 1); }
static void once_3(void)     { cycle(3, 1); }
static void two_out_2(void)  { two_out(2); }

/* ---- sharing ---- */

static void share(uint32_t slots)
{
    pool_make(&w.p, slots, false);
    w.shared = pool_take(&w.p, 9);
    MC_CHECK(ec_pool_retain(&w.p.pool, w.shared) == EC_STATUS_OK, "a holder may retain");
}
static void share_one(void)  { share(1); }

static void reader(void)
{
    (void)mc_read(&w.p.payload[ec_ref_slot(w.shared)]);
    MC_CHECK(ec_pool_release(&w.p.pool, w.shared) >= 0, "a holder may release");
}

/* Holder 0 writes in place once it is alone. */
static void writer_in_place(void)
{
    if (ec_pool_is_sole(&w.p.pool, w.shared)) {
        mc_write(&w.p.payload[ec_ref_slot(w.shared)], 77);
    }
    w.p.holder[ec_ref_slot(w.shared)] = 0;
    MC_CHECK(ec_pool_release(&w.p.pool, w.shared) >= 0, "a holder may release");
}

/* The other holder fans out before it reads and lets go twice. */
static void fan_out_reader(void)
{
    MC_CHECK(ec_pool_retain(&w.p.pool, w.shared) == EC_STATUS_OK, "a holder may retain");
    MC_CHECK(ec_pool_release(&w.p.pool, w.shared) == EC_STATUS_OK, "a holder may release");
    reader();
}

static void both_read_then_next_life(void)
{
    w.p.holder[ec_ref_slot(w.shared)] = 0;
    reader();
}

/* ---- old references ---- */

static void lived_once(void)
{
    pool_make(&w.p, 2, false);
    w.old = pool_take(&w.p, 9);
    w.p.holder[ec_ref_slot(w.old)] = 0;
    MC_CHECK(ec_pool_release(&w.p.pool, w.old) == 1, "the only holder was the last");
}

static void abuse_old(void)
{
    MC_CHECK(ec_pool_release(&w.p.pool, w.old) == EC_STATUS_STALE_REFERENCE, "P3: a release of an old name");
    MC_CHECK(ec_pool_retain(&w.p.pool, w.old) == EC_STATUS_STALE_REFERENCE, "P3: a retain of an old name");
    w.refused += 2;
}

static void stale_counted(void)
{
    pool_check(&w.p, 0);
    MC_CHECK(EC_LOAD(&w.p.pool.stale, relaxed) == w.refused, "P3: every refusal is counted");
}

/* One reference, two threads believe to own it: one of the releases is refused. */
static void released_twice(void)
{
    pool_make(&w.p, 2, false);
    w.old = pool_take(&w.p, 9);
    w.p.holder[ec_ref_slot(w.old)] = 0;
}
static void release_once(void)
{
    const int32_t status = ec_pool_release(&w.p.pool, w.old);

    MC_CHECK(status == 1 || status == EC_STATUS_STALE_REFERENCE, "P3: last or refused");
    if (status < 0) {
        w.refused++;
    }
}
static void one_refused(void)
{
    MC_CHECK(w.refused == 1, "P3: exactly one of two releases is refused");
    stale_counted();
}

/* ---- generations end ---- */

static void last_generation(void)
{
    pool_make(&w.p, 1, false);
    w.p.pool.id = 0;                                      /* the reference of slot 0 is its generation alone */
    EC_STORE(&w.p.pool.state[0], UINT64_C(0xFFFFFFFF) << 32, relaxed);
}
static void live_on(void)
{
    for (uint32_t i = 0; i < 2; i++) {
        const ec_ref ref = pool_take(&w.p, 1);

        MC_CHECK(ref != EC_REF_NONE, "a free slot is found in every life");
        release(ref, 1);
    }
}

#ifdef MC_DEEP
static void three_slots(void) { pool_make(&w.p, 3, false); }
static void two_out_1(void)   { two_out(1); }
#endif

const mc_scenario mc_scenarios[] = {
    {"pool_one_slot", one_slot, {cycle_1, cycle_2}, all_back, NULL, false},
    {"pool_reuse", two_slots, {cycle_1, two_out_2}, all_back, NULL, false},
    {"pool_three_threads", two_slots, {once_1, once_2, once_3}, all_back, NULL, false},
    {"pool_in_place", share_one, {writer_in_place, reader, once_3}, all_back, NULL, false},
    {"pool_fan_out", share_one, {writer_in_place, fan_out_reader}, all_back, NULL, false},
    {"pool_shared", share_one, {both_read_then_next_life, reader, once_3}, all_back, NULL, false},
    {"pool_stale", lived_once, {cycle_1, abuse_old}, stale_counted, NULL, false},
    {"pool_released_twice", released_twice, {release_once, release_once, once_3}, one_refused, NULL, false},
    {"pool_generations_end", last_generation, {live_on}, all_back, NULL, false},
#ifdef MC_DEEP
    {"pool_deep_one_slot", one_slot, {cycle_1, cycle_2, once_3}, all_back, NULL, false},
    {"pool_deep_reuse", three_slots, {two_out_1, two_out_2}, all_back, NULL, false},
    {"pool_deep_stale", lived_once, {cycle_1, abuse_old, once_3}, stale_counted, NULL, false},
#endif
    {NULL, NULL, {NULL}, NULL, NULL, false},
};

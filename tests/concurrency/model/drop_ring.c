/* The drop-oldest ring: evictions race pops. Every reference has exactly one
 * taker (D2), both sides take in order, D1 at the end, and D4 as ownership: a
 * word is rewritten only with happens-before to the read that took it. A read
 * whose compare-and-swap failed took nothing and may race (mc_own_checked). */
#include "mc.h"

#include "../../../csrc/ring/ec_drop_ring.h"

enum { MESSAGES_MAX = 7 };

static struct {
    ec_drop_ring ring;
    uint64_t slots[4];
    uint64_t payload[MESSAGES_MAX];
    uint64_t taken, sent;                 /* bit i: reference i + 1 has a taker */
    uint64_t last_popped, last_evicted;
} w;
void *const mc_world = &w;
const size_t mc_world_bytes = sizeof w;

static void make(uint32_t capacity, uint32_t start)
{
    MC_CHECK(ec_drop_ring_init(&w.ring, w.slots, capacity, start), "D3: a power of two is a capacity");
    for (uint32_t i = 0; i < capacity; i++) {
        EC_STORE(&w.slots[i], 0, relaxed);
        mc_own_checked(&w.slots[i]);
    }
}

static void took(uint64_t ref, uint64_t *last)
{
    MC_CHECK(ref >= 1 && ref <= MESSAGES_MAX, "A: a published reference");
    MC_CHECK(!(w.taken >> (ref - 1) & 1), "D2: one taker");
    MC_CHECK(ref > *last, "oldest first");
    MC_CHECK(mc_read(&w.payload[ref - 1]) == 99 + ref, "A: the payload came before its reference");
    w.taken |= UINT64_C(1) << (ref - 1);
    *last = ref;
}

static void produce(uint32_t messages)
{
    for (uint32_t i = 0; i < messages; i++) {
        uint64_t evicted = 0;

        mc_step(i);
        mc_write(&w.payload[i], 100 + i);
        if (ec_drop_ring_push(&w.ring, i + 1, &evicted)) {
            MC_CHECK(evicted + w.ring.capacity == i + 1, "only a full ring gives up its oldest");
            took(evicted, &w.last_evicted);
        }
        w.sent++;
    }
}

static void consume(uint32_t tries)
{
    for (uint32_t i = 0; i < tries; i++) {
        uint64_t ref = 0;

        mc_step(i);
        if (ec_drop_ring_pop(&w.ring, &ref)) {
            mc_took();
            took(ref, &w.last_popped);
        }
    }
}

static void drain(void)
{
    uint64_t ref;
    uint32_t left = 0;

    MC_CHECK(ec_drop_ring_count(&w.ring) <= w.ring.capacity, "D1");
    while (ec_drop_ring_pop(&w.ring, &ref)) {
        took(ref, &w.last_popped);
        MC_CHECK(++left <= w.ring.capacity, "D1");
    }
    MC_CHECK(w.taken == (UINT64_C(1) << w.sent) - 1, "D2: every reference has a taker");
}

static void capacity_1(void) { make(1, UINT32_MAX - 1); }
static void capacity_2(void) { make(2, UINT32_MAX - 1); }
static void send_4(void)     { produce(4); }
static void send_5(void)     { produce(5); }
static void receive_3(void)  { consume(3); }
static void receive_4(void)  { consume(4); }

#ifdef MC_DEEP
static void capacity_4(void) { make(4, UINT32_MAX - 1); }
static void send_6(void)     { produce(6); }
static void send_7(void)     { produce(7); }
static void receive_5(void)  { consume(5); }
#endif

/* A third thread may ask for the depth at any time: an estimate, but bounded. */
static void watch(void)
{
    for (uint32_t i = 0; i < 2; i++) {
        mc_step(i);
        MC_CHECK(ec_drop_ring_count(&w.ring) <= w.ring.capacity, "D1: the estimate is bounded");
    }
}

const mc_scenario mc_scenarios[] = {
    {"drop_capacity_1", capacity_1, {send_4, receive_3}, drain, NULL, false},
    {"drop_capacity_2", capacity_2, {send_5, receive_4}, drain, NULL, false},
    {"drop_watched", capacity_1, {send_4, receive_3, watch}, drain, NULL, false},
#ifdef MC_DEEP
    {"drop_deep_capacity_1", capacity_1, {send_6, receive_5}, drain, NULL, false},
    {"drop_deep_capacity_2", capacity_2, {send_7, receive_5}, drain, NULL, false},
    {"drop_deep_capacity_4", capacity_4, {send_7, receive_5}, drain, NULL, false},
#endif
    {NULL, NULL, {NULL}, NULL, NULL, false},
};

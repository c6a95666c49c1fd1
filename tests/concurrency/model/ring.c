/* The single-producer single-consumer ring: order, nothing lost, nothing twice
 * (R1, R3, R4), and R2 as ownership: a slot word is accessed only with
 * happens-before to its last access by the other side. Without pair B the
 * words would still be right in RC11, but not on a machine that delays loads. */
#include "mc.h"

#include "../../../csrc/ring/ec_ring.h"

#define START (UINT32_MAX - 1)            /* wraps after two */
enum { MESSAGES_MAX = 8 };

static struct {
    ec_ring  ring;
    uint64_t slots[4];
    uint64_t payload[MESSAGES_MAX];
    uint64_t pushed, got[MESSAGES_MAX], n_got;
} w;
void *const mc_world = &w;
const size_t mc_world_bytes = sizeof w;

static void make(uint32_t capacity)
{
    MC_CHECK(ec_ring_init(&w.ring, w.slots, capacity, START), "R4: a power of two is a capacity");
    for (uint32_t i = 0; i < capacity; i++) {
        EC_STORE(&w.slots[i], 0, relaxed);
        mc_own(&w.slots[i]);
    }
}

static void produce(uint32_t messages, uint32_t tries)
{
    uint32_t sent = 0;

    for (uint32_t i = 0; i < tries && sent < messages; i++) {
        mc_step(i << 8 | sent);
        mc_write(&w.payload[sent], 100 + sent);
        if (ec_ring_push(&w.ring, sent + 1)) {
            sent++;
        } else {
            MC_CHECK(START + sent - w.ring.tail_seen == w.ring.capacity, "R4: refused only when every slot is in use");
        }
    }
    w.pushed = sent;
}

static void take(uint64_t ref)
{
    MC_CHECK(ref == w.n_got + 1, "R2: references arrive once, whole and in order");
    MC_CHECK(mc_read(&w.payload[ref - 1]) == 99 + ref, "A: the payload came before its reference");
    w.got[w.n_got++] = ref;
}

static void consume(uint32_t tries)
{
    for (uint32_t i = 0; i < tries; i++) {
        uint64_t ref = 0;

        mc_step(i << 8 | (uint32_t)w.n_got);
        if (ec_ring_pop(&w.ring, &ref)) {
            take(ref);
        } else {
            MC_CHECK(ref == 0, "an empty ring leaves *slot alone");
        }
    }
}

static void drain(void)
{
    uint64_t ref;

    MC_CHECK(ec_ring_count(&w.ring) == w.pushed - w.n_got, "R1: count is what was pushed and not popped");
    for (uint64_t left = w.pushed - w.n_got; left > 0; left--) {
        MC_CHECK(ec_ring_pop(&w.ring, &ref), "nothing is lost");
        take(ref);
    }
    MC_CHECK(!ec_ring_pop(&w.ring, &ref), "nothing is left over");
}

/* R4: with as many messages as slots a push never meets a full ring. */
static void drain_all_pushed(void)
{
    MC_CHECK(w.pushed == 2, "R4: every slot is usable");
    drain();
}

static void capacity_1(void) { make(1); }
static void capacity_2(void) { make(2); }
static void send_2(void)     { produce(2, 2); }
static void send_3(void)     { produce(3, 5); }
static void send_4(void)     { produce(4, 6); }
static void receive_3(void)  { consume(3); }
static void receive_5(void)  { consume(5); }

#ifdef MC_DEEP
static void capacity_4(void) { make(4); }
static void send_7(void)     { produce(7, 12); }
static void send_8(void)     { produce(8, 12); }
static void receive_9(void)  { consume(9); }
#endif

const mc_scenario mc_scenarios[] = {
    {"ring_capacity_1", capacity_1, {send_3, receive_5}, drain, NULL, false},
    {"ring_capacity_2", capacity_2, {send_4, receive_5}, drain, NULL, false},
    {"ring_fits", capacity_2, {send_2, receive_3}, drain_all_pushed, NULL, false},
#ifdef MC_DEEP
    {"ring_deep_capacity_1", capacity_1, {send_7, receive_9}, drain, NULL, true},
    {"ring_deep_capacity_2", capacity_2, {send_8, receive_9}, drain, NULL, true},
    {"ring_deep_capacity_4", capacity_4, {send_8, receive_9}, drain, NULL, true},
#endif
    {NULL, NULL, {NULL}, NULL, NULL, false},
};

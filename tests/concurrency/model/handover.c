/* The way of a packet: pool -> write -> ring -> read -> back to the pool, with
 * fewer slots than packets, so that each payload is written again. Over the
 * plain ring a full edge gives its packet back; over the drop ring the oldest. */
#include "pool_world.h"

#include "../../../csrc/ring/ec_drop_ring.h"
#include "../../../csrc/ring/ec_ring.h"

static struct {
    pool_world   p;
    ec_ring      ring;
    ec_drop_ring drop;
    uint64_t     slots[2];
    uint64_t     sent, evicted, got, last;
} w;
void *const mc_world = &w;
const size_t mc_world_bytes = sizeof w;

void ec_doorbell_alarm(ec_doorbell *d) { (void)d; mc_fail("nobody waits here"); }
void ec_doorbell_sleep(ec_doorbell *d, uint32_t seen, int64_t deadline_ns) { (void)d; (void)seen; (void)deadline_ns; }

static void make(uint32_t pool_slots)
{
    pool_make(&w.p, pool_slots, false);
    ec_ring_init(&w.ring, w.slots, 1, UINT32_MAX);
    ec_drop_ring_init(&w.drop, w.slots, 1, UINT32_MAX);
    EC_STORE(&w.slots[0], 0, relaxed);
    mc_own_checked(&w.slots[0]);
}

static void give_back(ec_ref ref)
{
    pool_let_go(&w.p, ref);
    MC_CHECK(ec_pool_release(&w.p.pool, ref) == 1, "the holder is alone");
}

static void send(uint32_t packets, bool dropping)
{
    for (uint32_t i = 0; i < packets; i++) {
        ec_ref ref, evicted = EC_REF_NONE;

        mc_step(i);
        ref = pool_take(&w.p, i + 1);
        if (ref == EC_REF_NONE) {
            continue;
        }
        if (dropping) {
            w.sent++;
            if (ec_drop_ring_push(&w.drop, ref, &evicted)) {
                w.evicted++;
                give_back(evicted);
            }
        } else if (ec_ring_push(&w.ring, ref)) {
            w.sent++;
        } else {
            give_back(ref);
        }
    }
}

static void take(ec_ref ref)
{
    const uint64_t packet = mc_read(&w.p.payload[ec_ref_slot(ref)]) >> 32;

    MC_CHECK(packet > w.last, "packets arrive in order and once");
    w.last = packet;
    w.got++;
    give_back(ref);
}

static bool pop(bool dropping)
{
    ec_ref ref = EC_REF_NONE;

    if (!(dropping ? ec_drop_ring_pop(&w.drop, &ref) : ec_ring_pop(&w.ring, &ref))) {
        return false;
    }
    mc_took();
    take(ref);
    return true;
}

static void receive(uint32_t tries, bool dropping)
{
    for (uint32_t i = 0; i < tries; i++) {
        mc_step(i);
        (void)pop(dropping);
    }
}

static void finish(bool dropping)
{
    while (pop(dropping)) {
    }
    MC_CHECK(w.sent == w.got + w.evicted, "in = out + dropped");
    pool_check(&w.p, 0);
}

static void two_slots(void)      { make(2); }
static void send_3(void)         { send(3, false); }
static void receive_2(void)      { receive(2, false); }
static void finish_ring(void)    { finish(false); }
static void drop_send_3(void)    { send(3, true); }
static void drop_receive_2(void) { receive(2, true); }
static void finish_drop(void)    { finish(true); }

#ifdef MC_DEEP
static void send_5(void)         { send(5, false); }
static void receive_4(void)      { receive(4, false); }
static void drop_send_5(void)    { send(5, true); }
static void drop_receive_4(void) { receive(4, true); }
#endif

const mc_scenario mc_scenarios[] = {
    {"handover_ring", two_slots, {send_3, receive_2}, finish_ring, NULL, false},
    {"handover_drop", two_slots, {drop_send_3, drop_receive_2}, finish_drop, NULL, false},
#ifdef MC_DEEP
    {"handover_deep_ring", two_slots, {send_5, receive_4}, finish_ring, NULL, false},
    {"handover_deep_drop", two_slots, {drop_send_5, drop_receive_4}, finish_drop, NULL, false},
#endif
    {NULL, NULL, {NULL}, NULL, NULL, false},
};

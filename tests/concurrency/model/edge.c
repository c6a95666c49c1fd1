/* A whole edge: the production ec_edge.c over pool, ring and doorbell. The
 * consumer sees every packet that was pushed before the end (E), a closed edge
 * takes nothing more (F), a blocked producer is woken, and whatever happens
 * in = out + dropped + in flight, with every slot back in the pool. */
#include "pool_world.h"

/* What ec_edge.c finds in the system, without one. */
#define EC_CLOCK_H
static int64_t ec_now_ns(void) { return 0; }
int32_t ec_doorbell_init(ec_doorbell *d, bool with_eventfd);
void ec_doorbell_destroy(ec_doorbell *d);

#undef _GNU_SOURCE
#include "../../../csrc/ring/ec_edge.c"

static struct {
    pool_world p;
    ec_pool   *pools[2];
    uint32_t   abort;
    ec_edge    edge;
    uint64_t   slots[2];
    _Alignas(128) unsigned char slab[3][512];
    uint64_t   got, last, told_closed;
} w;
void *const mc_world = &w;
const size_t mc_world_bytes = sizeof w;

void ec_doorbell_alarm(ec_doorbell *d) { mc_alarm(&d->rung); }
void ec_doorbell_sleep(ec_doorbell *d, uint32_t seen, int64_t deadline_ns)
{
    (void)deadline_ns;                                    /* no wake-up may depend on the clock */
    mc_futex_wait(&d->rung, seen);
}
int32_t ec_doorbell_init(ec_doorbell *d, bool with_eventfd)
{
    (void)with_eventfd;
    EC_STORE(&d->rung, 0, relaxed);
    EC_STORE(&d->waiting, 0, relaxed);
    d->event_fd = -1;
    return EC_STATUS_OK;
}
void ec_doorbell_destroy(ec_doorbell *d) { (void)d; }

/* As ec_edge_create, in the world instead of on the heap. */
static void make(uint32_t policy, uint32_t capacity)
{
    ec_edge *e = &w.edge;

    pool_make(&w.p, 3, false);
    w.p.pool.slab = w.slab[0];
    w.p.pool.stride = sizeof w.slab[0];
    w.pools[1] = &w.p.pool;
    EC_STORE(&w.abort, 0, relaxed);
    mc_constant(&w.abort);
    e->policy = policy;
    e->capacity = capacity;
    e->pools = w.pools;
    e->abort = &w.abort;
    e->bell = &e->own_bell;
    e->slots = w.slots;
    ec_ring_init(&e->ring, w.slots, capacity, UINT32_MAX);
    ec_drop_ring_init(&e->drop, w.slots, capacity, UINT32_MAX);
    for (uint32_t i = 0; i < capacity; i++) {
        EC_STORE(&w.slots[i], 0, relaxed);
        (policy == EC_POLICY_DROP_OLDEST ? mc_own_checked : mc_own)(&w.slots[i]);
    }
    ec_doorbell_init(&e->own_bell, false);
    ec_doorbell_init(&e->space, false);
    EC_STORE(&e->ended, 0, relaxed);
    EC_STORE(&e->closed, 0, relaxed);
    ec_counter *const private[] = {
        &e->in_packets, &e->in_frames, &e->dropped_packets[0], &e->dropped_frames[0], &e->dropped_packets[1],
        &e->dropped_frames[1], &e->dropped_packets[2], &e->dropped_frames[2], &e->high_water, &e->waited_ns,
        &e->out_packets, &e->out_frames};
    for (uint32_t i = 0; i < sizeof private / sizeof private[0]; i++) {
        EC_STORE(&private[i]->value, 0, relaxed);
        mc_private(&private[i]->value);
    }
}

/* Packets 1, 2... of 2 frames each; then the end. */
static void produce(uint32_t packets)
{
    for (uint32_t i = 0; i < packets; i++) {
        ec_ref ref;
        int32_t status;

        mc_step(i);
        ref = pool_take(&w.p, i + 1);
        MC_CHECK(ref != EC_REF_NONE, "the pool is large enough");
        ec_pool_packet(&w.p.pool, ec_ref_slot(ref))->device_frames = 2;
        pool_let_go(&w.p, ref);                           /* whoever releases it: see the free list */
        status = ec_edge_push(&w.edge, ref, 2);
        w.told_closed += status == EC_STATUS_CLOSED;
        MC_CHECK(status == EC_STATUS_OK || status == EC_STATUS_CLOSED
                 || (status == EC_STATUS_EDGE_FULL && w.edge.policy == EC_POLICY_FAIL), "a status of the policy");
    }
    mc_step(packets);
    ec_edge_end(&w.edge);
}

static void take(ec_ref ref)
{
    const uint64_t packet = mc_read(&w.p.payload[ec_ref_slot(ref)]) >> 32;

    mc_took();
    MC_CHECK(packet > w.last, "packets arrive in order and once");
    w.last = packet;
    w.got++;
    MC_CHECK(ec_pool_release(&w.p.pool, ref) == 1, "the holder is alone");
}

/* Until the end, which is asked before the pop that finds nothing; or close after `limit`. */
static void consume(uint32_t limit)
{
    for (;;) {
        uint32_t seen;
        bool over;
        ec_ref ref;

        mc_step((uint32_t)w.got);
        seen = ec_doorbell_look(w.edge.bell);
        over = ec_edge_has_ended(&w.edge);
        ref = ec_edge_pop(&w.edge);
        if (ref != EC_REF_NONE) {
            take(ref);
            if (w.got == limit) {
                mc_step(100);
                ec_edge_close(&w.edge);
                return;
            }
        } else if (over) {
            return;
        } else {
            ec_doorbell_wait(w.edge.bell, seen, -1);
        }
    }
}

static void balance(bool closed)
{
    ec_edge *e = &w.edge;
    uint64_t dropped = 0, frames = 0;

    MC_CHECK(closed || ec_edge_depth(e) == 0, "E: nothing is left behind the end");
    ec_edge_sweep(e, EC_DROP_STOPPED);
    for (uint32_t i = 0; i < EC_DROP_REASONS; i++) {
        dropped += ec_counter_get(&e->dropped_packets[i]);
        frames += ec_counter_get(&e->dropped_frames[i]);
    }
    MC_CHECK(ec_counter_get(&e->in_packets) == w.got + dropped, "in = out + dropped, packets");
    MC_CHECK(ec_counter_get(&e->in_frames) == ec_counter_get(&e->out_frames) + frames, "in = out + dropped, frames");
    MC_CHECK(ec_counter_get(&e->out_packets) == w.got, "the consumer's counter");
    MC_CHECK(ec_counter_get(&e->dropped_packets[EC_DROP_CLOSED]) == w.told_closed, "F: closed is told and counted");
    MC_CHECK(e->policy != EC_POLICY_BLOCK || closed || dropped == 0, "a block edge loses nothing");
    pool_check(&w.p, 0);
}

/* F by itself: who sees the edge closed sees what its closer did before. */
static uint64_t *const farewell = &w.told_closed;
static void close_edge(void)
{
    mc_write(farewell, 7);
    ec_edge_close(&w.edge);
}
static void see_closed(void)
{
    if (ec_edge_is_closed(&w.edge)) {
        MC_CHECK(mc_read(farewell) == 7, "F: what came before the close is seen");
    }
}
static void nothing(void) {}

static void fail_1(void)    { make(EC_POLICY_FAIL, 1); }
static void drop_1(void)    { make(EC_POLICY_DROP_OLDEST, 1); }
static void block_1(void)   { make(EC_POLICY_BLOCK, 1); }
static void send_2(void)    { produce(2); }
static void send_3(void)    { produce(3); }
static void to_the_end(void) { consume(UINT32_MAX); }
static void only_one(void)  { consume(1); }
static void all_out(void)   { balance(false); }
static void cut_off(void)   { balance(true); }

const mc_scenario mc_scenarios[] = {
    {"edge_closed", fail_1, {close_edge, see_closed}, nothing, NULL, false},
    {"edge_fail", fail_1, {send_2, to_the_end}, all_out, NULL, false},
    {"edge_drop_closed", drop_1, {send_2, only_one}, cut_off, NULL, false},
    {"edge_block_closed", block_1, {send_3, only_one}, cut_off, NULL, false},
#ifdef MC_DEEP
    {"edge_deep_drop", drop_1, {send_2, to_the_end}, all_out, NULL, false},
    {"edge_deep_block", block_1, {send_2, to_the_end}, all_out, NULL, false},
    {"edge_deep_fail", fail_1, {send_3, to_the_end}, all_out, NULL, false},
#endif
    {NULL, NULL, {NULL}, NULL, NULL, false},
};

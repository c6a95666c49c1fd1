/* The queue of records: two producers, one consumer. Records arrive once and
 * whole (M1: the copy is plain data, so a torn one is a race), in each
 * producer's order (M2), and at most capacity wait (M3). */
#include "mc.h"

#include "../../../csrc/ring/ec_mpsc.h"

static struct {
    ec_mpsc      queue;
    ec_mpsc_cell cells[2];
    uint64_t     said[2];                 /* bit k: producer's record k was accepted */
    uint64_t     heard[2];
    uint64_t     n_refused;
} w;
void *const mc_world = &w;
const size_t mc_world_bytes = sizeof w;

/* With capacity 2 and an even start, ticket + 1 is odd exactly in the first cell. */
static bool push_to_0(uint64_t seq) { return (seq & 1) == 1; }
static bool push_to_1(uint64_t seq) { return (seq & 1) == 0; }

static void make(void)
{
    MC_CHECK(!ec_mpsc_init(&w.queue, w.cells, 1, 0), "M3: capacity 1 cannot tell full from empty");
    MC_CHECK(ec_mpsc_init(&w.queue, w.cells, 2, UINT32_MAX - 1), "M3: a power of two is a capacity");
    mc_guard(&w.cells[0].seq, &w.cells[0].record, push_to_0);
    mc_guard(&w.cells[1].seq, &w.cells[1].record, push_to_1);
    mc_await(&w.queue.head);
    mc_counter(&w.queue.refused);
}

static void say(uint32_t producer, uint32_t records)
{
    for (uint32_t k = 0; k < records; k++) {
        ec_record record;

        for (uint32_t i = 0; i < EC_RECORD_WORDS; i++) {
            record.words[i] = producer << 8 | k;
        }
        mc_step(k);
        if (ec_mpsc_push(&w.queue, &record)) {
            w.said[producer] |= UINT64_C(1) << k;
        } else {
            w.n_refused++;
        }
    }
}

static void hear(const ec_record *record)
{
    const uint64_t producer = record->words[0] >> 8, k = record->words[0] & 0xFF;

    for (uint32_t i = 1; i < EC_RECORD_WORDS; i++) {
        MC_CHECK(record->words[i] == record->words[0], "M1: whole");
    }
    MC_CHECK(producer < 2 && w.heard[producer] < UINT64_C(1) << k, "M1, M2: once and in order");
    w.heard[producer] |= UINT64_C(1) << k;
}

static void listen(uint32_t tries)
{
    for (uint32_t i = 0; i < tries; i++) {
        ec_record record = {{UINT64_MAX}};

        mc_step(i);
        if (ec_mpsc_pop(&w.queue, &record)) {
            hear(&record);
        }
    }
}

static void drain(void)
{
    ec_record record;
    uint32_t left = 0;

    while (ec_mpsc_pop(&w.queue, &record)) {
        hear(&record);
        MC_CHECK(++left <= 2, "M3");
    }
    MC_CHECK(w.heard[0] == w.said[0] && w.heard[1] == w.said[1], "M1: what was accepted arrives");
    MC_CHECK(EC_LOAD(&w.queue.refused, relaxed) == w.n_refused, "a refusal is counted");
}

/* M3: two records into two cells are never refused. */
static void drain_unrefused(void)
{
    MC_CHECK(w.n_refused == 0, "M3: every cell is usable");
    drain();
}

static void say_0(void)    { say(0, 2); }
static void say_1(void)    { say(1, 1); }
static void say_1_2(void)  { say(1, 2); }
static void say_0_1(void)  { say(0, 1); }
static void listen_2(void) { listen(2); }
static void listen_3(void) { listen(3); }

const mc_scenario mc_scenarios[] = {
    {"mpsc_fits", make, {say_0_1, say_1, listen_2}, drain_unrefused, NULL},
    {"mpsc_two_producers", make, {say_0, say_1, listen_3}, drain, NULL},
    {"mpsc_full", make, {say_0, say_1_2, listen_2}, drain, NULL},
    {NULL, NULL, {NULL}, NULL, NULL},
};

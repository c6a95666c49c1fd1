/* The queue of records: two producers, one consumer. Records arrive once and
 * whole (M1: the copy is plain data, so a torn one is a race), in each
 * producer's order (M2), and at most capacity wait (M3). */
#include "mc.h"

#include "../../../csrc/ring/ec_mpsc.h"

static struct {
    ec_mpsc      queue;
    ec_mpsc_cell cells[2];
    uint64_t     said[3];                 /* bit k: producer's record k was accepted */
    uint64_t     heard[3];
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
    MC_CHECK(producer < 3 && w.heard[producer] < UINT64_C(1) << k, "M1, M2: once and in order");
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
    MC_CHECK(w.heard[0] == w.said[0] && w.heard[1] == w.said[1] && w.heard[2] == w.said[2],
             "M1: what was accepted arrives");
    MC_CHECK(EC_LOAD(&w.queue.refused, relaxed) == w.n_refused, "a refusal is counted");
}

/* M3: two records into two cells are never refused. */
static void drain_unrefused(void)
{
    MC_CHECK(w.n_refused == 0, "M3: every cell is usable");
    drain();
}

/* One thread, several rounds: what a full and an empty queue answer, exactly. */
static void alternate(void)
{
    ec_record record = {{0}};

    for (uint64_t k = 0; k < 6; k++) {
        const bool room = k % 3 != 2;                     /* push, push, refused; then pop both */

        mc_step((uint32_t)k);
        record.words[0] = k;
        MC_CHECK(ec_mpsc_push(&w.queue, &record) == room, "M3: exactly capacity records wait");
        if (!room) {
            w.n_refused++;
            for (uint64_t i = k - 2; i < k; i++) {
                MC_CHECK(ec_mpsc_pop(&w.queue, &record) && record.words[0] == i, "M1, M2: in order");
            }
            MC_CHECK(!ec_mpsc_pop(&w.queue, &record), "nothing is left");
        }
    }
}

static void say_0(void)    { say(0, 2); }
static void say_1(void)    { say(1, 1); }
static void say_1_2(void)  { say(1, 2); }
static void say_0_1(void)  { say(0, 1); }
static void listen_2(void) { listen(2); }
static void listen_3(void) { listen(3); }

#ifdef MC_DEEP
static void say_0_3(void)    { say(0, 3); }
static void say_2(void) { say(2, 1); }
static void listen_4(void)   { listen(4); }
#endif

const mc_scenario mc_scenarios[] = {
    {"mpsc_alone", make, {alternate}, drain, NULL, true},
    {"mpsc_fits", make, {say_0_1, say_1, listen_2}, drain_unrefused, NULL, true},
    {"mpsc_two_producers", make, {say_0, say_1, listen_3}, drain, NULL, true},
    {"mpsc_full", make, {say_0, say_1_2, listen_2}, drain, NULL, true},
#ifdef MC_DEEP
    {"mpsc_deep", make, {say_0_3, say_1_2, listen_4}, drain, NULL, true},
    {"mpsc_deep_three", make, {say_0, say_1, say_2, listen_3}, drain, NULL, false},
#endif
    {NULL, NULL, {NULL}, NULL, NULL, false},
};

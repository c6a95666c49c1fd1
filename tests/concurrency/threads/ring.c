/* Messages through the single-producer single-consumer ring, for several
 * capacities, across the wrap of the indices. Each reference stands for a
 * payload that the producer wrote just before: plain memory, so that a missing
 * order is a report. The consumer checks number, order and content. */
#include "../../../csrc/ring/ec_ring.h"
#include "threads.h"

enum { PAYLOADS = 4096 };                 /* more than twice the largest capacity */

static ec_ring ring;
static EC_ATOMIC(uint64_t) slots[1024];
static uint64_t payload[PAYLOADS];
static uint64_t returned;                 /* how far the consumer has read, for the reuse of payloads */
static ec_ring back;                      /* payload numbers on their way back */
static EC_ATOMIC(uint64_t) back_slots[PAYLOADS];

static void *produce(void *unused)
{
    uint64_t random = seed;

    (void)unused;
    for (uint64_t i = 0; i < n_messages; i++) {
        uint64_t place;

        while (!ec_ring_pop(&back, &place)) {
            sched_yield();
        }
        payload[place] = scramble(i);
        while (!ec_ring_push(&ring, place)) {
            sched_yield();
        }
        stumble(&random);
    }
    return NULL;
}

static void *consume(void *unused)
{
    uint64_t random = seed + 1;

    (void)unused;
    for (uint64_t i = 0; i < n_messages; i++) {
        uint64_t place;

        while (!ec_ring_pop(&ring, &place)) {
            sched_yield();
        }
        CHECK(place < PAYLOADS, "reference %" PRIu64, place);
        CHECK(payload[place] == scramble(i), "message %" PRIu64 " is lost, torn, doubled or out of order", i);
        payload[place] = 0;
        CHECK(ec_ring_push(&back, place), "the way back is long enough");
        stumble(&random);
        returned++;
    }
    return NULL;
}

int main(int argc, char **argv)
{
    static const uint32_t capacities[] = {1024, 8, 2, 1}, share[] = {58, 4, 1, 1};    /* of 64: small ones wait much */
    uint64_t all = 0, wanted;

    read_arguments(argc, argv);
    wanted = n_messages;
    for (uint32_t c = 0; c < sizeof capacities / sizeof capacities[0]; c++) {
        pthread_t producer, consumer;

        n_messages = wanted / 64 * share[c];
        CHECK(ec_ring_init(&ring, slots, capacities[c], UINT32_MAX - 2), "R4");
        CHECK(ec_ring_init(&back, back_slots, PAYLOADS, UINT32_MAX - 2), "R4");
        for (uint64_t place = 0; place < PAYLOADS; place++) {
            CHECK(ec_ring_push(&back, place), "R4");
        }
        returned = 0;
        producer = start_thread(produce, NULL);
        consumer = start_thread(consume, NULL);
        join_thread(producer);
        join_thread(consumer);
        CHECK(returned == n_messages && ec_ring_count(&ring) == 0, "R1");
        all += returned;
    }
    printf("ring: %" PRIu64 " messages, 0 lost, 0 torn, 0 doubled\n", all);
    return 0;
}

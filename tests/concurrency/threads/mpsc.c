/* Records of four producers through one queue, across the wrap of the tickets:
 * whole, once, in each producer's order; every refusal counted. A producer
 * says a refused record again, so that nothing may be missing. */
#include "../../../csrc/ring/ec_mpsc.h"
#include "threads.h"

enum { PRODUCERS = 4 };

static ec_mpsc queue;
static ec_mpsc_cell cells[64];
static uint64_t refused[PRODUCERS];

static void *produce(void *argument)
{
    const uint64_t me = (uint64_t)(uintptr_t)argument;
    uint64_t random = seed + me, refusals = 0;

    for (uint64_t i = 0; i < n_messages; i++) {
        ec_record record = {{me, i}};

        for (uint32_t k = 2; k < EC_RECORD_WORDS; k++) {
            record.words[k] = scramble(me << 56 ^ i << 3 ^ k);
        }
        while (!ec_mpsc_push(&queue, &record)) {
            refusals++;
            sched_yield();
        }
        stumble(&random);
    }
    refused[me] = refusals;
    return NULL;
}

static void consume(void)
{
    uint64_t next[PRODUCERS] = {0};

    for (uint64_t n = 0; n < PRODUCERS * n_messages;) {
        ec_record record;

        if (!ec_mpsc_pop(&queue, &record)) {
            sched_yield();
            continue;
        }
        CHECK(record.words[0] < PRODUCERS, "M1: producer %" PRIu64, record.words[0]);
        CHECK(record.words[1] == next[record.words[0]]++, "M2: record %" PRIu64 " of producer %" PRIu64,
              record.words[1], record.words[0]);
        for (uint32_t k = 2; k < EC_RECORD_WORDS; k++) {
            CHECK(record.words[k] == scramble(record.words[0] << 56 ^ record.words[1] << 3 ^ k), "M1: torn");
        }
        n++;
    }
}

int main(int argc, char **argv)
{
    static const uint32_t capacities[] = {64, 2}, share[] = {15, 1};      /* sixteenths: the small one waits much */
    uint64_t all = 0, wanted;

    read_arguments(argc, argv);
    wanted = n_messages;
    for (uint32_t c = 0; c < sizeof capacities / sizeof capacities[0]; c++) {
        pthread_t producers[PRODUCERS];
        uint64_t sum = 0;

        n_messages = wanted / 16 * share[c] / PRODUCERS;
        CHECK(ec_mpsc_init(&queue, cells, capacities[c], UINT32_MAX - 2), "M3");
        for (uintptr_t p = 0; p < PRODUCERS; p++) {
            producers[p] = start_thread(produce, (void *)p);
        }
        consume();
        for (uint32_t p = 0; p < PRODUCERS; p++) {
            join_thread(producers[p]);
            sum += refused[p];
        }
        CHECK((uint32_t)sum == EC_LOAD(&queue.refused, relaxed), "refusals are counted");
        all += PRODUCERS * n_messages;
    }
    printf("mpsc: %" PRIu64 " records of %d producers, 0 lost, 0 torn, 0 doubled\n", all, PRODUCERS);
    return 0;
}

/* Messages through the drop-oldest ring, for small capacities, across the wrap
 * of the indices: evictions race pops all the time. Every message is taken
 * once, by one side, and each side takes in order. The payload belongs to the
 * taker, who overwrites it. */
#include "../../../csrc/ring/ec_drop_ring.h"
#include "../../../csrc/ring/ec_ring.h"
#include "threads.h"

enum { PAYLOADS = 64 };

static ec_drop_ring ring;
static EC_ATOMIC(uint64_t) slots[8];
static uint64_t payload[PAYLOADS];        /* message number, scrambled */
static ec_ring back;
static EC_ATOMIC(uint64_t) back_slots[PAYLOADS];
static EC_ATOMIC(uint32_t) ended;
static uint64_t popped, evicted_count, popped_sum, evicted_sum;

/* The reference carries its message number, the payload proves it. */
static uint64_t take(uint64_t ref)
{
    const uint64_t number = ref / PAYLOADS, place = ref % PAYLOADS;

    CHECK(payload[place] == scramble(number), "message %" PRIu64 " is torn or has two takers", number);
    payload[place] = 0;
    return number;
}

static void *produce(void *unused)
{
    uint64_t random = seed, last = 0, own[PAYLOADS], n_own = 0;

    (void)unused;
    for (uint64_t i = 1; i <= n_messages; i++) {
        uint64_t place, out;

        if (n_own > 0) {
            place = own[--n_own];
        } else {
            while (!ec_ring_pop(&back, &place)) {
                sched_yield();
            }
        }
        payload[place] = scramble(i);
        if (ec_drop_ring_push(&ring, i * PAYLOADS + place, &out)) {
            const uint64_t number = take(out);

            CHECK(number > last && number + ring.capacity == i, "D1: evicted %" PRIu64 " at %" PRIu64, number, i);
            last = number;
            own[n_own++] = out % PAYLOADS;
            evicted_count++;
            evicted_sum += number;
        }
        stumble(&random);
        if ((i & 15) == 0) {
            sched_yield();
        }
    }
    EC_STORE(&ended, 1, release);
    return NULL;
}

static void *consume(void *unused)
{
    uint64_t random = seed + 1, last = 0, ref;

    (void)unused;
    for (;;) {
        const bool over = EC_LOAD(&ended, acquire) != 0;

        if (!ec_drop_ring_pop(&ring, &ref)) {
            if (over) {
                return NULL;
            }
            sched_yield();
            continue;
        }
        {
            const uint64_t number = take(ref);

            CHECK(number > last, "%" PRIu64 " after %" PRIu64, number, last);
            last = number;
            popped++;
            popped_sum += number;
            CHECK(ec_ring_push(&back, ref % PAYLOADS), "the way back is long enough");
        }
        stumble(&random);
    }
}

static void *watch(void *unused)
{
    (void)unused;
    while (!EC_LOAD(&ended, acquire)) {
        CHECK(ec_drop_ring_count(&ring) <= ring.capacity, "D1");
        sched_yield();
    }
    return NULL;
}

int main(int argc, char **argv)
{
    static const uint32_t capacities[] = {1, 2, 4, 8};
    uint64_t all = 0, all_popped = 0;

    read_arguments(argc, argv);
    n_messages /= sizeof capacities / sizeof capacities[0];
    for (uint32_t c = 0; c < sizeof capacities / sizeof capacities[0]; c++) {
        pthread_t producer, consumer, watcher;

        CHECK(ec_drop_ring_init(&ring, slots, capacities[c], UINT32_MAX - 2), "D3");
        CHECK(ec_ring_init(&back, back_slots, PAYLOADS, 0), "R4");
        for (uint64_t place = 0; place < PAYLOADS; place++) {
            CHECK(ec_ring_push(&back, place), "R4");
        }
        EC_STORE(&ended, 0, relaxed);
        popped = popped_sum = evicted_count = evicted_sum = 0;
        producer = start_thread(produce, NULL);
        consumer = start_thread(consume, NULL);
        watcher = start_thread(watch, NULL);
        join_thread(producer);
        join_thread(consumer);
        join_thread(watcher);
        CHECK(popped + evicted_count == n_messages, "D2: %" PRIu64 " + %" PRIu64, popped, evicted_count);
        CHECK(popped_sum + evicted_sum == n_messages * (n_messages + 1) / 2, "D2: once each");
        all += n_messages;
        all_popped += popped;
    }
    printf("drop_ring: %" PRIu64 " messages, %" PRIu64 " popped, rest evicted, 0 lost, 0 torn, 0 doubled\n", all,
           all_popped);
    return 0;
}

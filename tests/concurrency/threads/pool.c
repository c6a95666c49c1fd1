/* Four threads take, share, write, wait for and give back the slots of one
 * small pool, which grows on the way, and try old references all the time.
 * Payloads are plain memory: two owners would be a race and a wrong sum. */
#include <string.h>

#include "../../../csrc/packet/ec_pool.h"
#include "threads.h"

enum { THREADS = 4, SLOTS = 3, WORDS = 16 };

static ec_pool pool;
static EC_ATOMIC(uint64_t) refused;
static EC_ATOMIC(uint64_t) lives;

static uint64_t *words_of(ec_ref ref)
{
    return ec_packet_payload(ec_pool_packet(&pool, ec_ref_slot(ref)));
}

static void write_words(ec_ref ref, uint64_t value)
{
    for (uint32_t i = 0; i < WORDS; i++) {
        words_of(ref)[i] = value + i;
    }
}

static void check_words(ec_ref ref, uint64_t value)
{
    for (uint32_t i = 0; i < WORDS; i++) {
        CHECK(words_of(ref)[i] == value + i, "P2: somebody else wrote slot %u", ec_ref_slot(ref));
    }
}

static void *live(void *argument)
{
    uint64_t random = seed * 100 + (uintptr_t)argument, stale = 0, n = 0;
    ec_ref old = EC_REF_NONE;

    while (n < n_messages / THREADS) {
        const uint64_t value = scramble(random);
        ec_ref ref = (value & 1) ? ec_pool_acquire(&pool, -1) : ec_pool_try_acquire(&pool);

        stumble(&random);
        if (ref == EC_REF_NONE) {
            sched_yield();
            continue;
        }
        n++;
        CHECK(ec_pool_is_sole(&pool, ref), "P2");
        write_words(ref, value);
        CHECK(ec_pool_retain(&pool, ref) == EC_STATUS_OK, "a holder may retain");
        CHECK(!ec_pool_is_sole(&pool, ref), "two holders");
        stumble(&random);
        check_words(ref, value);
        CHECK(ec_pool_release(&pool, ref) == EC_STATUS_OK, "one of two");
        if (old != EC_REF_NONE) {
            CHECK(ec_pool_release(&pool, old) == EC_STATUS_STALE_REFERENCE, "P3");
            CHECK(ec_pool_retain(&pool, old) == EC_STATUS_STALE_REFERENCE, "P3");
            stale += 2;
        }
        check_words(ref, value);
        CHECK(ec_pool_release(&pool, ref) == 1, "the last");
        old = ref;
    }
    EC_FETCH_ADD(&refused, stale, relaxed);
    EC_FETCH_ADD(&lives, n, relaxed);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[THREADS];
    bool locked;

    read_arguments(argc, argv);
    CHECK(ec_pool_create(&pool, 0, SLOTS, WORDS * 8, false, &locked) == 0, "a pool");
    for (uintptr_t t = 0; t < THREADS; t++) {
        threads[t] = start_thread(live, (void *)t);
    }
    while (EC_LOAD(&pool.stale, relaxed) < n_messages / 4) {
        sched_yield();
    }
    CHECK(ec_pool_grow(&pool) == EC_STATUS_OK, "grows once");
    CHECK(ec_pool_grow(&pool) == EC_STATUS_BAD_ARGUMENT, "and only once");
    for (uint32_t t = 0; t < THREADS; t++) {
        join_thread(threads[t]);
    }
    CHECK(ec_pool_free_count(&pool) == 2 * SLOTS, "P4");
    CHECK((uint32_t)EC_LOAD(&refused, relaxed) == EC_LOAD(&pool.stale, relaxed), "P3: each refusal is counted");
    CHECK(EC_LOAD(&pool.high_water, relaxed) <= 2 * SLOTS, "P2");
    printf("pool: %" PRIu64 " lives, %" PRIu64 " stale uses refused, 0 double owners\n",
           EC_LOAD(&lives, relaxed), EC_LOAD(&refused, relaxed));
    ec_pool_destroy(&pool);
    return 0;
}

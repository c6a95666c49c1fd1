/* threads.h - what the stress programs share: threads, checks, sizes.
 *
 * Every program takes the number of messages and a seed, runs real threads on
 * the production sources, and ends with 0 and one line, or with 1 and a reason.
 * Threads that find nothing to do yield: the machine may have one core.
 */
#ifndef THREADS_H
#define THREADS_H

#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition, ...)                                                       \
    do {                                                                            \
        if (!(condition)) {                                                         \
            fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, #condition);         \
            fprintf(stderr, __VA_ARGS__);                                           \
            fprintf(stderr, "\n");                                                  \
            exit(1);                                                                \
        }                                                                           \
    } while (0)

static uint64_t n_messages = 100000, seed = 1;

static inline void read_arguments(int argc, char **argv)
{
    n_messages = argc > 1 ? strtoull(argv[1], NULL, 10) : n_messages;
    seed = argc > 2 ? strtoull(argv[2], NULL, 10) : seed;
}

/* splitmix64: a number that depends on every bit of x. */
static inline uint64_t scramble(uint64_t x)
{
    x += UINT64_C(0x9E3779B97F4A7C15);
    x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ x >> 27) * UINT64_C(0x94D049BB133111EB);
    return x ^ x >> 31;
}

/* Now and then let somebody else run, so that all interleavings come up. */
static inline void stumble(uint64_t *random)
{
    *random = scramble(*random);
    if ((*random & 1023) == 0) {
        sched_yield();
    }
}

static inline pthread_t start_thread(void *(*body)(void *), void *argument)
{
    pthread_t thread;

    CHECK(pthread_create(&thread, NULL, body, argument) == 0, "no thread");
    return thread;
}

static inline void join_thread(pthread_t thread)
{
    CHECK(pthread_join(thread, NULL) == 0, "no end");
}

#endif

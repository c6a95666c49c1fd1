/* ec_clock.h - CLOCK_MONOTONIC in nanoseconds, the only clock of the core. */
#ifndef EC_CLOCK_H
#define EC_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t ec_now_ns(void)     /* [any-thread, realtime: a vDSO read, no system call] */
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

#endif

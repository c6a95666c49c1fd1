/* ec_edge_clock.h - when the data-ready line falls: exact, and without memory.
 *
 * The period is a fraction: with the rate in millihertz and the drift in units
 * of 1e-12, edge k is at floor(k * (1e12 + drift) / rate_mhz) ns after the
 * start. It is computed from k in 64-bit integers, never accumulated, so edge
 * 1e12 is as exact as edge 1, and any edge can be asked for.
 *
 * Invariants (tests/emulator/test_emulator_clock.py)
 *   C1  stamps are strictly increasing in k: the jitter is one-sided (a kernel
 *       stamps late, never early) and shorter than the shortest period
 *   C2  ec_edge_count(t) is the number of edges with stamp <= t
 */
#ifndef EC_EDGE_CLOCK_H
#define EC_EDGE_CLOCK_H

#include <stdint.h>

#include "../base/ec_random.h"

typedef struct ec_edge_clock {
    int64_t  start_ns;
    uint64_t rate_mhz;                    /* nominal rate, millihertz; at most 1e9 */
    uint64_t whole_ns;                    /* period = whole_ns + part / rate_mhz */
    uint64_t part;
    double   per_ns;                      /* edges in a nanosecond, for a first guess */
    uint64_t jitter_ns;                   /* largest delay of a stamp; below whole_ns */
    uint64_t jitter_key;
} ec_edge_clock;

/* `drift` in 1e-12, positive: longer periods. [any-thread] */
static inline void ec_edge_clock_init(ec_edge_clock *c, uint64_t rate_mhz, int64_t drift,
                                      uint64_t jitter_ns, uint64_t jitter_key)
{
    const uint64_t numerator = (uint64_t)(INT64_C(1000000000000) + drift);
    c->start_ns = 0;
    c->rate_mhz = rate_mhz;
    c->whole_ns = numerator / rate_mhz;
    c->part = numerator % rate_mhz;
    c->per_ns = (double)rate_mhz / (double)numerator;
    c->jitter_ns = jitter_ns;
    c->jitter_key = jitter_key;
}

/* Undisturbed time of edge k, ns after the start. k = q * rate + r keeps every
 * product below 2^63 for 290 years. [any-thread, realtime] */
static inline uint64_t ec_edge_due(const ec_edge_clock *c, uint64_t k)
{
    const uint64_t q = k / c->rate_mhz;
    const uint64_t r = k % c->rate_mhz;
    return k * c->whole_ns + q * c->part + r * c->part / c->rate_mhz;
}

/* Stamp of edge k (k >= 1). [any-thread, realtime] */
static inline int64_t ec_edge_stamp(const ec_edge_clock *c, uint64_t k)
{
    uint64_t t = ec_edge_due(c, k);
    if (c->jitter_ns != 0) {
        t += ((ec_random(c->jitter_key, k) >> 32) * (c->jitter_ns + 1)) >> 32;
    }
    return c->start_ns + (int64_t)t;
}

/* Edges with stamp <= t_ns. [any-thread, realtime] */
static inline uint64_t ec_edge_count(const ec_edge_clock *c, int64_t t_ns)
{
    if (t_ns <= c->start_ns) {
        return 0;
    }
    const uint64_t elapsed = (uint64_t)(t_ns - c->start_ns);
    uint64_t k = (uint64_t)((double)(int64_t)elapsed * c->per_ns);
    while (k > 0 && ec_edge_due(c, k) > elapsed) {
        k--;
    }
    while (ec_edge_due(c, k + 1) <= elapsed) {
        k++;
    }
    if (k > 0 && ec_edge_stamp(c, k) > t_ns) {
        k--;                              /* C1: only the newest can still be on its way */
    }
    return k;
}

#endif
